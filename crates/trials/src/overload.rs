//! More calls than can be answered: what is answered must stay nearly as much as before, health and the feed must be served,
//! and a few seconds later nothing of it may be left.
//!
//! The calls are pages of a list, which cost the service much more than to refuse them, and one write to ten of them. They
//! come at a rate, whether those before are answered or not.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use futures::StreamExt;
use prost::Message;
use reform_api::data::v1;
use reform_api::data::v1::change_service_client::ChangeServiceClient;
use reform_api::error::{Reason, reason};
use tokio::task::JoinSet;
use tokio::time::interval;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::process::{Program, soon};
use crate::raw::Call;
use crate::records::{appeal, base, commit, create, creates};

const RECORDS: usize = 2_000;
/// Callers of the loop that finds the peak.
const CALLERS: usize = 64;
const CONNECTIONS: usize = 16;
/// How long the peak is looked for.
const PEAK: Duration = Duration::from_secs(3);
/// How long a call may take to count as answered.
const DEADLINE: Duration = Duration::from_secs(5);
/// How long the service has to be as before.
const RECOVERY: Duration = Duration::from_secs(5);
/// The part of the peak that is still answered.
const GOODPUT_MIN: f64 = 0.8;
/// The longest that health may take, and the feed.
const SERVED_WITHIN: Duration = Duration::from_secs(2);
/// Calls come in this rhythm.
const TICK: Duration = Duration::from_millis(5);
/// Calls that are not answered yet, more are not sent: a client's memory has a bound, too.
const UNANSWERED_MAX: u64 = 20_000;

/// What became of calls.
#[derive(Debug, Default)]
struct Told {
    sent: AtomicU64,
    answered: AtomicU64,
    refused: AtomicU64,
    late: AtomicU64,
    unanswered: AtomicU64,
    next: AtomicU64,
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
}

/// So many times the peak, for that long.
///
/// # Panics
/// When the service collapses.
pub async fn run(trials: &Path, time: Duration, times: f64) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let data = Program::data(trials, folder.path()).start();
    let channel = data.until_serving().await;
    commit(&channel, base()).await;
    for batch in (0..RECORDS).collect::<Vec<_>>().chunks(500) {
        commit(&channel, creates(batch.iter().map(|number| appeal(&format!("a{number}"), 2024)))).await;
    }
    let endpoint = Endpoint::from_shared(format!("http://{}", data.address().await)).unwrap();
    let mut channels = Vec::new();
    for _ in 0..CONNECTIONS {
        channels.push(endpoint.connect().await.unwrap());
    }
    let told = Arc::new(Told::default());
    closed_loop(&channels, &told, PEAK / 3).await;
    let peak = closed_loop(&channels, &told, PEAK).await;
    let (mut watched, health) = (JoinSet::new(), Arc::default());
    watched.spawn(ask_health(endpoint.connect().await.unwrap(), Arc::clone(&health)));
    watched.spawn(follow(endpoint.connect().await.unwrap()));
    let goodput = tokio::select! {
        goodput = open_loop(&channels, &told, peak * times, time) => goodput,
        ended = watched.join_next() => panic!("health or the feed is not served: {ended:?}"),
    };
    let unanswered = told.unanswered.load(Relaxed);
    tokio::time::sleep(RECOVERY).await;
    let after = closed_loop(&channels, &told, PEAK).await;
    let outcome = Outcome { peak, goodput, after };
    let asked = health.load(Relaxed);
    eprintln!(
        "{outcome:.0?}, ratio {:.2}, health {asked} times, {unanswered} open at the end",
        goodput / peak
    );
    assert!(goodput >= GOODPUT_MIN * peak, "it collapses: {outcome:?}");
    assert!(after >= GOODPUT_MIN * peak, "it does not recover: {outcome:?}");
    watched.shutdown().await;
    data.stop().await;
    outcome
}

impl Told {
    /// One call of ten is a write.
    fn next(&self) -> Call {
        let number = self.next.fetch_add(1, Relaxed);
        if number.is_multiple_of(10) {
            let create = create(appeal(&format!("b{number}"), 2023));
            return Call::new("/reform.data.v1.RecordService/CreateRecord", create.encode_to_vec());
        }
        let filter = r#"kind = "appeal""#.to_owned();
        let list = v1::ListRecordsRequest { filter, ..v1::ListRecordsRequest::default() };
        Call::new("/reform.data.v1.RecordService/ListRecords", list.encode_to_vec())
    }

    async fn send(&self, channel: &Channel) {
        self.sent.fetch_add(1, Relaxed);
        self.unanswered.fetch_add(1, Relaxed);
        let sent = self.next().within(DEADLINE).send(channel).await;
        self.unanswered.fetch_sub(1, Relaxed);
        let counter = match sent {
            Ok(_) => &self.answered,
            Err(status) => match reason(&status).as_deref() {
                Some(told) if told == Reason::Overloaded.as_str() => &self.refused,
                Some(told) if told == Reason::Deadline.as_str() => &self.late,
                // The client's own timer.
                None if matches!(status.code(), tonic::Code::Cancelled | tonic::Code::DeadlineExceeded) => {
                    &self.late
                }
                Some(_) | None => panic!("{status:?}"),
            },
        };
        counter.fetch_add(1, Relaxed);
    }
}

/// Each caller sends its next call when the last one was answered: answers per second.
async fn closed_loop(channels: &[Channel], told: &Arc<Told>, time: Duration) -> f64 {
    let before = told.answered.load(Relaxed);
    let end = Instant::now() + time;
    let mut callers = JoinSet::new();
    for number in 0..CALLERS {
        let (channel, told) = (channels[number % channels.len()].clone(), told.clone());
        callers.spawn(async move {
            while Instant::now() < end {
                told.send(&channel).await;
            }
        });
    }
    while let Some(ended) = callers.join_next().await {
        ended.unwrap();
    }
    (told.answered.load(Relaxed) - before) as f64 / time.as_secs_f64()
}

/// So many calls a second: answers per second.
async fn open_loop(channels: &[Channel], told: &Arc<Told>, rate: f64, time: Duration) -> f64 {
    let count = |counter: &AtomicU64| counter.load(Relaxed);
    let before = [&told.answered, &told.refused, &told.late, &told.sent].map(count);
    let (began, mut ticks, mut due) = (Instant::now(), interval(TICK), 0);
    while began.elapsed() < time {
        ticks.tick().await;
        let now = (began.elapsed().as_secs_f64() * rate) as u64;
        for number in due..now {
            if count(&told.unanswered) < UNANSWERED_MAX {
                let (channel, told) = (channels[number as usize % channels.len()].clone(), told.clone());
                tokio::spawn(async move { told.send(&channel).await });
            }
        }
        due = now;
    }
    let after = [&told.answered, &told.refused, &told.late, &told.sent].map(count);
    let [answered, refused, late, sent] = std::array::from_fn(|index| after[index] - before[index]);
    eprintln!("{due} calls came, {sent} were sent, {answered} answered, {refused} refused, {late} late");
    answered as f64 / time.as_secs_f64()
}

/// Health is told all the time.
async fn ask_health(channel: Channel, asked: Arc<AtomicU64>) {
    let mut client = HealthClient::new(channel);
    loop {
        let answer = tokio::time::timeout(SERVED_WITHIN, client.check(HealthCheckRequest::default())).await;
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
