//! Writing a stopped store anew without what was dropped and purged: the files let go of the bytes.
//!
//! Kept is every version that a revision from the oldest on shows, every commit's header, and of a record whose first
//! version was dropped its name, for that is its place in the order of creation. The new store is compared with the old
//! one before it takes its place.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use prost::Message;
use reform_model::record::COLLECTION;
use tokio_util::sync::CancellationToken;

use super::chunk::{self, Chunk, CommitHeader, Operation, SlotHeader};
use super::disk::{self, Disk};
use super::envelope::Damage;
use super::folder;
use super::index::{Index, Position};
use super::keys::{ChunkId, Revision};
use super::meta::Meta;
use super::read::Stored;
use super::space::{Room, Space};
use super::{compare, recover, summary, swap};

/// Bytes that are written as one batch, about.
const BATCH_BYTES: usize = 1024 * 1024;
/// Commits of one summary without changes.
const COMMITS_MAX: usize = 10_000;
/// Free bytes that are left to the file system.
const FREE_BYTES_LEFT: u64 = 64 * 1024 * 1024;

/// Why nothing was compacted; the store is as it was.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store cannot be read, or the new one not be written.
    #[error(transparent)]
    Disk(#[from] disk::Error),
    /// The new store does not fit beside the old one.
    #[error("about {needed} bytes are needed beside the store, {free} are free")]
    Space {
        /// Bytes that the new store may take.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// The new store does not say what the old one does.
    #[error("the new store differs from the old one: {0}")]
    Different(String),
    /// It was told to stop.
    #[error("stopped; the store is as it was")]
    Stopped,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packed {
    /// The newest revision.
    pub revision: Revision,
    /// The smallest revision that can be read.
    pub oldest_revision: Revision,
    /// Bytes on disk before.
    pub bytes_before: u64,
    /// Bytes on disk after.
    pub bytes_after: u64,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is done at the moment.
    pub step: &'static str,
    /// So much of it.
    pub done: usize,
    /// Of so much.
    pub of: usize,
}

/// A stopped store, open.
pub(super) struct Opened {
    pub(super) disk: Disk,
    pub(super) meta: Meta,
    pub(super) index: Index,
    pub(super) head: Revision,
    pub(super) time_ms: i64,
}

impl Opened {
    fn open(folder: &Path, cache_bytes: u64) -> Result<Self, disk::Error> {
        let (disk, meta) = Disk::open(folder, cache_bytes)?;
        let mut index = Index::loading();
        let recovered = recover::recover(&disk, &mut index)?;
        index.loaded();
        disk.confirm(&meta, recovered.head)?;
        Ok(Self { disk, meta, index, head: recovered.head, time_ms: recovered.time_ms })
    }
}

/// Writes the store of a folder anew, compares it with the old one, and puts it in its place.
///
/// # Errors
/// Whatever goes wrong before that; the store is then as it was.
pub fn pack(
    folder: &Path,
    cache_bytes: u64,
    stop: &CancellationToken,
    progress: &mut dyn FnMut(Progress),
) -> Result<Packed, Error> {
    folder::require(folder)?;
    progress(Progress { step: "opening", done: 0, of: 0 });
    let old = Opened::open(folder, cache_bytes)?;
    let space = Space::new(folder, Some(FREE_BYTES_LEFT), 0);
    check_space(&old, space.room()?)?;
    let aside = folder.join(swap::COMPACTING);
    let written = Disk::open(&aside, cache_bytes).map_err(Error::from).and_then(|(disk, fresh)| {
        let mut packer = Packer::new(disk, space);
        write(&old, &mut packer, stop, progress)?;
        // Tokens of the old store speak of places that are not there any more.
        let (token_key, dropped_revision) = (fresh.token_key, old.meta.oldest_revision);
        packer.finish(&Meta { token_key, dropped_revision, ..old.meta.clone() }, old.head)?;
        let new = Opened::open(&aside, cache_bytes)?;
        compare::compare(&old, &new, stop, progress)?;
        let bytes_after = new.disk.bytes_on_disk()?;
        new.disk.close()?;
        Ok(bytes_after)
    });
    let file = |error| disk::Error::File(PathBuf::from(folder), error);
    match written {
        Ok(bytes_after) => {
            let Opened { disk, meta: Meta { oldest_revision, .. }, head: revision, .. } = old;
            let bytes_before = disk.bytes_on_disk()?;
            // sled writes to its folder by name until it has let go.
            let lock = disk.close()?;
            swap::swap(folder).map_err(file)?;
            drop(lock);
            Ok(Packed { revision, oldest_revision, bytes_before, bytes_after })
        }
        Err(error) => {
            let lock = old.disk.close()?;
            swap::finish(folder).map_err(file)?;
            drop(lock);
            Err(error)
        }
    }
}

/// Refuses when the kept share of the versions would not fit beside all of them.
fn check_space(old: &Opened, Room { free, needed: left }: Room) -> Result<(), Error> {
    let (mut kept, mut all) = (0_u64, 0_u64);
    for record in 0..old.index.record_count() {
        all += old.index.history(record).count() as u64;
        kept += old.index.readable(record, old.meta.oldest_revision).count() as u64;
    }
    let bytes = u128::from(old.disk.bytes_on_disk()?) * u128::from(kept) / u128::from(all.max(1));
    let needed = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_add(left);
    if free < needed { Err(Error::Space { needed, free }) } else { Ok(()) }
}

fn write(
    old: &Opened,
    packer: &mut Packer,
    stop: &CancellationToken,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), Error> {
    let of = old.index.chunk_count();
    for done in 0..of {
        if stop.is_cancelled() {
            return Err(Error::Stopped);
        }
        progress(Progress { step: "writing", done, of });
        let id = old.index.chunk(done).expect("it is counted");
        packer.add(old, id, &old.disk.chunk(id)?)?;
    }
    Ok(())
}

/// What becomes of a slot.
enum Kept {
    Whole,
    /// Its content goes.
    Bare,
    Nothing,
}

fn kept(old: &Opened, position: Position, stored: &Stored) -> Option<Kept> {
    let id = stored.name()?.strip_prefix(COLLECTION)?;
    let (record, successor) = old.index.successor(id, position)?;
    let is_first = stored.operation()? == Operation::Create;
    Some(match (successor <= old.meta.oldest_revision, old.index.purged(record).is_some()) {
        (true, _) if is_first => Kept::Bare,
        (true, _) => Kept::Nothing,
        (false, true) => Kept::Bare,
        (false, false) => Kept::Whole,
    })
}

/// Fills chunks as the writer does, and writes them in large batches.
struct Packer {
    disk: Disk,
    space: Space,
    chunk: Option<(ChunkId, chunk::Builder)>,
    last_chunk: Option<ChunkId>,
    /// Bytes of the headers in the open chunk.
    header_bytes: usize,
    /// The commit that is being told.
    revision: Revision,
    summary: summary::Builder,
    commits: usize,
    values: Vec<(Vec<u8>, Bytes)>,
    bytes: usize,
}

impl Packer {
    fn new(disk: Disk, space: Space) -> Self {
        Self {
            disk,
            space,
            chunk: None,
            last_chunk: None,
            header_bytes: 0,
            revision: 0,
            summary: summary::Builder::after(None),
            commits: 0,
            values: Vec::new(),
            bytes: 0,
        }
    }

    fn add(&mut self, old: &Opened, id: ChunkId, chunk: &Chunk) -> Result<(), Error> {
        let damaged = |damage| disk::Error::Chunk { id, damage };
        let mut slot = 0_u16;
        for commit in chunk.commits() {
            self.begin(commit)?;
            for _ in 0..commit.slots {
                let chunk::Slot { header, record } = chunk.slot(slot.into()).map_err(damaged)?;
                let stored = Stored { header, record, revision: commit.revision, time_ms: commit.time_ms };
                let kept = kept(old, Position { chunk: id, slot }, &stored);
                match kept.ok_or(Damage::Content).map_err(damaged)? {
                    Kept::Whole => self.push(commit, stored)?,
                    Kept::Bare => {
                        let record = stored.bare().ok_or(Damage::Content).map_err(damaged)?;
                        let header = SlotHeader { bare: true, ..stored.header };
                        self.push(commit, Stored { header, record: record.into(), ..stored })?;
                    }
                    Kept::Nothing => {}
                }
                slot += 1;
            }
            if commit.complete
                && let Some((_, builder)) = &mut self.chunk
            {
                builder.complete();
            }
        }
        Ok(())
    }

    /// Begins a commit, unless this is its next part.
    fn begin(&mut self, commit: &CommitHeader) -> Result<(), Error> {
        if self.revision != commit.revision {
            self.revision = commit.revision;
            self.open(commit)?;
        }
        Ok(())
    }

    fn push(&mut self, commit: &CommitHeader, stored: Stored) -> Result<(), Error> {
        if self.chunk.as_ref().is_some_and(|(_, builder)| builder.is_full()) {
            self.open(commit)?;
        }
        let entry = recover::entry(&stored).ok_or_else(|| {
            let id = ChunkId { revision: stored.revision, part: 0 };
            disk::Error::Chunk { id, damage: Damage::Content }
        })?;
        if let Some((_, builder)) = &mut self.chunk {
            builder.push(&stored.header, &[&stored.record]);
            self.summary.push(&entry);
        }
        Ok(())
    }

    /// Puts a commit's header into the open chunk, or into a new one.
    fn open(&mut self, commit: &CommitHeader) -> Result<(), Error> {
        let header_bytes = commit.encoded_len();
        let full = self.chunk.as_ref().is_some_and(|(id, builder)| {
            // The index keeps revisions as distances from a chunk's first.
            let far = commit.revision - id.revision > i64::from(u16::MAX);
            builder.is_full() || far || self.header_bytes + header_bytes > chunk::BYTES_TARGET
        });
        if full {
            self.close()?;
        }
        let (_, builder) = match &mut self.chunk {
            Some(open) => open,
            None => {
                let part = match self.last_chunk {
                    Some(last) if last.revision == commit.revision => last.part + 1,
                    Some(_) | None => 0,
                };
                let id = ChunkId { revision: commit.revision, part };
                self.last_chunk = Some(id);
                self.header_bytes = 0;
                self.summary.begin_chunk(id);
                self.chunk.insert((id, chunk::Builder::default()))
            }
        };
        builder.begin(commit.clone());
        self.header_bytes += header_bytes;
        self.summary.begin_commit(commit);
        self.commits += 1;
        Ok(())
    }

    fn close(&mut self) -> Result<(), Error> {
        let Some((id, builder)) = self.chunk.take() else { return Ok(()) };
        self.put(id.chunk_key().to_vec(), builder.finish(id).into());
        if self.summary.is_full() || self.commits > COMMITS_MAX {
            self.close_summary();
        }
        if self.bytes >= BATCH_BYTES {
            self.write()?;
        }
        Ok(())
    }

    fn close_summary(&mut self) {
        self.commits = 0;
        let next = summary::Builder::after(self.last_chunk);
        if let Some((id, value)) = std::mem::replace(&mut self.summary, next).finish() {
            self.put(id.summary_key().to_vec(), value.into());
        }
    }

    fn put(&mut self, key: Vec<u8>, value: Bytes) {
        self.bytes += value.len();
        self.values.push((key, value));
    }

    fn write(&mut self) -> Result<(), Error> {
        let Room { free, needed } = self.space.room()?;
        if free < needed {
            return Err(Error::Space { needed, free });
        }
        self.bytes = 0;
        Ok(self.disk.write(self.values.drain(..))?)
    }

    fn finish(mut self, meta: &Meta, head: Revision) -> Result<(), Error> {
        self.close()?;
        self.close_summary();
        self.put(Meta::key(), meta.seal().into());
        self.write()?;
        self.disk.note(meta, head)?;
        self.disk.close()?;
        Ok(())
    }
}
