//! What alone names sled: opening it safely, reading values, and writing them so that they stay; `error` is why not.

mod error;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::chunk::Chunk;
use super::envelope::Damage;
use super::folder::{FOLDER, lock, refuse_unfinished_restore, require};
use super::keys::{self, ChunkId, Revision};
use super::meta::{Meta, STORE_FORMAT};
use super::noted::{NoteFile, Noted};
use super::summary::{Covered, Summary};
use super::swap;
use super::timings::Timings;
use super::{snapshots, space};
pub use error::Error;
use error::unreadable;

/// Room for records beyond the largest leaf: pages above a quarter of it would go to files that are never reclaimed.
pub(super) const SEGMENT_BYTES: usize = 8 * 1024 * 1024;
/// How long an earlier store of this process may take to let go of sled's lock, and how often that is looked at.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(5);
const LOCK_WAIT_STEP: Duration = Duration::from_millis(10);

/// A sled tree and a descriptor of its file.
#[derive(Debug)]
pub struct Disk {
    tree: sled::Db,
    file: File,
    note: NoteFile,
    noted: Option<Noted>,
    timings: Timings,
    folder: PathBuf,
    _lock: File,
}

impl Disk {
    /// Opens the store in a folder, or makes one there.
    pub fn open(folder: &Path, cache_bytes: u64) -> Result<(Self, Meta), Error> {
        let sled_folder = folder.join(FOLDER);
        fs::create_dir_all(folder).map_err(|error| Error::File(folder.to_owned(), error))?;
        let lock = lock(folder)?;
        refuse_unfinished_restore(folder)?;
        swap::finish(folder).map_err(|error| Error::File(folder.to_owned(), error))?;
        fs::create_dir_all(&sled_folder).map_err(|error| Error::File(sled_folder.clone(), error))?;
        snapshots::finish(&sled_folder)?;
        space::make_way(folder, snapshots::bytes(&sled_folder)?)?;
        // Opened before sled opens it, so that an error while the kernel writes back reaches this descriptor.
        let path = sled_folder.join("db");
        let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let file = options.map_err(|error| Error::File(path, error))?;
        let note = NoteFile::open(folder).map_err(|(path, error)| Error::File(path, error))?;
        let noted = note.read().map_err(|error| Error::File(note.path().to_owned(), error))?;
        let tree = open_tree(&sled_folder, cache_bytes)?;
        let timings = Timings::default();
        let disk = Self { tree, file, note, noted, timings, folder: folder.to_owned(), _lock: lock };
        let meta = disk.meta()?;
        Ok((disk, meta))
    }

    /// As [`Disk::open`], of a store that is there.
    pub fn open_there(folder: &Path, cache_bytes: u64) -> Result<(Self, Meta), Error> {
        require(folder)?;
        Self::open(folder, cache_bytes)
    }

    fn meta(&self) -> Result<Meta, Error> {
        if let Some(value) = self.get(&Meta::key())?.map_err(Error::Meta)? {
            let mut meta = Meta::open(&value).map_err(Error::Meta)?;
            if meta.format > STORE_FORMAT {
                return Err(Error::Newer { found: meta.format });
            }
            if meta.format < STORE_FORMAT {
                tracing::info!(from = meta.format, to = STORE_FORMAT, "upgrading the store");
                meta.format = STORE_FORMAT;
                self.write([(Meta::key(), meta.seal().into())])?;
            }
            return Ok(meta);
        }
        // A store that was there has lost everything, its own description too.
        self.refuse_loss("", None)?;
        let meta = Meta::new();
        self.write([(Meta::key(), meta.seal().into())])?;
        for folder in [self.folder.join(FOLDER), self.folder.clone()] {
            let synced = File::open(&folder).and_then(|opened| opened.sync_all());
            synced.map_err(|error| Error::File(folder, error))?;
        }
        Ok(meta)
    }

    /// Why the log cannot be opened: with the place of what is damaged.
    pub(super) fn unopened(&self, error: Error) -> Error {
        if error.is_damage() { Error::Tail(self.folder.join(FOLDER), Box::new(error)) } else { error }
    }

    /// Refuses a log that does not reach as far as it once did, and from then on expects it to reach to its head.
    pub fn confirm(&self, meta: &Meta, head: Revision) -> Result<(), Error> {
        self.refuse_loss(&meta.store_id, Some(head))?;
        self.note(meta, head)
    }

    fn refuse_loss(&self, store_id: &str, head: Option<Revision>) -> Result<(), Error> {
        let Some(noted) = &self.noted else { return Ok(()) };
        let head = head.filter(|_| noted.store_id == store_id);
        if head.is_some_and(|head| head >= noted.revision) {
            return Ok(());
        }
        let Noted { store_id, revision } = noted.clone();
        Err(Error::Lost { file: self.note.path().to_owned(), store_id, noted: revision, head })
    }

