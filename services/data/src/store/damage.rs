//! What is known of a chunk that cannot be read: the summary over it tells whose changes it held.
//!
//! It is looked up when a read fails, and never before. A chunk behind the last summary has none: a store does not open
//! over such a one, and a read of one that is damaged later names the record that was asked for.

use prost::Message;
use reform_api::data::v1;
use reform_model::record::COLLECTION;

use super::chunk::{Chunk, CommitHeader, SlotHeader};
use super::error::Error;
use super::index::{Found, Position};
use super::keys::ChunkId;
use super::read::Stored;
use super::summary::{Commit, Entry};
use super::{Shared, disk};

/// A chunk as the history reads it.
pub(super) enum Readable {
    /// It is whole.
    Whole(Chunk),
    /// It is damaged; the commits lack authors and reasons, the changes their contents.
    Remains(Vec<CommitHeader>, Vec<Stored>),
}

impl Readable {
    /// The commits, in order.
    pub(super) fn commits(&self) -> &[CommitHeader] {
        match self {
            Readable::Whole(chunk) => chunk.commits(),
            Readable::Remains(commits, _) => commits,
        }
    }
}

impl Shared {
    /// The chunk at a place of the log, or what is left of it.
    ///
    /// # Errors
    /// The damage, when no summary tells more.
    pub(super) fn readable(&self, place: usize, id: ChunkId) -> Result<Readable, Error> {
        let error = match self.disk.chunk(id) {
            Ok(chunk) => return Ok(Readable::Whole(chunk)),
            Err(error) if error.is_damage() => error,
            Err(error) => return Err(error.into()),
        };
        let Some((_, summary)) = self.disk.summary_over(id)? else { return Err(error.into()) };
        tracing::error!(%error, "a chunk is told by its summary");
        let mut commits: Vec<CommitHeader> = Vec::new();
        let mut changes = Vec::new();
        for (commit, entry) in summary.changes(id).unwrap_or_default() {
            if commits.last().is_none_or(|last| last.revision != commit.revision) {
                let (revision, time_ms) = (commit.revision, commit.time_ms);
                commits.push(CommitHeader { revision, time_ms, complete: true, ..CommitHeader::default() });
            }
            if let Some(last) = commits.last_mut() {
                last.slots += 1;
            }
            changes.push(self.damaged(commit, &entry));
        }
        // The next chunk is named after the revision that it goes on with.
        let next = self.index.read().chunk(place + 1);
        if let Some(last) = commits.last_mut() {
            last.complete = next.is_none_or(|next| next.revision != last.revision);
        }
        Ok(Readable::Remains(commits, changes))
    }

    /// A change of which only the summary tells: name and jurisdiction, and that it is damaged.
    fn damaged(&self, commit: &Commit, entry: &Entry) -> Stored {
        let before: Option<Found> = {
            let index = self.index.read();
            let before =
                index.candidates(&entry.id).filter_map(|record| index.at(record, commit.revision - 1));
            { before }.next()
        };
        let header = SlotHeader {
            operation: v1::ChangeType::Damaged.into(),
            kind: entry.kind.number().into(),
            previous_revision: before.map_or(0, |found| found.revision),
            bare: true,
            ..SlotHeader::default()
        };
        let (name, jurisdiction) = (format!("{COLLECTION}{}", entry.id), entry.jurisdiction.clone());
        let record = v1::Record { name, jurisdiction, ..v1::Record::default() }.encode_to_vec().into();
        Stored { header, record, revision: commit.revision, time_ms: commit.time_ms }
    }

    /// An error of reading a version, with its record named when its value is damaged and a summary tells.
    pub(super) fn with_name(&self, error: Error, position: Position) -> Error {
        let Error::Disk(source) = error else { return error };
        let record = if source.is_damage() { self.name_at(position) } else { None };
        match record {
            Some(record) => Error::Corrupt { record, source },
            None => Error::Disk(source),
        }
    }

    fn name_at(&self, Position { chunk, slot }: Position) -> Option<String> {
        let (_, summary) = self.disk.summary_over(chunk).ok()??;
        let changes = summary.changes(chunk)?;
        changes.get(usize::from(slot)).map(|(_, entry)| format!("{COLLECTION}{}", entry.id))
    }
}

impl disk::Error {
    /// Whether a stored value is damaged, and not the disk or the store.
    pub(super) fn is_damage(&self) -> bool {
        matches!(self, disk::Error::Chunk { .. } | disk::Error::Missing(_))
    }
}
