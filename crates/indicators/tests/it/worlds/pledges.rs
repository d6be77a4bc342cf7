//! Where targets stand, and what legal parameters were when.

use std::collections::BTreeMap;

use num_traits::{Signed, Zero};
use reform_indicators::Query;
use reform_model::measure::{Observation, Target, Variable};
use reform_model::reform::{ParameterChange, Reform};
use reform_model::vocabulary::{Aggregation, Basis, Comparator, Direction, Path, StageKind};
use reform_model::{Date, Day, Period, Quantity, Record};

use super::calendar::around;
use super::exact::{Figure, Q, decimal, int, ratio};
use super::published::used;
use super::said::{Decided, Points, Said, World, at, labels};

/// A figure, the day that it is of, and whether anything in it is only "around" a number.
#[derive(Debug, Clone)]
struct Reading {
    last: Day,
    figure: Figure,
}

fn span(observation: &Observation) -> Option<(Day, Day)> {
    let last = observation.period.end.or(observation.period.start)?.last();
    Some((observation.period.start.and_then(Date::earliest).unwrap_or(last), last))
}

/// Running totals from a day: published ones, or single periods that follow each other where they add up.
fn totals(start: Day, observed: &[&Observation], sums: bool) -> Vec<Reading> {
    let mut best: BTreeMap<Day, (usize, bool, Figure)> = BTreeMap::new();
    let mut open: Vec<(Day, usize, Option<Figure>)> = vec![(start, 0, None)];
    while let Some((from, parts, before)) = open.pop() {
        for one in observed {
            let stated = one.period.start.and_then(Date::earliest);
            let (Some((first, last)), true) = (span(one), stated == Some(from)) else { continue };
            let published = one.basis == Basis::CumulativeSince;
            if one.basis == Basis::StockAt || first > last || before.is_some() && (published || !sums) {
                continue;
            }
            let own = Figure::of(&one.quantity);
            let sum = before.as_ref().map_or(own.clone(), |before| before.plus(&own));
            let better = best
                .get(&last)
                .is_none_or(|(parts_of_it, apart, _)| (parts + 1, !published) < (*parts_of_it, *apart));
            if better {
                best.insert(last, (parts + 1, !published, sum.clone()));
                open.push((Day(last.0 + 1), parts + 1, Some(sum)));
            }
        }
    }
    best.into_iter().map(|(last, (_, _, figure))| Reading { last, figure }).collect()
}

/// The start of a running total that the target is of; none where it is of single values.
fn total_since(target: &Target, variable: &Variable) -> Option<Option<Day>> {
    let start = target.window.and_then(|window| window.start).or(target.baseline_on).and_then(Date::earliest);
    let flows = target.basis == Some(Basis::InPeriod) && variable.aggregation == Some(Aggregation::Sum);
    (target.basis == Some(Basis::CumulativeSince) || flows && target.window.is_some()).then_some(start)
}

fn readings(
    world: &World,
    record: &Record,
    target: &Target,
    variable: &Variable,
) -> (Vec<Reading>, Option<Day>) {
    let all = used(world, target.variable.id());
    // Of two that end on one day the last by name is the latest.
    let mut own: Vec<_> = all.iter().collect();
    own.sort_by_key(|(_, seen)| seen.0.name.clone());
    let own: Vec<&Observation> = own
        .into_iter()
        .filter(|(thing, _)| {
            thing.jurisdiction == record.jurisdiction
                && thing.subject == target.subject
                && thing.dimensions.is_empty()
        })
        .map(|(_, seen)| seen.1)
        .collect();
    let now = own.iter().filter_map(|one| Some(span(one)?.1)).max();
    let sums = variable.aggregation == Some(Aggregation::Sum);
    let mut found = match total_since(target, variable) {
        Some(Some(start)) => totals(start, &own, sums),
        Some(None) => Vec::new(),
        None => {
            let basis = target.basis.unwrap_or(Basis::InPeriod);
            let start = target.window.and_then(|window| window.start).map_or(Day::MIN, |date| date.first());
            let of_basis = own.into_iter().filter(|one| one.basis == basis);
            let spans = of_basis.filter_map(|one| Some((span(one)?, one)));
            // Only a whole year says what flows in per year.
            let year = reform_indicators::span::Granularity::Year;
            let fits = spans.filter(|((first, last), one)| {
                let whole = around(year, *first) == (*first, *last);
                start <= *last && (!sums || basis != Basis::InPeriod || whole && one.period.start.is_some())
            });
            fits.map(|((_, last), one)| Reading { last, figure: Figure::of(&one.quantity) }).collect()
        }
    };
    found.sort_by_key(|reading| reading.last);
    (found, now)
}

