//! ImportRecords: each batch is one commit and is answered when it is durable, while the next one is on its way.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures::{Stream, StreamExt};
use prost::Message;
use reform_api::convert::Violations;
use reform_api::data::v1;
use reform_api::data::v1::import_options::{OnExisting as WireOnExisting, OnInvalid};
use reform_api::data::v1::import_records_request::Message as ImportMessage;
use reform_api::error::{Fault, Reason};
use reform_model::{Kind, Name};
use tonic::metadata::MetadataMap;
use tonic::{Status, Streaming};

use super::record::{Records, blocking};
use super::{fault, request};
use crate::store::chunk::Operation;
use crate::store::commit::{Answer, Commit, MUTATIONS_MAX, Mode, OnExisting, Refusals};
use crate::store::list::PAGE_BYTES_MAX;
use crate::store::{Committed, Draft, Mutation, Outcome};

/// Problems that an answer lists; all are counted.
const PROBLEMS_MAX: usize = 100;

/// How a stream is imported.
struct Options {
    on_existing: OnExisting,
    skip_invalid: bool,
    dry_run: bool,
    reason: String,
}

impl Options {
    fn new(wire: v1::ImportOptions) -> Result<Self, Fault> {
        let v1::ImportOptions { on_existing, on_invalid, dry_run, reason } = wire;
        let unknown = |path: &str| Fault::violation(format!("options.{path}"), "is not a known value");
        request::check_reason("options.reason", &reason)?;
        let on_existing = match WireOnExisting::try_from(on_existing).map_err(|_| unknown("on_existing"))? {
            WireOnExisting::Unspecified | WireOnExisting::Fail => OnExisting::Fail,
            WireOnExisting::Skip => OnExisting::Skip,
            WireOnExisting::Replace => OnExisting::Replace,
        };
        let skip_invalid = match OnInvalid::try_from(on_invalid).map_err(|_| unknown("on_invalid"))? {
            OnInvalid::Unspecified | OnInvalid::Abort => false,
            OnInvalid::Skip => true,
        };
        Ok(Self { on_existing, skip_invalid, dry_run, reason })
    }
}

/// The answers to a stream of batches; it ends with the stream, or with the first batch that is refused.
pub(super) fn answers(
    records: Records,
    author: String,
    mut batches: Streaming<v1::ImportRecordsRequest>,
) -> impl Stream<Item = Result<v1::ImportRecordsResponse, Status>> {
    async_stream::try_stream! {
        let mut options = None;
        let mut seen: Arc<HashMap<Name, Kind>> = Arc::default();
        let mut number = 0;
        loop {
            let message = tokio::select! {
                message = batches.next() => message,
                () = records.stop.cancelled() => Some(Err(stopping())),
            };
            let Some(message) = message else { break };
            match (message?.message, &options) {
                (Some(ImportMessage::Options(wire)), None) => options = Some(Arc::new(Options::new(wire)?)),
                (Some(ImportMessage::Options(_)), Some(_)) => Err(Fault::violation("options", "come once").status())?,
                (Some(ImportMessage::Batch(_)), None) => {
                    Err(Fault::violation("options", "come before the first batch").status())?;
                }
                (Some(ImportMessage::Batch(batch)), Some(options)) => {
                    let options = Arc::clone(options);
                    let work = Batch { number, author: author.clone(), options, seen: Arc::clone(&seen) };
                    let (answer, refused, names) = work.import(&records, batch).await?;
                    number += 1;
                    Arc::make_mut(&mut seen).extend(names);
                    yield answer;
                    if let Some(refused) = refused {
                        Err(refused.status())?;
                    }
                }
                (None, _) => Err(Fault::violation("message", "is required").status())?,
            }
        }
    }
}

fn stopping() -> Status {
    Fault::new(Reason::ShuttingDown, "the service is stopping").status()
}

/// One batch on its way into the store.
struct Batch {
    number: i64,
    author: String,
    options: Arc<Options>,
    /// Names that earlier batches of a dry run would have stored.
    seen: Arc<HashMap<Name, Kind>>,
}

/// A record that cannot be stored.
type Problems = Vec<v1::ImportProblem>;
/// The answer, why the stream ends if it does, and the names that a dry run would have stored.
type Imported = (v1::ImportRecordsResponse, Option<Fault>, Vec<(Name, Kind)>);

