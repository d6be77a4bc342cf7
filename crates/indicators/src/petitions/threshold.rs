//! `petition-days-to-threshold`: days from publication to the signatures that a petition needs.

use std::cmp::Ordering;

use reform_model::vocabulary::PetitionStageKind;
use reform_model::{Date, Kind, Period};

use super::{DIMENSIONS, Launched};
use crate::answer::{Answer, Builder, Code, Point};
use crate::catalogue::Definition;
use crate::counting::{Countable, key, labels};
use crate::durations::Duration;
use crate::evidence::{self, Evidence, Reason};
use crate::query::{Origin, Query, QueryError};
use crate::span::{Granularity, lies_within};
use crate::view::View;

/// What it is.
pub const DEFINITION: Definition = Definition {
    id: "petition-days-to-threshold",
    title: "Days to the threshold of a petition",
    definition: "Calendar days from publication to the day on which a petition had the signatures that it needs, one \
                 point for each petition that reached them, at the day of publication. Where that day is not known, \
                 the last count below the threshold and the first one that is not bound it. A petition without a day \
                 of publication has no figure; one that has not reached the threshold has no point.",
    formula: "threshold reached − published",
    formula_source: "",
    formula_version: 1,
    unit: "days",
    dimensions: DIMENSIONS,
    parameters: &[],
    kinds: &[Kind::Petition],
    granularities: Granularity::EVENTS,
    compute: days_to_threshold,
};

fn days_to_threshold(view: &View, query: &Query) -> Result<Answer, QueryError> {
    let mut builder = Builder::default();
    if !query.wants(Origin::Counted) {
        return Ok(builder.finish(DEFINITION.id, DEFINITION.formula_version));
    }
    for (record, petition) in view.petitions() {
        let launched = Launched { record, petition };
        let Some(key) = key(query, &launched).filter(|_| launched.has_reached()) else { continue };
        let published = launched.stage_date(PetitionStageKind::Published);
        let on = published.or(launched.date());
        let period = Period { start: on, end: on };
        if query.period.is_some() && (on.is_none() || !lies_within(period, query.period)) {
            continue;
        }
        let labels = labels(query, &key);
        let mut point = point(launched, published, period);
        query.attach(&labels, &mut point, |point| {
            let mut found = Evidence::default();
            match &point.estimate {
                Some(days) => found.add(record, evidence::figure(days, Some(days))),
                None => found.exclude(record, Reason::Undated),
            }
            found
        });
        builder.push(labels, DEFINITION.unit, point);
    }
    Ok(builder.finish(DEFINITION.id, DEFINITION.formula_version))
}

fn point(launched: Launched<'_>, published: Option<Date>, period: Period) -> Point {
    let mut point = Point::new(period, None);
    point.label.clone_from(&launched.record.title);
    point.set_sources(launched.record.sources());
    let Some(published) = published else {
        point.warn(Code::Undated, "the day of publication is not recorded", 1);
        return point;
    };
    match days(launched, published) {
        None => point.warn(Code::Conflict, "the recorded dates contradict each other", 1),
        Some(duration) => {
            point.records = 1;
            if duration.days().is_none() {
                point.warn(Code::ImpreciseDate, "the day on which the threshold was reached is not known", 0);
            }
            point.estimate = Some(duration.estimate());
        }
    }
    point
}

/// The days between, as far as the stage and the counts around it tell; none when they contradict each other.
fn days(launched: Launched<'_>, published: Date) -> Option<Duration> {
    let mut bounds = match launched.stage_date(PetitionStageKind::ThresholdReached) {
        Some(reached) => Duration::between(published, reached)?,
        None => Duration { lower: 0, upper: None },
    };
    if bounds.days().is_some() {
        return Some(bounds);
    }
    for (on, against) in launched.counts() {
        let (Some(on), Some(against)) = (on, against) else { continue };
        match (against, Duration::between(published, on)) {
            // The count may be of the morning, so the threshold may have been reached on the same day.
            (Ordering::Less, Some(counted)) => bounds.lower = bounds.lower.max(counted.lower),
            (Ordering::Less, None) => {}
            (Ordering::Equal | Ordering::Greater, counted) => {
                bounds.upper = [bounds.upper, counted?.upper].into_iter().flatten().min();
            }
        }
    }
    bounds.upper.is_none_or(|upper| bounds.lower <= upper).then_some(bounds)
}
