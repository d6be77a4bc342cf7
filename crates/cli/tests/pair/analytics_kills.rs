//! An analytics service that is killed again and again while its data service takes writes.

use reform_trials::chance::{Chance, moment};
use reform_trials::feed::{self, Replay};
use reform_trials::records::{JURISDICTION, appeal, base, call, commit, create, creates, record, status};

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures::StreamExt;
use rand::Rng;
use rand::rngs::StdRng;
use reform_api::analytics::v1 as analytics;
use reform_api::analytics::v1::indicator_service_client::IndicatorServiceClient;
use reform_api::data::v1;
use reform_api::data::v1::import_records_request::Message as Import;
use reform_api::data::v1::record_service_client::RecordServiceClient;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use crate::kills;
use crate::process::{Process, analytics_service, data_service, soon};
use crate::records::{appeals_per_year, ask, counts};

const WRITERS: u64 = 2;
/// Every so many kills one falls into the start.
const EVERY: usize = 5;
/// Questions that are answered before a kill, at most.
const QUESTIONS_MAX: usize = 6;
/// A kill comes within this time after the last of them.
const MOMENT_MAX: Duration = Duration::from_millis(50);

/// Creates, moves and deletes appeals; tells the newest revision that it was told.
async fn write(
    data: Channel,
    number: u64,
    mut random: StdRng,
    told: watch::Sender<(usize, i64)>,
    stop: CancellationToken,
) {
    let mut client = RecordServiceClient::new(data);
    let mut own: Vec<v1::Record> = Vec::new();
    for made in 0.. {
        if stop.is_cancelled() {
            return;
        }
        let name = format!("appeal-{number}-{made}");
        let revision = match random.random_range(0..10) {
            action @ 5.. if !own.is_empty() => {
                let v1::Record { name, .. } = own.swap_remove(random.random_range(0..own.len()));
                if action < 8 {
                    let record = appeal(name.trim_start_matches("records/"), random.random_range(2021..2025));
                    let record = Some(record);
                    let request = v1::UpdateRecordRequest { record, ..v1::UpdateRecordRequest::default() };
                    let record = client.update_record(call(request)).await.unwrap().into_inner();
                    own.push(record);
                    own[own.len() - 1].revision
                } else {
                    let request = v1::DeleteRecordRequest { name, ..v1::DeleteRecordRequest::default() };
                    client.delete_record(call(request)).await.unwrap().into_inner().revision
                }
            }
            4 => {
                let records = (0..3).map(|place| appeal(&format!("{name}-{place}"), 2024));
                let answer = client.commit_records(call(creates(records))).await.unwrap().into_inner();
                own.extend(answer.records);
                answer.revision
            }
            _ => {
                let record = client.create_record(call(create(appeal(&name, 2023)))).await;
                own.push(record.unwrap().into_inner());
                own[own.len() - 1].revision
            }
        };
        told.send_modify(|(count, newest)| (*count, *newest) = (*count + 1, revision.max(*newest)));
    }
}

/// Stores the shipped records, each file as one batch.
async fn import_dataset(data: &Channel) {
    let options = Import::Options(v1::ImportOptions::default());
    let batches = reform_dataset::FILES.iter().map(|(_, text)| {
        let records = text.lines().filter(|line| !line.trim().is_empty()).map(record).collect();
        Import::Batch(v1::ImportBatch { records, request_id: String::new() })
    });
    let messages: Vec<_> = std::iter::once(options).chain(batches).collect();
    let messages = messages.into_iter().map(|message| v1::ImportRecordsRequest { message: Some(message) });
    let mut client = RecordServiceClient::new(data.clone());
    let answers = client.import_records(futures::stream::iter(messages)).await.unwrap().into_inner();
    let answers = soon("the import", answers.collect::<Vec<_>>()).await;
    assert_eq!(answers.into_iter().filter(Result::is_ok).count(), reform_dataset::FILES.len());
}

/// Counts by year at every revision, as the feed tells them.
async fn expected(data: &Channel) -> Vec<BTreeMap<i32, i64>> {
    let (store_id, head) = status(data).await;
    let mut replay = Replay::default();
    let mut counts: BTreeMap<i32, i64> = BTreeMap::new();
    let mut all = vec![counts.clone()];
    for commit in feed::read(data, &store_id, head).await {
        for change in &commit.changes {
            let before = replay.records.get(&change.name).and_then(year);
            let after = change.record.as_ref().and_then(year);
            before.into_iter().for_each(|year| *counts.entry(year).or_default() -= 1);
            after.into_iter().for_each(|year| *counts.entry(year).or_default() += 1);
        }
        counts.retain(|_, count| *count != 0);
        replay.apply(&commit);
        all.push(counts.clone());
    }
    all
}

