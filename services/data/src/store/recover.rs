//! Makes the index again from what is on disk: summaries where there are some, the log itself for the rest.

use std::time::Instant;

use prost::Message;
use reform_api::convert;
use reform_api::data::v1;
use reform_model::Name;

use super::chunk::Chunk;
use super::commit::RequestId;
use super::continuity::Continuity;
use super::disk::{Disk, Error};
use super::envelope::Damage;
use super::index::Index;
use super::keys::{ChunkId, Revision};
use super::plan;
use super::read::Stored;
use super::summary::{Commit, Entry, Summary};
use super::terms;
use super::writer::Recovered;

/// Before the first chunk.
const START: ChunkId = ChunkId { revision: 0, part: 0 };

/// Reads the store into an empty index.
///
/// # Errors
/// A disk that fails, a chunk that can neither be read nor is told by a summary, or a hole in the log.
pub(super) fn recover(disk: &Disk, index: &mut Index) -> Result<Recovered, Error> {
    let continuity = Continuity::default();
    let mut recovery = Recovery { disk, index, recovered: Recovered::default(), continuity };
    for item in disk.summaries() {
        let (id, value) = item?;
        recovery.read_log(Some(id))?;
        match Summary::open(id, &value) {
            Ok(summary) => recovery.add_summary(id, &summary)?,
            // The log behind it tells the same; the next gap is filled from there.
            Err(damage) => {
                tracing::error!(revision = id.revision, %damage, "a summary is damaged, reading the log instead");
            }
        }
    }
    recovery.read_log(None)?;
    recovery.settle();
    let Recovery { mut recovered, continuity, .. } = recovery;
    continuity.end()?;
    recovered.last_chunk = continuity.last_chunk();
    Ok(recovered)
}

/// Adds a chunk to a summary, and tells every change of it.
pub(super) fn summarise(
    summary: &mut super::summary::Builder,
    chunk: &Chunk,
    id: ChunkId,
    mut each: impl FnMut(usize, &Entry, Revision) -> Result<(), Error>,
) -> Result<(), Error> {
    let damaged = |damage| Error::Chunk { id, damage };
    summary.begin_chunk(id);
    let mut slot = 0;
    for commit in chunk.commits() {
        summary.begin_commit(commit);
        let (revision, time_ms) = (commit.revision, commit.time_ms);
        for _ in 0..commit.slots {
            let super::chunk::Slot { header, record } = chunk.slot(slot).map_err(damaged)?;
            let entry = entry(&Stored { header, record, revision, time_ms });
            let entry = entry.ok_or_else(|| damaged(Damage::Content))?;
            summary.push(&entry);
            each(slot, &entry, revision)?;
            slot += 1;
        }
    }
    Ok(())
}

/// What the index keeps of a change, from what the log says of it.
pub(super) fn entry(stored: &Stored) -> Option<Entry> {
    let wire = v1::Record::decode(stored.record.clone()).ok()?;
    let operation = stored.operation()?;
    if stored.header.bare {
        let name = Name::parse(&wire.name).ok()?;
        return Some(plan::bare_entry(operation, stored.kind()?, &name, &wire.jurisdiction));
    }
    let record = convert::record(&wire).ok()?;
    Some(plan::entry(operation, &record, terms::of(&record)))
}

struct Recovery<'a> {
    disk: &'a Disk,
    index: &'a mut Index,
    recovered: Recovered,
    continuity: Continuity,
}

