//! What the index needs to know of a run of chunks, without their records: written behind them, read at open.
//!
//! It is a fold of its chunks and can be made again from them; that reopening reads summaries and not the whole log is
//! all that it is for. One is written, with the batch that fills it, for every [`SLOTS_TARGET`] changes, under the
//! position of the first chunk that it covers; the chunks behind the last summary are read themselves.
//! Columns, one entry a slot.

use std::collections::HashMap;

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

/// A change as the index takes it in, without its terms.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// What was done.
    pub operation: Operation,
    /// The record's kind.
    pub kind: Kind,
    /// Its jurisdiction.
    pub jurisdiction: &'a str,
    /// Its id, without `records/`.
    pub id: &'a str,
    /// The earliest day of its main date, or [`NO_DAY`].
    pub day: i32,
}

impl Row<'_> {
    /// The change with its terms, which are given by their places.
    fn entry(&self, terms: &[u64], places: &[u32]) -> Option<Entry> {
        let Self { operation, kind, jurisdiction, id, day } = *self;
        let terms = places.iter().map(|place| terms.get(*place as usize).copied()).collect::<Option<_>>()?;
        Some(Entry { operation, kind, jurisdiction: jurisdiction.to_owned(), id: id.to_owned(), day, terms })
    }
}

impl Entry {
    /// All but the terms.
    pub fn row(&self) -> Row<'_> {
        let Self { operation, kind, jurisdiction, id, day, terms: _ } = self;
        Row { operation: *operation, kind: *kind, jurisdiction, id, day: *day }
    }

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

impl From<ChunkId> for Covered {
    fn from(id: ChunkId) -> Self {
        Self { revision: id.revision, part: id.part.into(), slots: 0 }
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
    /// The chunk before the first one; revision 0 when that is the first of all.
    #[prost(message, optional, tag = "12")]
    before: Option<Covered>,
}

/// A summary, read back.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    columns: Columns,
}

impl Summary {
    /// Opens the value stored at a position.
    pub fn open(id: ChunkId, value: &[u8]) -> Result<Self, Damage> {
        let payload = envelope::open(&id.summary_key(), value)?;
        let columns = Columns::decode(payload).map_err(|_| Damage::Content)?;
        Ok(Self { columns })
    }

    /// The chunk before those that it covers, as far as the summary knows it.
    pub fn before(&self) -> Option<ChunkId> {
        self.columns.before.and_then(|before| before.id())
    }

    /// The chunks that it covers, in order.
    pub fn chunks(&self) -> &[Covered] {
        &self.columns.chunks
    }

    /// The commits, in order.
    pub fn commits(&self) -> &[Commit] {
        &self.columns.commits
    }

    /// The terms that occur, each once.
    pub fn terms(&self) -> &[u64] {
        &self.columns.dictionary
    }

    /// The changes, in order.
    pub fn rows(&self) -> Rows<'_> {
        let columns = &self.columns;
        Rows { columns, slot: 0, id: Vec::new(), ids: &columns.ids, terms: &columns.terms }
    }
}

impl Summary {
    /// The changes in one of its chunks, each with its commit; none when it does not cover that chunk.
    pub fn changes(&self, chunk: ChunkId) -> Option<Vec<(&Commit, Entry)>> {
        let at = self.chunks().iter().position(|covered| covered.id() == Some(chunk))?;
        let before: usize = self.chunks()[..at].iter().map(|covered| covered.slots as usize).sum();
        let commits = self.commits().iter();
        let by_slot = commits.flat_map(|commit| std::iter::repeat_n(commit, commit.slots as usize));
        let slots = self.chunks()[at].slots as usize;
        let mut rows = self.rows();
        let mut changes = Vec::with_capacity(slots);
        for (slot, commit) in by_slot.enumerate().take(before + slots) {
            let (row, places) = rows.read()?;
            if slot >= before {
                changes.push((commit, row.entry(self.terms(), places)?));
            }
        }
        Some(changes)
    }
}

/// The changes of a summary, read one after the other without a copy of each.
#[derive(Debug)]
pub struct Rows<'a> {
    columns: &'a Columns,
    slot: usize,
    id: Vec<u8>,
    ids: &'a [u8],
    terms: &'a [u32],
}

