//! Checks a commit against the newest state, staged commits of the same group included, and says what it would change.
//!
//! Nothing is changed here: a commit that fails leaves no trace. Each mutation by itself is looked at here, all of them
//! together in `check`.

mod check;

use std::sync::Arc;

use bytes::Bytes;
use prost::Message;
use reform_api::convert::{self, Violation, Violations};
use reform_api::data::v1;
use reform_model::{Kind, Name, Record};

use super::chunk::{Operation, SlotHeader};
use super::commit::{Change, Commit, Draft, Mutation, OnExisting, Plan, Planned, Refusals, Update};
use super::error::Error;
use super::index::Found;
use super::postings::Posting;
use super::read::{Stored, etag};
use super::summary::{Entry, NO_DAY};

/// The newest state, as the writer sees it.
pub(super) trait State {
    /// The newest version of a record, its name compared.
    fn newest(&self, id: &str) -> Result<Option<Found>, Error>;
    /// The content of a version.
    fn stored(&self, found: Found) -> Result<Stored, Error>;
    /// Whether a record was purged.
    fn is_purged(&self, record: u32) -> bool;
    /// How many versions of a record can be read.
    fn versions(&self, record: u32) -> u32;
    /// Some of the newest live versions with a term, at most so many; some may only share the hash.
    fn live(&self, term: u64, limit: usize) -> Vec<Found>;
}

/// A mutation whose own preconditions hold.
struct Candidate {
    operation: Operation,
    draft: Draft,
    before: Option<Found>,
    header: SlotHeader,
    findings: Vec<u8>,
}

enum Step {
    Change(Box<Candidate>),
    Unchanged,
    Skipped,
    Refused(Arc<Error>),
}

/// Plans a whole commit.
///
/// # Errors
/// The first mutation that is refused, unless the commit leaves such mutations out.
pub(super) fn plan(state: &dyn State, commit: &mut Commit) -> Result<Plan, Error> {
    let mutations = std::mem::take(&mut commit.mutations);
    let mut steps = Vec::with_capacity(mutations.len());
    for (index, mutation) in mutations.into_iter().enumerate() {
        steps.push(match step(state, mutation) {
            Ok(step) => step,
            Err(error) => Step::Refused(Arc::new(refuse(commit, index, error)?)),
        });
    }
    // Leaving one record out may break a reference to it, so look again until nothing more is left out.
    loop {
        let refused = check::check(state, commit, &mut steps)?;
        if refused.is_empty() {
            break;
        }
        for (index, error) in refused {
            steps[index] = Step::Refused(Arc::new(error));
        }
    }
    Ok(Plan { outcomes: steps.into_iter().map(planned).collect() })
}

/// A refusal that the commit can live with, or the error that ends it.
fn refuse(commit: &Commit, index: usize, error: Error) -> Result<Error, Error> {
    if commit.refusals != Refusals::Fail && is_refusal(&error) {
        Ok(error)
    } else {
        Err(Error::At { index, error: Box::new(error) })
    }
}

/// Whether an import may go on without the record; a failing disk is no reason to leave a record out.
fn is_refusal(error: &Error) -> bool {
    !matches!(error, Error::Disk(_) | Error::Failed | Error::Closing)
}

fn planned(step: Step) -> Planned {
    match step {
        Step::Unchanged => Planned::Unchanged,
        Step::Skipped => Planned::Skipped,
        Step::Refused(error) => Planned::Refused(error),
        Step::Change(candidate) => {
            let Candidate { operation, draft, before, header, findings } = *candidate;
            let Draft { record, mut bytes, terms } = draft;
            let entry = if header.bare {
                bare_entry(operation, record.kind(), &record.name, &record.jurisdiction)
            } else {
                bytes.extend_from_slice(&findings);
                entry(operation, &record, terms)
            };
            let record = before.map(|found| found.record);
            Planned::Change(Box::new(Change { entry, header, bytes, record }))
        }
    }
}

