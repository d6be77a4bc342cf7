//! `target-progress`: how far a promise has come, and where it stands.
//!
//! In reading order: [`readings`]: the observations that measure it; [`goal`] and [`course`]: what keeps it, and what
//! is due by a day; [`verdict`]: the status; [`claim`]: rival claims that might turn the status.

pub mod claim;
pub mod course;
pub mod goal;
pub mod readings;
#[cfg(test)]
mod tests;
pub mod verdict;

use std::collections::BTreeMap;

use reform_model::date::Day;
use reform_model::measure::{Target, Variable};
use reform_model::record::Discrepancy;
use reform_model::vocabulary::Resolution;
use reform_model::{Body, Date, Kind, Name, Period, Record};

use crate::answer::{Answer, Builder, Code, JURISDICTION, Labels, Point, labels};
use crate::catalogue::{Definition, Parameter};
use crate::estimate::Style;
use crate::evidence::{Evidence, Part, figure};
use crate::number::Number;
use crate::query::{Query, QueryError};
use crate::selection::{Candidate, Choice, candidates, choose_each};
use crate::span::Granularity;
use crate::target::claim::Claimed;
use crate::target::readings::{Measure, Observed, Reading};
use crate::target::verdict::{Case, Status, Verdict};
use crate::view::View;

const TARGET: &str = "target";
const VARIABLE: &str = "variable";

/// The progress of targets.
pub const PROGRESS: Definition = Definition {
    id: "target-progress",
    title: "Progress of targets",
    definition: "How much of the way from the baseline to the target is done, judged at the end of the period. MET: an \
                 observation at or before the deadline certainly keeps the promise; MISSED: that of the deadline \
                 certainly does not; before it ON_TRACK or BEHIND by the path, a straight line over the days of the \
                 target's window or its milestones, where there is a baseline, else \
                 NOT_YET_MEASURABLE. What leaves it open is UNKNOWN, and so is a status that an unresolved rival claim \
                 would turn. Of rivals only the preferred figure judges; one that is around a number is judged as \
                 within one unit of its last significant digit. A year without its own figure is measured by the \
                 difference of two totals from one start; a cumulative target starts at 0. Which direction is better is the \
                 variable's to say. Further figures: required_rate and actual_rate, what is still needed and what was \
                 done in a year of 365.25 days, and projected_date, the day of the target at the actual rate. A target \
                 that took another's place, or was replaced, says so.",
    formula: "(value − baseline) / (target − baseline)",
    formula_source: "",
    formula_version: 1,
    unit: "share of the way",
    dimensions: &[TARGET, VARIABLE],
    parameters: &[
        Parameter {
            key: TARGET,
            description: "a target record; without it every target",
            values: &[],
            default_value: "",
            required: false,
        },
        Parameter {
            key: VARIABLE,
            description: "a variable record, for its targets only",
            values: &[],
            default_value: "",
            required: false,
        },
    ],
    kinds: &[Kind::Observation, Kind::Target, Kind::Variable],
    granularities: Granularity::EVENTS,
    compute: progress,
};

fn progress(view: &View, query: &Query) -> Result<Answer, QueryError> {
    let target = known_record(view, query, TARGET, Kind::Target)?;
    let variable = known_record(view, query, VARIABLE, Kind::Variable)?;
    let mut answer = Builder::default();
    for (record, body) in view.targets() {
        let asked = target.as_ref().is_none_or(|name| *name == record.name)
            && variable.as_ref().is_none_or(|name| *name == body.variable)
            && query.wants_jurisdiction(&record.jurisdiction);
        let Some((_, measured)) = view.variable(&body.variable).filter(|_| asked) else { continue };
        let labels = target_labels(record, body);
        if query.filter.as_ref().is_none_or(|filter| filter.matches(&labels)) {
            let judged = Judged::new(view, record, body, measured, query.period);
            let mut point = judged.point(view);
            query.attach(&labels, &mut point, |point| judged.evidence(view, point));
            answer.push(labels, PROGRESS.unit, point);
        }
    }
    Ok(answer.finish(PROGRESS.id, PROGRESS.formula_version))
}

fn known_record(view: &View, query: &Query, key: &str, kind: Kind) -> Result<Option<Name>, QueryError> {
    let Some(name) = query.record_parameter(key)? else { return Ok(None) };
    let path = format!("parameters.{key}");
    match view.get(&name).map(|entry| entry.record.kind()) {
        Some(found) if found == kind => Ok(Some(name)),
        Some(_) => Err(QueryError::field(path, format!("must name a {kind}"))),
        None if view.contains(&name) => Err(QueryError::field(path, format!("must name a {kind}"))),
        None => Err(QueryError::NotFound { path, name }),
    }
}

fn target_labels(record: &Record, target: &Target) -> Labels {
    labels([
        (JURISDICTION, record.jurisdiction.as_str()),
        (TARGET, record.name.as_str()),
        (VARIABLE, target.variable.as_str()),
    ])
}

