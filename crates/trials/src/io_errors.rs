//! One call of the service to its disk fails: it never acknowledges what it did not store, says that it is not well,
//! ends, and opens again with everything that it did acknowledge.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use futures::StreamExt;
use reform_api::data::v1;
use reform_api::data::v1::record_service_client::RecordServiceClient;
use reform_api::error::{Reason, reason};
use tonic::Status;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::chance::{Chance, request_id};
use crate::check;
use crate::disk::{Disk, Fault};
use crate::ledger::Ledger;
use crate::load::{Load, is_unknown};
use crate::process::{Process, Program, SOON, soon};
use crate::records::{call, status};

/// What happens to a call.
pub const FAULTS: [Fault; 3] = [Fault::Error, Fault::Full, Fault::Short];

/// How much faster than usual the service draws its conclusions: two seconds of reads after a failure are 0.4 here.
const PATIENCE: &str = "0.2";
/// The longest that a service may live after its disk failed: the reads after it and the drain, and as much again for a
/// busy machine.
const END_MAX: Duration = Duration::from_secs(12);
/// Acknowledgements after a short write, which must do no harm.
const ACKNOWLEDGEMENTS_AFTER: usize = 20;
/// The fault has come long before so many acknowledgements, or never comes.
const ACKNOWLEDGEMENTS_MAX: usize = 2_000;

/// What came of one or of many trials.
#[derive(Debug, Default)]
pub struct Report {
    /// Trials.
    pub trials: usize,
    /// Those whose service ended while it opened its store.
    pub in_open: usize,
    /// Those whose service was ended by its watchdog.
    pub stuck: usize,
    /// Those whose service served on: after a short write, or an error that is nobody's loss.
    pub served_on: usize,
    /// Acknowledged writes, all of which were found.
    pub acknowledged: usize,
    /// Reads after the failure that were answered, and those that were refused.
    pub reads: (usize, usize),
    /// Callers that were told that the store failed.
    pub told: usize,
    /// From the failure to the end of the process, the longest.
    pub end_max: Duration,
    /// The calls that were hit, and how often.
    pub hit: BTreeMap<String, usize>,
}

impl Report {
    fn add(&mut self, other: Self) {
        self.trials += other.trials;
        self.in_open += other.in_open;
        self.stuck += other.stuck;
        self.served_on += other.served_on;
        self.acknowledged += other.acknowledged;
        self.reads.0 += other.reads.0;
        self.reads.1 += other.reads.1;
        self.told += other.told;
        self.end_max = self.end_max.max(other.end_max);
        for (call, times) in other.hit {
            *self.hit.entry(call).or_default() += times;
        }
    }
}

/// Every fault at every call of a range, `parallel` services at a time.
pub async fn run(
    trials: &Path,
    calls: impl Iterator<Item = usize>,
    faults: &[Fault],
    parallel: usize,
) -> Report {
    let began = Instant::now();
    let chance = Chance::new("io errors");
    let each = calls.flat_map(|call| faults.iter().map(move |fault| (call, *fault)));
    let each = each.map(|(call, fault)| async move {
        let trial = tokio::spawn(Trial::run(trials.to_owned(), chance.round(call), fault, call));
        trial.await.unwrap_or_else(|_| panic!("{fault:?} at call {call}: a promise is broken, see above"))
    });
    let mut report = Report::default();
    let mut done = futures::stream::iter(each).buffer_unordered(parallel);
    while let Some(one) = done.next().await {
        report.add(one);
    }
    eprintln!("io errors: {report:#?}\nin {:.1} s", began.elapsed().as_secs_f64());
    report
}

/// One service with one fault.
struct Trial {
    disk: Disk,
    plain: Program,
    chance: Chance,
    report: Report,
}

impl Trial {
    async fn run(trials: std::path::PathBuf, chance: Chance, fault: Fault, call: usize) -> Report {
        let disk = Disk::new();
        let plain = Program::data(&trials, &disk.folder()).env("TRIALS_PATIENCE", PATIENCE);
        let failing = disk.failing(plain.clone(), fault, call);
        let report = Report { trials: 1, ..Report::default() };
        let mut trial = Self { disk, plain, chance, report };
        let process = failing.start();
        match process.serving().await {
            Some(channel) => trial.serve(process, channel).await,
            None => trial.refused_to_open(process).await,
        }
        let hit = trial.disk.fired().unwrap_or_else(|| "never".to_owned());
        *trial.report.hit.entry(hit).or_default() += 1;
        trial.report
    }

