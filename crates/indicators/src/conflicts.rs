//! What contradicts what: several observations of one thing, and the rival claims that records keep beside them.

use std::collections::BTreeMap;

use reform_model::record::Discrepancy;
use reform_model::{Body, Name, Period, Record};

use crate::estimate::{Bound, Estimate};
use crate::number::Number;
use crate::selection::{Candidate, Thing, in_order, rule};
use crate::target::claim::{self, Claimed};
use crate::view::View;

/// Several statements about one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Of what; none where the record in question is no observation.
    pub variable: Option<Name>,
    /// Of whom; of a record that is no observation the record itself. None is the jurisdiction.
    pub subject: Option<Name>,
    /// When; without ends where the record in question is no observation.
    pub period: Period,
    /// The records, the one in use first; one alone keeps the rival claim beside it.
    pub records: Vec<Name>,
    /// The rule that chose; of a claim what it says, who says it, what became of it and why.
    pub why: String,
    /// How far the figures are apart at most; none where that is no number of one unit.
    pub gap: Option<Estimate>,
}

/// Every group of several observations of one thing, whether they contradict each other or not, and every rival claim
/// that a record keeps, settled or not. No jurisdictions are all; with a variable only what its observations say.
///
/// Observations come first, by variable, jurisdiction, subject and time, then the other records by name.
pub fn conflicts(view: &View, jurisdictions: &[String], variable: Option<&Name>) -> Vec<Conflict> {
    let wanted = |record: &Record| jurisdictions.is_empty() || jurisdictions.contains(&record.jurisdiction);
    let mut things: BTreeMap<Thing, Vec<Candidate<'_>>> = BTreeMap::new();
    for (record, observation) in view.observations().filter(|(record, _)| wanted(record)) {
        if variable.is_none_or(|name| *name == observation.variable) {
            let candidate = Candidate { record, observation };
            things.entry(Thing::of(candidate)).or_default().push(candidate);
        }
    }
    let mut found = Vec::new();
    for rivals in things.into_values() {
        let rivals = in_order(view, rivals);
        found.extend(between(view, &rivals));
        found.extend(
            rivals.iter().flat_map(|rival| rival.record.discrepancies.iter().map(|one| of(*rival, one))),
        );
    }
    if variable.is_none() {
        found.extend(beside_other_records(view, &wanted));
    }
    found
}

/// What several observations of one thing say; none where there is only one.
fn between(view: &View, rivals: &[Candidate<'_>]) -> Option<Conflict> {
    let [first, second, ..] = rivals else { return None };
    let why = if first.is_usable() { rule(view, *first, *second) } else { "none may be used" };
    let gaps = rivals[1..]
        .iter()
        .filter_map(|rival| gap(*first, &rival.estimate(), &rival.observation.quantity.unit));
    Some(Conflict {
        variable: Some(first.observation.variable.clone()),
        subject: first.observation.subject.clone(),
        period: first.observation.period,
        records: rivals.iter().map(|rival| rival.record.name.clone()).collect(),
        why: why.to_owned(),
        gap: gaps.max_by(|a, b| size(a).cmp(&size(b))),
    })
}

/// A rival claim about an observation.
fn of(candidate: Candidate<'_>, claimed: &Discrepancy) -> Conflict {
    let Candidate { record, observation } = candidate;
    let rival = claim::on_observation(observation, &claimed.field_path, &claimed.claimed);
    let gap = match rival {
        Claimed::As(rival) if rival.quantity != observation.quantity => {
            gap(candidate, &Estimate::from(&rival.quantity), &rival.quantity.unit)
        }
        Claimed::As(_) | Claimed::Unreadable | Claimed::Elsewhere => None,
    };
    Conflict {
        variable: Some(observation.variable.clone()),
        subject: observation.subject.clone(),
        period: observation.period,
        records: vec![record.name.clone()],
        why: account(claimed),
        gap,
    }
}

fn beside_other_records(view: &View, wanted: &dyn Fn(&Record) -> bool) -> Vec<Conflict> {
    let all = reform_model::Kind::ALL.iter().flat_map(|kind| view.of_kind(*kind));
    let records = all.map(|entry| &*entry.record).filter(|record| {
        !record.discrepancies.is_empty() && !matches!(record.body, Body::Observation(_)) && wanted(record)
    });
    let mut records: Vec<&Record> = records.collect();
    records.sort_by(|a, b| a.name.cmp(&b.name));
    let claims =
        records.into_iter().flat_map(|record| record.discrepancies.iter().map(move |one| (record, one)));
    let conflict = |(record, claimed): (&Record, &Discrepancy)| Conflict {
        variable: None,
        subject: Some(record.name.clone()),
        period: Period::default(),
        records: vec![record.name.clone()],
        why: account(claimed),
        gap: None,
    };
    claims.map(conflict).collect()
}

/// `election.held_on: claimed 2022 (records/speech), REJECTED: the protocol dates it`.
fn account(claimed: &Discrepancy) -> String {
    let Discrepancy { field_path, claimed, source, resolution, reason } = claimed;
    let source = source.as_ref().map(|source| format!(" ({source})")).unwrap_or_default();
    let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    format!("{field_path}: claimed {claimed}{source}, {}{reason}", resolution.as_str())
}

/// How far two figures are apart: between their values, and at least and at most by their bounds. None where they are
/// in different units or nothing is known about both.
fn gap(own: Candidate<'_>, rival: &Estimate, unit: &str) -> Option<Estimate> {
    if own.observation.quantity.unit != unit {
        return None;
    }
    let difference = own.estimate().sub(rival);
    let negative = |bound: &Option<Bound>| bound.as_ref().is_some_and(|bound| bound.number.is_negative());
    let positive = |bound: &Option<Bound>| bound.as_ref().is_some_and(|bound| bound.number.is_positive());
    let apart = if negative(&difference.upper) {
        difference.neg()
    } else if positive(&difference.lower) {
        difference
    } else {
        // They may be the same number, so only the larger corner bounds the distance.
        let (below, above) = (difference.neg().upper, difference.upper.clone());
        let upper = below.zip(above).map(|(a, b)| if a.number > b.number { a } else { b });
        let zero = Some(Bound::closed(Number::zero()));
        Estimate { value: difference.value.map(|value| value.abs()), lower: zero, upper, ..difference }
    };
    (apart.value.is_some() || apart.upper.is_some() || positive(&apart.lower)).then_some(apart)
}

fn size(gap: &Estimate) -> Option<Number> {
    let bound = |bound: &Option<Bound>| bound.as_ref().map(|bound| bound.number.clone());
    gap.value.clone().or_else(|| bound(&gap.upper)).or_else(|| bound(&gap.lower))
}
