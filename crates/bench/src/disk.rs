//! The disk under the store: what a folder takes, and what a sync costs.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// Bytes that one probe appends before it syncs.
const PROBE_BYTES: usize = 4 << 10;

/// Bytes of all files below a folder.
///
/// # Errors
/// When the folder cannot be read.
pub(crate) fn bytes_below(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { bytes_below(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}

/// Appends to one file and syncs it, by turns, for as long as told; syncs per second. It is what the barest log of one
/// writer does, to judge durable writes by.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn syncs_per_second(folder: &Path, lasting: Duration) -> io::Result<f64> {
    let path = folder.join("sync-probe");
    let mut file = File::create(&path)?;
    let (started, mut syncs) = (Instant::now(), 0_u32);
    while started.elapsed() < lasting {
        file.write_all(&[0x5a; PROBE_BYTES])?;
        file.sync_data()?;
        syncs += 1;
    }
    let rate = f64::from(syncs) / started.elapsed().as_secs_f64();
    fs::remove_file(path)?;
    Ok(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_files_of_all_depths() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("inner")).unwrap();
        fs::write(folder.path().join("a"), [0; 10]).unwrap();
        fs::write(folder.path().join("inner/b"), [0; 7]).unwrap();
        assert_eq!(bytes_below(folder.path()).unwrap(), 17);
    }

    #[test]
    fn leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        assert!(syncs_per_second(folder.path(), Duration::from_millis(5)).unwrap() > 0.0);
        assert_eq!(bytes_below(folder.path()).unwrap(), 0);
    }
}
