//! Who calls: writers, an importer and a watcher.

use std::collections::VecDeque;

use futures::channel::mpsc;
use futures::{SinkExt, Stream};
use prost_types::FieldMask;
use rand::Rng;
use rand::rngs::StdRng;
use reform_api::data::v1;
use reform_api::data::v1::import_options::OnExisting;
use reform_api::data::v1::import_records_request::Message as Import;
use reform_api::data::v1::mutation::Mutation;
use reform_api::data::v1::record_service_client::RecordServiceClient;
use tokio::sync::watch;
use tonic::transport::Channel;

use crate::chance::request_id;
use crate::feed::Reader;
use crate::ledger::{BATCH_LABEL, IMPORT};
use crate::load::{Caller, Watched};
use crate::process::soon;
use crate::records::{appeal, call, creates};

/// A chunk of the log ends at 8 KiB, so that a commit of three such records lies in three chunks: what is not stored at
/// once could be torn there.
const LARGE_BYTES: usize = 9 * 1024;
/// Records of an import batch and the bytes of each, for several chunks too.
const BATCH_RECORDS: usize = 24;
const BATCH_RECORD_BYTES: usize = 2 * 1024;
/// The names of an import come again after so many batches: what is there is replaced.
const BATCH_NAMES: usize = 8;
/// Records that a writer keeps; then it makes no new names.
const OWN_MAX: usize = 40;
/// Batches of an import that are sent before the first of them is answered.
const BATCHES_SENT_MAX: usize = 3;

/// Creates, commits, updates, deletes and undeletes records of its own, one write after the other.
#[derive(Debug)]
pub struct Writer {
    caller: Caller,
    number: u64,
    made: usize,
    /// Its live records, as it was told.
    own: Vec<v1::Record>,
    /// Those that it deleted.
    gone: Vec<v1::Record>,
}

impl Writer {
    /// One of several writers; its number is in the names of its records.
    pub fn new(caller: Caller, number: u64) -> Self {
        Self { caller, number, made: 0, own: Vec::new(), gone: Vec::new() }
    }

