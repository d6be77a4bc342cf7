//! The whole store read and compared with itself, while writes go on: every checksum, every content, every revision in
//! its place, every summary against its chunks, and the index in memory against what the log says.
//!
//! It goes along the log once, a summary's chunks at a time, and keeps no more than these. What history is dropped from
//! meanwhile can be seen half changed, so a stretch with a problem is read again before the problem counts.

use std::ops::ControlFlow;

use super::chunk::Chunk;
use super::continuity::Continuity;
use super::disk::{self, Disk};
use super::index::{Index, Position};
use super::keys::{ChunkId, Revision};
use super::summary::{self, Entry, Summary};
use super::{Shared, Store, recover};

/// How often a stretch with a problem is read.
const READINGS: usize = 3;
/// Problems that one stretch tells; what is wrong everywhere needs no longer list.
const PROBLEMS_MAX: usize = 1_000;
/// Before the first chunk.
const START: ChunkId = ChunkId { revision: 0, part: 0 };

/// How far a check is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// Stored values that were read.
    pub values: u64,
    /// What is wrong with those since the report before: each names the record or the chunk.
    pub problems: Vec<String>,
}

impl Store {
    /// Checks everything up to the newest durable revision, and reports after every stretch until it is told to stop.
    pub fn verify(&self, report: &mut dyn FnMut(Checked) -> ControlFlow<()>) {
        let until = self.durable().revision;
        let log = Live { shared: &self.shared };
        let Some((chunks, slots)) = walk(&log, until, report) else { return };
        // While somebody writes, the index is ahead of the log and cannot be counted.
        let index = self.shared.index.read();
        let versions = (index.chunk_count() == chunks).then(|| index.version_count());
        drop(index);
        if let Some(versions) = versions.filter(|versions| *versions != slots) {
            let problem = format!("the index: it holds {versions} versions, the log has {slots} changes");
            let _ = report(Checked { values: 0, problems: vec![problem] });
        }
    }
}

/// Checks a store that cannot be opened, as far as its log can be read; the error that opening gives comes first.
pub fn verify_closed(disk: &Disk, error: &disk::Error, report: &mut dyn FnMut(Checked) -> ControlFlow<()>) {
    if report(Checked { values: 0, problems: vec![error.to_string()] }).is_continue() {
        let mut ids = Vec::new();
        for id in disk.chunks_after(START) {
            match id {
                Ok(id) => ids.push(id),
                Err(error) => {
                    let problems = vec![format!("the change log cannot be read to its end: {error}")];
                    let _ = report(Checked { values: 0, problems });
                    break;
                }
            }
        }
        walk(&Closed { disk, ids }, Revision::MAX, report);
    }
}

/// A log that is walked along.
trait Log {
    fn disk(&self) -> &Disk;
    /// The chunk at a place, if it is durable.
    fn chunk(&self, place: usize) -> Option<ChunkId>;
    /// What the index does not say of a change.
    fn compare(&self, at: Position, revision: Revision, entry: &Entry) -> Option<String>;
}

struct Live<'a> {
    shared: &'a Shared,
}

impl Log for Live<'_> {
    fn disk(&self) -> &Disk {
        &self.shared.disk
    }

    fn chunk(&self, place: usize) -> Option<ChunkId> {
        let durable = self.shared.durable.borrow().revision;
        self.shared.index.read().chunk(place).filter(|id| id.revision <= durable)
    }

    fn compare(&self, at: Position, revision: Revision, entry: &Entry) -> Option<String> {
        self.shared.index.read().problem(at, revision, entry)
    }
}

struct Closed<'a> {
    disk: &'a Disk,
    ids: Vec<ChunkId>,
}

impl Log for Closed<'_> {
    fn disk(&self) -> &Disk {
        self.disk
    }

    fn chunk(&self, place: usize) -> Option<ChunkId> {
        self.ids.get(place).copied()
    }

    fn compare(&self, _: Position, _: Revision, _: &Entry) -> Option<String> {
        None
    }
}

