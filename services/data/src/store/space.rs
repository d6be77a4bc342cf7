//! Free space: what is kept free, and the ballast that is given up when not even opening would have room.
//!
//! Once sled has seen a full disk it never writes again, and opening needs room too. So the store becomes read-only while
//! there still is some, and a file that holds nothing keeps the room for opening; what deletes and compactions write
//! comes out of what is kept free.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rustix::fs::FallocateFlags;
use rustix::io::Errno;

use super::disk::{self, Error};

/// What is kept free when nothing else is said: the larger of so many bytes and one part in so many of the file system.
const FREE_BYTES_MIN: u64 = 256 << 20;
const FREE_PART: u64 = 10;
/// What opening may write, beside a snapshot as large as the last one: sled clears the rest of a segment.
const OPEN_BYTES: u64 = 2 * disk::SEGMENT_BYTES as u64;
/// A file of no content in the store's folder.
const BALLAST: &str = "ballast";

/// The file system of a store.
#[derive(Debug, Clone)]
pub struct Space {
    folder: PathBuf,
    /// What is kept free; by default as [`Room::needed`] says.
    free_bytes_min: Option<u64>,
    ballast_bytes: u64,
}

/// How much room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Bytes free.
    pub free: u64,
    /// Bytes that are kept free: 256 MiB or a tenth of the file system, whichever is more, unless something else was
    /// said.
    pub needed: u64,
}

impl Room {
    /// Whether so much can be written.
    pub fn has(self, bytes: u64) -> bool {
        self.free >= self.needed.saturating_add(bytes)
    }
}

impl Space {
    /// The file system of a folder, which is there.
    pub fn new(folder: &Path, free_bytes_min: Option<u64>, ballast_bytes: u64) -> Self {
        Self { folder: folder.to_owned(), free_bytes_min, ballast_bytes }
    }

    /// Looks.
    pub fn room(&self) -> Result<Room, Error> {
        let stat = rustix::fs::statvfs(&self.folder)
            .map_err(|error| Error::File(self.folder.clone(), error.into()))?;
        let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
        let needed =
            self.free_bytes_min.unwrap_or_else(|| FREE_BYTES_MIN.max(bytes(stat.f_blocks) / FREE_PART));
        Ok(Room { free: bytes(stat.f_bavail), needed })
    }

    /// Makes the ballast when it is not there and there is room for it. A store without one works all the same.
    pub fn keep_ballast(&self) {
        let path = self.folder.join(BALLAST);
        let kept = fs::metadata(&path).map_or(0, |metadata| metadata.len());
        if kept == self.ballast_bytes || !self.room().is_ok_and(|room| room.has(self.ballast_bytes)) {
            return;
        }
        let made = File::create(&path).and_then(|file| {
            if self.ballast_bytes == 0 {
                return fs::remove_file(&path);
            }
            match rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, self.ballast_bytes) {
                // Such a file system gives nothing to hold.
                Err(Errno::OPNOTSUPP) => Ok(()),
                made => Ok(made?),
            }
        });
        if let Err(error) = made {
            tracing::warn!(%error, "there is no ballast");
            fs::remove_file(&path).unwrap_or_default();
        }
    }
}

/// Sees to it that there is room to open a store; gives up the ballast for it.
///
/// # Errors
/// [`Error::Full`], before anything else was touched.
pub(super) fn make_way(folder: &Path, snapshot_bytes: u64) -> Result<(), Error> {
    let space = Space::new(folder, None, 0);
    let needed = OPEN_BYTES + snapshot_bytes;
    let ballast = folder.join(BALLAST);
    if space.room()?.free < needed && ballast.exists() {
        tracing::warn!("the disk is full, the ballast is given up to open the store");
        fs::remove_file(&ballast).map_err(|error| Error::File(ballast, error))?;
    }
    let free = space.room()?.free;
    if free < needed { Err(Error::Full { folder: folder.to_owned(), free, needed }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_is_kept_free_and_at_least_256_mib() {
        let folder = tempfile::tempdir().unwrap();
        let stat = rustix::fs::statvfs(folder.path()).unwrap();
        let tenth = stat.f_blocks * stat.f_frsize / 10;
        let room = Space::new(folder.path(), None, 0).room().unwrap();
        assert_eq!(room.needed, tenth.max(256 << 20));
        assert_eq!(Space::new(folder.path(), Some(7), 0).room().unwrap().needed, 7);
    }

    #[test]
    fn the_ballast_is_made_changed_and_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let ballast = folder.path().join(BALLAST);
        let size = || fs::metadata(&ballast).map_or(0, |metadata| metadata.len());
        for bytes in [1 << 20, 2 << 20, 2 << 20, 0, 0] {
            Space::new(folder.path(), Some(0), bytes).keep_ballast();
            assert_eq!((size(), ballast.exists()), (bytes, bytes > 0));
        }
        Space::new(folder.path(), Some(1 << 60), 1 << 20).keep_ballast();
        assert!(!ballast.exists(), "there was no room for it");
    }
}
