//! Binds, serves, and drains: the one way a process of the pair listens.

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::admin;
use crate::calls::{CallLayer, Stamp};
use crate::connection::{self, Door};
use crate::front::Front;
use crate::health::Health;
use crate::routes::Routes;
use crate::{config, watched};

/// The largest request message; services pass it to `max_decoding_message_size`. Other clients have the same default.
pub const REQUEST_BYTES_MAX: usize = 4 << 20;

/// The largest header list of a request.
pub const HEADER_BYTES_MAX: u32 = 16 << 10;

/// Calls at the same time on one connection; more wait in the client, which costs nothing here.
pub const STREAMS_PER_CONNECTION_MAX: u32 = 256;

/// Connections at the same time that ask for health in plaintext.
const HEALTH_CONNECTIONS_MAX: usize = 64;

/// How long a drain lasts before what is left is cut off.
pub const DRAIN: Duration = Duration::from_secs(5);

/// How long the accept loop rests after an error such as too many open files, which would come again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why a process cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is open to other machines and `insecure` was not said.
    #[error(transparent)]
    Bind(#[from] config::NotLoopback),
    /// The address cannot be had.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The address that it got is not told.
    #[error("the address to listen on: {0}")]
    Address(io::Error),
    /// A certificate, a key, or another file of credentials.
    #[error(transparent)]
    File(#[from] watched::Error),
    /// Spans cannot be sent there.
    #[error("traces to {endpoint}: {why}")]
    Traces {
        /// Where to.
        endpoint: String,
        /// What is wrong.
        why: String,
    },
    /// A descriptor set of the contract does not decode.
    #[error("reflection: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Exit {
    /// Every call was finished.
    Drained,
    /// The drain took too long; calls were cut off.
    Forced,
}

impl Exit {
    /// 0 when drained, 1 when forced.
    pub fn code(self) -> ExitCode {
        match self {
            Self::Drained => ExitCode::SUCCESS,
            Self::Forced => ExitCode::FAILURE,
        }
    }
}

/// Listens in plaintext on `address` and logs the address that it got, which tells the port when 0 was asked for.
///
/// # Errors
/// [`Error::Bind`] for an address open to other machines without `insecure`, [`Error::Listen`] when it is taken.
pub async fn bind(address: SocketAddr, insecure: bool) -> Result<TcpListener, Error> {
    config::check_bind(address, insecure)?;
    let listener = listen(address).await?;
    tracing::info!(address = %listener.local_addr().map_err(Error::Address)?, "listening");
    Ok(listener)
}

pub(crate) async fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|source| Error::Listen { address, source })
}

/// Serves until `shutdown`, then drains for at most `drain` (usually [`DRAIN`]).
///
/// The drain: `health` says NOT_SERVING, the listener closes, calls under way finish. Services watch the same token
/// and end their streams. A stream that does not end, or a peer that does not read, is cut off at the limit. After
/// either, the caller flushes its store and leaves with [`Exit::code`].
pub async fn serve(
    front: impl Into<Front>,
    routes: Routes,
    health: Health,
    stamp: Option<Stamp>,
    shutdown: CancellationToken,
    drain: Duration,
) -> Exit {
    let Front {
        listener,
        health: side,
        admin,
        tls,
        access,
        connections_max,
        patience,
        limits,
        mut metrics,
        traces,
        ..
    } = front.into();
    let counts = admin.is_some().then(|| metrics.count_calls());
    let admin = admin.map(|listener| AbortOnDropHandle::new(tokio::spawn(admin::serve(listener, metrics))));
    let side = async {
        let Some(listener) = side else { return JoinSet::new() };
        let calls = CallLayer::new(None, None).around(Routes::new(health.service()));
        accept_all(
            listener,
            Door::new(calls, None, patience, shutdown.clone()),
            HEALTH_CONNECTIONS_MAX,
            &shutdown,
        )
        .await
    };
    let calls =
        CallLayer::new(stamp, access).within(limits).counting(counts).tracing(traces.clone()).around(routes);
    let door = Door::new(calls, tls, patience, shutdown.clone());
    let (mut connections, mut side) =
        tokio::join!(accept_all(listener, door, connections_max, &shutdown), side);
    health.stop();
    let drained = async {
        while let Some(ended) = connections.join_next().await {
            log_end(ended);
        }
        while let Some(ended) = side.join_next().await {
            log_end(ended);
        }
    };
    let drained = tokio::time::timeout(drain, drained).await.is_ok();
    if let Some(admin) = admin {
        // Waited for, because what it tells of is about to be closed.
        admin.abort();
        let _cancelled = admin.await;
    }
    if let Some(traces) = traces {
        traces.close().await;
    }
    if drained {
        return Exit::Drained;
    }
    tracing::error!(drain_ms = drain.as_millis(), "the drain took too long, calls are cut off");
    Exit::Forced
}

/// Accepts until `shutdown`; the connections that are open then.
async fn accept_all(
    listener: TcpListener,
    door: Door,
    connections_max: usize,
    shutdown: &CancellationToken,
) -> JoinSet<Result<(), connection::Error>> {
    let places = Arc::new(Semaphore::new(connections_max));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            (peer, place) = accept(&listener, &places) => {
                connections.spawn(door.clone().serve(peer, place));
            }
            Some(ended) = connections.join_next() => log_end(ended),
            () = shutdown.cancelled() => return connections,
        }
    }
}

/// The next connection, once there is a place for it: what waits beyond costs nothing here. An error such as too many
/// open files would come again at once, so it is given some time.
pub(crate) async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, OwnedSemaphorePermit) {
    let place = places.clone().acquire_owned().await.expect("it is never closed");
    loop {
        match listener.accept().await {
            Ok((peer, _)) => match peer.set_nodelay(true) {
                Ok(()) => return (peer, place),
                Err(error) => tracing::debug!(%error, "peer left before its first byte"),
            },
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn log_end(ended: Result<Result<(), connection::Error>, JoinError>) {
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(error)) if error.is_abuse() => tracing::warn!(%error, "a connection was cut"),
        Ok(Err(error)) => tracing::debug!(%error, "a connection failed"),
        Err(error) => tracing::error!(%error, "a connection was dropped"),
    }
}
