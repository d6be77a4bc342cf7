//! Published figures: which of several is used, the reported series, growth, shares, and rates per inhabitant.

use std::collections::{BTreeMap, BTreeSet};

use num_traits::{Signed, Zero};
use reform_indicators::Query;
use reform_indicators::answer::Labels;
use reform_indicators::span::Granularity;
use reform_model::measure::Observation;
use reform_model::vocabulary::{Aggregation, Basis, Method, Rank, Release};
use reform_model::{Body, Date, Day, Name, Period, Record};

use super::calendar::{around, written};
use super::counts;
use super::exact::{Figure, Q, int, rate_of, wilson};
use super::said::{Points, Said, World, labels};

/// What an observation is of: rivals have all of it in common. A stock is of its last day.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Thing {
    pub(super) jurisdiction: String,
    pub(super) subject: Option<Name>,
    pub(super) basis: Basis,
    pub(super) dimensions: BTreeMap<String, String>,
    pub(super) first: Option<Day>,
    pub(super) last: Option<Day>,
}

pub(super) type Seen<'a> = (&'a Record, &'a Observation);

fn thing((record, observation): Seen<'_>) -> Thing {
    let Period { start, end } = observation.period;
    let stock = observation.basis == Basis::StockAt && end.is_some();
    Thing {
        jurisdiction: record.jurisdiction.clone(),
        subject: observation.subject.clone(),
        basis: observation.basis,
        dimensions: observation.dimensions.clone(),
        first: start.filter(|_| !stock).map(|start| start.first()),
        last: end.map(|end| end.last()),
    }
}

fn is_usable((record, observation): Seen<'_>) -> bool {
    record.rank != Some(Rank::Deprecated) && observation.method != Some(Method::Forecast)
}

/// Whether one observation is used rather than the other.
fn is_better(world: &World, a: Seen<'_>, b: Seen<'_>) -> bool {
    let order = |(record, observation): Seen<'_>| {
        let rank = if record.rank == Some(Rank::Preferred) { 0 } else { 1 };
        let method = match observation.method {
            Some(Method::Estimated) => 1,
            Some(Method::Derived) => 2,
            _ => 0,
        };
        let release = match observation.release {
            Some(Release::Revised) => 0,
            Some(Release::Final) => 1,
            None => 2,
            Some(Release::Provisional) => 3,
        };
        let cited = record.citations.iter().filter_map(|citation| {
            let Body::Source(source) = &world.get(&citation.source)?.body else { return None };
            Some(source.published_on?.last())
        });
        let published = observation.published_on.map(|date| date.last()).or(cited.max());
        (rank, method, release, -published.map_or(i64::MAX / -2, |day| i64::from(day.0)), record.name.clone())
    };
    order(a) < order(b)
}

/// For each thing that was observed of the variable, the observation that is used.
pub(super) fn used<'a>(world: &'a World, variable: &str) -> BTreeMap<Thing, Seen<'a>> {
    let mut used: BTreeMap<Thing, Seen<'a>> = BTreeMap::new();
    for seen in world.observations() {
        if seen.1.variable.id() != variable || !is_usable(seen) {
            continue;
        }
        let thing = thing(seen);
        if used.get(&thing).is_none_or(|other| is_better(world, seen, *other)) {
            used.insert(thing, seen);
        }
    }
    used
}

/// The day or the span that an observation is of.
pub(super) fn over(observation: &Observation) -> Period {
    let on = observation.period.end.or(observation.period.start);
    if observation.basis == Basis::InPeriod { observation.period } else { Period { start: on, end: on } }
}

/// The variable that reports an indicator, or a part of it.
pub(super) fn variable(reports: &str) -> String {
    let place = super::cast::REPORTS.iter().position(|own| *own == reports).unwrap();
    format!("var-{place}")
}

/// The dates of the published figures of an indicator.
pub(super) fn days_of(world: &World, reports: &str, jurisdiction: &str) -> Vec<Date> {
    let variable = variable(reports);
    let own = world.observations().into_iter().filter(|seen| {
        seen.1.variable.id() == variable && is_usable(*seen) && seen.0.jurisdiction == jurisdiction
    });
    own.flat_map(|(_, observation)| {
        let over = over(observation);
        [over.start, over.end]
    })
    .flatten()
    .collect()
}

