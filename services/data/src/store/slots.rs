//! Reading versions: from the cache or the disk, the name compared, what was purged or dropped told apart.

use reform_model::Name;
use reform_model::record::COLLECTION;

use super::chunk::{self, Chunk};
use super::index::{Found, Index, Position};
use super::keys::{ChunkId, Revision};
use super::{Error, Shared, Stored, disk, error};

impl Shared {
    /// The content of a slot, which has to be there.
    pub(super) fn slot(&self, chunk: &Chunk, id: ChunkId, slot: usize) -> Result<Stored, Error> {
        let stored = self.any_slot(chunk, id, slot)?;
        // What was purged is passed over before it is read, so it was dropped.
        if stored.header.bare { Err(self.compacted(stored.revision)) } else { Ok(stored) }
    }

    /// The content of a slot, or what is left of it.
    pub(super) fn any_slot(&self, chunk: &Chunk, id: ChunkId, slot: usize) -> Result<Stored, Error> {
        chunk.stored(slot).map_err(|damage| disk::Error::Chunk { id, damage }.into())
    }

    /// The content of a version.
    pub(super) fn stored(&self, found: Found) -> Result<Stored, Error> {
        let stored = self.any_stored(found)?;
        if stored.header.bare { Err(self.compacted(stored.revision)) } else { Ok(stored) }
    }

    /// The content of a version, or what is left of it.
    pub(super) fn any_stored(&self, found: Found) -> Result<Stored, Error> {
        if let Some(stored) = self.cache.get(found.position) {
            return Ok(stored);
        }
        let Position { chunk: id, slot } = found.position;
        let read = self.disk.chunk_value(id).and_then(|value| {
            chunk::read(id, &value, slot.into()).map_err(|damage| disk::Error::Chunk { id, damage })
        });
        let (commit, slot) = read.map_err(|error| self.with_name(error.into(), found.position))?;
        let chunk::Slot { header, record } = slot;
        let stored = Stored { header, record, revision: commit.revision, time_ms: commit.time_ms };
        self.cache.put(found.position, &stored);
        Ok(stored)
    }

    /// The version of a record that is visible at a revision, its name compared.
    ///
    /// # Errors
    /// [`Error::Purged`] whatever the revision, once the record was.
    pub(super) fn stored_by_name(
        &self,
        name: &Name,
        revision: Revision,
    ) -> Result<Option<(Found, Stored)>, Error> {
        let candidates: Vec<(Found, bool)> = {
            let index = self.index.read();
            let candidates = index.candidates(name.id()).filter_map(|record| {
                let purged = self.is_purged(&index, record);
                Some((index.at(record, if purged { Revision::MAX } else { revision })?, purged))
            });
            candidates.collect()
        };
        for (found, purged) in candidates {
            let stored = error::of(name.id(), self.any_stored(found))?;
            if let Some(stored) = stored.filter(|stored| stored.name() == Some(name.as_str())) {
                return match (purged, stored.header.bare) {
                    (true, _) => Err(Error::Purged(name.clone())),
                    (false, true) => Err(self.compacted(revision)),
                    (false, false) => Ok(Some((found, stored))),
                };
            }
        }
        Ok(None)
    }

    /// Whether a record is erased for every reader.
    pub(super) fn is_purged(&self, index: &Index, record: u32) -> bool {
        index.purged(record).is_some_and(|revision| revision <= self.durable.borrow().revision)
    }

    /// Whether the record of that name is erased for every reader.
    pub(super) fn is_purged_by_name(&self, name: &str) -> Result<bool, Error> {
        let id = name.strip_prefix(COLLECTION).unwrap_or(name);
        let candidates: Vec<Found> = {
            let index = self.index.read();
            if !index.has_purged() {
                return Ok(false);
            }
            let purged = index.candidates(id).filter(|record| self.is_purged(&index, *record));
            purged.filter_map(|record| index.newest(record)).collect()
        };
        for found in candidates {
            if error::of(id, self.any_stored(found))?.is_some_and(|stored| stored.name() == Some(name)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(super) fn compacted(&self, asked: Revision) -> Error {
        Error::Compacted { asked, oldest: self.compaction.borrow().oldest }
    }
}
