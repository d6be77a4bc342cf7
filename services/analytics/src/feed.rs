//! What the feed of the data service says, and why it says no more.

use reform_api::data::v1;
use reform_api::error::reason;
use tonic::{Code, Status};

use crate::fold;
use crate::state::Commit;

/// Why a stretch of reading ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    /// A whole view could not be read.
    #[error("export: {}: {}", .0.code(), .0.message())]
    Export(Status),
    /// Changes could not be read.
    #[error("the feed failed: {}: {}", .0.code(), .0.message())]
    Feed(Status),
    /// There were no more of them.
    #[error("the feed ended")]
    Closed,
    /// There is one that this program does not know.
    #[error("{source} at revision {revision}: answers stay at the one before until this program is upgraded")]
    UnknownType {
        /// Where.
        revision: i64,
        /// What.
        source: fold::UnknownType,
    },
}

/// What becomes of the view when a stretch has ended.
pub(crate) enum Remedy {
    /// It is continued.
    Keep,
    /// It answers until a new one takes its place.
    Replace,
    /// It goes at once: its revisions mean nothing in the store that is there now.
    Forget,
}

impl Ended {
    /// What is to be done about it.
    pub(crate) fn remedy(&self) -> Remedy {
        let Self::Feed(status) = self else { return Remedy::Keep };
        match reason(status).as_deref() {
            Some("COMPACTED") => Remedy::Replace,
            // Another store, or one that went back and does not hold the revision that was applied.
            Some("STORE_CHANGED" | "REVISION_AHEAD") => Remedy::Forget,
            // The feed broke its promises.
            None if status.code() == Code::DataLoss => Remedy::Replace,
            Some(_) | None => Remedy::Keep,
        }
    }
}

/// Asks for everything after a revision of a store.
pub(crate) fn after(after_revision: i64, store_id: &str) -> v1::WatchChangesRequest {
    v1::WatchChangesRequest { after_revision, store_id: store_id.to_owned(), filter: String::new() }
}

/// A whole commit, or progress.
///
/// # Errors
/// [`Ended::UnknownType`].
pub(crate) fn commit(message: v1::WatchChangesResponse) -> Result<Commit, Ended> {
    let v1::WatchChangesResponse {
        store_id: _,
        revision,
        changes,
        commit_complete: _,
        head_revision: head,
        commit_time: _,
        author: _,
        reason: _,
    } = message;
    let purges = changes.iter().any(|change| change.r#type() == v1::ChangeType::Purged);
    let changes = changes.iter().map(|wire| fold::change(wire, revision)).collect::<Result<_, _>>();
    let changes = changes.map_err(|source| Ended::UnknownType { revision, source })?;
    Ok(Commit { revision, head, changes, purges })
}