    /// It says so, ends, and opens when the disk is well.
    async fn refused_to_open(&mut self, process: Process) {
        self.report.in_open += 1;
        let (ended, log) = process.ended().await;
        assert!(!ended.success() && self.disk.fired().is_some(), "ended while it opened: {ended}\n{log}");
        let process = self.plain.start();
        let channel = process.until_serving().await;
        let (store_id, _) = status(&channel).await;
        let load = self.begin(&channel, &store_id).await.unwrap();
        self.go_on(process, channel, &store_id, load).await;
    }

    /// The first commit, then the callers.
    async fn begin(&self, channel: &Channel, store_id: &str) -> Result<Load, Status> {
        let mut ledger = Ledger::default();
        check::repeat_begin(channel, &request_id(&mut self.chance.part(0)), &mut ledger).await?;
        let mut load = Load::start(self.chance, store_id, ledger);
        load.up(channel.clone());
        Ok(load)
    }

    /// It serves until the fault comes, and must open again with all that it acknowledged.
    async fn serve(&mut self, mut process: Process, channel: Channel) {
        let watching = tokio::spawn(watch(channel.clone()));
        let (store_id, _) = status(&channel).await;
        let mut began = self.begin(&channel, &store_id).await;
        let ended = match &mut began {
            Ok(load) => self.until_it_ends(&mut process, load).await,
            Err(status) => {
                assert!(is_unknown(status), "{status:?}");
                soon("the end", process.ends()).await;
                true
            }
        };
        if let Ok(load) = &began {
            load.down();
        }
        if ended {
            let (ended, log) = process.ended().await;
            // sled may wait for ever for a write that failed: then the watchdog ends the process.
            let stuck = ended.code().is_none() && log.contains("the writer is stuck");
            assert!(stuck || (ended.code() == Some(1) && log.contains("the disk failed")), "{ended}\n{log}");
            self.report.stuck += usize::from(stuck);
            let (reads, took) = soon("the watch of health", watching).await.unwrap();
            self.report.reads = reads;
            self.report.end_max = took;
            assert!(took < END_MAX, "it ended {took:?} after its disk failed\n{log}");
        } else {
            watching.abort();
            self.report.served_on += 1;
            process.stop().await;
        }
        let process = self.plain.start();
        let channel = process.until_serving().await;
        let load = match began {
            Ok(mut load) => {
                check::restarted(&channel, &store_id, &load.ledger).await;
                load.up(channel.clone());
                load
            }
            Err(_) => self.begin(&channel, &store_id).await.unwrap(),
        };
        self.go_on(process, channel, &store_id, load).await;
    }

    /// Waits until it ends by itself, or has written on after the fault; whether it ended.
    async fn until_it_ends(&self, process: &mut Process, load: &mut Load) -> bool {
        let mut after = 0;
        let writing = async {
            for _ in 0..ACKNOWLEDGEMENTS_MAX / ACKNOWLEDGEMENTS_AFTER {
                load.more(ACKNOWLEDGEMENTS_AFTER).await;
                after += usize::from(self.disk.fired().is_some());
                if after > 1 {
                    return;
                }
            }
        };
        tokio::select! {
            () = process.ends() => true,
            () = async { tokio::time::timeout(SOON, writing).await.expect("it writes on or ends") } => false,
        }
    }

    /// The callers repeat what was not answered, and write on; then the whole store is compared with what they know.
    async fn go_on(&mut self, process: Process, channel: Channel, store_id: &str, mut load: Load) {
        load.acknowledgements(ACKNOWLEDGEMENTS_AFTER).await;
        self.report.told += load.told(Reason::StoreFailed);
        let (ledger, _) = load.finish(&channel).await;
        let (_, head) = status(&channel).await;
        check::whole(&channel, store_id, head, &ledger).await;
        self.report.acknowledged += ledger.writes();
        process.stop().await;
    }
}

/// Waits until health says NOT_SERVING, then reads until the service is gone: answers and refusals, and how long it took.
async fn watch(channel: Channel) -> ((usize, usize), Duration) {
    let mut health = HealthClient::new(channel.clone());
    let watch = health.watch(HealthCheckRequest::default()).await;
    let Ok(mut watch) = watch.map(tonic::Response::into_inner) else { return ((0, 0), Duration::ZERO) };
    while let Ok(Some(answer)) = watch.message().await {
        if answer.status() != ServingStatus::Serving {
            break;
        }
    }
    let began = Instant::now();
    let mut client = RecordServiceClient::new(channel);
    let (mut answered, mut refused) = (0, 0);
    loop {
        let request = v1::GetRecordRequest { name: "records/source".to_owned(), as_of: None };
        match client.get_record(call(request)).await {
            Ok(_) => answered += 1,
            Err(status) if reason(&status).is_some() => refused += 1,
            Err(_) => return ((answered, refused), began.elapsed()),
        }
    }
}