fn series(query: &Query, thing: &Thing, subject: &str, more: &[(&str, &str)]) -> Labels {
    let mut own = thing.dimensions.clone();
    own.extend(labels(&[("jurisdiction", &thing.jurisdiction), ("origin", "REPORTED")]));
    own.extend(labels(more));
    let grouped = query.group_by.iter().any(|name| name == subject);
    if !subject.is_empty() && (grouped || thing.subject.is_some()) {
        own.insert(subject.to_owned(), thing.subject.as_ref().map(Name::to_string).unwrap_or_default());
    }
    own
}

fn days(observation: &Observation) -> (Day, Day) {
    (observation.period.first(), observation.period.last())
}

fn is_whole((first, last): (Day, Day)) -> bool {
    around(Granularity::Year, first) == (first, last)
}

/// The reported series by years: a whole year as it was published, else the sum of its parts where the variable adds up.
pub(super) fn reported(world: &World, query: &Query, subject: &str) -> Points {
    let mut points = Points::new();
    let id = variable(&query.indicator);
    let Some(Body::Variable(body)) = world.get(&Name::from_id(&id).unwrap()).map(|record| &record.body)
    else {
        return points;
    };
    let mut years: BTreeMap<(Labels, Day), Vec<Seen<'_>>> = BTreeMap::new();
    for (thing, seen) in used(world, &id) {
        let asked = query.group_by.iter().filter(|name| *name != subject);
        if !thing.dimensions.keys().eq(asked) {
            continue;
        }
        let own = series(query, &thing, subject, &[("basis", thing.basis.as_str())]);
        if thing.basis == Basis::InPeriod {
            let year = around(Granularity::Year, days(seen.1).0).0;
            years.entry((own, year)).or_default().push(seen);
        } else {
            let key = (own, seen.1.period.to_string(), String::new());
            points.insert(key, Said::of(Figure::of(&seen.1.quantity)));
        }
    }
    for ((own, year), parts) in years {
        let text = written(Granularity::Year, around(Granularity::Year, year));
        let whole = parts.iter().find(|(_, observation)| is_whole(days(observation)));
        if let Some((_, observation)) = whole {
            points.insert((own, text, String::new()), Said::of(Figure::of(&observation.quantity)));
        } else if body.aggregation == Some(Aggregation::Sum) {
            // The parts of these histories do not overlap.
            let parts = parts.iter().map(|(_, observation)| Figure::of(&observation.quantity));
            let sum = parts.reduce(|sum, part| sum.plus(&part)).unwrap();
            points.insert((own, text, String::new()), Said::of(sum));
        } else {
            for (_, observation) in parts {
                let key = (own.clone(), observation.period.to_string(), String::new());
                points.insert(key, Said::of(Figure::of(&observation.quantity)));
            }
        }
    }
    points
}

/// Counted and reported beside each other.
pub(super) fn both(world: &World, query: &Query) -> Points {
    let mut points = match query.indicator.as_str() {
        "registered-parties" => super::lives::registered(world, query),
        _ => counts::points(world, query),
    };
    if super::cast::REPORTS.contains(&query.indicator.as_str()) {
        let subject = if query.indicator == "appeals-per-year" { "institution" } else { "" };
        points.extend(reported(world, query, subject));
    }
    points
}

fn asked(query: &Query) -> String {
    query.parameter("variable").unwrap().replace("records/", "")
}

/// Every observation that is used, over its own period, and how much a running total grew.
pub(super) fn observations(world: &World, query: &Query) -> Points {
    let all = used(world, &asked(query));
    let mut points = Points::new();
    for (thing, seen) in &all {
        let own = series(query, thing, "subject", &[("basis", thing.basis.as_str())]);
        let figures = Some(grown(&all, thing, *seen));
        let said = Said { figures, ..Said::of(Figure::of(&seen.1.quantity)) };
        points.insert((own, seen.1.period.to_string(), String::new()), said);
    }
    points
}

/// The difference of two totals from the same start, never below zero.
fn grown(all: &BTreeMap<Thing, Seen<'_>>, thing: &Thing, seen: Seen<'_>) -> BTreeMap<String, Q> {
    let mut figures = BTreeMap::new();
    let is_total = |own: &Thing| own.basis != Basis::StockAt && own.first.is_some() && own.last.is_some();
    if thing.basis != Basis::CumulativeSince || !is_total(thing) {
        return figures;
    }
    let from_there =
        |other: &Thing| Thing { basis: thing.basis, last: thing.last, ..other.clone() } == *thing;
    let earlier =
        all.iter().filter(|(other, _)| is_total(other) && from_there(other) && other.last < thing.last);
    let Some((_, before)) = earlier.max_by_key(|(other, _)| (other.last, other.basis)) else {
        return figures;
    };
    let gap = Figure::of(&seen.1.quantity).minus(&Figure::of(&before.1.quantity));
    if gap.upper.as_ref().is_some_and(|(upper, _)| upper.is_negative()) {
        return figures;
    }
    figures
        .extend(gap.value.filter(|value| !value.is_negative()).map(|value| ("difference".to_owned(), value)));
    figures.extend(gap.upper.map(|(upper, _)| ("difference_upper".to_owned(), upper)));
    let lower = gap.lower.map_or_else(Q::zero, |(lower, _)| lower.max(Q::zero()));
    figures.insert("difference_lower".to_owned(), lower);
    figures
}

