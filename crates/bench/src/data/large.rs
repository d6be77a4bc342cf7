//! A large store: how long it takes to open, and what a page of a list costs in it beside one in a small store.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use reform_api::data::v1;
use reform_api::data::v1::record_service_client::RecordServiceClient;
use tonic::transport::Channel;

use super::bulk::on_disk;
use super::{Bench, Part};
use crate::calls::{self, Writes};
use crate::load::{self, Pace, Shape};
use crate::report::{self, Beside, Row, Samples};
use crate::server::Service;
use crate::synthetic::{Appeals, COLLECTION, Draws, FILING_DAYS, INSTITUTIONS};
use crate::upload::Upload;
use crate::{disk, process};

/// Appeals of the small store.
const SMALL: u64 = 10_000;
/// Pages that are read in a round, the same in every round, and the records of each.
const PAGES: u64 = 1_000;
const PAGE_SIZE: u64 = 100;
/// Matches that the filter of a page has on average, so that nearly every page is full.
const MATCHES: u64 = 150;
/// How long is written before the service is killed, and in which shape.
const WRITTEN_BEFORE_KILL: Duration = Duration::from_secs(1);
const WRITERS: Shape = Shape { connections: 8, streams: 32 };

impl Bench {
    /// Measures lists and reopening.
    pub(super) async fn large(&self) -> anyhow::Result<Vec<Row>> {
        let large = Store { folder: self.folder.join("large"), records: self.args.large };
        let mut rows = self.fill(&large).await?;
        if self.measures(Part::Reopen) {
            rows.extend(self.reopens(&large).await?);
        }
        if self.measures(Part::List) {
            let small = Store { folder: self.folder.join("small"), records: self.args.large.min(SMALL) };
            self.fill(&small).await?;
            rows.push(self.lists(&large, &small).await?);
        }
        std::fs::remove_dir_all(large.folder).context("cannot remove a store")?;
        Ok(rows)
    }

    /// Fills a new store, stream after stream.
    async fn fill(&self, store: &Store) -> anyhow::Result<Vec<Row>> {
        let Store { folder, records } = store;
        let service = Service::data(folder).await?;
        Upload::surroundings().send(service.channel().await?).await.context("institutions")?;
        let (mut rates, mut encoded_bytes) = (Samples::default(), 0);
        Upload::send_all(&service, &self.appeals, 1, *records, |rate, bytes| {
            rates.push(rate);
            encoded_bytes += bytes;
        })
        .await?;
        let resident = service.pid().and_then(process::resident_mib);
        service.stop().await?;
        let encoded = encoded_bytes as f64 / *records as f64;
        let stored = Samples::one(disk::bytes_below(folder)? as f64 / *records as f64);
        let mut rows = vec![
            Row::new("large_records", "appeals of the large store", Samples::one(*records as f64)),
            Row::new("large_import_per_s", "large store, ImportRecords, records/s", rates),
            on_disk("disk_large", "large store, disk after a clean stop, bytes/record", stored, encoded),
        ];
        let mib = resident.into_iter().map(Samples::one);
        rows.extend(mib.map(|mib| Row::new("rss_large_mib", "large store, memory after import, MiB", mib)));
        Ok(rows)
    }

    /// Opens a store four times: twice after a clean stop, twice after the service was killed while it was writing.
    async fn reopens(&self, store: &Store) -> anyhow::Result<Vec<Row>> {
        let (service, first) = store.open().await?;
        service.stop().await?;
        let (service, again) = store.open().await?;
        let writes = Writes::from(&self.appeals, store.records + 1);
        let endless = Pace { warm_up: Duration::ZERO, measured: WRITTEN_BEFORE_KILL * 60 };
        let writing = load::closed_loop(service.address(), WRITERS, endless, calls::create(writes));
        let writing = tokio::spawn(writing);
        tokio::time::sleep(WRITTEN_BEFORE_KILL).await;
        service.kill().await?;
        ensure!(writing.await?.is_err(), "the writers noticed nothing");
        let (service, killed) = store.open().await?;
        service.kill().await?;
        let (service, killed_again) = store.open().await?;
        service.stop().await?;
        let gib = disk::bytes_below(&store.folder)? as f64 / f64::from(1 << 30);
        let rows = [
            ("reopen_first_s", "large store, first opening after import, s", first),
            ("reopen_again_s", "large store, opening after a clean stop, s", again),
            ("reopen_killed_s", "large store, opening after kill −9 of writers, s", killed),
            ("reopen_killed_again_s", "large store, opening after one more kill −9, s", killed_again),
            ("reopen_s", "large store, slowest opening, s", first.max(again).max(killed).max(killed_again)),
            ("large_disk_gib", "large store, disk, GiB", gib),
        ];
        Ok(rows.map(|(key, label, value)| Row::new(key, label, Samples::one(value))).into())
    }