/// Which way is better: the variable's to say, else the promise's, else from the baseline to the promise.
fn is_upward(target: &Target, variable: &Variable, baseline: Option<&Figure>) -> Option<bool> {
    match (variable.direction, target.quantity.comparator()) {
        (Some(Direction::HigherIsBetter), _) => Some(true),
        (Some(Direction::LowerIsBetter), _) => Some(false),
        (_, Comparator::AtLeast | Comparator::MoreThan) => Some(true),
        (_, Comparator::AtMost | Comparator::LessThan) => Some(false),
        _ => {
            let (low, high) = target.quantity.extremes();
            let baseline = baseline?.value.clone()?;
            if baseline < decimal(low) {
                Some(true)
            } else if baseline > decimal(high) {
                Some(false)
            } else {
                None
            }
        }
    }
}

/// Whether a figure certainly is at a limit or beyond, or certainly is not; an open limit must be passed.
fn is_above(figure: &Figure, limit: &Q, open: bool) -> Option<bool> {
    let beyond = |(number, strict): &(Q, bool)| number > limit || number == limit && (*strict || !open);
    let short = |(number, strict): &(Q, bool)| number < limit || number == limit && (*strict || open);
    if figure.lower.as_ref().is_some_and(beyond) {
        Some(true)
    } else if figure.upper.as_ref().is_some_and(short) {
        Some(false)
    } else {
        None
    }
}

fn turned(figure: &Figure) -> Figure {
    Figure::exact(Q::zero()).minus(figure)
}

fn keeps(promise: &Quantity, upward: Option<bool>, figure: &Figure) -> Option<bool> {
    let (low, high) = promise.extremes();
    let comparator = promise.comparator();
    let up = || is_above(figure, &decimal(low), comparator == Comparator::MoreThan);
    let down = || is_above(&turned(figure), &-decimal(high), comparator == Comparator::LessThan);
    // A promise of "at most" of what should be high is broken by nothing certain.
    match (upward, comparator) {
        (Some(true), Comparator::AtMost | Comparator::LessThan) => up().filter(|kept| *kept),
        (Some(false), Comparator::AtLeast | Comparator::MoreThan) => down().filter(|kept| *kept),
        (Some(true), _) => up(),
        (Some(false), _) => down(),
        (None, _) => {
            let sides =
                (is_above(figure, &decimal(low), false), is_above(&turned(figure), &-decimal(high), false));
            match sides {
                (Some(true), Some(true)) => Some(true),
                (Some(false), _) | (_, Some(false)) => Some(false),
                _ => None,
            }
        }
    }
}

struct Promise<'a> {
    target: &'a Target,
    upward: Option<bool>,
    promised: Q,
    baseline: Option<Figure>,
    deadline: Option<Day>,
    total: bool,
}

