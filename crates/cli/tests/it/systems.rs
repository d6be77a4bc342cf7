//! The README's table of systems, made from a running pair: each system with its records and one answered question.
//!
//! `REFORM_UPDATE=1 cargo test -p reform-cli --test it systems` writes it anew.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on fails here, and says so"
)]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use futures::{TryStreamExt, stream};
use reform_api::analytics::v1::{ListConflictsRequest, Origin, Point, QueryIndicatorRequest, Series};
use reform_api::client::{AnalyticsClient, DataClient};
use reform_api::data::v1::{CountRecordsRequest, Date, GetStatusRequest, ImportBatch, ImportOptions, Period};
use reform_api::json;
use reform_runtime::front;
use serde::Deserialize;

use crate::services::Services;

/// What the parts of the README that are made stand between.
const MARKS: (&str, &str) = ("<!-- systems: made by a test -->\n", "<!-- systems end -->");

#[derive(Deserialize)]
struct Systems {
    system: Vec<System>,
}

#[derive(Deserialize)]
struct System {
    title: String,
    records: String,
    question: String,
    indicator: String,
    #[serde(default)]
    jurisdictions: Vec<String>,
    period: Option<String>,
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    #[serde(default)]
    group_by: Vec<String>,
    #[serde(default)]
    filter: String,
    origin: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

impl System {
    fn query(&self, min_revision: i64) -> QueryIndicatorRequest {
        let origin = match self.origin.as_deref() {
            Some("reported") => Origin::Reported,
            Some("counted") => Origin::Counted,
            Some(_) | None => Origin::Unspecified,
        };
        let year = |text: &str| Date { year: Some(text.parse().unwrap()), ..Date::default() };
        let period = self.period.as_ref().map(|text| {
            let (start, end) = text.split_once("..").unwrap_or((text, text));
            Period { start: Some(year(start)), end: Some(year(end)) }
        });
        QueryIndicatorRequest {
            indicator: format!("indicators/{}", self.indicator),
            jurisdictions: self.jurisdictions.clone(),
            period,
            group_by: self.group_by.clone(),
            filter: self.filter.clone(),
            parameters: self.parameters.clone(),
            origin: origin.into(),
            min_revision,
            ..QueryIndicatorRequest::default()
        }
    }

    /// The latest answered point of the series that are meant; what is only planned says so.
    fn answer(&self, series: &[Series]) -> Option<String> {
        let meant = series
            .iter()
            .filter(|series| self.labels.iter().all(|(key, value)| series.labels.get(key) == Some(value)));
        let points = meant.flat_map(|series| series.points.iter().map(move |point| (series, point)));
        let shown = points.filter_map(|(series, point)| {
            let planned = series.labels.get("status").is_some_and(|status| status == "PLANNED");
            let mark = if planned { " (planned)" } else { "" };
            Some((end(point), format!("{}{mark}", shown(point)?)))
        });
        shown.max_by_key(|(end, _)| *end).map(|(_, text)| text)
    }
}

/// When a point's period ends.
fn end(point: &Point) -> Option<(i32, i32, i32)> {
    let end = point.period.as_ref()?.end.as_ref()?;
    let end = end.latest.as_deref().unwrap_or(end);
    Some((end.year?, end.month.unwrap_or(12), end.day.unwrap_or(31)))
}

/// A point as the table shows it; none when it says nothing.
fn shown(point: &Point) -> Option<String> {
    let display = point.estimate.as_ref().map(|estimate| estimate.display.clone()).unwrap_or_default();
    let status = point.status.clone();
    if display.is_empty() && status.is_empty() {
        return None;
    }
    let step = point.figures.get("before").map(|before| format!("{before} → ")).unwrap_or_default();
    let of = match (point.numerator, point.denominator) {
        (Some(part), Some(whole)) => format!("{part} of {whole} = "),
        (Some(_) | None, Some(_) | None) => String::new(),
    };
    let when = point.period.as_ref().map(period).unwrap_or_default();
    Some(
        [&*when, ": ", &step, &of, &display, if display.is_empty() { "" } else { " " }, &status]
            .concat()
            .trim_end()
            .to_owned(),
    )
}

fn period(period: &Period) -> String {
    match (&period.start, &period.end) {
        (Some(start), Some(end)) if start == end => date(start),
        (None, None) => "undated".to_owned(),
        (start, end) => {
            let text = |date: &Option<Date>| date.as_ref().map(self::date).unwrap_or_default();
            format!("{} to {}", text(start), text(end)).trim().to_owned()
        }
    }
}

fn date(date: &Date) -> String {
    let mut text = date.year.map(|year| format!("{year:04}")).unwrap_or_default();
    for part in [date.month, date.day].into_iter().flatten() {
        write!(text, "-{part:02}").unwrap();
    }
    match &date.latest {
        Some(latest) => format!("{text}..{}", self::date(latest)),
        None => text,
    }
}

/// Both services in this process over a store of their own, with the shipped records in it.
struct Pair {
    data: DataClient,
    analytics: AnalyticsClient,
    head: i64,
    services: Services,
}

impl Pair {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let front = front::Config::new(([127, 0, 0, 1], 0).into());
        let services = Services::start(folder, front, |_| {}).await;
        let data = DataClient::connect(services.data.url()).await.unwrap();
        let batches = stream::iter(batches());
        let answers: Vec<_> = data.import(ImportOptions::default(), batches).try_collect().await.unwrap();
        assert!(answers.iter().all(|answer| answer.problems_total == 0), "the dataset imports");
        let head = data.get_status(GetStatusRequest {}).await.unwrap().head_revision;
        let analytics = AnalyticsClient::connect(services.analytics.url()).await.unwrap();
        Self { data, analytics, head, services }
    }

