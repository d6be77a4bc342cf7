//! The one thread that writes: it takes what is queued, gives each commit the next revision, stores the group as one
//! batch, syncs once, and only then answers.

mod state;

use std::collections::HashMap;
use std::sync::{Arc, mpsc as wakes};
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::chunk::{self, CommitHeader};
use super::commit::{Chain, Change, Commit, Committed, Mode, Outcome, Plan, Planned, Refusals};
use super::compaction::Compaction;
use super::error::Error;
use super::keys::{ChunkId, Revision};
use super::meta::Meta;
use super::plan;
use super::read::Stored;
use super::requests::Requests;
use super::space::Room;
use super::{Durable, Shared, summary};

/// Requests that wait for the writer; a caller beyond them waits for a place.
pub(super) const QUEUE_MAX: usize = 1_024;
/// Bytes of records that wait for the writer; a commit beyond them waits for its turn.
pub(super) const QUEUE_BYTES_MAX: u32 = 32 << 20;
/// Commits of a group.
const GROUP_COMMITS_MAX: usize = 1_024;
/// Bytes of a group; the commit that passes it still belongs to it.
const GROUP_BYTES_MAX: usize = 1024 * 1024;
/// What sled writes for each byte of a value, at most.
const DISK_BYTES_PER_BYTE: u64 = 2;
/// Names whose record was compared and that need no second look.
const VERIFIED_MAX: usize = 65_536;

/// What is asked of the writer.
pub(super) enum Request {
    /// A commit, and where its answer goes.
    Commit(Box<Commit>, oneshot::Sender<Result<Committed, Error>>),
    /// Make a revision the oldest; answered once it is durable.
    Compact(Revision, oneshot::Sender<Result<(), Error>>),
    /// Chunks and summaries of which history was dropped, to be written with the group.
    Rewrite {
        /// Keys and values.
        values: Vec<(Vec<u8>, Bytes)>,
        /// The revision up to which all is dropped with them, at the end of a pass.
        dropped: Option<Revision>,
        /// Answered once they are durable.
        answer: oneshot::Sender<()>,
    },
    /// Write what was asked before, and end.
    Close,
}

/// A caller, and what it is told.
type Answered = (oneshot::Sender<Result<Committed, Error>>, Result<Committed, Error>);

/// Everything that only the writer touches.
pub(super) struct Writer {
    shared: Arc<Shared>,
    meta: Meta,
    wake_compactor: wakes::Sender<()>,
    /// Where the callers wait; none when the store was opened outside of a runtime.
    runtime: Option<tokio::runtime::Handle>,
    head: Revision,
    last_time_ms: i64,
    requests: Requests,
    chunk: Option<(ChunkId, chunk::Builder)>,
    last_chunk: Option<ChunkId>,
    unwritten: HashMap<ChunkId, Bytes>,
    summary: summary::Builder,
    values: Vec<(Vec<u8>, Bytes)>,
    /// Bytes of `values`.
    staged_bytes: usize,
    verified: parking_lot::Mutex<HashMap<String, u32>>,
    /// As it was when this group first asked.
    room: Option<Room>,
}

