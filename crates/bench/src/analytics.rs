//! `analytics`: the analytics service beside an echo that returns the same bytes, and beside DuckDB over the same appeals.

mod duckdb;
mod fold;
mod pair;

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use prost::Message;
use reform_api::analytics::v1;
use serde_json::json;

use self::duckdb::DuckDb;
use self::pair::Pair;
use crate::calls;
use crate::contest::Contest;
use crate::load::{self, Pace, Shape};
use crate::report::{self, Beside, Report, Row, Samples};
use crate::server::Service;
use crate::session::Session;
use crate::synthetic::{Appeals, COLLECTION};

/// Appeals of the small pair.
const SMALL: u64 = 10_000;
const ONE: Shape = Shape { connections: 1, streams: 1 };

/// How `analytics` runs.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Appeals that the questions are about.
    #[arg(long, default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(1_000..=100_000_000))]
    records: u64,
    /// Seconds of each measurement, after a warm-up of one at most.
    #[arg(long, default_value = "3", value_parser = crate::data::seconds)]
    seconds: Duration,
    /// Rounds, in each of which everybody is measured by turns.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// What is not measured beside the service; its keys are absent.
    #[arg(long, value_delimiter = ',', value_name = "PROGRAMS", value_parser = ["duckdb"])]
    without: Vec<String>,
    /// File to write ratios and figures to, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Folder in which the temporary folder of the stores is made.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// A question to both.
struct Question {
    /// In keys.
    stem: &'static str,
    label: &'static str,
    indicator: &'static str,
    group_by: &'static [&'static str],
    /// Its number in the script for DuckDB.
    number: usize,
}

const QUESTIONS: [Question; 3] = [
    Question {
        stem: "query",
        label: "appeals by year",
        indicator: "indicators/appeals-per-year",
        group_by: &[],
        number: 0,
    },
    Question {
        stem: "cube",
        label: "appeals by year, institution and outcome",
        indicator: "indicators/appeals-per-year",
        group_by: &["institution", "outcome"],
        number: 1,
    },
    Question {
        stem: "percentiles",
        label: "median and p90 of response days by year and institution",
        indicator: "indicators/appeal-response-time",
        group_by: &["institution"],
        number: 2,
    },
];

impl Question {
    fn request(&self) -> v1::QueryIndicatorRequest {
        v1::QueryIndicatorRequest {
            indicator: self.indicator.to_owned(),
            group_by: self.group_by.iter().map(|name| (*name).to_owned()).collect(),
            origin: v1::Origin::Counted.into(),
            ..v1::QueryIndicatorRequest::default()
        }
    }
}

/// Measures, prints the table and writes the JSON.
///
/// # Errors
/// When a service or DuckDB is missing, fails, refuses or disagrees, or a file cannot be written.
pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let session = Session::begin(args.json.as_deref(), args.dir.as_deref())?;
    let run =
        json!({ "records": args.records, "rounds": args.rounds, "seconds": args.seconds.as_secs_f64() });
    let pace = Pace::of(args.seconds);
    let bench = Bench { args, pace, appeals: Appeals::new(), folder: session.folder() };
    session.end(&bench.run().await?, run)
}

/// One run.
struct Bench {
    args: Args,
    pace: Pace,
    appeals: Appeals,
    folder: PathBuf,
}

impl Bench {
    async fn run(&self) -> anyhow::Result<Report> {
        let mut report = Report::default();
        report.rows.push(fold::row(&self.appeals, self.args.records, self.args.rounds)?);
        let (large, rows) = Pair::fill(&self.folder.join("large"), &self.appeals, self.args.records).await?;
        report.rows.extend(rows);
        let (small, _) =
            Pair::fill(&self.folder.join("small"), &self.appeals, SMALL.min(self.args.records)).await?;
        for question in &QUESTIONS {
            report.rows.extend(self.beside_echo(question, &large).await?);
        }
        report.rows.push(self.growth(&large, &small).await?);
        small.stop().await?;
        if self.args.without.is_empty() {
            report.rows.extend(self.beside_duckdb(&large).await?);
        }
        report.rows.extend(large.restarted(&self.appeals, self.args.records).await?);
        Ok(report)
    }

