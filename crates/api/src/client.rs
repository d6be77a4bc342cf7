//! Clients for programs that use the services: typed by the wire messages, patient, and bounded.
//!
//! In reading order:
//! - [`DataClient`] and [`AnalyticsClient`]: one method for each RPC, under its name, and streams over several calls;
//! - [`Credentials`]: what a client trusts and shows; [`Link`]: the connection, by TLS or in plaintext;
//! - `caller`: what goes with every call; [`Carried`]: what a call that is served hands on to those that it makes;
//! - `attempts`: what is tried again, when, and for how long;
//! - `pages`, `watch`, `answers`, `import`, `export`: the streams.
//!
//! What every call keeps to:
//! - UNAVAILABLE and OVERLOADED are tried again, with growing and jittered pauses that are never shorter than the
//!   `RetryInfo` of the service, until [`Settings::retry_for`] has passed. Any other error is returned at once.
//! - A write carries a `request_id`, made here when the caller gave none, and is tried again with the same one: the
//!   service stores it once. A caller that wants to repeat a write after an error has to give its own.
//! - A connection that broke is UNAVAILABLE, and a deadline that passed is DEADLINE_EXCEEDED / DEADLINE, whatever the
//!   transport calls them.
//! - What a service sends against its contract, such as an export without its trailer, is DATA_LOSS without a reason.
//!
//! A client is a handle: cloning it is cheap and shares the connection.
//!
//! ```no_run
//! use futures::TryStreamExt;
//! use reform_api::client::DataClient;
//! use reform_api::data::v1::{ListRecordsRequest, Record, UpdateRecordRequest, WatchChangesRequest};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let data = DataClient::connect("http://127.0.0.1:50051").await?.with_author("example")?;
//!
//! let filter = r#"kind = "party""#.to_owned();
//! let mut parties = data.list(ListRecordsRequest { filter, ..Default::default() });
//! while let Some(party) = parties.try_next().await? {
//!     println!("{}", party.title);
//! }
//!
//! let record = Record { name: "records/a".to_owned(), title: "A".to_owned(), ..Default::default() };
//! let stored = data.update_record(UpdateRecordRequest { record: Some(record), ..Default::default() }).await?;
//!
//! // Goes on across restarts of the service; each item is a whole commit, or progress.
//! let mut feed = data.watch(WatchChangesRequest { after_revision: stored.revision, ..Default::default() });
//! while let Some(commit) = feed.try_next().await? {
//!     println!("revision {}: {} changes", commit.revision, commit.changes.len());
//! }
//! # Ok(())
//! # }
//! ```

mod analytics;
mod answers;
mod attempts;
mod caller;
mod carried;
mod credentials;
mod data;
mod encrypted;
mod export;
mod import;
mod link;
mod pages;
mod watch;
mod write;

pub use analytics::AnalyticsClient;
pub use caller::Settings;
pub use carried::Carried;
pub use credentials::Credentials;
pub use data::DataClient;
pub use encrypted::Shown;
pub use export::Exported;
pub use link::Link;
