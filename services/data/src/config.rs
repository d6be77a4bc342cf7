//! What the service is started with.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use reform_runtime::config::check::{self, Checked};
use reform_runtime::config::{Error, Program, Setting, Settings};
use reform_runtime::probe::{self, Probe};
use reform_runtime::{front, logging, server};

use crate::offline::compact::{self, Compact};
use crate::offline::restore::{self, Restore};
use crate::offline::verify::{self, Verify};
use crate::patience::Patience;
use crate::store;

/// Bytes of the file that is given up when there is no room to open the store.
const BALLAST_BYTES: u64 = 32 << 20;
/// Bytes that sled keeps in memory.
const CACHE_BYTES: u64 = 256 << 20;

/// How the service runs, wherever it listens.
#[derive(Debug, Clone)]
pub struct Config {
    /// The store's folder.
    pub data_dir: PathBuf,
    /// Bytes that sled may keep in memory.
    pub cache_bytes: u64,
    /// The store is read-only while fewer bytes are free; by default 256 MiB, or a tenth of what can be used
    /// of the file system if that is more.
    pub free_bytes_min: Option<u64>,
    /// Bytes of the file that is given up when there is no room to open the store; 0 for none.
    pub ballast_bytes: u64,
    /// How long a stop waits for calls under way.
    pub drain: Duration,
    /// How long it waits before it draws a conclusion.
    pub patience: Patience,
}

impl Config {
    /// The defaults, over a folder.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            cache_bytes: CACHE_BYTES,
            free_bytes_min: None,
            ballast_bytes: BALLAST_BYTES,
            drain: server::DRAIN,
            patience: Patience::default(),
        }
    }

    /// What the store is opened with.
    pub fn store(&self) -> store::Options {
        let Self { cache_bytes, free_bytes_min, ballast_bytes, .. } = *self;
        store::Options { cache_bytes, free_bytes_min, ballast_bytes }
    }
}

/// What the command line asks for.
#[derive(Debug)]
pub enum Command {
    /// To serve.
    Serve(Box<Process>),
    /// To read everything that serving would read, and to serve nothing.
    Check(Checked),
    /// To ask the service that runs already for its health.
    Health(Probe),
    /// To write a stopped store anew.
    Compact(Compact),
    /// To make a store from an archive.
    Restore(Restore),
    /// To check a stopped store, or an archive.
    Verify(Verify),
}

/// What the process needs beside the service.
#[derive(Debug)]
pub struct Process {
    /// How it is reached.
    pub front: front::Config,
    /// How to log.
    pub logging: logging::Config,
    /// The service.
    pub service: Config,
}

const SETTINGS: &[Setting] = &[
    Setting::value("listen", "address to listen on; port 0 takes a free one").default("127.0.0.1:50051"),
    Setting::value("data-dir", "folder of the store; made when it is not there"),
    Setting::value("cache", "memory for cached pages of the store").default("256 MiB"),
    Setting::value(
        "free-space-min",
        "the store is read-only while less is free; by default 256 MiB, or a tenth of what can be used if that is more",
    ),
    Setting::value(
        "ballast",
        "size of a file that is given up when there is no room to open the store; 0 for none",
    )
    .default("32 MiB"),
    Setting::value("drain", "how long calls under way may take to finish at the end").default("5s"),
];

impl Command {
    /// Reads the command line of this process, its environment and its file; `--help` and mistakes of the command
    /// line itself end the process.
    ///
    /// # Errors
    /// All mistakes at once.
    pub fn from_args() -> Result<Self, Error> {
        Self::read(std::env::args_os(), |variable| std::env::var(variable).ok())
    }

