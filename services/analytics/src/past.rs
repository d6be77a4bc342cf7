//! Views of the past: made when they are asked for, and a few of them kept. From one that is kept a later one is made by the
//! changes between them, and shares with it what did not change.
//!
//! One is made at a time, whoever asks for the same revision shares it, and it goes on for the next caller when one
//! gives up. So memory holds the newest view, what is kept here, one view in the making, and what calls under way still read.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use reform_api::client::{Carried, DataClient};
use reform_api::error;
use reform_indicators::View;
use reform_runtime::background;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::build;
use crate::feed::Ended;
use crate::held::Held;
use crate::refusal::Refusal;
use crate::state::{Progress, State};

/// Revisions whose views may be under way or wait for their turn.
const COMING_MAX: usize = 16;

/// How many views of the past are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Views; the one that was not asked for longest goes first.
    pub views: usize,
    /// Memory of all of them together, in bytes, as far as their fields tell. The two that were asked for last are kept
    /// beyond it: a comparison needs two, and one that takes longer to make than a caller waits must be there when it asks
    /// again.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { views: 4, bytes: 256 << 20 }
    }
}

/// Views that are kept whatever their size.
const KEPT_MIN: usize = 2;

type Made = Result<Arc<View>, Refusal>;

/// See the module. Clones share the views.
#[derive(Debug, Clone)]
pub(crate) struct Past {
    data: DataClient,
    state: Arc<State>,
    stop: CancellationToken,
    limits: Limits,
    kept: Arc<Mutex<Kept>>,
    making: Arc<Semaphore>,
}

/// What is there and what is on its way, all of one history.
#[derive(Debug, Default)]
struct Kept {
    history: History,
    /// The one that was asked for last is at the end.
    views: Vec<Held>,
    coming: HashMap<i64, watch::Receiver<Option<Made>>>,
}

/// What revisions mean: another store has other ones, and a purge changes those of the past.
#[derive(Debug, Clone, PartialEq, Eq)]
struct History {
    store_id: Arc<str>,
    erasures: u64,
}

impl Default for History {
    fn default() -> Self {
        Self { store_id: Arc::from(""), erasures: 0 }
    }
}

impl From<&Progress> for History {
    fn from(progress: &Progress) -> Self {
        Self { store_id: progress.store_id.clone(), erasures: progress.erasures }
    }
}

impl Past {
    /// `stop` ends the making of every view.
    pub(crate) fn new(data: DataClient, state: Arc<State>, stop: CancellationToken, limits: Limits) -> Self {
        let (kept, making) = (Arc::default(), Arc::new(Semaphore::new(1)));
        Self { data, state, stop, limits, kept, making }
    }

    /// Views that are kept.
    pub(crate) fn count(&self) -> usize {
        self.kept.lock().views.len()
    }

    /// The view at a revision that the newest one has passed; gives up waiting for it at `give_up`.
    pub(crate) async fn view(&self, revision: i64, give_up: Instant) -> Made {
        let mut coming = match self.begin(revision)? {
            Begun::There(view) => return Ok(view),
            Begun::Coming(coming) => coming,
        };
        tokio::select! {
            told = coming.wait_for(Option::is_some) => match told {
                Ok(told) => told.clone().unwrap_or(Err(Refusal::Internal)),
                // The task was lost; the next caller begins another.
                Err(_) => {
                    self.kept.lock().coming.remove(&revision);
                    Err(Refusal::Internal)
                }
            },
            () = sleep_until(give_up) => Err(catching_up(revision, &self.state.progress())),
            () = self.stop.cancelled() => Err(Refusal::ShuttingDown),
        }
    }

    fn begin(&self, revision: i64) -> Result<Begun, Refusal> {
        let history = History::from(&self.state.progress());
        let mut kept = self.kept.lock();
        kept.turn_to(&history);
        if let Some(view) = kept.used(revision) {
            return Ok(Begun::There(view));
        }
        if let Some(coming) = kept.coming.get(&revision) {
            return Ok(Begun::Coming(coming.clone()));
        }
        if kept.coming.len() >= COMING_MAX {
            return Err(Refusal::Overloaded("too many revisions of the past are being read"));
        }
        let (tell, coming) = watch::channel(None);
        kept.coming.insert(revision, coming.clone());
        let past = self.clone();
        drop(kept);
        // It ends with its view or with the service, whoever still waits for it. In logs and traces it is of the first.
        let carried = Carried::current();
        tokio::spawn(async move {
            let made = tokio::select! {
                () = past.stop.cancelled() => Err(Refusal::ShuttingDown),
                made = past.make(revision, &history, carried) => made,
            };
            past.kept.lock().arrived(revision, &history, made.as_ref().ok(), past.limits);
            tell.send_replace(Some(made.map(|held| held.view)));
        });
        Ok(Begun::Coming(coming))
    }

