//! Puts a store that was written anew in the place of the old one; a crash at any moment leaves one of them, whole.
//!
//! | in the data folder | what it means | what the next open does |
//! |---|---|---|
//! | `compacting` | not all is written and checked | removes it |
//! | `sled` and `sled.new` | the new one is whole | goes on with the swap |
//! | `sled.old` and `sled.new` | the old one is out of the way | goes on with the swap |
//! | `sled.old` and `sled` | the new one is in place | removes the old one |

use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::folder::FOLDER;

/// Where a store is written anew: a data folder of its own.
pub(super) const COMPACTING: &str = "compacting";
pub(super) const NEW: &str = "sled.new";
pub(super) const OLD: &str = "sled.old";

/// Swaps the store in `compacting` for the one that is there; both are closed.
pub(super) fn swap(folder: &Path) -> io::Result<()> {
    let written = folder.join(COMPACTING).join(FOLDER);
    for entry in fs::read_dir(&written)? {
        let path = entry?.path();
        if path.is_file() {
            File::open(path)?.sync_all()?;
        }
    }
    File::open(&written)?.sync_all()?;
    rename(folder, &format!("{COMPACTING}/{FOLDER}"), NEW)?;
    finish(folder)
}

/// Finishes what an interrupted swap left, or takes back what an interrupted compaction did.
pub(super) fn finish(folder: &Path) -> io::Result<()> {
    let there = |name: &str| folder.join(name).exists();
    if there(NEW) {
        if there(FOLDER) {
            remove(folder, OLD)?;
            rename(folder, FOLDER, OLD)?;
        }
        rename(folder, NEW, FOLDER)?;
    } else if there(OLD) && !there(FOLDER) {
        rename(folder, OLD, FOLDER)?;
    }
    remove(folder, OLD)?;
    remove(folder, COMPACTING)
}

fn rename(folder: &Path, from: &str, to: &str) -> io::Result<()> {
    fs::rename(folder.join(from), folder.join(to))?;
    File::open(folder)?.sync_all()
}

fn remove(folder: &Path, name: &str) -> io::Result<()> {
    match fs::remove_dir_all(folder.join(name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => File::open(folder)?.sync_all(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with these stores in it, each a file that says which it is.
    fn folder(stores: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, which) in stores {
            fs::create_dir_all(folder.path().join(name)).unwrap();
            fs::write(folder.path().join(name).join("db"), which).unwrap();
        }
        folder
    }

    #[test]
    fn wherever_it_was_interrupted_one_whole_store_is_left() {
        let compacting = format!("{COMPACTING}/{FOLDER}");
        for (stores, expected) in [
            (vec![(FOLDER, "old")], "old"),
            (vec![(FOLDER, "old"), (compacting.as_str(), "half")], "old"),
            (vec![(FOLDER, "old"), (NEW, "new")], "new"),
            (vec![(FOLDER, "old"), (NEW, "new"), (OLD, "half")], "new"),
            (vec![(OLD, "old"), (NEW, "new")], "new"),
            (vec![(OLD, "old"), (FOLDER, "new")], "new"),
            (vec![(OLD, "half"), (FOLDER, "new"), (COMPACTING, "left")], "new"),
            (vec![(OLD, "old")], "old"),
        ] {
            let folder = folder(&stores);
            finish(folder.path()).unwrap();
            assert_eq!(
                fs::read_to_string(folder.path().join(FOLDER).join("db")).unwrap(),
                expected,
                "{stores:?}"
            );
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "{stores:?}");
        }
    }

    #[test]
    fn the_new_store_takes_the_place_of_the_old_one() {
        let compacting = format!("{COMPACTING}/{FOLDER}");
        let folder = folder(&[(FOLDER, "old"), (compacting.as_str(), "new")]);
        swap(folder.path()).unwrap();
        assert_eq!(fs::read_to_string(folder.path().join(FOLDER).join("db")).unwrap(), "new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
