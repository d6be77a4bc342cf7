//! A chunk of the change log: changes in order, each with its record's new bytes, under the commits that made them.
//!
//! The payload, inside its [`super::envelope`]:
//!
//! | bytes | what |
//! |---|---|
//! | 4 | length of the header, little-endian |
//! | … | the header: the commits, and where each slot ends |
//! | … | the slots: a length-delimited [`SlotHeader`], then the encoded record |
//!
//! A chunk is closed when it passes [`BYTES_TARGET`]; one record may make it larger. A commit that needs several chunks
//! repeats its header in each, so that every chunk can be read alone.

use bytes::{Buf, Bytes};
use prost::Message;

use super::envelope::{self, Damage};
use super::keys::{ChunkId, Revision};
use super::read::Stored;

/// A chunk takes no further change once it holds this many bytes.
pub const BYTES_TARGET: usize = 8 * 1024;

/// What a change does to a record. The numbers are stored, and are those of `ChangeType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, prost::Enumeration)]
#[repr(i32)]
pub enum Operation {
    /// It was not there before.
    Create = 1,
    /// It has a new content.
    Update = 2,
    /// It is deleted; the content stays readable.
    Delete = 3,
    /// It is back.
    Undelete = 4,
    /// It was deleted before and is erased; only its name is left.
    Purge = 5,
}

impl Operation {
    /// Whether the record is gone after it.
    pub fn removes(self) -> bool {
        match self {
            Operation::Delete | Operation::Purge => true,
            Operation::Create | Operation::Update | Operation::Undelete => false,
        }
    }
}

/// A commit as its chunks tell it.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CommitHeader {
    /// Its revision.
    #[prost(int64, tag = "1")]
    pub revision: Revision,
    /// When it was made, in milliseconds since 1970.
    #[prost(int64, tag = "2")]
    pub time_ms: i64,
    /// Who made it.
    #[prost(string, tag = "3")]
    pub author: String,
    /// Why.
    #[prost(string, tag = "4")]
    pub reason: String,
    /// The caller's request id: 16 bytes, or none.
    #[prost(bytes = "vec", tag = "5")]
    pub request_id: Vec<u8>,
    /// The hash of that request: 16 bytes, or none.
    #[prost(bytes = "vec", tag = "6")]
    pub request_hash: Vec<u8>,
    /// What an import batch with a request id was answered, so that a repeat gets the same.
    #[prost(bytes = "vec", tag = "7")]
    pub answer: Vec<u8>,
    /// Its changes in this chunk.
    #[prost(uint32, tag = "8")]
    pub slots: u32,
    /// Whether its last change is in this chunk.
    #[prost(bool, tag = "9")]
    pub complete: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Header {
    #[prost(message, repeated, tag = "1")]
    commits: Vec<CommitHeader>,
    #[prost(uint32, repeated, tag = "2")]
    slot_ends: Vec<u32>,
}

/// What a slot says beside the record's bytes.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SlotHeader {
    /// What was done.
    #[prost(enumeration = "Operation", tag = "1")]
    pub operation: i32,
    /// The record's kind, [`reform_model::Kind::number`].
    #[prost(uint32, tag = "2")]
    pub kind: u32,
    /// The record's revision before this one; 0 for none.
    #[prost(int64, tag = "3")]
    pub previous_revision: Revision,
    /// The revision that created the record; 0 means this one.
    #[prost(int64, tag = "4")]
    pub create_revision: Revision,
    /// When it was created; 0 means with this commit.
    #[prost(int64, tag = "5")]
    pub create_time_ms: i64,
    /// Whether the content is gone: of a purge, of what a purge erased, and of history that was dropped. The record's
    /// name and jurisdiction are left.
    #[prost(bool, tag = "6")]
    pub bare: bool,
    /// Of a purge: how many versions it erased.
    #[prost(uint32, tag = "7")]
    pub versions_erased: u32,
}

/// One change, read back.
#[derive(Debug, Clone)]
pub struct Slot {
    /// What the slot says beside the record.
    pub header: SlotHeader,
    /// The encoded record without the fields that the server adds.
    pub record: Bytes,
}

/// A chunk, checked and open for reading.
#[derive(Debug, Clone)]
pub struct Chunk {
    header: Header,
    bodies: Bytes,
}

