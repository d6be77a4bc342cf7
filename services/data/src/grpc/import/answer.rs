//! What a batch is answered.

use reform_api::data::v1;
use reform_api::error::{Fault, Reason};

use crate::grpc::fault;
use crate::store::Outcome;
use crate::store::chunk::Operation;

/// Problems that an answer lists; all are counted.
const PROBLEMS_MAX: usize = 100;

/// What is wrong with records that cannot be stored.
pub(super) type Problems = Vec<v1::ImportProblem>;

/// One problem of a record of the batch.
pub(super) fn problem(
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
pub(super) fn answer(
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

/// Lists some problems and counts all.
pub(super) fn list_problems(answer: &mut v1::ImportRecordsResponse, mut problems: Problems) {
    answer.problems_total = i64::try_from(problems.len()).unwrap_or(i64::MAX);
    problems.truncate(PROBLEMS_MAX);
    answer.problems = problems;
}

/// Why a stream ends after a batch with problems.
pub(super) fn refusal(answer: &v1::ImportRecordsResponse) -> Fault {
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
