//! Export once, then follow, for ever: whatever happens to the data service, this only waits and begins again.

use std::convert::Infallible;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use reform_api::data::v1;
use reform_api::error::{Reason, reason};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::export::{self, Void};
use crate::fold::{self, Folded};
use crate::source::Source;
use crate::state::{Commit, State};

/// The feed says something at least every five seconds; one that is silent for this long is not there.
const SILENCE_MAX: Duration = Duration::from_secs(15);

/// The first and the longest wait before the next attempt, both with jitter on top.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(4);

/// A commit of the contract has at most 1,000 changes; this bounds what is held of one that does not end.
const COMMIT_CHANGES_MAX: usize = 100_000;

/// Why a stretch of following ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("the feed failed: {}: {}", .0.code(), .0.message())]
    Failed(Status),
    #[error("the feed ended")]
    Closed,
    #[error("the feed said nothing for {SILENCE_MAX:?}")]
    Silent,
    #[error(transparent)]
    Void(#[from] Void),
    #[error("the feed broke its promise at revision {revision}: {what}")]
    Broken { revision: i64, what: &'static str },
    #[error("{source} at revision {revision}: answers stay at the one before until this program is upgraded")]
    UnknownType { revision: i64, source: fold::UnknownType },
    #[error("the history after revision {0} was compacted")]
    Compacted(i64),
    #[error("the store {0} is not there any more")]
    StoreChanged(String),
    #[error("the store {store_id} went back: revision {applied} is not in it")]
    WentBack { store_id: String, applied: i64 },
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
        match self {
            Self::Failed(_) | Self::Closed | Self::Silent | Self::Void(_) | Self::UnknownType { .. } => {
                Remedy::Keep
            }
            Self::Compacted(_) | Self::Broken { .. } => Remedy::Replace,
            Self::StoreChanged(_) | Self::WentBack { .. } => Remedy::Forget,
        }
    }
}

/// Follows the data service until `stop`.
pub(crate) async fn follow(source: Source, state: Arc<State>, stop: CancellationToken) {
    let mut tail = Tail { source, state, rebuild: true, pauses: pauses() };
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
    source: Source,
    state: Arc<State>,
    /// Whether the next stretch begins with an export.
    rebuild: bool,
    pauses: ExponentialBackoff,
}

/// The store that is followed, how far, and what has come of the next commit.
struct Position {
    store_id: Arc<str>,
    applied: i64,
    begun: Option<(i64, Vec<Folded>)>,
}

impl Tail {
    /// Follows for as long as it goes well.
    async fn stretch(&mut self) -> Result<Infallible, Ended> {
        if self.rebuild {
            self.export().await?;
        }
        let progress = self.state.progress();
        let applied = progress.applied.unwrap_or_default();
        let mut position = Position { store_id: progress.store_id, applied, begun: None };
        let opened = within(self.source.changes(&position.store_id, applied)).await?;
        let mut feed = opened.map_err(|status| position.refused(status))?;
        tracing::info!(after_revision = applied, "following the data service");
        loop {
            let message = within(feed.message()).await?.map_err(|status| position.refused(status))?;
            let commit = position.take(message.ok_or(Ended::Closed)?)?;
            self.pauses = pauses();
            if let Some(commit) = commit {
                self.state.apply(commit);
            }
        }
    }

    async fn export(&mut self) -> Result<(), Ended> {
        let pages = self.source.export().await.map_err(Void::from)?;
        let (view, unnamed) = export::read(pages).await?;
        tracing::info!(store_id = view.store_id(), revision = view.revision(), "export applied");
        self.state.replace(view, unnamed);
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
                self.rebuild = true;
            }
        }
    }
}

async fn within<T>(work: impl Future<Output = T>) -> Result<T, Ended> {
    tokio::time::timeout(SILENCE_MAX, work).await.map_err(|_| Ended::Silent)
}

impl Position {
    /// Takes one message of the feed; a commit, or progress, once it is whole.
    fn take(&mut self, message: v1::WatchChangesResponse) -> Result<Option<Commit>, Ended> {
        let v1::WatchChangesResponse {
            store_id,
            revision,
            changes,
            commit_complete,
            head_revision: head,
            commit_time: _,
            author: _,
            reason: _,
        } = message;
        if *store_id != *self.store_id {
            return Err(Ended::StoreChanged(self.store_id.to_string()));
        }
        if head < self.applied {
            return Err(self.went_back());
        }
        self.check_order(revision, head, changes.is_empty())?;
        let (_, begun) = self.begun.get_or_insert((revision, Vec::new()));
        for wire in &changes {
            let folded = fold::change(wire, revision);
            begun.push(folded.map_err(|source| Ended::UnknownType { revision, source })?);
        }
        if begun.len() > COMMIT_CHANGES_MAX {
            return Err(Ended::Broken { revision, what: "a commit without an end" });
        }
        if !commit_complete {
            return Ok(None);
        }
        let changes = mem::take(begun);
        self.begun = None;
        self.applied = revision;
        Ok(Some(Commit { revision, head, changes }))
    }

    /// Without a filter every revision comes, one after the other; progress repeats the last.
    fn check_order(&self, revision: i64, head: i64, is_empty: bool) -> Result<(), Ended> {
        let broken = |what| Err(Ended::Broken { revision, what });
        match &self.begun {
            Some((begun, _)) if *begun != revision => broken("a commit inside another"),
            Some(_) => Ok(()),
            None if revision > head => broken("beyond the head"),
            None if is_empty && revision < self.applied => broken("progress goes back"),
            None if is_empty => Ok(()),
            None if revision <= self.applied => broken("a commit came twice"),
            None if revision > self.applied + 1 => broken("a commit was left out"),
            None => Ok(()),
        }
    }

    /// What the refusal of the feed means for the one who asked from here.
    fn refused(&self, status: Status) -> Ended {
        let is = |expected: Reason| reason(&status).as_deref() == Some(expected.as_str());
        if is(Reason::Compacted) {
            Ended::Compacted(self.applied)
        } else if is(Reason::StoreChanged) {
            Ended::StoreChanged(self.store_id.to_string())
        } else if is(Reason::RevisionAhead) {
            self.went_back()
        } else {
            Ended::Failed(status)
        }
    }

    fn went_back(&self) -> Ended {
        Ended::WentBack { store_id: self.store_id.to_string(), applied: self.applied }
    }
}
