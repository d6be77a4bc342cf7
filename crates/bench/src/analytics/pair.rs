//! A data service full of appeals and an analytics service behind it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use reform_api::analytics::v1;
use reform_api::analytics::v1::indicator_service_client::IndicatorServiceClient;
use serde_json::Value;
use tonic::Code;

use super::QUESTIONS;
use crate::process;
use crate::report::{self, Row, Samples};
use crate::server::Service;
use crate::synthetic::Appeals;
use crate::upload::Upload;

/// How long to wait before asking again how far it is.
const ASK_AGAIN: Duration = Duration::from_millis(2);
/// How long the analytics service may take for everything.
const TIMEOUT: Duration = Duration::from_secs(1_800);

/// Both, running.
pub(super) struct Pair {
    data: Service,
    pub(super) analytics: Service,
    state: PathBuf,
}

impl Pair {
    /// Fills a new store, then starts an analytics service over it and waits until that holds every appeal.
    ///
    /// # Errors
    /// When a service fails or refuses.
    pub(super) async fn fill(
        folder: &Path,
        appeals: &Appeals,
        records: u64,
    ) -> anyhow::Result<(Self, Vec<Row>)> {
        std::fs::create_dir_all(folder)?;
        let data = Service::data(&folder.join("data")).await?;
        Upload::surroundings().send(data.channel().await?).await.context("institutions")?;
        Upload::send_all(&data, appeals, 1, records, |_, _| {}).await?;
        let state = folder.join("state");
        let begun = Instant::now();
        let analytics = Service::analytics(&data, &state).await?;
        let pair = Self { data, analytics, state };
        let before = [pair.processor_seconds()[0], 0.0];
        let status = pair.reached(records).await?;
        let rate = records as f64 / begun.elapsed().as_secs_f64();
        let spent = pair.spent_since(before, records as f64);
        report::progress(&format!(
            "{records} appeals read and folded, {rate:.0}/s, {spent:.2?} µs of processor time each"
        ));
        let held = status.rows.get("appeal").copied().unwrap_or_default();
        ensure!(
            u64::try_from(held).is_ok_and(|held| held == records),
            "{held} of {records} appeals are held"
        );
        let mut rows = vec![
            Row::new("analytics_records", "appeals", Samples::one(records as f64)),
            Row::new("export_per_s", "export and fold of all, appeals/s", Samples::one(rate)),
            Row::new(
                "bytes_per_appeal",
                "memory of the view, bytes/appeal",
                Samples::one(status.view_bytes as f64 / records as f64),
            ),
        ];
        let mib = pair.analytics.pid().and_then(process::resident_mib).map(Samples::one);
        rows.extend(mib.map(|mib| Row::new("analytics_rss_mib", "memory of the process, MiB", mib)));
        Ok((pair, rows))
    }

    /// Asks once.
    ///
    /// # Errors
    /// When it refuses.
    pub(super) async fn answer(
        &self,
        query: v1::QueryIndicatorRequest,
    ) -> anyhow::Result<v1::QueryIndicatorResponse> {
        let mut client =
            IndicatorServiceClient::new(self.analytics.channel().await?).max_decoding_message_size(16 << 20);
        Ok(client.query_indicator(query).await.context("a question")?.into_inner())
    }

