//! Keys of the one sled tree: a kind byte, then big-endian numbers, so that sled's order is ours.
//!
//! | key | value |
//! |---|---|
//! | `c` revision `u64` part `u16` | a chunk of the change log ([`super::chunk`]) |
//! | `x` revision `u64` part `u16` | the summary of the chunks from that position on ([`super::summary`]) |
//! | `m` name | one fact about the store ([`super::meta`]) |

/// A place in the history; the first commit is 1, 0 is the empty store.
pub type Revision = i64;

const CHUNK: u8 = b'c';
const SUMMARY: u8 = b'x';
const META: u8 = b'm';
const POSITION_LENGTH: usize = 11;

/// Where a chunk stands in the log: the first revision in it, and its number among those that begin with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChunkId {
    /// The first revision of which the chunk holds changes.
    pub revision: Revision,
    /// 0 for the chunk in which that revision begins.
    pub part: u16,
}

impl ChunkId {
    /// The key of the chunk.
    pub fn chunk_key(self) -> [u8; POSITION_LENGTH] {
        self.key(CHUNK)
    }

    /// The key of the summary that begins with this chunk.
    pub fn summary_key(self) -> [u8; POSITION_LENGTH] {
        self.key(SUMMARY)
    }

    fn key(self, kind: u8) -> [u8; POSITION_LENGTH] {
        let mut key = [kind; POSITION_LENGTH];
        key[1..9].copy_from_slice(&self.revision.to_be_bytes());
        key[9..].copy_from_slice(&self.part.to_be_bytes());
        key
    }

    /// The position that a chunk's or a summary's key names; none for any other key.
    pub fn parse(key: &[u8]) -> Option<Self> {
        let key: &[u8; POSITION_LENGTH] = key.try_into().ok()?;
        let (kind, rest) = key.split_first()?;
        let (revision, part) = rest.split_at(8);
        let revision = Revision::from_be_bytes(revision.try_into().ok()?);
        let part = u16::from_be_bytes(part.try_into().ok()?);
        ([CHUNK, SUMMARY].contains(kind) && revision > 0).then_some(Self { revision, part })
    }
}

/// The prefix of every summary.
pub const SUMMARIES: [u8; 1] = [SUMMARY];

/// The key of one fact about the store.
pub fn meta(name: &str) -> Vec<u8> {
    [&[META], name.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_sort_as_they_were_written() {
        let ids = [(1, 0), (1, 1), (1, u16::MAX), (2, 0), (256, 0), (i64::MAX, 0)]
            .map(|(revision, part)| ChunkId { revision, part });
        let keys = ids.map(ChunkId::chunk_key);
        assert!(keys.is_sorted());
        for id in ids {
            assert_eq!(ChunkId::parse(&id.chunk_key()), Some(id));
            assert_eq!(ChunkId::parse(&id.summary_key()), Some(id));
        }
    }

    #[test]
    fn other_keys_are_no_positions() {
        assert_eq!(ChunkId::parse(&meta("format")), None);
        assert_eq!(ChunkId::parse(b""), None);
        assert_eq!(ChunkId::parse(&[b'c'; 11]).map(|id| id.part), Some(0x6363));
        assert_eq!(ChunkId::parse(&[b'z'; 11]), None);
    }
}
