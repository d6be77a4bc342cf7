//! `growth`: the change of a variable over the same period a year before.

use std::borrow::Cow;
use std::collections::BTreeMap;

use reform_model::measure::Variable;
use reform_model::vocabulary::{Basis, Method};
use reform_model::{Day, Kind, Name, Period};

use crate::answer::{Answer, BASIS, Builder, Code, JURISDICTION, Labels, ORIGIN, Point};
use crate::catalogue::Definition;
use crate::estimate::{Estimate, Style};
use crate::evidence::{Evidence, Part, Reason};
use crate::number::Number;
use crate::observed::{GRANULARITIES, PARAMETERS, asked_variable, has_length};
use crate::query::{Origin, Query, QueryError};
use crate::reported::{own_point, unit};
use crate::selection::{Candidate, Choice, Thing, candidates, choose_each};
use crate::span::lies_within;
use crate::view::View;

const ID: &str = "growth";
const VARIABLE: &str = "variable";
const SUBJECT: &str = "subject";
/// The label that keeps apart what is worked out here (DERIVED) and what was published as growth (REPORTED).
const METHOD: &str = "method";

/// What it is.
pub const DEFINITION: Definition = Definition {
    id: ID,
    title: "Growth over the year before",
    definition: "How much a published value is above that of the same period a year before, in percent; bounds take \
                 the extreme corners. Only values of one variable, subject, basis, unit and set of dimensions are \
                 compared. Running totals are compared only where their starts lie a year apart too: totals of \
                 unequal length have no figure and are marked. Growth as it was published is a series of its own \
                 (method REPORTED).",
    formula: "100 · (value / value a year before − 1)",
    formula_source: "",
    formula_version: 2,
    unit: "percent",
    dimensions: &[SUBJECT, BASIS],
    parameters: PARAMETERS,
    kinds: &[Kind::Observation, Kind::Variable, Kind::Source],
    granularities: GRANULARITIES,
    compute: growth,
};

fn growth(view: &View, query: &Query) -> Result<Answer, QueryError> {
    let mut builder = Builder::default();
    let (record, variable) = asked_variable(view, query)?;
    let name = &record.name;
    if query.wants(Origin::Reported) {
        let chosen = choose_each(view, candidates(view, &record.name));
        for (thing, choice) in chosen.iter().filter(|(thing, choice)| wants(query, thing, choice)) {
            if let Some((before, mut point)) = derived(variable, &chosen, thing, choice) {
                let labels = labels(query, thing, (name, Method::Derived));
                let used: Vec<Candidate<'_>> =
                    std::iter::once(choice).chain(before).map(|choice| choice.chosen).collect();
                query.attach(&labels, &mut point, |point| evidence(view, &used, point));
                builder.push(labels, DEFINITION.unit, point);
            }
        }
        add_published(view, query, name, &mut builder);
    }
    Ok(builder.finish(ID, DEFINITION.formula_version))
}

/// The point of a value, with the value that it is compared to; none where there is none.
fn derived<'c, 'a>(
    variable: &Variable,
    chosen: &'c BTreeMap<Thing, Choice<'a>>,
    thing: &Thing,
    choice: &Choice<'a>,
) -> Option<(Option<&'c Choice<'a>>, Point)> {
    let comparable = |other: &Thing, rival: &Choice<'_>| {
        let same = Thing { first: thing.first, last: thing.last, ..other.clone() } == *thing;
        same && unit(variable, rival.chosen) == unit(variable, choice.chosen)
    };
    let year_before = |other: &&Thing| is_year_before(other.last, thing.last);
    let mut earlier = chosen.iter().filter(|(other, rival)| year_before(other) && comparable(other, rival));
    let same_length =
        |other: &Thing| thing.basis == Basis::StockAt || is_year_before(other.first, thing.first);
    let period = choice.chosen.observation.period;
    if let Some((_, before)) = earlier.clone().find(|(other, _)| same_length(other)) {
        return Some((Some(before), compared(period, choice, before)));
    }
    let unequal = thing.basis == Basis::CumulativeSince && earlier.next().is_some();
    unequal.then(|| {
        let mut point = Point::new(period, None);
        point.excluded = 1;
        point.set_sources(choice.chosen.record.sources());
        point.warn(Code::Cumulative, "running totals of unequal length are not compared", 1);
        (None, point)
    })
}

