//! Which records may have a name: a hash table of record numbers. The names themselves are in the log.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

/// Tables, each of which grows by itself: one of ten million would stop the readers for a second when it grows.
const SHARDS: usize = 256;

/// Records that are sorted by their shard at once.
const SORTED_MAX: usize = 1 << 20;

/// Record numbers by the hash of their name.
#[derive(Debug)]
pub struct Names {
    hasher: RandomState,
    shards: Vec<HashTable<u32>>,
}

impl Default for Names {
    fn default() -> Self {
        Self { hasher: RandomState::new(), shards: (0..SHARDS).map(|_| HashTable::new()).collect() }
    }
}

impl Names {
    /// The hash of an id. Four bytes: among ten million names one in four hundred shares its hash, and whoever asks
    /// compares the name anyway.
    pub fn hash(&self, id: &[u8]) -> u32 {
        let hash = self.hasher.hash_one(id).to_le_bytes();
        u32::from_le_bytes([hash[0], hash[1], hash[2], hash[3]])
    }

    /// Adds a record under its hash; `hash_of` tells the hash of each record that was added.
    pub fn insert(&mut self, hash: u32, record: u32, hash_of: impl Fn(u32) -> u32) {
        let shard = &mut self.shards[Self::shard(hash)];
        shard.insert_unique(spread(hash), record, |other| spread(hash_of(*other)));
    }

    /// Adds many, hashes and records, to which up to `total` in all will come.
    pub fn insert_all(
        &mut self,
        records: impl Iterator<Item = (u32, u32)>,
        total: usize,
        hash_of: impl Fn(u32) -> u32,
    ) {
        let hash_of = |other: &u32| spread(hash_of(*other));
        let mut records = records.peekable();
        // Shard by shard: ten million places one after the other would each be far away in memory.
        let mut sorted: Vec<Vec<(u32, u32)>> = vec![Vec::new(); SHARDS];
        while records.peek().is_some() {
            for (hash, record) in records.by_ref().take(SORTED_MAX) {
                sorted[Self::shard(hash)].push((hash, record));
            }
            for (shard, records) in self.shards.iter_mut().zip(&mut sorted) {
                shard.reserve((total / SHARDS).saturating_sub(shard.len()).max(records.len()), hash_of);
                for (hash, record) in records.drain(..) {
                    shard.insert_unique(spread(hash), record, hash_of);
                }
            }
        }
    }

    /// The records under a hash, and some under others.
    pub fn with_hash(&self, hash: u32) -> impl Iterator<Item = u32> {
        self.shards[Self::shard(hash)].iter_hash(spread(hash)).copied()
    }

    fn shard(hash: u32) -> usize {
        (hash >> 24) as usize
    }
}

/// The table looks at the first and the last bits of eight bytes.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
