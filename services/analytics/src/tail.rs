//! Build once, then follow, for ever: whatever happens to the data service, this only waits and begins again.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use reform_api::client::DataClient;
use tokio_util::sync::CancellationToken;

use crate::build;
use crate::checkpoint::Folder;
use crate::feed::{Ended, Feed, Remedy};
use crate::state::State;

/// The first and the longest wait before the next attempt, both with jitter on top.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(4);

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
        tracing::info!(after_revision, "following the data service");
        let mut feed = Feed::after(&self.data, after_revision, &progress.store_id);
        loop {
            let commit = feed.next().await?;
            self.pauses = pauses();
            self.state.apply(commit);
        }
    }

    async fn build(&mut self) -> Result<(), Ended> {
        let held = build::newest(&self.data).await?;
        let (store_id, revision) = (held.view.store_id(), held.view.revision());
        tracing::info!(store_id, revision, "a new view answers");
        self.state.replace(held);
        self.state.counts.rebuilds.inc();
        self.rebuild = false;
        Ok(())
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
