//! The store: an append-only change log in sled, and in memory the index that finds records in it.
//!
//! | file | what |
//! |---|---|
//! | [`keys`], [`envelope`] | keys of the one tree; format byte and checksum around every value |
//! | [`chunk`], [`summary`], [`meta`] | the three values: changes with their records, what the index needs of them, the store itself |
//! | [`disk`], [`noted`] | what alone names sled; how far the log has to reach |
//! | [`index`], [`names`], [`postings`], [`terms`], [`paged`] | names, versions, and what records are found by; rebuilt at open by `recover`, with [`continuity`] |
//! | [`commit`], `plan`, `writer`, [`requests`] | what is asked, what it would change, and the one thread that does it |
//! | [`compaction`] | dropping history, slice by slice, through the writer |
//! | [`backup`], [`restore`], [`verify`] | an archive, a store made of one, the store compared with itself |
//! | `damage`, [`loss`] | what is known of what cannot be read; going on without the end of the log |
//! | [`pack`], `compare`, `swap` | a stopped store written anew, compared, and put in place |
//! | [`timings`] | what is counted on the way |
//! | [`read`] with `slots`, [`list`] with `route`, [`export`], [`cache`] | reading at a revision |
//! | [`history`], [`revisions`] | the log as commits; one record's versions |
//!
//! The log is the truth. A write goes commit → plan → chunk → batch → sync → [`Durable`] → answer; a read goes
//! snapshot → index → chunk. Readers never wait for the disk of a writer, writers never for a reader.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use reform_model::Kind;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

pub mod backup;
pub mod cache;
pub mod chunk;
pub mod commit;
pub mod compaction;
mod compare;
pub mod continuity;
mod damage;
pub mod disk;
pub mod envelope;
pub mod error;
pub mod export;
mod folder;
pub mod history;
pub mod index;
pub mod keys;
pub mod list;
pub mod loss;
pub mod meta;
pub mod names;
pub mod noted;
pub mod pack;
pub mod paged;
mod plan;
pub mod postings;
pub mod read;
mod recover;
pub mod requests;
pub mod restore;
pub mod revisions;
mod route;
mod slots;
mod snapshots;
pub mod space;
pub mod summary;
mod swap;
pub mod terms;
pub mod timings;
pub mod verify;
mod writer;

pub use commit::{Commit, Committed, Draft, Mutation, Outcome};
pub use compaction::Compaction;
pub use error::Error;
pub use keys::Revision;
pub use read::{Snapshot, Stored};
pub use space::Space;

use self::cache::Cache;
use self::disk::Disk;
use self::index::Index;
use self::meta::Meta;

/// What a store is opened with.
#[derive(Debug, Clone)]
pub struct Options {
    /// Bytes of the log that may be kept in memory.
    pub cache_bytes: u64,
    /// The store is read-only while fewer bytes are free; by default as [`space::Room::needed`] says.
    pub free_bytes_min: Option<u64>,
    /// Size of the file that is given up when there is no room to open the store; 0 for none.
    pub ballast_bytes: u64,
}

/// The newest durable state.
#[derive(Debug, Clone, Default)]
pub struct Durable {
    /// Its revision; 0 for the empty store.
    pub revision: Revision,
    /// When it was committed, in milliseconds since 1970.
    pub time_ms: i64,
    /// Live records by kind.
    pub live: Arc<BTreeMap<Kind, i64>>,
}

/// Whether the writer gets on.
#[derive(Debug, Default)]
pub struct Pulse(parking_lot::Mutex<Option<Instant>>);

impl Pulse {
    /// How long the writer has worked on one group of commits; none while it waits for work.
    pub fn busy_for(&self) -> Option<Duration> {
        self.0.lock().map(|since| since.elapsed())
    }

    fn begin(&self) {
        *self.0.lock() = Some(Instant::now());
    }

    fn rest(&self) {
        *self.0.lock() = None;
    }
}

/// What the writer and all readers share.
#[derive(Debug)]
pub(crate) struct Shared {
    meta: Meta,
    disk: Disk,
    index: parking_lot::RwLock<Index>,
    cache: Cache,
    durable: watch::Sender<Durable>,
    compaction: watch::Sender<Compaction>,
    pulse: Arc<Pulse>,
    space: Space,
    /// Dropped last: who waits for the other end knows that the folder is free again.
    _open: oneshot::Sender<()>,
}

/// An open store; cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    shared: Arc<Shared>,
    queue: mpsc::Sender<writer::Request>,
    /// Bytes that may wait in the queue.
    queue_room: Arc<Semaphore>,
    failed: CancellationToken,
}

/// A commit that the writer has.
#[derive(Debug)]
pub struct Pending {
    answered: oneshot::Receiver<Result<Committed, Error>>,
    failed: CancellationToken,
}

impl Pending {
    /// Waits until it is durable, or refused.
    pub async fn committed(self) -> Result<Committed, Error> {
        self.answered.await.map_err(|_| gone(&self.failed))?
    }
}

