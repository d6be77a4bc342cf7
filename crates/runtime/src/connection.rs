//! One connection: handshake, preface, calls; each with a limit in time, and an end for peers that misbehave.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tower::Service;

use crate::calls::Calls;
use crate::flood::Guarded;
use crate::identity::Identity;
use crate::preface::{Preface, spoken};
use crate::routes::Routes;
use crate::server::{HEADER_BYTES_MAX, STREAMS_PER_CONNECTION_MAX};
use crate::watched::Watched;

/// What may be under way of one upload, and of all uploads of one connection, before the peer has to wait.
pub(crate) const STREAM_WINDOW_BYTES: u32 = 256 << 10;
pub(crate) const CONNECTION_WINDOW_BYTES: u32 = 1 << 20;

/// What of one answer may be with the transport and not yet with the system, beyond the piece that it was given last.
const SEND_BUFFER_BYTES: usize = 64 << 10;

/// A peer that answers no PING for this long is gone.
pub(crate) const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
pub(crate) const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a new connection may say nothing.
pub(crate) const FIRST_BYTE_MAX: Duration = Duration::from_secs(5);

/// How long a handshake may take, the wait for its turn included.
pub(crate) const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

/// How long the preface may take, after the handshake if there is one.
pub(crate) const PREFACE_MAX: Duration = Duration::from_secs(5);

/// The part of the greatest age by which connections differ, so that not all of them end together.
const AGE_SPREAD: u32 = 10;

/// How long calls under way may take once their connection has reached its age.
pub(crate) const AGE_GRACE: Duration = Duration::from_secs(600);

/// How long a peer may take no part of the answers that wait for it, unless it is set.
pub(crate) const STALLED_MAX: Duration = Duration::from_secs(120);

/// How long a peer that floods may take to hear that it is over.
const FLOOD_GRACE: Duration = Duration::from_secs(1);

/// Streams that a peer may reset before they were looked at; it is told to be calm then.
pub(crate) const RESETS_PENDING_MAX: usize = 20;

/// Streams that a peer may make the transport reset, in the life of a connection.
pub(crate) const RESETS_FOR_ERRORS_MAX: usize = 1_024;

/// Handshakes at the same time; each costs a signature, and the machine has calls to answer.
pub(crate) const HANDSHAKES_MAX: usize = 64;

/// What every connection of a listener is served with.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    calls: Calls<Routes>,
    tls: Option<Watched<ServerConfig>>,
    handshakes: Arc<Semaphore>,
    patience: Patience,
    shutdown: CancellationToken,
}

/// How long a connection may be there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// At all.
    pub(crate) age_max: Duration,
    /// While its peer takes no part of the answers that wait for it.
    pub(crate) stalled_max: Duration,
}