    /// As [`Command::from_args`], with arguments (the first is the program) and variables from elsewhere.
    ///
    /// # Errors
    /// All mistakes at once.
    pub fn read<A: Into<OsString> + Clone>(
        args: impl IntoIterator<Item = A>,
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Error> {
        let about = "keeps sourced records of political reforms and serves them over gRPC";
        let program = Program::new("reform-data", about, env!("CARGO_PKG_VERSION"), SETTINGS).serving();
        let offline = [restore::command(), verify::command(), compact::command()];
        let command = program.command().subcommand(probe::command()).subcommands(offline);
        let matches = command.get_matches_from(args);
        if let Some(probe) = Probe::read(&program, &matches, &env)? {
            return Ok(Self::Health(probe));
        }
        if let Some(restore) = Restore::read(&program, &matches, &env)? {
            return Ok(Self::Restore(restore));
        }
        if let Some(verify) = Verify::read(&program, &matches, &env)? {
            return Ok(Self::Verify(verify));
        }
        if let Some(compact) = Compact::read(&program, &matches, &env)? {
            return Ok(Self::Compact(compact));
        }
        let settings = program.read(&matches, env);
        if check::is_asked(&matches) {
            return Ok(Self::Check(Process::check(settings)));
        }
        Process::from_settings(settings).map(|process| Self::Serve(Box::new(process)))
    }
}

impl Process {
    fn check(settings: Settings) -> Checked {
        let resolved = settings.resolved();
        match Self::from_settings(settings) {
            Err(error) => Checked::wrong(resolved, error),
            Ok(process) => {
                let mut checked = Checked { resolved, ..Checked::default() };
                process.front.check(&mut checked);
                checked.folder("data-dir", &process.service.data_dir);
                checked
            }
        }
    }

    fn from_settings(mut settings: Settings) -> Result<Self, Error> {
        let front = front::Config::read(&mut settings);
        let data_dir = settings.get::<PathBuf>("data-dir");
        let cache = settings.size("cache", (16 << 20)..=(1 << 40));
        let free = settings.optional_size("free-space-min", 0..=(1 << 50));
        let ballast = settings.size("ballast", 0..=(1 << 40));
        let drain = settings.duration("drain", Duration::ZERO..=Duration::from_secs(600));
        let logging = settings.logging();
        let read = settings.finish()?;
        let service = Config {
            data_dir: data_dir.take(&read),
            cache_bytes: cache.take(&read),
            free_bytes_min: free.take(&read),
            ballast_bytes: ballast.take(&read),
            drain: drain.take(&read),
            patience: Patience::default(),
        };
        Ok(Self { front: front.take(&read), logging: logging.take(&read), service })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: &[&str]) -> Result<Process, Error> {
        match Command::read(["reform-data"].iter().chain(args), |_| None)? {
            Command::Serve(process) => Ok(*process),
            Command::Check(_)
            | Command::Health(_)
            | Command::Restore(_)
            | Command::Verify(_)
            | Command::Compact(_) => {
                panic!("it does not serve")
            }
        }
    }

    #[test]
    fn a_probe_needs_no_folder() {
        let command = Command::read(["reform-data", "health"], |_| None).unwrap();
        assert!(matches!(command, Command::Health(probe) if probe.address.port() == 50051));
    }

    #[test]
    fn a_store_needs_a_folder_and_nothing_else() {
        let process = read(&["--data-dir", "x"]).unwrap();
        assert_eq!(process.front.listen.to_string(), "127.0.0.1:50051");
        assert_eq!(process.service.cache_bytes, CACHE_BYTES);
        assert_eq!(process.service.free_bytes_min, None);
        let process = read(&["--data-dir", "x", "--free-space-min", "1 MiB", "--ballast", "0"]).unwrap();
        assert_eq!((process.service.free_bytes_min, process.service.ballast_bytes), (Some(1 << 20), 0));
        let error = read(&["--cache", "much", "--listen", "0.0.0.0:1"]);
        assert_eq!(error.unwrap_err().mistakes.len(), 3);
    }

    #[test]
    fn the_deployed_file_says_the_defaults() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/reform-data.toml");
        let process = read(&["--config", file]).unwrap();
        let defaults = read(&["--data-dir", "/var/lib/reform-data"]).unwrap();
        assert_eq!(format!("{:?}", process.service), format!("{:?}", defaults.service));
        assert_eq!(process.front, defaults.front);
    }
}
