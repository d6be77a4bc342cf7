//! Free space: what is kept free, and the ballast that is given up when not even opening would have room.
//!
//! Once sled has seen a full disk it never writes again, and opening needs room too. So the store becomes read-only while
//! there still is some, and a file that holds nothing keeps the room for opening; what deletes and compactions write
//! comes out of what is kept free.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, StatVfs};
use rustix::io::Errno;

use super::disk::{self, Error};

/// What is kept free when nothing else is said: the larger of so many bytes and one part in so many of what can be used.
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
    /// Bytes that are kept free: 256 MiB or a tenth of what can be used of the file system, whichever is more, unless
    /// something else was said.
    pub needed: u64,
}

impl Room {
    /// From what the system tells. What is free but not for this process (kept for root, or beyond a quota) is no room:
    /// what can be used is what is used and what is left, as `df` counts its percents.
    fn of(stat: StatVfs, free_bytes_min: Option<u64>) -> Self {
        let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
        let used = stat.f_blocks.saturating_sub(stat.f_bfree);
        let usable = bytes(used.saturating_add(stat.f_bavail));
        let needed = free_bytes_min.unwrap_or_else(|| FREE_BYTES_MIN.max(usable / FREE_PART));
        Self { free: bytes(stat.f_bavail), needed }
    }

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
        Ok(Room::of(stat, self.free_bytes_min))
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

    /// A file system of so many GiB, so many of them free, so many of these for anybody.
    fn file_system([all, free, left]: [u64; 3]) -> StatVfs {
        let folder = tempfile::tempdir().unwrap();
        let stat = rustix::fs::statvfs(folder.path()).unwrap();
        StatVfs { f_frsize: 1 << 30, f_blocks: all, f_bfree: free, f_bavail: left, ..stat }
    }

    #[test]
    fn a_tenth_of_what_can_be_used_is_kept_free_and_at_least_256_mib() {
        for (gib, needed) in [
            ([100, 40, 40], 10 << 30),
            // 150 GiB are free, and nobody may have them: a quota, or a disk that is there only when it is written.
            ([250, 170, 20], 10 << 30),
            ([250, 170, 0], 8 << 30),
            ([2, 2, 2], 256 << 20),
            ([0, 0, 0], 256 << 20),
            // No file system tells this; none may make the store panic.
            ([1, 2, 0], 256 << 20),
            ([u64::MAX, 0, u64::MAX], u64::MAX / 10),
        ] {
            assert_eq!(Room::of(file_system(gib), None).needed, needed, "{gib:?}");
        }
        let room = Room::of(file_system([250, 170, 20]), Some(7));
        assert_eq!(room, Room { free: 20 << 30, needed: 7 });
        assert!(room.has((20 << 30) - 7) && !room.has((20 << 30) - 6));
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
