//! `quick`: the data service against a bare tonic echo, in the order import, disk, reopening, reads, durable writes.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use prost::Message;
use reform_api::data::v1;
use serde_json::json;
use tempfile::TempDir;

use crate::disk;
use crate::load::{self, Call, Client, Create, Get, Pace, Round, Shape};
use crate::report::{self, Report, Row, Samples};
use crate::server::Service;
use crate::synthetic::{Appeals, Draws};
use crate::upload::Upload;

/// Names that reads ask for.
const NAMES_MAX: u64 = 100_000;
/// Answers whose median size the echo's answer has.
const ANSWERS_SAMPLED: usize = 1_001;
/// What comes before each measurement.
const WARM_UP: Duration = Duration::from_secs(1);
/// How long syncs are counted in each round.
const SYNCS_COUNTED: Duration = Duration::from_secs(1);
/// Connections of the largest shape.
const CONNECTIONS_MAX: usize = 8;

const ONE: Shape = Shape { connections: 1, streams: 1 };
const READERS: Shape = Shape { connections: 8, streams: 100 };
const WRITERS: Shape = Shape { connections: 8, streams: 32 };

/// How `quick` runs.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Appeals to import.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    records: u64,
    /// Seconds of each measurement, after a warm-up of one.
    #[arg(long, default_value = "3", value_parser = seconds)]
    seconds: Duration,
    /// Rounds, in each of which service and echo are measured by turns.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// File to write ratios and figures to, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Folder in which the temporary folder of the store is made; its disk is the one measured.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.1..=600.0).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("must lie between 0.1 and 600".to_owned())
    }
}

/// Measures, prints the table and writes the JSON.
///
/// # Errors
/// When a service fails or refuses, or a file cannot be written.
pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    // Better told now than after some minutes.
    let mut file = match &args.json {
        Some(path) => Some(File::create(path).with_context(|| format!("cannot write {}", path.display()))?),
        None => None,
    };
    if cfg!(debug_assertions) {
        report::progress("warning: this is no release build, the figures mean little");
    }
    let folder = match &args.dir {
        Some(parent) => TempDir::with_prefix_in("reform-bench-", parent),
        None => TempDir::with_prefix("reform-bench-"),
    };
    let folder = folder.context("cannot make a temporary folder")?;
    let bench = Bench {
        pace: Pace { warm_up: WARM_UP, measured: args.seconds },
        rounds: args.rounds,
        records: args.records,
        appeals: Arc::new(Appeals::new()),
        sync_dir: folder.path().to_owned(),
        data_dir: folder.path().join("data"),
    };
    let report = bench.run().await?;
    println(&report.table())?;
    if let Some(file) = &mut file {
        let run = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "release": !cfg!(debug_assertions),
            "processors": std::thread::available_parallelism().map_or(0, usize::from),
            "records": args.records,
            "rounds": args.rounds,
            "seconds": args.seconds.as_secs_f64(),
        });
        serde_json::to_writer_pretty(file, &report.json(run))?;
    }
    folder.close().context("cannot remove the temporary folder")
}

fn println(text: &str) -> std::io::Result<()> {
    use std::io::Write;
    writeln!(std::io::stdout(), "{text}")
}

/// One run.
struct Bench {
    pace: Pace,
    rounds: u32,
    records: u64,
    appeals: Arc<Appeals>,
    sync_dir: PathBuf,
    data_dir: PathBuf,
}

impl Bench {
    async fn run(&self) -> anyhow::Result<Report> {
        let mut report = Report::default();
        self.import(&mut report).await?;
        let first = self.reopened().await?;
        let answer = typical_answer(&first.service, self.names()).await?;
        first.service.stop().await?;
        let Reopened { service, seconds } = self.reopened().await?;
        report.rows.push(Row::new("reopen_s", "reopen after import, s", Samples::one(first.seconds)));
        report.rows.push(Row::new("reopen_again_s", "reopen once more, s", Samples::one(seconds)));
        let echo = Service::echo(&answer).await?;
        let pair = Pair::connect(&service, &echo).await?;
        report.rows.push(Row::new(
            "answer_bytes",
            "answer, bytes",
            Samples::one(answer.encoded_len() as f64),
        ));

        report.rows.extend(self.reads(&pair).await?);
        report.rows.extend(self.writes(&pair).await?);
        drop(pair);
        echo.stop().await?;
        service.stop().await?;
        Ok(report)
    }

