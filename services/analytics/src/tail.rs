//! Export once, then follow, for ever: whatever happens to the data service, this only waits and begins again.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use futures::TryStreamExt;
use reform_api::client::DataClient;
use reform_api::data::v1;
use reform_api::error::reason;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};

use crate::checkpoint::Folder;
use crate::export;
use crate::fold;
use crate::held::Held;
use crate::state::{Commit, State};

/// The first and the longest wait before the next attempt, both with jitter on top.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(4);

/// Live records from which on history is read instead of an export, and changes of it that are folded at a time.
const REPLAYED_MIN: i64 = 100_000;
const FOLDED_AT_ONCE: usize = 1_024;

/// Why a stretch of following ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("export: {}: {}", .0.code(), .0.message())]
    Export(Status),
    #[error("the feed failed: {}: {}", .0.code(), .0.message())]
    Feed(Status),
    #[error("the feed ended")]
    Closed,
    #[error("{source} at revision {revision}: answers stay at the one before until this program is upgraded")]
    UnknownType { revision: i64, source: fold::UnknownType },
}

/// What becomes of the view when a stretch has ended.
enum Remedy {
    /// It is continued.
    Keep,
    /// It answers until a new one takes its place.
    Replace,
    /// It goes at once: its revisions mean nothing in the store that is there now.
    Forget,
}

impl Ended {
    fn remedy(&self) -> Remedy {
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

/// Follows the data service until `stop`.
pub(crate) async fn follow(
    data: DataClient,
    state: Arc<State>,
    checkpoints: Option<Folder>,
    stop: CancellationToken,
) {
    let mut tail = Tail { data, state, checkpoints, rebuild: true, pauses: pauses() };
    tail.restore().await;
    loop {
        let ended = tokio::select! {
            () = stop.cancelled() => return,
            Err(ended) = tail.stretch() => ended,
        };
        tail.end(&ended);
        // Without an upper bound on attempts there is always a next pause. What this program does not know it will not
        // know a moment later either.
        let pause = tail.pauses.next().filter(|_| !matches!(ended, Ended::UnknownType { .. }));
        let pause = pause.unwrap_or(PAUSE_MAX);
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

fn pauses() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(PAUSE_MIN)
        .with_max_delay(PAUSE_MAX)
        .with_jitter()
        .without_max_times()
        .build()
}

struct Tail {
    data: DataClient,
    state: Arc<State>,
    checkpoints: Option<Folder>,
    /// Whether the next stretch begins with an export.
    rebuild: bool,
    pauses: ExponentialBackoff,
}

impl Tail {
    /// Answers from the newest checkpoint, if there is one, before anything is heard of the data service.
    async fn restore(&mut self) {
        let Some(folder) = self.checkpoints.clone() else { return };
        let Ok(Some(held)) = tokio::task::spawn_blocking(move || folder.newest()).await else { return };
        let view = held.view.clone();
        self.state.restore(held);
        self.rebuild = false;
        if let Err(error) = tokio::task::spawn_blocking(move || view.find_rows()).await {
            tracing::error!(%error, "the checkpoint is not used");
            self.state.forget();
            self.rebuild = true;
        }
    }

    /// Follows for as long as it goes well.
    async fn stretch(&mut self) -> Result<Infallible, Ended> {
        if self.rebuild {
            self.build().await?;
        }
        let progress = self.state.progress();
        let after_revision = progress.applied.unwrap_or_default();
        let store_id = progress.store_id.to_string();
        tracing::info!(after_revision, "following the data service");
        let request = v1::WatchChangesRequest { after_revision, store_id, filter: String::new() };
        let mut feed = self.data.watch(request);
        loop {
            let commit = folded(feed.try_next().await.map_err(Ended::Feed)?.ok_or(Ended::Closed)?)?;
            self.pauses = pauses();
            self.state.apply(commit);
        }
    }

    /// Makes a new view. What is large is read as history where that is whole: the data service puts an export in order
    /// first, and reads every record for it where it stands.
    async fn build(&mut self) -> Result<(), Ended> {
        let status = self.data.get_status(v1::GetStatusRequest {}).await.map_err(Ended::Export)?;
        let records = status.live_records.values().fold(0_i64, |sum, live| sum.saturating_add(*live));
        let held = if status.oldest_revision == 0 && records >= REPLAYED_MIN {
            self.replay(status.store_id, status.head_revision).await?
        } else {
            self.export().await?
        };
        tracing::info!(
            store_id = held.view.store_id(),
            revision = held.view.revision(),
            "a new view answers"
        );
        self.state.replace(held);
        self.rebuild = false;
        Ok(())
    }

    /// Folds the whole history up to a revision.
    async fn replay(&self, store_id: String, head: i64) -> Result<Held, Ended> {
        let request =
            v1::WatchChangesRequest { after_revision: 0, store_id: store_id.clone(), filter: String::new() };
        let mut feed = self.data.watch(request);
        let (mut held, mut folded, mut revision) = (Held::new(), Vec::new(), 0);
        while revision < head {
            let commit = self::folded(feed.try_next().await.map_err(Ended::Feed)?.ok_or(Ended::Closed)?)?;
            revision = commit.revision;
            folded.extend(commit.changes);
            if folded.len() >= FOLDED_AT_ONCE {
                held = held.after(&folded);
                folded.clear();
            }
        }
        Ok(held.after(&folded).at(&store_id, revision))
    }

    async fn export(&self) -> Result<Held, Ended> {
        // What is damaged is marked, as the feed would tell it.
        let request = v1::ExportRecordsRequest { name_damaged: true, ..Default::default() };
        let exported = self.data.export_encoded(request);
        let held = export::read(exported).await.map_err(Ended::Export)?;
        tracing::info!(revision = held.view.revision(), "export applied");
        Ok(held)
    }

    fn end(&mut self, ended: &Ended) {
        tracing::warn!(why = %ended, "not following the data service");
        self.state.lost();
        match ended.remedy() {
            Remedy::Keep => {}
            Remedy::Replace => {
                self.state.outdated();
                self.rebuild = true;
            }
            Remedy::Forget => {
                self.state.forget();
                self.checkpoints.iter().for_each(Folder::clear);
                self.rebuild = true;
            }
        }
    }
}

/// A whole commit, or progress.
fn folded(message: v1::WatchChangesResponse) -> Result<Commit, Ended> {
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
