//! Writes with request ids through a proxy that cuts half of the answers, repeated until they are answered, while the
//! service is killed: each has one effect, and every answer to it is the first one.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rand::Rng;
use rand::rngs::StdRng;
use reform_api::data::v1;
use reform_api::data::v1::import_records_request::Message as Import;
use reform_api::data::v1::record_service_client::RecordServiceClient;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tonic::transport::{Channel, Endpoint};
use tonic::{Response, Status};

use crate::chance::{Chance, moment, request_id};
use crate::check::begin;
use crate::feed;
use crate::ledger::{Acknowledged, BATCH_LABEL, IMPORT, Ledger};
use crate::load::is_unknown;
use crate::process::soon;
use crate::proxy::Proxy;
use crate::records::{appeal, call, creates, status};
use crate::server::Server;

const CALLERS: u64 = 8;
/// The share of answers that are cut.
const CUT_SHARE: f64 = 0.5;
/// Writes that a caller remembers, to repeat one of them at any later time.
const REMEMBERED: usize = 20;
/// A kill comes within this time after the write that it waits for.
const MOMENT_MAX: Duration = Duration::from_millis(10);
/// How often progress is told.
const TOLD_EVERY: Duration = Duration::from_secs(5);

/// A write that can be repeated.
#[derive(Debug, Clone)]
enum Request {
    Create(v1::CreateRecordRequest),
    Update(v1::UpdateRecordRequest),
    Delete(v1::DeleteRecordRequest),
    Undelete(v1::UndeleteRecordRequest),
    Commit(v1::CommitRecordsRequest),
    Import(v1::ImportBatch),
}

/// The answer to a write.
#[derive(Debug, Clone, PartialEq)]
enum Answer {
    Record(Box<v1::Record>),
    Commit(v1::CommitRecordsResponse),
    Import(v1::ImportRecordsResponse),
}

/// Sends so many writes, with so many kills between them.
///
/// # Panics
/// When a write has no effect, or two, or two answers.
pub async fn run(trials: &Path, writes: usize, kills: usize) {
    let (chance, began) = (Chance::new("one effect"), Instant::now());
    let mut random = chance.part(0);
    let mut server = Server::new(trials);
    let channel = server.start().await;
    let ledger = begin(&channel, &mut random).await.expect("a first commit");
    let proxy = Proxy::start(server.address(), CUT_SHARE, chance.part(1)).await.expect("a proxy listens");
    let endpoint = Endpoint::from_shared(format!("http://{}", proxy.address())).expect("an address");
    let (up, gate) = watch::channel(true);
    let (answered, mut progress) = watch::channel(0);
    let ledger = Arc::new(Mutex::new(ledger));
    let mut callers = JoinSet::new();
    for number in 0..CALLERS {
        let caller = Caller {
            channel: endpoint.connect_lazy(),
            up: gate.clone(),
            ledger: ledger.clone(),
            answered: answered.clone(),
            random: chance.part(10 + number),
            live: Vec::new(),
            deleted: Vec::new(),
            repeated: 0,
        };
        callers.spawn(caller.write(writes / usize::try_from(CALLERS).expect("few")));
    }
    drop(answered);
    for kill in 1..=kills {
        until(&mut progress, kill * writes / (kills + 1), writes).await;
        server.kill_after(moment(&mut random, MOMENT_MAX)).await;
        up.send_replace(false);
        server.start().await;
        up.send_replace(true);
    }
    until(&mut progress, usize::MAX, writes).await;
    let mut repeated = 0;
    while let Some(ended) = callers.join_next().await {
        repeated += ended.expect("a caller does not panic");
    }
    let (store_id, head) = status(&channel).await;
    let commits = feed::read(&channel, &store_id, head).await;
    let ledger = std::mem::take(&mut *ledger.lock());
    ledger.check(&commits);
    assert_eq!(commits.len(), ledger.sent(), "every request id has one commit");
    let passed = proxy.passed();
    eprintln!(
        "one effect: {} writes, each with one effect: {head} revisions; {} of {} answers cut, {repeated} answers asked \
         for again, all equal; {} kills; {:.1} s",
        ledger.sent(),
        passed.cut,
        passed.answers,
        server.kills.all(),
        began.elapsed().as_secs_f64()
    );
    server.stop().await;
}

/// Waits for so many answered writes, or for all callers to end.
async fn until(progress: &mut watch::Receiver<usize>, wanted: usize, all: usize) {
    loop {
        let reached = tokio::time::timeout(TOLD_EVERY, progress.wait_for(|answered| *answered >= wanted));
        if reached.await.is_ok() {
            return;
        }
        eprintln!("one effect: {} of {all} writes", *progress.borrow());
    }
}

struct Caller {
    channel: Channel,
    /// Whether it makes sense to call.
    up: watch::Receiver<bool>,
    ledger: Arc<Mutex<Ledger>>,
    answered: watch::Sender<usize>,
    random: StdRng,
    live: Vec<v1::Record>,
    deleted: Vec<v1::Record>,
    /// Answers that were asked for again.
    repeated: usize,
}