impl Promise<'_> {
    fn status(&self, due: &[Reading], now: Day) -> &'static str {
        let kept = |reading: &&Reading| {
            // A total that should stay low is judged when it is whole.
            let whole = !self.total || self.upward == Some(true) || Some(reading.last) == self.deadline;
            whole && keeps(&self.target.quantity, self.upward, &reading.figure) == Some(true)
        };
        if due.iter().any(|reading| kept(&reading)) {
            return "MET";
        }
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            let own = due.last().filter(|reading| Some(reading.last) == self.deadline);
            let broken = own.and_then(|reading| keeps(&self.target.quantity, self.upward, &reading.figure));
            return if broken == Some(false) { "MISSED" } else { "UNKNOWN" };
        }
        due.last().map_or("NOT_YET_MEASURABLE", |reading| self.on_path(reading))
    }

    /// Against a straight line over the days, or the last milestone passed.
    fn on_path(&self, reading: &Reading) -> &'static str {
        let window = self.target.window.unwrap_or_default();
        let by_milestone = self.target.path == Some(Path::Milestones);
        let passed = self.target.milestones.iter().filter(|one| one.on.last() <= reading.last);
        let passed = passed.max_by_key(|one| one.on.last()).filter(|_| by_milestone);
        let end = window.end.map(|end| end.last()).or(self.deadline);
        let Some(end) = end.filter(|_| passed.is_some() || self.baseline.is_some()) else {
            return "NOT_YET_MEASURABLE";
        };
        let start = window.start.and_then(Date::earliest).map(|day| Day(day.0 - 1));
        let start = start.or(self.target.baseline_on.map(|date| date.last()));
        let Some(start) = start.or(by_milestone.then_some(end)) else { return "UNKNOWN" };
        let baseline = self.baseline.clone().unwrap_or_default();
        let due = match passed {
            _ if by_milestone && reading.last >= end => Figure::exact(self.promised.clone()),
            Some(milestone) => Figure::exact(decimal(milestone.quantity.decimal())),
            None if by_milestone => baseline,
            None => {
                let days = |day: Day| i64::from(day.0) - i64::from(start.0);
                let part = if days(end) <= 0 {
                    int(1)
                } else {
                    ratio(days(reading.last).clamp(0, days(end)), days(end))
                };
                let rest = int(1) - &part;
                let left = if rest.is_zero() { Figure::exact(Q::zero()) } else { baseline.times(&rest) };
                left.plus(&Figure::exact(&self.promised * part))
            }
        };
        let ahead = reading.figure.minus(&due);
        let ahead = match self.upward {
            Some(true) => is_above(&ahead, &Q::zero(), false),
            Some(false) => is_above(&turned(&ahead), &Q::zero(), false),
            None => return "UNKNOWN",
        };
        let broken = keeps(&self.target.quantity, self.upward, &reading.figure) == Some(false);
        match ahead {
            Some(true) => "ON_TRACK",
            Some(false) if broken => "BEHIND",
            _ => "UNKNOWN",
        }
    }

    /// (value − baseline) / (target − baseline).
    fn progress(&self, reading: &Reading) -> Option<(Figure, Decided)> {
        let baseline = self.baseline.as_ref()?;
        let start = baseline.value.clone().filter(|_| baseline.is_exact());
        let Some(start) = start else {
            return Some((Figure::default(), Decided::Nothing));
        };
        let way = &self.promised - &start;
        if way.is_zero() {
            return None;
        }
        let done = reading.figure.minus(&Figure::exact(start));
        let done = if way.is_negative() { turned(&done) } else { done };
        let progress = done.times(&(int(1) / way.abs()));
        let known = progress.value.is_some() || progress.lower.is_some() || progress.upper.is_some();
        known.then_some((progress, Decided::Whole))
    }
}

pub(super) fn targets(world: &World, query: &Query) -> Points {
    let mut points = Points::new();
    for (record, target) in world.targets() {
        let variables = world.variables();
        let (_, variable) = variables.iter().find(|(record, _)| record.name == target.variable).unwrap();
        let (readings, latest) = readings(world, record, target, variable);
        let now =
            query.period.and_then(|period| period.end).map(|end| end.last()).or(latest).unwrap_or(Day::MIN);
        let total = total_since(target, variable).is_some();
        let baseline = target.baseline.as_ref().map(Figure::of).or(total.then(|| Figure::exact(Q::zero())));
        let upward = is_upward(target, variable, baseline.as_ref());
        let (low, high) = target.quantity.extremes();
        let window = target.window.unwrap_or_default();
        let deadline = target.deadline_on.or(window.end).map(|date| date.last());
        let promised = decimal(if upward == Some(false) { high } else { low });
        let promise = Promise { target, upward, promised, baseline, deadline, total };
        let due: Vec<Reading> = readings
            .into_iter()
            .filter(|reading| reading.last <= now && deadline.is_none_or(|deadline| reading.last <= deadline))
            .collect();
        let own = labels(&[
            ("jurisdiction", &record.jurisdiction),
            ("target", record.name.as_str()),
            ("variable", target.variable.as_str()),
        ]);
        let over = target.window.unwrap_or(Period { start: target.deadline_on, end: target.deadline_on });
        let progress = due.last().and_then(|reading| promise.progress(reading));
        // How far "around" reaches is the indicator's own convention.
        let vague = due.iter().any(|reading| reading.figure.approximate)
            || promise.baseline.as_ref().is_some_and(|baseline| baseline.approximate);
        let (figure, decided) =
            progress.map_or((None, Decided::Whole), |(figure, decided)| (Some(figure), decided));
        let status = (!vague).then(|| promise.status(&due, now).to_owned());
        let said = Said { figure, decided, status, ..Said::default() };
        points.insert((own, over.to_string(), record.title.clone()), said);
    }
    points
}

