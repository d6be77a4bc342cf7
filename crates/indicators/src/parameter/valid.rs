//! The value of a legal parameter on a day.

use std::collections::BTreeSet;

use reform_model::vocabulary::Area;
use reform_model::{Date, Day, Name, Quantity};

use crate::estimate::Estimate;
use crate::parameter::steps::{Since, Step, history};
use crate::selection::candidates;
use crate::view::View;

/// What held on a day.
#[derive(Debug, Clone, Default)]
pub struct Valid<'a> {
    /// The value, or the values between which it lies; none when nothing says.
    pub estimate: Option<Estimate>,
    /// The last step that certainly was taken, and those that perhaps were.
    pub steps: Vec<Step<'a>>,
    /// How many steps were perhaps taken.
    pub open: i64,
}

/// The value of a parameter on a day, by its actual steps.
///
/// A step is taken on the day it became effective, else on that of its entry into force. Where that day is not known,
/// it was taken after the last record that shows the old value and not after the first that shows the new one, and
/// between them both values are bounds. Plans and announcements move nothing.
pub fn value_at<'a>(view: &'a View, parameter: &Name, jurisdiction: &str, day: Day) -> Valid<'a> {
    let steps = history(view, parameter, jurisdiction).into_iter().filter(|step| !step.planned);
    let shown = shown(view, parameter, jurisdiction);
    let mut valid = Valid::default();
    let mut values: Option<Vec<Option<&Quantity>>> = None;
    for step in steps {
        let values = values.get_or_insert_with(|| vec![step.change.before.as_ref()]);
        let (earliest, latest) = window(&step, &shown);
        if latest <= day {
            *values = vec![step.change.after.as_ref()];
            valid.steps = vec![step];
            valid.open = 0;
        } else if earliest <= day {
            values.push(step.change.after.as_ref());
            valid.steps.push(step);
            valid.open += 1;
        }
    }
    let values: Option<Vec<Estimate>> =
        values.unwrap_or_default().into_iter().map(|value| value.map(Estimate::from)).collect();
    valid.estimate = values.and_then(|values| values.into_iter().reduce(|all, one| all.hull(&one)));
    valid
}

/// A value that a record shows on a date.
struct Shown<'a> {
    on: Date,
    value: &'a Quantity,
    /// The record is an election with such a threshold, which speaks of no other area of law than elections.
    threshold: bool,
}

/// The first and the last day on which the step may have been taken.
fn window(step: &Step<'_>, shown: &[Shown<'_>]) -> (Day, Day) {
    let (mut earliest, mut latest) = match (step.since, step.from) {
        // The first application says only that the value had moved by then.
        (Some(Since::FirstApplied), Some(from)) => (Day::MIN, from.last()),
        (_, Some(from)) => (from.first(), from.last()),
        (_, None) => (Day::MIN, Day::MAX),
    };
    if earliest == latest {
        return (earliest, latest);
    }
    let showing = |value: &Option<Quantity>| {
        let value = value.as_ref().map(|value| (value.decimal(), value.comparator(), value.upper()));
        shown.iter().filter(move |one| {
            let own = (one.value.decimal(), one.value.comparator(), one.value.upper());
            Some(own) == value
                && (!one.threshold || step.reform.area.is_none_or(|area| area == Area::Elections))
        })
    };
    let old = showing(&step.change.before).map(|one| one.on.first()).filter(|day| *day < latest).max();
    earliest = old.map_or(earliest, |day| earliest.max(day.next()));
    let new = showing(&step.change.after).map(|one| one.on.last()).filter(|day| *day >= earliest).min();
    latest = new.map_or(latest, |day| latest.min(day));
    (earliest, latest)
}

/// The records that show a value of the parameter: its own observations, and the thresholds of elections in the same
/// unit where they are all of one institution, so that it is clear which law they apply.
fn shown<'a>(view: &'a View, parameter: &Name, jurisdiction: &str) -> Vec<Shown<'a>> {
    let observed = candidates_of(view, parameter, jurisdiction);
    let Some((_, variable)) = view.variable(parameter) else { return observed };
    let mut institutions = BTreeSet::new();
    let mut thresholds = Vec::new();
    for (_, election) in view.elections().filter(|(record, _)| record.jurisdiction == jurisdiction) {
        let Some(on) = election.held_on.first() else { continue };
        let values = election.tiers.iter().filter_map(|tier| tier.threshold.as_ref());
        for value in values.filter(|value| is_same_unit(&value.unit, &variable.unit)) {
            institutions.insert(&election.institution);
            thresholds.push(Shown { on: *on, value, threshold: true });
        }
    }
    if institutions.len() > 1 {
        thresholds.clear();
    }
    observed.into_iter().chain(thresholds).collect()
}

/// A threshold is in percent, whatever its unit says the percentage is of.
fn is_same_unit(threshold: &str, parameter: &str) -> bool {
    const PERCENT: &str = "percent";
    let in_percent = |unit: &str| unit.is_empty() || unit.starts_with(PERCENT);
    threshold == parameter || (in_percent(threshold) && parameter.starts_with(PERCENT))
}

fn candidates_of<'a>(view: &'a View, parameter: &Name, jurisdiction: &str) -> Vec<Shown<'a>> {
    let Some((record, _)) = view.variable(parameter) else { return Vec::new() };
    let usable = candidates(view, &record.name)
        .filter(|candidate| candidate.is_usable() && candidate.record.jurisdiction == jurisdiction);
    let shown = usable.filter_map(|candidate| {
        let period = candidate.observation.period;
        Some(Shown {
            on: period.end.or(period.start)?,
            value: &candidate.observation.quantity,
            threshold: false,
        })
    });
    shown.collect()
}
