//! Published totals as the REPORTED series of an indicator: whatever variable says that it reports it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;

use reform_model::measure::Variable;
use reform_model::vocabulary::{Aggregation, Basis};
use reform_model::{Day, Name, Period};

use crate::answer::{BASIS, Builder, Code, JURISDICTION, Labels, ORIGIN, Point};
use crate::estimate::Estimate;
use crate::evidence::Evidence;
use crate::interval::Totals;
use crate::query::{Origin, Query};
use crate::selection::{Candidate, Choice, Thing, candidates, choose_each};
use crate::span::{Bucket, Granularity, lies_within};
use crate::view::View;

/// The label of the part that a variable reports, where it is not the whole.
pub const PART: &str = "part";
/// The label that tells variables apart which report the same figure of the same subject.
pub const VARIABLE: &str = "variable";

/// How an indicator reads its published totals.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// The indicator.
    pub indicator: &'static str,
    /// The dimension that an observation's subject is a value of; empty when there is none.
    pub subject: &'static str,
    /// The indicator's own granularity.
    pub granularity: Granularity,
}

/// One series of one variable.
#[derive(Debug, Default)]
struct Chosen<'a> {
    choices: Vec<(Thing, Choice<'a>)>,
    /// The totals of the whole variable.
    totals: Rc<Totals>,
}