/// One change of a parameter.
struct Step<'a> {
    record: &'a Record,
    change: &'a ParameterChange,
    from: Option<Date>,
    planned: bool,
    /// Its own day, or that of the entry into force, says so.
    stated: bool,
}

/// From when a change holds, and whether it is only foreseen.
fn holds_from(reform: &Reform, change: &ParameterChange) -> (Option<Date>, bool) {
    let deciding = |kind: StageKind| !matches!(kind, StageKind::Announced | StageKind::PassedChamber);
    let decided = reform.stages.iter().any(|stage| deciding(stage.kind) && !stage.is_planned());
    let foreseen = reform.stages.iter().any(|stage| deciding(stage.kind));
    let planned = !decided && !reform.stages.is_empty() && (foreseen || change.effective_on.is_none());
    let stage = |kind| {
        let own = reform.stages.iter().filter(|stage| stage.kind == kind && (planned || !stage.is_planned()));
        own.filter_map(|stage| stage.date).next()
    };
    (change.effective_on.or(stage(StageKind::InForce)).or(stage(StageKind::FirstApplied)), planned)
}

pub(super) fn parameters(world: &World, query: &Query) -> Points {
    let mut points = Points::new();
    let mut steps: BTreeMap<(String, String), Vec<Step<'_>>> = BTreeMap::new();
    for (record, reform) in world.reforms() {
        for change in &reform.parameter_changes {
            let (from, planned) = holds_from(reform, change);
            let stated = change.effective_on.is_some()
                || reform.stages.iter().any(|stage| {
                    stage.kind == StageKind::InForce && stage.date.is_some() && !stage.is_planned()
                });
            let key = (record.jurisdiction.clone(), change.parameter.to_string());
            steps.entry(key).or_default().push(Step { record, change, from, planned, stated });
        }
    }
    for ((jurisdiction, parameter), steps) in steps {
        let own = [("jurisdiction", jurisdiction.as_str()), ("parameter", parameter.as_str())];
        if let Some(day) = query.parameter("valid_at") {
            let on = crate::build::date(day);
            let key = |label: &str| (labels(&own), at(on), label.to_owned());
            let actual: Vec<&Step<'_>> = steps.iter().filter(|step| !step.planned).collect();
            let on_a_day =
                |step: &&Step<'_>| step.stated && step.from.is_some_and(|from| from.day().is_some());
            let taken = actual.iter().filter(|step| step.from.is_some_and(|from| from.last() <= on.last()));
            // Of two on one day the later record's stands.
            match taken.max_by_key(|step| step.from.map(|from| from.last())) {
                _ if !actual.iter().all(on_a_day) => {
                    let titles = steps.iter().map(|step| step.record.title.as_str()).chain([""]);
                    titles.for_each(|title| drop(points.insert(key(title), Said::open())));
                }
                Some(step) => {
                    let figure = step.change.after.as_ref().map(Figure::of);
                    points.insert(key(&step.record.title), Said { figure, ..Said::default() });
                }
                None => {}
            }
            continue;
        }
        for step in steps {
            let status = if step.planned { "PLANNED" } else { "ACTUAL" };
            let labels = labels(&[own[0], own[1], ("status", status)]);
            let period = Period { start: step.from, end: step.from }.to_string();
            if let Some(after) = &step.change.after {
                points.insert((labels, period, step.record.title.clone()), Said::of(Figure::of(after)));
            }
        }
    }
    points
}