    /// The names that are read.
    fn names(&self) -> Get {
        Get::over(self.records, NAMES_MAX)
    }

    /// Imports into the echo and into a new store, stops, and weighs the folder.
    async fn import(&self, report: &mut Report) -> anyhow::Result<()> {
        report::progress(&format!("making {} appeals", self.records));
        let (appeals, records) = (Arc::clone(&self.appeals), self.records);
        let making = tokio::task::spawn_blocking(move || Upload::appeals(&appeals, records));
        let upload = making.await.context("the appeals were not made")?;
        let count = upload.records as f64;
        let made = count / upload.generated_in.as_secs_f64();

        report::progress("import");
        let echo = Service::echo(&v1::Record::default()).await?;
        let echoed = upload.send(echo.channel().await?).await.context("echo")?;
        echo.stop().await?;
        let service = Service::data(&self.data_dir).await?;
        Upload::surroundings().send(service.channel().await?).await.context("institutions")?;
        let stored = upload.send(service.channel().await?).await?;
        report::progress(&format!("  service {:.0}/s, echo {:.0}/s", stored.per_second, echoed.per_second));
        let resident = service.resident_mib();
        service.stop().await?;

        let bytes = disk::bytes_below(&self.data_dir)? as f64;
        let (per_record, encoded) = (bytes / count, upload.encoded_bytes as f64 / count);
        report.rows.push(
            Row::new("import_per_s", "ImportRecords, records/s", Samples::one(stored.per_second))
                .parts(stored.slices.into_iter().collect())
                .beside("import", "echo", "import_echo_per_s".to_owned(), Samples::one(echoed.per_second)),
        );
        report.rows.push(Row::new("generate_per_s", "making them beforehand, records/s", Samples::one(made)));
        report.rows.push(
            Row::new(
                "disk_bytes_per_record",
                "disk after a clean stop, bytes/record",
                Samples::one(per_record),
            )
            .beside(
                "disk",
                "encoded",
                "encoded_bytes_per_record".to_owned(),
                Samples::one(encoded),
            ),
        );
        let resident = resident.map(Samples::one);
        report.rows.extend(resident.map(|mib| Row::new("rss_mib", "memory after import, MiB", mib)));
        Ok(())
    }

    /// Starts the service over the stored appeals; the time runs from the start of the process to its first answer.
    async fn reopened(&self) -> anyhow::Result<Reopened> {
        let started = Instant::now();
        let service = Service::data(&self.data_dir).await?;
        let mut client = Client::new(service.channel().await?);
        self.names().call(&mut client, 0).await.context("the reopened service does not answer")?;
        let seconds = started.elapsed().as_secs_f64();
        report::progress(&format!("reopened in {seconds:.3} s"));
        Ok(Reopened { service, seconds })
    }

    async fn reads(&self, pair: &Pair) -> anyhow::Result<Vec<Row>> {
        let mut many = Turns::new("get_8x100", "GetRecord, 8 × 100", READERS);
        let mut one = Turns::new("get_1x1", "GetRecord, 1 × 1", ONE);
        let names = self.names();
        for _ in 0..self.rounds {
            many.take(pair, self.pace, (&names, &names)).await?;
            one.take(pair, self.pace, (&names, &names)).await?;
        }
        Ok(many.rows().into_iter().chain(one.rows()).collect())
    }

    async fn writes(&self, pair: &Pair) -> anyhow::Result<Vec<Row>> {
        let mut many = Turns::new("create_256", "durable Create, 8 × 32", WRITERS);
        let mut one = Turns::new("create_1", "durable Create, 1 × 1", ONE);
        let mut syncs = Samples::default();
        let after = |number| Arc::new(AtomicU64::new(number));
        let create = || Create { appeals: Arc::clone(&self.appeals), next: after(self.records + 1) };
        // The echo stores nothing: its numbers are its own.
        let (ours, theirs) = (create(), create());
        for _ in 0..self.rounds {
            many.take(pair, self.pace, (&ours, &theirs)).await?;
            one.take(pair, self.pace, (&ours, &theirs)).await?;
            let folder = self.sync_dir.clone();
            let counting =
                tokio::task::spawn_blocking(move || disk::syncs_per_second(&folder, SYNCS_COUNTED));
            syncs.push(counting.await.context("syncs were not counted")??);
        }
        let syncs = Row::new("syncs_per_s", "bare file, 4 KiB appended and synced, per second", syncs);
        Ok(many.rows().into_iter().chain(one.rows()).chain([syncs]).collect())
    }
}

