//! Both services for a long time under a modest load: whether memory, open files and threads stay as they are.
//!
//! What is written stays, in the log and in the index, and that is no leak: so updates are few, and large, of the same few
//! records. Two things look like a leak and have an end. sled notes which leaf was used in lists of 64 for each of 256 parts of
//! its cache and frees nothing before a list is full: so that many updates come before the time begins that it is. And the
//! buffer of 8 MiB in which it gathers a segment of its log becomes resident as it fills: a saw of memory, which has many
//! teeth while large records are written, and whose floor is what counts.

mod series;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt;
use prost::Message;
use reform_api::analytics::v1::QueryIndicatorRequest;
use reform_api::data::v1;
use reform_api::data::v1::change_service_client::ChangeServiceClient;
use reform_api::data::v1::record_service_client::RecordServiceClient;
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tonic::transport::{Channel, Endpoint};

use crate::honest::get;
use crate::process::{Process, Program};
use crate::raw::Call;
use crate::records::{appeal, base, call, commit, creates};
use crate::usage::Usage;
use series::Series;

/// Records before it begins.
const RECORDS: usize = 5_000;
/// Those of them that are updated, and how large they are.
const UPDATED: usize = 200;
const UPDATED_BYTES: usize = 16 << 10;
/// Updates before the time begins, and how many at once.
const WARMING: usize = 6_000;
const WARMING_AT_ONCE: usize = 8;
/// Connections in a second.
const CONNECTIONS: u32 = 2;
/// Samples of each service, and those after which a line tells of it.
const SAMPLES: u32 = 1_800;
const SAMPLES_TOLD: u32 = 90;
const MIB: f64 = 1_048_576.0;
const TEN_MINUTES: f64 = 600.0;
/// Open files and threads by which the median of the later half may lie above that of the earlier: one may come and go.
const MORE_MAX: f64 = 1.0;

/// How much is done in a second, and what may come of it.
#[derive(Debug, Clone, Copy)]
pub struct Rates {
    /// Records by name, and a question to analytics for ten of them.
    pub reads: u32,
    /// Updates. The index keeps every version, so that many of them are growth that is meant.
    pub writes: u32,
    /// How many times faster all of it goes: a minute then counts for as many.
    pub times: u32,
    /// MiB per ten minutes by which memory may grow.
    pub growth_max: f64,
}

impl Rates {
    /// As often as that in a second, and so many times faster.
    fn ticks(self, per_second: u32) -> Interval {
        let mut ticks = interval(Duration::from_secs(1) / (per_second * self.times));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks
    }
}

/// How often each was done.
#[derive(Debug, Default)]
struct Done {
    reads: AtomicU64,
    questions: AtomicU64,
    updates: AtomicU64,
    connections: AtomicU64,
}

/// Lets both run. Their caches are filled before; the first third of the time is theirs to come to rest.
///
/// # Panics
/// When memory grows, or descriptors or threads do.
pub async fn run(trials: &Path, time: Duration, rates: Rates) {
    let folder = tempfile::tempdir().unwrap();
    let data = Program::data(trials, &folder.path().join("data")).args(["--cache", "16 MiB"]).start();
    let channel = data.until_serving().await;
    let analytics = Program::analytics(trials, data.address().await, &folder.path().join("state")).start();
    let asked = analytics.until_serving().await;
    commit(&channel, base()).await;
    for batch in (0..RECORDS).collect::<Vec<_>>().chunks(500) {
        commit(&channel, creates(batch.iter().map(|number| numbered(*number, "")))).await;
    }
    warm(&channel).await;
    let endpoint = Endpoint::from_shared(format!("http://{}", data.address().await)).unwrap();
    let done = Arc::new(Done::default());
    let mut tasks = JoinSet::new();
    tasks.spawn(read(channel.clone(), rates, done.clone()));
    tasks.spawn(ask(asked, rates, done.clone()));
    tasks.spawn(write(channel.clone(), rates, done.clone()));
    tasks.spawn(come_and_go(endpoint, rates, done.clone()));
    let watched = tokio::select! {
        watched = watch([&data, &analytics], time, rates) => watched,
        ended = tasks.join_next() => panic!("a caller ended: {ended:?}"),
    };
    tasks.shutdown().await;
    eprintln!("{done:?} in {time:?}");
    let flat = ["data", "analytics"]
        .into_iter()
        .zip(&watched)
        .map(|(name, service)| service.tell(name, rates.growth_max));
    assert!(flat.fold(true, |all, one| all & one), "not all is flat");
    analytics.stop().await;
    data.stop().await;
}

/// What was seen of one service.
#[derive(Debug, Default)]
struct Watched {
    resident: Series,
    descriptors: Series,
    threads: Series,
}

impl Watched {
    fn push(&mut self, at: f64, usage: Usage) {
        self.resident.push(at, usage.resident as f64 / MIB);
        self.descriptors.push(at, usage.descriptors as f64);
        self.threads.push(at, usage.threads as f64);
    }