impl Recovery<'_> {
    fn add_summary(&mut self, id: ChunkId, summary: &Summary) -> Result<(), Error> {
        self.continuity.summary(id, summary)?;
        let mut entries = summary.entries.iter();
        let mut commits =
            summary.commits.iter().flat_map(|commit| std::iter::repeat_n(commit, commit.slots as usize));
        for covered in &summary.chunks {
            let id =
                ChunkId { revision: covered.revision, part: u16::try_from(covered.part).unwrap_or(u16::MAX) };
            self.index.push_chunk(id);
            for slot in 0..covered.slots {
                let (Some(entry), Some(commit)) = (entries.next(), commits.next()) else {
                    return Err(Error::Chunk { id, damage: Damage::Content });
                };
                self.add(id, slot as usize, entry, commit.revision)?;
            }
        }
        summary.commits.iter().for_each(|commit| self.remember(commit));
        // What comes next is covered by the next summary, not by this one.
        self.recovered.summary = super::summary::Builder::default();
        Ok(())
    }

    /// Reads the chunks that no summary covers, up to the one where the next summary begins.
    fn read_log(&mut self, until: Option<ChunkId>) -> Result<(), Error> {
        let ids = self.disk.chunks_after(self.continuity.last_chunk().unwrap_or(START));
        for id in ids.take_while(|id| id.as_ref().map_or(true, |id| until.is_none_or(|until| *id < until))) {
            let id = id?;
            self.settle();
            let chunk = self.disk.chunk(id)?;
            self.continuity.chunk(id, chunk.commits())?;
            self.index.push_chunk(id);
            let mut summary = std::mem::take(&mut self.recovered.summary);
            summarise(&mut summary, &chunk, id, |slot, entry, revision| self.add(id, slot, entry, revision))?;
            self.recovered.summary = summary;
            chunk.commits().iter().for_each(|commit| self.remember(&commit.into()));
        }
        Ok(())
    }

    /// Whether the last commit of a summary has ended stands in its last chunk only.
    fn settle(&mut self) {
        if self.continuity.is_uncertain()
            && let Some(last) = self.continuity.last_chunk()
            && let Ok(chunk) = self.disk.chunk(last)
        {
            self.continuity.settle(chunk.commits());
        }
    }

    fn add(&mut self, id: ChunkId, slot: usize, entry: &Entry, revision: Revision) -> Result<(), Error> {
        let damaged = || Error::Chunk { id, damage: Damage::Content };
        let slot = u16::try_from(slot).map_err(|_| damaged())?;
        if u16::try_from(revision - id.revision).is_err() {
            return Err(damaged());
        }
        let record = match entry.operation {
            super::chunk::Operation::Create => None,
            super::chunk::Operation::Update
            | super::chunk::Operation::Delete
            | super::chunk::Operation::Undelete
            | super::chunk::Operation::Purge => Some(self.record(id, &entry.id)?),
        };
        self.index.push(entry, revision, slot, record);
        Ok(())
    }

    /// Keeps what the writer has to know of a commit; one of which all history was dropped has no changes any more.
    fn remember(&mut self, commit: &Commit) {
        if commit.revision > self.recovered.head {
            self.recovered.head = commit.revision;
            self.recovered.time_ms = commit.time_ms;
            if let (Ok(id), Ok(hash)) = (commit.request_id[..].try_into(), commit.request_hash[..].try_into())
            {
                self.recovered.requests.remember(RequestId { id, hash }, commit.revision, Instant::now());
            }
        }
    }

    /// The number of a record that was there before.
    fn record(&self, chunk: ChunkId, id: &str) -> Result<u32, Error> {
        let candidates: Vec<u32> = self.index.candidates(id).collect();
        if let [only] = candidates.as_slice() {
            return Ok(*only);
        }
        let has_name = |record: &u32| {
            let position = self.index.newest(*record)?.position;
            let slot = self.disk.chunk(position.chunk).ok()?.slot(position.slot.into()).ok()?;
            let stored = Stored { header: slot.header, record: slot.record, revision: 0, time_ms: 0 };
            Some(stored.name()?.strip_prefix(reform_model::record::COLLECTION)? == id)
        };
        let found = candidates.into_iter().find(|record| has_name(record) == Some(true));
        found.ok_or(Error::Chunk { id: chunk, damage: Damage::Content })
    }
}
