//! What the index needs to know of a run of chunks, without their records: written behind them, read at open.
//!
//! It is a fold of its chunks and can be made again from them; that reopening reads summaries and not the whole log is
//! all that it is for. One is written, with the batch that fills it, for every [`SLOTS_TARGET`] changes, under the
//! position of the first chunk that it covers; the chunks behind the last summary are read themselves.
//! Columns, one entry a slot.

use prost::Message;
use reform_model::{Day, Kind};

use super::chunk::{CommitHeader, Operation};
use super::envelope::{self, Damage};
use super::keys::{ChunkId, Revision};

/// A summary is written once it covers this many changes.
pub const SLOTS_TARGET: usize = 1_000;
/// Stands for "no main date"; absent dates sort last.
pub const NO_DAY: i32 = i32::MAX;

/// What the index keeps of one change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What was done.
    pub operation: Operation,
    /// The record's kind.
    pub kind: Kind,
    /// Its jurisdiction.
    pub jurisdiction: String,
    /// Its id, without `records/`.
    pub id: String,
    /// The earliest day of its main date, or [`NO_DAY`].
    pub day: i32,
    /// The index terms that it belongs to ([`super::terms`]).
    pub terms: Vec<u64>,
}

impl Entry {
    /// The day as it sorts.
    pub fn sort_day(day: Option<Day>) -> i32 {
        day.map_or(NO_DAY, |day| day.0)
    }
}

/// What the index keeps of one commit.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Commit {
    /// Its revision.
    #[prost(int64, tag = "1")]
    pub revision: Revision,
    /// When it was made.
    #[prost(int64, tag = "2")]
    pub time_ms: i64,
    /// The caller's request id, or none.
    #[prost(bytes = "vec", tag = "3")]
    pub request_id: Vec<u8>,
    /// The hash of that request, or none.
    #[prost(bytes = "vec", tag = "4")]
    pub request_hash: Vec<u8>,
    /// Its changes among those that the summary covers.
    #[prost(uint32, tag = "5")]
    pub slots: u32,
}

/// A chunk that a summary covers.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct Covered {
    /// The first revision in it.
    #[prost(int64, tag = "1")]
    pub revision: Revision,
    /// Its number among those that begin with that revision.
    #[prost(uint32, tag = "2")]
    pub part: u32,
    /// Its changes.
    #[prost(uint32, tag = "3")]
    pub slots: u32,
}

impl Covered {
    /// The chunk; none when there can be no such chunk.
    pub fn id(&self) -> Option<ChunkId> {
        Some(ChunkId { revision: self.revision, part: u16::try_from(self.part).ok()? })
    }
}

impl From<&CommitHeader> for Commit {
    fn from(header: &CommitHeader) -> Self {
        Self {
            revision: header.revision,
            time_ms: header.time_ms,
            request_id: header.request_id.clone(),
            request_hash: header.request_hash.clone(),
            slots: 0,
        }
    }
}

#[derive(Clone, PartialEq, prost::Message)]
struct Columns {
    #[prost(message, repeated, tag = "1")]
    commits: Vec<Commit>,
    #[prost(bytes = "vec", tag = "2")]
    operations: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    kinds: Vec<u8>,
    /// The jurisdictions that occur, and each slot's place among them.
    #[prost(string, repeated, tag = "4")]
    jurisdictions: Vec<String>,
    #[prost(uint32, repeated, tag = "5")]
    jurisdiction: Vec<u32>,
    /// Ids, each as the number of bytes shared with the one before it, the number of further ones, and these.
    #[prost(bytes = "vec", tag = "6")]
    ids: Vec<u8>,
    #[prost(sint32, repeated, tag = "7")]
    days: Vec<i32>,
    /// The terms that occur, how many each slot has, and their places.
    #[prost(fixed64, repeated, tag = "8")]
    dictionary: Vec<u64>,
    #[prost(uint32, repeated, tag = "9")]
    term_counts: Vec<u32>,
    #[prost(uint32, repeated, tag = "10")]
    terms: Vec<u32>,
    #[prost(message, repeated, tag = "11")]
    chunks: Vec<Covered>,
}

/// A summary, read back.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// The chunks that it covers, in order.
    pub chunks: Vec<Covered>,
    /// The commits, in order.
    pub commits: Vec<Commit>,
    /// The changes, in order.
    pub entries: Vec<Entry>,
}

impl Summary {
    /// Opens the value stored at a position.
    pub fn open(id: ChunkId, value: &[u8]) -> Result<Self, Damage> {
        let payload = envelope::open(&id.summary_key(), value)?;
        let columns = Columns::decode(payload).map_err(|_| Damage::Content)?;
        let entries = columns.entries().ok_or(Damage::Content)?;
        Ok(Self { chunks: columns.chunks, commits: columns.commits, entries })
    }
}

impl Summary {
    /// The changes in one of its chunks, each with its commit; none when it does not cover that chunk.
    pub fn changes(&self, chunk: ChunkId) -> Option<Vec<(&Commit, &Entry)>> {
        let at = self.chunks.iter().position(|covered| covered.id() == Some(chunk))?;
        let before: usize = self.chunks[..at].iter().map(|covered| covered.slots as usize).sum();
        let commits = self.commits.iter();
        let by_slot = commits.flat_map(|commit| std::iter::repeat_n(commit, commit.slots as usize));
        let slots = self.chunks[at].slots as usize;
        Some(by_slot.zip(&self.entries).skip(before).take(slots).collect())
    }
}