/// The chunks of the log and the changes in them; none when it was told to stop or a chunk could not be read.
fn walk(
    log: &dyn Log,
    until: Revision,
    report: &mut dyn FnMut(Checked) -> ControlFlow<()>,
) -> Option<(usize, usize)> {
    let (mut continuity, mut place, mut slots) = (Continuity::default(), 0, Some(0));
    while log.chunk(place).is_some_and(|id| id.revision <= until) {
        let mut stretch = Stretch::read(log, place, continuity.clone());
        for _ in 1..READINGS {
            if stretch.checked.problems.is_empty() {
                break;
            }
            stretch = Stretch::read(log, place, continuity.clone());
        }
        let Stretch { chunks, slots: read, continuity: next, mut checked } = stretch;
        continuity = next;
        place += chunks;
        slots = slots.zip(read).map(|(slots, read)| slots + read);
        checked.problems.truncate(PROBLEMS_MAX);
        if report(checked).is_break() {
            return None;
        }
    }
    if let Err(error) = continuity.end() {
        let _ = report(Checked { values: 0, problems: vec![error.to_string()] });
    }
    Some((place, slots?))
}

/// The chunks that one summary covers, or a single one that none covers.
struct Stretch {
    chunks: usize,
    /// Changes in them; none when a chunk cannot be read.
    slots: Option<usize>,
    continuity: Continuity,
    checked: Checked,
}

impl Stretch {
    fn read(log: &dyn Log, place: usize, continuity: Continuity) -> Self {
        let checked = Checked::default();
        let mut stretch = Self { chunks: 0, slots: Some(0), continuity, checked };
        let summary = log.chunk(place).and_then(|id| stretch.summary(log.disk(), id));
        let covered = summary.as_ref().map_or(1, |(_, summary)| summary.chunks().len().max(1));
        let mut builder = summary::Builder::after(stretch.continuity.last_chunk());
        for _ in 0..covered {
            let Some(id) = log.chunk(place + stretch.chunks) else { break };
            stretch.chunks += 1;
            stretch.chunk(log, id, &mut builder);
        }
        if let Some((id, told)) = summary
            && stretch.slots.is_some()
        {
            let made = builder.finish().map(|(id, value)| Summary::open(id, &value));
            if made != Some(Ok(told)) {
                let what = "does not say what its chunks say";
                stretch.problem(format!("summary {}.{} {what}", id.revision, id.part));
            }
        }
        stretch
    }

    fn problem(&mut self, problem: String) {
        self.checked.problems.push(problem);
    }

    fn summary(&mut self, disk: &Disk, id: ChunkId) -> Option<(ChunkId, Summary)> {
        let value = match disk.summary(id) {
            Ok(value) => value?,
            Err(error) => {
                self.problem(error.to_string());
                return None;
            }
        };
        self.checked.values += 1;
        match Summary::open(id, &value) {
            Ok(summary) => Some((id, summary)),
            Err(damage) => {
                self.problem(disk::Error::Summary { id, damage }.to_string());
                None
            }
        }
    }

    fn chunk(&mut self, log: &dyn Log, id: ChunkId, builder: &mut summary::Builder) {
        self.checked.values += 1;
        let chunk = match log.disk().chunk(id) {
            Ok(chunk) => chunk,
            Err(error) => {
                let names = names(log.disk(), id);
                self.problem(format!("{error}{names}"));
                self.slots = None;
                self.continuity.skip(id);
                return;
            }
        };
        let before = self.continuity.clone();
        if let Err(error) = self.continuity.chunk(id, chunk.commits()) {
            self.problem(error.to_string());
            self.continuity = before;
            self.continuity.skip(id);
            self.continuity.settle(chunk.commits());
        }
        self.entries(log, id, &chunk, builder);
    }

    fn entries(&mut self, log: &dyn Log, id: ChunkId, chunk: &Chunk, builder: &mut summary::Builder) {
        let mut problems = Vec::new();
        let mut slots = 0;
        let summarised = recover::summarise(builder, chunk, id, |slot, entry, revision| {
            slots += 1;
            let at = Position { chunk: id, slot: u16::try_from(slot).unwrap_or(u16::MAX) };
            problems.extend(log.compare(at, revision, entry));
            Ok(())
        });
        match summarised {
            Ok(()) => self.slots = self.slots.map(|before| before + slots),
            Err(error) => {
                problems.push(error.to_string());
                self.slots = None;
            }
        }
        self.checked.problems.extend(problems);
    }
}

/// Whose changes a chunk holds that cannot be read, as far as a summary tells.
fn names(disk: &Disk, id: ChunkId) -> String {
    let Ok(Some((_, summary))) = disk.summary_over(id) else { return String::new() };
    let changes = summary.changes(id).unwrap_or_default();
    let names: Vec<String> = changes.into_iter().map(|(_, entry)| entry.id).collect();
    format!("; it holds changes of records/{}", names.join(", records/"))
}

