//! `reform-data verify`: a folder or an archive, read to its end and checked.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command};
use reform_runtime::config::{Error, Program};

use super::Place;
use super::restore::{ARCHIVE, archive};
use crate::store::restore::{self, Restored};
use crate::store::verify::{self, Checked};
use crate::store::{Options, Store, disk, loss};

const NAME: &str = "verify";
const ACCEPT_LOSS: &str = "accept-loss";

/// The subcommand.
pub fn command() -> Command {
    let accept_loss = Arg::new(ACCEPT_LOSS)
        .long(ACCEPT_LOSS)
        .action(ArgAction::SetTrue)
        .conflicts_with(ARCHIVE)
        .help("go on with a store that lost its newest revisions: it gets a new id and serves again");
    Command::new(NAME)
        .about("checks every value of a stopped store, or an archive; exit code 0 when nothing is wrong, else 1")
        .long_about(
            "checks every value of the stopped store in the folder --data-dir: checksums, contents, revisions without a \
             gap, and the indexes against the log; or, with --archive, everything in an archive.\n\nEach problem is a \
             line on stdout that names the record or the place. Exit code 0: nothing is wrong. 1: something is, or the \
             check could not be made.",
        )
        .arg(archive())
        .arg(accept_loss)
}

/// What is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verify {
    /// An archive.
    Archive(PathBuf),
    /// A stopped store.
    Folder {
        /// Where it is.
        data_dir: PathBuf,
        /// Bytes that sled may keep in memory.
        cache_bytes: u64,
        /// Whether the loss of its newest revisions is accepted first.
        accept_loss: bool,
    },
}

impl Verify {
    /// The check that the command line asks for; `None` without the subcommand.
    ///
    /// # Errors
    /// A folder that is not named, where no archive is.
    pub fn read(
        program: &Program,
        matches: &ArgMatches,
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, Error> {
        let Some(below) = matches.subcommand_matches(NAME) else { return Ok(None) };
        if let Some(archive) = below.get_one::<PathBuf>(ARCHIVE) {
            return Ok(Some(Self::Archive(archive.clone())));
        }
        let Place { data_dir, cache_bytes } = Place::read(program, below, env)?;
        let accept_loss = below.get_flag(ACCEPT_LOSS);
        Ok(Some(Self::Folder { data_dir, cache_bytes, accept_loss }))
    }

    /// Does it; each problem is a line on stdout.
    ///
    /// # Errors
    /// When the check cannot be made.
    pub async fn run(&self) -> anyhow::Result<ExitCode> {
        let mut tally = Tally::default();
        let whole = match self {
            Self::Archive(archive) => {
                let Restored { store_id, revision, .. } = restore::verify(archive, &mut |_| {})?;
                format!("a whole archive of store {store_id} up to revision {revision}")
            }
            Self::Folder { data_dir, cache_bytes, accept_loss } => {
                let options =
                    Options { cache_bytes: *cache_bytes, free_bytes_min: Some(0), ballast_bytes: 0 };
                if *accept_loss {
                    tally.say(&loss::accept(data_dir, options.cache_bytes)?.to_string());
                }
                match Store::open_there(data_dir, &options) {
                    Ok((store, writing)) => {
                        store.verify(&mut |checked| tally.add(checked));
                        store.close(writing).await?;
                    }
                    Err(error) => tally.closed(data_dir, &options, &error),
                }
                format!("{} values checked, {} problems", tally.values, tally.problems)
            }
        };
        tally.say(&whole);
        Ok(if tally.problems == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// What was found so far.
#[derive(Debug, Default)]
struct Tally {
    values: u64,
    problems: usize,
}

impl Tally {
    fn add(&mut self, Checked { values, problems }: Checked) -> ControlFlow<()> {
        self.values += values;
        self.problems += problems.len();
        problems.iter().for_each(|problem| self.say(problem));
        ControlFlow::Continue(())
    }

    /// Says why a store does not open, and what else is wrong with it.
    fn closed(&mut self, data_dir: &std::path::Path, options: &Options, error: &disk::Error) {
        match disk::Disk::open_there(data_dir, options.cache_bytes) {
            Ok((disk, _)) => verify::verify_closed(&disk, error, &mut |checked| self.add(checked)),
            Err(_) => drop(self.add(Checked { values: 0, problems: vec![error.to_string()] })),
        }
    }

    fn say(&self, line: &str) {
        // The exit code is the answer: a reader who has left changes nothing.
        drop(writeln!(std::io::stdout(), "{line}"));
    }
}
