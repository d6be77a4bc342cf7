//! What the feed of the data service says, and why it says no more.

use futures::TryStreamExt;
use reform_api::client::DataClient;
use reform_api::data::v1;
use reform_api::encoded;
use reform_api::error::reason;
use tokio::sync::mpsc;
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

/// Commits that are read ahead, while those before them are folded.
const AHEAD: usize = 16;

/// Changes that are taken together, as far as they are there already.
const TOGETHER: usize = 1_024;

/// The feed after a revision of a store. It is read and understood in a task of its own, which ends with this.
#[derive(Debug)]
pub(crate) struct Feed {
    commits: mpsc::Receiver<Result<Commit, Ended>>,
    /// What came already, and is told next.
    kept: Option<Result<Commit, Ended>>,
}

impl Feed {
    /// Asks for everything after a revision of a store.
    pub(crate) fn after(data: &DataClient, after_revision: i64, store_id: &str) -> Self {
        let store_id = store_id.to_owned();
        let mut feed =
            data.watch_encoded(v1::WatchChangesRequest { after_revision, store_id, filter: String::new() });
        let (tell, commits) = mpsc::channel(AHEAD);
        tokio::spawn(async move {
            loop {
                let message = tokio::select! {
                    message = feed.try_next() => message,
                    () = tell.closed() => return,
                };
                let commit =
                    message.map_err(Ended::Feed).and_then(|message| commit(message.ok_or(Ended::Closed)?));
                let is_last = commit.is_err();
                if tell.send(commit).await.is_err() || is_last {
                    return;
                }
            }
        });
        Self { commits, kept: None }
    }

    /// The next commit, or progress; with it those behind it that came already, as one.
    ///
    /// # Errors
    /// It ended.
    pub(crate) async fn next(&mut self) -> Result<Commit, Ended> {
        self.next_until(i64::MAX).await
    }

    /// As [`Feed::next`], with nothing behind that revision.
    ///
    /// # Errors
    /// It ended.
    pub(crate) async fn next_until(&mut self, last: i64) -> Result<Commit, Ended> {
        let first = match self.kept.take() {
            Some(kept) => Some(kept),
            None => self.commits.recv().await,
        };
        let mut commits = first.ok_or(Ended::Closed)??;
        while commits.changes.len() < TOGETHER
            && let Ok(next) = self.commits.try_recv()
        {
            match next {
                Ok(next) if next.revision <= last => commits.add(next),
                other => {
                    self.kept = Some(other);
                    break;
                }
            }
        }
        Ok(commits)
    }
}

/// A whole commit, or progress.
fn commit(message: encoded::WatchChangesResponse) -> Result<Commit, Ended> {
    let encoded::WatchChangesResponse {
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
