//! `appeal-backlog`: appeals that are open at the end of each period.

use std::collections::{BTreeMap, BTreeSet};

use reform_model::{Day, Kind, Name};

use super::{Filed, asked, extents};
use crate::answer::{Answer, Builder, Code, Point};
use crate::catalogue::Definition;
use crate::columns::{DIMENSIONS, Measure};
use crate::counting::{Countable, Key, key, labels};
use crate::estimate::{Estimate, Style};
use crate::evidence::{Evidence, Part, Reason};
use crate::query::{Origin, Query, QueryError};
use crate::span::{Bucket, Granularity, POINTS_MAX};
use crate::view::View;

/// What it is.
pub const DEFINITION: Definition = Definition {
    id: "appeal-backlog",
    title: "Open appeals",
    definition: "Appeals filed on or before the last day of each period and not closed on or before it. An appeal of \
                 which it is not certain whether it was open on that day is not counted but marked; one without a \
                 day of filing, or answered or closed before it was filed, is excluded and counted. Before the first \
                 appeal there is no point.",
    formula: "number of appeals with filed_on ≤ day < closed_on",
    formula_source: "",
    formula_version: 1,
    unit: "appeals",
    dimensions: &DIMENSIONS,
    parameters: &[],
    kinds: &[Kind::Appeal],
    granularities: Granularity::CALENDAR,
    compute: backlog,
};

fn backlog(view: &View, query: &Query) -> Result<Answer, QueryError> {
    let mut builder = Builder::default();
    if !query.wants(Origin::Counted) {
        return Ok(builder.finish(DEFINITION.id, DEFINITION.formula_version));
    }
    let extents = extents(view);
    let mut groups: BTreeMap<Key<'_>, Vec<Filed<'_>>> = BTreeMap::new();
    for item in asked(view, query, Measure::Open) {
        if let Some(key) = key(query, &item) {
            groups.entry(key).or_default().push(item);
        }
    }
    for (key, items) in groups {
        let jurisdiction = key.first().map_or("", AsRef::as_ref);
        let extent = extents.get(jurisdiction).copied().unwrap_or_default();
        let granularity = query.granularity.unwrap_or(Granularity::Year);
        let buckets = Bucket::answered(granularity, extent, query.period)
            .ok_or_else(|| QueryError::field("granularity", format!("more than {POINTS_MAX} periods")))?;
        let labels = labels(query, &key);
        for (bucket, mut point) in points(&buckets, &items) {
            query.attach(&labels, &mut point, |_| evidence(&items, bucket.last));
            builder.push(labels.clone(), DEFINITION.unit, point);
        }
    }
    Ok(builder.finish(DEFINITION.id, DEFINITION.formula_version))
}

/// What is open on one day.
#[derive(Debug, Clone, Default)]
struct Open<'a> {
    certain: i64,
    uncertain: i64,
    sources: BTreeSet<&'a Name>,
}

fn points(buckets: &[Bucket], items: &[Filed<'_>]) -> Vec<(Bucket, Point)> {
    let mut days = vec![Open::default(); buckets.len()];
    let mut excluded = 0;
    let (mut begun, mut known) = (buckets.len(), buckets.len());
    // The first period whose last day is not before the day.
    let from = |day: Day| buckets.partition_point(|bucket| bucket.last < day);
    for item in items {
        let Some(filed) = item.times.filed().filter(|_| !item.times.is_reversed()) else {
            excluded += item.count;
            continue;
        };
        let closed = item.times.closed();
        let may_be_filed = from(filed.first());
        let is_filed = from(filed.last());
        let may_be_closed = closed.map_or(buckets.len(), |closed| from(closed.first()));
        let is_closed = closed.map_or(buckets.len(), |closed| from(closed.last()));
        begun = begun.min(may_be_filed);
        known = known.min(is_filed);
        for (index, day) in days.iter_mut().enumerate().take(is_closed).skip(may_be_filed) {
            if index < is_filed || index >= may_be_closed {
                day.uncertain += item.count;
            } else {
                day.certain += item.count;
                item.subject().add_sources_to(&mut day.sources);
            }
        }
    }
    let open = buckets.iter().zip(days).enumerate().skip(begun);
    let point = |(index, (bucket, open)): (usize, (&Bucket, Open<'_>))| {
        let mut point = open.point(*bucket, excluded);
        // Before the first appeal that certainly is one nothing is certain.
        point.estimate = point.estimate.filter(|_| index >= known);
        (*bucket, point)
    };
    open.map(point).collect()
}

/// Which appeals are open on a day.
fn evidence(items: &[Filed<'_>], day: Day) -> Evidence {
    let mut evidence = Evidence::default();
    for item in items {
        let Some(name) = item.subject().name() else { continue };
        match standing(item, day) {
            Ok(()) => evidence.add(name, Part::one()),
            Err(reason) => evidence.exclude(name, reason),
        }
    }
    evidence
}

/// Whether an appeal certainly is open on a day, or why not; says for one day what [`points`] says for all.
fn standing(item: &Filed<'_>, day: Day) -> Result<(), Reason> {
    let Some(filed) = item.times.filed() else { return Err(Reason::Undated) };
    if item.times.is_reversed() {
        return Err(Reason::ClosedBeforeFiled);
    }
    let closed = item.times.closed();
    if filed.first() > day {
        Err(Reason::OutsidePeriod)
    } else if closed.is_some_and(|closed| closed.last() <= day) {
        Err(Reason::Ended)
    } else if filed.last() > day || closed.is_some_and(|closed| closed.first() <= day) {
        Err(Reason::ImpreciseDate)
    } else {
        Ok(())
    }
}

impl Open<'_> {
    fn point(self, bucket: Bucket, excluded: i64) -> Point {
        let estimate = Estimate::exact(self.certain).with_style(Style::Count);
        let mut point = Point::new(bucket.period(), Some(estimate));
        point.records = self.certain;
        point.excluded = excluded;
        point.set_sources(self.sources);
        if self.uncertain > 0 {
            let message = "appeals of which it is not certain whether they were open are not counted";
            point.warn(Code::ImpreciseDate, message, self.uncertain);
        }
        point
    }
}