    /// Waits until so many appeals are held.
    async fn reached(&self, appeals: u64) -> anyhow::Result<v1::GetStatusResponse> {
        let begun = Instant::now();
        let mut client = IndicatorServiceClient::new(self.analytics.channel().await?);
        while begun.elapsed() < TIMEOUT {
            let status = client.get_status(v1::GetStatusRequest {}).await.context("its status")?.into_inner();
            let held = status.rows.get("appeal").copied().unwrap_or_default();
            if u64::try_from(held).is_ok_and(|held| held >= appeals) {
                return Ok(status);
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
        bail!("the analytics service does not get to {appeals} appeals")
    }

    /// Stops the analytics service and starts it again over its checkpoint, twice: as it was, and with more appeals that
    /// were filed meanwhile and come over the feed.
    ///
    /// # Errors
    /// When a service fails.
    pub(super) async fn restarted(self, appeals: &Appeals, records: u64) -> anyhow::Result<Vec<Row>> {
        let Self { data, analytics, state } = self;
        analytics.stop().await?;
        let begun = Instant::now();
        let analytics = Service::analytics(&data, &state).await?;
        let pair = Self { data, analytics, state };
        pair.first_answer().await?;
        let restart = begun.elapsed().as_secs_f64();
        report::progress(&format!("restarted in {restart:.3} s"));
        let Self { data, analytics, state } = pair;
        analytics.stop().await?;
        let more = (records / 10).max(1_000);
        Upload::send_all(&data, appeals, records + 1, records + more, |_, _| {}).await?;
        let analytics = Service::analytics(&data, &state).await?;
        let pair = Self { data, analytics, state };
        pair.first_answer().await?;
        let (begun, before, spent) = (Instant::now(), pair.held().await?, pair.processor_seconds());
        pair.reached(records + more).await?;
        let appeals = (records + more).saturating_sub(before) as f64;
        let followed = appeals / begun.elapsed().as_secs_f64();
        let spent = pair.spent_since(spent, appeals);
        report::progress(&format!(
            "followed, {followed:.0} appeals/s, {spent:.2?} µs of processor time each"
        ));
        pair.stop().await?;
        Ok(vec![
            Row::new("restart_s", "restart with a checkpoint, s to the first answer", Samples::one(restart)),
            Row::new("follow_per_s", "feed read and folded, appeals/s", Samples::one(followed)),
        ])
    }

    /// Processor time of the data service and of the analytics service so far.
    fn processor_seconds(&self) -> [f64; 2] {
        let spent = |service: &Service| service.pid().and_then(process::processor_seconds);
        [&self.data, &self.analytics].map(|service| spent(service).unwrap_or(f64::NAN))
    }

    /// Processor time since then, in microseconds an appeal.
    fn spent_since(&self, before: [f64; 2], appeals: f64) -> [f64; 2] {
        let [data, analytics] = self.processor_seconds();
        [data - before[0], analytics - before[1]].map(|seconds| seconds * 1e6 / appeals)
    }

    async fn held(&self) -> anyhow::Result<u64> {
        let mut client = IndicatorServiceClient::new(self.analytics.channel().await?);
        let status = client.get_status(v1::GetStatusRequest {}).await.context("its status")?.into_inner();
        Ok(status.rows.get("appeal").copied().and_then(|held| u64::try_from(held).ok()).unwrap_or_default())
    }

    /// Asks until there is an answer.
    async fn first_answer(&self) -> anyhow::Result<()> {
        let begun = Instant::now();
        let mut client = IndicatorServiceClient::new(self.analytics.channel().await?);
        while begun.elapsed() < TIMEOUT {
            match client.query_indicator(QUESTIONS[0].request()).await {
                Ok(_) => return Ok(()),
                Err(status) if status.code() == Code::Unavailable => tokio::time::sleep(ASK_AGAIN).await,
                Err(status) => return Err(status).context("the first answer"),
            }
        }
        bail!("the analytics service does not answer")
    }

    /// Ends both.
    ///
    /// # Errors
    /// When one takes too long or fails.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        self.analytics.stop().await?;
        self.data.stop().await
    }
}

/// Compares an answer with the rows of DuckDB: the figures, in the order of their labels.
///
/// # Errors
/// When they are not the same.
pub(super) fn agree(
    stem: &str,
    answer: &v1::QueryIndicatorResponse,
    rows: &[Vec<Value>],
) -> anyhow::Result<()> {
    let mut ours = Vec::new();
    for series in &answer.series {
        for point in &series.points {
            let start = point.period.as_ref().and_then(|period| period.start.as_ref());
            let year = start.and_then(|start| start.year);
            let label = |name: &str| series.labels.get(name).cloned().unwrap_or_default();
            let figure = |text: &str| text.parse::<f64>().unwrap_or(f64::NAN);
            let value = point.estimate.as_ref().and_then(|estimate| estimate.value.as_deref());
            let p90 = point.figures.get("p90").filter(|_| stem == "percentiles");
            let figures = value.into_iter().chain(p90.map(String::as_str)).map(figure).collect::<Vec<_>>();
            if !figures.is_empty() {
                ours.push(((year.unwrap_or_default(), label("institution"), label("outcome")), figures));
            }
        }
    }
    let mut theirs = Vec::new();
    for row in rows {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let mut texts = row.iter().filter_map(text);
        let numbers: Vec<f64> = row.iter().filter_map(Value::as_f64).collect();
        let (year, figures) = numbers.split_first().context("a row without a year")?;
        let key = (*year as i32, texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
        theirs.push((key, figures.to_vec()));
    }
    ours.sort_by(|a, b| a.0.cmp(&b.0));
    theirs.sort_by(|a, b| a.0.cmp(&b.0));
    let same = ours.len() == theirs.len()
        && ours.iter().zip(&theirs).all(|((key, ours), (other, theirs))| {
            let close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-6;
            key == other && ours.len() == theirs.len() && ours.iter().zip(theirs).all(close)
        });
    ensure!(same, "{stem}: DuckDB says something else: {:?} beside {:?}", theirs.first(), ours.first());
    Ok(())
}