/// Why the writer takes or answers nothing any more.
fn gone(failed: &CancellationToken) -> Error {
    if failed.is_cancelled() { Error::Failed } else { Error::Closing }
}

/// The writer thread of a store, to be waited for with [`Store::close`].
#[derive(Debug)]
pub struct Writing {
    thread: JoinHandle<Result<(), disk::Error>>,
    compactor: JoinHandle<()>,
    closed: oneshot::Receiver<()>,
}

/// The part of the cache, one in so many bytes, that holds single records; sled has the rest.
const CACHE_RECORDS: u64 = 4;
/// How long a close waits for reads that nobody waits for any more.
const CLOSE_MAX: Duration = Duration::from_secs(2);

impl Store {
    /// Opens the store in a folder, or makes one there. Blocks while the index is rebuilt.
    pub fn open(folder: &Path, options: &Options) -> Result<(Self, Writing), disk::Error> {
        let cache = Cache::new(options.cache_bytes / CACHE_RECORDS);
        let (disk, meta) = Disk::open(folder, options.cache_bytes - options.cache_bytes / CACHE_RECORDS)?;
        let mut index = Index::loading();
        let recovered = recover::recover(&disk, &mut index).map_err(|error| disk.unopened(error))?;
        disk.confirm(&meta, recovered.head)?;
        index.loaded();
        let (revision, time_ms) = (recovered.head, recovered.time_ms);
        let live = Arc::new(index.live().clone());
        tracing::info!(store_id = meta.store_id, revision, chunks = index.chunk_count(), "store is open");
        let (durable, _) = watch::channel(Durable { revision, time_ms, live });
        let (compaction, _) = watch::channel(Compaction {
            oldest: meta.oldest_revision,
            dropped: meta.dropped_revision,
            ..Compaction::default()
        });
        let (open, closed) = oneshot::channel();
        let space = Space::new(folder, options.free_bytes_min, options.ballast_bytes);
        space.keep_ballast();
        let shared = Arc::new(Shared {
            meta,
            disk,
            index: parking_lot::RwLock::new(index),
            cache,
            durable,
            compaction,
            pulse: Arc::default(),
            space,
            _open: open,
        });
        let (queue, requests) = mpsc::channel(writer::QUEUE_MAX);
        let queue_room = Arc::new(Semaphore::new(writer::QUEUE_BYTES_MAX as usize));
        let failed = CancellationToken::new();
        let (wake, wakes) = std::sync::mpsc::channel();
        let writer = writer::Writer::new(Arc::clone(&shared), recovered, wake);
        let thread = |name: &str| std::thread::Builder::new().name(name.into());
        let not_begun = |error| disk::Error::File(folder.to_owned(), error);
        let compactor = thread("compactor").spawn({
            let (shared, queue) = (Arc::clone(&shared), queue.downgrade());
            move || compaction::run(&shared, &queue, &wakes)
        });
        let writing = thread("writer").spawn({
            let failed = failed.clone();
            move || write(writer, requests, &failed)
        });
        let (thread, compactor) = (writing.map_err(not_begun)?, compactor.map_err(not_begun)?);
        Ok((Self { shared, queue, queue_room, failed }, Writing { thread, compactor, closed }))
    }

    /// As [`Store::open`], of a store that is there.
    pub fn open_there(folder: &Path, options: &Options) -> Result<(Self, Writing), disk::Error> {
        folder::require(folder)?;
        Self::open(folder, options)
    }

    /// Which store this is.
    pub fn id(&self) -> &str {
        &self.shared.meta.store_id
    }

    /// The key that seals page tokens.
    pub fn token_key(&self) -> (u64, u64) {
        Meta::hash_key(&self.shared.meta.token_key)
    }

    /// The newest durable state.
    pub fn durable(&self) -> Durable {
        self.shared.durable.borrow().clone()
    }

    /// Tells of every new durable state.
    pub fn watch_durable(&self) -> watch::Receiver<Durable> {
        self.shared.durable.subscribe()
    }

    /// Cancelled once the writer has stopped because the disk failed.
    pub fn failed(&self) -> &CancellationToken {
        &self.failed
    }

    /// The store at its newest durable revision.
    pub fn newest(&self) -> Snapshot {
        Snapshot { shared: Arc::clone(&self.shared), revision: self.durable().revision }
    }

    /// The smallest revision that can be read.
    pub fn oldest(&self) -> Revision {
        self.shared.compaction.borrow().oldest
    }

    /// The store at a revision: 0 is the empty store.
    pub fn at(&self, revision: Revision) -> Result<Snapshot, Error> {
        let (oldest, head) = (self.oldest(), self.shared.durable.borrow().revision);
        if revision > head {
            return Err(Error::RevisionAhead { asked: revision, head });
        }
        if revision < oldest {
            return Err(Error::Compacted { asked: revision, oldest });
        }
        Ok(Snapshot { shared: Arc::clone(&self.shared), revision: revision.max(0) })
    }

