//! Closed loops of unary calls: so many callers, each sends its next call when the last one was answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use hdrhistogram::Histogram;
use reform_api::data::v1;
use reform_api::data::v1::record_service_client::RecordServiceClient;
use tokio::task::JoinSet;
use tonic::Status;
use tonic::transport::Channel;

use crate::synthetic::{Appeals, COLLECTION, Draws};

/// The shortest and the longest latency that are told apart, in nanoseconds, and the digits that are kept.
const LATENCY_MIN_NS: u64 = 100;
const LATENCY_MAX_NS: u64 = 60_000_000_000;
const LATENCY_DIGITS: u8 = 2;

/// What a caller talks through.
pub(crate) type Client = RecordServiceClient<Channel>;

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

/// What a loop came to.
#[derive(Debug)]
pub(crate) struct Round {
    /// Answers per second.
    pub(crate) per_second: f64,
    /// In nanoseconds, of the calls that were answered in the measured time.
    pub(crate) latency_ns: Histogram<u64>,
}

impl Round {
    /// A quantile of the latency, in milliseconds.
    pub(crate) fn latency_ms(&self, quantile: f64) -> f64 {
        Duration::from_nanos(self.latency_ns.value_at_quantile(quantile)).as_secs_f64() * 1e3
    }
}

/// One kind of call.
pub(crate) trait Call: Clone + Send + Sync + 'static {
    /// Makes one call; `draw` says which.
    fn call(&self, client: &mut Client, draw: u64) -> impl Future<Output = Result<(), Status>> + Send;
}

/// Reads stored appeals, all of a population equally often.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Get {
    /// Names that are asked for.
    pub(crate) names: u64,
    /// The numbers of two neighbouring names differ by so much, so that the names lie all over the store.
    pub(crate) stride: u64,
}

impl Get {
    /// At most so many names out of the appeals from 1 to `stored`.
    pub(crate) fn over(stored: u64, names_max: u64) -> Self {
        let names = stored.clamp(1, names_max);
        Self { names, stride: (stored / names).max(1) }
    }

    /// The name that a draw chooses.
    pub(crate) fn name(&self, draw: u64) -> String {
        format!("{COLLECTION}{}", Appeals::id(1 + draw % self.names * self.stride))
    }
}

impl Call for Get {
    async fn call(&self, client: &mut Client, draw: u64) -> Result<(), Status> {
        let request = v1::GetRecordRequest { name: self.name(draw), as_of: None };
        client.get_record(request).await.map(drop)
    }
}

/// Creates appeals that are not there yet.
#[derive(Debug, Clone)]
pub(crate) struct Create {
    pub(crate) appeals: Arc<Appeals>,
    /// The number of the next one.
    pub(crate) next: Arc<AtomicU64>,
}

impl Call for Create {
    async fn call(&self, client: &mut Client, _: u64) -> Result<(), Status> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let request = v1::CreateRecordRequest {
            record: Some(self.appeals.record(number)),
            record_id: Appeals::id(number),
            ..v1::CreateRecordRequest::default()
        };
        client.create_record(request).await.map(drop)
    }
}

/// Runs a loop over established connections, one for each that the shape asks for.
///
/// # Errors
/// The first call that fails: a service that refuses is not measured.
pub(crate) async fn closed_loop(
    connections: &[Channel],
    shape: Shape,
    pace: Pace,
    call: &impl Call,
) -> anyhow::Result<Round> {
    let begin = Instant::now() + pace.warm_up;
    let window = (begin, begin + pace.measured);
    let mut callers = JoinSet::new();
    for connection in connections.iter().take(shape.connections) {
        for _ in 0..shape.streams {
            let draws = Draws::new(u64::MAX - u64::try_from(callers.len()).unwrap_or_default());
            callers.spawn(caller(Client::new(connection.clone()), call.clone(), draws, window));
        }
    }
    let mut latency_ns = histogram();
    while let Some(ended) = callers.join_next().await {
        let latencies = ended.context("a caller ended early")?.context("a call failed")?;
        latency_ns.add(latencies).context("histograms of one kind add up")?;
    }
    Ok(Round { per_second: latency_ns.len() as f64 / pace.measured.as_secs_f64(), latency_ns })
}

async fn caller(
    mut client: Client,
    call: impl Call,
    mut draws: Draws,
    (begin, end): (Instant, Instant),
) -> Result<Histogram<u64>, Status> {
    let mut latencies = histogram();
    loop {
        let sent = Instant::now();
        if sent >= end {
            return Ok(latencies);
        }
        call.call(&mut client, draws.next()).await?;
        let answered = Instant::now();
        if answered >= begin && answered < end {
            let latency = answered.duration_since(sent).as_nanos();
            latencies.saturating_record(u64::try_from(latency).unwrap_or(u64::MAX));
        }
    }
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(LATENCY_MIN_NS, LATENCY_MAX_NS, LATENCY_DIGITS)
        .expect("the bounds above are in order")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lie_all_over_the_store() {
        for (stored, names, last) in [(1, 1, 1), (50, 50, 50), (1_000_000, 100_000, 999_991), (150, 100, 100)]
        {
            let get = Get::over(stored, names);
            assert_eq!(get.name(get.names - 1), format!("records/{}", Appeals::id(last)));
            assert_eq!(get.name(get.names), "records/appeal-000000001");
        }
    }
}