impl Reading {
    /// Adds the published series that the query asks for.
    pub fn add(self, view: &View, query: &Query, builder: &mut Builder) {
        let mut series: BTreeMap<Labels, Vec<(&Name, &Variable, Chosen<'_>)>> = BTreeMap::new();
        for (record, variable) in view.variables_reporting(self.indicator) {
            let part = variable.reports.as_ref().map_or("", |reports| reports.part.as_str());
            let mut own: BTreeMap<Labels, Chosen<'_>> = BTreeMap::new();
            let chosen = choose_each(view, candidates(view, &record.name));
            let totals = Rc::new(Totals::of(variable, &chosen));
            for (thing, choice) in chosen {
                if self.wants(query, &thing) && lies_within(choice.chosen.answers_for(), query.period) {
                    let series = own.entry(self.labels(query, &thing, part)).or_default();
                    series.totals = Rc::clone(&totals);
                    series.choices.push((thing, choice));
                }
            }
            for (labels, chosen) in own {
                series.entry(labels).or_default().push((&record.name, variable, chosen));
            }
        }
        for (labels, variables) in series {
            let shared = variables.len() > 1;
            for (name, variable, chosen) in variables {
                let mut labels = labels.clone();
                if shared {
                    labels.insert(VARIABLE.to_owned(), name.to_string());
                }
                self.push(view, query, &labels, (name, variable), &chosen, builder);
            }
        }
    }

    /// Whether an observation belongs to the cut that the query asks for: a part by a dimension that is not asked for
    /// would be counted twice, a total is no value of a dimension that is.
    fn wants(self, query: &Query, thing: &Thing) -> bool {
        let known = |name: &str| {
            if name == self.subject {
                thing.subject.as_ref().map(|subject| Cow::from(subject.as_str()))
            } else {
                thing.dimensions.get(name).map(|value| Cow::from(value.as_str()))
            }
        };
        let grouped = query.group_by.iter().filter(|name| *name != self.subject);
        query.wants_jurisdiction(&thing.jurisdiction)
            && thing.dimensions.keys().all(|name| query.mentions(name))
            && grouped.clone().all(|name| thing.dimensions.contains_key(name))
            && query.filter.as_ref().is_none_or(|filter| filter.matches_by(&known))
    }

    fn labels(self, query: &Query, thing: &Thing, part: &str) -> Labels {
        let mut labels = thing.dimensions.clone();
        labels.insert(JURISDICTION.to_owned(), thing.jurisdiction.clone());
        labels.insert(ORIGIN.to_owned(), Origin::Reported.as_str().to_owned());
        labels.insert(BASIS.to_owned(), thing.basis.as_str().to_owned());
        let grouped = query.group_by.iter().any(|name| name == self.subject);
        let subject = thing.subject.as_ref().map(Name::to_string);
        if !self.subject.is_empty() && (grouped || subject.is_some()) {
            labels.insert(self.subject.to_owned(), subject.unwrap_or_default());
        }
        if !part.is_empty() {
            labels.insert(PART.to_owned(), part.to_owned());
        }
        labels
    }

    fn push(
        self,
        view: &View,
        query: &Query,
        labels: &Labels,
        (name, variable): (&Name, &Variable),
        chosen: &Chosen<'_>,
        builder: &mut Builder,
    ) {
        let granularity = query.granularity.unwrap_or(self.granularity);
        let mut by_unit: BTreeMap<&str, Vec<(&Thing, &Choice<'_>)>> = BTreeMap::new();
        for (thing, choice) in &chosen.choices {
            by_unit.entry(unit(variable, choice.chosen)).or_default().push((thing, choice));
        }
        for (unit, choices) in by_unit {
            let every: Vec<&Choice<'_>> = choices.iter().map(|(_, choice)| *choice).collect();
            let points = match chosen.choices.first().map(|(thing, _)| thing.basis) {
                Some(Basis::InPeriod) => in_periods(variable, &every, granularity),
                Some(Basis::CumulativeSince | Basis::StockAt) | None => {
                    let point = |(thing, choice)| {
                        let mut point = own_point(choice);
                        chosen.totals.add_difference(variable, thing, choice, &mut point);
                        point
                    };
                    choices.into_iter().map(point).collect()
                }
            };
            for mut point in points {
                query.attach(labels, &mut point, |point| {
                    self.evidence(view, query, labels, (name, variable), &every, point)
                });
                builder.push(labels.clone(), unit, point);
            }
        }
    }

    /// The observations of the variable with these labels: those in the point, and all others.
    fn evidence(
        self,
        view: &View,
        query: &Query,
        labels: &Labels,
        (name, variable): (&Name, &Variable),
        choices: &[&Choice<'_>],
        point: &Point,
    ) -> Evidence {
        let part = variable.reports.as_ref().map_or("", |reports| reports.part.as_str());
        let same = |candidate: &Candidate<'_>| {
            let thing = Thing::of(*candidate);
            let mut own = self.labels(query, &thing, part);
            if labels.get(VARIABLE).is_some_and(|label| label == name.as_str()) {
                own.insert(VARIABLE.to_owned(), name.to_string());
            }
            own == *labels && self.wants(query, &thing)
        };
        let within = |choice: &&Choice<'_>| {
            let (first, last) = days(choice);
            point.period.first() <= first && last <= point.period.last()
        };
        let within: Vec<&Choice<'_>> = choices.iter().copied().filter(within).collect();
        let used: Vec<Candidate<'_>> = disjoint(&within).iter().map(|choice| choice.chosen).collect();
        let mut evidence = Evidence::default();
        evidence.observations(point, candidates(view, name).filter(same), &used);
        evidence
    }
}

/// The unit of an observation: its own, else the variable's.
pub fn unit<'a>(variable: &'a Variable, candidate: Candidate<'a>) -> &'a str {
    let own = candidate.observation.quantity.unit.as_str();
    if own.is_empty() { &variable.unit } else { own }
}

/// One observation as a point over its own period.
pub fn own_point(choice: &Choice<'_>) -> Point {
    let mut point = sum(choice.chosen.observation.period, &[choice]);
    if choice.chosen.observation.basis == Basis::CumulativeSince {
        point.warn(Code::Cumulative, "a running total, not the figure of a period", 0);
    }
    point
}

/// The sum of observations as a point.
fn sum(period: Period, choices: &[&Choice<'_>]) -> Point {
    let estimates: Vec<Estimate> = choices.iter().map(|choice| choice.chosen.estimate()).collect();
    let mut point = Point::new(period, Some(Estimate::sum(&estimates)));
    point.records = count(choices.len());
    point.excluded = count(choices.iter().map(|choice| choice.others.len()).sum());
    point.set_sources(choices.iter().flat_map(|choice| choice.chosen.record.sources()));
    let conflicts = count(choices.iter().map(|choice| choice.conflicts()).sum());
    if conflicts > 0 {
        point.warn(Code::Conflict, "other observations of the same thing contradict this one", conflicts);
    }
    let unresolved = count(choices.iter().map(|choice| choice.chosen.unresolved()).sum());
    if unresolved > 0 {
        point.warn(Code::Conflict, "rival claims about the figure are not settled", unresolved);
    }
    point
}

/// The points of in-period observations: a whole period as published, else the sum of its parts where parts add up.
fn in_periods(variable: &Variable, choices: &[&Choice<'_>], granularity: Granularity) -> Vec<Point> {
    let mut parts: BTreeMap<Bucket, Vec<&Choice<'_>>> = BTreeMap::new();
    let mut longer = Vec::new();
    for choice in choices {
        let (first, last) = days(choice);
        let bucket = Bucket::containing(granularity, first);
        if last <= bucket.last {
            parts.entry(bucket).or_default().push(choice);
        } else {
            longer.push(*choice);
        }
    }
    let mut points = Vec::new();
    for (bucket, parts) in parts {
        if parts.iter().any(|part| days(part) == (bucket.first, bucket.last))
            || variable.aggregation == Some(Aggregation::Sum)
        {
            points.push(added_up(bucket, &parts));
        } else {
            points.extend(parts.into_iter().map(|part| {
                let mut point = own_point(part);
                point.warn(
                    Code::PartialPeriod,
                    "a part of the period; parts of this variable do not add up",
                    0,
                );
                point
            }));
        }
    }
    mark_longer(&longer, &mut points);
    points
}

/// The disjoint parts that cover most days; a whole period is one part that covers all.
fn added_up(bucket: Bucket, parts: &[&Choice<'_>]) -> Point {
    let used = disjoint(parts);
    let mut point = sum(bucket.period(), &used);
    point.excluded += count(parts.len() - used.len());
    let covered: i64 = used.iter().map(|part| length(days(part))).sum();
    if covered < length((bucket.first, bucket.last)) {
        point.warn(
            Code::PartialPeriod,
            "the sum of published parts, which do not cover the period",
            count(used.len()),
        );
    }
    point
}

/// A total over several periods is not shared out; the periods that it touches say so, and where it touches none it
/// stands over its own period.
fn mark_longer(longer: &[&Choice<'_>], points: &mut Vec<Point>) {
    const MESSAGE: &str = "published totals of longer periods are not shared out";
    for choice in longer {
        let (first, last) = days(choice);
        let mut touched = false;
        for point in points.iter_mut() {
            if point.period.first() <= last && first <= point.period.last() {
                touched = true;
                point.warn(Code::ImpreciseDate, MESSAGE, 1);
            }
        }
        if !touched {
            // Alone it is no rival of any period, and its own period says what it is of.
            let mut point = own_point(choice);
            point.warn(Code::ImpreciseDate, MESSAGE, 1);
            points.push(point);
        }
    }
}

/// Of observations that may overlap, disjoint ones that cover most days; of several such sets the one with fewest
/// members. (Weighted interval scheduling.)
fn disjoint<'c, 'a>(parts: &[&'c Choice<'a>]) -> Vec<&'c Choice<'a>> {
    let mut ordered: Vec<&Choice<'_>> = parts.to_vec();
    ordered.sort_by_key(|part| (days(part).1, days(part).0));
    // best[i]: days covered and members (negative) by the best set among the first i, and whether the last is in it.
    let mut best = vec![(0, 0, false)];
    let compatible = |part: &Choice<'_>| ordered.partition_point(|other| days(other).1 < days(part).0);
    for (index, part) in ordered.iter().enumerate() {
        let (covered, members, _) = best[compatible(part)];
        let with = (covered + length(days(part)), members - 1);
        let without = (best[index].0, best[index].1);
        best.push(if with > without { (with.0, with.1, true) } else { (without.0, without.1, false) });
    }
    let mut chosen = Vec::new();
    let mut end = ordered.len();
    while end > 0 {
        end = if best[end].2 {
            chosen.push(ordered[end - 1]);
            compatible(ordered[end - 1])
        } else {
            end - 1
        };
    }
    chosen.reverse();
    chosen
}

fn days(choice: &Choice<'_>) -> (Day, Day) {
    let period = choice.chosen.observation.period;
    (period.first(), period.last())
}

fn length((first, last): (Day, Day)) -> i64 {
    i64::from(last.0) - i64::from(first.0) + 1
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
