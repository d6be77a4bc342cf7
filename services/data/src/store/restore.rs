//! A store made from an archive.
//!
//! The archive is proven first, with every chunk in it; then the store is built in a folder of its own inside the data
//! folder and put in place by a rename. Until then the data folder holds nothing that opens. The restored store is another
//! one: its id is new, revisions and history are those of the archive.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use reform_archive::{Entry, Head, Reader, Whole};

use super::chunk::Chunk;
use super::continuity::Continuity;
use super::disk::{self, Disk};
use super::folder::{self, FOLDER, LOCK, RESTORING};
use super::keys::{ChunkId, Revision};
use super::meta::{Meta, STORE_FORMAT};
use super::{noted, recover, summary};

/// Bytes that are written as one batch, about.
const BATCH_BYTES: usize = 1024 * 1024;
/// Bytes that sled may keep in memory meanwhile.
const CACHE_BYTES: u64 = 64 * 1024 * 1024;

/// Why nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The archive cannot be opened.
    #[error("{0}: {1}")]
    File(PathBuf, #[source] io::Error),
    /// The archive is not whole, or not one.
    #[error("{0}: {1}")]
    Archive(PathBuf, #[source] reform_archive::Error),
    /// The archive was made of a newer store.
    #[error(
        "{path} holds a store of format {found}, this program knows up to {STORE_FORMAT}: use the newer program"
    )]
    Newer {
        /// Which archive.
        path: PathBuf,
        /// The store's format.
        found: u32,
    },
    /// Every checksum holds, and what was written is no log.
    #[error("{path}: {what}")]
    Content {
        /// Which archive.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// There is something in the folder already.
    #[error("{0} is not empty: restore into an empty or a new folder")]
    NotEmpty(PathBuf),
    /// The store cannot be written.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

/// A store that was restored, or an archive that was proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Which store it is; of an archive, which store it was made of.
    pub store_id: String,
    /// Its newest revision.
    pub revision: Revision,
    /// The smallest revision that can be read.
    pub oldest_revision: Revision,
}

/// Reads an archive to its end and checks everything in it; `progress` is told how many bytes are read.
///
/// # Errors
/// Whatever is wrong with it.
pub fn verify(archive: &Path, progress: &mut dyn FnMut(u64)) -> Result<Restored, Error> {
    let Whole { head, end } = read(archive, progress, &mut |_| Ok(()))?;
    let Head { store_id, revision, .. } = head;
    Ok(Restored { store_id, revision, oldest_revision: end.oldest_revision })
}

/// Makes a store of an archive, in a folder that is empty or not there; `progress` is told how many bytes are read, twice
/// those of the archive in all.
///
/// # Errors
/// An archive that is refused, a folder that is not empty, or a disk that fails; nothing that opens is then left.
pub fn restore(archive: &Path, folder: &Path, progress: &mut dyn FnMut(u64)) -> Result<Restored, Error> {
    let proven = verify(archive, progress)?;
    let failed = |error| Error::Disk(disk::Error::File(folder.to_owned(), error));
    fs::create_dir_all(folder).map_err(failed)?;
    let lock = folder::lock(folder)?;
    clear(folder)?;
    let aside = folder.join(RESTORING);
    let meta = build(archive, &aside, &proven, progress)?;
    put_in_place(folder, &aside).map_err(failed)?;
    drop(lock);
    Ok(Restored { store_id: meta.store_id, ..proven })
}

