//! `quota-share` and `appointment-rate`: a published number of something as a share of another published number.

use std::borrow::Cow;
use std::collections::BTreeMap;

use reform_model::measure::Variable;
use reform_model::vocabulary::{Basis, Method};
use reform_model::{Day, Kind, Name, Quantity};

use crate::answer::{Answer, Builder, Code, JURISDICTION, Labels, ORIGIN, Point};
use crate::catalogue::Definition;
use crate::estimate::{Estimate, Style};
use crate::evidence::{self, Evidence, Part, Reason};
use crate::number::Number;
use crate::query::{Origin, Query, QueryError};
use crate::reported::{VARIABLE, own_point, unit};
use crate::selection::{Candidate, Choice, Thing, candidates, choose_each, widened};
use crate::span::{Granularity, lies_within};
use crate::view::View;
use crate::wilson;

const INSTITUTION: &str = "institution";
/// The label that keeps apart what is worked out here (DERIVED) and what was published as a share (REPORTED).
const METHOD: &str = "method";
const NUMERATOR: &str = "numerator";
const DENOMINATOR: &str = "denominator";
const RATE: &str = "rate";

/// The share of a stock that belongs to a group.
pub const QUOTA: Definition = Definition {
    id: "quota-share",
    title: "Share of a group",
    definition: "The share of a stock, such as the seats of a chamber, that belongs to a group, such as those that a \
                 quota is for. Both numbers are published ones of the same day, or of the same span; of numbers of \
                 other days nothing is worked out. A number of the group is set against the stock with the same \
                 dimensions, else against that without any. A share that was published as such is a series of its own \
                 (method REPORTED), and says so where it is apart from the one worked out.",
    formula: "numerator / denominator of the same day, with a 95 % Wilson interval",
    formula_source: wilson::SOURCE,
    formula_version: 1,
    unit: "share",
    dimensions: &[INSTITUTION],
    parameters: &[],
    kinds: &[Kind::Observation, Kind::Variable, Kind::Source],
    granularities: Granularity::EVENTS,
    compute: |view, query| shares(view, query, &QUOTA),
};

/// Of those chosen, the share appointed.
pub const APPOINTMENT: Definition = Definition {
    id: "appointment-rate",
    title: "Rate of appointment",
    definition: "Of the people who were chosen, the share who were appointed. Both numbers are published ones of the \
                 same day: 262 appointed on a day are set against those chosen up to that day, not against a later \
                 total. A rate that was published as such is a series of its own (method REPORTED), and says so where \
                 it is apart from the one worked out.",
    formula: "appointed / chosen up to the same day, with a 95 % Wilson interval",
    formula_source: wilson::SOURCE,
    formula_version: 1,
    unit: "share",
    dimensions: &[INSTITUTION],
    parameters: &[],
    kinds: &[Kind::Observation, Kind::Variable, Kind::Source],
    granularities: Granularity::EVENTS,
    compute: |view, query| shares(view, query, &APPOINTMENT),
};

/// What two numbers must have in common to be set against each other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Common {
    jurisdiction: String,
    subject: Option<Name>,
    dimensions: BTreeMap<String, String>,
    /// The first day of a span; a stock and a running total are of their last day alone.
    first: Option<Day>,
    last: Option<Day>,
}

impl Common {
    fn of(thing: &Thing) -> Self {
        Self {
            jurisdiction: thing.jurisdiction.clone(),
            subject: thing.subject.clone(),
            dimensions: thing.dimensions.clone(),
            first: thing.first.filter(|_| thing.basis == Basis::InPeriod),
            last: thing.last,
        }
    }

    fn without_dimensions(&self) -> Self {
        Self { dimensions: BTreeMap::new(), ..self.clone() }
    }
}

/// A number that was chosen, and the variable that it is of.
struct Published<'a> {
    name: &'a Name,
    variable: &'a Variable,
    thing: Thing,
    choice: Choice<'a>,
}

/// The published numbers of one indicator by the part that they are.
fn read<'a>(view: &'a View, indicator: &str) -> BTreeMap<&'a str, Vec<Published<'a>>> {
    let mut parts: BTreeMap<&str, Vec<Published<'_>>> = BTreeMap::new();
    for (record, variable) in view.variables_reporting(indicator) {
        let part = variable.reports.as_ref().map_or("", |reports| reports.part.as_str());
        // A variable without a part reports the share itself.
        let part = if part.is_empty() { RATE } else { part };
        for (thing, choice) in choose_each(view, candidates(view, &record.name)) {
            parts.entry(part).or_default().push(Published { name: &record.name, variable, thing, choice });
        }
    }
    parts
}

