//! A disk that fails, stands still or loses power, for one process: a library that is preloaded into it
//! (`disk/shim.c`, compiled by the build script).

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::process::Program;

/// The preloaded library.
const SHIM: &str = env!("TRIALS_DISK");

/// What becomes of one call that changes a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It fails with EIO.
    Error,
    /// It fails with ENOSPC; later ones succeed.
    Full,
    /// A write takes half of its bytes.
    Short,
    /// A sync takes that long.
    Stall(Duration),
}

/// A disk below a program: the folder that the program changes, and one beside it for the disk's own files, on the same
/// file system.
#[derive(Debug)]
pub struct Disk {
    both: tempfile::TempDir,
}

impl Disk {
    /// Two new folders.
    pub fn new() -> Self {
        let both = tempfile::tempdir().unwrap();
        let disk = Self { both };
        fs::create_dir(disk.folder()).unwrap();
        fs::create_dir(disk.beside()).unwrap();
        disk
    }

    /// The folder of the program.
    pub fn folder(&self) -> PathBuf {
        self.both.path().join("store")
    }

    /// The folder of the disk.
    pub(crate) fn beside(&self) -> PathBuf {
        self.both.path().join("disk")
    }

    /// The program with a fault at its n-th call.
    pub fn failing(&self, program: Program, fault: Fault, call: usize) -> Program {
        let (name, stall) = match fault {
            Fault::Error => ("eio", Duration::ZERO),
            Fault::Full => ("enospc", Duration::ZERO),
            Fault::Short => ("short", Duration::ZERO),
            Fault::Stall(stall) => ("stall", stall),
        };
        let program = self.below(program).env("TRIALS_FAIL", name).env("TRIALS_FAIL_AT", call.to_string());
        let program = program.env("TRIALS_STALL_MS", stall.as_millis().to_string());
        program.env("TRIALS_FIRED", self.fired_file())
    }

    /// The program with a journal of what is not synced yet; on a disk that `lies`, nothing ever is.
    pub fn losing_power(&self, program: Program, lies: bool) -> Program {
        let program = self.below(program).env("TRIALS_JOURNAL", self.beside());
        if lies { program.env("TRIALS_LIE", "yes") } else { program }
    }

    fn below(&self, program: Program) -> Program {
        program.env("LD_PRELOAD", SHIM).env("TRIALS_FOLDER", self.folder())
    }

    /// The call that the fault hit, if it has: its name and the file.
    pub fn fired(&self) -> Option<String> {
        let line = fs::read_to_string(self.fired_file()).ok()?;
        let folder = self.folder();
        let (call, path) = line.split_once(' ')?;
        let path = Path::new(path).strip_prefix(&folder).unwrap_or(Path::new(path));
        Some(format!("{call} {}", path.display()))
    }

    fn fired_file(&self) -> PathBuf {
        self.beside().join("fired")
    }
}

impl Default for Disk {
    fn default() -> Self {
        Self::new()
    }
}
