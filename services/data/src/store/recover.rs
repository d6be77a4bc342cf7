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
use super::postings::Posting;
use super::read::Stored;
use super::summary::{Builder, Commit, Entry, Row, Summary};
use super::terms;
use super::writer::Recovered;

/// Summaries that are read ahead.
const SUMMARIES_AHEAD: usize = 16;
/// Before the first chunk.
const START: ChunkId = ChunkId { revision: 0, part: 0 };

/// Reads the store into an empty index.
///
/// # Errors
/// A disk that fails, a chunk that can neither be read nor is told by a summary, or a hole in the log.
pub(super) fn recover(disk: &Disk, index: &mut Index) -> Result<Recovered, Error> {
    let recovered = Recovered { summary: Builder::after(None), ..Recovered::default() };
    let continuity = Continuity::default();
    let mut recovery = Recovery { disk, index, recovered, continuity, postings: Vec::new() };
    std::thread::scope(|scope| {
        // One thread reads and decodes, the other takes in.
        let (send, opened) = std::sync::mpsc::sync_channel(SUMMARIES_AHEAD);
        scope.spawn(move || {
            let opened = disk.summaries().map(|item| item.map(|(id, value)| (id, Summary::open(id, &value))));
            for item in opened {
                // Nobody takes it in after an error.
                if send.send(item).is_err() {
                    break;
                }
            }
        });
        opened.into_iter().try_for_each(|item| recovery.take_in(item?))
    })?;
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
    /// The postings of each term of the summary that is added.
    postings: Vec<Vec<Posting>>,
}

impl Recovery<'_> {
    fn take_in(&mut self, (id, summary): (ChunkId, Result<Summary, Damage>)) -> Result<(), Error> {
        match summary {
            Ok(summary) => self.add_summary(id, &summary),
            // The log behind it tells the same; the next gap is filled from there.
            Err(damage) => {
                tracing::error!(revision = id.revision, %damage, "a summary is damaged, reading the log instead");
                Ok(())
            }
        }
    }

    fn add_summary(&mut self, id: ChunkId, summary: &Summary) -> Result<(), Error> {
        // To look for chunks before it would cost a read of some that it covers.
        let last = self.continuity.last_chunk();
        if summary.before() != Some(last.unwrap_or(START)) {
            self.read_log(Some(id))?;
        }
        self.continuity.summary(id, summary)?;
        let mut rows = summary.rows();
        let mut commits =
            summary.commits().iter().flat_map(|commit| std::iter::repeat_n(commit, commit.slots as usize));
        let terms = summary.terms();
        self.postings.iter_mut().for_each(Vec::clear);
        self.postings.resize_with(terms.len().max(self.postings.len()), Vec::new);
        for covered in summary.chunks() {
            let damaged = || Error::Chunk { id, damage: Damage::Content };
            let id = covered.id().ok_or_else(damaged)?;
            self.index.push_chunk(id);
            for slot in 0..covered.slots {
                let (row, places) = rows.read().ok_or_else(damaged)?;
                let commit = commits.next().ok_or_else(damaged)?;
                let posting = self.add(id, slot as usize, row, commit.revision)?;
                for place in places {
                    self.postings.get_mut(*place as usize).ok_or_else(damaged)?.push(posting);
                }
            }
        }
        for (term, postings) in terms.iter().zip(&self.postings) {
            self.index.push_postings(*term, postings);
        }
        summary.commits().iter().for_each(|commit| self.remember(commit));
        // What comes next is covered by the next summary, not by this one.
        self.recovered.summary = Builder::after(self.continuity.last_chunk());
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
            summarise(&mut summary, &chunk, id, |slot, entry, revision| {
                let posting = self.add(id, slot, entry.row(), revision)?;
                entry.terms.iter().for_each(|term| self.index.push_postings(*term, &[posting]));
                Ok(())
            })?;
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

    fn add(&mut self, id: ChunkId, slot: usize, row: Row<'_>, revision: Revision) -> Result<Posting, Error> {
        let damaged = || Error::Chunk { id, damage: Damage::Content };
        let slot = u16::try_from(slot).map_err(|_| damaged())?;
        if u16::try_from(revision - id.revision).is_err() {
            return Err(damaged());
        }
        let record = match row.operation {
            super::chunk::Operation::Create => None,
            super::chunk::Operation::Update
            | super::chunk::Operation::Delete
            | super::chunk::Operation::Undelete
            | super::chunk::Operation::Purge => Some(self.record(id, row.id)?),
        };
        Ok(self.index.push_version(row, revision, slot, record))
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
    fn record(&mut self, chunk: ChunkId, id: &str) -> Result<u32, Error> {
        self.index.add_names();
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
