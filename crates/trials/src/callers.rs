//! Who calls: writers, an importer and a watcher.

use std::collections::VecDeque;

use futures::channel::mpsc;
use futures::{SinkExt, Stream};
use prost_types::FieldMask;
use rand::Rng;
use rand::rngs::StdRng;
use reform_api::data::v1;
use reform_api::data::v1::import_records_request::Message as Import;
use reform_api::data::v1::record_service_client::RecordServiceClient;
use tokio::sync::watch;
use tonic::transport::Channel;

use crate::chance::request_id;
use crate::feed::{Commit, Reader};
use crate::ledger::{BATCH_LABEL, IMPORT};
use crate::load::Caller;
use crate::process::soon;
use crate::records::{appeal, call, creates};

/// A chunk of the log ends at 8 KiB, so that a commit of three such records lies in three chunks: what is not stored at
/// once could be torn there.
const LARGE_BYTES: usize = 9 * 1024;
/// Records of an import batch and the bytes of each, for several chunks too.
const BATCH_RECORDS: usize = 24;
const BATCH_RECORD_BYTES: usize = 2 * 1024;
/// Batches of an import that are sent before the first of them is answered.
const BATCHES_SENT_MAX: usize = 3;

/// Creates, commits, updates and deletes records of its own, one write after the other.
#[derive(Debug)]
pub struct Writer {
    caller: Caller,
    number: u64,
    made: usize,
    /// Its live records, as it was told.
    own: Vec<v1::Record>,
}

impl Writer {
    /// One of several writers; its number is in the names of its records.
    pub fn new(caller: Caller, number: u64) -> Self {
        Self { caller, number, made: 0, own: Vec::new() }
    }

    /// Writes until it is told to stop.
    pub async fn write(mut self, mut random: StdRng) {
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
        let large = |record| v1::Record { description: "x".repeat(LARGE_BYTES), ..record };
        let records = [self.next(), self.next(), self.next()].map(large);
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
        record.description = "x".repeat(BATCH_RECORD_BYTES);
        record.labels.insert(BATCH_LABEL.to_owned(), request_id.clone());
        record
    });
    v1::ImportBatch { records: records.collect(), request_id: request_id.clone() }
}

/// Follows the feed for ever, each time from where it was cut.
pub async fn follow(mut caller: Caller, mut reader: Reader, seen: watch::Sender<Vec<Commit>>) {
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
