//! `appeals-on-time`: the share of appeals that were answered by their deadline.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;

use reform_model::{Date, Day, Kind, Name};

use super::{Filed, asked, asked_with, extents};
use crate::answer::{Answer, Builder, Code, Point};
use crate::catalogue::{Definition, Parameter};
use crate::columns::{Class, DIMENSIONS, Dates, Measure, Times};
use crate::counting::{Countable, Frame, Subject, weight};
use crate::estimate::Estimate;
use crate::evidence::{Part, Reason};
use crate::parameter::valid::value_at;
use crate::query::{Origin, Query, QueryError};
use crate::span::{Bucket, Extent, Granularity};
use crate::view::View;
use crate::wilson;

const DEADLINE: &str = "deadline_parameter";
/// Below this many judged appeals a share says little.
const JUDGED_FEW: i64 = 10;

/// What it is.
pub const DEFINITION: Definition = Definition {
    id: "appeals-on-time",
    title: "Appeals answered on time",
    definition: "Of the appeals filed in the period, the share answered by the deadline: that of the appeal itself, \
                 else the value of a legal parameter in calendar days that was valid on the day of filing. An open \
                 appeal past its deadline at the end of the series is late; one whose deadline is still to come, one \
                 without a deadline, one closed without a recorded answer and one whose dates leave it open are \
                 outside the denominator and counted as unknown. An appeal answered or closed before it was filed is \
                 excluded and counted.",
    formula: "answered on or before the deadline / (answered + open past the deadline), with a 95 % Wilson interval",
    formula_source: wilson::SOURCE,
    formula_version: 1,
    unit: "share of appeals",
    dimensions: &DIMENSIONS,
    parameters: &[Parameter {
        key: DEADLINE,
        description: "Name of the variable record of the legal deadline in calendar days, for appeals that state none.",
        values: &[],
        default_value: "",
        required: false,
    }],
    kinds: &[Kind::Appeal, Kind::Election, Kind::Observation, Kind::Reform, Kind::Variable],
    granularities: Granularity::CALENDAR,
    compute: on_time,
};

/// What is said about one appeal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    OnTime,
    Late,
    /// Open past its deadline.
    Overdue,
    /// Open, and its deadline is still to come.
    Pending,
    /// No deadline, or closed without a recorded answer.
    Unknown,
    /// Its dates are too coarse to say.
    Imprecise,
    /// Answered or closed before it was filed.
    Reversed,
}

struct Judged<'a> {
    filed: Filed<'a>,
    verdict: Verdict,
}

impl<'a> Countable<'a> for Judged<'a> {
    fn subject(&self) -> Subject<'a> {
        self.filed.subject()
    }

    fn weight(&self) -> i64 {
        self.filed.weight()
    }

    fn date(&self) -> Option<Date> {
        self.filed.date()
    }

    fn dimension(&self, name: &str) -> Option<Cow<'a, str>> {
        self.filed.dimension(name)
    }

    fn part(&self) -> Result<Part, Reason> {
        match self.verdict {
            Verdict::OnTime => Ok(Part::of(1, "on time; these add up to the numerator")),
            Verdict::Late => Ok(Part::of(0, "late")),
            Verdict::Overdue => Ok(Part::of(0, "open past its deadline")),
            Verdict::Pending => Err(Reason::NotReached),
            Verdict::Unknown => Err(Reason::MissingValue),
            Verdict::Imprecise => Err(Reason::ImpreciseDate),
            Verdict::Reversed => Err(Reason::ClosedBeforeFiled),
        }
    }
}

fn on_time(view: &View, query: &Query) -> Result<Answer, QueryError> {
    let mut builder = Builder::default();
    let limits = Limits::of(view, query)?;
    if query.wants(Origin::Counted) {
        let end = end_of_series(view, query);
        let filed = match &limits {
            None => asked(view, query, Measure::OnTime),
            Some(limits) => {
                let due = |class: &Class, times| limits.due(view.appeals().jurisdiction(class), times);
                asked_with(view, query, Measure::OnTime, Some(&due))
            }
        };
        let judged = filed.into_iter().map(|filed| Judged { verdict: verdict(&filed.times, end), filed });
        let frame = Frame { zero: None, subject: "", unit: DEFINITION.unit, granularity: Granularity::Year };
        frame.fold(view, query, judged, &share, &mut builder)?;
    }
    Ok(builder.finish(DEFINITION.id, DEFINITION.formula_version))
}

/// The day on which open appeals are judged: the last one of the last period of the series. Deadlines lie ahead of what
/// is recorded and do not move it.
fn end_of_series(view: &View, query: &Query) -> Day {
    let mut extent = Extent::default();
    for (_, own) in
        extents(view).into_iter().filter(|(jurisdiction, _)| query.wants_jurisdiction(jurisdiction))
    {
        extent.merge(own);
    }
    let Some((_, last)) = extent.answered(query.period) else { return Day::MIN };
    let bucket = Bucket::containing(query.granularity.unwrap_or(Granularity::Year), last);
    bucket.within(query.period).map_or(last, |bucket| bucket.last)
}