/// A target held against its observations.
struct Judged<'a> {
    record: &'a Record,
    target: &'a Target,
    variable: &'a Variable,
    observed: Vec<Observed>,
    /// The choices behind `observed`, by the record chosen.
    choices: BTreeMap<&'a Name, Choice<'a>>,
    now: Day,
    case: Case,
    verdict: Verdict,
    /// Rival claims that would turn the status.
    turning: i64,
}

impl<'a> Judged<'a> {
    fn new(
        view: &'a View,
        record: &'a Record,
        target: &'a Target,
        variable: &'a Variable,
        period: Option<Period>,
    ) -> Self {
        let chosen = choose_each(view, observations_of(view, record, target)).into_values();
        let choices: BTreeMap<&Name, Choice<'a>> =
            chosen.map(|choice| (&choice.chosen.record.name, choice)).collect();
        let observed: Vec<Observed> = choices
            .values()
            .map(|Choice { chosen, .. }| Observed {
                record: chosen.record.name.clone(),
                observation: chosen.observation.clone(),
            })
            .collect();
        // Without a period it is judged at the latest date that was observed, never at today's.
        let latest =
            observed.iter().filter_map(|one| one.observation.period.end.or(one.observation.period.start));
        let now = period.and_then(|period| period.end).map(Date::last);
        let now = now.or_else(|| latest.map(Date::last).max()).unwrap_or(Day::MIN);
        let case = Case::new(target, variable, &observed);
        let verdict = case.judge(now);
        let mut judged = Self { record, target, variable, observed, choices, now, case, verdict, turning: 0 };
        judged.turning = judged.turning_claims();
        judged
    }

    fn status(&self) -> Status {
        if self.turning > 0 { Status::Unknown } else { self.verdict.status }
    }

    /// Unresolved rival claims about the target or a chosen observation, by which the status would be another.
    fn turning_claims(&self) -> i64 {
        let target = open_claims(self.record).filter(|claim| self.would_turn_as_target(claim));
        let observations = self.choices.values().map(|choice| choice.chosen.record).map(|record| {
            open_claims(record).filter(|claim| self.would_turn_as_observation(&record.name, claim)).count()
        });
        i64::try_from(target.count() + observations.sum::<usize>()).unwrap_or(i64::MAX)
    }

    fn would_turn_as_target(&self, claim: &Discrepancy) -> bool {
        match claim::on_target(self.target, &claim.field_path, &claim.claimed) {
            Claimed::As(rival) => self.differs(&Case::new(&rival, self.variable, &self.observed)),
            // The path matters only where the path decided.
            Claimed::Unreadable => match self.verdict.status {
                Status::OnTrack | Status::Behind => true,
                Status::Met | Status::Missed => ["target.quantity", "target.deadline_on"]
                    .iter()
                    .any(|path| claim.field_path.starts_with(path)),
                Status::NotYetMeasurable | Status::Unknown => false,
            },
            Claimed::Elsewhere => false,
        }
    }

    fn would_turn_as_observation(&self, record: &Name, claim: &Discrepancy) -> bool {
        let Some(place) = self.observed.iter().position(|one| one.record == *record) else { return false };
        match claim::on_observation(&self.observed[place].observation, &claim.field_path, &claim.claimed) {
            Claimed::As(rival) => {
                let mut observed = self.observed.clone();
                observed[place].observation = *rival;
                self.differs(&Case::new(self.target, self.variable, &observed))
            }
            Claimed::Unreadable => {
                self.verdict.decided_by.as_ref().is_some_and(|reading| reading.records.contains(record))
            }
            Claimed::Elsewhere => false,
        }
    }

    fn differs(&self, rival: &Case) -> bool {
        rival.judge(self.now).status != self.verdict.status
    }

    fn point(&self, view: &View) -> Point {
        let mut point = Point::new(self.period(), None);
        point.label.clone_from(&self.record.title);
        point.status = Some(self.status().as_str().to_owned());
        point.records = 1;
        let mut sources = self.record.sources();
        match &self.verdict.latest {
            Some(reading) => {
                let progress = self.case.progress(reading);
                point.estimate = progress.map(|progress| progress.with_style(Style::Percent));
                for choice in reading.records.iter().filter_map(|name| self.choices.get(name)) {
                    point.records += 1;
                    sources.extend(choice.chosen.record.sources());
                }
                self.add_figures(&mut point, reading);
            }
            None => point.warn(Code::Missing, "no observation measures the target yet", 0),
        }
        point.set_sources(sources);
        point.figures.insert("target".to_owned(), Number::from(self.case.promised).to_decimal_string());
        if let Some(baseline) = self.case.baseline.as_ref().and_then(|baseline| baseline.value.as_ref()) {
            point.figure("baseline", baseline);
        }
        self.add_caveats(view, &mut point);
        point
    }

    /// The target, the observations of its latest reading, and every other observation of its variable.
    fn evidence(&self, view: &View, point: &Point) -> Evidence {
        let mut evidence = Evidence::default();
        evidence.add(self.record, Part::noted(format!("target {}", self.target.quantity)));
        let reading = self.verdict.latest.as_ref();
        let names = reading.iter().flat_map(|reading| &reading.records);
        let used: Vec<Candidate<'_>> =
            names.filter_map(|name| self.choices.get(name)).map(|choice| choice.chosen).collect();
        for candidate in &used {
            let Candidate { record, observation } = candidate;
            let note = format!("{} over {}", observation.quantity, observation.period);
            evidence.add(*record, Part { note, ..figure(&candidate.estimate(), None) });
        }
        let period = reading.map_or(point.period, |reading| Period {
            start: Some(Date::exact(reading.first)),
            end: Some(Date::exact(reading.last)),
        });
        let about_it = observations_of(view, self.record, self.target);
        evidence.others(period, about_it, &used);
        evidence
    }

