//! Binds, serves, and drains: the one way a process of the pair listens.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tower::{Layer, Service};

use crate::calls::{CallLayer, Calls, Stamp};
use crate::health::Health;
use crate::routes::Routes;
use crate::{config, reflection};

/// The largest request message; services pass it to `max_decoding_message_size`. Other clients have the same default.
pub const REQUEST_BYTES_MAX: usize = 4 << 20;

/// The largest header list of a request.
pub const HEADER_BYTES_MAX: u32 = 16 << 10;

/// Calls at the same time on one connection.
pub const STREAMS_PER_CONNECTION_MAX: u32 = 1_024;

/// How long a drain lasts before what is left is cut off.
pub const DRAIN: Duration = Duration::from_secs(5);

/// What may be under way of one upload, and of all uploads of one connection, before the peer has to wait.
const STREAM_WINDOW_BYTES: u32 = 1 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 4 << 20;

/// A peer that answers no PING for this long is gone.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a new connection may say nothing.
const FIRST_BYTE_MAX: Duration = Duration::from_secs(5);

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

/// Listens on `address` and logs the address that it got, which tells the port when 0 was asked for.
///
/// # Errors
/// [`Error::Bind`] for an address open to other machines without `insecure`, [`Error::Listen`] when it is taken.
pub async fn bind(address: SocketAddr, insecure: bool) -> Result<TcpListener, Error> {
    config::check_bind(address, insecure)?;
    let refused = |source| Error::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    tracing::info!(address = %listener.local_addr().map_err(refused)?, "listening");
    Ok(listener)
}

/// What every process serves: health and reflection; the caller adds its own services.
///
/// # Errors
/// [`Error::Reflection`].
pub fn routes(health: &Health) -> Result<Routes, Error> {
    Ok(reflection::add(Routes::new(health.service()), health.names())?)
}

/// Serves until `shutdown`, then drains for at most `drain` (usually [`DRAIN`]).
///
/// The drain: `health` says NOT_SERVING, the listener closes, calls under way finish. Services watch the same token
/// and end their streams. A stream that does not end, or a peer that does not read, is cut off at the limit. After
/// either, the caller flushes its store and leaves with [`Exit::code`].
pub async fn serve(
    listener: TcpListener,
    routes: Routes,
    health: Health,
    stamp: Option<Stamp>,
    shutdown: CancellationToken,
    drain: Duration,
) -> Exit {
    let calls = CallLayer::new(stamp).layer(routes);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            peer = accept(&listener) => {
                connections.spawn(connection(peer, calls.clone(), shutdown.clone()));
            }
            Some(ended) = connections.join_next() => log_end(ended),
            () = shutdown.cancelled() => break,
        }
    }
    drop(listener);
    health.stop();
    let drained = async {
        while let Some(ended) = connections.join_next().await {
            log_end(ended);
        }
    };
    if tokio::time::timeout(drain, drained).await.is_ok() {
        return Exit::Drained;
    }
    tracing::error!(drain_ms = drain.as_millis(), "the drain took too long, calls are cut off");
    Exit::Forced
}

/// The next connection. An error such as too many open files would come again at once, so it is given some time.
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((peer, _)) => match peer.set_nodelay(true) {
                Ok(()) => return peer,
                Err(error) => tracing::debug!(%error, "peer left before its first byte"),
            },
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Serves one connection until its peer closes it, or until `shutdown` and the end of the calls under way.
async fn connection(
    peer: TcpStream,
    calls: Calls<Routes>,
    shutdown: CancellationToken,
) -> Result<(), hyper::Error> {
    // A connection in its handshake knows no graceful end, so a silent peer does not come that far.
    let mut first = [0];
    tokio::select! {
        spoken = tokio::time::timeout(FIRST_BYTE_MAX, peer.peek(&mut first)) => {
            if !matches!(spoken, Ok(Ok(1))) {
                return Ok(());
            }
        }
        () = shutdown.cancelled() => return Ok(()),
    }
    let answering = service_fn(move |request| calls.clone().call(request));
    let mut serving = pin!(transport().serve_connection(TokioIo::new(peer), answering));
    tokio::select! {
        ended = serving.as_mut() => return ended,
        () = shutdown.cancelled() => serving.as_mut().graceful_shutdown(),
    }
    serving.await
}

fn transport() -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_concurrent_streams(STREAMS_PER_CONNECTION_MAX)
        .max_header_list_size(HEADER_BYTES_MAX)
        .keep_alive_interval(Some(KEEPALIVE_INTERVAL))
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .auto_date_header(false);
    builder
}

fn log_end(ended: Result<Result<(), hyper::Error>, JoinError>) {
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a connection failed"),
        Err(error) => tracing::error!(%error, "a connection was dropped"),
    }
}
