//! ImportRecords: each batch is one commit and is answered when it is durable, while the next one is on its way.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::{Stream, StreamExt};
use parking_lot::Mutex;
use prost::Message;
use reform_api::data::v1;
use reform_api::data::v1::import_options::{OnExisting as WireOnExisting, OnInvalid};
use reform_api::data::v1::import_records_request::Message as ImportMessage;
use reform_api::error::{Fault, Reason};
use reform_model::{Kind, Name};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use self::answer::{Problems, answer, list_problems, refusal};
use super::record::{Records, blocking};
use super::{fault, request};
use crate::store::commit::{Chain, Commit, OnExisting};
use crate::store::{Committed, Mutation, Outcome, Pending, Store};

mod answer;
mod check;

/// Batches of one stream that are read, checked, or on their way to the disk: enough that neither the checks nor the
/// writer wait for the other, and the bound on what a stream holds in memory.
const UNDER_WAY_MAX: usize = 4;
/// Batches of one stream that are checked at the same time.
const CHECKED_AT_ONCE: usize = 2;

/// What the batches of a stream share.
struct Import {
    author: String,
    on_existing: OnExisting,
    skip_invalid: bool,
    dry_run: bool,
    reason: String,
    /// Broken by the first batch that the writer refuses: nothing behind it is stored.
    chain: Chain,
    /// Whether a batch was refused before it came to the writer.
    ended: AtomicBool,
    under_way: Arc<Semaphore>,
    /// Names that earlier batches of a dry run would have stored.
    seen: Mutex<Arc<HashMap<Name, Kind>>>,
}

impl Import {
    fn new(author: String, options: v1::ImportOptions) -> Result<Self, Fault> {
        let v1::ImportOptions { on_existing, on_invalid, dry_run, reason } = options;
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
        // A dry run checks each batch against what the ones before it would have stored.
        let under_way = Arc::new(Semaphore::new(if dry_run { 1 } else { UNDER_WAY_MAX }));
        let (chain, ended, seen) = (Chain::default(), AtomicBool::new(false), Mutex::default());
        Ok(Self { author, on_existing, skip_invalid, dry_run, reason, chain, ended, under_way, seen })
    }
}

/// The answers to a stream of batches; it ends with the stream, or with the first batch that is refused.
pub(super) fn answers(
    records: Records,
    author: String,
    batches: Streaming<v1::ImportRecordsRequest>,
) -> impl Stream<Item = Result<v1::ImportRecordsResponse, Status>> {
    let (submitting, answering) = (records.store.clone(), records.store);
    let checked = read(author, batches, records.stop)
        .map(|batch: Result<Batch, Status>| async move {
            let batch = batch?;
            blocking(move || batch.prepare()).await
        })
        .buffered(CHECKED_AT_ONCE);
    // Handed over one after the other, in their order; they are answered in it, too.
    let stored = checked
        .then(move |prepared| {
            let store = submitting.clone();
            async move { prepared?.submit(&store).await }
        })
        .map(move |submitted| {
            let store = answering.clone();
            async move { submitted?.imported(&store).await }
        })
        .buffered(UNDER_WAY_MAX);
    async_stream::try_stream! {
        let mut stored = pin!(stored);
        while let Some(imported) = stored.next().await {
            let (answer, refused) = imported?;
            yield answer;
            if let Some(refused) = refused {
                Err(refused.status())?;
            }
        }
    }
}

