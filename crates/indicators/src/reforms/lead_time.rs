//! `reform-lead-time`: days from one stage of a reform to another.

use std::borrow::Cow;

use reform_model::date::Digits;
use reform_model::reform::{Reform, Stage};
use reform_model::vocabulary::StageKind;
use reform_model::{Date, Kind, Period, Record};

use super::{dimension, first_reached};
use crate::answer::{Answer, Builder, Code, Point};
use crate::catalogue::{Definition, Parameter};
use crate::counting::{Countable, Frame, Subject, key, labels};
use crate::durations::{self, Duration, describe};
use crate::evidence::{Evidence, Part, Reason};
use crate::query::{Origin, Query, QueryError};
use crate::span::{Granularity, lies_within};
use crate::view::View;

const FROM: &str = "from";
const TO: &str = "to";
const STAGES: &[&str] = &["ANNOUNCED", "PASSED_CHAMBER", "ADOPTED", "IN_FORCE", "FIRST_APPLIED"];

/// What it is.
pub const DEFINITION: Definition = Definition {
    id: "reform-lead-time",
    title: "Lead time of reforms",
    definition: "Days between the first time that a reform reached one stage and the first time that it reached \
                 another, of the reforms that reached the second one in the period: the median; the mean and the 90th \
                 percentile are further figures. Days that are known as intervals give bounds. Planned stages never \
                 count; a reform of which the first stage is not recorded, or not dated, is unknown; one that reached \
                 the second stage on an unknown day, or before the first, is excluded and counted. The granularity \
                 EVENT has one point for each reform, so that days too coarse for a period give bounds too.",
    formula: "median of the days between the stages; percentiles interpolate at position (n−1)·p",
    formula_source: durations::SOURCE,
    formula_version: 1,
    unit: "days",
    dimensions: &["area", "package", "act"],
    parameters: &[
        Parameter {
            key: FROM,
            description: "The stage from which the days are counted.",
            values: STAGES,
            default_value: "ANNOUNCED",
            required: false,
        },
        Parameter {
            key: TO,
            description: "The stage to which the days are counted.",
            values: STAGES,
            default_value: "ADOPTED",
            required: false,
        },
    ],
    kinds: &[Kind::Reform],
    granularities: &[
        Granularity::Year,
        Granularity::HalfYear,
        Granularity::Quarter,
        Granularity::Month,
        Granularity::Event,
    ],
    compute: lead_time,
};

/// A reform, by the day on which it reached the second stage.
struct Led<'a> {
    record: &'a Record,
    reform: &'a Reform,
    from: Option<&'a Stage>,
    to: Option<&'a Stage>,
    /// Only foreseen.
    planned: bool,
}

impl Led<'_> {
    fn taken(&self) -> Result<Duration, Reason> {
        let to = self.to.and_then(|stage| stage.date).ok_or(Reason::Undated)?;
        let from = self.from.and_then(|stage| stage.date).ok_or(Reason::MissingValue)?;
        Duration::between(from, to).ok_or(Reason::ClosedBeforeFiled)
    }
}

impl<'a> Countable<'a> for Led<'a> {
    fn subject(&self) -> Subject<'a> {
        Subject::Record(self.record)
    }

    fn date(&self) -> Option<Date> {
        self.to?.date
    }

    fn dimension(&self, name: &str) -> Option<Cow<'a, str>> {
        dimension(self.reform, name)
    }

    fn exclusion(&self) -> Option<Reason> {
        let reason = if self.planned { Reason::Planned } else { Reason::NotReached };
        self.to.is_none().then_some(reason)
    }

    fn part(&self) -> Result<Part, Reason> {
        let duration = self.taken()?;
        match (duration.days(), duration.upper) {
            (Some(days), _) => Ok(Part::of(days, "days")),
            (None, Some(upper)) => Ok(Part::noted(format!("{}–{upper} days", duration.lower))),
            (None, None) => Ok(Part::noted(format!("at least {} days", duration.lower))),
        }
    }
}

fn lead_time(view: &View, query: &Query) -> Result<Answer, QueryError> {
    let mut builder = Builder::default();
    let stage = |key: &str, default: StageKind| {
        let wanted = query.parameter(key).unwrap_or(default.as_str());
        StageKind::ALL.iter().copied().find(|kind| kind.as_str() == wanted).unwrap_or(default)
    };
    let (from, to) = (stage(FROM, StageKind::Announced), stage(TO, StageKind::Adopted));
    if from == to {
        return Err(QueryError::field(format!("parameters.{TO}"), "must be another stage than from"));
    }
    if query.wants(Origin::Counted) {
        let frame = Frame { zero: None, subject: "", unit: DEFINITION.unit, granularity: Granularity::Year };
        let led = view.reforms().map(|(record, reform)| Led {
            record,
            reform,
            from: first_reached(reform, from),
            to: first_reached(reform, to),
            planned: reform.stages.iter().any(|stage| stage.kind == to && stage.is_planned()),
        });
        if query.granularity == Some(Granularity::Event) {
            led.for_each(|led| push_one(query, &led, &mut builder));
        } else {
            frame.fold(view, query, led, &measured, &mut builder)?;
        }
    }
    Ok(builder.finish(DEFINITION.id, DEFINITION.formula_version))
}

/// The point of one reform.
fn push_one(query: &Query, led: &Led<'_>, builder: &mut Builder) {
    let (Some(on), Some(key)) = (led.date(), key(query, led)) else { return };
    let period = Period { start: on.digits().and_then(end), end: on.latest().or(on.digits()).and_then(end) };
    if !lies_within(period, query.period) {
        return;
    }
    let labels = labels(query, &key);
    let mut point = Point::new(period, None);
    measured(std::slice::from_ref(led), &mut point);
    point.label.clone_from(&led.record.title);
    point.set_sources(led.record.sources());
    query.attach(&labels, &mut point, |_| {
        let mut evidence = Evidence::default();
        match led.part() {
            Ok(part) => evidence.add(led.record, part),
            Err(reason) => evidence.exclude(led.record, reason),
        }
        evidence
    });
    builder.push(labels, DEFINITION.unit, point);
}

/// One end of the span in which a date lies.
fn end(digits: Digits) -> Option<Date> {
    Date::new(Some(digits), None).ok()
}

fn measured(items: &[Led<'_>], point: &mut Point) {
    let mut durations = Vec::new();
    for item in items {
        match item.taken() {
            Ok(duration) => durations.push((duration, 1)),
            Err(Reason::ClosedBeforeFiled) => point.excluded += 1,
            Err(_) => point.unknown += 1,
        }
    }
    describe(&durations, point);
    point.records = i64::try_from(durations.len()).unwrap_or(i64::MAX);
    let bounded = durations.iter().filter(|(duration, _)| duration.days().is_none()).count();
    if bounded > 0 {
        let count = i64::try_from(bounded).unwrap_or(i64::MAX);
        point.warn(Code::ImpreciseDate, "stages whose day is not known give bounds", count);
    }
    if durations.is_empty() {
        point.warn(Code::Missing, "no reform of the period has both stages dated", 0);
    }
}
