//! `observation-series`: any variable as it was observed.

use std::borrow::Cow;

use reform_model::measure::Variable;
use reform_model::vocabulary::{Basis, Rank};
use reform_model::{Kind, Name, Record};

use crate::answer::{Answer, BASIS, Builder, JURISDICTION, Labels, ORIGIN};
use crate::catalogue::{Definition, Parameter};
use crate::evidence::Evidence;
use crate::interval::Totals;
use crate::query::{Origin, Query, QueryError};
use crate::reported::{own_point, unit};
use crate::selection::{Candidate, Choice, Thing, candidates, choose_each};
use crate::span::{Bucket, Granularity, lies_within};
use crate::view::View;

const ID: &str = "observation-series";
const VARIABLE: &str = "variable";
const SUBJECT: &str = "subject";

/// What a query about one variable sets.
pub(crate) const PARAMETERS: &[Parameter] = &[Parameter {
    key: VARIABLE,
    description: "Name of the variable record.",
    values: &[],
    default_value: "",
    required: true,
}];

/// The lengths of period of one variable: that of its observations, or one of the calendar.
pub(crate) const GRANULARITIES: &[Granularity] =
    &[Granularity::Event, Granularity::Year, Granularity::HalfYear, Granularity::Quarter, Granularity::Month];

/// What it is.
pub const DEFINITION: Definition = Definition {
    id: ID,
    title: "Observations of a variable",
    definition: "The values of a variable as published, each over its own period, one series for each subject, basis \
                 and set of dimensions. Of rivals the best is used: preferred first, deprecated and forecasts never, \
                 then by method, release, day of publication and name; the others are excluded, and those that \
                 contradict it are in the caveat CONFLICT. A running total says how much it grew since the last one \
                 from the same start. A granularity keeps only in-period values of exactly that length.",
    formula: "the observation that was chosen for each period",
    formula_source: "",
    formula_version: 1,
    unit: "",
    dimensions: &[SUBJECT, BASIS],
    parameters: PARAMETERS,
    kinds: &[Kind::Observation, Kind::Variable, Kind::Source],
    granularities: GRANULARITIES,
    compute: observation_series,
};

/// The variable that a query asks for.
pub(crate) fn asked_variable<'a>(
    view: &'a View,
    query: &Query,
) -> Result<(&'a Record, &'a Variable), QueryError> {
    let path = format!("parameters.{VARIABLE}");
    let Some(name) = query.record_parameter(VARIABLE)? else {
        return Err(QueryError::field(path, "is required"));
    };
    match view.variable(&name) {
        Some(found) => Ok(found),
        None if view.contains(&name) => Err(QueryError::field(path, "is no variable")),
        None => Err(QueryError::NotFound { path, name }),
    }
}

fn observation_series(view: &View, query: &Query) -> Result<Answer, QueryError> {
    let mut builder = Builder::default();
    let (record, variable) = asked_variable(view, query)?;
    if query.wants(Origin::Reported) {
        let chosen = choose_each(view, candidates(view, &record.name));
        let totals = Totals::of(variable, &chosen);
        for (thing, choice) in chosen.iter().filter(|(thing, choice)| wants(query, thing, choice)) {
            let mut point = own_point(choice);
            totals.add_difference(variable, thing, choice, &mut point);
            let rank = choice.chosen.record.rank.unwrap_or(Rank::Normal);
            point.figures.insert("rank".to_owned(), rank.as_str().to_owned());
            let labels = labels(query, thing);
            query.attach(&labels, &mut point, |point| {
                let same = |candidate: &Candidate<'_>| self::labels(query, &Thing::of(*candidate)) == labels;
                let mut evidence = Evidence::default();
                evidence.observations(point, candidates(view, &record.name).filter(same), &[choice.chosen]);
                evidence
            });
            builder.push(labels, unit(variable, choice.chosen), point);
        }
    }
    Ok(builder.finish(ID, DEFINITION.formula_version))
}

fn wants(query: &Query, thing: &Thing, choice: &Choice<'_>) -> bool {
    let known = |name: &str| match name {
        SUBJECT => thing.subject.as_ref().map(|subject| Cow::from(subject.as_str())),
        BASIS => Some(Cow::from(thing.basis.as_str())),
        _ => None,
    };
    query.wants_jurisdiction(&thing.jurisdiction)
        && lies_within(choice.chosen.answers_for(), query.period)
        && query.filter.as_ref().is_none_or(|filter| filter.matches_by(&known))
        && has_length(query.granularity, choice)
}

pub(crate) fn has_length(granularity: Option<Granularity>, choice: &Choice<'_>) -> bool {
    let observation = choice.chosen.observation;
    let Some(granularity) = granularity.filter(|granularity| *granularity != Granularity::Event) else {
        return true;
    };
    if observation.basis != Basis::InPeriod {
        return true;
    }
    let bucket = Bucket::containing(granularity, observation.period.first());
    (bucket.first, bucket.last) == (observation.period.first(), observation.period.last())
}

fn labels(query: &Query, thing: &Thing) -> Labels {
    // The contract's own labels win over a free dimension of the same key.
    let mut labels = thing.dimensions.clone();
    labels.insert(JURISDICTION.to_owned(), thing.jurisdiction.clone());
    labels.insert(ORIGIN.to_owned(), Origin::Reported.as_str().to_owned());
    labels.insert(BASIS.to_owned(), thing.basis.as_str().to_owned());
    let subject = thing.subject.as_ref().map(Name::to_string);
    if subject.is_some() || query.group_by.iter().any(|name| name == SUBJECT) {
        labels.insert(SUBJECT.to_owned(), subject.unwrap_or_default());
    }
    labels
}
