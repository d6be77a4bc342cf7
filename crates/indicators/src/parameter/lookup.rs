//! A legal parameter through time, and the step valid on a day.

use std::collections::BTreeSet;

use reform_model::vocabulary::Comparator;
use reform_model::{Body, Date, Day, Decimal, Name, Quantity};

use crate::estimate::Estimate;
use crate::parameter::steps::{Since, Step, history};
use crate::parameter::valid::{Valid, value_at};
use crate::query::QueryError;
use crate::view::View;

/// A legal parameter through time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The step valid on the day asked for; none without a day, and where nothing says what held.
    pub valid: Option<Stated>,
    /// Dated steps in order, then undated ones, then planned ones.
    pub history: Vec<Stated>,
}

/// A value and the day it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stated {
    /// The value; none where the rule is known to have changed and no figure is stated.
    pub value: Option<Quantity>,
    /// First day of the value; none where no source says when.
    pub from: Option<Date>,
    /// The reform that set it; none where the value held before the first known step, or one of several steps may hold.
    pub reform: Option<Name>,
    /// Which date `from` is.
    pub since: Option<Since>,
    /// It is foreseen and not valid.
    pub planned: bool,
}

/// What is known about a legal parameter. Without a jurisdiction it is that of the variable, and of a variable that has
/// none the only one whose reforms move it.
///
/// # Errors
/// `parameter` where it names no variable, `jurisdiction` where it must be named.
pub fn look_up(
    view: &View,
    parameter: &Name,
    jurisdiction: &str,
    valid_at: Option<Day>,
) -> Result<Told, QueryError> {
    let path = || "parameter".to_owned();
    let Some(entry) = view.get(parameter) else {
        if view.contains(parameter) {
            return Err(QueryError::field(path(), "must name a variable"));
        }
        return Err(QueryError::NotFound { path: path(), name: parameter.clone() });
    };
    let Body::Variable(variable) = &entry.record.body else {
        return Err(QueryError::field(path(), "must name a variable"));
    };
    let jurisdiction = place(view, parameter, [jurisdiction, &entry.record.jurisdiction])?;
    let steps = history(view, parameter, jurisdiction);
    let valid = valid_at.and_then(|day| {
        let valid = value_at(view, parameter, jurisdiction, day);
        stated_at(&valid, steps.first().filter(|step| !step.planned))
    });
    let with_unit = |mut stated: Stated| {
        stated.value = stated.value.and_then(|value| in_unit(value, &variable.unit));
        stated
    };
    let history = steps.iter().map(|step| with_unit(Stated::of(step)));
    Ok(Told { valid: valid.map(with_unit), history: history.collect() })
}

/// The first of the stated ones that is not empty, else the only one that has steps.
fn place<'a>(view: &'a View, parameter: &Name, stated: [&'a str; 2]) -> Result<&'a str, QueryError> {
    if let Some(stated) = stated.into_iter().find(|stated| !stated.is_empty()) {
        return Ok(stated);
    }
    let moves = view
        .reforms()
        .filter(|(_, reform)| reform.parameter_changes.iter().any(|change| change.parameter == *parameter));
    let places: BTreeSet<&str> = moves.map(|(record, _)| record.jurisdiction.as_str()).collect();
    if places.len() > 1 {
        let all = places.into_iter().collect::<Vec<_>>().join(", ");
        return Err(QueryError::field("jurisdiction", format!("the parameter moves in several: {all}")));
    }
    Ok(places.into_iter().next().unwrap_or_default())
}

impl Stated {
    fn of(step: &Step<'_>) -> Self {
        Self {
            value: step.change.after.clone(),
            from: step.from,
            reform: Some(step.record.name.clone()),
            since: step.since,
            planned: step.planned,
        }
    }
}

fn stated_at(valid: &Valid<'_>, first: Option<&Step<'_>>) -> Option<Stated> {
    let nobody = |value| Stated { value, from: None, reform: None, since: None, planned: false };
    match valid.steps.as_slice() {
        [step] if valid.open == 0 => Some(Stated::of(step)),
        // Before the first step its old value held.
        [] => first?.change.before.clone().map(|before| nobody(Some(before))),
        [_, ..] => Some(nobody(valid.estimate.as_ref().and_then(range))),
    }
}

/// An estimate as a quantity, where its form has a comparator.
fn range(estimate: &Estimate) -> Option<Quantity> {
    let decimal = |number: &crate::number::Number| number.to_decimal_string().parse::<Decimal>().ok();
    let (low, comparator, high) = match (&estimate.lower, &estimate.upper) {
        (Some(lower), Some(upper)) if lower.number == upper.number => (lower, Comparator::Exact, None),
        (Some(lower), Some(upper)) => (lower, Comparator::Between, Some(decimal(&upper.number)?)),
        (Some(lower), None) if lower.open => (lower, Comparator::MoreThan, None),
        (Some(lower), None) => (lower, Comparator::AtLeast, None),
        (None, Some(upper)) if upper.open => (upper, Comparator::LessThan, None),
        (None, Some(upper)) => (upper, Comparator::AtMost, None),
        (None, None) => return None,
    };
    Quantity::new(decimal(&low.number)?, comparator, high, String::new()).ok()
}

/// The quantity with a unit where it states none of its own.
fn in_unit(value: Quantity, unit: &str) -> Option<Quantity> {
    if !value.unit.is_empty() {
        return Some(value);
    }
    let high = (value.comparator() == Comparator::Between).then(|| value.extremes().1);
    Quantity::new(value.decimal(), value.comparator(), high, unit.to_owned()).ok()
}
