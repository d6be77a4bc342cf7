//! A small disk is filled: by the store, which stops writing before it is full and goes on when there is room again; and
//! under the store, so that it meets the end of the disk, ends, and opens again.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use reform_api::data::v1;
use reform_api::data::v1::import_records_request::Message as Import;
use reform_api::data::v1::record_service_client::RecordServiceClient;
use reform_api::error::{Reason, reason};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::process::{Process, Program, soon};
use crate::records::{appeal, base, call, commit, creates};

/// The disk, what is kept free on it, and what the ballast holds.
const DISK: &str = "size=48m";
const DISK_BYTES: usize = 48 << 20;
const KEPT_FREE: &str = "6 MiB";
const BALLAST: &str = "18 MiB";
/// What somebody else has on it for a while.
const OTHERS_BYTES: usize = 8 << 20;
/// Records of a commit and bytes of a record: about a megabyte, less, and nearly nothing.
const COMMITS: [(usize, usize); 3] = [(20, 50_000), (1, 50_000), (1, 100)];
/// How often sled may give back so much room that something can be written after all.
const FILLS_MAX: usize = 20;
/// How soon the store writes again once there is room.
const RECOVERY_MAX: Duration = Duration::from_secs(5);

/// What came of all rounds.
#[derive(Debug, Default)]
pub struct Report {
    /// Fills up to what is kept free, and up to the end of the disk.
    pub fills: (usize, usize),
    /// Reads while the disk was full, all of them answered.
    pub reads: usize,
    /// Writes that were refused as they should be.
    pub refused: usize,
    /// Acknowledged records, all of which were found.
    pub acknowledged: usize,
    /// From the room to the first write, the longest.
    pub recovery_max: Duration,
}

/// A file system of its own, until it is dropped.
struct Mount(tempfile::TempDir);

impl Mount {
    /// None where a process may not mount.
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", DISK, "tmpfs"]).arg(folder.path()).output();
        mounted.is_ok_and(|mounted| mounted.status.success()).then(|| Self(folder))
    }

    fn others(&self) -> PathBuf {
        self.0.path().join("others")
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("--lazy").arg(self.0.path()).status());
    }
}

/// Fills disks that often; none where a process may not mount.
///
/// # Panics
/// When anything is not as promised.
pub async fn run(trials: &Path, count: usize) -> Option<Report> {
    let began = Instant::now();
    let mut report = Report::default();
    for _ in 0..count {
        let Some(mount) = Mount::new() else {
            eprintln!("full disk: SKIPPED, this process may not mount a tmpfs");
            return None;
        };
        up_to_what_is_kept_free(trials, &mount, &mut report).await;
        drop(mount);
        let mount = Mount::new().expect("a second one");
        up_to_the_end(trials, &mount, &mut report).await;
    }
    eprintln!("full disk: {report:#?}\nin {:.1} s", began.elapsed().as_secs_f64());
    Some(report)
}

/// The service on the disk, and what it acknowledged.
struct Store {
    program: Program,
    process: Process,
    channel: Channel,
    acknowledged: BTreeMap<String, v1::Record>,
    batches: usize,
}

impl Store {
    async fn start(trials: &Path, mount: &Mount, kept_free: &str) -> Self {
        let program = Program::new("reform-data", trials).arg("serve-data").arg("--data-dir");
        let program = program.arg(mount.0.path().join("store"));
        let program = program.args(["--free-space-min", kept_free, "--ballast", BALLAST]);
        let process = program.start();
        let channel = process.until_serving().await;
        commit(&channel, base()).await;
        Self { program, process, channel, acknowledged: BTreeMap::new(), batches: 0 }
    }

    fn client(&self) -> RecordServiceClient<Channel> {
        RecordServiceClient::new(self.channel.clone())
    }

    /// New records: so many, so large.
    fn next(&mut self, (records, bytes): (usize, usize)) -> Vec<v1::Record> {
        self.batches += 1;
        let record = |n| appeal(&format!("fill-{}-{n}", self.batches), 2023);
        let records = (0..records).map(record);
        records.map(|record| v1::Record { description: "x".repeat(bytes), ..record }).collect()
    }

    /// Writes until it is refused, in smaller and smaller commits.
    async fn fill(&mut self) -> Status {
        let mut refused = None;
        for size in COMMITS {
            refused = loop {
                if let Err(status) = self.write(size).await {
                    break Some(status);
                }
            };
        }
        refused.expect("there are sizes")
    }

    async fn write(&mut self, size: (usize, usize)) -> Result<(), Status> {
        let request = creates(self.next(size));
        let answer = soon("an answer", self.client().commit_records(call(request))).await?;
        let records = answer.into_inner().records.into_iter();
        self.acknowledged.extend(records.map(|record| (record.name.clone(), record)));
        Ok(())
    }

    /// Every acknowledged record is there; how many.
    async fn read_all(&self) -> usize {
        for (name, record) in &self.acknowledged {
            let request = v1::GetRecordRequest { name: name.clone(), as_of: None };
            let read = soon("a read", self.client().get_record(call(request))).await;
            assert!(read.unwrap_or_else(|status| panic!("{name} is lost: {status:?}")).get_ref() == record);
        }
        let request =
            v1::CountRecordsRequest { filter: "kind = appeal".into(), ..v1::CountRecordsRequest::default() };
        let count = self.client().count_records(call(request)).await.unwrap().into_inner().count;
        assert!(usize::try_from(count).unwrap() >= self.acknowledged.len());
        self.acknowledged.len()
    }