impl Caller {
    async fn write(mut self, writes: usize) -> usize {
        let mut remembered: Vec<(Request, Answer)> = Vec::new();
        for _ in 0..writes {
            let id = request_id(&mut self.random);
            let (request, changes) = self.next(&id);
            self.ledger.lock().ask(&id, changes);
            let answer = self.answer(&request).await;
            self.acknowledge(id, &answer);
            self.answered.send_modify(|answered| *answered += 1);
            if self.random.random_ratio(1, 4) {
                self.repeat(&request, &answer).await;
            }
            if remembered.len() < REMEMBERED {
                remembered.push((request, answer));
            } else if self.random.random_ratio(1, 20) {
                let place = self.random.random_range(0..REMEMBERED);
                let (before, first) = std::mem::replace(&mut remembered[place], (request, answer));
                self.repeat(&before, &first).await;
            }
        }
        self.repeated
    }

    /// Some write, and how many changes it makes.
    fn next(&mut self, id: &str) -> (Request, usize) {
        let (request_id, reason) = (id.to_owned(), id.to_owned());
        // The names of most records are the service's own: a second effect would be a second record.
        let nameless = || v1::Record { name: String::new(), ..appeal("nameless", 2023) };
        match self.random.random_range(0..20) {
            0..5 => self.change(id),
            5..8 => {
                let records = [nameless(), nameless(), nameless()];
                let request = v1::CommitRecordsRequest { request_id, reason, ..creates(records) };
                (Request::Commit(request), 3)
            }
            8 => {
                let label = (BATCH_LABEL.to_owned(), request_id.clone());
                let named = |place| v1::Record {
                    labels: [label.clone()].into(),
                    ..appeal(&format!("{request_id}-{place}"), 2024)
                };
                let records: Vec<_> = (0..4).map(named).collect();
                (Request::Import(v1::ImportBatch { records, request_id }), 4)
            }
            _ => {
                let record = Some(nameless());
                let request = v1::CreateRecordRequest {
                    record,
                    request_id,
                    reason,
                    ..v1::CreateRecordRequest::default()
                };
                (Request::Create(request), 1)
            }
        }
    }

    /// A change of a record of its own that could not be made twice.
    fn change(&mut self, id: &str) -> (Request, usize) {
        let (request_id, reason) = (id.to_owned(), id.to_owned());
        let request = match (self.random.random_range(0..4), self.live.pop(), self.deleted.pop()) {
            (0, live, Some(v1::Record { name, etag, .. })) => {
                self.live.extend(live);
                let request =
                    v1::UndeleteRecordRequest { name, etag, request_id, reason, ..Default::default() };
                Request::Undelete(request)
            }
            (1, Some(v1::Record { name, etag, .. }), deleted) => {
                self.deleted.extend(deleted);
                Request::Delete(v1::DeleteRecordRequest {
                    name,
                    etag,
                    request_id,
                    reason,
                    ..Default::default()
                })
            }
            (_, Some(record), deleted) => {
                self.deleted.extend(deleted);
                let record = Some(v1::Record { title: id.to_owned(), ..record });
                Request::Update(v1::UpdateRecordRequest { record, request_id, reason, ..Default::default() })
            }
            (_, None, deleted) => {
                self.deleted.extend(deleted);
                let record = Some(appeal(id, 2022));
                Request::Create(v1::CreateRecordRequest { record, request_id, reason, ..Default::default() })
            }
        };
        (request, 1)
    }

    fn acknowledge(&mut self, request_id: String, answer: &Answer) {
        let (revision, records) = match answer {
            Answer::Record(record) => (record.revision, vec![v1::Record::clone(record)]),
            Answer::Commit(answer) => (answer.revision, answer.records.clone()),
            Answer::Import(answer) => (answer.revision, Vec::new()),
        };
        let (deleted, live): (Vec<_>, Vec<_>) =
            records.iter().cloned().partition(|record| record.delete_time.is_some());
        self.live.extend(live);
        self.deleted.extend(deleted);
        self.ledger.lock().acknowledge(Acknowledged { request_id, revision, records });
    }

    async fn repeat(&mut self, request: &Request, first: &Answer) {
        let again = self.answer(request).await;
        assert_eq!(again, *first, "a repeated write has another answer: {request:?}");
        self.repeated += 1;
    }

    /// Repeats a write until it is answered.
    async fn answer(&mut self, request: &Request) -> Answer {
        loop {
            soon("the service is up", self.up.wait_for(|up| *up)).await.expect("the trial goes on");
            match soon("an answer", ask(&self.channel, request.clone())).await {
                Ok(answer) => return answer,
                Err(status) => assert!(is_unknown(&status), "{request:?}: {status:?}"),
            }
        }
    }
}

async fn ask(channel: &Channel, request: Request) -> Result<Answer, Status> {
    let mut client = RecordServiceClient::new(channel.clone());
    let record = match request {
        Request::Create(request) => client.create_record(call(request)).await,
        Request::Update(request) => client.update_record(call(request)).await,
        Request::Delete(request) => client.delete_record(call(request)).await,
        Request::Undelete(request) => client.undelete_record(call(request)).await,
        Request::Commit(request) => {
            return client.commit_records(call(request)).await.map(Response::into_inner).map(Answer::Commit);
        }
        Request::Import(batch) => {
            let options = v1::ImportOptions { reason: IMPORT.to_owned(), ..v1::ImportOptions::default() };
            let messages = [Import::Options(options), Import::Batch(batch)]
                .map(|message| v1::ImportRecordsRequest { message: Some(message) });
            let answers = client.import_records(call(futures::stream::iter(messages))).await?;
            let answer = answers.into_inner().message().await?;
            return answer.map(Answer::Import).ok_or_else(|| Status::unknown("an import ended early"));
        }
    };
    Ok(Answer::Record(Box::new(record?.into_inner())))
}