    /// Reads the same pages in both stores by turns.
    async fn lists(&self, large: &Store, small: &Store) -> anyhow::Result<Row> {
        let (in_large, _) = large.open().await?;
        let (in_small, _) = small.open().await?;
        let (mut long, mut short) = (Samples::default(), Samples::default());
        for round in 0..=self.args.rounds {
            let page = large.pages(in_large.channel().await?).await?;
            let small_page = small.pages(in_small.channel().await?).await?;
            // The first round warms up.
            if round > 0 {
                report::progress(&format!(
                    "ListRecords: {page:.3} ms/page of {}, {small_page:.3} ms/page of {}",
                    large.records, small.records
                ));
                long.push(page);
                short.push(small_page);
            }
        }
        in_large.stop().await?;
        in_small.stop().await?;
        let ratio = Some("list_10m_vs_10k".to_owned());
        let beside =
            Beside { name: "10 thousand", ratio, key: "list_10k_page_ms".to_owned(), samples: short };
        Ok(Row::new("list_10m_page_ms", "ListRecords in the large store, ms/page of 100", long)
            .beside(beside))
    }
}

/// A filled folder.
struct Store {
    folder: PathBuf,
    records: u64,
}

impl Store {
    /// Starts the service over the store; seconds from the start of the process to its first answer.
    async fn open(&self) -> anyhow::Result<(Service, f64)> {
        let started = Instant::now();
        let service = Service::data(&self.folder).await?;
        let mut client = RecordServiceClient::new(service.channel().await?);
        let name = format!("{COLLECTION}{}", Appeals::id(self.records));
        let request = v1::GetRecordRequest { name, as_of: None };
        client.get_record(request).await.context("the reopened service does not answer")?;
        let seconds = started.elapsed().as_secs_f64();
        report::progress(&format!("{} appeals opened in {seconds:.3} s", self.records));
        Ok((service, seconds))
    }

    /// Reads the pages one after another; milliseconds for each.
    async fn pages(&self, channel: Channel) -> anyhow::Result<f64> {
        let mut client = RecordServiceClient::new(channel);
        let mut draws = Draws::new(0);
        let (started, mut read) = (Instant::now(), 0);
        for _ in 0..PAGES {
            let request = v1::ListRecordsRequest {
                filter: self.filter(&mut draws),
                page_size: i32::try_from(PAGE_SIZE)?,
                ..v1::ListRecordsRequest::default()
            };
            let page = client.list_records(request).await.context("a page")?.into_inner();
            read += page.records.len() as u64;
        }
        let elapsed = started.elapsed();
        let wanted = PAGES * PAGE_SIZE.min(self.records / INSTITUTIONS / 2);
        ensure!(read >= wanted * 9 / 10, "{PAGES} pages hold {read} records");
        Ok(elapsed.as_secs_f64() * 1e3 / PAGES as f64)
    }

    /// One institution and a span of days in which it got about as many appeals as wanted.
    fn filter(&self, draws: &mut Draws) -> String {
        let days = (MATCHES * INSTITUTIONS * FILING_DAYS).div_ceil(self.records).min(FILING_DAYS);
        let first = draws.below(FILING_DAYS - days + 1);
        let (from, until) = (Appeals::filing_day(first), Appeals::filing_day(first + days));
        let institution = format!("{COLLECTION}institution-{:02}", 1 + draws.below(INSTITUTIONS));
        format!(
            r#"appeal.institution = "{institution}" AND appeal.filed_on >= "{from}" AND appeal.filed_on < "{until}""#
        )
    }
}
