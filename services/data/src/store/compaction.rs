//! Dropping history: a thread of the store looks for versions that no readable revision shows, and takes the content out
//! of their slots.
//!
//! First the oldest revision is made durable, then slots are changed: a reader at an older revision finds an empty slot
//! where it looks for a dropped version, and says so. A slot keeps its place and its record's name, so no position in the
//! log changes and the order of creation stays; the offline compaction removes what is left. An interrupted pass begins
//! again at the next open: what is done already is passed over.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, mpsc as wakes};

use bytes::Bytes;
use reform_model::record::COLLECTION;
use tokio::sync::{mpsc, oneshot};

use super::chunk::{self, Chunk, SlotHeader};
use super::disk;
use super::envelope::Damage;
use super::index::Position;
use super::keys::{ChunkId, Revision};
use super::read::Stored;
use super::space::Room;
use super::writer::Request;
use super::{Shared, recover, summary};

/// Bytes that are handed to the writer at once, about: commits wait for no more than this.
const PIECE_BYTES: usize = 256 * 1024;

/// How far history is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Compaction {
    /// The smallest revision that can be read.
    pub oldest: Revision,
    /// All below this revision has left the log.
    pub dropped: Revision,
    /// Where the pass under way is in the log.
    pub at: Revision,
    /// Why the last pass has ended early, if it has; asking again, or the next open, begins another.
    pub stalled: Option<Stalled>,
}

/// Why a pass has ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stalled {
    /// There is too little free space.
    Full(Room),
    /// A defect, or the disk; the log says more.
    Failed,
}

/// Why a pass ends early.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("the store is closing")]
    Closing,
    #[error("{} bytes are free", .0.free)]
    Full(Room),
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

/// The body of the thread: one pass for every wake, until the writer ends.
pub(super) fn run(shared: &Arc<Shared>, queue: &mpsc::WeakSender<Request>, wakes: &wakes::Receiver<()>) {
    while wakes.recv().is_ok() {
        // A pass that panics is a defect, and no reason to stop serving: nothing is half done.
        let pass =
            std::panic::AssertUnwindSafe(|| Pass { shared, queue, piece: Vec::new(), summary: None }.run());
        let stalled = match std::panic::catch_unwind(pass) {
            Ok(Ok(()) | Err(Ended::Closing)) => continue,
            Ok(Err(ended)) => {
                tracing::error!(why = %ended, "a compaction ended early");
                if let Ended::Full(room) = ended { Stalled::Full(room) } else { Stalled::Failed }
            }
            Err(_) => {
                tracing::error!("a compaction panicked");
                Stalled::Failed
            }
        };
        shared.compaction.send_modify(|compaction| compaction.stalled = Some(stalled));
    }
}

struct Pass<'a> {
    shared: &'a Shared,
    queue: &'a mpsc::WeakSender<Request>,
    /// Values that wait to be written.
    piece: Vec<(Vec<u8>, Bytes)>,
    /// The summary to be made again.
    summary: Option<(ChunkId, Covered)>,
}

/// The chunks that a summary covers, with the new content of those that were changed.
type Covered = BTreeMap<ChunkId, Option<Bytes>>;

