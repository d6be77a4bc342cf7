//! The index, in memory: names, versions and postings, all of them folds of the log.
//!
//! It holds every version that was ever written, each with its revision, so that a read at any revision needs no copy:
//! a version is visible at R when its revision is at most R and its successor's is not. The writer adds versions before
//! they are durable; readers ask at the durable revision and do not see them.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use reform_model::Kind;

use super::chunk::Operation;
use super::keys::{ChunkId, Revision};
use super::names::Names;
use super::paged::Paged;
use super::postings::{Posting, Postings};
use super::summary::{Entry, Row};
use super::terms;

/// Records that [`Index::superseded`] looks at.
const RECORDS_PER_HOLD: u32 = 16_384;
/// Fewer names than these are added one by one.
const NAMES_AT_ONCE: u32 = 4_096;
/// Stands for "no version before".
const NONE: u32 = u32::MAX;

/// Where a version's bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// The chunk.
    pub chunk: ChunkId,
    /// Its slot there.
    pub slot: u16,
}

/// One version of a record: 20 bytes.
#[derive(Debug, Clone, Copy)]
struct Version {
    day: i32,
    chunk: u32,
    /// The version before, among the older ones.
    previous: u32,
    slot: u16,
    /// What to add to the first revision of the chunk; a chunk has fewer slots, and no revision without one.
    revision: u16,
    kind: Kind,
    deleted: bool,
    ordinal: u8,
}

/// A record: the hash of its name and its newest version.
#[derive(Debug, Clone, Copy)]
struct Record {
    hash: u32,
    newest: Version,
}

/// What the index says of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// The record's number in the order of creation.
    pub record: u32,
    /// The revision that wrote it.
    pub revision: Revision,
    /// Its kind.
    pub kind: Kind,
    /// Whether it says that the record is deleted.
    pub deleted: bool,
    /// Where its bytes are.
    pub position: Position,
}

/// Names, versions and postings.
#[derive(Debug, Default)]
pub struct Index {
    chunks: Vec<ChunkId>,
    records: Paged<Record>,
    /// Versions that have a successor.
    older: Paged<Version>,
    names: Names,
    /// Records whose names were added.
    named: u32,
    postings: HashMap<u64, Postings>,
    loading: bool,
    scopes: BTreeMap<Kind, BTreeMap<String, u64>>,
    live: BTreeMap<Kind, i64>,
    /// The revisions that purged records; few.
    purged: HashMap<u32, Revision>,
}

impl Index {
    /// An empty index that is about to be filled: lists are made faster before [`Index::loaded`], and take more memory.
    pub fn loading() -> Self {
        Self { loading: true, ..Self::default() }
    }

    /// Ends the loading.
    pub fn loaded(&mut self) {
        self.loading = false;
        let mut postings = std::mem::take(&mut self.postings);
        std::thread::scope(|scope| {
            scope.spawn(|| postings.values_mut().for_each(Postings::loaded));
            self.add_names();
        });
        self.postings = postings;
    }

    /// Adds the names of the records that were loaded since the last time: [`Index::candidates`] knows no others.
    pub fn add_names(&mut self) {
        let records = &self.records;
        let count = u32::try_from(records.len()).expect("records are numbered");
        let hash_of = |record: u32| records.get(record).map_or(0, |record| record.hash);
        if count - self.named < NAMES_AT_ONCE {
            (self.named..count).for_each(|record| self.names.insert(hash_of(record), record, hash_of));
        } else {
            let hashes = (self.named..count).map(|record| (hash_of(record), record));
            self.names.insert_all(hashes, records.len(), hash_of);
        }
        self.named = count;
    }

    /// The next chunk of the log.
    pub fn push_chunk(&mut self, chunk: ChunkId) {
        self.chunks.push(chunk);
    }

    /// Adds the change in a slot of the last chunk; `record` is its number when the record was there before.
    pub fn push(&mut self, entry: &Entry, revision: Revision, slot: u16, record: Option<u32>) {
        let posting = self.push_version(entry.row(), revision, slot, record);
        for term in &entry.terms {
            self.push_postings(*term, &[posting]);
        }
    }

    /// The same without its terms; what they are to hold of it.
    pub fn push_version(
        &mut self,
        row: Row<'_>,
        revision: Revision,
        slot: u16,
        record: Option<u32>,
    ) -> Posting {
        let chunk = self.chunks.len().saturating_sub(1);
        let first = self.chunks.last().map_or(revision, |chunk| chunk.revision);
        let deleted = row.operation.removes();
        let version = Version {
            day: row.day,
            chunk: u32::try_from(chunk).expect("the writer stops before 2^32 versions"),
            previous: NONE,
            slot,
            revision: u16::try_from(revision - first).expect("a revision has a slot"),
            kind: row.kind,
            deleted,
            ordinal: 0,
        };
        let (record, was_live, ordinal) = match record {
            Some(record) => self.add_version(record, version),
            None => (self.add_record(row.id, version), false, 0),
        };
        if row.operation == Operation::Purge {
            self.purged.insert(record, revision);
        }
        *self.live.entry(row.kind).or_default() += i64::from(!deleted) - i64::from(was_live);
        let scopes = self.scopes.entry(row.kind).or_default();
        if !scopes.contains_key(row.jurisdiction) {
            scopes.insert(row.jurisdiction.to_owned(), terms::scope(row.kind, row.jurisdiction));
        }
        Posting { day: row.day, record, ordinal }
    }

