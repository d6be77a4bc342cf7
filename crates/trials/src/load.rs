//! Callers that outlive the service: they wait while it is down, and repeat what was not answered, with the same
//! request id, until it is.

use std::sync::Arc;

use parking_lot::Mutex;
use reform_api::data::v1;
use reform_api::data::v1::record_service_client::RecordServiceClient;
use reform_api::error::{Reason, reason};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tonic::{Code, Response, Status};

use crate::callers::{Writer, follow, import};
use crate::chance::Chance;
use crate::feed::{Commit, Reader};
use crate::ledger::{Acknowledged, Ledger};
use crate::process::soon;

const WRITERS: u64 = 4;

/// A start of the service that can be called.
#[derive(Debug, Clone)]
struct Up {
    number: u64,
    channel: Channel,
}

/// Tells callers when the service can be called again.
#[derive(Debug, Clone)]
struct Gate(watch::Receiver<Option<Up>>);

impl Gate {
    /// The first start after a number.
    async fn after(&mut self, number: u64) -> Up {
        let up = self.0.wait_for(|up| up.as_ref().is_some_and(|up| up.number > number)).await;
        up.expect("the load is stopped before its gate is dropped").clone().unwrap()
    }
}

/// Whether a failure says nothing about what became of the call. The transport's own failures carry no reason.
pub fn is_unknown(status: &Status) -> bool {
    match reason(status) {
        Some(reason) => {
            [Reason::ShuttingDown, Reason::StoreFailed].map(Reason::as_str).contains(&reason.as_str())
        }
        None => matches!(status.code(), Code::Unavailable | Code::Unknown | Code::Cancelled | Code::Internal),
    }
}

/// What the watcher saw.
#[derive(Debug, Clone, Default)]
pub struct Watched {
    /// Everything up to here.
    pub revision: i64,
    /// The commits that nobody has taken yet.
    pub commits: Vec<Commit>,
}

/// All callers, until they are stopped.
#[derive(Debug)]
pub struct Load {
    gate: watch::Sender<Option<Up>>,
    starts: u64,
    /// What they asked and were told.
    pub ledger: Arc<Mutex<Ledger>>,
    told: Arc<Mutex<Vec<String>>>,
    acknowledged: watch::Receiver<usize>,
    watched: watch::Sender<Watched>,
    stop: CancellationToken,
    caller: Caller,
    tasks: JoinSet<()>,
}

impl Load {
    /// Starts the callers; they wait for the service.
    pub fn start(chance: Chance, store_id: &str, ledger: Ledger) -> Self {
        let (gate, up) = watch::channel(None);
        let (sender, acknowledged) = watch::channel(0);
        let caller = Caller {
            gate: Gate(up),
            up: None,
            ledger: Arc::new(Mutex::new(ledger)),
            told: Arc::default(),
            acknowledged: sender,
            stop: CancellationToken::new(),
        };
        let (ledger, told, stop) = (caller.ledger.clone(), caller.told.clone(), caller.stop.clone());
        let mut tasks = JoinSet::new();
        for number in 0..WRITERS {
            let writer = Writer::new(caller.clone(), number);
            tasks.spawn(writer.write(chance.part(1 + number)));
        }
        tasks.spawn(import(caller.clone(), chance.part(100)));
        let (watched, _) = watch::channel(Watched::default());
        tasks.spawn(follow(caller.clone(), Reader::new(store_id), watched.clone()));
        Self { gate, starts: 0, ledger, told, acknowledged, watched, stop, caller, tasks }
    }

    /// The service can be called.
    pub fn up(&mut self, channel: Channel) {
        self.starts += 1;
        self.gate.send_replace(Some(Up { number: self.starts, channel }));
    }

    /// It cannot: nobody tries.
    pub fn down(&self) {
        self.gate.send_replace(None);
    }

    /// Waits for so many more acknowledgements; a caller that fails meanwhile fails the test.
    pub async fn acknowledgements(&mut self, more: usize) {
        soon("acknowledgements", self.more(more)).await;
    }