impl Columns {
    fn entries(&self) -> Option<Vec<Entry>> {
        let mut entries = Vec::with_capacity(self.operations.len());
        let (mut ids, mut terms) = (self.ids.as_slice(), self.terms.iter());
        let mut id: Vec<u8> = Vec::new();
        for slot in 0..self.operations.len() {
            let (&[shared, more], rest) = ids.split_first_chunk::<2>()?;
            let (suffix, rest) = rest.split_at_checked(more.into())?;
            ids = rest;
            id.truncate(shared.into());
            id.extend_from_slice(suffix);
            let count = *self.term_counts.get(slot)? as usize;
            let places = terms.by_ref().take(count).copied();
            let jurisdiction = *self.jurisdiction.get(slot)? as usize;
            entries.push(Entry {
                operation: Operation::try_from(i32::from(self.operations[slot])).ok()?,
                kind: Kind::from_number(*self.kinds.get(slot)?)?,
                jurisdiction: self.jurisdictions.get(jurisdiction)?.clone(),
                id: String::from_utf8(id.clone()).ok()?,
                day: *self.days.get(slot)?,
                terms: places
                    .map(|place| self.dictionary.get(place as usize).copied())
                    .collect::<Option<_>>()?,
            });
        }
        Some(entries)
    }
}

/// A summary while its chunks are written.
#[derive(Debug, Default)]
pub struct Builder {
    columns: Columns,
    last_id: Vec<u8>,
}

impl Builder {
    /// Begins the next chunk.
    pub fn begin_chunk(&mut self, id: ChunkId) {
        let ChunkId { revision, part } = id;
        self.columns.chunks.push(Covered { revision, part: part.into(), slots: 0 });
    }

    /// Begins a commit, or the part of it that goes into this chunk.
    pub fn begin_commit(&mut self, commit: &CommitHeader) {
        if self.columns.commits.last().is_none_or(|last| last.revision != commit.revision) {
            self.columns.commits.push(commit.into());
        }
    }

    /// Whether it is time to write the summary.
    pub fn is_full(&self) -> bool {
        self.columns.operations.len() >= SLOTS_TARGET
    }

    /// Appends a change of the commit that was begun last.
    pub fn push(&mut self, entry: &Entry) {
        let columns = &mut self.columns;
        if let (Some(commit), Some(chunk)) = (columns.commits.last_mut(), columns.chunks.last_mut()) {
            commit.slots += 1;
            chunk.slots += 1;
        }
        columns.operations.push(entry.operation as u8);
        columns.kinds.push(entry.kind.number());
        columns.jurisdiction.push(place(&mut columns.jurisdictions, &entry.jurisdiction));
        columns.days.push(entry.day);
        columns.term_counts.push(u32::try_from(entry.terms.len()).expect("a record is small"));
        for term in &entry.terms {
            columns.terms.push(place(&mut columns.dictionary, term));
        }
        let id = entry.id.as_bytes();
        let shared = id.iter().zip(&self.last_id).take_while(|(a, b)| a == b).count();
        let (shared_byte, more) = (u8::try_from(shared), u8::try_from(id.len() - shared));
        columns.ids.push(shared_byte.expect("an id has at most 80 bytes"));
        columns.ids.push(more.expect("an id has at most 80 bytes"));
        columns.ids.extend_from_slice(&id[shared..]);
        self.last_id = id.to_vec();
    }

    /// The position and the value to store; none when nothing is covered.
    pub fn finish(self) -> Option<(ChunkId, Vec<u8>)> {
        let first = self.columns.chunks.first()?;
        let id = ChunkId { revision: first.revision, part: u16::try_from(first.part).ok()? };
        let mut value = vec![0; envelope::LENGTH];
        self.columns.encode(&mut value).expect("a Vec grows");
        envelope::seal(&id.summary_key(), &mut value);
        Some((id, value))
    }
}

/// The place of a value in a dictionary, at its end when it is new. Dictionaries of one chunk are short.
fn place<T: PartialEq + Clone>(dictionary: &mut Vec<T>, value: &T) -> u32 {
    let place = dictionary.iter().position(|known| known == value).unwrap_or_else(|| {
        dictionary.push(value.clone());
        dictionary.len() - 1
    });
    u32::try_from(place).expect("a chunk has fewer entries")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_back_in_order() {
        let id = ChunkId { revision: 1, part: 0 };
        let entry = |id: &str, terms: &[u64], day| Entry {
            operation: Operation::Create,
            kind: Kind::Appeal,
            jurisdiction: "KZ".into(),
            id: id.into(),
            day,
            terms: terms.to_vec(),
        };
        let entries = [entry("appeal-1", &[1, 2], 5), entry("appeal-12", &[2], NO_DAY), entry("b", &[], -3)];
        let mut builder = Builder::default();
        builder.begin_chunk(id);
        builder.begin_commit(&CommitHeader { revision: 1, time_ms: 9, ..CommitHeader::default() });
        entries[..2].iter().for_each(|entry| builder.push(entry));
        builder.begin_chunk(ChunkId { revision: 1, part: 1 });
        builder.begin_commit(&CommitHeader { revision: 1, time_ms: 9, ..CommitHeader::default() });
        entries[2..].iter().for_each(|entry| builder.push(entry));
        let (at, value) = builder.finish().unwrap();
        assert_eq!(at, id);
        let summary = Summary::open(id, &value).unwrap();
        assert_eq!(summary.entries, entries);
        assert_eq!(summary.commits.iter().map(|commit| commit.slots).collect::<Vec<_>>(), [3]);
        assert_eq!(summary.chunks.iter().map(|chunk| chunk.slots).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(Summary::open(ChunkId { revision: 2, part: 0 }, &value), Err(Damage::Checksum));
    }
}