    /// Adds versions to a term.
    pub fn push_postings(&mut self, term: u64, postings: &[Posting]) {
        let list = self.postings.entry(term).or_default();
        for posting in postings {
            if self.loading { list.load(*posting) } else { list.insert(*posting) }
        }
    }

    fn add_record(&mut self, id: &str, newest: Version) -> u32 {
        let hash = self.names.hash(id.as_bytes());
        let record = self.records.push(Record { hash, newest });
        if !self.loading {
            self.add_names();
        }
        record
    }

    /// The record, whether it was live, and the ordinal of the version that is added.
    fn add_version(&mut self, number: u32, version: Version) -> (u32, bool, u8) {
        let record = self.records.get_mut(number).expect("a record keeps its number");
        let before = record.newest;
        let ordinal = before.ordinal.saturating_add(1);
        record.newest = Version { previous: self.older.push(before), ordinal, ..version };
        (number, !before.deleted, ordinal)
    }

    /// The records whose name may be `records/{id}`: nearly always one or none; the caller compares the name.
    pub fn candidates(&self, id: &str) -> impl Iterator<Item = u32> {
        let hash = self.names.hash(id.as_bytes());
        let has_hash = move |record: &u32| self.records.get(*record).is_some_and(|found| found.hash == hash);
        self.names.with_hash(hash).filter(has_hash)
    }

    /// The version of a record that is visible at a revision.
    pub fn at(&self, record: u32, revision: Revision) -> Option<Found> {
        self.version_at(record, revision).map(|version| self.found(record, version))
    }

    fn version_at(&self, record: u32, revision: Revision) -> Option<&Version> {
        self.versions(record).find(|version| self.revision(version) <= revision)
    }

    /// The newest version of a record, durable or not.
    pub fn newest(&self, record: u32) -> Option<Found> {
        self.at(record, Revision::MAX)
    }

    /// All versions of a record, the newest first.
    pub fn history(&self, record: u32) -> impl Iterator<Item = Found> {
        self.versions(record).map(move |version| self.found(record, version))
    }

    /// The versions of a record that some revision from `oldest` on shows, the newest first.
    pub fn readable(&self, record: u32, oldest: Revision) -> impl Iterator<Item = Found> {
        let mut later = Revision::MAX;
        self.history(record).take_while(move |found| std::mem::replace(&mut later, found.revision) > oldest)
    }

    /// The revision that purged a record, durable or not.
    pub fn purged(&self, record: u32) -> Option<Revision> {
        self.purged.get(&record).copied()
    }

    /// Whether any record was purged.
    pub fn has_purged(&self) -> bool {
        !self.purged.is_empty()
    }

    /// The chunks that hold versions of the next `RECORDS_PER_HOLD` records, from a number on, which were superseded by
    /// a revision after the first and not after the second; and the number to go on from, none at the end.
    pub fn superseded(&self, from: u32, after: Revision, until: Revision) -> (Vec<ChunkId>, Option<u32>) {
        let mut chunks = Vec::new();
        let end = from.saturating_add(RECORDS_PER_HOLD);
        for record in from..end {
            let mut later = Revision::MAX;
            for version in self.versions(record) {
                let revision = self.revision(version);
                if later <= after {
                    break;
                }
                if later <= until {
                    chunks.push(self.chunks[version.chunk as usize]);
                }
                later = revision;
            }
        }
        chunks.sort_unstable();
        chunks.dedup();
        (chunks, self.records.get(end).map(|_| end))
    }

    /// The number of `records/{id}` whose version is at a position, and the revision of the next version.
    pub fn successor(&self, id: &str, position: Position) -> Option<(u32, Revision)> {
        self.candidates(id).find_map(|record| {
            let mut later = Revision::MAX;
            let mut versions =
                self.history(record).map(|found| (std::mem::replace(&mut later, found.revision), found));
            let (later, _) = versions.find(|(_, found)| found.position == position)?;
            Some((record, later))
        })
    }

    /// How many records there are, purged ones included.
    pub fn record_count(&self) -> u32 {
        u32::try_from(self.records.len()).expect("the writer stops before 2^32 versions")
    }

