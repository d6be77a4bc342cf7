//! Views of the past: exported from the data service when they are asked for, and a few of them kept.
//!
//! One export runs at a time, whoever asks for the same revision shares it, and it goes on for the next caller when one
//! gives up. So memory holds the newest view, what is kept here, one view in the making, and what calls under way still read.
//! A view larger than all that may be kept answers those who wait for it and is dropped.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use reform_api::client::DataClient;
use reform_api::data::v1;
use reform_api::error;
use reform_indicators::View;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::export;
use crate::refusal::Refusal;
use crate::state::{Progress, State};

/// Revisions whose exports may be under way or wait for their turn.
const COMING_MAX: usize = 16;

/// How many views of the past are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Views; the one that was not asked for longest goes first.
    pub views: usize,
    /// Memory of all of them together, in bytes, as far as their fields tell.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { views: 4, bytes: 256 << 20 }
    }
}

type Exported = Result<Arc<View>, Refusal>;

/// See the module. Clones share the views.
#[derive(Debug, Clone)]
pub(crate) struct Past {
    data: DataClient,
    state: Arc<State>,
    stop: CancellationToken,
    limits: Limits,
    kept: Arc<Mutex<Kept>>,
    exporting: Arc<Semaphore>,
}

/// What is there and what is on its way, all of one history.
#[derive(Debug, Default)]
struct Kept {
    history: History,
    /// The one that was asked for last is at the end.
    views: Vec<Arc<View>>,
    coming: HashMap<i64, watch::Receiver<Option<Exported>>>,
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
    /// `stop` ends every export.
    pub(crate) fn new(data: DataClient, state: Arc<State>, stop: CancellationToken, limits: Limits) -> Self {
        let (kept, exporting) = (Arc::default(), Arc::new(Semaphore::new(1)));
        Self { data, state, stop, limits, kept, exporting }
    }

    /// The view at a revision that the newest one has passed; gives up waiting for it at `give_up`.
    pub(crate) async fn view(&self, revision: i64, give_up: Instant) -> Exported {
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
        drop(kept);
        let past = self.clone();
        // It ends with its export or with the service, whoever still waits for it.
        tokio::spawn(async move {
            let exported = tokio::select! {
                () = past.stop.cancelled() => Err(Refusal::ShuttingDown),
                exported = past.export(revision, &history.store_id) => exported,
            };
            past.kept.lock().arrived(revision, &history, exported.as_ref().ok(), past.limits);
            tell.send_replace(Some(exported));
        });
        Ok(Begun::Coming(coming))
    }

    async fn export(&self, revision: i64, store_id: &str) -> Exported {
        let _turn = self.exporting.acquire().await.map_err(|_| Refusal::Internal)?;
        let point = Some(v1::as_of::Point::Revision(revision));
        let as_of = Some(v1::AsOf { store_id: store_id.to_owned(), point });
        let request = v1::ExportRecordsRequest { as_of, name_damaged: true, ..Default::default() };
        let exported = self.data.export_encoded(request);
        // Folding a whole store is no work for the threads that answer.
        let runtime = Handle::current();
        let read = tokio::task::spawn_blocking(move || runtime.block_on(export::read(exported)));
        let read = read.await.map_err(|_| Refusal::Internal)?;
        let held = read.map_err(|status| refusal(&status, revision, &self.state.progress()))?;
        tracing::info!(revision, bytes = held.view.bytes(), "a view of the past was exported");
        Ok(held.view)
    }
}

enum Begun {
    There(Arc<View>),
    Coming(watch::Receiver<Option<Exported>>),
}

impl Kept {
    fn turn_to(&mut self, history: &History) {
        if self.history != *history {
            *self = Self { history: history.clone(), ..Self::default() };
        }
    }

    fn used(&mut self, revision: i64) -> Option<Arc<View>> {
        let place = self.views.iter().position(|view| view.revision() == revision)?;
        let view = self.views.remove(place);
        self.views.push(view.clone());
        Some(view)
    }

    fn arrived(&mut self, revision: i64, history: &History, view: Option<&Arc<View>>, limits: Limits) {
        if self.history != *history {
            return;
        }
        self.coming.remove(&revision);
        let Some(view) = view.filter(|view| limits.views > 0 && view.bytes() <= limits.bytes) else { return };
        self.views.push(view.clone());
        let bytes = |views: &[Arc<View>]| views.iter().map(|view| view.bytes()).sum::<usize>();
        while self.views.len() > limits.views || bytes(&self.views) > limits.bytes {
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

    fn view(revision: i64) -> Arc<View> {
        let mut view = View::new("s");
        view.set_revision(revision);
        Arc::new(view)
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
}