    /// The store as it was at a time, in milliseconds since 1970: after the last commit at or before it.
    pub fn at_time(&self, time_ms: i64) -> Result<Snapshot, Error> {
        self.at(self.newest().revision_at(time_ms)?)
    }

    /// The store at a revision, or at the oldest that can be read when that is later: for what one commit wrote.
    pub fn at_or_oldest(&self, revision: Revision) -> Result<Snapshot, Error> {
        self.at(revision.max(self.oldest()))
    }

    /// Drops the history below a revision: it cannot be read any more from the moment that this returns; how far the
    /// dropping got is told by [`Store::watch_compaction`]. It goes on when the caller goes away.
    pub async fn compact(&self, revision: Revision) -> Result<(), Error> {
        let (answer, answered) = oneshot::channel();
        self.queue.send(writer::Request::Compact(revision, answer)).await.map_err(|_| self.gone())?;
        answered.await.map_err(|_| self.gone())?
    }

    /// Tells how far history is dropped.
    pub fn watch_compaction(&self) -> watch::Receiver<Compaction> {
        self.shared.compaction.subscribe()
    }

    /// Hands a commit to the writer and waits until it is durable, or refused. A caller that stops waiting does not undo
    /// it.
    pub async fn commit(&self, commit: Commit) -> Result<Committed, Error> {
        self.submit(commit).await?.committed().await
    }

    /// Hands a commit to the writer, waiting for a place in its queue only.
    pub async fn submit(&self, commit: Commit) -> Result<Pending, Error> {
        let (answer, answered) = oneshot::channel();
        let bytes = u32::try_from(commit.bytes()).unwrap_or(u32::MAX).clamp(1, writer::QUEUE_BYTES_MAX);
        let room = Arc::clone(&self.queue_room).acquire_many_owned(bytes).await;
        let commit = Commit { queue_room: room.ok(), ..commit };
        let request = writer::Request::Commit(Box::new(commit), answer);
        self.queue.send(request).await.map_err(|_| self.gone())?;
        Ok(Pending { answered, failed: self.failed.clone() })
    }

    /// Writes everything queued, ends the writer, and waits until the last reader has let go of the folder. Commits that
    /// come later are refused as [`Error::Closing`].
    ///
    /// # Errors
    /// The disk error that stopped the writer.
    pub async fn close(self, writing: Writing) -> Result<(), disk::Error> {
        // A writer that has failed takes no request; its error is in the handle.
        drop(self.queue.send(writer::Request::Close).await);
        let Writing { thread, compactor, closed } = writing;
        let joined = tokio::task::spawn_blocking(|| {
            let written = thread.join();
            // It ends with the writer, and catches its own panics.
            compactor.join().and(written)
        });
        let joined = joined.await;
        let written =
            joined.expect("waiting does not panic").expect("a panic on the writer aborts the process");
        if written.is_err() {
            // Dropped, sled would write and sync once more, and panic when that fails too.
            std::mem::forget(Arc::clone(&self.shared));
            return written;
        }
        drop(self);
        if tokio::time::timeout(CLOSE_MAX, closed).await.is_err() {
            tracing::warn!("a read goes on after the store was closed");
        }
        written
    }

    /// Tells of the writer, also while the store is closed.
    pub fn pulse(&self) -> Arc<Pulse> {
        Arc::clone(&self.shared.pulse)
    }

    fn gone(&self) -> Error {
        gone(&self.failed)
    }

    /// The file system that it lies on.
    pub fn file_system(&self) -> &Space {
        &self.shared.space
    }

    /// How long the disk takes, and for how many commits at a time.
    pub fn timings(&self) -> &timings::Timings {
        self.shared.disk.timings()
    }

    /// The records that are kept in memory.
    pub fn cache(&self) -> cache::Use {
        self.shared.cache.told()
    }

    /// Commits that wait for the writer.
    pub fn queued(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Bytes on disk, bytes free, and the bytes below which the store is read-only.
    pub fn space(&self) -> Result<(u64, u64, u64), Error> {
        let space::Room { free, needed } = self.shared.space.room()?;
        Ok((self.shared.disk.bytes_on_disk()?, free, needed))
    }
}

/// The body of the writer thread. A panic there could leave the index half changed, so the process ends.
fn write(
    writer: writer::Writer,
    requests: mpsc::Receiver<writer::Request>,
    failed: &CancellationToken,
) -> Result<(), disk::Error> {
    let run = std::panic::AssertUnwindSafe(|| writer.run(requests, failed));
    match std::panic::catch_unwind(run) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => {
            tracing::error!(%error, "the disk failed, nothing more is written");
            failed.cancel();
            Err(error)
        }
        Err(_) => {
            tracing::error!("the writer panicked");
            std::process::abort()
        }
    }
}
