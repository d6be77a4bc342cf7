//! Looks after the writer and the disk while the service runs.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use reform_runtime::health::Health;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::grpc;
use crate::patience::Patience;
use crate::store::{Pulse, Space, Store};

/// What is looked after. It holds no store, so that a store can be closed under its eyes.
struct Watched {
    pulse: Arc<Pulse>,
    space: Space,
    failed: CancellationToken,
    health: Health,
    patience: Patience,
    drain: Duration,
    stop: CancellationToken,
}

/// Ends the process when opening takes far too long; until it is dropped.
pub(crate) struct Opening {
    _thread: mpsc::Sender<()>,
}

impl Opening {
    /// Begins to wait for a store of so many bytes.
    pub(crate) fn start(patience: Patience, bytes: u64) -> std::io::Result<Self> {
        let gib = bytes as f64 / f64::from(1 << 30);
        let limit = patience.open + patience.open_per_gib.mul_f64(gib);
        let (sender, ended) = mpsc::channel();
        std::thread::Builder::new().name("watchdog".into()).spawn(move || {
            if let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(limit) {
                tracing::error!(?limit, "the store does not open");
                std::process::abort();
            }
        })?;
        Ok(Self { _thread: sender })
    }
}

/// Looks for as long as it lives.
pub(crate) struct Watchdog {
    _task: AbortOnDropHandle<()>,
    /// Dropped, it ends the thread.
    _thread: mpsc::Sender<()>,
}

impl Watchdog {
    /// Begins to look after a store; `stop` is cancelled some time after its disk failed.
    pub(crate) fn start(
        store: &Store,
        health: &Health,
        (patience, drain): (Patience, Duration),
        stop: &CancellationToken,
    ) -> std::io::Result<Self> {
        let watched = || Watched {
            pulse: store.pulse(),
            space: store.file_system().clone(),
            failed: store.failed().clone(),
            health: health.clone(),
            patience,
            drain,
            stop: stop.clone(),
        };
        let (sender, ended) = mpsc::channel();
        let bites = watched();
        // A thread of its own: a disk that hangs may hold every thread that serves calls.
        std::thread::Builder::new().name("watchdog".into()).spawn(move || bites.bite(&ended))?;
        let task = AbortOnDropHandle::new(tokio::spawn(watched().bark()));
        Ok(Self { _task: task, _thread: sender })
    }
}

impl Watched {
    /// Tells health whether writes are taken. Once the disk has failed nothing is acknowledged any more: says so, lets
    /// reads end, stops.
    async fn bark(self) {
        let mut look = tokio::time::interval(self.patience.look_interval);
        loop {
            tokio::select! {
                () = self.failed.cancelled() => break,
                _ = look.tick() => self.look(),
            }
        }
        self.health.stop();
        tokio::time::sleep(self.patience.reads_after_failure).await;
        self.stop.cancel();
    }

    fn look(&self) {
        let slow = self.pulse.busy_for().is_some_and(|busy| busy >= self.patience.writer_slow);
        let roomy = self.space.room().is_ok_and(|room| room.has(0));
        self.health.set(grpc::WRITES, roomy && !slow);
        self.space.keep_ballast();
    }

    /// Ends the process when the writer is stuck, or when a store that failed cannot be closed.
    fn bite(&self, ended: &mpsc::Receiver<()>) {
        let Patience { look_interval, writer_stuck, reads_after_failure, close_after_failure, .. } =
            self.patience;
        let close_max = reads_after_failure + self.drain + close_after_failure;
        let mut failed_at = None;
        while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(look_interval) {
            if let Some(busy) = self.pulse.busy_for().filter(|busy| *busy >= writer_stuck) {
                tracing::error!(?busy, "the writer is stuck");
                std::process::abort();
            }
            if self.failed.is_cancelled() && failed_at.get_or_insert_with(Instant::now).elapsed() > close_max
            {
                tracing::error!("the store failed and cannot be closed");
                std::process::abort();
            }
        }
    }
}
