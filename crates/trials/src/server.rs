//! The data service through all its starts: one folder, one address, one process after the other.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use tonic::transport::Channel;

use crate::disk::Disk;
use crate::power::Cut;
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
    disk: Disk,
    /// Whether a kill is a power cut, and what it takes back.
    power: Option<StdRng>,
    process: Option<Process>,
    /// How long the last start took.
    opening: Duration,
    /// How often it was killed so far.
    pub kills: Kills,
    /// What power cuts took back so far.
    pub cut: Cut,
}

impl Server {
    /// Over a new folder, as a child of `reform-trials`, whose file is `trials`. It does not run yet.
    pub fn new(trials: &Path) -> Self {
        let disk = Disk::new();
        let program = Program::data(trials, &disk.folder());
        let (opening, kills, cut) = (Duration::ZERO, Kills::default(), Cut::default());
        Self { program, port: Port::reserve(), disk, power: None, process: None, opening, kills, cut }
    }

    /// As [`Server::new`]; each kill takes back what was not synced. On a disk that `lies` that is everything.
    pub fn losing_power(trials: &Path, random: StdRng, lies: bool) -> Self {
        let server = Self::new(trials);
        let program = server.disk.losing_power(server.program.clone(), lies);
        Self { program, power: Some(random), ..server }
    }

    /// Where it listens while it runs.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Where its store is.
    pub fn folder(&self) -> PathBuf {
        self.disk.folder()
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
        self.cut_power();
    }

    /// Starts it and kills it after a part of the time that its last start took.
    pub async fn kill_in_open(&mut self, part: f64) {
        let log = self.program.start_on(&self.port).kill_after(self.opening.mul_f64(part)).await;
        self.kills.in_open += 1;
        self.kills.before_open += usize::from(!log.contains(OPEN));
        self.cut_power();
    }

    fn cut_power(&mut self) {
        if let Some(random) = &mut self.power {
            let Cut { writes, names } = self.disk.cut_power(random);
            self.cut = Cut { writes: self.cut.writes + writes, names: self.cut.names + names };
        }
    }

    /// Asks it to stop, and waits until it has.
    pub async fn stop(mut self) {
        self.process.take().expect("it runs").stop().await;
    }
}
