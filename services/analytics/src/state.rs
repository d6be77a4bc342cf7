//! The view that answers are computed from, and how far it has come.
//!
//! One task writes, any number read. What is shown never changes: a commit is applied to a clone that then takes its
//! place, so no reader sees half of one or waits for it; a rebuild takes the place of the old view at once, so no reader
//! sees a mixture.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use parking_lot::RwLock;
use reform_indicators::View;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::fold::Folded;
use crate::held::Held;
use crate::metrics::Counts;

/// How far the view has come. [`State::subscribe`] tells every change of it.
#[derive(Debug, Clone)]
pub(crate) struct Progress {
    /// The store that is followed; empty before the first.
    pub(crate) store_id: Arc<str>,
    /// The revision of the view; none while there is nothing to answer from.
    pub(crate) applied: Option<i64>,
    /// The newest revision of the data service, as last seen.
    pub(crate) head: i64,
    /// Changes that were taken in since the start.
    pub(crate) changes: u64,
    /// Records of the view that cannot be read.
    damaged: i64,
    /// Records that cannot be read, not even by name.
    unnamed: i64,
    /// Whether the feed is open.
    pub(crate) following: bool,
    /// Whether the view is to be replaced and answers until then.
    rebuilding: bool,
    /// The last moment at which the view was known to be the newest.
    current: Instant,
    /// Rises when revisions of the past may have changed: a record was purged, or nobody knows because changes were missed.
    pub(crate) erasures: u64,
}

impl Progress {
    /// For the metadata of every answer.
    pub(crate) fn stamp(&self) -> Option<(HeaderValue, i64)> {
        Some((HeaderValue::from_str(&self.store_id).ok()?, self.applied?))
    }

    /// Records set aside because they cannot be read.
    pub(crate) fn quarantined(&self) -> i64 {
        self.damaged + self.unnamed
    }

    /// How long the view has been behind.
    pub(crate) fn lag(&self) -> Duration {
        if self.is_current() { Duration::ZERO } else { self.current.elapsed() }
    }

    /// When the view becomes too old, unless something happens before; none while it is the newest.
    pub(crate) fn stale_from(&self, staleness_max: Duration) -> Option<Instant> {
        if self.is_current() { None } else { self.current.checked_add(staleness_max) }
    }

    /// Whether the view may be answered from without a warning.
    pub(crate) fn is_fresh(&self, staleness_max: Duration) -> bool {
        self.applied.is_some() && self.lag() <= staleness_max
    }

    /// Whether it answers from a view that is older than allowed or about to be replaced.
    pub(crate) fn is_stale(&self, staleness_max: Duration) -> bool {
        self.applied.is_some() && (self.rebuilding || self.lag() > staleness_max)
    }

    fn is_current(&self) -> bool {
        self.following && self.applied.is_some_and(|applied| applied >= self.head)
    }
}

/// A whole commit, or several, or a sign that there is none up to its revision.
#[derive(Debug)]
pub(crate) struct Commit {
    /// Its revision.
    pub(crate) revision: i64,
    /// The newest revision of the store when it was sent.
    pub(crate) head: i64,
    /// What it does; none for progress.
    pub(crate) changes: Vec<Folded>,
    /// Whether it erased a record.
    pub(crate) purges: bool,
}