/// How a connection failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{0} took too long")]
    Late(&'static str),
    #[error("handshake: {0}")]
    Handshake(io::Error),
    #[error("the peer left before its first call: {0}")]
    Left(io::Error),
    #[error("the peer floods with frames that carry no call")]
    Flood,
    #[error("the peer takes none of its answers")]
    Stalled,
    #[error("calls did not end within {AGE_GRACE:?} after the connection had reached its age")]
    Old,
    #[error(transparent)]
    Http(#[from] hyper::Error),
}

impl Error {
    /// Whether an operator should know.
    pub(crate) const fn is_abuse(&self) -> bool {
        matches!(self, Self::Flood | Self::Stalled)
    }
}

impl Door {
    pub(crate) fn new(
        calls: Calls<Routes>,
        tls: Option<Watched<ServerConfig>>,
        patience: Patience,
        shutdown: CancellationToken,
    ) -> Self {
        Self { calls, tls, handshakes: Arc::new(Semaphore::new(HANDSHAKES_MAX)), patience, shutdown }
    }

    /// Serves one connection until its peer closes it, or until the shutdown and the end of the calls under way.
    /// `place` is held as long.
    pub(crate) async fn serve(self, peer: TcpStream, place: OwnedSemaphorePermit) -> Result<(), Error> {
        let _place = place;
        let Some(tls) = &self.tls else {
            return self.speak(peer, None).await;
        };
        let from = peer.peer_addr();
        let encrypted = tokio::select! {
            encrypted = self.handshake(tls, peer) => encrypted,
            () = self.shutdown.cancelled() => return Ok(()),
        };
        let stream = encrypted.inspect_err(|error| {
            if let (Error::Handshake(error), Ok(from)) = (error, from)
                && is_about_certificate(error)
            {
                tracing::info!(target: "audit", %from, %error, "certificate refused");
            }
        })?;
        // The verifier has seen that there is one name.
        let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let identity = certificate.and_then(|certificate| Identity::of_certificate(certificate).ok());
        self.speak(stream, identity).await
    }

    async fn handshake(
        &self,
        tls: &Watched<ServerConfig>,
        peer: TcpStream,
    ) -> Result<TlsStream<TcpStream>, Error> {
        // A silent peer must not take the place of one that speaks.
        let mut first = [0];
        let read = timeout(FIRST_BYTE_MAX, peer.peek(&mut first)).await;
        read.map_err(|_| Error::Late("the first byte"))?.map_err(Error::Left)?;
        let shake = async {
            let _turn = self.handshakes.acquire().await;
            TlsAcceptor::from(tls.get()).accept(peer).await
        };
        let shaken = timeout(HANDSHAKE_MAX, shake).await;
        shaken.map_err(|_| Error::Late("the handshake"))?.map_err(Error::Handshake)
    }

    async fn speak<S>(&self, mut stream: S, identity: Option<Identity>) -> Result<(), Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // The transport knows no graceful end before the preface, so a silent peer does not come that far.
        let spoken = tokio::select! {
            spoken = timeout(PREFACE_MAX, spoken(&mut stream)) => spoken,
            () = self.shutdown.cancelled() => return Ok(()),
        };
        let preface = spoken.map_err(|_| Error::Late("the preface"))?.map_err(Error::Left)?;
        self.answer(stream, preface, identity).await
    }

    async fn answer<S>(&self, stream: S, preface: Preface, identity: Option<Identity>) -> Result<(), Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let calls = self.calls.of_connection();
        let stalled = stalled(calls.clone(), self.patience.stalled_max);
        let flooded = Arc::new(Notify::new());
        let stream = Guarded::new(stream, preface, flooded.clone(), calls.share());
        let answering = service_fn(move |mut request: http::Request<_>| {
            if let Some(identity) = &identity {
                request.extensions_mut().insert(identity.clone());
            }
            calls.clone().call(request)
        });
        let mut serving = pin!(transport().serve_connection(TokioIo::new(stream), answering));
        let grace = tokio::select! {
            ended = serving.as_mut() => return Ok(ended?),
            // The drain has a limit of its own.
            () = self.shutdown.cancelled() => Grace::Drain,
            () = sleep(spread(self.patience.age_max)) => Grace::Age,
            () = flooded.notified() => {
                // It may take long to say so to somebody who does not listen.
                drop(timeout(FLOOD_GRACE, serving.as_mut()).await);
                return Err(Error::Flood);
            }
            () = stalled => return Err(Error::Stalled),
        };
        serving.as_mut().graceful_shutdown();
        match grace {
            Grace::Drain => Ok(serving.await?),
            Grace::Age => tokio::select! {
                ended = timeout(AGE_GRACE, serving.as_mut()) => ended.map_err(|_| Error::Old)?.map_err(Error::Http),
                () = self.shutdown.cancelled() => Ok(serving.await?),
            },
        }
    }
}

/// Why a connection is told to end.
enum Grace {
    Drain,
    Age,
}

/// Ends when the peer has taken nothing of what waits for it for too long.
async fn stalled(calls: Calls<Routes>, limit: Duration) {
    loop {
        sleep(limit / 4).await;
        if calls.is_stalled(limit) {
            return;
        }
    }
}

/// About that age, and another one each time.
fn spread(age: Duration) -> Duration {
    let part = f64::from(RandomState::new().hash_one(()) as u32) / f64::from(u32::MAX);
    age - (age / AGE_SPREAD).mul_f64(part)
}

fn is_about_certificate(error: &io::Error) -> bool {
    use rustls::Error::{InvalidCertRevocationList, InvalidCertificate, NoCertificatesPresented};
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    matches!(cause, Some(InvalidCertificate(_) | InvalidCertRevocationList(_) | NoCertificatesPresented))
}

fn transport() -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .max_concurrent_streams(STREAMS_PER_CONNECTION_MAX)
        .max_pending_accept_reset_streams(RESETS_PENDING_MAX)
        .max_local_error_reset_streams(RESETS_FOR_ERRORS_MAX)
        .max_header_list_size(HEADER_BYTES_MAX)
        .keep_alive_interval(Some(KEEPALIVE_INTERVAL))
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .auto_date_header(false);
    builder
}