    /// The question over and over, and an echo of its answer.
    async fn beside_echo(&self, question: &Question, pair: &Pair) -> anyhow::Result<Vec<Row>> {
        let answer = pair.answer(question.request()).await?.encode_to_vec();
        let file = self.folder.join(format!("{}.answer", question.stem));
        std::fs::write(&file, &answer)?;
        let echo = Service::answer(&file).await?;
        let request = Bytes::from(question.request().encode_to_vec());
        let asked = || calls::query(request.clone(), answer.len());
        let rows = Contest::new(question.stem, "", question.label, ONE)
            .by_latency()
            .side("service", pair.analytics.target(asked()))
            .side("echo", echo.target(asked()))
            .run(self.args.rounds, self.pace)
            .await?;
        echo.stop().await?;
        let bytes = Samples::one(answer.len() as f64);
        let bytes = Row::new(format!("{}_answer_bytes", question.stem), "its answer, bytes", bytes);
        Ok(rows.into_iter().chain([bytes]).collect())
    }

    /// Questions of which no answer is ready, about many appeals and about few.
    async fn growth(&self, large: &Pair, small: &Pair) -> anyhow::Result<Row> {
        let (mut many, mut few) = (Samples::default(), Samples::default());
        for pair in [large, small] {
            // The first of its kind counts the cells that all others read.
            let filter = format!(r#"institution = "{COLLECTION}institution-01""#);
            pair.answer(v1::QueryIndicatorRequest { filter, ..QUESTIONS[0].request() }).await?;
        }
        for _ in 0..self.args.rounds {
            for (pair, samples) in [(large, &mut many), (small, &mut few)] {
                let asked = calls::query_months(QUESTIONS[0].request());
                let round = load::closed_loop(pair.analytics.address(), ONE, self.pace, asked).await?;
                samples.push(round.latency_ms(0.5));
            }
        }
        let beside = Beside {
            name: "10 thousand",
            ratio: Some("growth_10k_10m".to_owned()),
            key: "months_10k_p50_ms".to_owned(),
            samples: few,
        };
        Ok(Row::new("months_p50_ms", "appeals of an institution in random months, p50 ms", many)
            .beside(beside))
    }

    /// The same questions in DuckDB, by turns; what it says has to be the same.
    async fn beside_duckdb(&self, pair: &Pair) -> anyhow::Result<Vec<Row>> {
        report::progress("loading the appeals into DuckDB");
        let mut duckdb = DuckDb::start(&self.folder, &self.appeals, self.args.records).await?;
        let mut rows = Vec::new();
        for question in &QUESTIONS {
            let (mut theirs, mut ours) = (Samples::default(), Samples::default());
            let request = Bytes::from(question.request().encode_to_vec());
            for _ in 0..self.args.rounds {
                let asked = duckdb.ask(question.number, self.pace.measured).await?;
                theirs.push(asked.taken_ms.iter().copied().collect::<Samples>().median().unwrap_or(f64::NAN));
                let calls = calls::query(request.clone(), 1);
                let round = load::closed_loop(pair.analytics.address(), ONE, self.pace, calls).await?;
                ours.push(round.latency_ms(0.5));
                let answer = pair.answer(question.request()).await?;
                pair::agree(question.stem, &answer, &asked.rows)?;
            }
            let stem = question.stem;
            report::progress(&format!(
                "{}: DuckDB {:.3} ms",
                question.label,
                theirs.median().unwrap_or(f64::NAN)
            ));
            let ratio = Some(format!("duckdb_vs_{stem}"));
            let key = format!("{stem}_beside_duckdb_p50_ms");
            let beside = Beside { name: "service", ratio, key, samples: ours };
            let label = format!("DuckDB, {}, ms", question.label);
            rows.push(Row::new(format!("duckdb_{stem}_ms"), label, theirs).beside(beside));
        }
        Ok(rows)
    }
}
