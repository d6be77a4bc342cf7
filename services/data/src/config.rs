//! What the service is started with.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use reform_runtime::config::{Error, Program, Setting, Settings};
use reform_runtime::{logging, server};

use crate::store;

/// Free bytes below which the store is read-only.
const FREE_BYTES_MIN: u64 = 256 << 20;
/// Bytes that sled keeps in memory.
const CACHE_BYTES: u64 = 256 << 20;

/// How the service runs, wherever it listens.
#[derive(Debug, Clone)]
pub struct Config {
    /// The store's folder.
    pub data_dir: PathBuf,
    /// Bytes that sled may keep in memory.
    pub cache_bytes: u64,
    /// The store is read-only while fewer bytes are free.
    pub free_bytes_min: u64,
    /// How long a stop waits for calls under way.
    pub drain: Duration,
}

impl Config {
    /// The defaults, over a folder.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            cache_bytes: CACHE_BYTES,
            free_bytes_min: FREE_BYTES_MIN,
            drain: server::DRAIN,
        }
    }

    /// What the store is opened with.
    pub fn store(&self) -> store::Options {
        store::Options { cache_bytes: self.cache_bytes, free_bytes_min: self.free_bytes_min }
    }
}

/// The program's flags, variables and file keys.
pub const SETTINGS: &[Setting] = &[
    Setting::value("listen", "address to listen on; port 0 takes a free one").default("127.0.0.1:50051"),
    Setting::switch("insecure", "allow an address that other machines reach, in plaintext"),
    Setting::value("data-dir", "folder of the store; made when it is not there"),
    Setting::value("cache", "memory for cached pages of the store").default("256 MiB"),
    Setting::value("free-space-min", "the store is read-only while less is free").default("256 MiB"),
    Setting::value("drain", "how long a stop waits for calls under way").default("5s"),
];

/// The program as its command line shows it.
pub fn program() -> Program {
    Program::new(
        "reform-data",
        "Keeps sourced records of political reforms and serves them over gRPC.",
        env!("CARGO_PKG_VERSION"),
        SETTINGS,
    )
}

/// The settings of one start: logging, the address, and the rest.
pub fn read(mut settings: Settings) -> Result<(logging::Config, (SocketAddr, bool), Config), Error> {
    let logging = settings.logging();
    let listen = settings.listen("listen");
    let insecure = settings.switch("insecure");
    let data_dir = settings.get::<PathBuf>("data-dir");
    let cache = settings.size("cache", (16 << 20)..=(1 << 40));
    let free = settings.size("free-space-min", 0..=(1 << 50));
    let drain = settings.duration("drain", Duration::from_millis(1)..=Duration::from_secs(600));
    let read = settings.finish()?;
    let config = Config {
        data_dir: data_dir.take(&read),
        cache_bytes: cache.take(&read),
        free_bytes_min: free.take(&read),
        drain: drain.take(&read),
    };
    Ok((logging.take(&read), (listen.take(&read), insecure.take(&read)), config))
}