impl<'a> Rows<'a> {
    /// The next change, and the places of its terms among [`Summary::terms`]. None when there is no further one, or
    /// when it does not parse.
    pub fn read(&mut self) -> Option<(Row<'_>, &'a [u32])> {
        let (columns, slot) = (self.columns, self.slot);
        let (&[shared, more], rest) = self.ids.split_first_chunk::<2>()?;
        let (suffix, rest) = rest.split_at_checked(more.into())?;
        self.ids = rest;
        self.id.truncate(shared.into());
        self.id.extend_from_slice(suffix);
        let (terms, rest) = self.terms.split_at_checked(*columns.term_counts.get(slot)? as usize)?;
        self.terms = rest;
        self.slot += 1;
        let row = Row {
            operation: Operation::try_from(i32::from(*columns.operations.get(slot)?)).ok()?,
            kind: Kind::from_number(*columns.kinds.get(slot)?)?,
            jurisdiction: columns.jurisdictions.get(*columns.jurisdiction.get(slot)? as usize)?,
            id: std::str::from_utf8(&self.id).ok()?,
            day: *columns.days.get(slot)?,
        };
        Some((row, terms))
    }
}

/// A summary while its chunks are written.
#[derive(Debug, Default)]
pub struct Builder {
    columns: Columns,
    last_id: Vec<u8>,
    places: HashMap<u64, u32>,
}

impl Builder {
    /// Begins behind a chunk; none at the beginning of the log.
    pub fn after(chunk: Option<ChunkId>) -> Self {
        let before = Some(chunk.map_or_else(Covered::default, Covered::from));
        Self { columns: Columns { before, ..Columns::default() }, ..Self::default() }
    }

    /// Begins the next chunk.
    pub fn begin_chunk(&mut self, id: ChunkId) {
        self.columns.chunks.push(id.into());
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
        let known = columns.jurisdictions.iter().position(|known| *known == entry.jurisdiction);
        let jurisdiction = known.unwrap_or_else(|| {
            columns.jurisdictions.push(entry.jurisdiction.clone());
            columns.jurisdictions.len() - 1
        });
        columns.jurisdiction.push(u32::try_from(jurisdiction).expect("a summary has fewer entries"));
        columns.days.push(entry.day);
        columns.term_counts.push(u32::try_from(entry.terms.len()).expect("a record is small"));
        for term in &entry.terms {
            let place = *self.places.entry(*term).or_insert_with(|| {
                columns.dictionary.push(*term);
                u32::try_from(columns.dictionary.len() - 1).expect("a summary has fewer terms")
            });
            columns.terms.push(place);
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
        let id = self.columns.chunks.first()?.id()?;
        let mut value = vec![0; envelope::LENGTH];
        self.columns.encode(&mut value).expect("a Vec grows");
        envelope::seal(&id.summary_key(), &mut value);
        Some((id, value))
    }
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
        let mut builder = Builder::after(None);
        builder.begin_chunk(id);
        builder.begin_commit(&CommitHeader { revision: 1, time_ms: 9, ..CommitHeader::default() });
        entries[..2].iter().for_each(|entry| builder.push(entry));
        builder.begin_chunk(ChunkId { revision: 1, part: 1 });
        builder.begin_commit(&CommitHeader { revision: 1, time_ms: 9, ..CommitHeader::default() });
        entries[2..].iter().for_each(|entry| builder.push(entry));
        let (at, value) = builder.finish().unwrap();
        assert_eq!(at, id);
        let summary = Summary::open(id, &value).unwrap();
        let mut rows = summary.rows();
        for entry in &entries {
            let (row, places) = rows.read().unwrap();
            let read = row.entry(summary.terms(), places).unwrap();
            assert_eq!(read, *entry);
        }
        assert!(rows.read().is_none());
        assert_eq!(summary.commits().iter().map(|commit| commit.slots).collect::<Vec<_>>(), [3]);
        assert_eq!(summary.chunks().iter().map(|chunk| chunk.slots).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(summary.before(), Some(ChunkId { revision: 0, part: 0 }));
        assert_eq!(Summary::open(ChunkId { revision: 2, part: 0 }, &value), Err(Damage::Checksum));
    }
}
