//! Who follows the feed, and how far each has come.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::store::Revision;

/// Every open feed; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watchers(Arc<Mutex<Vec<Weak<AtomicI64>>>>);

/// One of them, until it is dropped.
#[derive(Debug)]
pub(crate) struct Watcher(Arc<AtomicI64>);

impl Watchers {
    /// A feed that begins after a revision.
    pub(crate) fn join(&self, after: Revision) -> Watcher {
        let place = Arc::new(AtomicI64::new(after));
        let mut places = self.0.lock();
        places.retain(|place| place.strong_count() > 0);
        places.push(Arc::downgrade(&place));
        Watcher(place)
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.lock().iter().filter(|place| place.strong_count() > 0).count()
    }

    /// The revision up to which even the slowest has taken all; none without one.
    pub(crate) fn slowest(&self) -> Option<Revision> {
        let places = self.0.lock();
        places.iter().filter_map(|place| Some(place.upgrade()?.load(Ordering::Relaxed))).min()
    }
}

impl Watcher {
    /// The watcher has taken everything up to a revision.
    pub(crate) fn took(&self, revision: Revision) {
        self.0.store(revision, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_of_those_who_are_there_counts() {
        let watchers = Watchers::default();
        assert_eq!((watchers.count(), watchers.slowest()), (0, None));
        let (one, other) = (watchers.join(3), watchers.join(5));
        one.took(9);
        assert_eq!((watchers.count(), watchers.slowest()), (2, Some(5)));
        drop(other);
        assert_eq!((watchers.count(), watchers.slowest()), (1, Some(9)));
    }
}
