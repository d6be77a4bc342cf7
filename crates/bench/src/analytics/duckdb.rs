//! DuckDB as its Python package brings it, in a process of its own, over the same appeals in memory.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use reform_api::data::v1;
use reform_api::data::v1::record::Body;
use serde::Deserialize;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::programs;
use crate::synthetic::Appeals;

const SCRIPT: &str = include_str!("duckdb.py");
/// How long loading the appeals, and a question, may take.
const TIMEOUT: Duration = Duration::from_secs(600);

/// A running DuckDB with the appeals.
#[derive(Debug)]
pub(super) struct DuckDb {
    _child: Child,
    questions: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

/// What one question came to.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    /// Milliseconds of each run.
    pub(super) taken_ms: Vec<f64>,
    /// What the last one said.
    pub(super) rows: Vec<Vec<Value>>,
}

impl DuckDb {
    /// Starts it and loads the appeals from 1 to a number, over a file in the folder.
    ///
    /// # Errors
    /// When Python or its package is missing, or the appeals cannot be written.
    pub(super) async fn start(folder: &Path, appeals: &Appeals, records: u64) -> anyhow::Result<Self> {
        let missing = "DuckDB is missing: pip install duckdb, or --without duckdb";
        let file = folder.join("appeals.csv");
        write(&file, appeals, records).context("the appeals for DuckDB")?;
        let mut child = Command::new(programs::find("python3").context(missing)?)
            .args(["-c", SCRIPT])
            .arg(&file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context(missing)?;
        let questions = child.stdin.take().context("a child without stdin")?;
        let answers = BufReader::new(child.stdout.take().context("a child without stdout")?).lines();
        let mut duckdb = Self { _child: child, questions, answers };
        ensure!(duckdb.line().await.context(missing)? == "ready", missing);
        std::fs::remove_file(file)?;
        Ok(duckdb)
    }

    /// Asks a question over and over for a time, once at least.
    ///
    /// # Errors
    /// When it ends before it answers.
    pub(super) async fn ask(&mut self, question: usize, time: Duration) -> anyhow::Result<Asked> {
        let line = format!("{question} {}\n", time.as_secs_f64());
        self.questions.write_all(line.as_bytes()).await.context("DuckDB has ended")?;
        Ok(serde_json::from_str(&self.line().await?)?)
    }

    async fn line(&mut self) -> anyhow::Result<String> {
        let line = tokio::time::timeout(TIMEOUT, self.answers.next_line()).await;
        line.context("DuckDB does not answer")??.context("DuckDB has ended")
    }
}

/// The columns that the questions read, a line for each appeal.
fn write(path: &Path, appeals: &Appeals, records: u64) -> anyhow::Result<()> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    for number in 1..=records {
        let record = appeals.record(number);
        let Some(Body::Appeal(appeal)) = record.body else { continue };
        day(&mut file, appeal.filed_on.as_ref())?;
        file.write_all(b",")?;
        day(&mut file, appeal.answered_on.as_ref())?;
        writeln!(file, ",{},{}", appeal.institution, appeal.outcome)?;
    }
    Ok(file.flush()?)
}

fn day(file: &mut impl Write, date: Option<&v1::Date>) -> std::io::Result<()> {
    let Some(v1::Date { year: Some(year), month: Some(month), day: Some(day), .. }) = date else {
        return Ok(());
    };
    write!(file, "{year:04}-{month:02}-{day:02}")
}
