//! `reform import`: JSON Lines, or CSV by a map, into the store.

mod problems;
mod stream;

use std::fs;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use reform_api::data::v1::ImportOptions;
use reform_api::data::v1::import_options::{OnExisting, OnInvalid};

use crate::args::{Global, Output};
use crate::client::Service;
use crate::failure::Failure;
use crate::input::Source;
use crate::out;
use crate::progress::Progress;
use crate::table::Map;

pub(crate) use problems::Problems;
pub(crate) use stream::{Plan, Summary, send};

/// Store records from JSON Lines, or from CSV by a map.
///
/// Records that refer to each other must reach the store together: a file is sent in batches of at most 1,000 records,
/// and each batch is stored as one commit. Batches that were stored stand, whatever happens later.
///
/// With --map the files are CSV and the map says which column fills which field. The same command run again within a day
/// goes on where an earlier run was interrupted: what that run stored is not stored twice.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  reform import records.jsonl
  reform import --on-existing replace --reason 'corrected shares' parties.jsonl elections.jsonl
  reform export | reform --data http://other:50051 import -
  reform import --kind appeal --map complaints.toml --dry-run complaints.csv

A map for CSV (TOML):
  kind = \"appeal\"
  [csv]                      # all optional: delimiter, quote, header = false, encoding, empty = [\"NA\"]
  delimiter = \",\"
  [id]                       # column = \"…\", columns = […], hash = [\"…\", …] or hash = \"row\"
  hash = \"row\"             # a digest of the row, for files without ids
  prefix = \"cfpb-\"
  duplicates = \"number\"    # -2, -3 … for rows that come again; else they are refused
  [[skip]]                   # rows to pass over
  column = \"State\"
  is = [\"TEST\"]
  [fields]                   # any field path of the contract; columns by name, or by number from 1
  jurisdiction = { constant = \"US\" }
  title = { column = \"Product\", prefix = \"Complaint: \" }
  appeal.filed_on = { column = \"Date received\", date = [\"%Y-%m-%d\", \"%m/%d/%Y\"] }
  appeal.channel = { column = \"Submitted via\", values = { Web = \"online\" }, other = \"keep\", lowercase = true }
  labels.company = { column = \"Company\", slug = true }
  [rows]                     # elections: consecutive rows with one id are one record
  path = \"election.tiers[0].results\"
  [rows.fields]
  votes = { column = \"votes\", number = { grouping = \",\" } }

A cell is trimmed; then apply default or required, values and other (refuse, keep, leave or { constant = … }), lowercase,
slug, prefix. An empty cell leaves its field absent.")]
pub(crate) struct Import {
    /// Files with one record a line in the JSON form of the contract, or CSV with --map; - is stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Read the files as CSV, by this map
    #[arg(long, value_name = "MAP")]
    map: Option<String>,
    /// Kind of the records that the map makes, such as appeal, observation or election
    #[arg(long, requires = "map")]
    kind: Option<String>,
    /// What to do with a record whose name is taken
    #[arg(long, value_enum, default_value_t = Existing::Fail)]
    on_existing: Existing,
    /// Store the valid records of a batch and report the others, instead of stopping at the first bad batch
    #[arg(long)]
    skip_invalid: bool,
    /// List this many problems; all are counted
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    problems_max: u32,
    /// Check everything and store nothing
    #[arg(long)]
    dry_run: bool,
    /// Why the records are written; kept in their history
    #[arg(long, default_value = "", hide_default_value = true)]
    reason: String,
    /// Who writes them; kept in their history as unverified
    #[arg(long, env = "REFORM_AUTHOR")]
    author: Option<String>,
}

/// What to do with a record whose name is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Existing {
    /// Refuse it.
    Fail,
    /// Keep the stored one.
    Skip,
    /// Put the new one in its place.
    Replace,
}

impl Import {
    fn plan(&self, map: Option<Arc<Map>>) -> Plan {
        let on_existing = match self.on_existing {
            Existing::Fail => OnExisting::Fail,
            Existing::Skip => OnExisting::Skip,
            Existing::Replace => OnExisting::Replace,
        };
        let on_invalid = if self.skip_invalid { OnInvalid::Skip } else { OnInvalid::Abort };
        let options = ImportOptions {
            on_existing: on_existing.into(),
            on_invalid: on_invalid.into(),
            dry_run: self.dry_run,
            reason: self.reason.clone(),
        };
        Plan { options, author: self.author.clone(), map }
    }

    /// Bytes of all files; none when one of them has no length.
    fn length(&self) -> Option<u64> {
        let length =
            |path: &String| fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|file| file.len());
        self.files.iter().map(length).sum()
    }
}

pub(crate) async fn run(global: &Global, import: Import) -> Result<ExitCode, Failure> {
    let map = import.map.as_deref().map(|map| Map::open(map, import.kind.as_deref(), &import.files));
    let map = map.transpose()?.map(Arc::new);
    let sources = import.files.iter().map(|path| Source::open(path)).collect::<Result<Vec<_>, _>>()?;
    let peer = global.connect(Service::Data).await?;
    let progress = Arc::new(Progress::bytes("importing", import.length()));
    let problems = Arc::new(Problems::new(progress.clone(), i64::from(import.problems_max)));
    let sent = send(&peer, sources, import.plan(map), progress, problems.clone()).await;
    problems.finish();
    let summary = sent?;
    write(&summary, global.output, import.dry_run)?;
    Ok(if summary.problems > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn write(summary: &Summary, output: Output, dry_run: bool) -> Result<(), Failure> {
    let Summary { revision, created, replaced, unchanged, skipped, repeated, problems, batches } = *summary;
    match output {
        Output::Table => {
            let verb = if dry_run { "would be " } else { "" };
            let at = if revision > 0 { format!(", revision {revision}") } else { String::new() };
            let before =
                if repeated > 0 { format!(", {repeated} stored by an earlier run") } else { String::new() };
            out::say(&format!(
                "{created} {verb}created, {replaced} {verb}replaced, {unchanged} unchanged, {skipped} skipped{before}; \
                 problems: {problems}, batches: {batches}{at}"
            ))?;
        }
        Output::Json => {
            let value = serde_json::json!({
                "revision": revision, "created": created, "replaced": replaced,
                "unchanged": unchanged, "skipped": skipped, "problems": problems, "batches": batches,
                "repeated": repeated,
            });
            out::say(&value.to_string())?;
        }
        Output::Csv => {
            let row = [revision, created, replaced, unchanged, skipped, problems, batches, repeated]
                .map(|count| count.to_string());
            out::csv(
                &[
                    "revision",
                    "created",
                    "replaced",
                    "unchanged",
                    "skipped",
                    "problems",
                    "batches",
                    "repeated",
                ],
                [row],
            )?;
        }
    }
    Ok(())
}
