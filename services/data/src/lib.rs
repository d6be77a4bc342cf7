//! The data service: sourced records behind gRPC, kept in an append-only log.
//!
//! In reading order: [`config`] and [`patience`]; [`run`]; `grpc`, one file a service, thin; [`store`], which decides; [`filter`] and
//! `mask`, the two small languages of the contract.

use std::sync::Arc;
use std::time::Duration;

use reform_runtime::health::Health;
use reform_runtime::server::{self, Exit};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub mod config;
pub mod filter;
mod grpc;
mod mask;
pub mod patience;
pub mod store;

pub use config::Config;
pub use patience::Patience;

/// Why the service ends before it is told to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store cannot be opened, or failed.
    #[error(transparent)]
    Store(#[from] store::disk::Error),
    /// The server failed.
    #[error(transparent)]
    Server(#[from] server::Error),
}

/// Opens the store and serves it on a bound listener until `shutdown`; then drains, writes what is queued, and closes.
///
/// # Errors
/// When the store cannot be opened or its disk fails, or when the server cannot run.
pub async fn run(listener: TcpListener, config: Config, shutdown: CancellationToken) -> Result<Exit, Error> {
    let health = Health::new(grpc::HEALTH_NAMES.iter().copied());
    let (store, writing) = {
        let config = config.clone();
        let opened =
            tokio::task::spawn_blocking(move || store::Store::open(&config.data_dir, &config.store()));
        opened.await.expect("opening does not panic")?
    };
    let stop = shutdown.child_token();
    let routes = grpc::routes(&store, &health, &stop)?;
    let stamp: reform_runtime::calls::Stamp = {
        let store = store.clone();
        Arc::new(move || (store.id().to_owned(), store.durable().revision))
    };
    health.set_all(true);
    let watching = Watching {
        store: store.clone(),
        health: health.clone(),
        patience: config.patience,
        drain: config.drain,
        stop: stop.clone(),
    };
    let watching = tokio::spawn(watching.watch());
    let served = server::serve(listener, routes, health, Some(stamp), stop, config.drain).await;
    let closed = store.close(writing).await;
    watching.abort();
    closed?;
    Ok(served?)
}

/// Looks after the writer and the disk.
struct Watching {
    store: store::Store,
    health: Health,
    patience: Patience,
    drain: Duration,
    stop: CancellationToken,
}

impl Watching {
    /// Tells health whether writes are taken, until the disk has failed. Nothing is acknowledged any more then: says so,
    /// lets reads end, stops. A store that cannot even be closed does not keep the process.
    async fn watch(self) {
        let mut look = tokio::time::interval(self.patience.look_interval);
        loop {
            tokio::select! {
                () = self.store.failed().cancelled() => break,
                _ = look.tick() => self.look(),
            }
        }
        self.health.stop();
        let Patience { reads_after_failure, close_after_failure, .. } = self.patience;
        tokio::time::sleep(reads_after_failure).await;
        self.stop.cancel();
        tokio::time::sleep(self.drain + close_after_failure).await;
        tracing::error!("the failed store cannot be closed");
        std::process::abort();
    }

    fn look(&self) {
        let busy = self.store.busy_for().unwrap_or_default();
        if busy >= self.patience.writer_stuck {
            tracing::error!(?busy, "the writer is stuck");
            std::process::abort();
        }
        let roomy = self.store.space().is_ok_and(|(_, free, needed)| free >= needed);
        self.health.set(grpc::WRITES, roomy && busy < self.patience.writer_slow);
    }
}
