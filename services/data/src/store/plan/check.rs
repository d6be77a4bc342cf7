//! What a commit leaves behind, looked at as a whole: references resolve, nothing that is used goes away, findings are
//! noted.

use std::collections::HashMap;

use prost::Message;
use reform_api::convert::{self, Violation, Violations};
use reform_api::data::v1;
use reform_model::findings::{self, Surroundings};
use reform_model::{Body, Kind, Name, Record};

use super::{Candidate, State, Step, refuse};
use crate::store::commit::{Commit, Mode};
use crate::store::error::Error;
use crate::store::{read, terms};

/// How many of the records that use another one are named.
const USERS_LISTED: usize = 5;

/// What the commit itself leaves behind, by name: a kind, or absent.
struct Overlay<'a> {
    state: &'a dyn State,
    records: HashMap<&'a Name, Option<&'a Record>>,
    assumed: Option<&'a HashMap<Name, Kind>>,
}

impl Overlay<'_> {
    /// The kind of a live record after the commit.
    fn kind(&self, name: &Name) -> Result<Option<Kind>, Error> {
        if let Some(record) = self.records.get(name) {
            return Ok(record.map(Record::kind));
        }
        let found = self.state.newest(name.id())?.filter(|found| !found.deleted).map(|found| found.kind);
        Ok(found.or_else(|| self.assumed.and_then(|assumed| assumed.get(name).copied())))
    }
}

/// Checks the state after the commit and notes the findings. Returns the mutations to leave out.
pub(super) fn check(
    state: &dyn State,
    commit: &Commit,
    steps: &mut [Step],
) -> Result<Vec<(usize, Error)>, Error> {
    let mut refused = Vec::new();
    let mut noted = Vec::new();
    {
        let changes = || {
            steps.iter().enumerate().filter_map(|(index, step)| match step {
                Step::Change(candidate) => Some((index, candidate.as_ref())),
                Step::Unchanged | Step::Skipped | Step::Refused(_) => None,
            })
        };
        let after = |candidate: &'_ Candidate| !candidate.operation.removes();
        let records = changes().map(|(_, candidate)| {
            (&candidate.draft.record.name, after(candidate).then_some(&candidate.draft.record))
        });
        let assumed = match &commit.mode {
            Mode::Store => None,
            Mode::Check(names) => Some(names.as_ref()),
        };
        let overlay = Overlay { state, records: records.collect(), assumed };
        for (index, candidate) in changes() {
            let checked = if after(candidate) {
                references(&overlay, &candidate.draft.record)
            } else {
                unused(&overlay, &candidate.draft.record.name)
            };
            match checked {
                Ok(()) => noted.push((index, encoded_findings(&overlay, candidate)?)),
                Err(error) => refused.push((index, refuse(commit, index, error)?)),
            }
        }
    }
    for (index, findings) in noted {
        if let Step::Change(candidate) = &mut steps[index] {
            candidate.findings = findings;
        }
    }
    Ok(refused)
}

fn references(overlay: &Overlay<'_>, record: &Record) -> Result<(), Error> {
    let (mut missing, mut wrong) = (Vec::new(), Vec::new());
    for reference in record.references() {
        match overlay.kind(reference.target)? {
            None => missing.push((reference.field_path, reference.target.clone())),
            Some(kind) if !reference.kinds.is_empty() && !reference.kinds.contains(&kind) => {
                let expected =
                    reference.kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(" or ");
                let description = format!("{} is of kind {kind}, not {expected}", reference.target);
                wrong.push(Violation { field_path: reference.field_path, description });
            }
            Some(_) => {}
        }
    }
    if !wrong.is_empty() {
        Err(Error::Violations(Violations(wrong)))
    } else if !missing.is_empty() {
        Err(Error::ReferenceMissing { missing })
    } else {
        Ok(())
    }
}

/// No live record outside of the commit points at this one; those inside are found by their own references.
fn unused(overlay: &Overlay<'_>, name: &Name) -> Result<(), Error> {
    let mut by = Vec::new();
    // Users inside the commit are passed over, so look at more than would be named.
    let limit = overlay.records.len() + USERS_LISTED;
    for field in terms::REFERENCE_FIELDS {
        for found in overlay.state.live(terms::reference(field, name.as_str()), limit) {
            let bytes = overlay.state.stored(found)?.record;
            let wire = v1::Record::decode(bytes).map_err(|_| read::undecodable(name.as_str()))?;
            let Ok(user) = convert::record(&wire) else { continue };
            let points = user.references().iter().any(|reference| reference.target == name);
            if points
                && user.name != *name
                && !overlay.records.contains_key(&user.name)
                && !by.contains(&user.name)
            {
                by.push(user.name);
            }
            if by.len() == USERS_LISTED {
                return Err(Error::InUse { name: name.clone(), by });
            }
        }
    }
    if by.is_empty() { Ok(()) } else { Err(Error::InUse { name: name.clone(), by }) }
}

/// The soft rules that the record breaks, encoded as they follow its own bytes.
fn encoded_findings(overlay: &Overlay<'_>, candidate: &Candidate) -> Result<Vec<u8>, Error> {
    let record = &candidate.draft.record;
    let found = findings::findings(record, overlay);
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let waived = |rule| record.waivers.iter().any(|waiver| waiver.rule == rule);
    let findings = found.into_iter().map(|finding| v1::Finding {
        waived: waived(finding.rule),
        rule: finding.rule.as_str().to_owned(),
        field_path: finding.field_path,
        description: finding.description,
    });
    let bytes = v1::Record { findings: findings.collect(), ..v1::Record::default() }.encode_to_vec();
    let total = candidate.draft.bytes.len() + bytes.len();
    if total > convert::RECORD_BYTES_MAX {
        return Err(Error::TooLarge { name: record.name.clone(), bytes: total });
    }
    Ok(bytes)
}

/// A neighbour that cannot be read says nothing: a soft rule is no reason to refuse a write.
impl Surroundings for Overlay<'_> {
    fn variable_unit(&self, variable: &Name) -> Option<String> {
        if let Some(record) = self.records.get(variable) {
            let Body::Variable(variable) = &(*record)?.body else { return None };
            return Some(variable.unit.clone());
        }
        let found = self.state.newest(variable.id()).ok()??;
        let wire = v1::Record::decode(self.state.stored(found).ok()?.record).ok()?;
        let v1::record::Body::Variable(variable) = wire.body? else { return None };
        Some(variable.unit)
    }

    fn source_with_url(&self, url: &str, except: &Name) -> Option<Name> {
        let has_url = |record: &Record| matches!(&record.body, Body::Source(source) if source.url == url);
        let others =
            self.records.values().flatten().filter(|record| record.name != *except && has_url(record));
        // The first by name: the order of the map is another one in every process.
        if let Some(name) = others.map(|record| &record.name).min() {
            return Some(name.clone());
        }
        self.state.live(terms::url(url), self.records.len() + 1).into_iter().find_map(|found| {
            let wire = v1::Record::decode(self.state.stored(found).ok()?.record).ok()?;
            let name = Name::parse(&wire.name).ok()?;
            let v1::record::Body::Source(source) = wire.body? else { return None };
            (source.url == url && name != *except && !self.records.contains_key(&name)).then_some(name)
        })
    }
}
