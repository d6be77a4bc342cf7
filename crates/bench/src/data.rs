//! `data`: the data service beside a bare tonic echo, etcd and PostgreSQL. `quick` is the part of it that needs no other
//! package.

mod bulk;
mod large;
mod secured;
mod unary;

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use serde_json::json;

use crate::load::Pace;
use crate::report::Report;
use crate::session::Session;
use crate::synthetic::Appeals;

/// How `data` runs.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Appeals to import.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    records: u64,
    /// Appeals of the large store, which is opened and listed.
    #[arg(long, default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    large: u64,
    /// Seconds of each measurement of calls, after a warm-up of one at most.
    #[arg(long, default_value = "3", value_parser = seconds)]
    seconds: Duration,
    /// Rounds, in each of which everybody is measured by turns.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Parts to measure instead of all.
    #[arg(long, value_delimiter = ',', value_name = "PARTS")]
    only: Vec<Part>,
    /// What is not measured beside the service; its keys are absent.
    #[arg(long, value_delimiter = ',', value_name = "PROGRAMS")]
    without: Vec<Program>,
    /// File to write ratios and figures to, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Folder in which the temporary folder of the stores is made; its disk is the one measured.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Args {
    /// Without what other packages bring, and with a large store that is not.
    pub(crate) fn quick(self) -> Self {
        Self {
            without: vec![Program::Etcd, Program::Postgresql],
            large: self.large.min(self.records),
            ..self
        }
    }
}

/// A part of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// GetRecord at 8 × 100 in flight, beside the echo and etcd.
    Get,
    /// GetRecord of a service that asks for a certificate or a token, beside one that does not.
    Secured,
    /// Durable CreateRecord at 8 × 100 and at one in flight, beside etcd; with 16 clients beside PostgreSQL.
    Create,
    /// ImportRecords beside COPY, disk and memory after it.
    Import,
    /// WatchChanges from the beginning beside a bare stream.
    Feed,
    /// Opening the large store after clean stops and after kills.
    Reopen,
    /// Pages of a list in the large store beside a small one.
    List,
}

/// A program of another package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Program {
    Etcd,
    Postgresql,
}

/// Reads a number of seconds.
///
/// # Errors
/// Anything else.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.05..=600.0).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("must lie between 0.05 and 600".to_owned())
    }
}

/// Measures, prints the table and writes the JSON.
///
/// # Errors
/// When a service is missing, fails or refuses, or a file cannot be written.
pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let session = Session::begin(args.json.as_deref(), args.dir.as_deref())?;
    let run = json!({
        "records": args.records,
        "large": args.large,
        "rounds": args.rounds,
        "seconds": args.seconds.as_secs_f64(),
    });
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
        if self.measures(Part::Get) || self.measures(Part::Create) {
            report.rows.extend(self.unary().await?);
        }
        if self.measures(Part::Secured) {
            report.rows.extend(self.secured().await?);
        }
        if self.measures(Part::Import) || self.measures(Part::Feed) {
            report.rows.extend(self.bulk().await?);
        }
        if self.measures(Part::Reopen) || self.measures(Part::List) {
            report.rows.extend(self.large().await?);
        }
        Ok(report)
    }

    fn measures(&self, part: Part) -> bool {
        self.args.only.is_empty() || self.args.only.contains(&part)
    }

    fn beside(&self, program: Program) -> bool {
        !self.args.without.contains(&program)
    }
}