impl Commit {
    /// The next one as well.
    pub(crate) fn add(&mut self, next: Self) {
        let Self { revision, head, changes, purges } = next;
        (self.revision, self.head) = (revision, head);
        self.changes.extend(changes);
        self.purges |= purges;
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct State {
    /// Held for no longer than it takes to clone the pointer.
    held: RwLock<Option<Held>>,
    progress: watch::Sender<Progress>,
    /// How far behind the view may be.
    pub(crate) staleness_max: Duration,
    /// What is counted of it and of the answers from it.
    pub(crate) counts: Counts,
}

impl State {
    /// Nothing to answer from yet.
    pub(crate) fn new(staleness_max: Duration) -> Self {
        let progress = Progress {
            store_id: Arc::from(""),
            applied: None,
            head: 0,
            changes: 0,
            damaged: 0,
            unnamed: 0,
            following: false,
            rebuilding: false,
            current: Instant::now(),
            erasures: 0,
        };
        Self {
            held: RwLock::new(None),
            progress: watch::Sender::new(progress),
            staleness_max,
            counts: Counts::new(),
        }
    }

    /// How far it is now.
    pub(crate) fn progress(&self) -> Progress {
        self.progress.borrow().clone()
    }

    /// Tells every step.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// The view as it is now, for as long as the caller keeps it; none while there is none.
    pub(crate) fn view(&self) -> Option<Arc<View>> {
        self.held.read().as_ref().map(|held| held.view.clone())
    }

    /// The same with what a checkpoint needs.
    pub(crate) fn held(&self) -> Option<Held> {
        self.held.read().clone()
    }

    /// Puts what was exported in the place of whatever was there.
    pub(crate) fn replace(&self, held: Held) {
        let changes: usize = held.view.rows().values().sum();
        self.restore(held);
        self.progress.send_modify(|progress| progress.changes += 1 + changes as u64);
    }

    /// Puts what was read from a checkpoint in the place of whatever was there.
    pub(crate) fn restore(&self, held: Held) {
        let (store_id, revision) = (Arc::from(held.view.store_id()), held.view.revision());
        let (damaged, unnamed) = (damaged(&held.view), held.unnamed);
        self.show(Some(held));
        self.progress.send_modify(|progress| {
            // How far the store has come since is for the feed to tell.
            progress.head =
                if progress.store_id == store_id { progress.head.max(revision) } else { revision };
            progress.store_id = store_id;
            progress.applied = Some(revision);
            (progress.damaged, progress.unnamed) = (damaged, unnamed);
            progress.rebuilding = false;
            progress.erasures += 1;
            progress.current = Instant::now();
        });
    }

    fn show(&self, held: Option<Held>) {
        let old = std::mem::replace(&mut *self.held.write(), held);
        // A large view takes a while to drop: not under the lock.
        drop(old);
    }

    /// Applies a whole commit at once.
    pub(crate) fn apply(&self, Commit { revision, head, changes, purges }: Commit) {
        let Some(before) = self.held() else { return };
        let held = before.after(&changes).at(before.view.store_id(), revision);
        drop(before);
        let (damaged, unnamed) = (damaged(&held.view), held.unnamed);
        self.show(Some(held));
        self.progress.send_modify(|progress| {
            progress.applied = Some(revision);
            progress.head = head;
            progress.following = true;
            progress.erasures += u64::from(purges);
            progress.damaged = damaged;
            progress.unnamed = unnamed;
            progress.changes += changes.len() as u64;
            if revision >= head {
                progress.current = Instant::now();
            }
        });
    }

    /// Lets go of a view whose history is gone: what it answers could not be told from what the new history says.
    pub(crate) fn forget(&self) {
        self.show(None);
        self.progress.send_modify(|progress| {
            progress.store_id = Arc::from("");
            (progress.applied, progress.head) = (None, 0);
            (progress.damaged, progress.unnamed) = (0, 0);
            (progress.following, progress.rebuilding) = (false, false);
            progress.current = Instant::now();
        });
    }

    /// The view answers until another takes its place.
    pub(crate) fn outdated(&self) {
        self.progress.send_modify(|progress| progress.rebuilding = progress.applied.is_some());
    }

    /// The feed is not open any more.
    pub(crate) fn lost(&self) {
        self.progress.send_if_modified(|progress| std::mem::replace(&mut progress.following, false));
    }

    /// The store that is followed has come that far, whether the feed said so already or not.
    pub(crate) fn saw_head(&self, store_id: &str, head: i64) {
        self.progress.send_if_modified(|progress| {
            if *progress.store_id != *store_id || head <= progress.head {
                return false;
            }
            if progress.is_current() {
                progress.current = Instant::now();
            }
            progress.head = head;
            true
        });
    }
}

fn damaged(view: &View) -> i64 {
    i64::try_from(view.damaged()).unwrap_or(i64::MAX)
}
