//! `reform-data restore`: a store from an archive.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command, value_parser};
use reform_runtime::config::{Error, Program};

use super::Place;
use crate::store::restore::{self, Restored};

const NAME: &str = "restore";
pub(super) const ARCHIVE: &str = "archive";

/// The subcommand.
pub fn command() -> Command {
    Command::new(NAME)
        .about("makes a store from an archive, in the folder --data-dir, which must be empty or new")
        .long_about(
            "makes a store from an archive, in the folder --data-dir, which must be empty or new.\n\nThe archive is \
             checked to its end before anything is written, and the store is put in place at the end: what is \
             interrupted leaves nothing that opens, and can be run again. Revisions and history are kept; the store gets \
             a new id, so that whoever followed the old one begins anew.",
        )
        .arg(archive().required(true))
}

pub(super) fn archive() -> Arg {
    Arg::new(ARCHIVE)
        .long(ARCHIVE)
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help("archive, as `reform backup` writes it")
}

/// What is restored, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restore {
    /// The archive.
    pub archive: PathBuf,
    /// The folder.
    pub data_dir: PathBuf,
}

impl Restore {
    /// The restore that the command line asks for; `None` without the subcommand.
    ///
    /// # Errors
    /// A folder that is not named.
    pub fn read(
        program: &Program,
        matches: &ArgMatches,
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, Error> {
        let Some(below) = matches.subcommand_matches(NAME) else { return Ok(None) };
        let archive = below.get_one::<PathBuf>(ARCHIVE).cloned().unwrap_or_default();
        let Place { data_dir, cache_bytes: _ } = Place::read(program, below, env)?;
        Ok(Some(Self { archive, data_dir }))
    }

    /// Does it, and says on stdout what was restored.
    ///
    /// # Errors
    /// When nothing was.
    pub fn run(&self) -> Result<ExitCode, restore::Error> {
        let Restored { store_id, revision, .. } =
            restore::restore(&self.archive, &self.data_dir, &mut |_| {})?;
        let folder = self.data_dir.display();
        // What was done stands, whether or not somebody reads the line.
        drop(writeln!(
            std::io::stdout(),
            "restored up to revision {revision} into {folder}, as store {store_id}"
        ));
        Ok(ExitCode::SUCCESS)
    }
}