impl Index {
    /// What it does not say of the change at a position.
    fn problem(&self, at: Position, revision: Revision, entry: &Entry) -> Option<String> {
        let versions = self.candidates(&entry.id).filter_map(|record| self.at(record, revision));
        let what = match { versions }.find(|found| found.position == at) {
            None => "is not found by its name".to_owned(),
            Some(found) if found.kind != entry.kind => format!("is taken for one of kind {}", found.kind),
            Some(found) if found.deleted != entry.operation.removes() => {
                format!("is taken for {}", if found.deleted { "deleted" } else { "live" })
            }
            Some(found) if !entry.terms.iter().all(|term| self.lists(*term, found)) => {
                "is missing in a list".to_owned()
            }
            Some(_) => return None,
        };
        Some(format!("the index: records/{} as of revision {revision} {what}", entry.id))
    }
}

#[cfg(test)]
mod tests {
    use reform_api::data::v1;

    use super::*;
    use crate::store::{Commit, Draft, Mutation, Options};

    fn problems(store: &Store) -> Vec<String> {
        let mut problems = Vec::new();
        store.verify(&mut |checked| {
            problems.extend(checked.problems);
            ControlFlow::Continue(())
        });
        problems
    }

    /// The index made again from the log, with some of it told otherwise.
    fn made_again(store: &Store, tell: impl Fn(&mut Entry) -> bool) -> Index {
        let mut index = Index::default();
        for id in store.shared.disk.chunks_after(START) {
            let id = id.unwrap();
            index.push_chunk(id);
            let chunk = store.shared.disk.chunk(id).unwrap();
            recover::summarise(&mut summary::Builder::default(), &chunk, id, |slot, entry, revision| {
                let mut entry = entry.clone();
                if tell(&mut entry) {
                    index.push(&entry, revision, u16::try_from(slot).unwrap(), None);
                }
                Ok(())
            })
            .unwrap();
        }
        index
    }

    #[tokio::test]
    async fn an_index_that_says_something_else_than_the_log_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { cache_bytes: 16 << 20, free_bytes_min: Some(0), ballast_bytes: 0 };
        let (store, writing) = Store::open(folder.path(), &options).unwrap();
        for name in ["records/a", "records/b", "records/c"] {
            let source = v1::record::Body::Source(v1::Source::default());
            let record = v1::Record { name: name.into(), body: Some(source), ..v1::Record::default() };
            let mutations = vec![Mutation::Create(Box::new(Draft::new(record).unwrap()))];
            store.commit(Commit { mutations, ..Commit::default() }).await.unwrap();
        }
        assert_eq!(problems(&store), Vec::<String>::new());
        let change = |tell: fn(&mut Entry) -> bool| *store.shared.index.write() = made_again(&store, tell);
        change(|_| true);
        assert_eq!(problems(&store), Vec::<String>::new());
        for (tell, found) in [
            ((|entry| entry.id != "b") as fn(&mut Entry) -> bool, "records/b as of revision 2 is not found"),
            (
                |entry| {
                    entry.id.push('x');
                    entry.id != "bx"
                },
                "records/c as of revision 3 is not found",
            ),
            (
                |entry| {
                    entry.terms.clear();
                    true
                },
                "records/a as of revision 1 is missing in a list",
            ),
            (
                |entry| {
                    entry.operation = super::super::chunk::Operation::Delete;
                    true
                },
                "is taken for deleted",
            ),
            (
                |entry| {
                    entry.kind = reform_model::Kind::Party;
                    true
                },
                "is taken for one of kind party",
            ),
        ] {
            change(tell);
            let problems = problems(&store);
            assert!(problems.iter().any(|problem| problem.contains(found)), "{found}: {problems:?}");
        }
        let again = made_again(&store, |_| true);
        *store.shared.index.write() = again;
        let entry = Entry {
            operation: super::super::chunk::Operation::Create,
            kind: reform_model::Kind::Source,
            jurisdiction: String::new(),
            id: "d".into(),
            day: 0,
            terms: Vec::new(),
        };
        store.shared.index.write().push(&entry, 3, 7, None);
        assert_eq!(problems(&store), ["the index: it holds 4 versions, the log has 3 changes"]);
        store.close(writing).await.unwrap();
    }
}
