//! A view that was kept elsewhere, put together again.

use std::sync::Arc;

use reform_model::{Body, Name, Record};

use super::{Entry, View};
use crate::columns::Malformed;
use crate::weight;

impl View {
    /// The appeals as plain bytes, block by block, none of them large; [`Restoring::take_in`] reads them.
    pub fn image(&self) -> impl Iterator<Item = Vec<u8>> + '_ {
        self.appeals.image()
    }

    /// Whether the image does not hold all of a record, so that it has to be kept beside it.
    pub fn is_whole(record: &Record) -> bool {
        !matches!(record.body, Body::Appeal(_)) || !record.discrepancies.is_empty()
    }

    /// The names of the records that cannot be read.
    pub fn damaged_names(&self) -> impl Iterator<Item = &Name> {
        self.damaged.iter()
    }

    /// Makes what finds a record by name: a view that was restored answers without it, and its first change would have to
    /// wait for it.
    pub fn find_rows(&self) {
        self.appeals.find_rows();
    }

    /// The same view as one of that store.
    #[must_use]
    pub fn of_store(self, store_id: impl Into<Arc<str>>) -> Self {
        Self { store_id: store_id.into(), ..self }
    }
}

/// A view while it is put together: its image, in order, and every record that is whole, once.
#[derive(Debug)]
pub struct Restoring(View);

impl Restoring {
    /// Nothing yet.
    pub fn new(store_id: impl Into<Arc<str>>) -> Self {
        Self(View::new(store_id))
    }

    /// Takes in the next block of the image.
    ///
    /// # Errors
    /// It is none.
    pub fn take_in(&mut self, block: &[u8]) -> Result<(), Malformed> {
        self.0.appeals.take_in(block)
    }

    /// Takes in a record that is whole.
    pub fn put(&mut self, record: Arc<Record>, revision: i64) {
        if matches!(record.body, Body::Appeal(_)) {
            self.0.bytes += weight::bytes(&record);
            self.0.disputed.insert_mut(record.name.clone(), Entry { record, revision });
        } else {
            self.0.insert(record, revision);
        }
    }

    /// Takes in the name of a record that cannot be read.
    pub fn damaged(&mut self, name: Name) {
        self.0.damaged.insert_mut(name);
    }

    /// The view of that revision.
    pub fn finish(mut self, revision: i64) -> View {
        self.0.set_revision(revision);
        self.0
    }
}
