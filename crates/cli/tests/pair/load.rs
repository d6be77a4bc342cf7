//! Callers that outlive the service: they repeat what was not answered, with the same request id, until it is.

use std::collections::VecDeque;
use std::sync::Arc;

use futures::channel::mpsc;
use futures::{SinkExt, Stream};
use parking_lot::Mutex;
use prost_types::FieldMask;
use rand::Rng;
use rand::rngs::StdRng;
use reform_api::data::v1;
use reform_api::data::v1::import_records_request::Message as Import;
use reform_api::data::v1::record_service_client::RecordServiceClient;
use reform_api::error::{Reason, reason};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tonic::{Code, Response, Status};

use crate::chance::{Chance, request_id};
use crate::feed::{Commit, Reader};
use crate::ledger::{Acknowledged, BATCH_LABEL, IMPORT, Ledger};
use crate::process::soon;
use crate::records::{appeal, call, creates};

const WRITERS: u64 = 4;
/// Records of an import batch: enough for more than one chunk of the log.
const BATCH_RECORDS: usize = 60;
/// Batches of an import that are sent before the first of them is answered.
const BATCHES_SENT_MAX: usize = 3;

/// A start of the service that can be called.
#[derive(Debug, Clone)]
pub(crate) struct Up {
    number: u64,
    channel: Channel,
}

/// Tells callers when the service can be called again.
#[derive(Debug, Clone)]
pub(crate) struct Gate(watch::Receiver<Option<Up>>);

impl Gate {
    /// The first start after a number.
    async fn after(&mut self, number: u64) -> Up {
        let up = self.0.wait_for(|up| up.as_ref().is_some_and(|up| up.number > number)).await;
        up.expect("the load is stopped before its gate is dropped").clone().unwrap()
    }
}

/// Whether a failure says nothing about what became of the call. The transport's own failures carry no reason.
fn is_unknown(status: &Status) -> bool {
    match reason(status) {
        Some(reason) => reason == Reason::ShuttingDown.as_str(),
        None => matches!(status.code(), Code::Unavailable | Code::Unknown | Code::Cancelled | Code::Internal),
    }
}

/// All callers, until they are stopped.
pub(crate) struct Load {
    gate: watch::Sender<Option<Up>>,
    starts: u64,
    pub(crate) ledger: Arc<Mutex<Ledger>>,
    acknowledged: watch::Receiver<usize>,
    watched: watch::Receiver<Vec<Commit>>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Load {
    /// Starts the callers; they wait for the service.
    pub(crate) fn start(chance: Chance, store_id: &str, ledger: Ledger) -> Self {
        let (gate, up) = watch::channel(None);
        let (sender, acknowledged) = watch::channel(0);
        let caller = Caller {
            gate: Gate(up),
            up: None,
            ledger: Arc::new(Mutex::new(ledger)),
            acknowledged: sender,
            stop: CancellationToken::new(),
        };
        let (ledger, stop) = (caller.ledger.clone(), caller.stop.clone());
        let mut tasks = JoinSet::new();
        for number in 0..WRITERS {
            let writer = Writer { caller: caller.clone(), number, made: 0, own: Vec::new() };
            tasks.spawn(writer.write(chance.part(1 + number)));
        }
        tasks.spawn(import(caller.clone(), chance.part(100)));
        let (sender, watched) = watch::channel(Vec::new());
        tasks.spawn(follow(caller, Reader::new(store_id), sender));
        Self { gate, starts: 0, ledger, acknowledged, watched, stop, tasks }
    }

    /// The service can be called.
    pub(crate) fn up(&mut self, channel: Channel) {
        self.starts += 1;
        self.gate.send_replace(Some(Up { number: self.starts, channel }));
    }

    /// It cannot: nobody tries.
    pub(crate) fn down(&self) {
        self.gate.send_replace(None);
    }

    /// Waits for so many more acknowledgements; a caller that fails meanwhile fails the test.
    pub(crate) async fn acknowledgements(&mut self, more: usize) {
        let wanted = *self.acknowledged.borrow() + more;
        let mut acknowledged = self.acknowledged.clone();
        let reached = soon("acknowledgements", acknowledged.wait_for(|now| *now >= wanted));
        tokio::select! {
            ended = self.tasks.join_next() => panic!("a caller ended: {ended:?}"),
            reached = reached => drop(reached.expect("callers run")),
        }
    }

    /// Lets the callers finish what they began and the watcher see the last of it: all commits that it saw.
    pub(crate) async fn finish(mut self, channel: &Channel) -> (Ledger, Vec<Commit>) {
        self.stop.cancel();
        for _ in 0..=WRITERS {
            let ended = soon("a caller ends", self.tasks.join_next()).await;
            ended.unwrap().unwrap();
        }
        let (_, head) = crate::records::status(channel).await;
        let seen = self.watched.wait_for(|seen| seen.last().is_some_and(|last| last.revision >= head));
        let seen = soon("the watcher reaches the head", seen).await.expect("the watcher runs").clone();
        self.tasks.shutdown().await;
        let ledger = std::mem::take(&mut *self.ledger.lock());
        (ledger, seen)
    }
}

/// What every caller has.
#[derive(Clone)]
struct Caller {
    gate: Gate,
    up: Option<Up>,
    ledger: Arc<Mutex<Ledger>>,
    acknowledged: watch::Sender<usize>,
    stop: CancellationToken,
}

impl Caller {
    /// The service as it was last found, or as soon as it is there.
    async fn service(&mut self) -> Channel {
        let up = match self.up.take() {
            Some(up) => up,
            None => self.gate.after(0).await,
        };
        self.up.insert(up).channel.clone()
    }