impl Batch {
    async fn import(self, records: &Records, batch: v1::ImportBatch) -> Result<Imported, Status> {
        let prepared = blocking(move || self.prepare(batch)).await?;
        let Prepared { batch, commit, places, problems } = prepared;
        let aborts = !batch.options.skip_invalid;
        if aborts && !problems.is_empty() {
            let mut answer = v1::ImportRecordsResponse { batch: batch.number, ..Default::default() };
            list_problems(&mut answer, problems);
            let refused = refusal(&answer);
            return Ok((answer, Some(refused), Vec::new()));
        }
        let mut names: Vec<(Name, Kind)> = commit.mutations.iter().filter_map(named_kind).collect();
        let committed = records.store.commit(commit).await.map_err(fault::of_record)?;
        let answer = match committed {
            Committed::Repeat { revision } => {
                let commit = records.store.newest().commit_header(revision).map_err(fault::of_record)?;
                let stored = v1::ImportRecordsResponse::decode(commit.answer.as_slice());
                let stored =
                    stored.map_err(|_| Fault::new(Reason::CorruptRecord, "the first answer is damaged"))?;
                v1::ImportRecordsResponse { batch: batch.number, ..stored }
            }
            Committed::Done { revision, outcomes } => {
                let mut changed = outcomes.iter().map(|outcome| matches!(outcome, Outcome::Changed(..)));
                names.retain(|_| changed.next() == Some(true) && batch.options.dry_run);
                let answer = answer(revision, &outcomes, &places, problems, !aborts);
                v1::ImportRecordsResponse { batch: batch.number, ..answer }
            }
        };
        let refused = (aborts && answer.problems_total > 0).then(|| refusal(&answer));
        Ok((answer, refused, names))
    }

    /// Checks every record by itself and makes the commit of those that can be.
    fn prepare(self, batch: v1::ImportBatch) -> Result<Prepared, Fault> {
        if batch.records.len() > MUTATIONS_MAX {
            return Err(Fault::violation("batch.records", format!("more than {MUTATIONS_MAX}")));
        }
        if batch.encoded_len() > PAGE_BYTES_MAX + 64 {
            return Err(Fault::new(Reason::MessageTooLarge, "the batch is over 3 MiB"));
        }
        let fields = (batch.request_id.as_str(), self.options.reason.as_str(), false);
        let mut commit = request::commit(&MetadataMap::new(), "ImportRecords", &batch, fields)?;
        commit.author.clone_from(&self.author);
        commit.refusals = if self.options.skip_invalid { Refusals::LeaveOut } else { Refusals::Report };
        if self.options.dry_run {
            commit.request = None;
            commit.mode = Mode::Check(Arc::clone(&self.seen));
        }
        let (mut places, mut problems) = (Vec::new(), Vec::new());
        let mut names = HashSet::new();
        for (index, record) in batch.records.into_iter().enumerate() {
            let name = record.name.clone();
            match self.draft(record, &mut names) {
                Ok(draft) => {
                    places.push((index, name));
                    let on_existing = self.options.on_existing;
                    commit.mutations.push(Mutation::Import { draft: Box::new(draft), on_existing });
                }
                Err((reason, found)) => {
                    problems.extend(found.into_iter().map(|pair| problem(index, &name, reason, pair)));
                }
            }
        }
        self.keep_answer(&mut commit, &places, &problems);
        Ok(Prepared { batch: self, commit, places, problems })
    }

    fn draft(
        &self,
        record: v1::Record,
        names: &mut HashSet<Name>,
    ) -> Result<Draft, (Reason, Vec<(String, String)>)> {
        let draft = Draft::new(record).map_err(|Violations(violations)| {
            let pairs = violations.into_iter().map(|violation| (violation.field_path, violation.description));
            (Reason::FieldViolations, pairs.collect())
        })?;
        let name = &draft.record.name;
        if !names.insert(name.clone()) {
            return Err((
                Reason::FieldViolations,
                vec![("name".into(), format!("{name} is in the batch twice"))],
            ));
        }
        if self.options.dry_run
            && self.options.on_existing == OnExisting::Fail
            && self.seen.contains_key(name)
        {
            return Err((Reason::RecordExists, vec![(String::new(), format!("{name} came before"))]));
        }
        Ok(draft)
    }