fn verdict(times: &Times, end: Day) -> Verdict {
    if times.is_reversed() {
        return Verdict::Reversed;
    }
    let Some(deadline) = times.deadline() else { return Verdict::Unknown };
    let (earliest, latest) = (deadline.first(), deadline.last());
    match (times.answered(), times.closed()) {
        (Some(answered), _) if answered.last() <= earliest => Verdict::OnTime,
        (Some(answered), _) if answered.first() > latest => Verdict::Late,
        (Some(_), _) => Verdict::Imprecise,
        (None, Some(_)) => Verdict::Unknown,
        (None, None) if latest < end => Verdict::Overdue,
        (None, None) if earliest >= end => Verdict::Pending,
        (None, None) => Verdict::Imprecise,
    }
}

/// The legal deadlines in days.
struct Limits<'v> {
    view: &'v View,
    parameter: Name,
    /// By jurisdiction and day; reading the law is slow, and appeals share their days.
    known: RefCell<BTreeMap<(&'v str, Day), Option<Limit>>>,
}

/// Days at least and at most.
type Limit = (i64, i64);

impl<'v> Limits<'v> {
    /// None where the query names no legal parameter.
    fn of(view: &'v View, query: &Query) -> Result<Option<Self>, QueryError> {
        let Some(parameter) = query.record_parameter(DEADLINE)? else { return Ok(None) };
        let path = format!("parameters.{DEADLINE}");
        match view.variable(&parameter) {
            Some((_, variable)) if matches!(variable.unit.as_str(), "days" | "day" | "calendar days") => {
                Ok(Some(Self { view, parameter, known: RefCell::default() }))
            }
            Some((_, variable)) => {
                let message = format!("must be in calendar days, and is in {:?}", variable.unit);
                Err(QueryError::field(path, message))
            }
            None if view.contains(&parameter) => Err(QueryError::field(path, "is no variable")),
            None => Err(QueryError::NotFound { path, name: parameter }),
        }
    }

    /// The dates of an appeal with the legal deadline, where it has none of its own.
    fn due(&self, jurisdiction: &'v str, times: Times) -> Times {
        if times.deadline().is_some() {
            return times;
        }
        let filed = times.filed();
        let Some(deadline) = filed.and_then(|filed| self.deadline(jurisdiction, filed)) else { return times };
        let (answered, closed) = (times.answered(), times.closed());
        Times::of(Dates { filed, answered, closed, deadline: Some(deadline) })
    }

    /// The days that may be the deadline.
    fn deadline(&self, jurisdiction: &'v str, filed: Date) -> Option<Date> {
        filed.earliest()?;
        let (first, last) = (self.days(jurisdiction, filed.first())?, self.days(jurisdiction, filed.last())?);
        let earliest = after(filed.first(), first.0.min(last.0))?;
        let latest = after(filed.last(), first.1.max(last.1))?;
        if earliest == latest {
            return Some(Date::exact(earliest));
        }
        Date::new(Date::exact(earliest).digits(), Date::exact(latest).digits()).ok()
    }

    fn days(&self, jurisdiction: &'v str, day: Day) -> Option<Limit> {
        *self.known.borrow_mut().entry((jurisdiction, day)).or_insert_with(|| {
            let valid = value_at(self.view, &self.parameter, jurisdiction, day).estimate?;
            let lower = valid.lower.filter(|bound| !bound.open)?.number.to_i64()?;
            let upper = valid.upper.filter(|bound| !bound.open)?.number.to_i64()?;
            Some((lower, upper))
        })
    }
}

fn after(day: Day, days: i64) -> Option<Day> {
    i32::try_from(days).ok().and_then(|days| day.0.checked_add(days)).map(Day)
}

fn share(items: &[Judged<'_>], point: &mut Point) {
    let count = |verdict: Verdict| weight(items, |item| item.verdict == verdict);
    let (good, overdue) = (count(Verdict::OnTime), count(Verdict::Overdue));
    let late = count(Verdict::Late) + overdue;
    let (pending, imprecise) = (count(Verdict::Pending), count(Verdict::Imprecise));
    point.unknown = count(Verdict::Unknown) + pending + imprecise;
    point.excluded += count(Verdict::Reversed);
    point.records = good + late;
    for (key, count) in [("open_late", overdue), ("open_not_due", pending)] {
        point.figure(key, &count.into());
    }
    if imprecise > 0 {
        point.warn(Code::ImpreciseDate, "appeals whose dates leave open whether they were late", imprecise);
    }
    if good + late == 0 {
        point.warn(Code::Missing, "no appeal of the period can be judged", 0);
        return;
    }
    (point.numerator, point.denominator) = (Some(good), Some(good + late));
    point.estimate = wilson::rate(&Estimate::exact(good), &Estimate::exact(late));
    if good + late < JUDGED_FEW {
        point.warn(Code::SmallN, "few appeals can be judged", 0);
    }
}
