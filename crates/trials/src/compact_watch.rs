//! Random pairs of a compaction and a watch: a watcher gets every revision after its own, or is told that they are gone.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rand::Rng;
use rand::rngs::StdRng;
use reform_api::data::v1;
use reform_api::data::v1::change_service_client::ChangeServiceClient;
use reform_api::data::v1::record_service_client::RecordServiceClient;
use reform_api::error::{Reason, reason};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tonic::{Status, Streaming};
use tonic_types::StatusExt;

use crate::chance::{Chance, moment};
use crate::maintenance::{compact, state};
use crate::process::soon;
use crate::records::{appeal, base, call, commit, create};
use crate::server::Server;

/// Pairs at a time.
const AT_ONCE: u64 = 8;
/// Records that are written again and again.
const NAMES: usize = 10;
/// Revisions before the first pair; two pairs wait for one more.
const REVISIONS_MIN: usize = 30;
/// Messages that a watcher reads, at most, and that it reads before it begins a new stream.
const MESSAGES_MAX: usize = 60;
const STREAM_MESSAGES_MAX: usize = 20;
/// A pair begins its two calls within this time.
const MOMENT_MAX: Duration = Duration::from_millis(4);
/// Progress is told after so many pairs.
const TOLD_EVERY: usize = 1_000;

/// What was written: the name of each revision, from 1 on. The first commit made what all refer to.
type Written = Vec<String>;

/// What all pairs know.
#[derive(Debug)]
struct Trial {
    channel: Channel,
    store_id: String,
    written: watch::Receiver<Written>,
    /// The greatest revision that was to be compacted, and the greatest from which on history was said to begin.
    asked: AtomicI64,
    compacted: AtomicI64,
    pairs: AtomicUsize,
    told: Told,
}

/// How the watches ended.
#[derive(Debug, Default)]
struct Told {
    messages: AtomicUsize,
    streams: AtomicUsize,
    compacted: AtomicUsize,
    compacted_later: AtomicUsize,
    ahead: AtomicUsize,
}

/// Runs so many pairs over one store, while it is written.
///
/// # Panics
/// When a watcher misses a revision and is not told.
pub async fn run(trials: &Path, pairs: usize) {
    let (chance, began) = (Chance::new("compact and watch"), Instant::now());
    let mut server = Server::new(trials);
    let channel = server.start().await;
    assert_eq!(commit(&channel, base()).await, 1);
    let (written, receiver) = watch::channel(vec![String::new()]);
    let stop = CancellationToken::new();
    let writer = tokio::spawn(write(channel.clone(), written, stop.clone(), chance.part(1)));
    let trial = Arc::new(Trial {
        store_id: state(&channel).await.expect("a state").store_id,
        channel,
        written: receiver,
        asked: AtomicI64::new(0),
        compacted: AtomicI64::new(0),
        pairs: AtomicUsize::new(0),
        told: Told::default(),
    });
    let mut workers = JoinSet::new();
    for number in 0..AT_ONCE {
        let (trial, mut random) = (trial.clone(), chance.part(10 + number));
        workers.spawn(async move {
            while trial.next(pairs) {
                trial.pair(&mut random).await;
            }
        });
    }
    while let Some(ended) = workers.join_next().await {
        ended.expect("no watcher misses a revision");
    }
    stop.cancel();
    let written = writer.await.expect("the writer does not panic");
    let Told { messages, streams, compacted, compacted_later, ahead } = &trial.told;
    let count = |counter: &AtomicUsize| counter.load(Ordering::SeqCst);
    eprintln!(
        "compact and watch: {pairs} pairs, no silent gap; {written} revisions, {} compacted; {} streams with {} messages, \
         {} refused as compacted, {} ended as compacted, {} ahead; {:.1} s",
        trial.compacted.load(Ordering::SeqCst),
        count(streams),
        count(messages),
        count(compacted),
        count(compacted_later),
        count(ahead),
        began.elapsed().as_secs_f64()
    );
    server.stop().await;
}