    /// Notes that the log is on disk up to a revision.
    pub fn note(&self, meta: &Meta, revision: Revision) -> Result<(), Error> {
        let written = self.note.write(&meta.store_id, revision);
        written.map_err(|error| Error::File(self.note.path().to_owned(), error))
    }

    /// One chunk of the log.
    pub fn chunk(&self, id: ChunkId) -> Result<Chunk, Error> {
        Chunk::open(id, self.chunk_value(id)?).map_err(|damage| Error::Chunk { id, damage })
    }

    /// One chunk of the log as it is stored.
    pub fn chunk_value(&self, id: ChunkId) -> Result<Bytes, Error> {
        let value = self.get(&id.chunk_key())?.map_err(|damage| Error::Chunk { id, damage })?;
        Ok(Bytes::from_owner(value.ok_or(Error::Missing(id))?))
    }

    /// The value under a key. What sled cannot make out, or breaks off on, is damage of that value.
    fn get(&self, key: &[u8]) -> Result<Result<Option<sled::IVec>, Damage>, Error> {
        let unreadable = || Ok(Err(Damage::Unreadable));
        match catch_unwind(AssertUnwindSafe(|| self.tree.get(key))) {
            Ok(Ok(value)) => Ok(Ok(value)),
            Ok(Err(sled::Error::Corruption { .. } | sled::Error::ReportableBug(_))) | Err(_) => unreadable(),
            Ok(Err(sled::Error::Io(error))) if error.kind() == io::ErrorKind::UnexpectedEof => unreadable(),
            Ok(Err(error)) => Err(error.into()),
        }
    }

    /// Every summary, in log order: its position and the stored value.
    pub fn summaries(&self) -> impl Iterator<Item = Result<(ChunkId, sled::IVec), Error>> {
        self.until_error(self.tree.scan_prefix(keys::SUMMARIES)).filter_map(|item| match item {
            Ok((key, value)) => ChunkId::parse(&key).map(|id| Ok((id, value))),
            Err(error) => Some(Err(error)),
        })
    }

    /// Ends at the first error, for sled repeats it for ever; so it does when it breaks off.
    fn until_error(
        &self,
        mut iter: impl Iterator<Item = sled::Result<(sled::IVec, sled::IVec)>>,
    ) -> impl Iterator<Item = Result<(sled::IVec, sled::IVec), Error>> {
        let mut failed = false;
        std::iter::from_fn(move || {
            if failed {
                return None;
            }
            let item = match catch_unwind(AssertUnwindSafe(|| iter.next())) {
                Ok(item) => item?.map_err(|error| unreadable(&self.folder.join(FOLDER), error)),
                Err(_) => Err(Error::Broke(self.folder.join(FOLDER))),
            };
            failed = item.is_err();
            Some(item)
        })
    }

    /// The stored value of the summary that begins with a chunk.
    pub fn summary(&self, id: ChunkId) -> Result<Option<sled::IVec>, Error> {
        self.get(&id.summary_key())?.map_err(|damage| Error::Summary { id, damage })
    }

    /// The summary that covers a chunk: its position, and the chunks that it covers. None when none does, or when it is
    /// damaged.
    pub fn summary_of(&self, chunk: ChunkId) -> Result<Option<(ChunkId, Vec<ChunkId>)>, Error> {
        let over = self.summary_over(chunk)?;
        Ok(over.map(|(id, summary)| (id, summary.chunks().iter().filter_map(Covered::id).collect())))
    }

    /// The same, with what it says.
    pub fn summary_over(&self, chunk: ChunkId) -> Result<Option<(ChunkId, Summary)>, Error> {
        let first = ChunkId { revision: 0, part: 0 };
        let before = self.tree.range(first.summary_key()..=chunk.summary_key()).rev();
        let Some(found) = self.until_error(before).next() else { return Ok(None) };
        let (key, value) = found?;
        let Some(id) = ChunkId::parse(&key) else { return Ok(None) };
        let summary = Summary::open(id, &value).ok();
        Ok(summary
            .filter(|summary| summary.chunks().iter().any(|covered| covered.id() == Some(chunk)))
            .map(|summary| (id, summary)))
    }

    /// The positions of the chunks after one, in log order.
    pub fn chunks_after(&self, id: ChunkId) -> impl Iterator<Item = Result<ChunkId, Error>> {
        let last = ChunkId { revision: i64::MAX, part: u16::MAX };
        let bounds = (std::ops::Bound::Excluded(id.chunk_key()), std::ops::Bound::Included(last.chunk_key()));
        self.until_error(self.tree.range(bounds)).filter_map(|item| match item {
            Ok((key, _)) => ChunkId::parse(&key).map(Ok),
            Err(error) => Some(Err(error)),
        })
    }

