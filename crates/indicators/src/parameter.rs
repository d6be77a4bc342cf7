//! `parameter-history`: the steps of numbers in laws, and what held on a day.
//!
//! In reading order: [`steps`]: the changes with their dates; [`valid`]: the value on a day; [`lookup`]: both together.

pub mod lookup;
pub mod steps;
#[cfg(test)]
mod tests;
pub mod valid;

use std::collections::BTreeSet;

use reform_model::{Body, Date, Day, Kind, Name, Period, Quantity};

use crate::answer::{Answer, Builder, Code, JURISDICTION, Labels, Point, labels};
use crate::catalogue::{Definition, Parameter};
use crate::estimate::Estimate;
use crate::evidence::{Evidence, Part, Reason, figure};
use crate::number::Number;
use crate::parameter::steps::{Since, Step, history};
use crate::parameter::valid::value_at;
use crate::query::{Query, QueryError};
use crate::span::{Granularity, lies_within};
use crate::target::claim;
use crate::view::View;

const PARAMETER: &str = "parameter";
const VALID_AT: &str = "valid_at";
/// The label that keeps apart what holds and what is only foreseen.
const STATUS: &str = "status";

/// The steps of legal parameters.
pub const HISTORY: Definition = Definition {
    id: "parameter-history",
    title: "History of a legal parameter",
    definition: "The values that a legal parameter took, each from the day it became effective, else from the entry \
                 into force, else from the first application. Steps without a day come last and are marked; planned \
                 ones are a series of their own. With valid_at: the value on that day. Where the day of a step is not \
                 known, it moved after the last record that shows the old value and not after the first that shows the \
                 new one; between them both values are bounds. An announcement moves nothing.",
    formula: "each step; on a day, the value of the last step whose day is not after it",
    formula_source: "",
    formula_version: 1,
    unit: "",
    dimensions: &[PARAMETER],
    parameters: &[
        Parameter {
            key: PARAMETER,
            description: "a variable record; without it every variable that a reform moves",
            values: &[],
            default_value: "",
            required: false,
        },
        Parameter {
            key: VALID_AT,
            description: "a day (2023-03-19): one point with the value that held then, instead of the steps",
            values: &[],
            default_value: "",
            required: false,
        },
    ],
    kinds: &[Kind::Election, Kind::Observation, Kind::Reform, Kind::Variable],
    granularities: Granularity::EVENTS,
    compute: answer,
};

fn answer(view: &View, query: &Query) -> Result<Answer, QueryError> {
    let day = valid_at(query)?;
    let mut answer = Builder::default();
    for (jurisdiction, parameter) in moved(view, query)? {
        let labels = labels([(JURISDICTION, jurisdiction.as_str()), (PARAMETER, parameter.as_str())]);
        if query.filter.as_ref().is_some_and(|filter| !filter.matches(&labels)) {
            continue;
        }
        match day {
            Some(day) => push_valid(view, query, labels, &parameter, (&jurisdiction, day), &mut answer),
            None => {
                for step in history(view, &parameter, &jurisdiction) {
                    push_step(view, query, labels.clone(), &step, &mut answer);
                }
            }
        }
    }
    Ok(answer.finish(HISTORY.id, HISTORY.formula_version))
}

fn valid_at(query: &Query) -> Result<Option<Day>, QueryError> {
    let Some(text) = query.parameter(VALID_AT).filter(|text| !text.is_empty()) else { return Ok(None) };
    let day = claim::date(text).and_then(Date::day);
    day.map(Some).ok_or_else(|| {
        QueryError::field(format!("parameters.{VALID_AT}"), "must be a day such as 2023-03-19")
    })
}

/// The parameters asked for, by the jurisdictions whose reforms move them.
fn moved(view: &View, query: &Query) -> Result<BTreeSet<(String, Name)>, QueryError> {
    let asked = query.record_parameter(PARAMETER)?;
    if let Some(name) = &asked {
        let path = format!("parameters.{PARAMETER}");
        match view.get(name).map(|entry| &entry.record.body) {
            Some(Body::Variable(_)) => {}
            Some(_) => return Err(QueryError::field(path, "must name a variable")),
            None if view.contains(name) => return Err(QueryError::field(path, "must name a variable")),
            None => return Err(QueryError::NotFound { path, name: name.clone() }),
        }
    }
    let mut moved = BTreeSet::new();
    for (record, reform) in
        view.reforms().filter(|(record, _)| query.wants_jurisdiction(&record.jurisdiction))
    {
        for change in &reform.parameter_changes {
            if asked.as_ref().is_none_or(|name| *name == change.parameter) {
                moved.insert((record.jurisdiction.clone(), change.parameter.clone()));
            }
        }
    }
    Ok(moved)
}

