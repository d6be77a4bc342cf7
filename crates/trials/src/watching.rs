//! Eight watchers with filters, which begin new streams at any time, while history is compacted every 200 ms and the
//! service is killed; then each promise of the feed is checked over all that they saw.
//!
//! In reading order: [`recording`], what was written and seen; [`writers`]; [`validators`], one for each promise.

pub mod recording;
pub mod validators;
pub mod writers;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rand::Rng;
use rand::rngs::StdRng;
use reform_api::data::v1;
use reform_api::data::v1::change_service_client::ChangeServiceClient;
use reform_api::error::{Reason, reason};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::transport::Channel;
use tonic_types::StatusExt;

use self::recording::{Change, Filter, Recording, Truth, What};
use self::validators::VALIDATORS;
use self::writers::Writer;
use crate::chance::{Chance, moment};
use crate::load::is_unknown;
use crate::maintenance::{compact, state};
use crate::process::soon;
use crate::records::{base, commit};
use crate::server::Server;

const WRITERS: u64 = 4;
/// How often history is compacted, and how many revisions are kept, at most.
const COMPACTION_INTERVAL: Duration = Duration::from_millis(200);
const KEPT_MAX: i64 = 40;
/// Messages that a watcher reads before it begins a new stream.
const STREAM_MESSAGES_MAX: usize = 200;
/// One message of so many keeps its watcher busy, for up to so long.
const BUSY_EVERY: u32 = 20;
const BUSY_MAX: Duration = Duration::from_millis(30);
/// A kill comes within this time after the event that it waits for.
const MOMENT_MAX: Duration = Duration::from_millis(20);
/// How long all are watched after the last write: longer than the feed may be silent.
const QUIET: Duration = Duration::from_secs(6);
/// How often progress is told.
const TOLD_EVERY: Duration = Duration::from_secs(5);

/// What the watchers ask for, and what it should mean.
const FILTERS: [Filter; 8] = [
    Filter { text: "", matches: |_| true },
    Filter { text: "kind = \"appeal\"", matches: |change| change.kind == "appeal" },
    Filter { text: "jurisdiction = \"XA\"", matches: |change| change.jurisdiction == "XA" },
    Filter {
        text: "kind = \"institution\" AND jurisdiction = \"XB\"",
        matches: |change| change.kind == "institution" && change.jurisdiction == "XB",
    },
    Filter { text: "name = \"records/e1*\"", matches: |change| change.name.starts_with("records/e1") },
    Filter { text: "NOT kind = \"appeal\"", matches: |change| change.kind != "appeal" },
    Filter {
        text: "kind = \"appeal\" OR jurisdiction = \"XC\"",
        matches: |change| change.kind == "appeal" || change.jurisdiction == "XC",
    },
    Filter { text: "name = \"records/e2-7\"", matches: |change| change.name == "records/e2-7" },
];

/// What all watchers know and tell.
#[derive(Debug)]
struct Shared {
    channel: Channel,
    store_id: String,
    began: Instant,
    up: watch::Receiver<bool>,
    stop: CancellationToken,
    /// Changes that came to any of them.
    events: watch::Sender<usize>,
    /// Up to where each of them has everything.
    positions: watch::Sender<[i64; FILTERS.len()]>,
}

/// Watches until so many changes came, with so many kills between them.
///
/// # Panics
/// When the feed is not as promised.
pub async fn run(trials: &Path, events: usize, kills: usize) {
    let (chance, began) = (Chance::new("watch"), Instant::now());
    let mut random = chance.part(0);
    let mut server = Server::new(trials);
    let channel = server.start().await;
    let truth = Arc::new(Mutex::new(Truth::default()));
    begin(&channel, &truth).await;
    let (up, gate) = watch::channel(true);
    let (wrote, stop) = (CancellationToken::new(), CancellationToken::new());
    let shared = Arc::new(Shared {
        store_id: state(&channel).await.expect("a state").store_id,
        channel: channel.clone(),
        began,
        up: gate.clone(),
        stop: stop.clone(),
        events: watch::channel(0).0,
        positions: watch::channel([0; FILTERS.len()]).0,
    });
    let mut watchers = JoinSet::new();
    for (number, filter) in FILTERS.into_iter().enumerate() {
        let random = chance.part(100 + u64::try_from(number).expect("few"));
        let recording = Recording { filter, events: Vec::new() };
        watchers.spawn(Watcher { shared: shared.clone(), number, after: 0, recording, random }.watch());
    }
    let mut writers = JoinSet::new();
    for number in 0..WRITERS {
        let (channel, up, truth) = (channel.clone(), gate.clone(), truth.clone());
        let (stop, random) = (wrote.clone(), chance.part(10 + number));
        writers.spawn(Writer { number, channel, up, truth, stop, random }.write());
    }
    let compactor = tokio::spawn(keep_compacting(shared.clone(), truth.clone(), chance.part(1)));
    for kill in 1..=kills {
        shared.until(kill * events / (kills + 1), events).await;
        server.kill_after(moment(&mut random, MOMENT_MAX)).await;
        up.send_replace(false);
        let channel = server.start().await;
        let head = state(&channel).await.expect("a state").head_revision;
        let seen = shared.positions.borrow().iter().copied().max().unwrap_or_default();
        assert!(head >= seen, "revision {seen} was sent and is lost: the head is {head}");
        up.send_replace(true);
    }
    shared.until(events, events).await;
    wrote.cancel();
    while let Some(ended) = writers.join_next().await {
        ended.expect("a writer does not panic");
    }
    let truth_head = truth.lock().head();
    let mut positions = shared.positions.subscribe();
    let reached = positions.wait_for(|positions| positions.iter().all(|position| *position >= truth_head));
    drop(soon("the watchers reach the head", reached).await.expect("the sender is here"));
    tokio::time::sleep(QUIET).await;
    stop.cancel();
    let compactions = compactor.await.expect("the compactor does not panic");
    let recordings: Vec<Recording> = soon("the watchers end", watchers.join_all()).await;
    server.stop().await;
    check(&recordings, &truth.lock());
    let streams: usize = recordings.iter().map(|recording| recording.streams().count()).sum();
    eprintln!(
        "watch: {} changes seen by {} watchers over {streams} streams, all {} promises kept; {truth_head} revisions, \
         {compactions} compactions, {kills} kills; {:.1} s",
        recordings.iter().map(Recording::changes).sum::<usize>(),
        recordings.len(),
        VALIDATORS.len(),
        began.elapsed().as_secs_f64()
    );
}