fn is_year_before(before: Option<Day>, day: Option<Day>) -> bool {
    let (Some(before), Some(day)) = (before, day) else { return false };
    let ((year, month, number), (later, same, other)) = (before.calendar(), day.calendar());
    year + 1 == later && month == same && number == other
}

/// 100 · (value / value a year before − 1).
pub(super) fn growth(world: &World, query: &Query) -> Points {
    let mut points = Points::new();
    let id = asked(query);
    let all = used(world, &id);
    let name = format!("records/{id}");
    let key = |thing: &Thing, method: &str| {
        series(
            query,
            thing,
            "subject",
            &[("basis", thing.basis.as_str()), ("variable", &name), ("method", method)],
        )
    };
    for (thing, seen) in &all {
        let before = all.iter().find(|(other, _)| {
            let same = Thing { first: thing.first, last: thing.last, ..(*other).clone() } == *thing;
            let start = thing.basis == Basis::StockAt || is_year_before(other.first, thing.first);
            same && start && is_year_before(other.last, thing.last)
        });
        let Some((_, before)) = before else { continue };
        let (now, base) = (Figure::of(&seen.1.quantity), Figure::of(&before.1.quantity));
        let mut change = now.over(&base).times(&int(100)).minus(&Figure::exact(int(100)));
        change.approximate = now.approximate || base.approximate;
        let known = change.value.is_some() || change.lower.is_some() || change.upper.is_some();
        if known {
            points
                .insert((key(thing, "DERIVED"), seen.1.period.to_string(), String::new()), Said::of(change));
        }
    }
    if id == "var-0" {
        for (thing, seen) in used(world, &variable("growth.records/var-0")) {
            let said = Said::of(Figure::of(&seen.1.quantity));
            points.insert((key(&thing, "REPORTED"), seen.1.period.to_string(), String::new()), said);
        }
    }
    points
}

/// A published number as a share of another of the same day.
pub(super) fn shares(world: &World, query: &Query) -> Points {
    let mut points = Points::new();
    let part = |part: &str| variable(&format!("{}.{part}", query.indicator));
    let of_day = |thing: &Thing| Thing {
        basis: Basis::InPeriod,
        first: thing.first.filter(|_| thing.basis == Basis::InPeriod),
        ..thing.clone()
    };
    let wholes = used(world, &part("denominator"));
    for (thing, (_, part)) in used(world, &part("numerator")) {
        let of = |common: &Thing| {
            let all = wholes.iter().filter(|(whole, _)| of_day(whole) == *common);
            all.min_by_key(|(whole, _)| (whole.basis != thing.basis, whole.basis)).map(|(_, seen)| seen.1)
        };
        let common = of_day(&thing);
        let plain = Thing { dimensions: BTreeMap::new(), ..common.clone() };
        let Some(whole) = of(&common).or_else(|| of(&plain)) else { continue };
        let (above, below) = (Figure::of(&part.quantity), Figure::of(&whole.quantity));
        let more = below.minus(&above).upper.is_some_and(|(most, _)| most.is_negative());
        if let Some(figure) = rate_of(&above, &below).filter(|_| !more) {
            let own = series(query, &thing, "institution", &[("method", "DERIVED")]);
            points.insert((own, over(part).to_string(), String::new()), Said::of(figure));
        }
    }
    // Nobody publishes the other rate as such here.
    let rates = super::cast::REPORTS.contains(&query.indicator.as_str()).then(|| variable(&query.indicator));
    for (thing, (_, rate)) in rates.iter().flat_map(|rates| used(world, rates)) {
        let own = series(query, &thing, "institution", &[("method", "REPORTED")]);
        points.insert((own, over(rate).to_string(), String::new()), Said::of(Figure::of(&rate.quantity)));
    }
    points
}