    async fn make(&self, revision: i64, history: &History, carried: Carried) -> Result<Held, Refusal> {
        let _turn = self.making.acquire().await.map_err(|_| Refusal::Internal)?;
        let base = self.kept.lock().before(revision, history);
        let (data, store_id) = (self.data.clone(), history.store_id.clone());
        // Folding a whole store is no work for the threads that answer.
        let runtime = Handle::current();
        let make = move || runtime.block_on(carried.within(build::earlier(&data, base, &store_id, revision)));
        let held = background::run(make).await.map_err(|ended| match ended {
            Ended::Export(status) => refusal(&status, revision, &self.state.progress()),
            Ended::Feed(_) | Ended::Closed | Ended::UnknownType { .. } => {
                tracing::warn!(revision, why = %ended, "no view of the past");
                catching_up(revision, &self.state.progress())
            }
        })?;
        tracing::info!(revision, bytes = held.view.bytes(), "a view of the past was made");
        Ok(held)
    }
}

enum Begun {
    There(Arc<View>),
    Coming(watch::Receiver<Option<Made>>),
}

impl Kept {
    fn turn_to(&mut self, history: &History) {
        if self.history != *history {
            *self = Self { history: history.clone(), ..Self::default() };
        }
    }

    fn used(&mut self, revision: i64) -> Option<Arc<View>> {
        let place = self.views.iter().position(|held| held.view.revision() == revision)?;
        let held = self.views.remove(place);
        self.views.push(held.clone());
        Some(held.view)
    }

    /// The latest that came before a revision.
    fn before(&self, revision: i64, history: &History) -> Option<Held> {
        let earlier = self.views.iter().filter(|held| held.view.revision() < revision);
        earlier.max_by_key(|held| held.view.revision()).filter(|_| self.history == *history).cloned()
    }

    fn arrived(&mut self, revision: i64, history: &History, held: Option<&Held>, limits: Limits) {
        if self.history != *history {
            return;
        }
        self.coming.remove(&revision);
        self.views.extend(held.cloned());
        let bytes = |views: &[Held]| views.iter().map(|held| held.view.bytes()).sum::<usize>();
        while self.views.len() > limits.views
            || (self.views.len() > KEPT_MIN && bytes(&self.views) > limits.bytes)
        {
            self.views.remove(0);
        }
    }
}

fn catching_up(wanted: i64, progress: &Progress) -> Refusal {
    Refusal::CatchingUp { wanted, applied: progress.applied.unwrap_or_default(), head: progress.head }
}

/// What an error of the data service about a revision means to the caller.
pub(crate) fn refusal(status: &Status, wanted: i64, progress: &Progress) -> Refusal {
    let number = |key| error::metadata(status, key).and_then(|text| text.parse().ok());
    match error::reason(status).as_deref() {
        Some("COMPACTED") => Refusal::Compacted { wanted, oldest: number("oldest_revision") },
        Some("REVISION_AHEAD") => {
            Refusal::RevisionAhead { wanted, head: number("head_revision").unwrap_or(progress.head) }
        }
        Some("STORE_CHANGED") => Refusal::StoreChanged {
            asked: progress.store_id.to_string(),
            followed: error::metadata(status, "store_id").unwrap_or_default(),
        },
        // It is away, or slow, or broken: none of which the caller can mend.
        Some(_) | None => {
            tracing::warn!(wanted, code = %status.code(), message = status.message(), "no view of the past");
            catching_up(wanted, progress)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(revision: i64) -> Held {
        Held::new().at("s", revision)
    }

    #[test]
    fn what_was_not_asked_for_longest_goes_first_and_a_purge_takes_all() {
        let history = History { store_id: Arc::from("s"), erasures: 0 };
        let mut kept = Kept::default();
        kept.turn_to(&history);
        let limits = Limits { views: 2, bytes: usize::MAX };
        kept.arrived(1, &history, Some(&view(1)), limits);
        kept.arrived(2, &history, Some(&view(2)), limits);
        assert!(kept.used(1).is_some());
        kept.arrived(3, &history, Some(&view(3)), limits);
        assert!(kept.used(2).is_none() && kept.used(1).is_some() && kept.used(3).is_some());

        let purged = History { erasures: 1, ..history.clone() };
        kept.turn_to(&purged);
        assert!(kept.used(1).is_none());
        // It was exported before the purge.
        kept.arrived(4, &history, Some(&view(4)), limits);
        assert!(kept.used(4).is_none());
        kept.arrived(5, &purged, Some(&view(5)), Limits { views: 0, bytes: usize::MAX });
        assert!(kept.used(5).is_none());
    }

    #[test]
    fn two_are_kept_whatever_their_size_and_the_latest_before_one_is_its_base() {
        let history = History { store_id: Arc::from("s"), erasures: 0 };
        let mut kept = Kept::default();
        kept.turn_to(&history);
        let limits = Limits { views: 4, bytes: 0 };
        for revision in [9, 3, 6] {
            kept.arrived(revision, &history, Some(&view(revision)), limits);
        }
        let base = |revision| kept.before(revision, &history).map(|held| held.view.revision());
        assert_eq!([base(3), base(5), base(6), base(9)], [None, Some(3), Some(3), Some(6)]);
        assert!(kept.before(9, &History { erasures: 1, ..history.clone() }).is_none());
    }
}