/// What opening the store found out for the writer.
#[derive(Debug, Default)]
pub(super) struct Recovered {
    pub(super) head: Revision,
    pub(super) time_ms: i64,
    pub(super) requests: Requests,
    pub(super) last_chunk: Option<ChunkId>,
    pub(super) summary: summary::Builder,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, recovered: Recovered, wake_compactor: wakes::Sender<()>) -> Self {
        let Recovered { head, time_ms, requests, last_chunk, summary } = recovered;
        Self {
            meta: shared.meta.clone(),
            shared,
            wake_compactor,
            runtime: tokio::runtime::Handle::try_current().ok(),
            head,
            last_time_ms: time_ms,
            requests,
            chunk: None,
            last_chunk,
            unwritten: HashMap::new(),
            summary,
            values: Vec::new(),
            staged_bytes: 0,
            verified: parking_lot::Mutex::default(),
            room: None,
        }
    }

    /// Works until the queue is closed and empty, or the disk fails.
    ///
    /// # Errors
    /// The disk's first error: nothing is acknowledged after it.
    pub(super) fn run(
        mut self,
        mut queue: mpsc::Receiver<Request>,
        failed: &CancellationToken,
    ) -> Result<(), super::disk::Error> {
        // A compaction that was interrupted goes on.
        self.wake_compactor.send(()).ok();
        let mut open = true;
        while open && let Some(first) = queue.blocking_recv() {
            self.shared.pulse.begin();
            let (mut answers, mut compacted, mut rewritten) = (Vec::new(), Vec::new(), Vec::new());
            let mut next = Some(first);
            while let Some(request) = next.take() {
                match request {
                    Request::Commit(commit, answer) => answers.push((answer, self.stage(*commit))),
                    Request::Compact(revision, answer) => compacted.push((answer, self.compact(revision))),
                    Request::Rewrite { values, dropped, answer } => {
                        self.rewrite(values, dropped);
                        rewritten.push(answer);
                    }
                    Request::Close => open = false,
                }
                if open && answers.len() < GROUP_COMMITS_MAX && self.staged_bytes < GROUP_BYTES_MAX {
                    next = queue.try_recv().ok();
                }
            }
            if let Err(error) = self.make_durable() {
                // Before the answers are dropped, so that who waits for one learns why there is none.
                failed.cancel();
                return Err(error);
            }
            if !answers.is_empty() {
                self.shared.disk.timings().group.observe(answers.len() as f64);
            }
            if !rewritten.is_empty() {
                self.shared.cache.clear();
            }
            self.answer(answers);
            compacted.into_iter().for_each(|(answer, result)| drop(answer.send(result)));
            rewritten.into_iter().for_each(|answer| answer.send(()).unwrap_or_default());
            self.shared.pulse.rest();
        }
        self.shared.pulse.begin();
        self.write_summary();
        if self.values.is_empty() { Ok(()) } else { self.shared.disk.write(self.values.drain(..)) }
    }

    /// Tells every caller of a group. On the runtime, where the callers wait: each of them woken from here, from outside
    /// of it, would cost a lock and often a system call.
    fn answer(&self, answers: Vec<Answered>) {
        let tell = move || {
            for (answer, result) in answers {
                // A caller that went away does not undo its commit.
                drop(answer.send(result));
            }
        };
        match &self.runtime {
            Some(runtime) => drop(runtime.spawn(async move { tell() })),
            None => tell(),
        }
    }

    /// Makes a revision the oldest.
    fn compact(&mut self, revision: Revision) -> Result<(), Error> {
        if revision > self.head {
            return Err(Error::RevisionAhead { asked: revision, head: self.head });
        }
        if revision > self.meta.oldest_revision {
            // What the compactor changes is covered by a summary that it can make again.
            self.close_chunk();
            self.write_summary();
            self.meta.oldest_revision = revision;
            self.stage_value(Meta::key(), self.meta.seal().into());
        } else if self.shared.compaction.borrow().stalled.is_some() {
            // What ended the last pass early may be gone.
            self.shared.compaction.send_modify(|compaction| compaction.stalled = None);
            self.wake_compactor.send(()).ok();
        }
        Ok(())
    }

    fn rewrite(&mut self, values: Vec<(Vec<u8>, Bytes)>, dropped: Option<Revision>) {
        values.into_iter().for_each(|(key, value)| self.stage_value(key, value));
        if let Some(revision) = dropped {
            self.meta.dropped_revision = revision;
            self.stage_value(Meta::key(), self.meta.seal().into());
        }
    }

    /// Writes the summary of what none covers yet, so that the next open reads less of the log.
    fn write_summary(&mut self) {
        let next = summary::Builder::after(self.last_chunk);
        if let Some((id, value)) = std::mem::replace(&mut self.summary, next).finish() {
            self.stage_value(id.summary_key().to_vec(), value.into());
        }
    }

    /// Checks a commit and puts it into the group. It becomes visible when the group is durable.
    fn stage(&mut self, commit: Commit) -> Result<Committed, Error> {
        let chain = commit.chain.clone().unwrap_or_default();
        if chain.is_broken() {
            return Err(Error::ChainBroken);
        }
        let staged = self.stage_link(commit, &chain);
        if staged.is_err() {
            chain.break_off();
        }
        staged
    }

    fn stage_link(&mut self, mut commit: Commit, chain: &Chain) -> Result<Committed, Error> {
        if let Some(request) = commit.request
            && let Some(revision) = self.requests.answer(request)?
        {
            return Ok(Committed::Repeat { revision });
        }
        let plan = plan::plan(self, &mut commit)?;
        let changes = plan.outcomes.iter().any(|planned| matches!(planned, Planned::Change(_)));
        let refused = plan.outcomes.iter().any(|planned| matches!(planned, Planned::Refused(_)));
        let reports = refused && commit.refusals == Refusals::Report;
        let stores = changes && !reports && matches!(commit.mode, Mode::Store);
        let time_ms = self.last_time_ms.max(now_ms());
        if stores {
            if !plan.only_deletes() {
                self.check_space(&plan)?;
            }
            self.head += 1;
            self.last_time_ms = time_ms;
        }
        let mut header = CommitHeader {
            revision: if stores { self.head } else { self.head + 1 },
            time_ms,
            author: commit.author,
            reason: commit.reason,
            request_id: commit.request.map(|request| request.id.to_vec()).unwrap_or_default(),
            request_hash: commit.request.map(|request| request.hash.to_vec()).unwrap_or_default(),
            answer: Vec::new(),
            slots: 0,
            complete: false,
        };
        if stores && let Some(answer) = commit.answer {
            let outcomes: Vec<Outcome> = plan.outcomes.iter().map(Planned::outcome).collect();
            header.answer = (answer.0)(header.revision, &outcomes);
        }
        if reports {
            chain.break_off();
        }
        let outcomes = match (stores, commit.returns) {
            (true, returns) => self.apply(&header, plan, returns),
            (false, true) => preview(&header, plan),
            (false, false) => plan.outcomes.iter().map(Planned::outcome).collect(),
        };
        if stores && let Some(request) = commit.request {
            self.requests.remember(request, header.revision, Instant::now());
        }
        Ok(Committed::Done { revision: if stores { header.revision } else { 0 }, outcomes })
    }

    fn apply(&mut self, header: &CommitHeader, plan: Plan, returns: bool) -> Vec<Outcome> {
        let mut begun = None;
        let mut outcomes = Vec::with_capacity(plan.outcomes.len());
        for planned in plan.outcomes {
            outcomes.push(match planned {
                Planned::Change(change) => {
                    let operation = change.entry.operation;
                    let stored = self.put(header, &mut begun, *change);
                    Outcome::Changed(operation, returns.then(|| Box::new(stored)))
                }
                Planned::Unchanged | Planned::Skipped | Planned::Refused(_) => planned.outcome(),
            });
        }
        if let Some((_, builder)) = &mut self.chunk {
            builder.complete();
        }
        outcomes
    }

    /// Appends one change to the open chunk, or to a new one when that is full.
    fn put(&mut self, header: &CommitHeader, begun: &mut Option<ChunkId>, change: Change) -> Stored {
        if self.chunk.as_ref().is_some_and(|(_, builder)| builder.is_full()) {
            self.close_chunk();
        }
        let (id, builder) = match &mut self.chunk {
            Some(open) => open,
            None => {
                let part = match self.last_chunk {
                    Some(last) if last.revision == header.revision => last.part + 1,
                    Some(_) | None => 0,
                };
                let id = ChunkId { revision: header.revision, part };
                self.last_chunk = Some(id);
                self.shared.index.write().push_chunk(id);
                self.summary.begin_chunk(id);
                self.chunk.insert((id, chunk::Builder::default()))
            }
        };
        if *begun != Some(*id) {
            *begun = Some(*id);
            builder.begin(header.clone());
            self.summary.begin_commit(header);
        }
        let Change { entry, header: slot_header, bytes, record } = change;
        let slot = builder.push(&slot_header, &[&bytes]);
        let slot = u16::try_from(slot).expect("a chunk with that many slots is full");
        self.shared.index.write().push(&entry, header.revision, slot, record);
        self.summary.push(&entry);
        let (revision, time_ms) = (header.revision, header.time_ms);
        Stored { header: slot_header, record: bytes.into(), revision, time_ms }
    }

    fn close_chunk(&mut self) {
        let Some((id, builder)) = self.chunk.take() else { return };
        let value = Bytes::from(builder.finish(id));
        self.unwritten.insert(id, value.clone());
        self.stage_value(id.chunk_key().to_vec(), value);
        if self.summary.is_full() {
            self.write_summary();
        }
    }

    fn stage_value(&mut self, key: Vec<u8>, value: Bytes) {
        self.staged_bytes += value.len();
        self.values.push((key, value));
    }

    /// Writes the group, syncs, and shows it to readers.
    fn make_durable(&mut self) -> Result<(), super::disk::Error> {
        self.room = None;
        self.close_chunk();
        if self.values.is_empty() {
            return Ok(());
        }
        self.shared.disk.write(self.values.drain(..))?;
        self.shared.disk.note(&self.shared.meta, self.head)?;
        self.staged_bytes = 0;
        self.unwritten.clear();
        let live = self.shared.index.read().live().clone();
        let durable = Durable { revision: self.head, time_ms: self.last_time_ms, live: Arc::new(live) };
        self.shared.durable.send_replace(durable);
        let Meta { oldest_revision: oldest, dropped_revision: dropped, .. } = self.meta;
        let begins = self.shared.compaction.send_if_modified(|compaction| {
            let changed = (compaction.oldest, compaction.dropped) != (oldest, dropped);
            if changed {
                *compaction = Compaction { oldest, dropped, stalled: None, ..*compaction };
            }
            changed
        });
        if begins {
            self.wake_compactor.send(()).ok();
        }
        Ok(())
    }

    /// Refuses what would leave too little free space: once sled has seen a full disk it never writes again. The room is
    /// looked at once a group, and the group counts too.
    fn check_space(&mut self, plan: &Plan) -> Result<(), Error> {
        let room = match self.room {
            Some(room) => room,
            None => *self.room.insert(self.shared.space.room()?),
        };
        let bytes = self.staged_bytes + plan.bytes();
        if room.has(DISK_BYTES_PER_BYTE * bytes as u64) {
            return Ok(());
        }
        Err(Error::DiskFull { free: room.free, needed: room.needed })
    }
}

/// What a commit that is only checked would do.
fn preview(header: &CommitHeader, plan: Plan) -> Vec<Outcome> {
    let outcomes = plan.outcomes.into_iter().map(|planned| {
        let outcome = planned.outcome();
        match planned {
            Planned::Change(change) => {
                let Change { entry, header: slot, bytes, record: _ } = *change;
                let (revision, time_ms) = (header.revision, header.time_ms);
                let stored = Stored { header: slot, record: bytes.into(), revision, time_ms };
                Outcome::Changed(entry.operation, Some(Box::new(stored)))
            }
            Planned::Unchanged | Planned::Skipped | Planned::Refused(_) => outcome,
        }
    });
    outcomes.collect()
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