/// What the index keeps of a change.
pub(super) fn entry(operation: Operation, record: &Record, terms: Vec<u64>) -> Entry {
    Entry {
        operation,
        kind: record.kind(),
        jurisdiction: record.jurisdiction.clone(),
        id: record.name.id().to_owned(),
        day: Entry::sort_day(record.main_day()),
        terms,
    }
}

/// What the index keeps of a change whose content is gone.
pub(super) fn bare_entry(operation: Operation, kind: Kind, name: &Name, jurisdiction: &str) -> Entry {
    let (id, jurisdiction) = (name.id().to_owned(), jurisdiction.to_owned());
    Entry { operation, kind, jurisdiction, id, day: NO_DAY, terms: Vec::new() }
}

fn step(state: &dyn State, mutation: Mutation) -> Result<Step, Error> {
    match mutation {
        Mutation::Create(draft) => create(state, *draft),
        Mutation::Update(update) => self::update(state, &update),
        Mutation::Delete { name, etag } => {
            let found = live(state, &name, state.newest(name.id())?)?;
            matches(&name, found, &etag)?;
            let draft = stored_draft(state, &name, found)?;
            candidate(state, Operation::Delete, draft, Some(found))
        }
        Mutation::Undelete { name, etag } => {
            let found = known(state, &name, state.newest(name.id())?)?;
            if !found.deleted {
                return Err(Error::NotDeleted(name));
            }
            matches(&name, found, &etag)?;
            let draft = stored_draft(state, &name, found)?;
            candidate(state, Operation::Undelete, draft, Some(found))
        }
        Mutation::Purge { name } => purge(state, &name),
        Mutation::Import { draft, on_existing } => import(state, *draft, on_existing),
    }
}

fn create(state: &dyn State, draft: Draft) -> Result<Step, Error> {
    match state.newest(draft.record.name.id())? {
        Some(found) => Err(Error::Exists { name: draft.record.name, deleted: found.deleted }),
        None => candidate(state, Operation::Create, draft, None),
    }
}

fn update(state: &dyn State, update: &Update) -> Result<Step, Error> {
    let Update { name, patch, mask, allow_missing } = update;
    let patched = |current: &v1::Record| {
        let merged = v1::Record { name: name.as_str().to_owned(), ..mask.apply(current, patch) };
        Draft::new(merged).map_err(Error::Violations)
    };
    match state.newest(name.id())? {
        None if *allow_missing => candidate(state, Operation::Create, patched(&v1::Record::default())?, None),
        Some(found) if found.deleted && *allow_missing => {
            Err(Error::Exists { name: name.clone(), deleted: true })
        }
        found => {
            let found = live(state, name, found)?;
            matches(name, found, &patch.etag)?;
            let current = decode(name, &state.stored(found)?.record)?;
            let draft = patched(&current)?;
            same_place(&current, found, &draft.record)?;
            candidate(state, Operation::Update, draft, Some(found))
        }
    }
}

/// A purge leaves the name and the jurisdiction, for the feed and for whoever asks for the name.
fn purge(state: &dyn State, name: &Name) -> Result<Step, Error> {
    let found = known(state, name, state.newest(name.id())?)?;
    if !found.deleted {
        return Err(Error::Live(name.clone()));
    }
    let mut draft = stored_draft(state, name, found)?;
    let wire = v1::Record {
        name: name.as_str().to_owned(),
        jurisdiction: draft.record.jurisdiction.clone(),
        ..v1::Record::default()
    };
    draft.bytes = wire.encode_to_vec();
    candidate(state, Operation::Purge, draft, Some(found))
}

