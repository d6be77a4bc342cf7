//! The facts about a store that are not in its log.

use prost::Message;

use super::envelope::{self, Damage};
use super::keys::{self, Revision};

/// The layout that this program writes; it refuses to open a larger one. Format 1 has no purges and no dropped history.
pub const STORE_FORMAT: u32 = 2;

/// The one value under [`Meta::key`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct Meta {
    /// The layout, [`STORE_FORMAT`].
    #[prost(uint32, tag = "1")]
    pub format: u32,
    /// Which store this is: 32 hexadecimal digits, made at creation and again at every restore.
    #[prost(string, tag = "2")]
    pub store_id: String,
    /// Seals page tokens: 16 bytes that never leave the store.
    #[prost(bytes = "vec", tag = "3")]
    pub token_key: Vec<u8>,
    /// Makes the `uid` of records: 16 bytes, kept by a restore.
    #[prost(bytes = "vec", tag = "4")]
    pub uid_key: Vec<u8>,
    /// The smallest revision that can be read; 0: all history is there.
    #[prost(int64, tag = "5")]
    pub oldest_revision: Revision,
    /// What lay below this revision has left the log; less than `oldest_revision` while a compaction goes on.
    #[prost(int64, tag = "6")]
    pub dropped_revision: Revision,
}

impl Meta {
    /// A new store's.
    pub fn new() -> Self {
        let random = || uuid::Uuid::new_v4().into_bytes().to_vec();
        Self {
            format: STORE_FORMAT,
            store_id: uuid::Uuid::new_v4().simple().to_string(),
            token_key: random(),
            uid_key: random(),
            oldest_revision: 0,
            dropped_revision: 0,
        }
    }

    /// Where it is stored.
    pub fn key() -> Vec<u8> {
        keys::meta("store")
    }

    /// The value to store.
    pub fn seal(&self) -> Vec<u8> {
        let mut value = vec![0; envelope::LENGTH];
        self.encode(&mut value).expect("a Vec grows");
        envelope::seal(&Self::key(), &mut value);
        value
    }

    /// Reads the value back.
    pub fn open(value: &[u8]) -> Result<Self, Damage> {
        Self::decode(envelope::open(&Self::key(), value)?).map_err(|_| Damage::Content)
    }

    /// One of the keys, for a keyed hash.
    pub fn hash_key(bytes: &[u8]) -> (u64, u64) {
        let half = |range: std::ops::Range<usize>| {
            let bytes = bytes.get(range).and_then(|bytes| bytes.try_into().ok());
            u64::from_le_bytes(bytes.unwrap_or_default())
        };
        (half(0..8), half(8..16))
    }
}