    /// Says what was seen; whether it is flat.
    fn tell(&self, name: &str, growth_max: f64) -> bool {
        let Self { resident, descriptors, threads } = self;
        let [floor, all] = [&resident.floors(), resident].map(|of| of.slope() * TEN_MINUTES);
        let [least, median, most] = resident.range();
        let [files, workers] = [descriptors, threads].map(|of| (of.range(), of.rise()));
        let flat = floor < growth_max && files.1 <= MORE_MAX && workers.1 <= MORE_MAX;
        eprintln!(
            "{name}: {floor:+.2} MiB in ten minutes ({all:+.2} by all samples); {least:.1} to {most:.1} MiB, median {median:.1}; \
             {} to {} open files ({:+}), {} to {} threads ({:+}): {}",
            files.0[0],
            files.0[2],
            files.1,
            workers.0[0],
            workers.0[2],
            workers.1,
            if flat { "flat" } else { "not flat" },
        );
        flat
    }
}

/// Both services, after the first third.
async fn watch(services: [&Process; 2], time: Duration, rates: Rates) -> [Watched; 2] {
    let began = Instant::now();
    let mut watched = [Watched::default(), Watched::default()];
    let mut ticks = interval(time / SAMPLES);
    for number in 0..SAMPLES {
        ticks.tick().await;
        let now = services.map(Process::usage);
        // Time goes as fast as the load.
        let at = began.elapsed().as_secs_f64() * f64::from(rates.times);
        if number >= SAMPLES / 3 {
            watched.iter_mut().zip(now).for_each(|(watched, usage)| watched.push(at, usage));
        }
        if number.is_multiple_of(SAMPLES_TOLD) {
            let [data, analytics] = now.map(|usage| usage.resident as f64 / MIB);
            eprintln!("{:.0?}: data {data:.1} MiB, analytics {analytics:.1} MiB", began.elapsed());
        }
    }
    watched
}

fn numbered(number: usize, title: &str) -> v1::Record {
    let mut record = appeal(&format!("a{number:04}"), 2024);
    record.title.push_str(title);
    if number >= RECORDS - UPDATED {
        record.description = "x".repeat(UPDATED_BYTES);
    }
    record
}

async fn update(channel: &Channel, number: usize) {
    let record = numbered(RECORDS - 1 - number % UPDATED, &number.to_string());
    let update = v1::UpdateRecordRequest { record: Some(record), ..v1::UpdateRecordRequest::default() };
    RecordServiceClient::new(channel.clone()).update_record(call(update)).await.unwrap();
}

/// Many updates at once.
async fn warm(channel: &Channel) {
    let all = (0..WARMING).map(|number| update(channel, number));
    futures::stream::iter(all).for_each_concurrent(WARMING_AT_ONCE, |update| update).await;
}

async fn read(channel: Channel, rates: Rates, done: Arc<Done>) {
    let mut ticks = rates.ticks(rates.reads);
    for number in 0.. {
        ticks.tick().await;
        get(&format!("records/a{:04}", number % RECORDS)).send(&channel).await.unwrap();
        if number.is_multiple_of(20) {
            let filter = r#"kind = "appeal""#.to_owned();
            let list = v1::ListRecordsRequest { filter, ..v1::ListRecordsRequest::default() };
            let path = "/reform.data.v1.RecordService/ListRecords";
            Call::new(path, list.encode_to_vec()).send(&channel).await.unwrap();
        }
        done.reads.fetch_add(1, Ordering::Relaxed);
    }
}

async fn ask(channel: Channel, rates: Rates, done: Arc<Done>) {
    let mut ticks = rates.ticks((rates.reads / 10).max(1));
    loop {
        ticks.tick().await;
        let indicator = "indicators/appeals-per-year".to_owned();
        let question = QueryIndicatorRequest { indicator, ..QueryIndicatorRequest::default() };
        let path = "/reform.analytics.v1.IndicatorService/QueryIndicator";
        Call::new(path, question.encode_to_vec()).send(&channel).await.unwrap();
        done.questions.fetch_add(1, Ordering::Relaxed);
    }
}

async fn write(channel: Channel, rates: Rates, done: Arc<Done>) {
    let mut ticks = rates.ticks(rates.writes);
    for number in 0.. {
        ticks.tick().await;
        update(&channel, number).await;
        done.updates.fetch_add(1, Ordering::Relaxed);
    }
}

/// A watcher on a connection of its own, which it leaves in the middle.
async fn come_and_go(endpoint: Endpoint, rates: Rates, done: Arc<Done>) {
    let mut ticks = rates.ticks(CONNECTIONS);
    loop {
        ticks.tick().await;
        let channel = endpoint.connect().await.unwrap();
        let watch = v1::WatchChangesRequest::default();
        let mut watch = ChangeServiceClient::new(channel).watch_changes(watch).await.unwrap().into_inner();
        watch.next().await.unwrap().unwrap();
        done.connections.fetch_add(1, Ordering::Relaxed);
    }
}
