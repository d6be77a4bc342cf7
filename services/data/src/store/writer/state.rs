//! The newest state as the writer sees it: the index, what is durable, and what the group under way has staged.

use super::{VERIFIED_MAX, Writer};
use crate::store::chunk::Chunk;
use crate::store::disk;
use crate::store::error::{self, Error};
use crate::store::index::Found;
use crate::store::plan::{self, State};
use crate::store::read::Stored;

impl State for Writer {
    fn newest(&self, id: &str) -> Result<Option<Found>, Error> {
        let known = self.verified.lock().get(id).copied();
        if let Some(record) = known {
            return Ok(self.shared.index.read().newest(record));
        }
        let candidates: Vec<Found> = {
            let index = self.shared.index.read();
            index.candidates(id).filter_map(|record| index.newest(record)).collect()
        };
        for found in candidates {
            let stored = error::of(id, self.stored(found))?;
            let name = stored.as_ref().and_then(Stored::name);
            if name.and_then(|name| name.strip_prefix(reform_model::record::COLLECTION)) == Some(id) {
                let mut verified = self.verified.lock();
                if verified.len() >= VERIFIED_MAX {
                    verified.clear();
                }
                verified.insert(id.to_owned(), found.record);
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn stored(&self, found: Found) -> Result<Stored, Error> {
        let id = found.position.chunk;
        let slot = usize::from(found.position.slot);
        if let Some((open, builder)) = &self.chunk
            && *open == id
        {
            return self.shared.any_slot(&builder.peek(), id, slot);
        }
        match self.unwritten.get(&id) {
            Some(value) => {
                let chunk = Chunk::open(id, value.clone());
                let chunk = chunk.map_err(|damage| disk::Error::Chunk { id, damage })?;
                self.shared.any_slot(&chunk, id, slot)
            }
            None => self.shared.any_stored(found),
        }
    }

    fn is_purged(&self, record: u32) -> bool {
        self.shared.index.read().purged(record).is_some()
    }

    fn versions(&self, record: u32) -> u32 {
        let versions = self.shared.index.read().readable(record, self.meta.oldest_revision).count();
        u32::try_from(versions).unwrap_or(u32::MAX)
    }

    fn live(&self, term: u64, limit: usize) -> Vec<Found> {
        plan::newest_live(&self.shared.index.read(), term, limit)
    }
}
