//! The observations that measure a target: values of a period or a day, or running totals from the target's start.

use std::collections::{BTreeMap, BTreeSet};

use reform_model::date::Day;
use reform_model::measure::{Observation, Target, Variable};
use reform_model::vocabulary::{Aggregation, Basis, Comparator};
use reform_model::{Date, Name, Quantity};

use crate::estimate::{Bound, Estimate};
use crate::interval::growth;
use crate::number::Number;

/// The longest window that is one year.
const YEAR_DAYS_MAX: i32 = 366;

/// An observation that was chosen among its rivals; a copy, so that a rival claim can be put in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// The record it stands in.
    pub record: Name,
    /// What it says.
    pub observation: Observation,
}

/// A figure to hold against a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The first day it speaks of; a stock speaks of its last day alone.
    pub first: Day,
    /// The last day it speaks of.
    pub last: Day,
    /// As published.
    pub figure: Estimate,
    /// The same with bounds where the source says "around".
    pub known: Estimate,
    /// The observations in it.
    pub records: Vec<Name>,
}

/// What kind of figure a target speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Values as they are, of one basis.
    Level(Basis),
    /// What has come together since the first day; none when the target does not say since when.
    Total(Option<Day>),
}

impl Measure {
    /// What the target speaks of: its own basis, else the only one that its variable allows.
    pub fn of(target: &Target, variable: &Variable) -> Self {
        let only = match variable.basis_allowed.as_slice() {
            [basis] => Some(*basis),
            _ => None,
        };
        let start =
            target.window.and_then(|window| window.start).or(target.baseline_on).and_then(Date::earliest);
        let sums = variable.aggregation == Some(Aggregation::Sum);
        match target.basis.or(only) {
            Some(Basis::CumulativeSince) => Measure::Total(start),
            // What flows in over several years is the total of those years.
            Some(Basis::InPeriod) if sums && target.window.is_some() && one_year(target).is_none() => {
                Measure::Total(start)
            }
            basis => Measure::Level(basis.unwrap_or(Basis::InPeriod)),
        }
    }
}

/// The first and last day of a target that is about one year, or less.
pub fn one_year(target: &Target) -> Option<(Day, Day)> {
    let window = target.window?;
    let (first, last) = (window.start?.first(), window.end?.last());
    (last.0 - first.0 < YEAR_DAYS_MAX).then_some((first, last))
}

/// The readings of a target, from the earliest to the latest.
pub fn readings(target: &Target, variable: &Variable, observed: &[Observed]) -> Vec<Reading> {
    let unit = |quantity: &Quantity| {
        if quantity.unit.is_empty() { variable.unit.clone() } else { quantity.unit.clone() }
    };
    let same_unit = observed.iter().filter(|one| unit(&one.observation.quantity) == unit(&target.quantity));
    let readings = same_unit.filter_map(Reading::of);
    let mut found: Vec<Reading> = match Measure::of(target, variable) {
        Measure::Total(None) => Vec::new(),
        Measure::Total(Some(start)) => {
            let pieces = readings.filter(|(basis, _)| *basis != Basis::StockAt);
            totals(start, &pieces.collect::<Vec<_>>(), variable.aggregation == Some(Aggregation::Sum))
        }
        Measure::Level(basis) => levels(target, variable, basis, readings.collect()),
    };
    found.sort_by_key(|reading| reading.last);
    found
}

/// Values as they are. A target of one year is measured by that year alone; where nothing is published for it, by the
/// difference of two totals.
fn levels(
    target: &Target,
    variable: &Variable,
    basis: Basis,
    readings: Vec<(Basis, Reading)>,
) -> Vec<Reading> {
    let sums = variable.aggregation == Some(Aggregation::Sum);
    match (one_year(target), basis) {
        (Some((first, last)), Basis::InPeriod | Basis::CumulativeSince) => {
            // A stock is no part of what flows in.
            let flows: Vec<_> = readings.into_iter().filter(|(own, _)| *own != Basis::StockAt).collect();
            let mut of_year = totals(first, &flows, sums).into_iter();
            let published = of_year.find(|reading| reading.last == last);
            published.or_else(|| between(first, last, &flows, sums)).into_iter().collect()
        }
        (Some((first, last)), Basis::StockAt) => {
            let stocks =
                only(basis, readings).filter(|reading| first <= reading.last && reading.last <= last);
            stocks.collect()
        }
        (None, _) => {
            let start = target.window.and_then(|window| window.start).map_or(Day::MIN, Date::first);
            // Without a window only a whole year says what flows in per year.
            let whole = |reading: &Reading| !sums || basis != Basis::InPeriod || is_year(reading);
            only(basis, readings).filter(|reading| start <= reading.last && whole(reading)).collect()
        }
    }
}