    fn versions(&self, record: u32) -> impl Iterator<Item = &Version> {
        let newest = self.records.get(record).map(|record| &record.newest);
        std::iter::successors(newest, |version| self.older.get(version.previous))
    }

    fn revision(&self, version: &Version) -> Revision {
        self.chunks[version.chunk as usize].revision + Revision::from(version.revision)
    }

    /// The version that is visible at a revision of the record of a posting, if the posting is of that version. Beyond
    /// 255 versions it may be of another one: whoever asks looks at the record.
    pub fn visible(&self, posting: Posting, revision: Revision) -> Option<Found> {
        let version = self.version_at(posting.record, revision)?;
        let is_of = version.day == posting.day && version.ordinal == posting.ordinal;
        is_of.then(|| self.found(posting.record, version))
    }

    fn found(&self, record: u32, version: &Version) -> Found {
        Found {
            record,
            revision: self.revision(version),
            kind: version.kind,
            deleted: version.deleted,
            position: Position { chunk: self.chunks[version.chunk as usize], slot: version.slot },
        }
    }

    /// The records with a term.
    pub fn postings(&self, term: u64) -> Option<&Postings> {
        self.postings.get(&term)
    }

    /// Whether the list of a term holds a version.
    pub fn lists(&self, term: u64, found: Found) -> bool {
        let Found { record, revision, .. } = found;
        self.version_at(record, revision).is_some_and(|version| {
            let posting = Posting { day: version.day, record, ordinal: version.ordinal };
            self.postings(term).is_some_and(|postings| postings.contains(posting))
        })
    }

    /// The terms that together hold every record of these kinds and jurisdictions; none means all of them.
    pub fn scopes(&self, kind: Option<Kind>, jurisdiction: Option<&str>) -> Vec<u64> {
        let kinds = self.scopes.iter().filter(|(of_kind, _)| kind.is_none_or(|kind| kind == **of_kind));
        let scopes = kinds.flat_map(|(_, scopes)| scopes);
        let matching = scopes.filter(|(of, _)| jurisdiction.is_none_or(|jurisdiction| jurisdiction == *of));
        matching.map(|(_, term)| *term).collect()
    }

    /// Live records by kind, the newest versions counted, durable or not.
    pub fn live(&self) -> &BTreeMap<Kind, i64> {
        &self.live
    }

    /// How many versions there are, durable or not.
    pub fn version_count(&self) -> usize {
        self.records.len() + self.older.len()
    }

    /// The chunk that holds the first change after a revision, and its place in the log.
    pub fn chunk_after(&self, revision: Revision) -> usize {
        // The chunk before may still hold the end of the group that this revision belongs to.
        self.chunks.partition_point(|chunk| chunk.revision <= revision).saturating_sub(1)
    }

    /// The chunk before another one; none at the beginning of the log.
    pub fn chunk_before(&self, id: ChunkId) -> Option<ChunkId> {
        let place = self.chunks.partition_point(|chunk| *chunk < id);
        self.chunks.get(place.checked_sub(1)?).copied()
    }

    /// The chunk at a place in the log.
    pub fn chunk(&self, place: usize) -> Option<ChunkId> {
        self.chunks.get(place).copied()
    }

    /// How many chunks the log has.
    pub fn chunk_count(&self) -> usize {
        self.chunks.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::summary::NO_DAY;

    fn entry(operation: Operation, id: &str, terms: &[u64]) -> Entry {
        let (id, jurisdiction) = (id.to_owned(), "KZ".to_owned());
        Entry { operation, kind: Kind::Party, jurisdiction, id, day: NO_DAY, terms: terms.to_vec() }
    }

    #[test]
    fn a_version_is_visible_from_its_revision_until_its_successor() {
        let mut index = Index::default();
        index.push_chunk(ChunkId { revision: 1, part: 0 });
        index.push(&entry(Operation::Create, "a", &[1]), 1, 0, None);
        index.push(&entry(Operation::Create, "b", &[1]), 2, 1, None);
        index.push(&entry(Operation::Delete, "a", &[1]), 3, 2, Some(0));
        assert_eq!(index.candidates("a").collect::<Vec<_>>(), [0]);
        assert_eq!(index.candidates("c").count(), 0);
        assert_eq!(index.at(0, 0), None);
        assert_eq!(index.at(0, 2).map(|found| found.revision), Some(1));
        assert!(index.at(0, 3).is_some_and(|found| found.deleted));
        assert_eq!(index.live()[&Kind::Party], 1);
        let visible = |revision| {
            let postings = index.postings(1).unwrap().after(Posting::MIN);
            postings
                .filter_map(|posting| index.visible(posting, revision))
                .map(|f| f.record)
                .collect::<Vec<_>>()
        };
        assert_eq!(visible(0), Vec::<u32>::new());
        assert_eq!(visible(2), [0, 1]);
        assert_eq!(visible(3).len(), 2);
    }
}
