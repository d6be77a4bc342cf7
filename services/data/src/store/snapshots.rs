//! sled's snapshots of where its pages are. sled makes them while it opens and does not sync their names, and from then on
//! its log alone is not enough: it writes over what only an older snapshot still points at.
//!
//! So a snapshot that a kill or a power cut left under its first name is given its last one when it is whole, and is
//! removed when it is not, for sled would never open again; and the folder is synced once the store is open.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::disk::Error;

/// What sled calls a snapshot, and what it adds until it is written.
const SNAPSHOT: &str = "snap.";
const UNFINISHED: &str = "generating";
/// The length of the content and its checksum, at the end.
const TRAILER_BYTES: usize = 12;

/// Gives every whole snapshot its name, and removes every other that has not got one.
pub(super) fn finish(folder: &Path) -> Result<(), Error> {
    let mut changed = false;
    for path in list(folder)? {
        if path.extension().is_none_or(|extension| extension != UNFINISHED) {
            continue;
        }
        let done = if is_whole(&fs::read(&path).map_err(|error| Error::File(path.clone(), error))?) {
            tracing::warn!(file = %path.display(), "a snapshot is whole and gets its name");
            fs::rename(&path, path.with_extension(""))
        } else {
            tracing::warn!(file = %path.display(), "removing an unfinished snapshot");
            fs::remove_file(&path)
        };
        done.map_err(|error| Error::File(path, error))?;
        changed = true;
    }
    if changed { sync(folder) } else { Ok(()) }
}

fn is_whole(bytes: &[u8]) -> bool {
    let Some((content, trailer)) = bytes.split_at_checked(bytes.len().saturating_sub(TRAILER_BYTES)) else {
        return false;
    };
    let Some((length, checksum)) = trailer.split_first_chunk::<8>() else { return false };
    // sled writes numbers in the machine's order.
    u64::from_ne_bytes(*length) == content.len() as u64 && *checksum == crc32fast::hash(content).to_ne_bytes()
}

/// All that sled takes for snapshots.
pub(super) fn list(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = fs::read_dir(folder).and_then(|entries| {
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()
    });
    let is_snapshot = |path: &PathBuf| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(SNAPSHOT))
    };
    let paths = entries.map_err(|error| Error::File(folder.to_owned(), error))?;
    Ok(paths.into_iter().filter(is_snapshot).collect())
}

/// The size of the largest: the next one is about as large.
pub(super) fn bytes(folder: &Path) -> Result<u64, Error> {
    let sizes = list(folder)?.into_iter().map(|path| path.metadata().map_or(0, |metadata| metadata.len()));
    Ok(sizes.max().unwrap_or_default())
}

/// Moves all of them to where sled does not look.
pub(super) fn move_aside(folder: &Path) -> Result<(), Error> {
    list(folder)?.iter().try_for_each(|path| rename_aside(path, &folder.join("damaged-snapshot")))
}

/// The new name must not look like a snapshot: sled would take it for the newest.
pub(super) fn rename_aside(path: &Path, aside: &Path) -> Result<(), Error> {
    tracing::warn!(file = %path.display(), "moving aside what sled cannot read");
    fs::rename(path, aside).map_err(|error| Error::File(path.to_owned(), error))
}

/// Makes the names in a folder durable.
pub(super) fn sync(folder: &Path) -> Result<(), Error> {
    let synced = File::open(folder).and_then(|opened| opened.sync_all());
    synced.map_err(|error| Error::File(folder.to_owned(), error))
}
