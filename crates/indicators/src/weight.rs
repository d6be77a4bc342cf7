//! How much memory a record takes in a view, as far as its fields tell.

use std::mem::size_of;

use reform_model::election::ElectionResult;
use reform_model::record::{Citation, DatedName, Discrepancy, Inference, Waiver};
use reform_model::reform::{ParameterChange, Stage};
use reform_model::{Body, Name, Record};

use crate::view::Entry;

/// What the allocator and the tree add to each row.
const ROW_OVERHEAD: usize = 64;
/// What a pair of texts adds to a map.
const PAIR: usize = 2 * size_of::<String>();

/// The bytes of a row: its fixed part, its texts and its lists. An estimate, but the same for equal records.
pub(crate) fn bytes(record: &Record) -> usize {
    let Record {
        name,
        jurisdiction,
        title,
        labels,
        citations,
        discrepancies,
        inferences,
        rank: _,
        waivers,
        body,
    } = record;
    let labels: usize = labels.iter().map(|(key, value)| PAIR + key.len() + value.len()).sum();
    let citations: usize = citations.iter().map(citation).sum();
    let notes = discrepancies.len() * size_of::<Discrepancy>()
        + discrepancies.iter().map(|one| one.claimed.len() + one.reason.len()).sum::<usize>()
        + inferences.len() * size_of::<Inference>()
        + inferences.iter().map(|one| one.reason.len()).sum::<usize>()
        + waivers.len() * size_of::<Waiver>();
    let row = size_of::<Record>() + size_of::<(Name, Entry)>() + ROW_OVERHEAD;
    row + name.as_str().len() + jurisdiction.len() + title.len() + labels + citations + notes + lists(body)
}

fn citation(citation: &Citation) -> usize {
    let paths: usize = citation.field_paths.iter().map(|path| size_of::<String>() + path.len()).sum();
    size_of::<Citation>() + citation.source.as_str().len() + citation.locator.len() + paths
}

fn lists(body: &Body) -> usize {
    let names = |names: &[DatedName]| -> usize {
        names.iter().map(|name| size_of::<DatedName>() + name.name.len()).sum()
    };
    match body {
        Body::Source(source) => source.title.len() + source.publisher.len() + source.url.len(),
        Body::Institution(institution) => names(&institution.names),
        Body::Party(party) => names(&party.names) + party.predecessors.len() * size_of::<Name>(),
        Body::Reform(reform) => {
            reform.stages.len() * size_of::<Stage>()
                + reform.parameter_changes.len() * size_of::<ParameterChange>()
        }
        Body::Election(election) => {
            let results = election.tiers.iter().flat_map(|tier| &tier.results);
            results.map(|result| size_of::<ElectionResult>() + result.label.len()).sum()
        }
        Body::Appeal(appeal) => {
            let texts = [
                &appeal.channel,
                &appeal.subject,
                &appeal.outcome,
                &appeal.refusal_reason,
                &appeal.region,
                &appeal.appeal_type,
                &appeal.applicant_kind,
            ];
            texts.into_iter().map(String::len).sum::<usize>()
                + appeal.institution.as_ref().map_or(0, |name| name.as_str().len())
        }
        Body::Observation(observation) => {
            let dimensions = observation.dimensions.iter();
            dimensions.map(|(key, value)| PAIR + key.len() + value.len()).sum::<usize>()
                + observation.variable.as_str().len()
        }
        Body::Variable(_)
        | Body::Package(_)
        | Body::Referendum(_)
        | Body::Petition(_)
        | Body::Decision(_)
        | Body::Event(_)
        | Body::Target(_) => 0,
    }
}