    /// The connection is lost: waits for the next start.
    async fn lost(&mut self, status: &Status) {
        assert!(is_unknown(status), "{status:?}");
        let number = self.up.as_ref().map_or(0, |up| up.number);
        self.up = Some(self.gate.after(number).await);
    }

    /// Repeats a write until it is answered; one that gives up does so when the outcome is unknown.
    async fn answered<T, F>(
        &mut self,
        gives_up: bool,
        write: impl Fn(RecordServiceClient<Channel>) -> F,
    ) -> Option<T>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        loop {
            let client = RecordServiceClient::new(self.service().await);
            match soon("an answer", write(client)).await {
                Ok(answer) => return Some(answer.into_inner()),
                Err(status) => self.lost(&status).await,
            }
            if gives_up {
                return None;
            }
        }
    }

    fn acknowledge(&self, request_id: &str, revision: i64, records: Vec<v1::Record>) {
        let answer = Acknowledged { request_id: request_id.to_owned(), revision, records };
        self.ledger.lock().acknowledge(answer);
        self.acknowledged.send_modify(|count| *count += 1);
    }
}

/// Creates, commits, updates and deletes records of its own, one write after the other.
struct Writer {
    caller: Caller,
    number: u64,
    made: usize,
    /// Its live records, as it was told.
    own: Vec<v1::Record>,
}

impl Writer {
    async fn write(mut self, mut random: StdRng) {
        while !self.caller.stop.is_cancelled() {
            let id = request_id(&mut random);
            let gives_up = random.random_ratio(1, 10);
            match random.random_range(0..10) {
                0..4 => self.create(id, gives_up).await,
                4..6 => self.commit(id, gives_up).await,
                action => {
                    if self.own.is_empty() {
                        continue;
                    }
                    let record = self.own.swap_remove(random.random_range(0..self.own.len()));
                    if action == 9 {
                        self.delete(id, gives_up, record).await;
                    } else {
                        self.update(id, gives_up, record).await;
                    }
                }
            }
        }
    }

    fn next(&mut self) -> v1::Record {
        self.made += 1;
        appeal(&format!("appeal-{}-{}", self.number, self.made), 2023)
    }

    async fn create(&mut self, request_id: String, gives_up: bool) {
        let request = v1::CreateRecordRequest {
            record: Some(self.next()),
            request_id: request_id.clone(),
            reason: request_id.clone(),
            ..v1::CreateRecordRequest::default()
        };
        self.caller.ledger.lock().ask(&request_id, 1);
        let write = |mut client: RecordServiceClient<Channel>| {
            let request = call(request.clone());
            async move { client.create_record(request).await }
        };
        if let Some(record) = self.caller.answered(gives_up, write).await {
            self.caller.acknowledge(&request_id, record.revision, vec![record.clone()]);
            self.own.push(record);
        }
    }

    async fn commit(&mut self, request_id: String, gives_up: bool) {
        let records = [self.next(), self.next(), self.next()];
        let request = v1::CommitRecordsRequest {
            request_id: request_id.clone(),
            reason: request_id.clone(),
            ..creates(records)
        };
        self.caller.ledger.lock().ask(&request_id, 3);
        let write = |mut client: RecordServiceClient<Channel>| {
            let request = call(request.clone());
            async move { client.commit_records(request).await }
        };
        if let Some(answer) = self.caller.answered(gives_up, write).await {
            assert_eq!(answer.records.len(), 3);
            self.caller.acknowledge(&request_id, answer.revision, answer.records.clone());
            self.own.extend(answer.records);
        }
    }

