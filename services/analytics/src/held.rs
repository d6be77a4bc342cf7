//! What is folded: the view, and what a checkpoint needs beside it. It never changes; a commit makes the next one.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use reform_indicators::{Change, View};
use reform_model::Name;
use rpds::HashTrieMapSync;

use crate::fold::{self, Folded};

/// A record as the data service sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Original {
    pub(crate) encoded: Bytes,
    /// The revision that wrote it.
    pub(crate) revision: i64,
}

/// The records that the image of a view does not hold.
pub(crate) type Originals = HashTrieMapSync<Name, Original>;

/// See the module. A clone costs next to nothing.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) view: Arc<View>,
    pub(crate) originals: Originals,
    /// Records that cannot be read, not even by name.
    pub(crate) unnamed: i64,
}

/// Applies one change; a parameter so that a test can make it fail.
type Apply<'f> = &'f dyn Fn(&mut View, Change);

impl Held {
    /// Nothing of a store that is not known yet.
    pub(crate) fn new() -> Self {
        Self { view: Arc::new(View::new("")), originals: Originals::new_sync(), unnamed: 0 }
    }

    /// What changes make of this, all of them or none.
    ///
    /// A change that makes the fold panic is tried once more; then the record is set aside, as one that cannot be read.
    pub(crate) fn after(&self, changes: &[Folded]) -> Self {
        self.after_by(changes, &View::apply)
    }

    fn after_by(&self, changes: &[Folded], apply: Apply<'_>) -> Self {
        let mut failures: BTreeMap<usize, u32> = BTreeMap::new();
        loop {
            let (mut next, place) = (self.clone(), Cell::new(0));
            let applied = catch_unwind(AssertUnwindSafe(|| {
                for (index, change) in changes.iter().enumerate() {
                    place.set(index);
                    match failures.get(&index) {
                        None | Some(1) => next.take(change.clone(), apply),
                        Some(2) => next.take(change.set_aside(), apply),
                        Some(_) => next.take(Folded::Unnamed, apply),
                    }
                }
            }));
            if applied.is_ok() {
                return next;
            }
            tracing::error!(change = place.get(), "the fold failed at a change");
            *failures.entry(place.get()).or_default() += 1;
        }
    }

    fn take(&mut self, folded: Folded, apply: Apply<'_>) {
        let (change, encoded) = match folded {
            Folded::Change(change, encoded) => (change, encoded),
            Folded::Filed(appeal, revision) => {
                let filing = fold::filing(&appeal);
                if self.originals.contains_key(filing.name) {
                    self.originals.remove_mut(filing.name);
                }
                return Arc::make_mut(&mut self.view).file(filing, revision);
            }
            Folded::Unnamed => {
                self.unnamed += 1;
                return;
            }
        };
        match (&change, encoded) {
            (Change::Put(record, revision), Some(encoded)) => {
                let original = Original { encoded, revision: *revision };
                self.originals.insert_mut(record.name.clone(), original);
            }
            (Change::Put(record, _), None) => drop(self.originals.remove_mut(&record.name)),
            (Change::Remove(name) | Change::Damaged(name), _) => drop(self.originals.remove_mut(name)),
        }
        apply(Arc::make_mut(&mut self.view), change);
    }

    /// Says that everything up to that revision of the store is in it.
    pub(crate) fn at(mut self, store_id: &str, revision: i64) -> Self {
        let view = Arc::make_mut(&mut self.view);
        if view.store_id() != store_id {
            *view = view.clone().of_store(store_id);
        }
        view.set_revision(revision);
        self
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use reform_model::institution::Institution;
    use reform_model::{Body, Record};

    use super::*;

    /// A record of no country that says nothing but its body.
    pub(crate) fn record(id: &str, body: Body) -> Record {
        Record {
            name: Name::from_id(id).unwrap(),
            jurisdiction: "XX".to_owned(),
            title: String::new(),
            labels: Default::default(),
            citations: Vec::new(),
            discrepancies: Vec::new(),
            inferences: Vec::new(),
            rank: None,
            waivers: Vec::new(),
            body,
        }
    }

    fn put(id: &str) -> Folded {
        let record = record(id, Body::Institution(Institution::default()));
        Folded::Change(Change::Put(Arc::new(record), 1), Some(Bytes::from_static(b"x")))
    }

    #[test]
    fn a_record_that_fails_twice_is_set_aside_and_the_rest_goes_on() {
        let tried = Cell::new(0);
        let apply = |view: &mut View, change: Change| {
            if let Change::Put(record, _) = &change
                && record.name.id() == "bad"
            {
                tried.set(tried.get() + 1);
                panic!("a defect of the fold");
            }
            view.apply(change);
        };
        let held = Held::new();
        let after = held.after_by(&[put("a"), put("bad"), put("c")], &apply).at("s", 4);
        assert_eq!((tried.get(), after.view.damaged(), after.originals.size()), (2, 1, 2));
        let all: usize = after.view.rows().values().sum();
        assert_eq!((all, after.view.revision(), after.view.store_id()), (2, 4, "s"));
        // What was there before did not change.
        assert_eq!((held.view.rows().len(), held.originals.size()), (0, 0));
    }
}
