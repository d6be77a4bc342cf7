//! Callers that behave: one read after the other at a modest pace, each on a connection of its own, and how long they wait.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use prost::Message;
use reform_api::data::v1;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};

use crate::process::soon;
use crate::raw::Call;

const CALLERS: usize = 4;
/// How often each of them calls.
const EVERY: Duration = Duration::from_millis(4);

/// What they waited.
#[derive(Debug, Clone, Default)]
pub struct Waits(Vec<Duration>);

impl Waits {
    /// A quantile.
    pub fn quantile(&self, quantile: f64) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let last = sorted.len().checked_sub(1).expect("they called");
        sorted[(last as f64 * quantile).round() as usize]
    }

    /// What was waited another time is added.
    pub fn add(&mut self, other: Self) {
        self.0.extend(other.0);
    }
}

/// The callers, until they are stopped. A call that fails ends the trial.
///
/// They have a thread to themselves: what others of this program do must not look like waits.
#[derive(Debug)]
pub struct Honest {
    waits: Arc<Mutex<Vec<Duration>>>,
    stop: CancellationToken,
    ended: JoinHandle<()>,
}

/// A read of a record by its name.
pub fn get(name: &str) -> Call {
    let request = v1::GetRecordRequest { name: name.to_owned(), ..v1::GetRecordRequest::default() };
    Call::new("/reform.data.v1.RecordService/GetRecord", request.encode_to_vec())
}

impl Honest {
    /// Callers of a service that has the record.
    pub fn start(endpoint: &Endpoint, name: &str) -> Self {
        let waits: Arc<Mutex<Vec<Duration>>> = Arc::default();
        let stop = CancellationToken::new();
        let calling = all(endpoint.clone(), get(name), waits.clone(), stop.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let ended = tokio::task::spawn_blocking(move || runtime.block_on(calling));
        Self { waits, stop, ended }
    }

    /// Lets them finish.
    pub async fn stop(self) {
        self.stop.cancel();
        soon("the end of honest callers", self.ended).await.expect("no call fails");
    }

    /// What they waited while something was done.
    pub async fn during<T>(&mut self, work: impl Future<Output = T>) -> (T, Waits) {
        self.waits.lock().clear();
        let done = tokio::select! {
            done = work => done,
            ended = &mut self.ended => panic!("an honest caller ended: {ended:?}"),
        };
        (done, Waits(std::mem::take(&mut *self.waits.lock())))
    }
}

async fn all(endpoint: Endpoint, what: Call, waits: Arc<Mutex<Vec<Duration>>>, stop: CancellationToken) {
    let mut tasks = JoinSet::new();
    for _ in 0..CALLERS {
        let channel = endpoint.connect().await.expect("an honest caller gets a connection");
        tasks.spawn(call(channel, what.clone(), waits.clone()));
    }
    tokio::select! {
        ended = tasks.join_next() => panic!("an honest caller ended: {ended:?}"),
        () = stop.cancelled() => {}
    }
}

async fn call(channel: Channel, call: Call, waits: Arc<Mutex<Vec<Duration>>>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let began = Instant::now();
        let answered = call.clone().send(&channel).await;
        answered.unwrap_or_else(|status| panic!("an honest call fails: {status:?}"));
        waits.lock().push(began.elapsed());
    }
}
