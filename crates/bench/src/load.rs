//! Closed loops of unary calls: so many callers, each sends its next call when the last one was answered. One thread
//! and one client of HTTP/2, the same for every gRPC service; see [`connection`] for why it is no tonic client.

mod connection;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use hdrhistogram::Histogram;
use rustls::ClientConfig;
use tokio::task::JoinSet;

use self::connection::Connection;
use crate::synthetic::Draws;

/// The shortest and the longest latency that are told apart, in nanoseconds, and the digits that are kept.
const LATENCY_MIN_NS: u64 = 100;
const LATENCY_MAX_NS: u64 = 60_000_000_000;
const LATENCY_DIGITS: u8 = 2;
/// What comes before a measurement, at most.
const WARM_UP: Duration = Duration::from_secs(1);
/// How long the last answers may take.
const LAST_ANSWERS: Duration = Duration::from_secs(30);
/// How long calls may take whose number is given.
const ALL_ANSWERS: Duration = Duration::from_secs(600);

/// Whom to call, and what to show.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    /// How to encrypt.
    pub(crate) tls: Option<Arc<ClientConfig>>,
    /// What stands in `authorization`, without its scheme.
    pub(crate) token: Option<String>,
}

/// Plaintext, shown nothing.
impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Self {
        Self { address, tls: None, token: None }
    }
}

/// How many calls are under way at any time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) connections: usize,
    /// Calls on each connection.
    pub(crate) streams: usize,
}

/// How long a loop runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// What comes first and counts for nothing.
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
}

impl Pace {
    /// Measured for that long, after a warm-up of a second; never longer than the measurement itself.
    pub(crate) fn of(measured: Duration) -> Self {
        Self { warm_up: WARM_UP.min(measured), measured }
    }
}

/// When answers count.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) begin: Instant,
    pub(crate) end: Instant,
}

impl Window {
    /// From now on.
    pub(crate) fn open(pace: Pace) -> Self {
        let begin = Instant::now() + pace.warm_up;
        Self { begin, end: begin + pace.measured }
    }
}

/// Writes one request, encoded; the number is a random draw. False: nothing is left to ask, nothing was written.
pub(crate) type Write = dyn Fn(u64, &mut Vec<u8>) -> bool + Send + Sync;

/// Calls of one method.
#[derive(Clone)]
pub(crate) struct Calls {
    pub(crate) path: &'static str,
    pub(crate) write: Arc<Write>,
    /// An answer of fewer bytes is a failure: some services answer well that they found nothing.
    pub(crate) answer_bytes_min: usize,
}

/// What a loop came to.
#[derive(Debug)]
pub(crate) struct Round {
    /// Answers per second.
    pub(crate) per_second: f64,
    pub(crate) answers: Answers,
}

/// The answers of a loop.
#[derive(Debug)]
pub(crate) struct Answers {
    /// Of all, in the measured time or not.
    pub(crate) count: u64,
    /// In nanoseconds, of those in the measured time.
    latency_ns: Histogram<u64>,
}

impl Answers {
    /// None so far.
    pub(crate) fn none() -> Self {
        let bounds = Histogram::new_with_bounds(LATENCY_MIN_NS, LATENCY_MAX_NS, LATENCY_DIGITS);
        Self { count: 0, latency_ns: bounds.expect("the bounds above are in order") }
    }

    /// Counts one.
    pub(crate) fn push(&mut self, window: Window, sent: Instant, answered: Instant) {
        self.count += 1;
        if answered >= window.begin && answered < window.end {
            let latency = answered.duration_since(sent).as_nanos();
            self.latency_ns.saturating_record(u64::try_from(latency).unwrap_or(u64::MAX));
        }
    }

    /// Counts those of another connection.
    pub(crate) fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.latency_ns.add(&other.latency_ns).expect("both have the same bounds");
    }
}

impl Round {
    /// From the answers within a time.
    pub(crate) fn new(answers: Answers, pace: Pace) -> Self {
        Self { per_second: answers.latency_ns.len() as f64 / pace.measured.as_secs_f64(), answers }
    }

    /// A quantile of the latency, in milliseconds.
    pub(crate) fn latency_ms(&self, quantile: f64) -> f64 {
        Duration::from_nanos(self.answers.latency_ns.value_at_quantile(quantile)).as_secs_f64() * 1e3
    }
}

/// Runs a loop for a time.
///
/// # Errors
/// The first call that fails: a service that refuses is not measured.
pub(crate) async fn closed_loop(
    peer: impl Into<Peer>,
    shape: Shape,
    pace: Pace,
    calls: Calls,
) -> anyhow::Result<Round> {
    let longest = pace.warm_up + pace.measured + LAST_ANSWERS;
    let peer = peer.into();
    let answers = on_one_thread(longest, async move {
        let connections = connect(&peer, shape, calls).await?;
        run(connections, shape, Window::open(pace)).await
    });
    Ok(Round::new(answers.await?, pace))
}

/// Runs a loop until there is nothing left to ask.
///
/// # Errors
/// As [`closed_loop`].
pub(crate) async fn to_the_end(address: SocketAddr, shape: Shape, calls: Calls) -> anyhow::Result<()> {
    let pace = Pace { warm_up: Duration::ZERO, measured: ALL_ANSWERS };
    closed_loop(address, shape, pace, calls).await.map(drop)
}

/// Runs load on a thread of its own, so that it takes one processor at most and moves between none.
///
/// # Errors
/// Those of the load, and when it takes too long.
pub(crate) async fn on_one_thread<T: Send + 'static>(
    longest: Duration,
    load: impl Future<Output = anyhow::Result<T>> + Send + 'static,
) -> anyhow::Result<T> {
    let done = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async { tokio::time::timeout(longest, load).await.context("no answer comes")? })
    });
    done.await.context("the load ended early")?
}

async fn connect(peer: &Peer, shape: Shape, calls: Calls) -> anyhow::Result<Vec<Connection>> {
    let mut connections = Vec::with_capacity(shape.connections);
    for number in 0..shape.connections {
        let draws = Draws::new(u64::MAX - u64::try_from(number).unwrap_or_default());
        connections.push(Connection::open(peer, calls.clone(), draws).await?);
    }
    Ok(connections)
}

async fn run(connections: Vec<Connection>, shape: Shape, window: Window) -> anyhow::Result<Answers> {
    let mut running = JoinSet::new();
    for connection in connections {
        running.spawn(connection.run(shape.streams, window));
    }
    let mut answers = Answers::none();
    while let Some(ended) = running.join_next().await {
        answers.add(&ended.context("a connection ended early")?.context("a call failed")?);
    }
    Ok(answers)
}
