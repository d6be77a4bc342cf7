//! The data folder: what lies in it beside the store, and what has to be tidied before sled opens its own.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::disk::Error;
use super::swap;

/// The folder below the data folder that sled owns.
pub(super) const FOLDER: &str = "sled";
/// The file in the data folder that one process locks.
pub(super) const LOCK: &str = "lock";
/// Where a restore builds a store before it is put in place.
pub(super) const RESTORING: &str = "restoring";

/// Refuses a folder without a store, which opening would make there.
pub(super) fn require(folder: &Path) -> Result<(), Error> {
    let there = |name: &str| folder.join(name).join("db").exists();
    if [FOLDER, swap::NEW, swap::OLD].into_iter().any(there) {
        Ok(())
    } else {
        Err(Error::Absent(folder.to_owned()))
    }
}

/// One process a folder; the operating system lets go of the lock when the process ends, however it ends.
pub(super) fn lock(folder: &Path) -> Result<File, Error> {
    let path = folder.join(LOCK);
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(|error| Error::File(path.clone(), error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Locked(folder.to_owned())),
        Err(TryLockError::Error(error)) => Err(Error::File(path, error)),
    }
}

/// What a restore has put in place is no longer in the folder where it was built.
pub(super) fn refuse_unfinished_restore(folder: &Path) -> Result<(), Error> {
    match fs::remove_dir(folder.join(RESTORING)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
            Err(Error::Restoring(folder.to_owned()))
        }
        removed => removed.map_err(|error| Error::File(folder.join(RESTORING), error)),
    }
}

/// A kill while sled writes a snapshot leaves `snap.*.generating`, and sled then never opens again.
pub(super) fn remove_unfinished_snapshots(folder: &Path) -> Result<(), Error> {
    let failed = |error| Error::File(folder.to_owned(), error);
    let mut removed = false;
    for path in snapshots(folder)? {
        if path.extension().is_some_and(|extension| extension == "generating") {
            tracing::warn!(file = %path.display(), "removing an unfinished snapshot");
            fs::remove_file(&path).map_err(failed)?;
            removed = true;
        }
    }
    if removed { File::open(folder).and_then(|opened| opened.sync_all()).map_err(failed) } else { Ok(()) }
}

pub(super) fn snapshots(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |error| Error::File(folder.to_owned(), error);
    let entries = fs::read_dir(folder).map_err(failed)?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>();
    let is_snapshot = |path: &PathBuf| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("snap."))
    };
    Ok(paths.map_err(failed)?.into_iter().filter(is_snapshot).collect())
}

/// The size of the largest snapshot: the next one is about as large.
pub(super) fn snapshot_bytes(folder: &Path) -> Result<u64, Error> {
    let sizes =
        snapshots(folder)?.into_iter().map(|path| path.metadata().map_or(0, |metadata| metadata.len()));
    Ok(sizes.max().unwrap_or_default())
}