/// The reported parts of norms of one thing; a published denominator wins.
pub(super) fn norms(world: &World, query: &Query) -> Points {
    let mut points = super::lives::norms(world, query);
    let part = |part: &str| used(world, &variable(&format!("unconstitutionality-rate.{part}")));
    let (rest, whole) = (part("consistent"), part("denominator"));
    for (thing, (_, bad)) in part("inconsistent") {
        if !thing.dimensions.is_empty() {
            continue;
        }
        let own = Figure::of(&bad.quantity);
        let figure = match (whole.get(&thing), rest.get(&thing)) {
            (Some((_, whole)), _) => rate_of(&own, &Figure::of(&whole.quantity)),
            (None, Some((_, good))) => rate_beside(&own, &Figure::of(&good.quantity)),
            (None, None) => None,
        };
        let Some(figure) = figure else { continue };
        let labels = series(query, &thing, "institution", &[("basis", thing.basis.as_str())]);
        points.insert((labels, bad.period.to_string(), String::new()), Said::of(figure));
    }
    points
}

/// A rate of a part beside the rest: the interval of the extreme corners.
fn rate_beside(part: &Figure, rest: &Figure) -> Option<Figure> {
    let corner = |part: &Option<(Q, bool)>, rest: &Option<(Q, bool)>| match (part, rest) {
        (Some(part), Some(rest)) => Some((wilson(&part.0, &(&part.0 + &rest.0))?, part.1 || rest.1)),
        _ => None,
    };
    let sum = part.value.clone().zip(rest.value.clone()).map(|(part, rest)| (part.clone(), part + rest));
    let value = sum.filter(|(_, sum)| !sum.is_zero()).map(|(part, sum)| part / sum);
    let lower = corner(&part.lower, &rest.upper).map(|(ends, open)| (ends.0, open));
    let upper = corner(&part.upper, &rest.lower).map(|(ends, open)| (ends.1, open));
    let known = value.is_some() || lower.is_some() || upper.is_some();
    known.then_some(Figure { value, lower, upper, approximate: part.approximate || rest.approximate })
}

/// The population of a jurisdiction in a year: that of the year itself, else the stock nearest to its middle.
fn populations(world: &World) -> BTreeMap<(String, Day), Figure> {
    let id = variable("appeals-per-100k.population");
    let thousands = world
        .variables()
        .iter()
        .any(|(record, variable)| record.name.id() == id && variable.unit.starts_with("thousand"));
    /// Which is nearest to the year: its own figure first, then by the distance from its middle, then the earlier.
    type Order = (bool, i64, Day);
    let mut best: BTreeMap<(String, Day), (Order, Figure)> = BTreeMap::new();
    for (thing, (_, observation)) in used(world, &id) {
        let on = over(observation);
        let year = around(Granularity::Year, on.first());
        let distance = match observation.basis {
            Basis::InPeriod if is_whole(days(observation)) => 0,
            Basis::StockAt => {
                let twice = |(first, last): (Day, Day)| i64::from(first.0) + i64::from(last.0);
                (twice((on.first(), on.last())) - twice(year)).abs()
            }
            Basis::InPeriod | Basis::CumulativeSince => continue,
        };
        if thing.subject.is_some() || !thing.dimensions.is_empty() {
            continue;
        }
        let order = (observation.basis == Basis::StockAt, distance, on.last());
        let figure = Figure::of(&observation.quantity).times(&int(if thousands { 1_000 } else { 1 }));
        let place = best.entry((thing.jurisdiction, year.0)).or_insert_with(|| (order, figure.clone()));
        if order < place.0 {
            *place = (order, figure);
        }
    }
    best.into_iter().map(|(key, (_, figure))| (key, figure)).collect()
}

/// Appeals of a year for every 100,000 inhabitants of that year.
pub(super) fn per_inhabitants(world: &World, query: &Query) -> Points {
    let populations = populations(world);
    let appeals = both(world, &Query { indicator: "appeals-per-year".to_owned(), ..query.clone() });
    let mut points = Points::new();
    let bases: BTreeSet<&str> = ["IN_PERIOD"].into();
    for ((labels, period, label), said) in appeals {
        let year = period.parse::<i32>().ok().and_then(|year| Day::new(year, 1, 1));
        let is_total = labels.get("basis").is_some_and(|basis| !bases.contains(basis.as_str()));
        let (Some(year), false) = (year, is_total) else { continue };
        if let Some(people) = populations.get(&(labels["jurisdiction"].clone(), year)) {
            let figure = said.figure.unwrap().over(people).times(&int(100_000));
            points.insert((labels, period, label), Said::of(figure));
        }
    }
    points
}
