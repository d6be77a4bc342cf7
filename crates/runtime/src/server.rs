//! Binds, serves, and drains: the one way a process of the pair listens.

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use futures::Stream;
use futures::stream;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Server;

use crate::calls::{CallLayer, Stamp};
use crate::health::Health;
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
    /// The transport failed as a whole.
    #[error("transport: {0}")]
    Transport(#[from] tonic::transport::Error),
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
///
/// # Errors
/// [`Error::Transport`] when the transport fails as a whole.
pub async fn serve(
    listener: TcpListener,
    routes: Routes,
    health: Health,
    stamp: Option<Stamp>,
    shutdown: CancellationToken,
    drain: Duration,
) -> Result<Exit, Error> {
    let signal = shutdown.clone();
    let stopping = async move {
        signal.cancelled().await;
        health.stop();
    };
    let limit = async {
        shutdown.cancelled().await;
        tokio::time::sleep(drain).await;
    };
    let serving = transport()
        .layer(CallLayer::new(stamp))
        .add_routes(routes.prepare())
        .serve_with_incoming_shutdown(accept(listener), stopping);
    tokio::select! {
        ended = serving => {
            ended?;
            Ok(Exit::Drained)
        }
        () = limit => {
            tracing::error!(drain_ms = drain.as_millis(), "the drain took too long, calls are cut off");
            Ok(Exit::Forced)
        }
    }
}

/// HTTP/1 is accepted for one reason: without it a silent connection, of which no byte tells its protocol, would
/// hold up every drain.
fn transport() -> Server {
    Server::builder()
        .accept_http1(true)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_concurrent_streams(STREAMS_PER_CONNECTION_MAX)
        .http2_max_header_list_size(HEADER_BYTES_MAX)
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
}

fn accept(listener: TcpListener) -> impl Stream<Item = io::Result<TcpStream>> {
    stream::unfold(listener, async |listener| {
        loop {
            match listener.accept().await {
                Ok((peer, _)) => {
                    if let Err(error) = peer.set_nodelay(true) {
                        tracing::debug!(%error, "peer left before its first byte");
                        continue;
                    }
                    return Some((Ok(peer), listener));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept connections");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    })
}
