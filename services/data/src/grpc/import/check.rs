//! Checking a batch by itself, before the writer sees it.

use std::collections::HashSet;
use std::sync::Arc;

use prost::Message;
use reform_api::convert::Violations;
use reform_api::data::v1;
use reform_api::error::{Fault, Reason};
use reform_model::Name;

use super::answer::{Problems, answer, problem};
use super::{Batch, Import, Prepared};
use crate::grpc::request;
use crate::store::commit::{Answer, Commit, MUTATIONS_MAX, Mode, OnExisting, Refusals};
use crate::store::list::PAGE_BYTES_MAX;
use crate::store::{Draft, Mutation};

impl Batch {
    /// Checks every record by itself and makes the commit of those that can be.
    pub(super) fn prepare(self) -> Result<Prepared, Fault> {
        let Self { number, import, wire: batch, place } = self;
        if batch.records.len() > MUTATIONS_MAX {
            return Err(Fault::violation("batch.records", format!("more than {MUTATIONS_MAX}")));
        }
        if batch.encoded_len() > PAGE_BYTES_MAX + 64 {
            return Err(Fault::new(Reason::MessageTooLarge, "the batch is over 3 MiB"));
        }
        let mut commit = import.commit(&batch)?;
        let (mut places, mut problems) = (Vec::new(), Vec::new());
        let mut names = HashSet::new();
        for (index, record) in batch.records.into_iter().enumerate() {
            let name = record.name.clone();
            match import.draft(record, &mut names) {
                Ok(draft) => {
                    places.push((index, name));
                    let on_existing = import.on_existing;
                    commit.mutations.push(Mutation::Import { draft: Box::new(draft), on_existing });
                }
                Err((reason, found)) => {
                    problems.extend(found.into_iter().map(|pair| problem(index, &name, reason, pair)));
                }
            }
        }
        import.keep_answer(&mut commit, &places, &problems);
        Ok(Prepared { number, import, commit, places, problems, place })
    }
}

impl Import {
    /// The commit of a batch, without its mutations. The options belong to what a request id stands for.
    fn commit(&self, batch: &v1::ImportBatch) -> Result<Commit, Fault> {
        let method = format!("ImportRecords {:?} {}", self.on_existing, self.skip_invalid);
        let fields = (batch.request_id.as_str(), self.reason.as_str(), false);
        let commit = request::commit(self.author.clone(), &method, batch, fields)?;
        let refusals = if self.skip_invalid { Refusals::LeaveOut } else { Refusals::Report };
        let commit = Commit { refusals, chain: Some(self.chain.clone()), returns: false, ..commit };
        if self.dry_run {
            let mode = Mode::Check(Arc::clone(&self.seen.lock()));
            return Ok(Commit { request: None, mode, ..commit });
        }
        Ok(commit)
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
        if self.dry_run && self.on_existing == OnExisting::Fail && self.seen.lock().contains_key(name) {
            return Err((Reason::RecordExists, vec![(String::new(), format!("{name} came before"))]));
        }
        Ok(draft)
    }

    /// A batch with a request id keeps its answer, so that a repeat gets the same.
    fn keep_answer(&self, commit: &mut Commit, places: &[(usize, String)], problems: &Problems) {
        if commit.request.is_some() {
            let (places, problems) = (places.to_vec(), problems.clone());
            let leaves_out = self.skip_invalid;
            commit.answer = Some(Answer(Box::new(move |revision, outcomes| {
                answer(revision, outcomes, &places, problems, leaves_out).encode_to_vec()
            })));
        }
    }
}