    /// Everything but a removal is refused. sled gives room back now and then: then the disk is filled again.
    async fn refuses_writes(&mut self) -> usize {
        for _ in 0..FILLS_MAX {
            let refused = [self.write(COMMITS[0]).await, self.update().await, self.import().await];
            if refused.iter().all(Result::is_err) {
                refused.iter().flat_map(|refused| refused.as_ref().err()).for_each(assert_full);
                let (name, last) = self.acknowledged.pop_last().expect("there was room for some");
                let request =
                    v1::DeleteRecordRequest { name, etag: last.etag, ..v1::DeleteRecordRequest::default() };
                let removed = self.client().delete_record(call(request)).await;
                removed.expect("what takes records away goes on");
                return refused.len();
            }
            assert_full(&self.fill().await);
        }
        panic!("{FILLS_MAX} times there was room for a write after one was refused");
    }

    async fn update(&mut self) -> Result<(), Status> {
        let (name, record) = self.acknowledged.last_key_value().expect("there was room for some");
        let title = format!("{} again", name.trim_start_matches("records/"));
        let record = v1::Record { title, ..record.clone() };
        let request = v1::UpdateRecordRequest { record: Some(record), ..v1::UpdateRecordRequest::default() };
        let record = self.client().update_record(call(request)).await?.into_inner();
        self.acknowledged.insert(record.name.clone(), record);
        Ok(())
    }

    async fn import(&mut self) -> Result<(), Status> {
        let batch = v1::ImportBatch { records: self.next(COMMITS[0]), request_id: String::new() };
        let messages = [Import::Options(v1::ImportOptions::default()), Import::Batch(batch)];
        let messages = messages.map(|message| v1::ImportRecordsRequest { message: Some(message) });
        let answers = self.client().import_records(futures::stream::iter(messages)).await?;
        answers.into_inner().message().await.map(drop)
    }

    /// Waits until health says of writes what it should.
    async fn until_writes_are(&self, wanted: ServingStatus) {
        let request = HealthCheckRequest { service: "writes".to_owned() };
        let mut watch = HealthClient::new(self.channel.clone()).watch(request).await.unwrap().into_inner();
        let told = async { while watch.message().await.unwrap().unwrap().status() != wanted {} };
        soon("the health of writes", told).await;
    }

    async fn open_again(&mut self) {
        self.process = self.program.start();
        self.channel = self.process.until_serving().await;
    }
}

fn assert_full(status: &Status) {
    let told = (status.code(), reason(status));
    assert_eq!(told, (Code::ResourceExhausted, Some(Reason::DiskFull.as_str().to_owned())), "{status:?}");
}

/// The store leaves what is to be kept free, and goes on as soon as there is more.
async fn up_to_what_is_kept_free(trials: &Path, mount: &Mount, report: &mut Report) {
    fs::write(mount.others(), vec![1; OTHERS_BYTES]).unwrap();
    let mut store = Store::start(trials, mount, KEPT_FREE).await;
    assert_full(&store.fill().await);
    report.fills.0 += 1;
    report.reads += store.read_all().await;
    report.refused += store.refuses_writes().await;
    store.until_writes_are(ServingStatus::NotServing).await;

    fs::remove_file(mount.others()).unwrap();
    let room = Instant::now();
    store.until_writes_are(ServingStatus::Serving).await;
    store.write(COMMITS[0]).await.unwrap();
    report.recovery_max = report.recovery_max.max(room.elapsed());
    assert!(room.elapsed() < RECOVERY_MAX, "it writes {:?} after there was room", room.elapsed());

    assert_full(&store.fill().await);
    report.fills.0 += 1;
    store.process.kill_now().await;
    store.open_again().await;
    report.reads += store.read_all().await;
    report.refused += store.refuses_writes().await;
    report.acknowledged += store.acknowledged.len();
    store.process.stop().await;
}

/// Somebody else takes all room, gives it back, and takes it again: sooner or later the store meets the end of the disk.
/// It ends, and opens again in the room that the ballast held.
async fn up_to_the_end(trials: &Path, mount: &Mount, report: &mut Report) {
    let mut store = Store::start(trials, mount, "0 B").await;
    let stop = CancellationToken::new();
    let others = tokio::task::spawn_blocking({
        let (path, stop) = (mount.others(), stop.clone());
        move || {
            while !stop.is_cancelled() {
                drop(fs::remove_file(&path));
                fs::write(&path, vec![1; DISK_BYTES]).expect_err("the disk is smaller");
            }
        }
    });
    let status = loop {
        let refused = store.fill().await;
        if reason(&refused).as_deref() != Some(Reason::DiskFull.as_str()) {
            break refused;
        }
    };
    let told = reason(&status);
    assert!(told.is_none() || told.as_deref() == Some(Reason::StoreFailed.as_str()), "{status:?}");
    let (ended, log) = store.process.ended().await;
    assert!(ended.code() == Some(1) && log.contains("the disk failed"), "{ended}\n{log}");
    report.fills.1 += 1;
    stop.cancel();
    others.await.unwrap();

    store.process = store.program.start();
    store.channel = store.process.until_serving().await;
    report.reads += store.read_all().await;
    let before = store.acknowledged.len();
    fs::remove_file(mount.others()).unwrap();
    store.fill().await;
    assert!(store.acknowledged.len() > before, "there is room again");
    report.acknowledged += store.acknowledged.len();
    drop(store.process);
}
