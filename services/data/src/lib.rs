//! The data service: sourced records behind gRPC, kept in an append-only log.
//!
//! In reading order: [`config`]; [`run`]; `grpc`, one file a service, thin; [`store`], which decides; [`filter`] and
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
pub mod store;

pub use config::Config;

/// How long reads go on after the disk failed, before the process ends for its supervisor to start it again.
const READS_AFTER_FAILURE: Duration = Duration::from_secs(2);

/// How often free space and the writer are looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// A writer that works this long on one group is NOT_SERVING.
const WRITER_SLOW: Duration = Duration::from_secs(10);
/// A writer that works this long on one group is stuck: the process ends, for its supervisor to start it again.
const WRITER_STUCK: Duration = Duration::from_secs(30);

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
    let watching = tokio::spawn(watch_store(store.clone(), health.clone(), stop.clone()));
    let served = server::serve(listener, routes, health, Some(stamp), stop, config.drain).await;
    watching.abort();
    store.close(writing).await?;
    Ok(served?)
}

/// Tells health whether writes are taken. Once the disk has failed nothing is acknowledged any more: say so, let reads
/// end, stop.
async fn watch_store(store: store::Store, health: Health, stop: CancellationToken) {
    let mut look = tokio::time::interval(LOOK_INTERVAL);
    loop {
        tokio::select! {
            () = store.failed().cancelled() => break,
            _ = look.tick() => {
                let busy = store.busy_for().unwrap_or_default();
                if busy >= WRITER_STUCK {
                    tracing::error!(?busy, "the writer is stuck");
                    std::process::abort();
                }
                let roomy = store.space().is_ok_and(|(_, free, needed)| free >= needed);
                health.set(grpc::WRITES, roomy && busy < WRITER_SLOW);
            }
        }
    }
    health.stop();
    tokio::time::sleep(READS_AFTER_FAILURE).await;
    stop.cancel();
}