impl Pass<'_> {
    fn run(mut self) -> Result<(), Ended> {
        let Compaction { oldest, dropped, .. } = *self.shared.compaction.borrow();
        if dropped >= oldest {
            return Ok(());
        }
        let (mut chunks, mut next) = (BTreeSet::new(), Some(0));
        while let Some(from) = next {
            let (found, more) = self.shared.index.read().superseded(from, dropped, oldest);
            chunks.extend(found);
            next = more;
        }
        for id in chunks {
            self.empty(id, oldest)?;
        }
        self.finish_summary()?;
        self.send(Some(oldest))?;
        tracing::info!(oldest, "history is dropped");
        Ok(())
    }

    /// Takes the content out of the slots of a chunk whose versions no revision from the oldest on shows.
    fn empty(&mut self, id: ChunkId, oldest: Revision) -> Result<(), Ended> {
        let superseded = |slot, stored: &Stored| {
            let id_of = stored.name().and_then(|name| name.strip_prefix(COLLECTION));
            let position = Position { chunk: id, slot };
            id_of.is_some_and(|id| {
                let successor = self.shared.index.read().successor(id, position);
                successor.is_some_and(|(_, revision)| revision <= oldest)
            })
        };
        let rewritten = self.shared.disk.chunk(id).and_then(|chunk| without(&chunk, id, &superseded));
        match rewritten {
            Ok(Some(value)) => self.put(id, value),
            Ok(None) => Ok(()),
            // It stays as it is: nothing reads what was dropped.
            Err(error @ (disk::Error::Chunk { .. } | disk::Error::Missing(_))) => {
                tracing::error!(%error, "passed over while history is dropped");
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn put(&mut self, id: ChunkId, value: Bytes) -> Result<(), Ended> {
        let covered = self.summary.as_ref().is_some_and(|(_, chunks)| chunks.contains_key(&id));
        if !covered {
            self.finish_summary()?;
            self.summary = self
                .shared
                .disk
                .summary_of(id)?
                .map(|(at, covered)| (at, covered.into_iter().map(|id| (id, None)).collect()));
        }
        if let Some(chunk) = self.summary.as_mut().and_then(|(_, chunks)| chunks.get_mut(&id)) {
            *chunk = Some(value.clone());
        }
        self.piece.push((id.chunk_key().to_vec(), value));
        Ok(())
    }

    /// Makes the open summary again from its chunks as they are now, and sends what has come together.
    fn finish_summary(&mut self) -> Result<(), Ended> {
        let reached = self.summary.as_ref().map(|(at, _)| at.revision);
        if let Some((at, chunks)) = self.summary.take() {
            self.piece.extend(self.summary_again(at, chunks));
        }
        // Chunks go with their summary, as one batch: after a kill one without the other would not say the same.
        let bytes: usize = self.piece.iter().map(|(_, value)| value.len()).sum();
        if bytes < PIECE_BYTES {
            return Ok(());
        }
        if let Some(at) = reached {
            self.shared.compaction.send_modify(|compaction| compaction.at = at);
        }
        self.send(None)
    }

    fn summary_again(&self, at: ChunkId, chunks: Covered) -> Option<(Vec<u8>, Bytes)> {
        let mut builder = summary::Builder::after(self.shared.index.read().chunk_before(at));
        for (id, value) in chunks {
            let chunk = match value {
                Some(value) => Chunk::open(id, value).map_err(|damage| disk::Error::Chunk { id, damage }),
                None => self.shared.disk.chunk(id),
            };
            if let Err(error) =
                chunk.and_then(|chunk| recover::summarise(&mut builder, &chunk, id, |_, _, _| Ok(())))
            {
                // The old one proposes versions that nobody can see, which is harmless.
                tracing::error!(%error, revision = at.revision, "a summary stays as it is");
                return None;
            }
        }
        builder.finish().map(|(id, value)| (id.summary_key().to_vec(), value.into()))
    }

    fn send(&mut self, dropped: Option<Revision>) -> Result<(), Ended> {
        // It goes on below the watermark, but never to where sled would see a full disk.
        let room = self.shared.space.room()?;
        if room.free < room.needed / 2 {
            return Err(Ended::Full(room));
        }
        let (answer, answered) = oneshot::channel();
        let values = std::mem::take(&mut self.piece);
        let queue = self.queue.upgrade().ok_or(Ended::Closing)?;
        queue.blocking_send(Request::Rewrite { values, dropped, answer }).map_err(|_| Ended::Closing)?;
        drop(queue);
        answered.blocking_recv().map_err(|_| Ended::Closing)
    }
}

/// A chunk without the content of some slots; none when they have none already.
fn without(
    chunk: &Chunk,
    id: ChunkId,
    goes: &dyn Fn(u16, &Stored) -> bool,
) -> Result<Option<Bytes>, disk::Error> {
    let damaged = |damage| disk::Error::Chunk { id, damage };
    let mut builder = chunk::Builder::default();
    let (mut slot, mut changed) = (0_u16, false);
    for commit in chunk.commits() {
        let complete = commit.complete;
        builder.begin(commit.clone());
        for _ in 0..commit.slots {
            let chunk::Slot { header, record } = chunk.slot(slot.into()).map_err(damaged)?;
            let stored = Stored { header, record, revision: commit.revision, time_ms: commit.time_ms };
            if !stored.header.bare && goes(slot, &stored) {
                let record = stored.bare().ok_or(Damage::Content).map_err(damaged)?;
                builder.push(&SlotHeader { bare: true, ..stored.header }, &[&record]);
                changed = true;
            } else {
                builder.push(&stored.header, &[&stored.record]);
            }
            slot += 1;
        }
        if complete {
            builder.complete();
        }
    }
    Ok(changed.then(|| builder.finish(id).into()))
}
