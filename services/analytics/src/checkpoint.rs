//! Checkpoints: what was folded, kept in the state folder, so that a restart need not ask for everything again.
//!
//! A file is written aside, synced and renamed, so it is whole or not there; what the disk makes of it later the checksums
//! tell. One that is torn, flipped, or of another format or formula version is passed over for the one before. One of
//! another store, or of a history that is gone, is found out by the feed and forgotten.
//!
//! `file` reads and writes one; `keeper` decides when.

mod file;
mod keeper;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::held::Held;

pub(crate) use file::{Error, read_from, write_to};
pub(crate) use keeper::keep;

/// Checkpoints that are kept.
const KEPT: usize = 2;

const SUFFIX: &str = ".checkpoint";
const ASIDE: &str = ".aside";

/// The folder of the checkpoints.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// The folder, made if it is missing, without what an earlier run left half written.
    pub(crate) fn open(path: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&path)?;
        let folder = Self { path };
        for left in folder.files(ASIDE)? {
            fs::remove_file(left)?;
        }
        Ok(folder)
    }

    /// The newest checkpoint that can be used; none where there is none.
    pub(crate) fn newest(&self) -> Option<Held> {
        let files = self.files(SUFFIX).inspect_err(|error| {
            tracing::warn!(%error, folder = %self.path.display(), "checkpoints cannot be listed");
        });
        files.unwrap_or_default().into_iter().rev().find_map(|path| match file::read(&path) {
            Ok(held) => {
                let revision = held.view.revision();
                tracing::info!(revision, file = %path.display(), "checkpoint read");
                Some(held)
            }
            Err(error) => {
                tracing::error!(%error, file = %path.display(), "checkpoint passed over");
                None
            }
        })
    }

    /// How long ago the newest checkpoint was written; none where there is none.
    pub(crate) fn age(&self) -> Option<Duration> {
        let newest = self.files(SUFFIX).ok()?.pop()?;
        fs::metadata(newest).ok()?.modified().ok()?.elapsed().ok()
    }

    /// Writes a checkpoint and lets go of all but the newest.
    pub(crate) fn write(&self, held: &Held) -> Result<(), Error> {
        let name = format!("{:020}", held.view.revision());
        let aside = self.path.join(format!("{name}{ASIDE}"));
        file::write(&aside, held)?;
        fs::rename(&aside, self.path.join(format!("{name}{SUFFIX}")))?;
        fs::File::open(&self.path)?.sync_all()?;
        let files = self.files(SUFFIX)?;
        for old in files.iter().rev().skip(KEPT) {
            fs::remove_file(old)?;
        }
        Ok(())
    }

    /// Lets go of all checkpoints: their history is gone.
    pub(crate) fn clear(&self) {
        let gone = self.files(SUFFIX).and_then(|files| files.iter().try_for_each(fs::remove_file));
        if let Err(error) = gone {
            tracing::warn!(%error, folder = %self.path.display(), "checkpoints of a history that is gone remain");
        }
    }

    /// The files of that ending, by name, which is by revision.
    fn files(&self, ending: &str) -> io::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            if name(&path).is_some_and(|name| name.ends_with(ending)) {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }
}

fn name(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()
}