fn import(state: &dyn State, draft: Draft, on_existing: OnExisting) -> Result<Step, Error> {
    let name = &draft.record.name;
    let Some(found) = state.newest(name.id())? else {
        return candidate(state, Operation::Create, draft, None);
    };
    match on_existing {
        OnExisting::Fail => Err(Error::Exists { name: name.clone(), deleted: found.deleted }),
        OnExisting::Skip => Ok(Step::Skipped),
        OnExisting::Replace if state.is_purged(found.record) => Err(Error::Purged(name.clone())),
        OnExisting::Replace => {
            let stored = decode(name, &state.stored(found)?.record)?;
            same_place(&stored, found, &draft.record)?;
            let identical = convert::without_output_only(stored).encode_to_vec() == draft.bytes;
            match (identical, found.deleted) {
                (true, false) => Ok(Step::Unchanged),
                (false, false) => candidate(state, Operation::Update, draft, Some(found)),
                (_, true) => candidate(state, Operation::Undelete, draft, Some(found)),
            }
        }
    }
}

/// The newest version of a record, live or deleted.
fn known(state: &dyn State, name: &Name, newest: Option<Found>) -> Result<Found, Error> {
    match newest {
        Some(found) if state.is_purged(found.record) => Err(Error::Purged(name.clone())),
        Some(found) => Ok(found),
        None => Err(Error::NotFound(name.clone())),
    }
}

fn live(state: &dyn State, name: &Name, newest: Option<Found>) -> Result<Found, Error> {
    let found = known(state, name, newest)?;
    if found.deleted { Err(Error::NotFound(name.clone())) } else { Ok(found) }
}

fn matches(name: &Name, found: Found, wanted: &str) -> Result<(), Error> {
    let current = etag(found.revision);
    if wanted.is_empty() || wanted == current {
        Ok(())
    } else {
        Err(Error::EtagMismatch { name: name.clone(), current })
    }
}

/// Kind and jurisdiction never change.
fn same_place(current: &v1::Record, found: Found, record: &Record) -> Result<(), Error> {
    let mut violations = Vec::new();
    if record.kind() != found.kind {
        let description = format!("the record is of kind {}, which cannot change", found.kind);
        violations.push(Violation { field_path: record.kind().as_str().to_owned(), description });
    }
    if record.jurisdiction != current.jurisdiction {
        let description = format!("the record belongs to '{}', which cannot change", current.jurisdiction);
        violations.push(Violation { field_path: "jurisdiction".to_owned(), description });
    }
    if violations.is_empty() { Ok(()) } else { Err(Error::Violations(Violations(violations))) }
}

/// The stored content of a record, as a draft of itself.
fn stored_draft(state: &dyn State, name: &Name, found: Found) -> Result<Draft, Error> {
    let stored = decode(name, &state.stored(found)?.record)?;
    Draft::new(stored).map_err(Error::Violations)
}

fn decode(name: &Name, bytes: &Bytes) -> Result<v1::Record, Error> {
    v1::Record::decode(bytes.clone()).map_err(|_| super::read::undecodable(name.as_str()))
}

fn candidate(
    state: &dyn State,
    operation: Operation,
    draft: Draft,
    before: Option<Found>,
) -> Result<Step, Error> {
    let mut header = SlotHeader {
        operation: operation.into(),
        kind: draft.record.kind().number().into(),
        ..SlotHeader::default()
    };
    if let Some(found) = before {
        let previous = state.stored(found)?;
        header.previous_revision = found.revision;
        header.create_revision = previous.create_revision();
        header.create_time_ms = previous.create_time_ms();
        if operation == Operation::Purge {
            header.bare = true;
            header.versions_erased = state.versions(found.record);
        }
    }
    Ok(Step::Change(Box::new(Candidate { operation, draft, before, header, findings: Vec::new() })))
}

/// Some of the newest live versions among the postings of a term.
pub(super) fn newest_live(index: &super::index::Index, term: u64, limit: usize) -> Vec<Found> {
    let postings = index.postings(term).into_iter().flat_map(|postings| postings.after(Posting::MIN));
    let newest = postings.filter_map(|posting| index.visible(posting, i64::MAX));
    newest.filter(|found| !found.deleted).take(limit).collect()
}