    async fn update(&mut self, request_id: String, gives_up: bool, record: v1::Record) {
        let patch = v1::Record {
            name: record.name,
            title: format!("{} again", record.title),
            etag: record.etag,
            ..v1::Record::default()
        };
        let request = v1::UpdateRecordRequest {
            record: Some(patch),
            update_mask: Some(FieldMask { paths: vec!["title".to_owned()] }),
            request_id: request_id.clone(),
            reason: request_id.clone(),
            ..v1::UpdateRecordRequest::default()
        };
        self.caller.ledger.lock().ask(&request_id, 1);
        let write = |mut client: RecordServiceClient<Channel>| {
            let request = call(request.clone());
            async move { client.update_record(request).await }
        };
        if let Some(record) = self.caller.answered(gives_up, write).await {
            self.caller.acknowledge(&request_id, record.revision, vec![record.clone()]);
            // The title must not grow beyond what a title may be.
            if record.title.len() < 200 {
                self.own.push(record);
            }
        }
    }

    async fn delete(&mut self, request_id: String, gives_up: bool, record: v1::Record) {
        let request = v1::DeleteRecordRequest {
            name: record.name,
            etag: record.etag,
            request_id: request_id.clone(),
            reason: request_id.clone(),
            ..v1::DeleteRecordRequest::default()
        };
        self.caller.ledger.lock().ask(&request_id, 1);
        let write = |mut client: RecordServiceClient<Channel>| {
            let request = call(request.clone());
            async move { client.delete_record(request).await }
        };
        if let Some(record) = self.caller.answered(gives_up, write).await {
            self.caller.acknowledge(&request_id, record.revision, vec![record]);
        }
    }
}

/// Imports batch after batch over one stream, and over another when that is cut.
async fn import(mut caller: Caller, mut random: StdRng) {
    let mut unanswered = VecDeque::new();
    let mut number = 0;
    let mut fill = |unanswered: &VecDeque<v1::ImportBatch>, caller: &Caller| {
        let more = unanswered.len() < BATCHES_SENT_MAX && !caller.stop.is_cancelled();
        more.then(|| {
            number += 1;
            let batch = batch(number, request_id(&mut random));
            caller.ledger.lock().ask(&batch.request_id, BATCH_RECORDS);
            batch
        })
    };
    loop {
        let mut client = RecordServiceClient::new(caller.service().await);
        let (mut requests, received) = mpsc::channel(2 * BATCHES_SENT_MAX);
        let options = v1::ImportOptions { reason: IMPORT.to_owned(), ..v1::ImportOptions::default() };
        send(&mut requests, Import::Options(options)).await;
        for batch in &unanswered {
            send(&mut requests, Import::Batch(v1::ImportBatch::clone(batch))).await;
        }
        let mut answers = match soon("an import begins", client.import_records(messages(received))).await {
            Ok(answers) => answers.into_inner(),
            Err(status) => {
                caller.lost(&status).await;
                continue;
            }
        };
        let lost = loop {
            while let Some(batch) = fill(&unanswered, &caller) {
                send(&mut requests, Import::Batch(batch.clone())).await;
                unanswered.push_back(batch);
            }
            if unanswered.is_empty() {
                return;
            }
            match soon("an answer to a batch", answers.message()).await {
                Ok(answer) => {
                    let answer = answer.expect("an import ends after its last batch");
                    assert_eq!(usize::try_from(answer.created).unwrap(), BATCH_RECORDS, "{answer:?}");
                    let batch: v1::ImportBatch = unanswered.pop_front().unwrap();
                    caller.acknowledge(&batch.request_id, answer.revision, Vec::new());
                }
                Err(status) => break status,
            }
        };
        caller.lost(&lost).await;
    }
}

fn messages(received: mpsc::Receiver<Import>) -> impl Stream<Item = v1::ImportRecordsRequest> {
    futures::StreamExt::map(received, |message| v1::ImportRecordsRequest { message: Some(message) })
}

/// A stream that was cut takes nothing more, and says why where its answers are read.
async fn send(requests: &mut mpsc::Sender<Import>, message: Import) {
    drop(requests.send(message).await);
}

fn batch(number: usize, request_id: String) -> v1::ImportBatch {
    let records = (0..BATCH_RECORDS).map(|place| {
        let mut record = appeal(&format!("import-{number}-{place}"), 2024);
        record.labels.insert(BATCH_LABEL.to_owned(), request_id.clone());
        record
    });
    v1::ImportBatch { records: records.collect(), request_id: request_id.clone() }
}

/// Follows the feed for ever, each time from where it was cut.
async fn follow(mut caller: Caller, mut reader: Reader, seen: watch::Sender<Vec<Commit>>) {
    loop {
        let channel = caller.service().await;
        let lost = match reader.open(&channel).await {
            Err(status) => status,
            Ok(mut stream) => loop {
                match stream.message().await {
                    Ok(message) => {
                        let commit = reader.take(message.expect("a watch ends with a status"));
                        seen.send_modify(|seen| seen.extend(commit));
                    }
                    Err(status) => break status,
                }
            },
        };
        caller.lost(&lost).await;
    }
}