/// The year in which a live appeal of ours was filed.
fn year(record: &v1::Record) -> Option<i32> {
    let Some(v1::record::Body::Appeal(appeal)) = &record.body else { return None };
    let ours = record.jurisdiction == JURISDICTION && record.delete_time.is_none();
    ours.then(|| appeal.filed_on.as_ref().unwrap().year())
}

/// Every indicator's answer at the head, as bytes; a refusal as its text.
async fn answers(analytics: &Channel, head: i64) -> BTreeMap<String, Result<Vec<u8>, String>> {
    let mut client = IndicatorServiceClient::new(analytics.clone());
    let listed = client.list_indicators(call(analytics::ListIndicatorsRequest::default())).await;
    let mut answers = BTreeMap::new();
    for indicator in listed.unwrap().into_inner().indicators {
        let query = analytics::QueryIndicatorRequest {
            indicator: indicator.name.clone(),
            min_revision: head,
            ..analytics::QueryIndicatorRequest::default()
        };
        let answer = ask(analytics, query).await;
        let answer = answer.map(|answer| prost::Message::encode_to_vec(&answer));
        answers.insert(indicator.name, answer.map_err(|status| status.message().to_owned()));
    }
    answers
}

/// An analytics service through all its starts, and what it answered.
struct Killed {
    data: SocketAddr,
    random: StdRng,
    /// How long the last start took.
    starting: Duration,
    killed_in_start: usize,
    /// Revision and counts.
    answered: Vec<(i64, BTreeMap<i32, i64>)>,
}

impl Killed {
    async fn start(&mut self) -> (Process, Channel) {
        let started = Instant::now();
        let process = analytics_service(self.data);
        let channel = process.until_serving().await;
        self.starting = started.elapsed();
        (process, channel)
    }

    async fn kill_in_start(&mut self) {
        let delay = moment(&mut self.random, self.starting);
        analytics_service(self.data).kill_after(delay).await;
        self.killed_in_start += 1;
    }

    /// Asks, each time at the newest revision that a writer was told, and kills it.
    async fn ask_and_kill(&mut self, told: &mut watch::Receiver<(usize, i64)>) {
        let (process, channel) = self.start().await;
        for _ in 0..self.random.random_range(1..=QUESTIONS_MAX) {
            soon("a write is acknowledged", told.changed()).await.unwrap();
            let (_, wanted) = *told.borrow_and_update();
            let answer = ask(&channel, appeals_per_year(wanted)).await.unwrap();
            assert!(answer.revision >= wanted, "revision {} for {wanted}", answer.revision);
            self.answered.push((answer.revision, counts(&answer)));
        }
        process.kill_after(moment(&mut self.random, MOMENT_MAX)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_analytics_service_counts_every_acknowledged_write() {
    let chance = Chance::new("analytics kills");
    let (kills, began) = (kills(), Instant::now());
    let folder = tempfile::tempdir().unwrap();
    let data_process = data_service(folder.path()).start();
    let data = data_process.until_serving().await;
    import_dataset(&data).await;
    commit(&data, base()).await;
    let (sender, mut told) = watch::channel((0, 0));
    let stop = CancellationToken::new();
    let mut writers = JoinSet::new();
    for number in 0..WRITERS {
        let random = chance.part(1 + number);
        writers.spawn(write(data.clone(), number, random, sender.clone(), stop.clone()));
    }
    drop(sender);

    let mut killed = Killed {
        data: data_process.address().await,
        random: chance.part(0),
        starting: Duration::ZERO,
        killed_in_start: 0,
        answered: Vec::new(),
    };
    for kill in 1..=kills {
        if kill % EVERY == 0 {
            killed.kill_in_start().await;
        } else {
            killed.ask_and_kill(&mut told).await;
        }
    }
    let (process, survivor) = killed.start().await;
    stop.cancel();
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }

    let expected = expected(&data).await;
    for (revision, counts) in &killed.answered {
        assert_eq!(*counts, expected[usize::try_from(*revision).unwrap()], "at revision {revision}");
    }
    let (_, head) = status(&data).await;
    let (fresh_process, fresh) = killed.start().await;
    let (old, new) = (answers(&survivor, head).await, answers(&fresh, head).await);
    assert_eq!(old, new);
    assert!(old.values().filter(|answer| answer.is_ok()).count() >= 5, "{old:?}");
    let (acknowledged, _) = *told.borrow();
    eprintln!(
        "analytics kills: {kills}, {} of them in the start; {acknowledged} writes acknowledged; {} answers exact; \
         {} of {} indicators equal byte for byte; {:.1} s",
        killed.killed_in_start,
        killed.answered.len(),
        old.values().filter(|answer| answer.is_ok()).count(),
        old.len(),
        began.elapsed().as_secs_f64()
    );
    for process in [process, fresh_process, data_process] {
        process.stop().await;
    }
}