fn shares(view: &View, query: &Query, definition: &Definition) -> Result<Answer, QueryError> {
    let mut builder = Builder::default();
    if !query.wants(Origin::Reported) {
        return Ok(builder.finish(definition.id, definition.formula_version));
    }
    let mut parts = read(view, definition.id);
    let mut wholes: BTreeMap<Common, Vec<Published<'_>>> = BTreeMap::new();
    for whole in parts.remove(DENOMINATOR).unwrap_or_default() {
        wholes.entry(Common::of(&whole.thing)).or_default().push(whole);
    }
    let rates = parts.remove(RATE).unwrap_or_default();
    let numerators = parts.remove(NUMERATOR).unwrap_or_default();
    let several = numerators.iter().any(|one| numerators.first().is_some_and(|first| first.name != one.name));
    let mut worked_out: BTreeMap<Common, Estimate> = BTreeMap::new();
    for part in numerators.iter().filter(|part| wants(query, part)) {
        let common = Common::of(&part.thing);
        let found = wholes.get(&common).or_else(|| wholes.get(&common.without_dimensions()));
        let Some(whole) = found.and_then(|found| best(found, part)) else { continue };
        let mut point = share(part, whole);
        if let Some(exact) = exact_share(part, whole) {
            worked_out.insert(common, exact);
        }
        let mut labels = labels(query, &part.thing, Method::Derived);
        if several {
            labels.insert(VARIABLE.to_owned(), part.name.to_string());
        }
        query.attach(&labels, &mut point, |_| evidence(view, definition.id, &[part, whole]));
        builder.push(labels, definition.unit, point);
    }
    for rate in rates.iter().filter(|rate| wants(query, rate)) {
        let mut point = published(rate, worked_out.get(&Common::of(&rate.thing)));
        let labels = labels(query, &rate.thing, Method::Reported);
        query.attach(&labels, &mut point, |_| evidence(view, definition.id, &[rate]));
        builder.push(labels, definition.unit, point);
    }
    Ok(builder.finish(definition.id, definition.formula_version))
}

/// Of several denominators of one day: the one on the same basis, else the first by basis and name, so that the order
/// in which records came does not matter.
fn best<'p, 'a>(wholes: &'p [Published<'a>], part: &Published<'_>) -> Option<&'p Published<'a>> {
    let unit_of = |one: &Published<'_>| unit(one.variable, one.choice.chosen).to_owned();
    let same_unit = wholes.iter().filter(|whole| unit_of(whole) == unit_of(part));
    same_unit.min_by_key(|whole| (whole.thing.basis != part.thing.basis, whole.thing.basis, whole.name))
}

/// The ratio without the interval of chance, widened by what the prints leave open.
fn exact_share(part: &Published<'_>, whole: &Published<'_>) -> Option<Estimate> {
    let ratio = part.choice.chosen.estimate().div(&whole.choice.chosen.estimate());
    (ratio.lower.is_some() || ratio.upper.is_some()).then_some(ratio)
}

fn share(part: &Published<'_>, whole: &Published<'_>) -> Point {
    let (above, below) = (part.choice.chosen.estimate(), whole.choice.chosen.estimate());
    let mut point = Point::new(part.choice.chosen.answers_for(), None);
    let count = |estimate: &Estimate| estimate.value.as_ref().filter(|_| estimate.is_exact())?.to_i64();
    (point.numerator, point.denominator) = (count(&above), count(&below));
    let rest = below.sub(&above);
    if rest.upper.as_ref().is_some_and(|upper| upper.number.is_negative()) {
        point.warn(Code::Conflict, "the part is larger than the whole", 1);
    } else {
        point.estimate = wilson::rate_of(&above, &below);
    }
    describe(&mut point, &[part, whole]);
    point
}

/// A share that was published as such, against the one worked out for the same day.
fn published(rate: &Published<'_>, worked_out: Option<&Estimate>) -> Point {
    let mut point = own_point(&rate.choice);
    let fraction = as_fraction(rate);
    let scaled = |estimate: &Estimate| estimate.scale(&fraction).with_style(Style::Percent);
    point.period = rate.choice.chosen.answers_for();
    point.estimate = point.estimate.as_ref().map(scaled);
    let printed: &Quantity = &rate.choice.chosen.observation.quantity;
    if worked_out.is_some_and(|own| are_apart(own, &scaled(&widened(printed)))) {
        point.warn(Code::Conflict, "the published share is not that of the published numbers", 1);
    }
    mark_coarse(&mut point, &[rate]);
    point
}

