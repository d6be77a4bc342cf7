//! `reform import`: JSON Lines into the store, as a stream of batches.

use std::collections::VecDeque;
use std::fs;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use clap::{Args, ValueEnum};
use futures::StreamExt;
use futures::stream;
use reform_api::data::v1::import_options::{OnExisting, OnInvalid};
use reform_api::data::v1::import_records_request::Message;
use reform_api::data::v1::{
    ImportBatch, ImportOptions, ImportProblem, ImportRecordsRequest, ImportRecordsResponse,
};
use tokio::sync::mpsc;
use tonic::metadata::MetadataValue;
use uuid::Uuid;

use crate::args::{Global, Output};
use crate::client::{Peer, Service};
use crate::failure::Failure;
use crate::input::{self, Batch, Ended, Place, Sink, Source};
use crate::out;
use crate::progress::Progress;

/// Batches that are read ahead of the connection.
const AHEAD: usize = 2;

/// The request metadata that names who writes.
const AUTHOR: &str = "reform-author";

/// Store records from JSON Lines.
///
/// Records that refer to each other must reach the store together: a file is sent in batches of at most 1,000 records,
/// and each batch is stored as one commit. Batches that were stored stand, whatever happens later.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  reform import records.jsonl
  reform import --on-existing replace --reason 'corrected shares' parties.jsonl elections.jsonl
  reform export | reform --data http://other:50051 import -")]
pub(crate) struct Import {
    /// Files with one record a line in the JSON form of the contract; - is stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// What to do with a record whose name is taken
    #[arg(long, value_enum, default_value_t = Existing::Fail)]
    on_existing: Existing,
    /// Store the valid records of a batch and report the others, instead of stopping at the first bad batch
    #[arg(long)]
    skip_invalid: bool,
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
    fn plan(&self) -> Plan {
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
        Plan { options, author: self.author.clone() }
    }

    /// Bytes of all files; none when one of them has no length.
    fn length(&self) -> Option<u64> {
        let length =
            |path: &String| fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|file| file.len());
        self.files.iter().map(length).sum()
    }
}

/// How to import.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// What the contract asks for.
    pub(crate) options: ImportOptions,
    /// Who writes, when that is to be said.
    pub(crate) author: Option<String>,
}

/// What became of all batches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Newest revision that was made; 0: none.
    pub(crate) revision: i64,
    /// Records that are new.
    pub(crate) created: i64,
    /// Records that took the place of a stored one.
    pub(crate) replaced: i64,
    /// Records identical to the stored ones.
    pub(crate) unchanged: i64,
    /// Records left out.
    pub(crate) skipped: i64,
    /// What was wrong with records that were refused, and lines that are none.
    pub(crate) problems: i64,
    batches: i64,
}

