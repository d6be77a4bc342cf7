//! Every pointer from one record to another: the field, the target, and what the target may be.

use crate::election::Contender;
use crate::record::{Body, Kind, Name, Record};

/// A pointer from a record to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference<'a> {
    /// Where it stands, below the record: `election.tiers[0].results[3].contender.party`.
    pub field_path: String,
    /// The record that it points at.
    pub target: &'a Name,
    /// What the target may be; empty means any kind.
    pub kinds: &'static [Kind],
}

const ANY: &[Kind] = &[];
const SOURCE: &[Kind] = &[Kind::Source];
const VARIABLE: &[Kind] = &[Kind::Variable];
const INSTITUTION: &[Kind] = &[Kind::Institution];
const PARTY: &[Kind] = &[Kind::Party];

/// Collects references in field order.
struct Collector<'a>(Vec<Reference<'a>>);

impl<'a> Collector<'a> {
    fn add(&mut self, field_path: impl Into<String>, target: &'a Name, kinds: &'static [Kind]) {
        self.0.push(Reference { field_path: field_path.into(), target, kinds });
    }

    fn maybe(&mut self, field_path: &str, target: Option<&'a Name>, kinds: &'static [Kind]) {
        if let Some(target) = target {
            self.add(field_path, target, kinds);
        }
    }

    fn each(&mut self, field_path: &str, targets: &'a [Name], kinds: &'static [Kind]) {
        for (index, target) in targets.iter().enumerate() {
            self.add(format!("{field_path}[{index}]"), target, kinds);
        }
    }
}

impl Record {
    /// Every reference of the record, in field order.
    pub fn references(&self) -> Vec<Reference<'_>> {
        let mut found = Collector(Vec::new());
        for (index, citation) in self.citations.iter().enumerate() {
            found.add(format!("citations[{index}].source"), &citation.source, SOURCE);
        }
        for (index, discrepancy) in self.discrepancies.iter().enumerate() {
            found.maybe(&format!("discrepancies[{index}].source"), discrepancy.source.as_ref(), SOURCE);
        }
        body(&self.body, &mut found);
        found.0
    }
}

fn body<'a>(body: &'a Body, found: &mut Collector<'a>) {
    match body {
        Body::Source(source) => {
            for (index, coverage) in source.covers.iter().enumerate() {
                found.maybe(&format!("source.covers[{index}].subject"), coverage.subject.as_ref(), ANY);
            }
        }
        Body::Variable(variable) => found.maybe("variable.part_of", variable.part_of.as_ref(), VARIABLE),
        Body::Institution(institution) => {
            found.each("institution.predecessors", &institution.predecessors, INSTITUTION);
        }
        Body::Package(_) => {}
        Body::Party(party) => found.each("party.predecessors", &party.predecessors, PARTY),
        Body::Reform(reform) => {
            found.maybe("reform.package", reform.package.as_ref(), &[Kind::Package]);
            for (index, change) in reform.parameter_changes.iter().enumerate() {
                let path = format!("reform.parameter_changes[{index}].parameter");
                found.add(path, &change.parameter, VARIABLE);
            }
        }
        Body::Election(election) => self::election(election, found),
        Body::Referendum(referendum) => {
            found.maybe("referendum.overtaken_by", referendum.overtaken_by.as_ref(), &[Kind::Referendum]);
        }
        Body::Petition(petition) => {
            found.maybe("petition.institution", petition.institution.as_ref(), INSTITUTION);
        }
        Body::Appeal(appeal) => found.maybe("appeal.institution", appeal.institution.as_ref(), INSTITUTION),
        Body::Decision(decision) => {
            found.maybe("decision.institution", decision.institution.as_ref(), INSTITUTION);
        }
        Body::Event(event) => found.maybe("event.series", event.series.as_ref(), ANY),
        Body::Observation(observation) => {
            found.add("observation.variable", &observation.variable, VARIABLE);
            found.maybe("observation.subject", observation.subject.as_ref(), ANY);
            found.each("observation.derived_from", &observation.derived_from, ANY);
        }
        Body::Target(target) => {
            found.add("target.variable", &target.variable, VARIABLE);
            found.maybe("target.subject", target.subject.as_ref(), ANY);
            found.maybe("target.revised_from", target.revised_from.as_ref(), &[Kind::Target]);
        }
    }
}

fn election<'a>(election: &'a crate::election::Election, found: &mut Collector<'a>) {
    found.maybe("election.institution", election.institution.as_ref(), INSTITUTION);
    for (tier_index, tier) in election.tiers.iter().enumerate() {
        for (index, result) in tier.results.iter().enumerate() {
            let path = format!("election.tiers[{tier_index}].results[{index}].contender");
            match &result.contender {
                Contender::Party(party) => found.add(format!("{path}.party"), party, PARTY),
                Contender::Alliance(parties) => {
                    found.each(&format!("{path}.alliance.parties"), parties, PARTY);
                }
                Contender::Candidate { name: _, party } => {
                    found.maybe(&format!("{path}.candidate.party"), party.as_ref(), PARTY);
                }
                Contender::Independents | Contender::AgainstAll | Contender::Other(_) => {}
            }
        }
    }
}
