//! The data service: sourced records behind gRPC, kept in an append-only log.
//!
//! In reading order: [`config`] and [`patience`]; [`run`]; `grpc`, one file a service, thin; [`store`], which decides; `watchdog`;
//! [`metrics`] and `watchers`, what is told of it;
//! [`offline`], the subcommands that work on a stopped store; [`filter`] and `mask`, the two small languages of the contract.

use std::sync::Arc;

use http::HeaderValue;
use reform_runtime::front::Front;
use reform_runtime::health::Health;
use reform_runtime::server::{self, Exit};
use tokio_util::sync::CancellationToken;

pub mod config;
pub mod filter;
mod grpc;
#[doc(hidden)]
pub mod mask;
pub mod metrics;
pub mod offline;
#[doc(hidden)]
pub mod parsers;
pub mod patience;
pub mod store;
mod watchdog;
mod watchers;

pub use config::Config;
pub use patience::Patience;
use watchdog::{Opening, Watchdog};
use watchers::Watchers;

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

/// Opens the store and serves it on a front, or a bound listener, until `shutdown`; then drains, writes what is queued, and closes.
///
/// # Errors
/// When the store cannot be opened or its disk fails, or when the server cannot run.
pub async fn run(
    front: impl Into<Front>,
    config: Config,
    shutdown: CancellationToken,
) -> Result<Exit, Error> {
    let mut front = front.into();
    let health = Health::new(grpc::HEALTH_NAMES.iter().copied());
    let opening = Opening::start(config.patience, store::disk::log_bytes(&config.data_dir))
        .map_err(|error| store::disk::Error::File(config.data_dir.clone(), error))?;
    let (store, writing) = {
        let config = config.clone();
        let opened =
            tokio::task::spawn_blocking(move || store::Store::open(&config.data_dir, &config.store()));
        opened.await.expect("opening does not panic")?
    };
    drop(opening);
    let stop = shutdown.child_token();
    let watchers = Watchers::default();
    front.introduce("reform-data", metrics::of(&store, &watchers))?;
    let servers = grpc::servers(&store, &stop, config.patience, &watchers);
    let routes = grpc::routes(front.routes(&health)?, servers);
    let stamp: reform_runtime::calls::Stamp = {
        let store = store.clone();
        let store_id = HeaderValue::from_str(store.id()).ok();
        Arc::new(move || Some((store_id.clone()?, store.durable().revision)))
    };
    health.set_all(true);
    let watchdog = Watchdog::start(&store, &health, (config.patience, config.drain), &stop)
        .map_err(|error| store::disk::Error::File(config.data_dir, error))?;
    let served = server::serve(front, routes, health, Some(stamp), stop, config.drain).await;
    let closed = store.close(writing).await;
    drop(watchdog);
    closed?;
    Ok(served)
}
