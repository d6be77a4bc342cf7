//! The data folder: what lies in it beside the store, and what has to be tidied before sled opens its own.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

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