    /// Writes until it is told to stop.
    pub async fn write(mut self, mut random: StdRng) {
        while !self.caller.stop.is_cancelled() {
            let id = request_id(&mut random);
            let gives_up = random.random_ratio(1, 10);
            let full = self.own.len() + self.gone.len() >= OWN_MAX;
            match random.random_range(0..10) {
                0..3 if !full => self.create(id, gives_up).await,
                0..5 => self.commit(id, gives_up, &mut random).await,
                5..8 => {
                    if let Some(record) = some(&mut self.own, &mut random) {
                        self.update(id, gives_up, record).await;
                    }
                }
                8 => {
                    if let Some(record) = some(&mut self.own, &mut random) {
                        self.delete(id, gives_up, record).await;
                    }
                }
                _ => {
                    if let Some(record) = some(&mut self.gone, &mut random) {
                        self.undelete(id, gives_up, record).await;
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

    /// Three records at once: new ones, or one that is updated, one that is deleted and one that is new.
    async fn commit(&mut self, request_id: String, gives_up: bool, random: &mut StdRng) {
        let large = |record| v1::Record { description: "x".repeat(LARGE_BYTES), ..record };
        let mut request = creates([self.next(), self.next(), self.next()].map(large));
        if self.own.len() + 3 > OWN_MAX / 2 {
            let (updated, deleted) = (some(&mut self.own, random), some(&mut self.own, random));
            let (Some(updated), Some(deleted)) = (updated, deleted) else { return };
            let update = update(large(title(updated, &request_id)), &["title", "description"]);
            let v1::Record { name, etag, .. } = deleted;
            let delete = v1::DeleteRecordRequest { name, etag, ..v1::DeleteRecordRequest::default() };
            for (place, mutation) in
                [Mutation::Update(update), Mutation::Delete(delete)].into_iter().enumerate()
            {
                request.mutations[place].mutation = Some(mutation);
            }
        }
        let request = v1::CommitRecordsRequest {
            request_id: request_id.clone(),
            reason: request_id.clone(),
            ..request
        };
        self.caller.ledger.lock().ask(&request_id, 3);
        let write = |mut client: RecordServiceClient<Channel>| {
            let request = call(request.clone());
            async move { client.commit_records(request).await }
        };
        if let Some(answer) = self.caller.answered(gives_up, write).await {
            assert_eq!(answer.records.len(), 3);
            self.caller.acknowledge(&request_id, answer.revision, answer.records.clone());
            let (gone, own) = answer.records.into_iter().partition(|record| record.delete_time.is_some());
            self.gone.extend::<Vec<_>>(gone);
            self.own.extend::<Vec<_>>(own);
        }
    }

    async fn update(&mut self, request_id: String, gives_up: bool, record: v1::Record) {
        let request = v1::UpdateRecordRequest {
            request_id: request_id.clone(),
            reason: request_id.clone(),
            ..update(title(record, &request_id), &["title"])
        };
        self.caller.ledger.lock().ask(&request_id, 1);
        let write = |mut client: RecordServiceClient<Channel>| {
            let request = call(request.clone());
            async move { client.update_record(request).await }
        };
        if let Some(record) = self.caller.answered(gives_up, write).await {
            self.caller.acknowledge(&request_id, record.revision, vec![record.clone()]);
            self.own.push(record);
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
            self.caller.acknowledge(&request_id, record.revision, vec![record.clone()]);
            self.gone.push(record);
        }
    }

    async fn undelete(&mut self, request_id: String, gives_up: bool, record: v1::Record) {
        let request = v1::UndeleteRecordRequest {
            name: record.name,
            etag: record.etag,
            request_id: request_id.clone(),
            reason: request_id.clone(),
            ..v1::UndeleteRecordRequest::default()
        };
        self.caller.ledger.lock().ask(&request_id, 1);
        let write = |mut client: RecordServiceClient<Channel>| {
            let request = call(request.clone());
            async move { client.undelete_record(request).await }
        };
        if let Some(record) = self.caller.answered(gives_up, write).await {
            self.caller.acknowledge(&request_id, record.revision, vec![record.clone()]);
            self.own.push(record);
        }
    }
}

/// Takes some record away.
fn some(records: &mut Vec<v1::Record>, random: &mut StdRng) -> Option<v1::Record> {
    (!records.is_empty()).then(|| records.swap_remove(random.random_range(0..records.len())))
}

/// With the name of a write for a title.
fn title(record: v1::Record, request_id: &str) -> v1::Record {
    v1::Record { title: request_id.to_owned(), ..record }
}

/// An update of what was read before.
fn update(record: v1::Record, paths: &[&str]) -> v1::UpdateRecordRequest {
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    let update_mask = Some(FieldMask { paths });
    v1::UpdateRecordRequest { record: Some(record), update_mask, ..v1::UpdateRecordRequest::default() }
}

/// Imports batch after batch over one stream, and over another when that is cut.
pub async fn import(mut caller: Caller, mut random: StdRng) {
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
        let options = v1::ImportOptions {
            on_existing: OnExisting::Replace.into(),
            reason: IMPORT.to_owned(),
            ..v1::ImportOptions::default()
        };
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
                    let stored = usize::try_from(answer.created + answer.replaced).unwrap();
                    assert_eq!(stored, BATCH_RECORDS, "{answer:?}");
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
        let mut record = appeal(&format!("import-{}-{place}", number % BATCH_NAMES), 2024);
        record.description = "x".repeat(BATCH_RECORD_BYTES);
        record.labels.insert(BATCH_LABEL.to_owned(), request_id.clone());
        record
    });
    v1::ImportBatch { records: records.collect(), request_id: request_id.clone() }
}

/// Follows the feed for ever, each time from where it was cut.
pub async fn follow(mut caller: Caller, mut reader: Reader, seen: watch::Sender<Watched>) {
    loop {
        let channel = caller.service().await;
        let lost = match reader.open(&channel).await {
            Err(status) => status,
            Ok(mut stream) => loop {
                match stream.message().await {
                    Ok(message) => {
                        let commit = reader.take(message.expect("a watch ends with a status"));
                        seen.send_modify(|seen| {
                            seen.revision = reader.revision;
                            seen.commits.extend(commit);
                        });
                    }
                    Err(status) => break status,
                }
            },
        };
        caller.lost(&lost).await;
    }
}