impl Chunk {
    /// Opens the value stored at a position.
    pub fn open(id: ChunkId, value: Bytes) -> Result<Self, Damage> {
        let (header, bodies) = parts(id, &value)?;
        let header = Header::decode(header).map_err(|_| Damage::Content)?;
        Ok(Self { header, bodies: value.slice_ref(bodies) })
    }

    /// The commits, in order.
    pub fn commits(&self) -> &[CommitHeader] {
        &self.header.commits
    }

    /// The commit that made the change in a slot.
    pub fn commit_of(&self, slot: usize) -> Option<&CommitHeader> {
        let mut first = 0;
        self.header.commits.iter().find(|commit| {
            first += commit.slots as usize;
            slot < first
        })
    }

    /// One change, with the revision and the time of its commit.
    pub fn stored(&self, slot: usize) -> Result<Stored, Damage> {
        let commit = self.commit_of(slot).ok_or(Damage::Content)?;
        let (revision, time_ms) = (commit.revision, commit.time_ms);
        let Slot { header, record } = self.slot(slot)?;
        Ok(Stored { header, record, revision, time_ms })
    }

    /// One change.
    pub fn slot(&self, slot: usize) -> Result<Slot, Damage> {
        slot_of(&self.bodies, &self.header.slot_ends, slot)
    }
}

/// Of a chunk's header, what finds one slot: the texts of its commits are passed over.
#[derive(Clone, PartialEq, prost::Message)]
struct Places {
    #[prost(message, repeated, tag = "1")]
    commits: Vec<CommitPlace>,
    #[prost(uint32, repeated, tag = "2")]
    slot_ends: Vec<u32>,
}

/// Of a [`CommitHeader`], when it was made and how many changes it has.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct CommitPlace {
    /// Its revision.
    #[prost(int64, tag = "1")]
    pub revision: Revision,
    /// When it was made, in milliseconds since 1970.
    #[prost(int64, tag = "2")]
    pub time_ms: i64,
    /// Its changes in this chunk.
    #[prost(uint32, tag = "8")]
    pub slots: u32,
}

/// One change of the chunk stored at a position, and its commit: for a reader that wants no other.
pub fn read(id: ChunkId, value: &Bytes, slot: usize) -> Result<(CommitPlace, Slot), Damage> {
    let (header, bodies) = parts(id, value)?;
    let places = Places::decode(header).map_err(|_| Damage::Content)?;
    let mut first = 0;
    let commit = places.commits.iter().find(|commit| {
        first += commit.slots as usize;
        slot < first
    });
    let commit = *commit.ok_or(Damage::Content)?;
    Ok((commit, slot_of(&value.slice_ref(bodies), &places.slot_ends, slot)?))
}

/// The encoded header and the slots of a stored value.
fn parts(id: ChunkId, value: &[u8]) -> Result<(&[u8], &[u8]), Damage> {
    let payload = envelope::open(&id.chunk_key(), value)?;
    let (length, rest) = payload.split_first_chunk::<4>().ok_or(Damage::Content)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| Damage::Content)?;
    rest.split_at_checked(length).ok_or(Damage::Content)
}

fn slot_of(bodies: &Bytes, ends: &[u32], slot: usize) -> Result<Slot, Damage> {
    let end = *ends.get(slot).ok_or(Damage::Content)? as usize;
    let start = match slot.checked_sub(1) {
        Some(before) => *ends.get(before).ok_or(Damage::Content)? as usize,
        None => 0,
    };
    if start > end || end > bodies.len() {
        return Err(Damage::Content);
    }
    let mut rest = bodies.slice(start..end);
    let length = prost::decode_length_delimiter(&mut rest).map_err(|_| Damage::Content)?;
    if length > rest.remaining() {
        return Err(Damage::Content);
    }
    let header = SlotHeader::decode(rest.split_to(length)).map_err(|_| Damage::Content)?;
    Ok(Slot { header, record: rest })
}

/// A chunk while it is written.
#[derive(Debug, Default)]
pub struct Builder {
    header: Header,
    bodies: Vec<u8>,
}

