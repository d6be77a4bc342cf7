//! Writes, each followed by a question at its revision, while the analytics service is killed again and again: whoever
//! wrote always sees it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use reform_api::analytics::v1 as indicators;
use reform_api::analytics::v1::indicator_service_client::IndicatorServiceClient;
use reform_api::data::v1;
use reform_api::data::v1::record_service_client::RecordServiceClient;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tonic::Code;
use tonic::transport::{Channel, Endpoint};

use crate::disk::Disk;
use crate::process::{Port, Program, soon};
use crate::records::{appeal, base, call, commit, create};

const CALLERS: usize = 8;
/// How long the analytics service runs before an answer counts as one of a service that is caught up.
const SETTLED: Duration = Duration::from_secs(1);
/// How long a caller waits before it asks a service again that is away.
const ASK_AGAIN: Duration = Duration::from_millis(20);

/// Runs the trial, with a kill every so often.
///
/// # Panics
/// When an answer lacks a write that came before it.
pub async fn run(trials: &Path, writes: usize, kill_every: Duration) {
    let began = Instant::now();
    let disk = Disk::new();
    let data = Program::data(trials, &disk.folder()).start();
    let channel = data.until_serving().await;
    commit(&channel, base()).await;
    let state = tempfile::tempdir().unwrap();
    let program = Program::analytics(trials, data.address().await, state.path());
    let port = Port::reserve();
    let mut analytics = program.start_on(&port);
    analytics.until_serving().await;
    let (up, since) = watch::channel(Instant::now());
    let latencies = Arc::new(Mutex::new(Vec::new()));
    let mut callers = JoinSet::new();
    for number in 0..CALLERS {
        let endpoint = Endpoint::from_shared(format!("http://{}", port.address())).unwrap();
        let caller = Caller {
            name: format!("caller-{number}"),
            data: channel.clone(),
            analytics: endpoint.connect_lazy(),
            up: since.clone(),
            latencies: Arc::clone(&latencies),
        };
        callers.spawn(caller.write(writes / CALLERS));
    }
    let (mut kills, mut again) = (0, 0);
    while !callers.is_empty() {
        tokio::select! {
            Some(ended) = callers.join_next() => again += ended.expect("a caller sees all that it wrote"),
            () = tokio::time::sleep(kill_every) => {
                analytics.kill_now().await;
                kills += 1;
                analytics = program.start_on(&port);
                analytics.until_serving().await;
                up.send_replace(Instant::now());
                eprintln!("own writes: {} answers, {kills} kills", latencies.lock().len());
            }
        }
    }
    let mut latencies = std::mem::take(&mut *latencies.lock());
    latencies.sort_unstable();
    let quantile = |part: usize| latencies.get(latencies.len() * part / 100).copied().unwrap_or_default();
    eprintln!(
        "own writes: {} writes, each seen at its revision; {kills} kills, {again} questions asked again; of {} answers of a \
         service that is caught up half within {:.1?}, 99 % within {:.1?}; {:.1} s",
        writes / CALLERS * CALLERS,
        latencies.len(),
        quantile(50),
        quantile(99),
        began.elapsed().as_secs_f64()
    );
    analytics.stop().await;
    data.stop().await;
}

struct Caller {
    /// The channel of its appeals, which nobody else uses.
    name: String,
    data: Channel,
    analytics: Channel,
    /// Since when the analytics service serves.
    up: watch::Receiver<Instant>,
    latencies: Arc<Mutex<Vec<Duration>>>,
}

impl Caller {
    /// Writes and asks; how often it had to ask again.
    async fn write(self, writes: usize) -> usize {
        let mut client = RecordServiceClient::new(self.data.clone());
        let mut again = 0;
        for written in 1..=writes {
            let mut record = appeal(&format!("{}-{written}", self.name), 2020);
            if let Some(v1::record::Body::Appeal(appeal)) = &mut record.body {
                appeal.channel.clone_from(&self.name);
            }
            let created = client.create_record(call(create(record))).await.unwrap().into_inner();
            again += soon("an answer", self.ask(created.revision, written)).await;
        }
        again
    }

    /// Asks how many appeals it filed, as of their last revision at least, until there is an answer.
    async fn ask(&self, revision: i64, filed: usize) -> usize {
        let mut client = IndicatorServiceClient::new(self.analytics.clone());
        let query = indicators::QueryIndicatorRequest {
            indicator: "indicators/appeals-per-year".to_owned(),
            filter: format!("channel = \"{}\"", self.name),
            origin: indicators::Origin::Counted.into(),
            min_revision: revision,
            ..indicators::QueryIndicatorRequest::default()
        };
        let mut again = 0;
        loop {
            let (since, begun) = (*self.up.borrow(), Instant::now());
            match client.query_indicator(call(query.clone())).await {
                Ok(answer) => {
                    let answer = answer.into_inner();
                    assert!(
                        answer.revision >= revision,
                        "asked for {revision}, answered {}",
                        answer.revision
                    );
                    let counted: i64 =
                        answer.series.iter().flat_map(|series| &series.points).map(|p| p.records).sum();
                    assert_eq!(usize::try_from(counted), Ok(filed), "{} at {revision}", self.name);
                    if begun.duration_since(since) > SETTLED && again == 0 && since == *self.up.borrow() {
                        self.latencies.lock().push(begun.elapsed());
                    }
                    return again;
                }
                // Killed, starting, or behind.
                Err(status)
                    if matches!(status.code(), Code::Unavailable | Code::Unknown | Code::Cancelled) =>
                {
                    again += 1;
                    tokio::time::sleep(ASK_AGAIN).await;
                }
                Err(status) => panic!("{}: {status:?}", self.name),
            }
        }
    }
}
