//! `--check-config`: everything that a start would read is read, and nothing is started.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches};
use reform_api::validity::{Standing, Validity};
use rustix::fs::Access;

use super::Error;

const NAME: &str = "check-config";
/// What the process ends with where something is wrong.
const EXIT_WRONG: u8 = 2;
/// Anybody's permissions, and those of the group but to read.
const OTHERS: u32 = 0o037;

pub(super) fn arg() -> Arg {
    Arg::new(NAME)
        .long(NAME)
        .action(ArgAction::SetTrue)
        .help("reads everything that a start would read, prints the settings, and ends: 0 when all is right, else 2")
}

/// Whether only a check is asked for.
pub fn is_asked(matches: &ArgMatches) -> bool {
    matches.get_flag(NAME)
}

/// What a check found.
#[derive(Debug, Default)]
pub struct Checked {
    /// The settings, as TOML.
    pub resolved: String,
    /// What is wrong; each begins with the setting.
    pub mistakes: Vec<String>,
    /// What is not wrong, and not right either.
    pub warnings: Vec<String>,
}

impl Checked {
    /// A configuration that is wrong by itself.
    pub fn wrong(resolved: String, error: Error) -> Self {
        Self { resolved, mistakes: error.mistakes, warnings: Vec::new() }
    }

    /// Notes what is wrong with a setting.
    pub fn mistake(&mut self, key: &str, what: impl std::fmt::Display) {
        self.mistakes.push(format!("--{key}: {what}"));
    }

    /// The bytes of a file that a setting names; none where there is none, and that is a mistake.
    pub fn file(&mut self, key: &str, path: &Path) -> Option<Vec<u8>> {
        let read = fs::read(path).map_err(|error| self.mistake(key, format!("{}: {error}", path.display())));
        read.ok()
    }

    /// As [`Checked::file`], of a file that others should not read.
    pub fn secret(&mut self, key: &str, path: &Path) -> Option<Vec<u8>> {
        let bytes = self.file(key, path)?;
        let mode = fs::metadata(path).map(|file| file.permissions().mode()).unwrap_or_default();
        if mode & OTHERS != 0 {
            let told = format!("--{key}: {}: others may use it (mode {:o})", path.display(), mode & 0o777);
            self.warnings.push(told);
        }
        Some(bytes)
    }

    /// The dates of a certificate: what has ended is wrong, what will is told.
    pub fn dates(&mut self, key: &str, validity: Option<Validity>) {
        match validity.map(Validity::now) {
            Some(Standing::NotYet) => self.mistake(key, "the certificate is not valid yet"),
            Some(Standing::Ended(days)) => {
                self.mistake(key, format!("the certificate ended {days} days ago"))
            }
            Some(Standing::Ends(days)) => {
                self.warnings.push(format!("--{key}: the certificate ends in {days} days"));
            }
            Some(Standing::Good(_)) => {}
            None => self.warnings.push(format!("--{key}: the dates of the certificate cannot be read")),
        }
    }

    /// A folder that is written to, or can be made.
    pub fn folder(&mut self, key: &str, path: &Path) {
        let exists = path.ancestors().find(|folder| folder.as_os_str().is_empty() || folder.exists());
        let folder = exists.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let wanted = if folder.is_dir() {
            Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK
        } else {
            self.mistake(key, format!("{} is no folder", folder.display()));
            return;
        };
        if let Err(error) = rustix::fs::access(folder, wanted) {
            self.mistake(key, format!("{}: cannot be written to: {error}", folder.display()));
        }
    }

    /// Writes the settings to stdout and what is wrong to stderr; says how to exit.
    pub fn report(&self) -> ExitCode {
        let Self { resolved, mistakes, warnings } = self;
        // The exit code is the answer: readers who have left change nothing.
        drop(std::io::stdout().write_all(resolved.as_bytes()));
        for warning in warnings {
            drop(writeln!(std::io::stderr(), "warning: {warning}"));
        }
        for mistake in mistakes {
            drop(writeln!(std::io::stderr(), "wrong: {mistake}"));
        }
        if mistakes.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(EXIT_WRONG) }
    }
}
