//! The analytics service: follows the feed of a data service and answers indicators at one revision.
//!
//! In reading order:
//! - [`config`]: what the process can be told;
//! - `held`: what is folded; `state`: the view that answers are computed from, and how far it has come;
//! - `source`: the client of the data service;
//! - `feed`: what it says; `fold`: wire changes become changes of the view; `export`: a whole view at once, or none of it;
//! - `build`: a view made anew, from history or an export;
//! - `checkpoint`: what was folded, kept for the next start;
//! - `tail`: build once, then follow, for ever; `upkeep`: what was counted follows too;
//! - `freshness`: when the state is too old to be SERVING;
//! - [`past`]: views of earlier revisions;
//! - `answers`: waits for a revision, then computes; `aside`: without the records that make an indicator fail;
//!   `remembered`: what was answered before; `refusal`: why not;
//! - `watching`: an answer now and whenever it has changed;
//! - `compare`: what moved between two revisions, and which records moved it;
//! - `picture`: what a picture of an answer shows;
//! - [`metrics`]: what is told of all that;
//! - `grpc`: the contract.

mod answers;
mod aside;
mod build;
mod checkpoint;
mod compare;
pub mod config;
mod export;
mod feed;
mod fold;
mod freshness;
mod grpc;
mod held;
pub mod metrics;
#[doc(hidden)]
pub mod parsers;
pub mod past;
mod picture;
mod refusal;
mod remembered;
mod source;
mod state;
mod tail;
mod upkeep;
mod watching;

use std::io;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;

use reform_api::analytics::v1::indicator_service_server::SERVICE_NAME;
use reform_runtime::calls::Stamp;
use reform_runtime::front::Front;
use reform_runtime::health::Health;
use reform_runtime::server::{self, Exit};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use answers::Answers;
use checkpoint::Folder;
pub use config::Config;
use state::State;

/// Why the service ended, or did not begin.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder cannot be made, or not be read.
    #[error("state folder {path}: {source}")]
    StateDir {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It cannot serve.
    #[error(transparent)]
    Server(#[from] server::Error),
    /// A task that lives as long as the service ended before it.
    #[error("a task of the service ended early{}", .0.as_ref().map(|why| format!(": {why}")).unwrap_or_default())]
    Task(Option<tokio::task::JoinError>),
}

/// Serves on a front, or a bound listener, until `shutdown`, then drains.
///
/// # Errors
/// See [`Error`]. That the data service is away is none: it is waited for.
pub async fn run(
    front: impl Into<Front>,
    config: Config,
    shutdown: CancellationToken,
) -> Result<Exit, Error> {
    let mut front = front.into();
    let folder =
        |path: PathBuf| Folder::open(path.clone()).map_err(|source| Error::StateDir { path, source });
    let checkpoints = config.state_dir.map(folder).transpose()?;
    let stop = shutdown.child_token();
    // Dropping this future stops what it started.
    let _guard = stop.clone().drop_guard();
    let health = Health::new([SERVICE_NAME]);
    let state = Arc::new(State::new(config.staleness_max));
    let data = source::client(&config.data, &config.credentials);

    let mut tasks = JoinSet::new();
    if let Some(folder) = checkpoints.clone() {
        tasks.spawn(checkpoint::keep(folder, state.clone(), stop.clone()));
    }
    tasks.spawn(tail::follow(data.clone(), state.clone(), checkpoints.clone(), stop.clone()));
    tasks.spawn(upkeep::keep_up(state.clone(), stop.clone()));
    tasks.spawn(freshness::report(state.clone(), health.clone(), stop.clone()));

    let answers = Answers::new(state.clone(), data, stop.clone(), config.past);
    front.introduce("reform-analytics", metrics::of(&state, &answers))?;
    let routes = front.routes(&health)?.add_service(grpc::service(answers, state.clone(), checkpoints));
    let stamp: Stamp = Arc::new(move || state.progress().stamp());
    let mut serving = pin!(server::serve(front, routes, health, Some(stamp), stop.clone(), config.drain));
    let early = tokio::select! {
        exit = &mut serving => {
            stop.cancel();
            while tasks.join_next().await.is_some() {}
            return Ok(exit);
        }
        early = ended_early(&mut tasks, &stop) => early,
    };
    stop.cancel();
    let _exit = serving.await;
    Err(early)
}

/// Waits for a task that ends although nobody told it to.
async fn ended_early(tasks: &mut JoinSet<()>, stop: &CancellationToken) -> Error {
    loop {
        match tasks.join_next().await {
            Some(Ok(())) if stop.is_cancelled() => {}
            Some(ended) => return Error::Task(ended.err()),
            None => std::future::pending().await,
        }
    }
}
