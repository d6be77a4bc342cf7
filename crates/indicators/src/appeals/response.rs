//! `appeal-response-time`: days from filing to the first answer, or to closing.

use std::borrow::Cow;
use std::collections::BTreeMap;

use reform_model::{Date, Kind};

use super::{Filed, asked};
use crate::answer::{Answer, Builder, Code, Point};
use crate::catalogue::{Definition, Parameter};
use crate::columns::{self, DIMENSIONS, Times};
use crate::counting::{Countable, Frame, Subject, weight};
use crate::durations::{self, Counted, Duration, classes, describe};
use crate::evidence::{Part, Reason};
use crate::query::{Origin, Query, QueryError};
use crate::span::Granularity;
use crate::view::View;

const MEASURE: &str = "measure";
const ANSWERED: &str = "ANSWERED";
const CLOSED: &str = "CLOSED";

/// What it is.
pub const DEFINITION: Definition = Definition {
    id: "appeal-response-time",
    title: "Response time of appeals",
    definition: "Calendar days from filing to the first answer, or to closing, of the appeals filed in the period: the \
                 median; the mean, the 90th percentile and the classes 0–2, 3–5, 6–10, 11–20, 21–30 and 31+ are \
                 further figures. Appeals that are still open are counted apart (open) and, with those of which the \
                 day is not recorded, as unknown. An appeal answered or closed before it was filed is excluded and \
                 counted (reversed). Days that are not known exactly are left out and marked.",
    formula: "median of (answered_on or closed_on) − filed_on; percentiles interpolate at position (n−1)·p",
    formula_source: durations::SOURCE,
    formula_version: 1,
    unit: "days",
    dimensions: &DIMENSIONS,
    parameters: &[Parameter {
        key: MEASURE,
        description: "Until the first answer, or until closing.",
        values: &[ANSWERED, CLOSED],
        default_value: ANSWERED,
        required: false,
    }],
    kinds: &[Kind::Appeal],
    granularities: Granularity::CALENDAR,
    compute: response_time,
};

/// Which day ends the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Measure {
    Answered,
    Closed,
}

impl Measure {
    fn end(self, times: &Times) -> Option<Date> {
        match self {
            Measure::Answered => times.answered(),
            Measure::Closed => times.closed(),
        }
    }

    /// What it reads of an appeal.
    fn question(self) -> columns::Measure {
        match self {
            Measure::Answered => columns::Measure::Answered,
            Measure::Closed => columns::Measure::Closed,
        }
    }

    /// Nothing on record says that it ended.
    fn is_open(self, times: &Times) -> bool {
        times.closed().is_none() && (self == Measure::Closed || times.answered().is_none())
    }
}

/// An appeal and how long it took.
struct Timed<'a> {
    filed: Filed<'a>,
    taken: Result<Duration, Why>,
}

/// Why an appeal has no length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    /// It is open.
    Open,
    /// It ended, and the day that is asked for is not recorded.
    Unrecorded,
    /// It ended before it was filed.
    Reversed,
    /// Its days are not known exactly.
    Imprecise,
}

impl<'a> Timed<'a> {
    fn new(filed: Filed<'a>, measure: Measure) -> Self {
        let taken = taken(&filed.times, measure);
        Self { filed, taken }
    }
}

fn taken(times: &Times, measure: Measure) -> Result<Duration, Why> {
    if times.is_reversed() {
        return Err(Why::Reversed);
    }
    if let Some(days) = times.days_until(measure.question()) {
        return Ok(Duration { lower: days, upper: Some(days) });
    }
    let Some(end) = measure.end(times) else {
        return Err(if measure.is_open(times) { Why::Open } else { Why::Unrecorded });
    };
    let duration = times.filed().and_then(|filed| Duration::between(filed, end));
    duration.filter(|duration| duration.days().is_some()).ok_or(Why::Imprecise)
}

impl<'a> Countable<'a> for Timed<'a> {
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
        match self.taken {
            Ok(duration) => Ok(Part::of(duration.lower, "days")),
            Err(Why::Open) => Err(Reason::NotReached),
            Err(Why::Unrecorded) => Err(Reason::MissingValue),
            Err(Why::Reversed) => Err(Reason::ClosedBeforeFiled),
            Err(Why::Imprecise) => Err(Reason::ImpreciseDate),
        }
    }
}

fn response_time(view: &View, query: &Query) -> Result<Answer, QueryError> {
    let mut builder = Builder::default();
    let measure = if query.parameter(MEASURE) == Some(CLOSED) { Measure::Closed } else { Measure::Answered };
    if query.wants(Origin::Counted) {
        let frame = Frame { zero: None, subject: "", unit: DEFINITION.unit, granularity: Granularity::Year };
        let filed = asked(view, query, measure.question());
        let timed = filed.into_iter().map(|filed| Timed::new(filed, measure));
        frame.fold(view, query, timed, &measured, &mut builder)?;
    }
    Ok(builder.finish(DEFINITION.id, DEFINITION.formula_version))
}

fn measured(items: &[Timed<'_>], point: &mut Point) {
    let mut lengths: BTreeMap<Duration, i64> = BTreeMap::new();
    for (length, item) in items.iter().filter_map(|item| Some((item.taken.ok()?, item))) {
        *lengths.entry(length).or_default() += item.weight();
    }
    let durations: Vec<Counted> = lengths.into_iter().collect();
    let count = |why: Why| weight(items, |item| item.taken == Err(why));
    let (open, reversed, imprecise) = (count(Why::Open), count(Why::Reversed), count(Why::Imprecise));
    describe(&durations, point);
    point.records = weight(items, |item| item.taken.is_ok());
    point.unknown = open + count(Why::Unrecorded);
    point.excluded += reversed + imprecise;
    for (key, count) in classes(&durations).into_iter().chain([("open", open), ("reversed", reversed)]) {
        point.figure(key, &count.into());
    }
    if imprecise > 0 {
        point.warn(Code::ImpreciseDate, "appeals whose days are not known exactly are left out", imprecise);
    }
    if durations.is_empty() {
        point.warn(Code::Missing, "no appeal of the period has both days", 0);
    }
}