    async fn stop(self) {
        let Self { data, analytics, services, .. } = self;
        drop((data, analytics));
        services.stop().await;
    }

    async fn row(&self, system: &System) -> String {
        let request =
            CountRecordsRequest { filter: system.records.clone(), ..CountRecordsRequest::default() };
        let count = self.data.count_records(request).await.unwrap().count;
        assert!(count > 0, "{} has no records", system.title);
        let answer = self.analytics.query_indicator(system.query(self.head)).await.unwrap();
        let answered =
            system.answer(&answer.series).unwrap_or_else(|| panic!("{}: {answer:?}", system.title));
        let System { title, question, indicator, .. } = system;
        format!("| {title} | {count} | {question} (`{indicator}`) | {answered} |\n")
    }
}

async fn table() -> String {
    let pair = Pair::start().await;
    let systems: Systems = toml::from_str(reform_dataset::SYSTEMS).unwrap();
    assert_eq!(systems.system.len(), 17);
    let mut table = String::from("| system | records | asked | answered |\n|---|---|---|---|\n");
    for system in &systems.system {
        table.push_str(&pair.row(system).await);
    }
    pair.stop().await;
    table
}

/// The dataset as batches, a file each.
fn batches() -> Vec<ImportBatch> {
    let record = |line: &str| json::parse("reform.data.v1.Record", line).unwrap();
    let batch = |(_, text): &(&str, &str)| ImportBatch {
        records: text.lines().filter(|line| !line.trim().is_empty()).map(record).collect(),
        ..ImportBatch::default()
    };
    reform_dataset::FILES.iter().map(batch).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_known_contradiction_is_visible_among_the_conflicts() {
    let pair = Pair::start().await;
    let query = registered_parties(pair.head);
    pair.analytics.query_indicator(query).await.unwrap();
    let conflicts = pair.analytics.conflicts(ListConflictsRequest::default());
    let told: Vec<String> = conflicts.map_ok(|conflict| conflict.why).try_collect().await.unwrap();
    let missing: Vec<String> = (1..=24)
        .map(|number| format!("C{number:02}"))
        .filter(|id| !told.iter().any(|why| why.contains(id.as_str())))
        .collect();
    assert_eq!(missing, Vec::<String>::new());
    pair.stop().await;
}

/// Any question that waits until everything is there.
fn registered_parties(min_revision: i64) -> QueryIndicatorRequest {
    let indicator = "indicators/registered-parties".to_owned();
    QueryIndicatorRequest { indicator, min_revision, ..QueryIndicatorRequest::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_readme_says_what_the_pair_answers_for_each_system() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(MARKS.0).unwrap();
    let (said, after) = rest.split_once(MARKS.1).unwrap();
    let made = table().await;
    if std::env::var_os("REFORM_UPDATE").is_some() {
        fs::write(&path, [before, MARKS.0, &made, MARKS.1, after].concat()).unwrap();
        eprintln!("the README's table is written");
    } else {
        assert_eq!(said, made, "run again with REFORM_UPDATE=1");
    }
}
