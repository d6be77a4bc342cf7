//! More calls than can be answered: what is answered must stay nearly as much as before, health and the feed must be served,
//! and a few seconds later nothing of it may be left.
//!
//! The calls are pages of a list, which cost the service much more than to refuse them, and one write to ten of them. The
//! service has one processor and those who call another, at the peak as under overload: several times the peak costs the
//! callers more than the peak, and what they take must not be missing in the service's figure.
//!
//! Machines that are shared do not go at one speed for minutes, and a store that was written to for minutes is another one.
//! So a second service does as much as it can for as long, without overload: what is asked is a part of the peak before and of
//! what that one answered, in the mean.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use futures::future::try_join_all;
use futures::{StreamExt, stream};
use reform_api::data::v1;
use reform_api::data::v1::change_service_client::ChangeServiceClient;
use tokio::task::JoinSet;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use self::client::{Client, Pace, Told};
use crate::process::{Process, Program, soon};
use crate::processors::Apart;
use crate::records::{appeal, base, commit, creates};

mod client;

/// Records that are listed and changed.
const RECORDS: u64 = 2_000;
const CONNECTIONS: usize = 64;
/// Calls under way of each connection in the loop that finds the peak.
const CALLS: usize = 4;
/// How long the service has to be as before.
const RECOVERY: Duration = Duration::from_secs(5);
/// How much of it.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// How long the peak is looked for, before and after.
    pub peak: Duration,
    /// How long there is too much.
    pub time: Duration,
    /// How many times the peak that is.
    pub times: f64,
    /// The part of the peak that is still answered, and again soon after.
    pub goodput_min: f64,
    /// The longest that health may take.
    pub health_within: Duration,
}

/// What came of it.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    /// Answers in a second, at the peak.
    pub peak: f64,
    /// The same under overload.
    pub goodput: f64,
    /// The same, soon after it.
    pub after: f64,
    /// Of a service that answers at its peak for as long as the overload was.
    pub beside: f64,
    /// Of that one, soon after it.
    pub beside_after: f64,
}

impl Outcome {
    /// The part of what would have been answered without overload that is answered under it, and the same soon after.
    fn ratios(&self) -> [f64; 2] {
        [self.goodput / f64::midpoint(self.peak, self.beside), self.after / self.beside_after]
    }
}

/// So many times the peak, for that long.
///
/// # Panics
/// When the service collapses.
pub async fn run(trials: &Path, size: Size) -> Outcome {
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let apart = Apart::new();
    let data = start(trials, folders[0].path(), apart).await;
    let (before, goodput, after) = apart.callers(overload(data.address().await, size)).await.unwrap();
    let other = start(trials, folders[1].path(), apart).await;
    let address = other.address().await;
    let (beside, beside_after) = apart.callers(at_peak(address, size)).await.unwrap();
    let outcome = Outcome { peak: before, goodput, after, beside, beside_after };
    let [goodput, after] = outcome.ratios();
    let apart = if apart.is_apart() { "a processor each" } else { "one processor for all" };
    eprintln!("{outcome:.0?}, ratio {goodput:.2} and {after:.2} after it; {apart}");
    assert!(goodput >= size.goodput_min, "it collapses: {outcome:?}, {data:?}");
    assert!(after >= size.goodput_min, "it does not recover: {outcome:?}, {data:?}");
    data.stop().await;
    other.stop().await;
    outcome
}

/// A service with the records, each from a commit of its own: that is how they lie once each was changed.
async fn start(trials: &Path, folder: &Path, apart: Apart) -> Process {
    let data = apart.service(|| Program::data(trials, folder).start());
    let channel = data.until_serving().await;
    commit(&channel, base()).await;
    let one = |number| {
        let channel = &channel;
        async move {
            commit(channel, creates([appeal(&name(number), 2024)])).await;
        }
    };
    stream::iter(0..RECORDS).for_each_concurrent(CONNECTIONS, one).await;
    data
}

async fn connect(address: SocketAddr) -> anyhow::Result<Vec<Client>> {
    let numbers = Arc::default();
    try_join_all((0..CONNECTIONS).map(|_| Client::connect(address, Arc::clone(&numbers)))).await
}

/// Answers in a second when the next call comes as soon as one is answered.
async fn closed(clients: &mut [Client], time: Duration) -> anyhow::Result<f64> {
    Ok(per_second(all(clients, Pace::Closed(CALLS), time).await?, time))
}

/// The same, a little after it began.
async fn peak(clients: &mut [Client], size: Size, time: Duration) -> anyhow::Result<f64> {
    closed(clients, size.peak / 3).await?;
    closed(clients, time).await
}

/// The same, once the service had its time to recover.
async fn recovered(clients: &mut [Client], size: Size) -> anyhow::Result<f64> {
    all(clients, Pace::Closed(0), RECOVERY).await?;
    closed(clients, size.peak).await
}

/// Answers in a second at the peak, for as long as the overload of another service was, and as soon after it.
async fn at_peak(address: SocketAddr, size: Size) -> anyhow::Result<(f64, f64)> {
    let mut clients = connect(address).await?;
    let meanwhile = peak(&mut clients, size, size.time).await?;
    Ok((meanwhile, recovered(&mut clients, size).await?))
}

fn per_second(told: Told, time: Duration) -> f64 {
    told.answered as f64 / time.as_secs_f64()
}

/// The peak, what is left of it under overload, and soon after it.
async fn overload(address: SocketAddr, size: Size) -> anyhow::Result<(f64, f64, f64)> {
    let Size { time, times, .. } = size;
    let mut clients = connect(address).await?;
    let before = peak(&mut clients, size, size.peak).await?;

    let endpoint = Endpoint::from_shared(format!("http://{address}"))?;
    let (mut watched, health) = (JoinSet::new(), Arc::<AtomicU64>::default());
    watched.spawn(ask_health(endpoint.connect().await?, size.health_within, Arc::clone(&health)));
    watched.spawn(follow(endpoint.connect().await?));
    let rate = Pace::Open(before * times / CONNECTIONS as f64);
    let told = tokio::select! {
        told = all(&mut clients, rate, time) => told?,
        ended = watched.join_next() => panic!("health or the feed is not served: {ended:?}"),
    };
    eprintln!("{told:?}, health {} times", health.load(Relaxed));
    let after = recovered(&mut clients, size).await?;
    watched.shutdown().await;
    Ok((before, per_second(told, time), after))
}

/// That of a record.
fn name(number: u64) -> String {
    format!("a{number}")
}

/// All connections at once.
async fn all(clients: &mut [Client], pace: Pace, time: Duration) -> anyhow::Result<Told> {
    let mut sum = Told::default();
    for told in try_join_all(clients.iter_mut().map(|client| client.run(pace, time))).await? {
        sum += told;
    }
    Ok(sum)
}

/// Health is told all the time.
async fn ask_health(channel: Channel, within: Duration, asked: Arc<AtomicU64>) {
    let mut client = HealthClient::new(channel);
    loop {
        let answer = tokio::time::timeout(within, client.check(HealthCheckRequest::default())).await;
        answer.expect("health is told in time").unwrap();
        asked.fetch_add(1, Relaxed);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The feed goes on: every commit comes.
async fn follow(channel: Channel) {
    let watch = v1::WatchChangesRequest::default();
    let mut watch = ChangeServiceClient::new(channel).watch_changes(watch).await.unwrap().into_inner();
    let mut last = 0;
    loop {
        let message = soon("the next message of the feed", watch.next()).await.unwrap().unwrap();
        assert!(message.revision >= last);
        last = message.revision;
    }
}