/// Writes what all records refer to.
async fn begin(channel: &Channel, truth: &Mutex<Truth>) {
    let revision = commit(channel, base()).await;
    let mut stream = ChangeServiceClient::new(channel.clone())
        .watch_changes(v1::WatchChangesRequest::default())
        .await
        .expect("a stream")
        .into_inner();
    let first = stream.message().await.expect("a message").expect("a watch ends with a status");
    assert_eq!(first.revision, revision);
    truth.lock().note(revision, first.changes.iter().map(Change::from).collect());
}

/// Every promise over every recording.
fn check(recordings: &[Recording], truth: &Truth) {
    assert_eq!(truth.gap(), None, "a revision that nobody was told");
    for recording in recordings {
        for (promise, validator) in VALIDATORS {
            if let Err(problem) = validator(recording, truth) {
                panic!("the feed of {:?} is not {promise}: {problem}", recording.filter.text);
            }
        }
    }
}

/// Compacts history until all is over; how often.
async fn keep_compacting(shared: Arc<Shared>, truth: Arc<Mutex<Truth>>, mut random: StdRng) -> usize {
    let mut compactions = 0;
    let mut ticks = tokio::time::interval(COMPACTION_INTERVAL);
    let mut up = shared.up.clone();
    while !shared.stop.is_cancelled() {
        ticks.tick().await;
        soon("the service is up", up.wait_for(|up| *up)).await.expect("the trial goes on");
        let revision = truth.lock().head() - random.random_range(0..=KEPT_MAX);
        match soon("a compaction", compact(&shared.channel, revision.max(0))).await {
            Ok(()) => compactions += 1,
            Err(status) => assert!(is_unknown(&status), "{status:?}"),
        }
    }
    compactions
}

impl Shared {
    /// Waits for so many events.
    async fn until(&self, wanted: usize, all: usize) {
        let mut events = self.events.subscribe();
        loop {
            let reached = tokio::time::timeout(TOLD_EVERY, events.wait_for(|events| *events >= wanted));
            if reached.await.is_ok() {
                return;
            }
            eprintln!("watch: {} of {all} changes seen", *events.borrow());
        }
    }
}

struct Watcher {
    shared: Arc<Shared>,
    number: usize,
    /// Everything up to here has come.
    after: i64,
    recording: Recording,
    random: StdRng,
}

impl Watcher {
    async fn watch(mut self) -> Recording {
        let mut up = self.shared.up.clone();
        while !self.shared.stop.is_cancelled() {
            soon("the service is up", up.wait_for(|up| *up)).await.expect("the trial goes on");
            self.note(What::Opened(self.after));
            let ended = self.stream().await;
            self.note(What::Ended);
            match ended {
                Err(status) if reason(&status).as_deref() == Some(Reason::Compacted.as_str()) => {
                    let info = status.get_details_error_info().expect("a reason has metadata");
                    let oldest = info.metadata["oldest_revision"].parse().expect("a revision");
                    // A follower would read an export at this revision now.
                    self.note(What::Compacted(oldest));
                    self.after = oldest;
                }
                Err(status) => assert!(is_unknown(&status), "{status:?}"),
                Ok(()) => {}
            }
        }
        self.recording
    }

    fn note(&mut self, what: What) {
        self.recording.events.push((self.shared.began.elapsed(), what));
    }

    /// Reads one stream, until it has read enough or is told to stop.
    async fn stream(&mut self) -> Result<(), Status> {
        let request = v1::WatchChangesRequest {
            after_revision: self.after,
            store_id: self.shared.store_id.clone(),
            filter: self.recording.filter.text.to_owned(),
        };
        let mut client = ChangeServiceClient::new(self.shared.channel.clone());
        let mut stream = soon("a stream", client.watch_changes(request)).await?.into_inner();
        for _ in 0..self.random.random_range(1..=STREAM_MESSAGES_MAX) {
            let message = tokio::select! {
                message = soon("a message", stream.message()) => message?,
                () = self.shared.stop.cancelled() => return Ok(()),
            };
            let message = message.expect("a watch ends with a status");
            self.recording.note(self.shared.began.elapsed(), &message);
            if message.commit_complete {
                self.after = self.after.max(message.revision);
            }
            self.shared.events.send_modify(|events| *events += message.changes.len());
            self.shared.positions.send_modify(|positions| positions[self.number] = self.after);
            if self.random.random_ratio(1, BUSY_EVERY) {
                tokio::time::sleep(moment(&mut self.random, BUSY_MAX)).await;
            }
        }
        Ok(())
    }
}