/// Writes one record after the other, each as a revision of its own; how many revisions there are.
async fn write(
    channel: Channel,
    written: watch::Sender<Written>,
    stop: CancellationToken,
    mut random: StdRng,
) -> usize {
    let mut client = RecordServiceClient::new(channel);
    let mut made = 0;
    while !stop.is_cancelled() {
        let number = random.random_range(0..NAMES).min(made);
        let record = appeal(&format!("n{number}"), random.random_range(2020..2025));
        let name = record.name.clone();
        let answer = if number == made {
            made += 1;
            client.create_record(call(create(record))).await
        } else {
            let record = Some(record);
            client.update_record(call(v1::UpdateRecordRequest { record, ..Default::default() })).await
        };
        let revision = answer.expect("nothing keeps a write from the store").into_inner().revision;
        written.send_modify(|written| {
            written.push(name);
            assert_eq!(usize::try_from(revision), Ok(written.len()), "a revision was skipped");
        });
    }
    written.borrow().len()
}

impl Trial {
    /// Whether there is one more pair to run.
    fn next(&self, pairs: usize) -> bool {
        let before = self.pairs.fetch_add(1, Ordering::SeqCst);
        if before % TOLD_EVERY == TOLD_EVERY - 1 {
            eprintln!("compact and watch: {before} of {pairs} pairs, head {}", self.head());
        }
        before < pairs
    }

    /// The newest revision that was acknowledged.
    fn head(&self) -> i64 {
        i64::try_from(self.written.borrow().len()).expect("not that many")
    }

    async fn pair(&self, random: &mut StdRng) {
        let enough = REVISIONS_MIN + self.pairs.load(Ordering::SeqCst) / 2;
        let mut written = self.written.clone();
        drop(
            soon("revisions", written.wait_for(|written| written.len() >= enough))
                .await
                .expect("the writer runs"),
        );
        let (head, oldest) = (self.head(), self.compacted.load(Ordering::SeqCst));
        // Mostly small steps, so that there is something left to watch.
        let revision = match random.random_range(0..100) {
            0..5 => random.random_range(0..=oldest),
            5 => head,
            6..50 => oldest + random.random_range(0..=(head - oldest) / 20),
            _ => oldest,
        };
        let after = match random.random_range(0..8) {
            0 => random.random_range(0..=oldest),
            1 => random.random_range(head - 2..=head + 40),
            2 => revision,
            3 => (revision - 1).max(0),
            _ => random.random_range(oldest..=head),
        };
        let name = random.random_ratio(1, 2).then(|| format!("records/n{}", random.random_range(0..NAMES)));
        let stream_messages = random.random_range(1..=STREAM_MESSAGES_MAX);
        let watcher = Watcher { trial: self, after, name, stream_messages };
        let (first, second) = (moment(random, MOMENT_MAX), moment(random, MOMENT_MAX));
        let compaction = async {
            tokio::time::sleep(first).await;
            self.compact(revision).await;
        };
        let watching = async {
            tokio::time::sleep(second).await;
            watcher.watch().await;
        };
        tokio::join!(compaction, watching);
    }

    async fn compact(&self, revision: i64) {
        self.asked.fetch_max(revision, Ordering::SeqCst);
        soon("a compaction", compact(&self.channel, revision)).await.expect("history is dropped");
        self.compacted.fetch_max(revision, Ordering::SeqCst);
        if revision > 0 {
            let point = Some(v1::as_of::Point::Revision(revision - 1));
            let as_of = Some(v1::AsOf { point, ..v1::AsOf::default() });
            let request = v1::GetRecordRequest { name: "records/court".to_owned(), as_of };
            let read = RecordServiceClient::new(self.channel.clone()).get_record(call(request)).await;
            let refused = read.expect_err("what is older than the oldest revision is not read");
            self.assert_compacted(&refused, revision - 1);
        }
    }

    /// Whether a refusal says that what follows a revision is gone, and is right. An error of another kind is none.
    fn assert_compacted(&self, status: &Status, after: i64) {
        assert_eq!(reason(status).as_deref(), Some(Reason::Compacted.as_str()), "{status:?}");
        let info = status.get_details_error_info().expect("a reason has metadata");
        let oldest: i64 = info.metadata["oldest_revision"].parse().expect("a revision");
        let asked = self.asked.load(Ordering::SeqCst);
        assert!(after < oldest, "revision {after} is not older than {oldest}");
        assert!(oldest <= asked, "{oldest} is the oldest revision, and {asked} was asked for");
    }
}

