//! What works on a folder or a file without the service: `restore`, `verify` and `compact`.

use std::path::PathBuf;

use clap::ArgMatches;
use reform_runtime::config::{Error, Program};

pub mod compact;
pub mod restore;
pub mod verify;

/// The store that a subcommand works on.
struct Place {
    /// Its folder.
    data_dir: PathBuf,
    /// Bytes that sled may keep in memory.
    cache_bytes: u64,
}

impl Place {
    /// Reads the settings of the service that a subcommand shares.
    fn read(
        program: &Program,
        below: &ArgMatches,
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Error> {
        let mut settings = program.read(below, env);
        let data_dir = settings.get::<PathBuf>("data-dir");
        let cache = settings.size("cache", (16 << 20)..=(1 << 40));
        let read = settings.finish()?;
        Ok(Self { data_dir: data_dir.take(&read), cache_bytes: cache.take(&read) })
    }
}
