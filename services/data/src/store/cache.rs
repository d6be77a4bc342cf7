//! Records that were read lately, each by its place in the log.
//!
//! sled caches leaves of sixteen chunks, so a record that is read again costs a hundred times its bytes there.

use bytes::Bytes;
use lru::LruCache;
use parking_lot::Mutex;

use super::index::Position;
use super::read::Stored;

/// Parts with a lock each.
const SHARDS: usize = 16;
/// What an entry takes beside the record's bytes, about.
const ENTRY_BYTES: usize = 256;

/// A bounded number of bytes of records.
#[derive(Debug)]
pub struct Cache {
    shards: Vec<Mutex<Shard>>,
    shard_bytes_max: usize,
}

#[derive(Debug)]
struct Shard {
    records: LruCache<Position, Stored>,
    bytes: usize,
    hits: u64,
    misses: u64,
}

/// What a cache holds, and how often it was of use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Use {
    /// Bytes that it takes, about.
    pub bytes: usize,
    /// Reads that it answered.
    pub hits: u64,
    /// Reads that it could not answer.
    pub misses: u64,
}

impl Cache {
    /// An empty cache of at most so many bytes.
    pub fn new(bytes_max: u64) -> Self {
        let shard = || Mutex::new(Shard { records: LruCache::unbounded(), bytes: 0, hits: 0, misses: 0 });
        let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
        Self { shards: (0..SHARDS).map(|_| shard()).collect(), shard_bytes_max: bytes_max / SHARDS }
    }

    /// What is stored at a position, when it is here.
    pub fn get(&self, position: Position) -> Option<Stored> {
        let mut shard = self.shard(position).lock();
        let found = shard.records.get(&position).cloned();
        *if found.is_some() { &mut shard.hits } else { &mut shard.misses } += 1;
        found
    }

    /// Keeps what was read at a position, unless its content was taken out.
    pub fn put(&self, position: Position, stored: &Stored) {
        if stored.header.bare {
            return;
        }
        // A copy, because the record is a part of its chunk and would keep all of it.
        let record = Bytes::copy_from_slice(&stored.record);
        let added = ENTRY_BYTES + record.len();
        let stored = Stored { record, ..stored.clone() };
        let mut shard = self.shard(position).lock();
        shard.bytes += added;
        if let Some(before) = shard.records.put(position, stored) {
            shard.bytes -= ENTRY_BYTES + before.record.len();
        }
        while shard.bytes > self.shard_bytes_max
            && let Some((_, oldest)) = shard.records.pop_lru()
        {
            shard.bytes -= ENTRY_BYTES + oldest.record.len();
        }
    }

    /// Forgets everything, because chunks were written anew.
    pub fn clear(&self) {
        for shard in &self.shards {
            let mut shard = shard.lock();
            shard.records.clear();
            shard.bytes = 0;
        }
    }

    /// What it holds now, and of what use it was so far.
    pub fn told(&self) -> Use {
        self.shards.iter().fold(Use::default(), |sum, shard| {
            let shard = shard.lock();
            Use {
                bytes: sum.bytes + shard.bytes,
                hits: sum.hits + shard.hits,
                misses: sum.misses + shard.misses,
            }
        })
    }

    fn shard(&self, position: Position) -> &Mutex<Shard> {
        let Position { chunk, slot } = position;
        let spread = chunk.revision.cast_unsigned() ^ u64::from(chunk.part) ^ u64::from(slot);
        &self.shards[usize::try_from(spread % SHARDS as u64).unwrap_or_default()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::chunk::SlotHeader;
    use crate::store::keys::ChunkId;

    #[test]
    fn it_keeps_what_was_read_last_within_its_bytes() {
        let position = |slot| Position { chunk: ChunkId { revision: 16, part: 0 }, slot };
        let stored = |revision| Stored {
            header: SlotHeader::default(),
            record: Bytes::from(vec![0; 1_000]),
            revision,
            time_ms: 0,
        };
        let cache = Cache::new(16 * 4_000);
        // All in one shard, with room for three.
        for slot in [0, 16, 32, 48] {
            cache.put(position(slot), &stored(slot.into()));
            cache.put(position(slot), &stored(slot.into()));
            assert_eq!(cache.get(position(0)).map(|stored| stored.revision), Some(0));
        }
        let kept = |slot| cache.get(position(slot)).is_some();
        assert_eq!([0, 16, 32, 48].map(kept), [true, false, true, true]);
        assert_eq!(cache.told(), Use { bytes: 3 * 1_256, hits: 7, misses: 1 });
        cache.clear();
        assert_eq!([0, 16, 32, 48].map(kept), [false; 4]);
    }
}
