//! Both services for a long time under a modest load: whether memory, open files and threads stay as they are.

use std::path::Path;
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
use crate::usage::{Usage, mib};

/// Records before it begins: what follows is little beside them.
const RECORDS: usize = 5_000;
/// Bytes per ten minutes by which memory may grow.
const GROWTH_MAX: f64 = 1_048_576.0;
const TEN_MINUTES: Duration = Duration::from_secs(600);

/// How much is done in a second.
#[derive(Debug, Clone, Copy)]
pub struct Rates {
    /// Records by name, and a question to analytics for ten of them.
    pub reads: u32,
    /// Updates. The index keeps every version, so that many of them are growth that is meant.
    pub writes: u32,
}

/// How it ended for one service.
#[derive(Debug, Clone, Copy)]
pub struct Slope {
    /// Bytes in ten minutes.
    pub resident: f64,
    /// The fewest and the most open files.
    pub descriptors: (usize, usize),
    /// The fewest and the most threads.
    pub threads: (usize, usize),
}

/// Lets both run; the first third of the time is theirs to warm up.
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
        commit(&channel, creates(batch.iter().map(|number| appeal(&format!("a{number}"), 2024)))).await;
    }
    let endpoint = Endpoint::from_shared(format!("http://{}", data.address().await)).unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(read(channel.clone(), rates.reads));
    tasks.spawn(ask(asked, (rates.reads / 10).max(1)));
    tasks.spawn(write(channel.clone(), rates.writes));
    tasks.spawn(come_and_go(endpoint));
    let samples = tokio::select! {
        samples = sample([&data, &analytics], time) => samples,
        ended = tasks.join_next() => panic!("a caller ended: {ended:?}"),
    };
    tasks.shutdown().await;
    for (name, samples) in ["data", "analytics"].into_iter().zip(samples) {
        check(name, &samples[samples.len() / 3..]);
    }
    analytics.stop().await;
    data.stop().await;
}

/// Both services, as often as gives some hundreds of samples.
async fn sample(services: [&Process; 2], time: Duration) -> [Vec<(Duration, Usage)>; 2] {
    let began = Instant::now();
    let mut samples = [Vec::new(), Vec::new()];
    let mut ticks = interval((time / 300).max(Duration::from_millis(100)));
    while began.elapsed() < time {
        ticks.tick().await;
        for (service, samples) in services.iter().zip(&mut samples) {
            samples.push((began.elapsed(), service.usage()));
        }
        if samples[0].len().is_multiple_of(30) {
            let now = samples.each_ref().map(|samples| samples.last().expect("just pushed").1);
            let [data, analytics] = now.map(|usage| mib(usage.resident));
            eprintln!("{:?}: data {data:.1} MiB, analytics {analytics:.1} MiB", began.elapsed());
        }
    }
    samples
}

fn check(name: &str, samples: &[(Duration, Usage)]) {
    let slope = Slope::of(samples);
    eprintln!("{name}: {:+.2} MiB per ten minutes, {slope:?}", slope.resident / GROWTH_MAX);
    assert!(slope.resident < GROWTH_MAX, "{name}: memory grows: {slope:?}");
    let grown = |(least, most): (usize, usize)| most - least;
    // A connection comes and goes all the time, and blocking threads end when they have nothing to do.
    assert!(grown(slope.descriptors) <= 8 && grown(slope.threads) <= 16, "{name}: {slope:?}");
}

impl Slope {
    /// The line that fits best.
    fn of(samples: &[(Duration, Usage)]) -> Self {
        let points = samples.iter().map(|(at, usage)| (at.as_secs_f64(), usage.resident as f64));
        let count = samples.len() as f64;
        let (sum_x, sum_y) = points.clone().fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
        let (mean_x, mean_y) = (sum_x / count, sum_y / count);
        let (over, under) = points.fold((0.0, 0.0), |(over, under), (x, y)| {
            (over + (x - mean_x) * (y - mean_y), under + (x - mean_x).powi(2))
        });
        let range = |of: fn(&Usage) -> usize| {
            let all = samples.iter().map(|(_, usage)| of(usage));
            (all.clone().min().unwrap_or(0), all.max().unwrap_or(0))
        };
        Self {
            resident: over / under * TEN_MINUTES.as_secs_f64(),
            descriptors: range(|usage| usage.descriptors),
            threads: range(|usage| usage.threads),
        }
    }
}

/// As often as that in a second.
fn ticks(per_second: u32) -> Interval {
    let mut ticks = interval(Duration::from_secs(1) / per_second);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

async fn read(channel: Channel, per_second: u32) {
    let mut ticks = ticks(per_second);
    for number in 0.. {
        ticks.tick().await;
        get(&format!("records/a{}", number % RECORDS)).send(&channel).await.unwrap();
        if number.is_multiple_of(20) {
            let filter = r#"kind = "appeal""#.to_owned();
            let list = v1::ListRecordsRequest { filter, ..v1::ListRecordsRequest::default() };
            let path = "/reform.data.v1.RecordService/ListRecords";
            Call::new(path, list.encode_to_vec()).send(&channel).await.unwrap();
        }
    }
}

async fn ask(channel: Channel, per_second: u32) {
    let mut ticks = ticks(per_second);
    loop {
        ticks.tick().await;
        let indicator = "indicators/appeals-per-year".to_owned();
        let question = QueryIndicatorRequest { indicator, ..QueryIndicatorRequest::default() };
        let path = "/reform.analytics.v1.IndicatorService/QueryIndicator";
        Call::new(path, question.encode_to_vec()).send(&channel).await.unwrap();
    }
}

async fn write(channel: Channel, per_second: u32) {
    let mut ticks = ticks(per_second);
    for number in 0.. {
        ticks.tick().await;
        let mut record = appeal(&format!("a{}", number % RECORDS), 2024);
        record.title = format!("number {number}");
        let update = v1::UpdateRecordRequest { record: Some(record), ..v1::UpdateRecordRequest::default() };
        RecordServiceClient::new(channel.clone()).update_record(call(update)).await.unwrap();
    }
}

/// A watcher on a connection of its own, which it leaves in the middle.
async fn come_and_go(endpoint: Endpoint) {
    let mut ticks = ticks(2);
    loop {
        ticks.tick().await;
        let channel = endpoint.connect().await.unwrap();
        let watch = v1::WatchChangesRequest::default();
        let mut watch = ChangeServiceClient::new(channel).watch_changes(watch).await.unwrap().into_inner();
        watch.next().await.unwrap().unwrap();
    }
}