fn compared(period: Period, now: &Choice<'_>, before: &Choice<'_>) -> Point {
    let mut point = Point::new(period, None);
    let base = before.chosen.estimate();
    let above_zero = base.lower.as_ref().is_some_and(|lower| !lower.number.is_negative())
        || base.lower.is_none() && base.value.as_ref().is_some_and(Number::is_positive);
    if above_zero && base.value.as_ref().is_none_or(Number::is_positive) {
        let change = now.chosen.estimate().div(&base).sub(&Estimate::exact(1)).scale(&Number::from(100));
        let known = change.value.is_some() || change.lower.is_some() || change.upper.is_some();
        point.estimate = known.then(|| change.with_style(Style::Decimals(1)));
    }
    if point.estimate.is_none() {
        point.warn(Code::Missing, "the value a year before is not certainly above zero", 0);
    }
    let both = [now, before];
    let count = |of: &dyn Fn(&Choice<'_>) -> usize| {
        i64::try_from(both.iter().map(|choice| of(choice)).sum::<usize>()).unwrap_or(i64::MAX)
    };
    point.records = 2;
    point.excluded = count(&|choice| choice.others.len());
    point.set_sources(both.iter().flat_map(|choice| choice.chosen.record.sources()));
    let conflicts = count(&|choice| choice.conflicts() + choice.chosen.unresolved());
    if conflicts > 0 {
        point.warn(Code::Conflict, "rival figures contradict the two values", conflicts);
    }
    for (key, choice) in [("value_before", before), ("value_now", now)] {
        if let Some(value) = choice.chosen.estimate().value {
            point.figure(key, &value);
        }
    }
    point
}

/// Whether a day is that of the other a year before; the last day of a month is that of the same month.
fn is_year_before(before: Option<Day>, day: Option<Day>) -> bool {
    let (Some(before), Some(day)) = (before, day) else { return false };
    let ends_month = |day: Day| day.next().calendar().1 != day.calendar().1;
    let ((earlier, month, number), (later, same_month, same_number)) = (before.calendar(), day.calendar());
    earlier + 1 == later
        && month == same_month
        && (number == same_number || ends_month(before) && ends_month(day))
}

/// The published growth of the variable: whatever reports it with the variable's name as its part.
fn add_published(view: &View, query: &Query, variable: &Name, builder: &mut Builder) {
    for (record, reporting) in view.variables_reporting(ID) {
        let part = reporting.reports.as_ref().map_or("", |reports| reports.part.as_str());
        if part != variable.as_str() && part != variable.id() {
            continue;
        }
        let chosen = choose_each(view, candidates(view, &record.name));
        for (thing, choice) in chosen.iter().filter(|(thing, choice)| wants(query, thing, choice)) {
            let mut point = own_point(choice);
            let labels = labels(query, thing, (variable, Method::Reported));
            query.attach(&labels, &mut point, |point| evidence(view, &[choice.chosen], point));
            builder.push(labels, unit(reporting, choice.chosen), point);
        }
    }
}

/// The values that are compared, and their rivals.
fn evidence(view: &View, used: &[Candidate<'_>], point: &Point) -> Evidence {
    let mut evidence = Evidence::default();
    if let ([refused], None) = (used, &point.estimate) {
        evidence.exclude(refused.record, Reason::LongerPeriod);
        return evidence;
    }
    for (candidate, role) in used.iter().zip(["the value", "the value a year before"]) {
        let text = candidate.estimate().display();
        evidence.add(candidate.record, Part::noted(format!("{role}: {text}")));
        let own = Thing::of(*candidate);
        let rivals = candidates(view, &candidate.observation.variable);
        let rivals: Vec<Candidate<'_>> = rivals.filter(|rival| Thing::of(*rival) == own).collect();
        for rival in rivals.iter().filter(|rival| rival.record.name != candidate.record.name) {
            evidence.exclude(rival.record, Reason::NotPreferred);
        }
    }
    evidence
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

fn labels(query: &Query, thing: &Thing, (variable, method): (&Name, Method)) -> Labels {
    let mut labels = thing.dimensions.clone();
    let own = [
        (JURISDICTION, thing.jurisdiction.as_str()),
        (ORIGIN, Origin::Reported.as_str()),
        (BASIS, thing.basis.as_str()),
        (VARIABLE, variable.as_str()),
        (METHOD, method.as_str()),
    ];
    labels.extend(own.map(|(key, value)| (key.to_owned(), value.to_owned())));
    let subject = thing.subject.as_ref().map(Name::to_string);
    if subject.is_some() || query.group_by.iter().any(|name| name == SUBJECT) {
        labels.insert(SUBJECT.to_owned(), subject.unwrap_or_default());
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_month_is_a_year_after_the_end_of_that_month() {
        let day = |year, month, day| Day::new(year, month, day);
        for (before, after, expected) in [
            (day(2023, 2, 28), day(2024, 2, 29), true),
            (day(2024, 2, 29), day(2025, 2, 28), true),
            (day(2023, 9, 30), day(2024, 9, 30), true),
            (day(2023, 9, 29), day(2024, 9, 30), false),
            (day(2022, 9, 30), day(2024, 9, 30), false),
            (day(2023, 9, 30), None, false),
        ] {
            assert_eq!(is_year_before(before, after), expected, "{before:?} {after:?}");
        }
    }
}