/// Watches from a revision on, perhaps one name only, over several streams.
struct Watcher<'a> {
    trial: &'a Trial,
    /// Everything up to here has come.
    after: i64,
    name: Option<String>,
    /// Messages that are read from one stream.
    stream_messages: usize,
}

impl Watcher<'_> {
    async fn watch(mut self) {
        let mut messages = 0;
        let mut streams = 0;
        while messages < MESSAGES_MAX {
            let compacted = self.trial.compacted.load(Ordering::SeqCst);
            let head = self.trial.head();
            let mut stream = match self.open().await {
                Ok(stream) => stream,
                Err(status) if reason(&status).as_deref() == Some(Reason::RevisionAhead.as_str()) => {
                    assert!(streams == 0 && self.after > head, "{} is not after {head}", self.after);
                    self.trial.told.ahead.fetch_add(1, Ordering::SeqCst);
                    return;
                }
                Err(status) => {
                    self.trial.assert_compacted(&status, self.after);
                    self.trial.told.compacted.fetch_add(1, Ordering::SeqCst);
                    return;
                }
            };
            assert!(self.after >= compacted, "a stream after {} began at {compacted}", self.after);
            streams += 1;
            self.trial.told.streams.fetch_add(1, Ordering::SeqCst);
            for _ in 0..self.stream_messages {
                match soon("a message", stream.message()).await {
                    Ok(message) => self.take(message.expect("a watch ends with a status")).await,
                    Err(status) => {
                        self.trial.assert_compacted(&status, self.after);
                        self.trial.told.compacted_later.fetch_add(1, Ordering::SeqCst);
                        return;
                    }
                }
                messages += 1;
                self.trial.told.messages.fetch_add(1, Ordering::SeqCst);
                if self.after >= head {
                    // What follows is written while it is watched; others do that at greater length.
                    return;
                }
            }
        }
    }

    async fn open(&self) -> Result<Streaming<v1::WatchChangesResponse>, Status> {
        let request = v1::WatchChangesRequest {
            after_revision: self.after,
            store_id: self.trial.store_id.clone(),
            filter: self.name.as_ref().map_or(String::new(), |name| format!("name = \"{name}\"")),
        };
        let mut client = ChangeServiceClient::new(self.trial.channel.clone());
        soon("a stream", client.watch_changes(request)).await.map(tonic::Response::into_inner)
    }

    /// Takes a message: nothing that matches lies between the last one and it.
    async fn take(&mut self, message: v1::WatchChangesResponse) {
        let v1::WatchChangesResponse { revision, changes, commit_complete, .. } = message;
        let mut written = self.trial.written.clone();
        let written =
            written.wait_for(|written| i64::try_from(written.len()).is_ok_and(|head| head >= revision));
        let written = soon("an acknowledgement", written).await.expect("the writer runs");
        let name_at = |revision: i64| &written[usize::try_from(revision - 1).expect("revisions begin at 1")];
        let matches = |revision: &i64| self.name.as_ref().is_none_or(|name| name_at(*revision) == name);
        assert!(revision >= self.after, "revision {revision} came after {}", self.after);
        assert!(commit_complete, "every commit here fits into a message");
        let missing = (self.after + 1..revision).find(matches);
        assert_eq!(missing, None, "a revision between {} and {revision} did not come", self.after);
        if changes.is_empty() {
            let is_missing = revision > self.after && matches(&revision);
            assert!(!is_missing, "revision {revision} did not come, and progress says so");
        } else {
            assert!(revision > self.after && matches(&revision), "revision {revision} was not asked for");
            let whole = |change: &v1::Change| revision == 1 || change.name == *name_at(revision);
            assert!(changes.iter().all(|change| whole(change) && change.record.is_some()), "{changes:?}");
        }
        self.after = revision;
    }
}
