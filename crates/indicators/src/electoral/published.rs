//! A rate that a record allows to compute, beside the one that it gives as published.

use reform_model::{Date, Period, Quantity, Record};

use crate::answer::{Builder, Code, Labels, Point};
use crate::estimate::{Estimate, Style};
use crate::evidence::{Evidence, Part, Reason};
use crate::number::Number;
use crate::query::{Origin, Query};
use crate::span::lies_within;
use crate::wilson;

/// The figure that is published.
const REPORTED: &str = "reported";
/// The figure of how far the computed rate is above the published one.
const GAP: &str = "gap";

/// The largest difference that is no finding: 0.1 point.
fn gap_max() -> Number {
    Number::scaled(1, 3)
}

/// What a record says about a rate.
#[derive(Debug)]
pub(super) struct Rated<'a> {
    pub(super) record: &'a Record,
    pub(super) on: Date,
    pub(super) labels: Labels,
    pub(super) part: Option<i64>,
    pub(super) whole: Option<i64>,
    /// In percent.
    pub(super) published: Option<&'a Quantity>,
    /// Rival claims that nobody has settled.
    pub(super) disputed: i64,
}

/// Adds the series of an origin: one point for each record that has the rate, or that gives it as published.
pub(super) fn add_rates<'a>(
    query: &Query,
    origin: Origin,
    rated: impl Iterator<Item = Rated<'a>>,
    unit: &str,
    answer: &mut Builder,
) {
    if !query.wants(origin) {
        return;
    }
    let wanted = |rated: &Rated<'_>| query.filter.as_ref().is_none_or(|filter| filter.matches(&rated.labels));
    let all: Vec<Rated<'_>> = rated.filter(wanted).collect();
    for one in all.iter().filter(|one| lies_within(one.period(), query.period)) {
        if let Some(mut point) = one.point_of(origin) {
            query.attach(&one.labels, &mut point, |_| one.evidence(origin, &all));
            answer.push(one.labels.clone(), unit, point);
        }
    }
}

impl Rated<'_> {
    fn period(&self) -> Period {
        Period { start: Some(self.on), end: Some(self.on) }
    }

    fn point_of(&self, origin: Origin) -> Option<Point> {
        match origin {
            Origin::Counted => self.counted(),
            Origin::Reported => self.reported(),
        }
    }

    fn counted(&self) -> Option<Point> {
        let mut point = self.point();
        rate(&mut point, self.part?, self.whole?)?;
        beside(&mut point, self.published);
        Some(point)
    }

    fn reported(&self) -> Option<Point> {
        let mut point = self.point();
        point.estimate = Some(as_share(self.published?));
        // Whoever looks at the published series alone must learn of a gap as well.
        if let Some(computed) = self.counted() {
            point.caveats = computed.caveats;
        }
        Some(point)
    }

    fn point(&self) -> Point {
        let mut point = Point::new(self.period(), None);
        point.label.clone_from(&self.record.title);
        point.records = 1;
        point.set_sources(self.record.sources());
        if self.disputed > 0 {
            point.warn(Code::Conflict, "rival claims about the figures are not settled", self.disputed);
        }
        point
    }

    /// The two numbers of the record, and the others of its series.
    fn evidence(&self, origin: Origin, all: &[Self]) -> Evidence {
        let mut evidence = Evidence::default();
        let part = match (origin, self.part, self.whole) {
            (Origin::Counted, Some(part), Some(whole)) => Part::noted(format!("{part} of {whole}")),
            (Origin::Counted | Origin::Reported, _, _) => Part {
                number: self.published.and_then(|published| as_share(published).value),
                note: "as published".to_owned(),
            },
        };
        evidence.add(self.record, part);
        for other in
            all.iter().filter(|other| other.labels == self.labels && other.record.name != self.record.name)
        {
            let known = other.point_of(origin).is_some();
            let reason = if known { Reason::OutsidePeriod } else { Reason::MissingValue };
            evidence.exclude(other.record, reason);
        }
        evidence
    }
}

/// Sets the rate of a point; none of nothing.
fn rate(point: &mut Point, part: i64, whole: i64) -> Option<()> {
    if whole <= 0 {
        return None;
    }
    let rate = wilson::rate_of(&Estimate::exact(part), &Estimate::exact(whole))?;
    point.estimate = Some(rate);
    (point.numerator, point.denominator) = (Some(part), Some(whole));
    if part > whole {
        point.warn(Code::Conflict, "the part is larger than the whole", 1);
    }
    Some(())
}

/// A published percentage as a fraction of 1.
fn as_share(published: &Quantity) -> Estimate {
    Estimate::from(published).scale(&Number::scaled(1, 2)).with_style(Style::Percent)
}

/// Sets the published rate beside the computed one; more than 0.1 point between them is a finding.
fn beside(point: &mut Point, published: Option<&Quantity>) {
    let Some(published) = published.map(as_share) else { return };
    let Some(computed) = point.estimate.as_ref().and_then(|estimate| estimate.value.clone()) else { return };
    let Some(gap) = gap(&computed, &published) else { return };
    if let Some(value) = &published.value {
        point.figure(REPORTED, value);
    }
    point.figure(GAP, &gap);
    if gap.abs() > gap_max() {
        point.warn(Code::Conflict, "the published figure is more than 0.1 point from the computed one", 1);
    }
}

/// How far a number is from a published one, or from the bounds that were published.
fn gap(computed: &Number, published: &Estimate) -> Option<Number> {
    match (&published.lower, &published.upper) {
        (Some(lower), _) if *computed < lower.number => Some(computed - &lower.number),
        (_, Some(upper)) if *computed > upper.number => Some(computed - &upper.number),
        (None, None) => published.value.as_ref().map(|value| computed - value),
        (_, _) => Some(Number::zero()),
    }
}