    /// Stores values as one atomic batch and returns when they are on disk.
    ///
    /// # Errors
    /// Any error is final: what became of the batch is unknown, and nothing may be acknowledged after it.
    pub fn write(&self, values: impl IntoIterator<Item = (Vec<u8>, Bytes)>) -> Result<(), Error> {
        let mut values = values.into_iter();
        let Some((key, value)) = values.next() else { return Ok(()) };
        match values.next() {
            // One value is atomic by itself, and as a batch of one it would cost some 40 µs more.
            None => drop(self.tree.insert(key, value.as_ref())?),
            Some(second) => {
                let mut batch = sled::Batch::default();
                for (key, value) in [(key, value), second].into_iter().chain(values) {
                    batch.insert(key, value.as_ref());
                }
                self.tree.apply_batch(batch)?;
            }
        }
        let begun = Instant::now();
        self.tree.flush()?;
        let flushed = Instant::now();
        self.timings.flush.observe((flushed - begun).as_secs_f64());
        // sled's flush hands the bytes to the kernel; only this puts them on disk.
        let synced = self.file.sync_data();
        self.timings.sync.observe(flushed.elapsed().as_secs_f64());
        synced.map_err(|error| Error::File(self.folder.join(FOLDER).join("db"), error))
    }

    /// How long writes took.
    pub fn timings(&self) -> &Timings {
        &self.timings
    }

    /// Lets go of the store, and returns the folder's lock once sled has let go of its own.
    pub fn close(self) -> Result<File, Error> {
        let Self { tree, file, folder, _lock: lock, .. } = self;
        drop(tree);
        let path = folder.join(FOLDER).join("db");
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(lock),
                Err(TryLockError::WouldBlock) if begun.elapsed() < LOCK_WAIT_MAX => {
                    std::thread::sleep(LOCK_WAIT_STEP);
                }
                Err(error) => return Err(Error::File(path, error.into())),
            }
        }
    }

    /// Bytes that the store takes on disk.
    pub fn bytes_on_disk(&self) -> Result<u64, Error> {
        Ok(self.tree.size_on_disk()?)
    }
}

/// The size of the store in a folder; 0 when there is none.
pub fn log_bytes(folder: &Path) -> u64 {
    fs::metadata(folder.join(FOLDER).join("db")).map_or(0, |metadata| metadata.len())
}

/// Opens sled, which lets go of its own lock a moment after its last handle is dropped. The folder's lock is ours, so
/// whoever still holds sled's is an earlier store of this process on its way out.
fn open_when_free(folder: &Path, config: &sled::Config) -> Result<sled::Result<sled::Db>, Error> {
    let begun = Instant::now();
    loop {
        let opened = catch_unwind(AssertUnwindSafe(|| config.open()));
        match opened.map_err(|_| Error::Broke(folder.to_owned()))? {
            Err(sled::Error::Io(error))
                if error.to_string().contains("could not acquire lock")
                    && begun.elapsed() < LOCK_WAIT_MAX =>
            {
                std::thread::sleep(LOCK_WAIT_STEP);
            }
            opened => return Ok(opened),
        }
    }
}

/// Opens sled; when a snapshot or its settings are damaged they are moved aside: sled makes the first again from its log,
/// and the second from what it is opened with.
fn open_tree(folder: &Path, cache_bytes: u64) -> Result<sled::Db, Error> {
    let config = sled::Config::new().path(folder).cache_capacity(cache_bytes).segment_size(SEGMENT_BYTES);
    let settings = folder.join("conf");
    let tree = match open_when_free(folder, &config)? {
        Err(sled::Error::Corruption { .. }) => {
            snapshots::move_aside(folder)?;
            if settings.exists() {
                snapshots::rename_aside(&settings, &folder.join("damaged-conf"))?;
            }
            open_when_free(folder, &config)?.map_err(|error| unreadable(folder, error))?
        }
        opened => opened.map_err(|error| unreadable(folder, error))?,
    };
    // sled does not.
    let synced = File::open(&settings).and_then(|opened| opened.sync_all());
    synced.map_err(|error| Error::File(settings, error))?;
    snapshots::sync(folder)?;
    Ok(tree)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_else_names_sled() {
        fn look(folder: &Path, found: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    look(&path, found);
                } else if fs::read_to_string(&path).unwrap().contains("sled::") {
                    found.push(path);
                }
            }
        }
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut found = Vec::new();
        look(&source, &mut found);
        found.sort();
        assert_eq!(found, ["store/disk/error.rs", "store/disk.rs"].map(|file| source.join(file)));
    }

    #[test]
    fn a_second_process_is_refused_and_an_unfinished_snapshot_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let left = folder.path().join(FOLDER).join("snap.0000000000000042.generating");
        fs::create_dir_all(folder.path().join(FOLDER)).unwrap();
        fs::write(&left, b"half").unwrap();
        let (disk, meta) = Disk::open(folder.path(), 16 << 20).unwrap();
        assert!(!left.exists());
        assert!(matches!(Disk::open(folder.path(), 16 << 20), Err(Error::Locked(_))));
        drop(disk);
        assert_eq!(Disk::open(folder.path(), 16 << 20).unwrap().1, meta);
    }
}