fn push_step(view: &View, query: &Query, mut labels: Labels, step: &Step<'_>, answer: &mut Builder) {
    let period = Period { start: step.from, end: step.from };
    if query.period.is_some() && (step.from.is_none() || !lies_within(period, query.period)) {
        return;
    }
    let mut point = Point::new(period, step.change.after.as_ref().map(Estimate::from));
    point.label.clone_from(&step.record.title);
    point.records = 1;
    point.set_sources(step.record.sources());
    describe(step, &mut point);
    if step.planned {
        point.warn(Code::Planned, "foreseen, and not in force", 0);
    }
    match step.from {
        None => point.warn(Code::Undated, "no day is recorded from which it holds", 0),
        Some(from) if from.day().is_none() => {
            point.warn(Code::ImpreciseDate, format!("the day is only known to lie in {from}"), 0);
        }
        Some(_) => {}
    }
    labels.insert(STATUS.to_owned(), if step.planned { "PLANNED" } else { "ACTUAL" }.to_owned());
    query.attach(&labels, &mut point, |point| {
        let mut evidence = Evidence::default();
        let after = point.estimate.as_ref().map(|after| figure(after, Some(after)));
        evidence.add(step.record, Part { note: account(step), ..after.unwrap_or_default() });
        evidence
    });
    answer.push(labels, unit(view, step), point);
}

fn describe(step: &Step<'_>, point: &mut Point) {
    let change = step.change;
    for (key, quantity) in [("before", &change.before), ("after", &change.after)] {
        if let Some(quantity) = quantity {
            point.figures.insert(key.to_owned(), text(quantity));
        }
    }
    let exact = |quantity: &Option<Quantity>| {
        let estimate = Estimate::from(quantity.as_ref()?);
        estimate.is_exact().then_some(estimate.value).flatten()
    };
    if let (Some(before), Some(after)) = (exact(&change.before), exact(&change.after))
        && let Some(ratio) = after.checked_div(&before)
    {
        point.figure("ratio", &ratio);
    }
    if let Some(direction) = change.direction {
        point.figures.insert("direction".to_owned(), direction.as_str().to_owned());
    }
    if let Some(since) = step.since {
        point.figures.insert("stage".to_owned(), since.as_str().to_owned());
    }
}

/// What a step says, in one line.
fn account(step: &Step<'_>) -> String {
    let value = |quantity: &Option<Quantity>| quantity.as_ref().map_or("?".to_owned(), text);
    let (before, after) = (value(&step.change.before), value(&step.change.after));
    match (step.since, step.from) {
        (Some(since), Some(from)) => format!("{before} → {after}, {} {from}", since.as_str()),
        (_, _) => format!("{before} → {after}, undated"),
    }
}

/// Why a step says nothing about the value on a day that other steps decide.
fn not_valid(step: &Step<'_>, on: Day) -> Reason {
    match step.from {
        _ if step.planned => Reason::Planned,
        None => Reason::Undated,
        Some(from) if from.last() <= on => Reason::Superseded,
        Some(_) => Reason::OutsidePeriod,
    }
}

/// The number of an exact quantity; any other with its sign.
fn text(quantity: &Quantity) -> String {
    let estimate = Estimate::from(quantity);
    if estimate.is_exact() {
        Number::from(quantity.decimal()).to_decimal_string()
    } else {
        estimate.display()
    }
}

fn unit(view: &View, step: &Step<'_>) -> String {
    let quantities = [&step.change.after, &step.change.before].into_iter().flatten();
    let own = quantities.map(|quantity| quantity.unit.as_str()).find(|unit| !unit.is_empty());
    let variable = view.variable(&step.change.parameter).map(|(_, variable)| variable.unit.as_str());
    own.or(variable).unwrap_or_default().to_owned()
}

fn push_valid(
    view: &View,
    query: &Query,
    labels: Labels,
    parameter: &Name,
    (jurisdiction, on): (&str, Day),
    answer: &mut Builder,
) {
    let valid = value_at(view, parameter, jurisdiction, on);
    let day = Some(Date::exact(on));
    let mut point = Point::new(Period { start: day, end: day }, valid.estimate);
    point.records = i64::try_from(valid.steps.len()).unwrap_or(i64::MAX);
    point.set_sources(valid.steps.iter().flat_map(|step| step.record.sources()));
    if let [step] = valid.steps.as_slice() {
        point.label.clone_from(&step.record.title);
        let since = step.since.map_or("", Since::as_str);
        point.figures.insert("stage".to_owned(), since.to_owned());
    }
    if valid.open > 0 {
        point.warn(
            Code::ImpreciseDate,
            "the day of a step is not known, so either value may hold",
            valid.open,
        );
    }
    let unit = valid.steps.first().map(|step| unit(view, step));
    let own = view.variable(parameter).map(|(_, variable)| variable.unit.clone());
    query.attach(&labels, &mut point, |_| {
        let mut evidence = Evidence::default();
        for step in &valid.steps {
            let after = step.change.after.as_ref().map(|after| figure(&Estimate::from(after), None));
            evidence.add(step.record, Part { note: account(step), ..after.unwrap_or_default() });
        }
        for step in history(view, parameter, jurisdiction) {
            evidence.exclude(step.record, not_valid(&step, on));
        }
        evidence
    });
    answer.push(labels, unit.or(own).unwrap_or_default(), point);
}