/// Shares are fractions of 1, and published ones mostly are in percent.
fn as_fraction(rate: &Published<'_>) -> Number {
    let percent = unit(rate.variable, rate.choice.chosen).starts_with("percent");
    if percent { Number::scaled(1, 2) } else { Number::one() }
}

/// Whether two figures cannot be the same number.
fn are_apart(a: &Estimate, b: &Estimate) -> bool {
    let below = |a: &Estimate, b: &Estimate| match (&a.upper, &b.lower) {
        (Some(upper), Some(lower)) => upper.number < lower.number,
        (None, _) | (_, None) => false,
    };
    below(a, b) || below(b, a)
}

/// The records behind a point, their sources and their rivals.
fn describe(point: &mut Point, used: &[&Published<'_>]) {
    let count = |of: &dyn Fn(&Choice<'_>) -> usize| {
        i64::try_from(used.iter().map(|one| of(&one.choice)).sum::<usize>()).unwrap_or(i64::MAX)
    };
    point.records = count(&|_| 1);
    point.excluded = count(&|choice| choice.others.len());
    point.set_sources(used.iter().flat_map(|one| one.choice.chosen.record.sources()));
    let conflicts = count(&|choice| choice.conflicts() + choice.chosen.unresolved());
    if conflicts > 0 {
        point.warn(Code::Conflict, "rival figures of the parts contradict these", conflicts);
    }
    mark_coarse(point, used);
}

/// A number of which the day is not printed may be of another day than the one that it is set against.
fn mark_coarse(point: &mut Point, used: &[&Published<'_>]) {
    let coarse = used.iter().filter(|one| {
        let end = one.choice.chosen.observation.period.end;
        one.thing.basis == Basis::StockAt && end.is_none_or(|end| end.day().is_none())
    });
    let count = i64::try_from(coarse.count()).unwrap_or(i64::MAX);
    if count > 0 {
        point.warn(Code::ImpreciseDate, "a number whose day is not known", count);
    }
}

/// The numbers used, and every other one that the indicator reads of the same jurisdiction and subject.
fn evidence(view: &View, indicator: &str, used: &[&Published<'_>]) -> Evidence {
    let mut found = Evidence::default();
    for one in used {
        let part = one.variable.reports.as_ref().map_or("", |reports| reports.part.as_str());
        let figure = evidence::figure(&one.choice.chosen.estimate(), None);
        let note = format!("{part} {}", figure.note).trim().to_owned();
        found.add(one.choice.chosen.record, Part { note, ..figure });
    }
    let things: Vec<&Thing> = used.iter().map(|one| &one.thing).collect();
    for (record, _) in view.variables_reporting(indicator) {
        for candidate in candidates(view, &record.name) {
            let own = Thing::of(candidate);
            let about =
                |thing: &Thing| (&thing.jurisdiction, &thing.subject) == (&own.jurisdiction, &own.subject);
            if things.iter().any(|thing| about(thing)) {
                found.exclude(candidate.record, why_not(candidate, things.contains(&&own)));
            }
        }
    }
    found
}

fn why_not(candidate: Candidate<'_>, rival: bool) -> Reason {
    if !candidate.is_usable() {
        Reason::Deprecated
    } else if rival {
        Reason::NotPreferred
    } else {
        Reason::OutsidePeriod
    }
}

fn wants(query: &Query, one: &Published<'_>) -> bool {
    let known = |name: &str| {
        let subject = one.thing.subject.as_ref().filter(|_| name == INSTITUTION)?;
        Some(Cow::from(subject.as_str()))
    };
    query.wants_jurisdiction(&one.thing.jurisdiction)
        && lies_within(one.choice.chosen.answers_for(), query.period)
        && query.filter.as_ref().is_none_or(|filter| filter.matches_by(&known))
}

fn labels(query: &Query, thing: &Thing, method: Method) -> Labels {
    let mut labels = thing.dimensions.clone();
    let own = [
        (JURISDICTION, thing.jurisdiction.as_str()),
        (ORIGIN, Origin::Reported.as_str()),
        (METHOD, method.as_str()),
    ];
    labels.extend(own.map(|(key, value)| (key.to_owned(), value.to_owned())));
    let subject = thing.subject.as_ref().map(Name::to_string);
    if subject.is_some() || query.group_by.iter().any(|name| name == INSTITUTION) {
        labels.insert(INSTITUTION.to_owned(), subject.unwrap_or_default());
    }
    labels
}
