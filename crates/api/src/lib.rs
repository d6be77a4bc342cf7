//! The contract in Rust: generated messages and clients, and what both services do with them.
//!
//! In reading order:
//! - [`data`] and [`analytics`]: generated from `proto/`;
//! - [`descriptors`]: the descriptor pool that reflection, JSON, field paths and filters read;
//! - [`error`]: reasons, details and the one way a `Status` is made;
//! - [`json`]: the one JSON form of a message;
//! - [`field_path`]: paths of fields inside a record;
//! - [`convert`]: wire → domain, and what is refused on the way;
//! - [`encoded`]: the servers of the data service with records in answers as bytes;
//! - [`roles`]: who may call what; [`priority`]: what is refused first when there is too much;
//! - [`validity`]: how long a certificate is good;
//! - [`client`]: how another program calls the services.

pub mod client;
pub mod convert;
pub mod descriptors;
pub mod encoded;
pub mod error;
pub mod field_path;
mod generated;
pub mod json;
pub mod priority;
pub mod request_id;
pub mod roles;
pub mod validity;

pub use generated::{analytics, data};

/// Request metadata that ask whom a service takes the caller for. An answer of a service that knows its callers has
/// [`IDENTITY`] and [`ROLES`] then.
pub const WHO: &str = "reform-who";
/// Answer to [`WHO`]: the name of the caller.
pub const IDENTITY: &str = "reform-identity";
/// Answer to [`WHO`]: the roles of the caller, with commas.
pub const ROLES: &str = "reform-roles";
/// Initial metadata of the answer of `IndicatorService.GetStatus`: seconds since the newest checkpoint was written, where
/// checkpoints are kept; -1 when there is none yet.
pub const CHECKPOINT_AGE: &str = "reform-checkpoint-age-s";