struct Reopened {
    service: Service,
    seconds: f64,
}

/// Established connections to both.
struct Pair {
    service: Vec<tonic::transport::Channel>,
    echo: Vec<tonic::transport::Channel>,
}

impl Pair {
    async fn connect(service: &Service, echo: &Service) -> anyhow::Result<Self> {
        Ok(Self {
            service: service.connect(CONNECTIONS_MAX).await?,
            echo: echo.connect(CONNECTIONS_MAX).await?,
        })
    }
}

/// Service and echo by turns in one shape, so that whatever else the machine does burdens both.
struct Turns {
    key: &'static str,
    label: &'static str,
    shape: Shape,
    service: Measured,
    echo: Measured,
}

impl Turns {
    fn new(key: &'static str, label: &'static str, shape: Shape) -> Self {
        Self { key, label, shape, service: Measured::default(), echo: Measured::default() }
    }

    /// One turn of each.
    async fn take<C: Call>(&mut self, pair: &Pair, pace: Pace, calls: (&C, &C)) -> anyhow::Result<()> {
        let label = self.label;
        let turn = load::closed_loop(&pair.service, self.shape, pace, calls.0).await;
        let served = turn.with_context(|| label.to_owned())?;
        let turn = load::closed_loop(&pair.echo, self.shape, pace, calls.1).await;
        let echoed = turn.with_context(|| format!("{label}, echo"))?;
        let (ours, theirs) = (served.per_second, echoed.per_second);
        report::progress(&format!("{label}: service {ours:.0}/s, echo {theirs:.0}/s"));
        self.service.push(&served);
        self.echo.push(&echoed);
        Ok(())
    }

    fn rows(self) -> [Row; 3] {
        let Self { key, label, shape: _, service, echo } = self;
        let row = |unit: &str, stem: String, what: &str, ours: Samples, theirs: Samples| {
            Row::new(format!("{stem}_{unit}"), format!("{label}, {what}"), ours).beside(
                &stem,
                "echo",
                format!("{stem}_echo_{unit}"),
                theirs,
            )
        };
        [
            row("per_s", key.to_owned(), "per second", service.per_second, echo.per_second),
            row("ms", format!("{key}_p50"), "p50 ms", service.p50_ms, echo.p50_ms),
            row("ms", format!("{key}_p99"), "p99 ms", service.p99_ms, echo.p99_ms),
        ]
    }
}

/// The rounds of one side.
#[derive(Default)]
struct Measured {
    per_second: Samples,
    p50_ms: Samples,
    p99_ms: Samples,
}

impl Measured {
    fn push(&mut self, round: &Round) {
        self.per_second.push(round.per_second);
        self.p50_ms.push(round.latency_ms(0.5));
        self.p99_ms.push(round.latency_ms(0.99));
    }
}

/// An answer of the median size among many.
async fn typical_answer(service: &Service, names: Get) -> anyhow::Result<v1::Record> {
    let mut client = Client::new(service.channel().await?);
    let mut draws = Draws::new(0);
    let mut answers = Vec::with_capacity(ANSWERS_SAMPLED);
    for _ in 0..ANSWERS_SAMPLED {
        let name = names.name(draws.next());
        let request = v1::GetRecordRequest { name: name.clone(), as_of: None };
        let answer = client.get_record(request).await.context("a stored appeal cannot be read")?.into_inner();
        ensure!(answer.name == name, "asked for {name}, got {}", answer.name);
        answers.push(answer);
    }
    answers.sort_by_key(Message::encoded_len);
    Ok(answers.swap_remove(ANSWERS_SAMPLED / 2))
}
