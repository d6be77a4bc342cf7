//! The data service through all its starts: one folder, one address, one process after the other.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tonic::transport::Channel;

use crate::process::{Port, Process, Program};

/// What the service logs once its store is open.
const OPEN: &str = "store is open";

/// How often it was killed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Kills {
    /// While it served.
    pub serving: usize,
    /// From its start until it served.
    pub in_open: usize,
    /// Those of the latter that came before its store was open.
    pub before_open: usize,
}

impl Kills {
    /// All of them.
    pub fn all(&self) -> usize {
        self.serving + self.in_open
    }
}

/// A data service that is started again and again.
#[derive(Debug)]
pub struct Server {
    program: Program,
    port: Port,
    folder: TempDir,
    process: Option<Process>,
    /// How long the last start took.
    opening: Duration,
    /// How often it was killed so far.
    pub kills: Kills,
}

impl Server {
    /// Over a new folder, as a child of `reform-trials`, whose file is `trials`. It does not run yet.
    pub fn new(trials: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a folder for a store");
        let program = Program::data(trials, folder.path());
        let (opening, kills) = (Duration::ZERO, Kills::default());
        Self { program, port: Port::reserve(), folder, process: None, opening, kills }
    }

    /// Where it listens while it runs.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Where its store is.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts it; a connection to it, once it serves.
    pub async fn start(&mut self) -> Channel {
        let started = Instant::now();
        let process = self.process.insert(self.program.start_on(&self.port));
        let channel = process.until_serving().await;
        self.opening = started.elapsed();
        channel
    }

    /// Whether it was started and neither killed nor stopped.
    pub fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// Lets it serve that long, then kills it.
    pub async fn kill_after(&mut self, delay: Duration) {
        let process = self.process.take().expect("it runs");
        process.kill_after(delay).await;
        self.kills.serving += 1;
    }

    /// Starts it and kills it after a part of the time that its last start took.
    pub async fn kill_in_open(&mut self, part: f64) {
        let log = self.program.start_on(&self.port).kill_after(self.opening.mul_f64(part)).await;
        self.kills.in_open += 1;
        self.kills.before_open += usize::from(!log.contains(OPEN));
    }

    /// Asks it to stop, and waits until it has.
    pub async fn stop(mut self) {
        self.process.take().expect("it runs").stop().await;
    }
}
