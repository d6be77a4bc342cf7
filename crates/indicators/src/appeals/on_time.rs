//! `appeals-on-time`: the share of appeals that were answered by their deadline.

use std::borrow::Cow;
use std::collections::BTreeMap;

use reform_model::{Date, Day, Kind, Name, Record};

use super::{DIMENSIONS, Filed};
use crate::answer::{Answer, Builder, Code, Point};
use crate::catalogue::{Definition, Parameter};
use crate::counting::{Countable, Frame};
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
    formula_source: "E. B. Wilson 1927, Journal of the American Statistical Association 22",
    formula_version: 1,
    unit: "share of appeals",
    dimensions: DIMENSIONS,
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
    fn record(&self) -> &'a Record {
        self.filed.record
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
    let mut limits = Limits::of(view, query)?;
    if query.wants(Origin::Counted) {
        let end = end_of_series(view, query);
        let judged: Vec<Judged<'_>> = view
            .appeals()
            .map(|(record, appeal)| Filed { record, appeal })
            .filter(|filed| query.wants_jurisdiction(&filed.record.jurisdiction))
            .map(|filed| Judged { filed, verdict: verdict(filed, limits.deadline(filed), end) })
            .collect();
        let frame = Frame { zero: None, subject: "", unit: DEFINITION.unit, granularity: Granularity::Year };
        frame.fold(view, query, judged.into_iter(), &share, &mut builder)?;
    }
    Ok(builder.finish(DEFINITION.id, DEFINITION.formula_version))
}

/// The day on which open appeals are judged: the last one of the last period of the series. Deadlines lie ahead of what
/// is recorded and do not move it.
fn end_of_series(view: &View, query: &Query) -> Day {
    let mut extent = Extent::default();
    for (_, appeal) in view.appeals().filter(|(record, _)| query.wants_jurisdiction(&record.jurisdiction)) {
        for date in [appeal.filed_on, appeal.answered_on, appeal.closed_on].into_iter().flatten() {
            extent.add(date);
        }
    }
    let Some((_, last)) = extent.answered(query.period) else { return Day::MIN };
    let bucket = Bucket::containing(query.granularity.unwrap_or(Granularity::Year), last);
    bucket.within(query.period).map_or(last, |bucket| bucket.last)
}

fn verdict(filed: Filed<'_>, deadline: Option<(Day, Day)>, end: Day) -> Verdict {
    if filed.is_reversed() {
        return Verdict::Reversed;
    }
    let Some((earliest, latest)) = deadline else { return Verdict::Unknown };
    match (filed.appeal.answered_on, filed.appeal.closed_on) {
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
    parameter: Option<Name>,
    /// Days at least and at most, by jurisdiction and day; reading the law is slow, and appeals share their days.
    known: BTreeMap<(&'v str, Day), Option<(i64, i64)>>,
}

impl<'v> Limits<'v> {
    fn of(view: &'v View, query: &Query) -> Result<Self, QueryError> {
        let parameter = query.record_parameter(DEADLINE)?;
        if let Some(name) = &parameter {
            let path = format!("parameters.{DEADLINE}");
            match view.variable(name) {
                Some((_, variable)) if matches!(variable.unit.as_str(), "days" | "day" | "calendar days") => {
                }
                Some((_, variable)) => {
                    let message = format!("must be in calendar days, and is in {:?}", variable.unit);
                    return Err(QueryError::field(path, message));
                }
                None if view.get(name).is_some() => {
                    return Err(QueryError::field(path, "is no variable"));
                }
                None => return Err(QueryError::NotFound { path, name: name.clone() }),
            }
        }
        Ok(Self { view, parameter, known: BTreeMap::new() })
    }

    /// The first and the last day that may be the deadline.
    fn deadline(&mut self, filed: Filed<'v>) -> Option<(Day, Day)> {
        if let Some(own) = filed.appeal.deadline_on {
            return Some((own.first(), own.last()));
        }
        let on = filed.appeal.filed_on.filter(|date| date.earliest().is_some())?;
        let jurisdiction = filed.record.jurisdiction.as_str();
        let (first, last) = (self.days(jurisdiction, on.first())?, self.days(jurisdiction, on.last())?);
        Some((after(on.first(), first.0.min(last.0))?, after(on.last(), first.1.max(last.1))?))
    }

    fn days(&mut self, jurisdiction: &'v str, day: Day) -> Option<(i64, i64)> {
        let Self { view, parameter, known } = self;
        let parameter = parameter.as_ref()?;
        *known.entry((jurisdiction, day)).or_insert_with(|| {
            let valid = value_at(view, parameter, jurisdiction, day).estimate?;
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
    let count = |verdict: Verdict| {
        let found = items.iter().filter(|item| item.verdict == verdict).count();
        i64::try_from(found).unwrap_or(i64::MAX)
    };
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
