//! A view that is made anew: exported, or read as history where that is short, or whole and the store large.

use reform_api::client::DataClient;
use reform_api::data::v1;
use tonic::Status;

use crate::export;
use crate::feed::{Ended, Feed};
use crate::held::Held;

/// Live records from which on history is read instead of an export: the data service puts an export in order first, and
/// reads every record for it where it stands.
const REPLAYED_MIN: i64 = 100_000;

/// Revisions that are rather read one by one than exported whole.
const REVISIONS_MAX: i64 = 10_000;

/// A view of the newest revision.
///
/// # Errors
/// The data service is away, or what it said is not whole.
pub(crate) async fn newest(data: &DataClient) -> Result<Held, Ended> {
    let status = status(data).await?;
    if is_replayed(&status) {
        return replayed(data, Held::new(), &status.store_id, status.head_revision).await;
    }
    exported(data, None).await
}

/// A view of one revision of a store; `base` is one of the same store that came before it.
///
/// # Errors
/// See [`newest`]; and the revision is compacted, or the store another one.
pub(crate) async fn earlier(
    data: &DataClient,
    base: Option<Held>,
    store_id: &str,
    revision: i64,
) -> Result<Held, Ended> {
    let is_near = |base: &Held| revision - base.view.revision() <= REVISIONS_MAX;
    if base.as_ref().is_some_and(is_near) || is_replayed(&status(data).await?) {
        match replayed(data, base.unwrap_or_else(Held::new), store_id, revision).await {
            Ok(held) => return Ok(held),
            // An export says why, or can where the feed cannot.
            Err(ended) => tracing::debug!(why = %ended, revision, "history cannot be read"),
        }
    }
    let point = Some(v1::as_of::Point::Revision(revision));
    exported(data, Some(v1::AsOf { store_id: store_id.to_owned(), point })).await
}

async fn status(data: &DataClient) -> Result<v1::GetStatusResponse, Ended> {
    data.get_status(v1::GetStatusRequest {}).await.map_err(Ended::Export)
}

/// Whether the history is whole and the store so large that an export takes longer.
fn is_replayed(status: &v1::GetStatusResponse) -> bool {
    let records = status.live_records.values().fold(0_i64, |sum, live| sum.saturating_add(*live));
    status.oldest_revision == 0 && records >= REPLAYED_MIN
}

async fn exported(data: &DataClient, as_of: Option<v1::AsOf>) -> Result<Held, Ended> {
    // What is damaged is marked, as the feed would tell it.
    let request = v1::ExportRecordsRequest { as_of, name_damaged: true, ..Default::default() };
    let held = export::read(data.export_encoded(request)).await.map_err(Ended::Export)?;
    tracing::info!(revision = held.view.revision(), "export applied");
    Ok(held)
}

/// Folds everything after a view up to a revision.
async fn replayed(data: &DataClient, base: Held, store_id: &str, until: i64) -> Result<Held, Ended> {
    let after_revision = base.view.revision();
    let mut feed = Feed::after(data, after_revision, store_id);
    let (mut held, mut revision) = (base, after_revision);
    while revision < until {
        let commit = feed.next_until(until).await?;
        revision = commit.revision;
        held = held.after(&commit.changes);
    }
    if revision > until {
        return Err(Ended::Feed(Status::data_loss("the feed left out a revision")));
    }
    Ok(held.at(store_id, revision))
}
