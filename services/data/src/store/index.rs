//! The index, in memory: names, versions and postings, all of them folds of the log.
//!
//! It holds every version that was ever written, each with its revision, so that a read at any revision needs no copy:
//! a version is visible at R when its revision is at most R and its successor's is not. The writer adds versions before
//! they are durable; readers ask at the durable revision and do not see them.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};

use hashbrown::{HashMap, HashTable};
use reform_model::Kind;

use super::chunk::Operation;
use super::keys::{ChunkId, Revision};
use super::postings::{Posting, Postings};
use super::summary::Entry;
use super::terms;

/// Stands for "no version".
const NONE: u32 = u32::MAX;

/// Where a version's bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// The chunk.
    pub chunk: ChunkId,
    /// Its slot there.
    pub slot: u16,
}

/// One version of a record.
#[derive(Debug, Clone, Copy)]
struct Version {
    revision: Revision,
    chunk: u32,
    record: u32,
    previous: u32,
    next: u32,
    slot: u16,
    kind: Kind,
    deleted: bool,
}

/// What the index says of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// The record's number in the order of creation.
    pub record: u32,
    /// The version's number.
    pub version: u32,
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
    hasher: RandomState,
    chunks: Vec<ChunkId>,
    versions: Vec<Version>,
    /// The newest version of each record, and the hash of its name.
    records: Vec<(u32, u64)>,
    names: HashTable<u32>,
    postings: HashMap<u64, Postings>,
    /// Postings in the order of the log, while the index is loaded; sorted once at its end.
    loading: Option<HashMap<u64, Vec<Posting>>>,
    scopes: BTreeMap<Kind, BTreeMap<String, u64>>,
    live: BTreeMap<Kind, i64>,
}

impl Index {
    /// An empty index that is about to be filled; nothing can be found by a term before [`Index::loaded`].
    pub fn loading() -> Self {
        Self { loading: Some(HashMap::new()), ..Self::default() }
    }

    /// Ends the loading.
    pub fn loaded(&mut self) {
        let loaded = self.loading.take().unwrap_or_default();
        self.postings.extend(loaded.into_iter().map(|(term, postings)| (term, postings.into())));
    }

    /// The next chunk of the log.
    pub fn push_chunk(&mut self, chunk: ChunkId) {
        self.chunks.push(chunk);
    }

    /// Adds the change in a slot of the last chunk; `record` is its number when the record was there before.
    pub fn push(&mut self, entry: &Entry, revision: Revision, slot: u16, record: Option<u32>) {
        let version = number(self.versions.len());
        let record = record.unwrap_or_else(|| self.add_record(&entry.id));
        let newest = &mut self.records[record as usize].0;
        let previous = std::mem::replace(newest, version);
        let was_live = match self.versions.get_mut(previous as usize) {
            Some(before) => {
                before.next = version;
                !before.deleted
            }
            None => false,
        };
        let deleted = entry.operation == Operation::Delete;
        *self.live.entry(entry.kind).or_default() += i64::from(!deleted) - i64::from(was_live);
        self.versions.push(Version {
            revision,
            chunk: number(self.chunks.len().saturating_sub(1)),
            record,
            previous,
            next: NONE,
            slot,
            kind: entry.kind,
            deleted,
        });
        let scopes = self.scopes.entry(entry.kind).or_default();
        if !scopes.contains_key(&entry.jurisdiction) {
            scopes.insert(entry.jurisdiction.clone(), terms::scope(entry.kind, &entry.jurisdiction));
        }
        for term in &entry.terms {
            let posting = Posting { day: entry.day, record, version };
            match &mut self.loading {
                Some(loading) => loading.entry(*term).or_default().push(posting),
                None => self.postings.entry(*term).or_default().insert(posting),
            }
        }
    }

    fn add_record(&mut self, id: &str) -> u32 {
        let record = number(self.records.len());
        let hash = self.hasher.hash_one(id);
        self.records.push((NONE, hash));
        let records = &self.records;
        self.names.insert_unique(hash, record, |other| records[*other as usize].1);
        record
    }

    /// The records whose name may be `records/{id}`: nearly always one or none; the caller compares the name.
    pub fn candidates(&self, id: &str) -> impl Iterator<Item = u32> {
        let hash = self.hasher.hash_one(id);
        self.names.iter_hash(hash).copied().filter(move |record| self.records[*record as usize].1 == hash)
    }

    /// The version of a record that is visible at a revision.
    pub fn at(&self, record: u32, revision: Revision) -> Option<Found> {
        let mut number = self.records.get(record as usize)?.0;
        loop {
            let version = self.versions.get(number as usize)?;
            if version.revision <= revision {
                return Some(self.found(number, version));
            }
            number = version.previous;
        }
    }

    /// The newest version of a record, durable or not.
    pub fn newest(&self, record: u32) -> Option<Found> {
        self.at(record, Revision::MAX)
    }

    /// The version of a posting, if it is the visible one of its record at a revision.
    pub fn visible(&self, posting: Posting, revision: Revision) -> Option<Found> {
        let version = self.versions.get(posting.version as usize)?;
        let superseded =
            self.versions.get(version.next as usize).is_some_and(|next| next.revision <= revision);
        (version.revision <= revision && !superseded).then(|| self.found(posting.version, version))
    }

    fn found(&self, number: u32, version: &Version) -> Found {
        Found {
            record: version.record,
            version: number,
            revision: version.revision,
            kind: version.kind,
            deleted: version.deleted,
            position: Position { chunk: self.chunks[version.chunk as usize], slot: version.slot },
        }
    }

    /// The records with a term.
    pub fn postings(&self, term: u64) -> Option<&Postings> {
        self.postings.get(&term)
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

    /// The chunk that holds the first change after a revision, and its place in the log.
    pub fn chunk_after(&self, revision: Revision) -> usize {
        // The chunk before may still hold the end of the group that this revision belongs to.
        self.chunks.partition_point(|chunk| chunk.revision <= revision).saturating_sub(1)
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

fn number(count: usize) -> u32 {
    u32::try_from(count).expect("the writer stops before 2^32 versions")
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
