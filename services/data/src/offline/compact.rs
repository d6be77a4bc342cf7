//! `reform-data compact`: a stopped store written anew, without what was dropped and purged.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgMatches, Command};
use reform_runtime::config::{Error, Program};
use tokio_util::sync::CancellationToken;

use super::Place;
use crate::store::pack::{self, Packed, Progress};

const NAME: &str = "compact";

/// The subcommand.
pub fn command() -> Command {
    Command::new(NAME)
        .about("writes the stopped store in --data-dir anew, without dropped history and purged records")
        .long_about(
            "writes the stopped store in the folder --data-dir anew, without dropped history and purged records: their \
             bytes leave the files.\n\nThe new store is written beside the old one, which needs the space, compared \
             with it, and put in its place at the end; what is interrupted leaves the old one. Revisions, history from \
             the oldest revision on and the store's id stay. Page tokens that were given out end.",
        )
}

/// What is compacted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compact {
    /// Where the store is.
    pub data_dir: PathBuf,
    /// Bytes that sled may keep in memory.
    pub cache_bytes: u64,
}

impl Compact {
    /// The compaction that the command line asks for; `None` without the subcommand.
    ///
    /// # Errors
    /// A folder that is not named.
    pub fn read(
        program: &Program,
        matches: &ArgMatches,
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, Error> {
        let Some(below) = matches.subcommand_matches(NAME) else { return Ok(None) };
        let Place { data_dir, cache_bytes } = Place::read(program, below, env)?;
        Ok(Some(Self { data_dir, cache_bytes }))
    }

    /// Does it, and says on stdout what was done; stops when it is told to.
    ///
    /// # Errors
    /// When nothing was.
    pub async fn run(self, stop: CancellationToken) -> Result<ExitCode, pack::Error> {
        let Self { data_dir, cache_bytes } = self;
        let folder = data_dir.display().to_string();
        let packing = tokio::task::spawn_blocking(move || {
            let mut line = Line::default();
            pack::pack(&data_dir, cache_bytes, &stop, &mut |progress| line.show(progress))
        });
        let Packed { revision, oldest_revision, bytes_before, bytes_after } =
            packing.await.expect("compacting does not panic")?;
        // What was done stands, whether or not somebody reads the line.
        drop(writeln!(
            std::io::stdout(),
            "compacted {folder}: revisions {oldest_revision} to {revision}, {bytes_before} bytes before and \
             {bytes_after} after"
        ));
        Ok(ExitCode::SUCCESS)
    }
}

/// One line on a terminal's stderr, written over and over.
#[derive(Debug, Default)]
struct Line {
    shown: Option<(&'static str, usize)>,
}

impl Line {
    fn show(&mut self, Progress { step, done, of }: Progress) {
        let percent = done * 100 / of.max(1);
        if self.shown != Some((step, percent)) && std::io::stderr().is_terminal() {
            // A terminal that is gone needs no progress.
            drop(write!(std::io::stderr(), "\r\x1b[K{step} {percent} %"));
        }
        self.shown = Some((step, percent));
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.shown.is_some() && std::io::stderr().is_terminal() {
            drop(write!(std::io::stderr(), "\r\x1b[K"));
        }
    }
}