pub(crate) async fn run(global: &Global, import: Import) -> Result<ExitCode, Failure> {
    let sources = import.files.iter().map(|path| Source::open(path)).collect::<Result<Vec<_>, _>>()?;
    let peer = Peer::connect(Service::Data, &global.data).await?;
    let progress = Arc::new(Progress::bytes("importing", import.length()));
    let summary = send(&peer, sources, import.plan(), progress).await?;
    write(&summary, global.output, import.dry_run)?;
    Ok(if summary.problems > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Sends every source and reads every answer.
pub(crate) async fn send(
    peer: &Peer,
    sources: Vec<Source>,
    plan: Plan,
    progress: Arc<Progress>,
) -> Result<Summary, Failure> {
    let (batches, mut ready) = mpsc::channel(AHEAD);
    let skip = plan.options.on_invalid() == OnInvalid::Skip;
    let told = progress.clone();
    let reading =
        tokio::task::spawn_blocking(move || read(sources, Feed { batches, skip, progress: told, broken: 0 }));

    let under_way = Arc::new(Mutex::new(VecDeque::new()));
    let sent = under_way.clone();
    let first = Message::Options(plan.options);
    let batches = stream::poll_fn(move |context| ready.poll_recv(context)).map(move |batch: Batch| {
        let Batch { records, places, bytes_read, .. } = batch;
        sent.lock().expect("no holder of this lock panics").push_back(Sent { places, bytes_read });
        Message::Batch(ImportBatch { records, request_id: Uuid::new_v4().to_string() })
    });
    let messages =
        stream::iter([first]).chain(batches).map(|message| ImportRecordsRequest { message: Some(message) });

    let mut request = tonic::Request::new(messages);
    if let Some(author) = &plan.author {
        let author = MetadataValue::try_from(author.as_str());
        let author =
            author.map_err(|_| Failure::Usage("--author: only ASCII letters can be sent".to_owned()))?;
        request.metadata_mut().insert(AUTHOR, author);
    }
    let answers = peer.records().import_records(request).await.map_err(|status| peer.failed(status))?;
    let mut answers = answers.into_inner();
    let mut summary = Summary::default();
    let aborted = loop {
        let answer = match answers.message().await {
            Ok(Some(answer)) => answer,
            Ok(None) => break summary.problems > 0 && !skip,
            // The problems of the batch that ended the stream were told already.
            Err(_) if summary.problems > 0 && !skip => break true,
            Err(status) => {
                let Summary { created, replaced, .. } = summary;
                progress.note(&format!("{created} created and {replaced} replaced before it failed stand"));
                return Err(peer.failed(status));
            }
        };
        // Answers come in the order of the batches.
        let sent = under_way.lock().expect("no holder of this lock panics").pop_front();
        let sent = sent.filter(|_| answer.batch == summary.batches);
        let sent =
            sent.ok_or_else(|| Failure::Broken(format!("an answer to batch {}, out of turn", answer.batch)))?;
        summary.add(&answer, &sent, &progress);
    };
    if aborted {
        // The reader may wait for a terminal or a pipe; nobody takes what it reads.
        return Ok(summary);
    }
    let unanswered = under_way.lock().expect("no holder of this lock panics").len();
    if unanswered > 0 {
        return Err(Failure::Broken(format!("the import ended with {unanswered} batches unanswered")));
    }
    // The stream ended whole, so the reader gave its last batch.
    summary.problems +=
        reading.await.map_err(|error| Failure::Broken(format!("reading ended: {error}")))??;
    Ok(summary)
}

/// A batch that was sent and waits for its answer.
struct Sent {
    places: Vec<Place>,
    bytes_read: u64,
}

impl Summary {
    fn add(&mut self, answer: &ImportRecordsResponse, sent: &Sent, progress: &Progress) {
        self.revision = self.revision.max(answer.revision);
        self.created += answer.created;
        self.replaced += answer.replaced;
        self.unchanged += answer.unchanged;
        self.skipped += answer.skipped;
        self.problems += answer.problems_total;
        self.batches += 1;
        for problem in &answer.problems {
            progress.note(&describe(problem, &sent.places));
        }
        let listed = i64::try_from(answer.problems.len()).unwrap_or(i64::MAX);
        let more = answer.problems_total.saturating_sub(listed);
        if more > 0 {
            progress.note(&format!("and {more} more problems in the same batch"));
        }
        progress.advance(sent.bytes_read);
    }
}

/// `FILE:LINE: field.path: description (REASON)`.
fn describe(problem: &ImportProblem, places: &[Place]) -> String {
    let ImportProblem { index, name, field_path, description, reason } = problem;
    let place = usize::try_from(*index).ok().and_then(|index| places.get(index));
    let mut text = place.map(|Place { file, line }| format!("{file}:{line}: ")).unwrap_or_default();
    let subject = if field_path.is_empty() { name } else { field_path };
    if !subject.is_empty() && !description.starts_with(subject.as_str()) {
        text.push_str(&format!("{subject}: "));
    }
    text.push_str(&format!("{description} ({reason})"));
    text
}

/// Hands batches from the reading thread to the connection.
struct Feed {
    batches: mpsc::Sender<Batch>,
    skip: bool,
    progress: Arc<Progress>,
    /// Lines that are no record.
    broken: i64,
}

impl Sink for Feed {
    fn batch(&mut self, batch: Batch) -> bool {
        self.batches.blocking_send(batch).is_ok()
    }

    fn broken(&mut self, problem: &str) -> bool {
        self.progress.note(problem);
        self.broken += 1;
        self.skip
    }
}

/// Reads every source, or until one stops; says how many lines were no record.
fn read(sources: Vec<Source>, mut feed: Feed) -> Result<i64, Failure> {
    for source in sources {
        if input::read(source, &mut feed)? == Ended::Stopped {
            break;
        }
    }
    Ok(feed.broken)
}

fn write(summary: &Summary, output: Output, dry_run: bool) -> Result<(), Failure> {
    let Summary { revision, created, replaced, unchanged, skipped, problems, batches } = *summary;
    match output {
        Output::Table => {
            let verb = if dry_run { "would be " } else { "" };
            let at = if revision > 0 { format!(", revision {revision}") } else { String::new() };
            out::say(&format!(
                "{created} {verb}created, {replaced} {verb}replaced, {unchanged} unchanged, {skipped} skipped; \
                 problems: {problems}, batches: {batches}{at}"
            ))?;
        }
        Output::Json => {
            let value = serde_json::json!({
                "revision": revision, "created": created, "replaced": replaced,
                "unchanged": unchanged, "skipped": skipped, "problems": problems, "batches": batches,
            });
            out::say(&value.to_string())?;
        }
        Output::Csv => {
            let row = [revision, created, replaced, unchanged, skipped, problems, batches]
                .map(|count| count.to_string());
            out::csv(
                &["revision", "created", "replaced", "unchanged", "skipped", "problems", "batches"],
                [row],
            )?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_file_line_field_and_reason() {
        let problem = ImportProblem {
            index: 1,
            name: "records/a".to_owned(),
            field_path: "record.party.founded_on.month".to_owned(),
            description: "must be 1 to 12".to_owned(),
            reason: "FIELD_VIOLATIONS".to_owned(),
        };
        let places = [1, 7].map(|line| Place { file: "p.jsonl".into(), line });
        assert_eq!(
            describe(&problem, &places),
            "p.jsonl:7: record.party.founded_on.month: must be 1 to 12 (FIELD_VIOLATIONS)"
        );
    }
}