    /// As [`Load::acknowledgements`], for as long as it takes.
    pub async fn more(&mut self, more: usize) {
        let wanted = *self.acknowledged.borrow() + more;
        let mut acknowledged = self.acknowledged.clone();
        tokio::select! {
            ended = self.tasks.join_next() => panic!("a caller ended: {ended:?}"),
            reached = acknowledged.wait_for(|now| *now >= wanted) => drop(reached.expect("callers run")),
        }
    }

    /// Up to where the watcher has seen everything.
    pub fn watcher(&self) -> watch::Receiver<Watched> {
        self.watched.subscribe()
    }

    /// What the watcher saw since the last call of this.
    pub fn watched(&self) -> Vec<Commit> {
        let mut taken = Vec::new();
        self.watched.send_modify(|seen| taken = std::mem::take(&mut seen.commits));
        taken
    }

    /// What one more caller needs.
    pub fn caller(&self) -> Caller {
        self.caller.clone()
    }

    /// How many calls failed so far for a reason.
    pub fn told(&self, reason: Reason) -> usize {
        self.told.lock().iter().filter(|told| *told == reason.as_str()).count()
    }

    /// Lets the callers finish what they began and the watcher see the last of it: all commits that it saw.
    pub async fn finish(mut self, channel: &Channel) -> (Ledger, Vec<Commit>) {
        self.stop.cancel();
        for _ in 0..=WRITERS {
            let ended = soon("a caller ends", self.tasks.join_next()).await;
            ended.unwrap().unwrap();
        }
        let (_, head) = crate::records::status(channel).await;
        let mut watched = self.watched.subscribe();
        let seen = soon("the watcher reaches the head", watched.wait_for(|seen| seen.revision >= head)).await;
        let seen = seen.expect("the sender is here").commits.clone();
        self.tasks.shutdown().await;
        let ledger = std::mem::take(&mut *self.ledger.lock());
        (ledger, seen)
    }
}

/// What every caller has.
#[derive(Debug, Clone)]
pub struct Caller {
    gate: Gate,
    up: Option<Up>,
    /// What all callers asked and were told.
    pub ledger: Arc<Mutex<Ledger>>,
    /// The reasons of all failures.
    told: Arc<Mutex<Vec<String>>>,
    acknowledged: watch::Sender<usize>,
    /// Cancelled when no new write may begin.
    pub stop: CancellationToken,
}

impl Caller {
    /// The service as it was last found, or as soon as it is there.
    pub async fn service(&mut self) -> Channel {
        let now = self.gate.0.borrow().as_ref().map(|up| up.number);
        let up = match self.up.take() {
            Some(up) if now == Some(up.number) => up,
            _ => self.gate.after(0).await,
        };
        self.up.insert(up).channel.clone()
    }

    /// The connection is lost: waits for the next start.
    pub async fn lost(&mut self, status: &Status) {
        assert!(is_unknown(status), "{status:?}");
        self.told.lock().extend(reason(status));
        let number = self.up.as_ref().map_or(0, |up| up.number);
        self.up = Some(self.gate.after(number).await);
    }

    /// Waits for so many more acknowledged writes; false when it is time to stop.
    pub async fn pause(&self, more: usize) -> bool {
        let mut acknowledged = self.acknowledged.subscribe();
        let wanted = *acknowledged.borrow() + more;
        tokio::select! {
            () = self.stop.cancelled() => false,
            reached = acknowledged.wait_for(|count| *count >= wanted) => reached.is_ok(),
        }
    }

    /// Repeats a write until it is answered; one that gives up does so when the outcome is unknown.
    pub async fn answered<T, F>(
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

    /// Notes an answer.
    pub fn acknowledge(&self, request_id: &str, revision: i64, records: Vec<v1::Record>) {
        let answer = Acknowledged { request_id: request_id.to_owned(), revision, records };
        self.ledger.lock().acknowledge(answer);
        self.acknowledged.send_modify(|count| *count += 1);
    }
}