/// Refuses a folder with anything in it but what an interrupted restore has left, and removes that.
fn clear(folder: &Path) -> Result<(), Error> {
    let failed = |error| Error::Disk(disk::Error::File(folder.to_owned(), error));
    let aside = folder.join(RESTORING);
    let interrupted = aside.exists();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let ours = name == LOCK || interrupted && (name == RESTORING || name == noted::FILE);
        if !ours {
            return Err(Error::NotEmpty(folder.to_owned()));
        }
    }
    if interrupted {
        fs::remove_dir_all(&aside).map_err(failed)?;
        match fs::remove_file(folder.join(noted::FILE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

fn build(
    archive: &Path,
    folder: &Path,
    proven: &Restored,
    progress: &mut dyn FnMut(u64),
) -> Result<Meta, Error> {
    let (disk, meta) = Disk::open(folder, CACHE_BYTES)?;
    let mut batch: Vec<(Vec<u8>, Bytes)> = Vec::new();
    let mut bytes = 0;
    let whole = read(archive, progress, &mut |(key, value)| {
        bytes += value.len();
        batch.push((key, value));
        if bytes >= BATCH_BYTES {
            bytes = 0;
            disk.write(batch.drain(..))?;
        }
        Ok(())
    })?;
    // What lies below the oldest revision may not all be dropped in the archive: dropping begins again.
    let Whole { head: Head { uid_key, .. }, end } = whole;
    let meta = Meta { uid_key, oldest_revision: end.oldest_revision, dropped_revision: 0, ..meta };
    batch.push((Meta::key(), meta.seal().into()));
    disk.write(batch)?;
    disk.note(&meta, proven.revision)?;
    disk.close()?;
    Ok(meta)
}

/// Moves what was built out of its folder; the rename of sled's folder is what makes it a store.
fn put_in_place(folder: &Path, aside: &Path) -> io::Result<()> {
    let sled = aside.join(FOLDER);
    for entry in fs::read_dir(&sled)? {
        let path = entry?.path();
        if path.is_file() {
            File::open(path)?.sync_all()?;
        }
    }
    fs::remove_file(aside.join(LOCK))?;
    File::open(aside.join(noted::FILE))?.sync_all()?;
    File::open(&sled)?.sync_all()?;
    fs::rename(aside.join(noted::FILE), folder.join(noted::FILE))?;
    File::open(folder)?.sync_all()?;
    fs::rename(&sled, folder.join(FOLDER))?;
    File::open(aside)?.sync_all()?;
    File::open(folder)?.sync_all()?;
    fs::remove_dir(aside)
}

/// Reads an archive to its end and gives every value of the store: chunks, and the summaries of them.
fn read(
    archive: &Path,
    progress: &mut dyn FnMut(u64),
    each: &mut dyn FnMut((Vec<u8>, Bytes)) -> Result<(), Error>,
) -> Result<Whole, Error> {
    let refused = |error| Error::Archive(archive.to_owned(), error);
    let wrong = |what: String| Error::Content { path: archive.to_owned(), what };
    let file = File::open(archive).map_err(|error| Error::File(archive.to_owned(), error))?;
    let mut reader = Reader::new(BufReader::with_capacity(1 << 20, file)).map_err(refused)?;
    if reader.head().store_format > STORE_FORMAT {
        return Err(Error::Newer { path: archive.to_owned(), found: reader.head().store_format });
    }
    let (mut continuity, mut summary) = (Continuity::default(), summary::Builder::after(None));
    while let Some(Entry { key, value }) = reader.next_entry().map_err(refused)? {
        progress(reader.position());
        let id = ChunkId::parse(&key).filter(|id| id.chunk_key() == *key);
        let id = id.ok_or_else(|| wrong("it holds something else than the change log".to_owned()))?;
        let value = Bytes::from(value);
        let followed = Chunk::open(id, value.clone())
            .map_err(|damage| disk::Error::Chunk { id, damage })
            .and_then(|chunk| {
                continuity.chunk(id, chunk.commits())?;
                recover::summarise(&mut summary, &chunk, id, |_, _, _| Ok(()))
            });
        followed.map_err(|error| wrong(error.to_string()))?;
        each((key, value))?;
        if summary.is_full() {
            let next = summary::Builder::after(Some(id));
            if let Some((id, value)) = std::mem::replace(&mut summary, next).finish() {
                each((id.summary_key().to_vec(), value.into()))?;
            }
        }
    }
    if let Some((id, value)) = summary.finish() {
        each((id.summary_key().to_vec(), value.into()))?;
    }
    continuity.end().map_err(|error| wrong(error.to_string()))?;
    let whole = reader.whole().expect("no entry is left, so the end was read");
    if whole.head.revision != continuity.revision() {
        return Err(wrong(format!("its log ends at revision {}", continuity.revision())));
    }
    Ok(whole)
}
