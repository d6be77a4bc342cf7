//! How far the log has to reach: a small file beside sled's, which may lose the end of its own log without a word.
//!
//! A flipped bit in a segment makes sled take the log for ended there, and everything after it is gone as if it had never
//! been written. So the newest durable revision is noted outside, after the group that made it is on disk. The note is
//! not synced: it may fall behind in a power cut, and can never be ahead of what is on disk.
//!
//! | bytes | what |
//! |---|---|
//! | 32 | the store's id, text |
//! | 8 | the revision, little-endian |
//! | 4 | CRC32C of the forty before |

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::keys::Revision;

/// The file, in the data folder.
pub const FILE: &str = "head";
const ID_BYTES: usize = 32;
const BYTES: usize = ID_BYTES + 8 + 4;

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// Of which store.
    pub store_id: String,
    /// A revision that was durable.
    pub revision: Revision,
}

/// The file, open for noting.
#[derive(Debug)]
pub struct NoteFile {
    file: File,
    path: PathBuf,
}

impl NoteFile {
    /// Opens the file in a data folder, or makes it.
    pub fn open(folder: &Path) -> Result<Self, (PathBuf, io::Error)> {
        let path = folder.join(FILE);
        let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        match options {
            Ok(file) => Ok(Self { file, path }),
            Err(error) => Err((path, error)),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it says; nothing when it is new, or damaged: then the log is believed alone, as if it had never been noted.
    pub fn read(&self) -> io::Result<Option<Noted>> {
        let mut bytes = Vec::with_capacity(BYTES);
        (&self.file).take(BYTES as u64).read_to_end(&mut bytes)?;
        let noted = parse(&bytes);
        if noted.is_none() && !bytes.is_empty() {
            tracing::warn!(file = %self.path.display(), "the note of the newest revision is damaged, going on without");
        }
        Ok(noted)
    }

    /// Notes a durable revision of a store.
    pub fn write(&self, store_id: &str, revision: Revision) -> io::Result<()> {
        let mut bytes = [0; BYTES];
        for (to, from) in bytes.iter_mut().zip(store_id.bytes().take(ID_BYTES)) {
            *to = from;
        }
        bytes[ID_BYTES..ID_BYTES + 8].copy_from_slice(&revision.to_le_bytes());
        let checksum = crc32c::crc32c(&bytes[..ID_BYTES + 8]);
        bytes[ID_BYTES + 8..].copy_from_slice(&checksum.to_le_bytes());
        self.file.write_all_at(&bytes, 0)
    }
}

fn parse(bytes: &[u8]) -> Option<Noted> {
    let (content, checksum) = bytes.split_at_checked(ID_BYTES + 8)?;
    if checksum != crc32c::crc32c(content).to_le_bytes() {
        return None;
    }
    let (store_id, revision) = content.split_at(ID_BYTES);
    let store_id = std::str::from_utf8(store_id).ok()?.to_owned();
    Some(Noted { store_id, revision: Revision::from_le_bytes(revision.try_into().ok()?) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_back_and_a_damaged_one_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let id = "0123456789abcdef0123456789abcdef";
        let note = NoteFile::open(folder.path()).unwrap();
        assert_eq!(note.read().unwrap(), None);
        note.write(id, 7).unwrap();
        note.write(id, 8).unwrap();
        let read = || NoteFile::open(folder.path()).unwrap().read().unwrap();
        assert_eq!(read(), Some(Noted { store_id: id.into(), revision: 8 }));
        let path = folder.path().join(FILE);
        let whole = std::fs::read(&path).unwrap();
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(read(), None, "bit {bit}");
        }
        for damaged in [vec![], vec![0; BYTES], whole[..BYTES - 1].to_vec()] {
            std::fs::write(&path, damaged).unwrap();
            assert_eq!(read(), None);
        }
    }
}