impl Builder {
    /// Begins the part of a commit that goes into this chunk.
    pub fn begin(&mut self, commit: CommitHeader) {
        self.header.commits.push(CommitHeader { slots: 0, complete: false, ..commit });
    }

    /// Ends the commit in this chunk.
    pub fn complete(&mut self) {
        if let Some(commit) = self.header.commits.last_mut() {
            commit.complete = true;
        }
    }

    /// Appends a change of the commit that was begun last and returns its slot.
    pub fn push(&mut self, header: &SlotHeader, record: &[&[u8]]) -> usize {
        prost::encode_length_delimiter(header.encoded_len(), &mut self.bodies).expect("a Vec grows");
        header.encode(&mut self.bodies).expect("a Vec grows");
        for part in record {
            self.bodies.extend_from_slice(part);
        }
        let end = u32::try_from(self.bodies.len()).expect("a chunk is closed at BYTES_TARGET");
        self.header.slot_ends.push(end);
        if let Some(commit) = self.header.commits.last_mut() {
            commit.slots += 1;
        }
        self.header.slot_ends.len() - 1
    }

    /// Whether the chunk takes no further change.
    pub fn is_full(&self) -> bool {
        self.bodies.len() >= BYTES_TARGET || self.header.slot_ends.len() >= usize::from(u16::MAX)
    }

    /// The chunk as it will be read back, for a reader within the same group.
    pub fn peek(&self) -> Chunk {
        Chunk { header: self.header.clone(), bodies: Bytes::copy_from_slice(&self.bodies) }
    }

    /// The value to store at that position.
    pub fn finish(self, id: ChunkId) -> Vec<u8> {
        let length = self.header.encoded_len();
        let mut value = Vec::with_capacity(envelope::LENGTH + 4 + length + self.bodies.len());
        value.resize(envelope::LENGTH, 0);
        value.extend_from_slice(&u32::try_from(length).expect("a header is small").to_le_bytes());
        self.header.encode(&mut value).expect("a Vec grows");
        value.extend_from_slice(&self.bodies);
        envelope::seal(&id.chunk_key(), &mut value);
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: ChunkId = ChunkId { revision: 7, part: 0 };

    fn sample() -> Vec<u8> {
        let mut builder = Builder::default();
        builder.begin(CommitHeader { revision: 7, author: "a".into(), ..CommitHeader::default() });
        builder.push(&SlotHeader { kind: 10, ..SlotHeader::default() }, &[b"one"]);
        builder.push(&SlotHeader { kind: 10, previous_revision: 3, ..SlotHeader::default() }, &[b"", b"two"]);
        builder.complete();
        builder.begin(CommitHeader { revision: 8, ..CommitHeader::default() });
        builder.push(&SlotHeader::default(), &[]);
        builder.finish(ID)
    }

    #[test]
    fn comes_back_slot_by_slot() {
        let chunk = Chunk::open(ID, sample().into()).unwrap();
        for slot in 0..3 {
            let (commit, read) = read(ID, &sample().into(), slot).unwrap();
            assert_eq!(commit.revision, chunk.commit_of(slot).unwrap().revision);
            assert_eq!((read.header, read.record), {
                let Slot { header, record } = chunk.slot(slot).unwrap();
                (header, record)
            });
        }
        assert!(read(ID, &sample().into(), 3).is_err());
        assert_eq!(chunk.slot(0).unwrap().record, "one");
        assert_eq!(chunk.slot(1).unwrap().record, "two");
        assert_eq!(chunk.slot(1).unwrap().header.previous_revision, 3);
        assert!(chunk.slot(2).unwrap().record.is_empty());
        assert_eq!(chunk.slot(3).unwrap_err(), Damage::Content);
        let revisions = (0..3).map(|slot| chunk.commit_of(slot).unwrap().revision);
        assert_eq!(revisions.collect::<Vec<_>>(), [7, 7, 8]);
        assert_eq!(chunk.commits().iter().map(|commit| commit.complete).collect::<Vec<_>>(), [true, false]);
    }

    #[test]
    fn a_chunk_under_another_key_is_damaged() {
        let elsewhere = ChunkId { revision: 8, part: 0 };
        assert_eq!(Chunk::open(elsewhere, sample().into()).unwrap_err(), Damage::Checksum);
    }
}