fn only(basis: Basis, readings: Vec<(Basis, Reading)>) -> impl Iterator<Item = Reading> {
    readings.into_iter().filter(move |(own, _)| *own == basis).map(|(_, reading)| reading)
}

fn is_year(reading: &Reading) -> bool {
    (YEAR_DAYS_MAX - 2..YEAR_DAYS_MAX).contains(&(reading.last.0 - reading.first.0))
}

/// What came between two totals from one start: one that ends before the first day, and one that ends on the last.
fn between(first: Day, last: Day, readings: &[(Basis, Reading)], sums: bool) -> Option<Reading> {
    let running: Vec<(Basis, Reading)> =
        readings.iter().filter(|(basis, _)| sums || *basis == Basis::CumulativeSince).cloned().collect();
    let starts: BTreeSet<Day> =
        running.iter().map(|(_, reading)| reading.first).filter(|start| *start < first).collect();
    let differences = starts.into_iter().filter_map(|start| {
        let totals = totals(start, &running, sums);
        let at = |day: Day| totals.iter().find(|total| total.last == day);
        at(last)?.beyond(at(first.previous())?)
    });
    differences.min_by_key(|difference| difference.records.len())
}

/// What has come together from the first day up to the end of each chain of observations without gap or overlap.
///
/// A total that is published from that day wins over a sum, a value of one period over a sum of several, and otherwise
/// the sum with the fewest parts.
fn totals(start: Day, readings: &[(Basis, Reading)], sums: bool) -> Vec<Reading> {
    type Cost = (usize, bool);
    let mut reached = BTreeMap::<Day, (Cost, Reading)>::new();
    let mut open = BTreeMap::from([(start, None::<(Cost, Reading)>)]);
    while let Some((first, before)) = open.pop_first() {
        for (basis, piece) in readings.iter().filter(|(_, piece)| piece.first == first && first <= piece.last)
        {
            let total = *basis == Basis::CumulativeSince;
            let (parts, sum) = match &before {
                Some(_) if total || !sums => continue,
                Some(((parts, _), sum)) => (parts + 1, sum.followed_by(piece)),
                None => (1, piece.clone()),
            };
            let cost = (parts, !total);
            let next = piece.last.next();
            if reached.get(&piece.last).is_none_or(|(other, _)| cost < *other) {
                reached.insert(piece.last, (cost, sum.clone()));
                open.insert(next, Some((cost, sum)));
            }
        }
    }
    reached.into_values().map(|(_, reading)| reading).collect()
}

impl Reading {
    /// None when the observation does not say of when it is.
    fn of(observed: &Observed) -> Option<(Basis, Self)> {
        let Observed { record, observation } = observed;
        let last = observation.period.end.or(observation.period.start)?.last();
        let first = match observation.basis {
            Basis::StockAt => last,
            // An absent start is unknown, not open.
            Basis::InPeriod | Basis::CumulativeSince => observation.period.start?.earliest()?,
        };
        let reading = Self {
            first,
            last,
            figure: Estimate::from(&observation.quantity),
            known: known(&observation.quantity),
            records: vec![record.clone()],
        };
        Some((observation.basis, reading))
    }

    fn beyond(&self, before: &Self) -> Option<Self> {
        Some(Self {
            first: before.last.next(),
            last: self.last,
            figure: growth(&self.figure, &before.figure)?,
            known: growth(&self.known, &before.known)?,
            records: self.records.iter().chain(&before.records).cloned().collect(),
        })
    }

    fn followed_by(&self, next: &Self) -> Self {
        Self {
            first: self.first,
            last: next.last,
            figure: self.figure.add(&next.figure),
            known: self.known.add(&next.known),
            records: self.records.iter().chain(&next.records).cloned().collect(),
        }
    }
}

/// A figure with bounds to judge by.
///
/// In an answer "around 18.7" has no bounds. To judge by, it is taken to be within one unit of its last significant
/// digit, since a printed number may be rounded or cut off: so it certainly lies below 19.9, and nothing is certain
/// about it and 18.7. Rivals of the chosen figure never judge: a promise kept only by a figure that was not preferred
/// is not certainly kept.
pub fn known(quantity: &Quantity) -> Estimate {
    let estimate = Estimate::from(quantity);
    if quantity.comparator() != Comparator::Approximate {
        return estimate;
    }
    let decimal = quantity.decimal().normalize();
    let (mut mantissa, mut zeros) = (decimal.mantissa(), 0);
    while mantissa != 0 && mantissa % 10 == 0 {
        mantissa /= 10;
        zeros += 1;
    }
    let unit = (0..zeros).fold(Number::scaled(1, decimal.scale()), |unit, _| unit * Number::from(10));
    let value = Number::from(decimal);
    Estimate {
        lower: Some(Bound::closed(&value - &unit)),
        upper: Some(Bound::closed(&value + &unit)),
        ..estimate
    }
}
