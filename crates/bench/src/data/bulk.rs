//! Many records at once: an import beside a COPY, what the folder and the process take after it, and the feed of all that
//! was imported beside a bare stream of the same messages.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use prost::Message;
use reform_api::data::v1;
use reform_api::data::v1::change_service_client::ChangeServiceClient;

use super::{Bench, Part, Program};
use crate::postgres::{Postgres, Rows};
use crate::report::{self, Beside, Row, Samples};
use crate::server::Service;
use crate::synthetic;
use crate::upload::Upload;
use crate::{disk, load, process};

/// Changes of the bare stream that are different.
const SAMPLED: usize = 100_000;
/// How long a stream may take.
const FEED_TIMEOUT: Duration = Duration::from_secs(3_600);

/// What one import came to.
struct Imported {
    per_second: f64,
    resident_mib: Option<f64>,
    disk_bytes: u64,
}

impl Bench {
    /// Measures import and feed.
    pub(super) async fn bulk(&self) -> anyhow::Result<Vec<Row>> {
        report::progress(&format!("making {} appeals", self.args.records));
        let upload = Upload::appeals(&self.appeals, 1, self.args.records);
        let store = self.folder.join("imported");
        let mut rows = Vec::new();
        if self.measures(Part::Import) {
            rows.extend(self.imports(&upload, &store).await?);
        } else {
            import(&store, &upload).await?;
        }
        drop(upload);
        if self.measures(Part::Feed) {
            rows.extend(self.feeds(&store).await?);
        }
        std::fs::remove_dir_all(store).context("cannot remove a store")?;
        Ok(rows)
    }

    /// Imports into a new store and copies into an empty table, by turns. The last store stays.
    async fn imports(&self, upload: &Upload, store: &Path) -> anyhow::Result<Vec<Row>> {
        let mut postgres = if self.beside(Program::Postgresql) {
            let rows = Rows::appeals(&self.appeals, self.args.records)?;
            Some((Postgres::start(&self.folder).await?, rows, Samples::default()))
        } else {
            None
        };
        let mut rates = Samples::default();
        let (mut resident, mut stored) = (Samples::default(), Samples::default());
        for _ in 0..self.args.rounds {
            if store.exists() {
                std::fs::remove_dir_all(store).context("cannot remove a store")?;
            }
            let imported = import(store, upload).await?;
            let mut said = format!("ImportRecords: service {:.0}/s", imported.per_second);
            rates.push(imported.per_second);
            imported.resident_mib.into_iter().for_each(|mib| resident.push(mib));
            stored.push(imported.disk_bytes as f64 / upload.records as f64);
            if let Some((postgres, rows, copied)) = &mut postgres {
                postgres.empty().await?;
                let rate = postgres.copy(rows).await?;
                said += &format!("  COPY {rate:.0}/s");
                copied.push(rate);
            }
            report::progress(&said);
        }
        let mut import = Row::new("import_per_s", "ImportRecords, records/s", rates);
        if let Some((postgres, _, samples)) = postgres {
            postgres.stop().await?;
            let ratio = Some("import_vs_copy".to_owned());
            import = import.beside(Beside { name: "COPY", ratio, key: "copy_per_s".to_owned(), samples });
        }
        let encoded = upload.encoded_bytes as f64 / upload.records as f64;
        let disk = on_disk("disk", "disk after import and a clean stop, bytes/record", stored, encoded);
        Ok(vec![import, disk, Row::new("rss_mib", "memory after import, MiB", resident)])
    }

    /// Reads the feed from the beginning and the bare stream of the same messages, by turns.
    async fn feeds(&self, store: &Path) -> anyhow::Result<Vec<Row>> {
        let service = Service::data(store).await?;
        let sample = self.folder.join("feed");
        sample_feed(&service, &sample).await?;
        let echo = Service::echo(&v1::Record::default(), Some(&sample)).await?;
        let (mut ours, mut bare) = (Samples::default(), Samples::default());
        for _ in 0..self.args.rounds {
            let read = read_feed(&service, self.args.records).await?;
            let streamed = read_feed(&echo, self.args.records).await.context("the bare stream")?;
            report::progress(&format!("WatchChanges: service {read:.0}/s  bare stream {streamed:.0}/s"));
            ours.push(read);
            bare.push(streamed);
        }
        echo.stop().await?;
        service.stop().await?;
        let ratio = Some("feed_vs_stream".to_owned());
        let beside = Beside { name: "stream", ratio, key: "stream_per_s".to_owned(), samples: bare };
        Ok(vec![Row::new("feed_per_s", "WatchChanges from 0, records/s", ours).beside(beside)])
    }
}

/// What a folder takes beside what was sent.
pub(super) fn on_disk(stem: &str, label: &str, bytes_per_record: Samples, encoded: f64) -> Row {
    Row::new(format!("{stem}_bytes_per_record"), label, bytes_per_record).beside(Beside {
        name: "encoded",
        ratio: Some(format!("{stem}_vs_encoded")),
        key: format!("{stem}_encoded_bytes_per_record"),
        samples: Samples::one(encoded),
    })
}

async fn import(store: &Path, upload: &Upload) -> anyhow::Result<Imported> {
    let service = Service::data(store).await?;
    Upload::surroundings().send(service.channel().await?).await.context("institutions")?;
    let per_second = upload.send(service.channel().await?).await?;
    let resident_mib = service.pid().and_then(process::resident_mib);
    service.stop().await?;
    Ok(Imported { per_second, resident_mib, disk_bytes: disk::bytes_below(store)? })
}

/// Reads so many changes; changes per second from the call to the last of them.
async fn read_feed(service: &Service, records: u64) -> anyhow::Result<f64> {
    let address = service.endpoint()?;
    load::on_one_thread(FEED_TIMEOUT, async move {
        let mut client = ChangeServiceClient::new(address.connect().await?);
        let (started, mut read) = (Instant::now(), 0);
        let mut messages = client.watch_changes(v1::WatchChangesRequest::default()).await?.into_inner();
        while read < records {
            let message = messages.message().await?.context("the stream ended")?;
            ensure!(!message.changes.is_empty(), "the feed ends after {read} changes");
            read += message.changes.len() as u64;
        }
        Ok(read as f64 / started.elapsed().as_secs_f64())
    })
    .await
}

/// Writes messages from the feed into a file, leaving out what is not an appeal.
async fn sample_feed(service: &Service, file: &PathBuf) -> anyhow::Result<()> {
    let mut client = ChangeServiceClient::new(service.channel().await?);
    let mut messages = client.watch_changes(v1::WatchChangesRequest::default()).await?.into_inner();
    let (mut bytes, mut sampled) = (Vec::new(), 0);
    while sampled < SAMPLED {
        let Some(message) = messages.message().await? else { break };
        if message.changes.is_empty() {
            break;
        }
        if message.changes.len() != synthetic::surroundings().len() {
            sampled += message.changes.len();
            message.encode_length_delimited(&mut bytes)?;
        }
    }
    ensure!(sampled > 0, "the feed is empty");
    std::fs::write(file, bytes).context("cannot write the sample of the feed")
}
