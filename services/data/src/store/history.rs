//! The log as a sequence of commits: what a feed sends, and what was valid at a time.

use reform_model::Name;

use super::chunk::{Chunk, CommitHeader, Operation, SlotHeader};
use super::damage::Readable;
use super::disk;
use super::envelope::Damage;
use super::error::Error;
use super::keys::{ChunkId, Revision};
use super::read::{self, Snapshot, Stored};

/// Bytes that a change takes beside its record, about.
const CHANGE_BYTES: usize = 256;

/// A place in the history, between two changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// Everything up to this revision lies before.
    pub revision: Revision,
    /// And so many changes of the next one.
    pub changes: usize,
}

/// A commit, or the next part of a large one.
#[derive(Debug, Clone)]
pub struct Part {
    /// Its header.
    pub commit: CommitHeader,
    /// Its changes, in order.
    pub changes: Vec<Stored>,
    /// Whether the commit's last change is among them.
    pub complete: bool,
}

impl Snapshot {
    /// The history after a place, as far as this snapshot reaches: whole commits, up to about `bytes_max` in all. A
    /// larger commit comes in parts. Empty at the end.
    pub fn history(&self, after: Place, bytes_max: usize) -> Result<Vec<Part>, Error> {
        let mut parts: Vec<Part> = Vec::new();
        let mut skip = after.changes;
        let mut bytes = 0;
        let mut place = self.shared.index.read().chunk_after(after.revision);
        loop {
            let id = self.shared.index.read().chunk(place);
            let Some(id) = id.filter(|id| id.revision <= self.revision) else { return Ok(parts) };
            place += 1;
            let chunk = self.shared.readable(place - 1, id)?;
            let mut first = 0;
            for commit in chunk.commits() {
                let slots = first..first + commit.slots as usize;
                first = slots.end;
                if commit.revision <= after.revision {
                    continue;
                }
                if commit.revision > self.revision {
                    return Ok(parts);
                }
                let skipped = skip.min(slots.len());
                skip -= skipped;
                if parts.last().is_none_or(|part| part.complete) {
                    if bytes >= bytes_max {
                        return Ok(parts);
                    }
                    parts.push(Part { commit: commit.clone(), changes: Vec::new(), complete: false });
                }
                if let Some(part) = parts.last_mut() {
                    for slot in slots.skip(skipped) {
                        let stored = self.change(&chunk, id, slot)?;
                        bytes += stored.record.len() + CHANGE_BYTES;
                        part.changes.push(stored);
                    }
                    part.complete = commit.complete;
                }
            }
            if bytes >= bytes_max && parts.last().is_some_and(|part| !part.complete) {
                return Ok(parts);
            }
        }
    }

    fn change(&self, chunk: &Readable, id: ChunkId, slot: usize) -> Result<Stored, Error> {
        match chunk {
            Readable::Whole(chunk) => self.told(self.shared.any_slot(chunk, id, slot)?),
            Readable::Remains(_, changes) => {
                let damaged = || disk::Error::Chunk { id, damage: Damage::Content };
                Ok(changes.get(slot).cloned().ok_or_else(damaged)?)
            }
        }
    }

    /// A change as the feed tells it: without content when the record was purged. A change that was dropped ends the
    /// feed; it is never left out.
    fn told(&self, stored: Stored) -> Result<Stored, Error> {
        if self.shared.is_purged_by_name(stored.name().unwrap_or_default())? {
            let record = stored.bare().ok_or_else(|| read::undecodable(stored.name().unwrap_or_default()))?;
            let header = SlotHeader { bare: true, ..stored.header };
            return Ok(Stored { header, record: record.into(), ..stored });
        }
        if stored.header.bare { Err(self.shared.compacted(stored.revision)) } else { Ok(stored) }
    }

    /// All that one commit wrote, in order; the answer to a repeat of it.
    ///
    /// # Errors
    /// [`Error::Purged`] or [`Error::Compacted`] when a content is gone.
    pub fn commit(&self, revision: Revision) -> Result<Part, Error> {
        let part = Snapshot { revision, ..self.clone() }
            .history(Place { revision: revision - 1, changes: 0 }, usize::MAX)?
            .into_iter()
            .next();
        let part = part.ok_or(Error::RevisionAhead { asked: revision, head: self.revision })?;
        if let Some(damaged) = part.changes.iter().find(|stored| stored.operation().is_none()) {
            return Err(read::undecodable(damaged.name().unwrap_or_default()));
        }
        let erased = |stored: &&Stored| stored.header.bare && stored.operation() != Some(Operation::Purge);
        match part.changes.iter().find(erased).and_then(|stored| Name::parse(stored.name()?).ok()) {
            Some(name) => Err(Error::Purged(name)),
            None => Ok(part),
        }
    }

    /// The header of one commit; it stays when what the commit wrote is dropped.
    pub fn commit_header(&self, revision: Revision) -> Result<CommitHeader, Error> {
        let mut place = self.shared.index.read().chunk_after(revision - 1);
        while let Some(chunk) = self.chunk_at(place)? {
            if let Some(commit) = chunk.commits().iter().find(|commit| commit.revision == revision) {
                return Ok(commit.clone());
            }
            place += 1;
        }
        Err(Error::RevisionAhead { asked: revision, head: self.revision })
    }

    /// The last revision committed at or before a time; 0 before the first.
    pub(super) fn revision_at(&self, time_ms: i64) -> Result<Revision, Error> {
        let (mut low, mut high) = (0, self.shared.index.read().chunk_count());
        let mut revision = 0;
        while low < high {
            let middle = low + (high - low) / 2;
            // The log may be ahead of what is durable.
            let Some(chunk) = self.chunk_at(middle)? else {
                high = middle;
                continue;
            };
            let at_or_before = chunk.commits().iter().take_while(|commit| commit.time_ms <= time_ms);
            match at_or_before.last() {
                Some(commit) => {
                    revision = revision.max(commit.revision);
                    low = middle + 1;
                }
                None => high = middle,
            }
        }
        Ok(revision.min(self.revision))
    }

    fn chunk_at(&self, place: usize) -> Result<Option<Chunk>, Error> {
        let id = self.shared.index.read().chunk(place).filter(|id| id.revision <= self.revision);
        id.map(|id| self.shared.disk.chunk(id).map_err(Error::from)).transpose()
    }
}