    /// What the target is about: its window, else its deadline.
    fn period(&self) -> Period {
        let deadline = Period { start: self.target.deadline_on, end: self.target.deadline_on };
        self.target.window.unwrap_or(deadline)
    }

    fn add_figures(&self, point: &mut Point, reading: &Reading) {
        let Some(value) = reading.figure.value.as_ref() else {
            point.figures.insert("value".to_owned(), reading.figure.display());
            return;
        };
        point.figure("value", value);
        let promised = Number::from(self.case.promised);
        let left = self.case.deadline.and_then(|deadline| years(reading.last, deadline));
        if self.status() != Status::Met
            && let Some(rate) = left.and_then(|left| (&promised - value).checked_div(&left))
        {
            point.figure("required_rate", &rate);
        }
        let baseline = self.case.baseline.as_ref().and_then(|baseline| baseline.value.as_ref());
        let (Some(baseline), Some(start)) = (baseline, self.case.start) else { return };
        let Some(passed) = years(start, reading.last) else { return };
        let done = value - baseline;
        if let Some(rate) = done.checked_div(&passed) {
            point.figure("actual_rate", &rate);
        }
        if self.status() != Status::Met
            && let Some(date) = projected(start, reading.last, &done, &(&promised - baseline))
        {
            point.figures.insert("projected_date".to_owned(), date.to_string());
        }
    }

    fn add_caveats(&self, view: &View, point: &mut Point) {
        if self.turning > 0 {
            point.warn(
                Code::Conflict,
                "a rival claim that nobody has settled would turn the status",
                self.turning,
            );
        }
        let used = self.verdict.latest.iter().flat_map(|reading| &reading.records);
        let used: Vec<&Choice<'_>> = used.filter_map(|name| self.choices.get(name)).collect();
        for (message, count) in [
            (
                "other observations contradict the one in use",
                used.iter().map(|choice| choice.conflicts()).sum::<usize>(),
            ),
            (
                "rival claims about the figure are not settled",
                used.iter().map(|choice| choice.chosen.unresolved()).sum(),
            ),
        ] {
            if count > 0 {
                point.warn(Code::Conflict, message, i64::try_from(count).unwrap_or(i64::MAX));
            }
        }
        if matches!(Measure::of(self.target, self.variable), Measure::Total(_)) {
            point.warn(Code::Cumulative, "a total since the start of the target", 0);
        }
        if let Some(before) = &self.target.revised_from {
            point.warn(Code::Revised, format!("replaces {before}"), 0);
        }
        for (later, target) in view.targets() {
            if target.revised_from.as_ref() == Some(&self.record.name) {
                point.warn(Code::Revised, format!("replaced by {}", later.name), 0);
            }
        }
    }
}

/// The observations of what the target is about.
fn observations_of<'a>(
    view: &'a View,
    record: &'a Record,
    target: &'a Target,
) -> impl Iterator<Item = Candidate<'a>> {
    candidates(view, &target.variable).filter(|candidate| {
        candidate.record.jurisdiction == record.jurisdiction
            && candidate.observation.subject == target.subject
            && candidate.observation.dimensions.is_empty()
    })
}

fn open_claims(record: &Record) -> impl Iterator<Item = &Discrepancy> {
    let measures = matches!(record.body, Body::Target(_) | Body::Observation(_));
    record.discrepancies.iter().filter(move |claim| measures && claim.resolution == Resolution::Unresolved)
}

/// The years from the end of one day to the end of another, of 365.25 days; none when there are none.
fn years(from: Day, to: Day) -> Option<Number> {
    let days = i64::from(to.0) - i64::from(from.0);
    Number::ratio(days * 4, 1461).filter(Number::is_positive)
}

/// The first day on which the whole way is done at the pace so far; none when it leads elsewhere, or past the calendar.
fn projected(start: Day, last: Day, done: &Number, way: &Number) -> Option<Day> {
    let passed = Number::from(i64::from(last.0) - i64::from(start.0));
    // Whichever way it goes, the same part of the way is done.
    let (done, way) =
        if done.is_negative() { (-done.clone(), -way.clone()) } else { (done.clone(), way.clone()) };
    let whole = &way * &passed;
    let arrives = |days: i32| &done * &Number::from(days) >= whole;
    let (mut below, mut above) = (0, Day::MAX.0.saturating_sub(start.0));
    if done.is_zero() || way.is_negative() || !arrives(above) {
        return None;
    }
    while below < above {
        let middle = below + (above - below) / 2;
        if arrives(middle) {
            above = middle;
        } else {
            below = middle + 1;
        }
    }
    Some(Day(start.0.saturating_add(above)))
}