/// The batches of a stream, each with its place among those under way.
fn read(
    author: String,
    mut batches: Streaming<v1::ImportRecordsRequest>,
    stop: CancellationToken,
) -> impl Stream<Item = Result<Batch, Status>> {
    async_stream::try_stream! {
        let mut import: Option<Arc<Import>> = None;
        let mut number = 0;
        loop {
            let message = tokio::select! {
                message = batches.next() => message,
                () = stop.cancelled() => Some(Err(stopping())),
            };
            let Some(message) = message else { break };
            match (message?.message, &import) {
                (Some(ImportMessage::Options(options)), None) => {
                    import = Some(Arc::new(Import::new(author.clone(), options)?));
                }
                (Some(ImportMessage::Options(_)), Some(_)) => Err(Fault::violation("options", "come once").status())?,
                (Some(ImportMessage::Batch(_)), None) => {
                    Err(Fault::violation("options", "come before the first batch").status())?;
                }
                (Some(ImportMessage::Batch(wire)), Some(import)) => {
                    let place = Arc::clone(&import.under_way).acquire_owned().await;
                    let place = place.expect("the semaphore is never closed");
                    yield Batch { number, import: Arc::clone(import), wire, place };
                    number += 1;
                }
                (None, _) => Err(Fault::violation("message", "is required").status())?,
            }
        }
    }
}

fn stopping() -> Status {
    Fault::new(Reason::ShuttingDown, "the service is stopping").status()
}

/// One batch as it came.
struct Batch {
    number: i64,
    import: Arc<Import>,
    wire: v1::ImportBatch,
    place: OwnedSemaphorePermit,
}

/// A batch whose records were checked by themselves.
struct Prepared {
    number: i64,
    import: Arc<Import>,
    commit: Commit,
    /// The place in the batch and the name of each mutation.
    places: Vec<(usize, String)>,
    problems: Problems,
    place: OwnedSemaphorePermit,
}

/// A batch that the writer has, or that was refused before.
struct Submitted {
    number: i64,
    import: Arc<Import>,
    places: Vec<(usize, String)>,
    problems: Problems,
    /// What a dry run would store.
    names: Vec<(Name, Kind)>,
    commit: Option<Pending>,
    _place: OwnedSemaphorePermit,
}

/// The answer, and why the stream ends if it does.
type Imported = (v1::ImportRecordsResponse, Option<Fault>);

impl Prepared {
    /// Hands the commit to the writer, unless the batch is refused already.
    async fn submit(self, store: &Store) -> Result<Submitted, Status> {
        let Self { number, import, commit, places, problems, place } = self;
        // Batches come here in their order. The chain is not broken for it: those before may still be queued.
        let invalid = !import.skip_invalid && !problems.is_empty();
        let refused = import.ended.fetch_or(invalid, Ordering::Relaxed) || invalid;
        let names = if import.dry_run {
            commit.mutations.iter().filter_map(named_kind).collect()
        } else {
            Vec::new()
        };
        let commit = if refused { None } else { Some(store.submit(commit).await.map_err(fault::of_record)?) };
        Ok(Submitted { number, import, places, problems, names, commit, _place: place })
    }
}

impl Submitted {
    /// Waits until the batch is durable, or refused.
    async fn imported(self, store: &Store) -> Result<Imported, Status> {
        let Self { number, import, places, problems, mut names, commit, _place: _ } = self;
        let aborts = !import.skip_invalid;
        let Some(commit) = commit else {
            let mut answer = v1::ImportRecordsResponse { batch: number, ..Default::default() };
            list_problems(&mut answer, problems);
            let refused = refusal(&answer);
            return Ok((answer, Some(refused)));
        };
        let answer = match commit.committed().await.map_err(fault::of_record)? {
            Committed::Repeat { revision } => {
                let commit = store.newest().commit_header(revision).map_err(fault::of_record)?;
                let stored = v1::ImportRecordsResponse::decode(commit.answer.as_slice());
                stored.map_err(|_| Fault::new(Reason::CorruptRecord, "the first answer is damaged"))?
            }
            Committed::Done { revision, outcomes } => {
                let mut changed = outcomes.iter().map(|outcome| matches!(outcome, Outcome::Changed(..)));
                names.retain(|_| changed.next() == Some(true));
                answer(revision, &outcomes, &places, problems, !aborts)
            }
        };
        if !names.is_empty() {
            Arc::make_mut(&mut import.seen.lock()).extend(names);
        }
        let answer = v1::ImportRecordsResponse { batch: number, ..answer };
        let refused = (aborts && answer.problems_total > 0).then(|| refusal(&answer));
        Ok((answer, refused))
    }
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