    /// A batch with a request id keeps its answer, so that a repeat gets the same.
    fn keep_answer(&self, commit: &mut Commit, places: &[(usize, String)], problems: &Problems) {
        if commit.request.is_some() {
            let (places, problems) = (places.to_vec(), problems.clone());
            let leaves_out = self.options.skip_invalid;
            commit.answer = Some(Answer(Box::new(move |revision, outcomes| {
                answer(revision, outcomes, &places, problems, leaves_out).encode_to_vec()
            })));
        }
    }
}

struct Prepared {
    batch: Batch,
    commit: Commit,
    /// The place in the batch and the name of each mutation.
    places: Vec<(usize, String)>,
    problems: Problems,
}

fn named_kind(mutation: &Mutation) -> Option<(Name, Kind)> {
    match mutation {
        Mutation::Import { draft, .. } => Some((draft.record.name.clone(), draft.record.kind())),
        Mutation::Create(_)
        | Mutation::Update(_)
        | Mutation::Delete { .. }
        | Mutation::Undelete { .. }
        | Mutation::Purge { .. } => None,
    }
}

fn problem(
    index: usize,
    name: &str,
    reason: Reason,
    (path, description): (String, String),
) -> v1::ImportProblem {
    v1::ImportProblem {
        index: i32::try_from(index).unwrap_or(i32::MAX),
        name: name.to_owned(),
        field_path: path,
        description,
        reason: reason.as_str().to_owned(),
    }
}

/// The answer to a batch: what its records became, and what is wrong with the others.
fn answer(
    revision: i64,
    outcomes: &[Outcome],
    places: &[(usize, String)],
    mut problems: Problems,
    leaves_out: bool,
) -> v1::ImportRecordsResponse {
    let mut answer = v1::ImportRecordsResponse { revision, ..Default::default() };
    for (outcome, (index, name)) in outcomes.iter().zip(places) {
        match outcome {
            Outcome::Changed(Operation::Create, _) => answer.created += 1,
            Outcome::Changed(
                Operation::Update | Operation::Undelete | Operation::Delete | Operation::Purge,
                _,
            ) => answer.replaced += 1,
            Outcome::Unchanged => answer.unchanged += 1,
            Outcome::Skipped => answer.skipped += 1,
            Outcome::Refused(error) => {
                let (reason, pairs) = fault::problems(error);
                problems.extend(pairs.into_iter().map(|pair| problem(*index, name, reason, pair)));
            }
        }
    }
    problems.sort_by_key(|problem| problem.index);
    let mut refused: Vec<i32> = problems.iter().map(|problem| problem.index).collect();
    refused.dedup();
    if !leaves_out && !refused.is_empty() {
        // Nothing is stored because of the refused ones.
        answer = v1::ImportRecordsResponse::default();
    } else {
        answer.skipped += i64::try_from(refused.len()).unwrap_or(i64::MAX);
    }
    list_problems(&mut answer, problems);
    answer
}

fn list_problems(answer: &mut v1::ImportRecordsResponse, mut problems: Problems) {
    answer.problems_total = i64::try_from(problems.len()).unwrap_or(i64::MAX);
    problems.truncate(PROBLEMS_MAX);
    answer.problems = problems;
}

/// Why a stream ends after a batch with problems.
fn refusal(answer: &v1::ImportRecordsResponse) -> Fault {
    let paths = answer.problems.iter().map(|problem| {
        let dot = if problem.field_path.is_empty() { "" } else { "." };
        let path = format!("batch.records[{}]{dot}{}", problem.index, problem.field_path);
        (path, problem.description.clone())
    });
    let first = answer.problems.first();
    let reason = first.and_then(|first| Reason::ALL.iter().find(|reason| reason.as_str() == first.reason));
    match reason {
        Some(reason) if *reason != Reason::FieldViolations => {
            let what = first.map_or("", |first| first.description.as_str());
            let message = format!("batch {} was not stored: {what}", answer.batch);
            let fault = Fault::new(*reason, message);
            if *reason == Reason::ReferenceMissing { fault.preconditions(paths) } else { fault }
        }
        Some(_) | None => Fault::violations(paths),
    }
}
