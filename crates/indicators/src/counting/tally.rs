//! One series while it is counted: its records by period, those too coarse for one, and how each came to count.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
use reform_model::{Date, Name, Period};

use super::{Countable, Key, key};
use crate::answer::{Code, Point};
use crate::columns::Class;
use crate::coverage::Register;
use crate::evidence::{Evidence, Reason};
use crate::query::{Query, QueryError};
use crate::span::{Bucket, Extent, Granularity, POINTS_MAX};

/// Records of one point.
struct Group<'a, T> {
    items: Vec<T>,
    sources: BTreeSet<&'a Name>,
}

/// One series while it is counted.
pub(super) struct Tally<'a, T> {
    buckets: BTreeMap<Bucket, Group<'a, T>>,
    coarse: Vec<(Date, i64)>,
    undated: i64,
    extent: Extent,
    pub(super) trail: Option<Trail>,
}

impl<T> Default for Tally<'_, T> {
    fn default() -> Self {
        let (buckets, extent) = (BTreeMap::new(), Extent::default());
        Self { buckets, coarse: Vec::new(), undated: 0, extent, trail: None }
    }
}

/// Where a record belongs.
#[derive(Debug, Clone, Copy)]
enum Place {
    In(Bucket),
    /// In one of several periods.
    Coarse(Date),
    Outside,
    Undated,
}

/// Notes every record of the series whose point is explained.
pub(super) struct Trail {
    pub(super) period: Period,
    /// Whether a record counts once, however many items it has.
    pub(super) once: bool,
    pub(super) evidence: Evidence,
}

impl Trail {
    fn note<'a>(&mut self, item: &impl Countable<'a>, place: Place) {
        let Some(name) = item.subject().name() else { return };
        let reason = match place {
            Place::In(bucket) if bucket.period() == self.period => match item.part() {
                Ok(part) if self.once => return self.evidence.add_once(name, part),
                Ok(part) => return self.evidence.add(name, part),
                Err(reason) => reason,
            },
            Place::Coarse(date) if overlaps(date, Some(self.period)) => Reason::ImpreciseDate,
            Place::In(_) | Place::Coarse(_) | Place::Outside => Reason::OutsidePeriod,
            Place::Undated => Reason::Undated,
        };
        self.evidence.exclude(name, reason);
    }
}

/// The series while they are counted.
pub(super) struct Tallies<'a, T> {
    all: Vec<Tally<'a, T>>,
    by_key: BTreeMap<Key<'a>, usize>,
    /// Those of the classes that came already; none where the query does not ask for them.
    by_class: HashMap<Class, Option<usize>>,
}

impl<T> Default for Tallies<'_, T> {
    fn default() -> Self {
        Self { all: Vec::new(), by_key: BTreeMap::new(), by_class: HashMap::new() }
    }
}

impl<'a, T: Countable<'a>> Tallies<'a, T> {
    pub(super) fn of(&mut self, key: Key<'a>) -> &mut Tally<'a, T> {
        let place = self.place(key);
        &mut self.all[place]
    }

    fn place(&mut self, key: Key<'a>) -> usize {
        let Self { all, by_key, by_class: _ } = self;
        *by_key.entry(key).or_insert_with(|| {
            all.push(Tally::default());
            all.len() - 1
        })
    }

    pub(super) fn take(&mut self, query: &Query, item: T, places: &mut Places) {
        let class = item.subject().class();
        let known = class.and_then(|class| self.by_class.get(&class).copied());
        let place = known.unwrap_or_else(|| key(query, &item).map(|key| self.place(key)));
        if let (None, Some(class)) = (known, class) {
            self.by_class.insert(class, place);
        }
        if let Some(tally) = place.and_then(|place| self.all.get_mut(place)) {
            tally.take(item, places);
        }
    }

    /// Notes why an item counts nowhere, if its series is the one that is explained.
    pub(super) fn leave_out(&mut self, query: &Query, item: &T, reason: Reason) {
        let place = key(query, item).and_then(|key| self.by_key.get(&key).copied());
        let tally = place.and_then(|place| self.all.get_mut(place));
        let trail = tally.and_then(|tally| tally.trail.as_mut());
        if let Some((trail, name)) = trail.zip(item.subject().name()) {
            trail.evidence.exclude(name, reason);
        }
    }

    pub(super) fn by_key(mut self) -> BTreeMap<Key<'a>, Tally<'a, T>> {
        let places = self.by_key.into_iter();
        places.map(|(key, place)| (key, std::mem::take(&mut self.all[place]))).collect()
    }
}

/// Where dates belong; many items share theirs.
pub(super) struct Places {
    granularity: Granularity,
    period: Option<Period>,
    known: HashMap<Date, (Place, Extent)>,
}

impl Places {
    pub(super) fn new(granularity: Granularity, period: Option<Period>) -> Self {
        Self { granularity, period, known: HashMap::new() }
    }

    fn of(&mut self, date: Option<Date>) -> (Place, Extent) {
        let Some(date) = date else { return (Place::Undated, Extent::default()) };
        *self.known.entry(date).or_insert_with(|| {
            let mut extent = Extent::default();
            extent.add(date);
            (Place::of(date, self.granularity, self.period), extent)
        })
    }
}

impl<'a, T: Countable<'a>> Tally<'a, T> {
    fn take(&mut self, item: T, places: &mut Places) {
        let (place, extent) = places.of(item.date());
        self.extent.merge(extent);
        if let Some(trail) = &mut self.trail {
            trail.note(&item, place);
        }
        match place {
            Place::In(bucket) => {
                let group = self.buckets.entry(bucket).or_insert_with(Group::new);
                item.subject().add_sources_to(&mut group.sources);
                group.items.push(item);
            }
            Place::Coarse(date) => self.coarse.push((date, item.weight())),
            Place::Outside => {}
            Place::Undated => self.undated += item.weight(),
        }
    }

    pub(super) fn points(self, period: Option<Period>, figure: &dyn Fn(&[T], &mut Point)) -> Vec<Point> {
        let Self { buckets, coarse, undated, extent: _, trail } = self;
        let mut placed = vec![false; coarse.len()];
        let mut points = Vec::new();
        for (bucket, group) in buckets {
            let mut point = Point::new(bucket.period(), None);
            figure(&group.items, &mut point);
            point.set_sources(group.sources);
            point.excluded += undated;
            if bucket.is_cut() {
                point.warn(Code::PartialPeriod, "only a part of the period was asked for", 0);
            }
            for ((date, count), placed) in coarse.iter().zip(&mut placed) {
                if bucket.may_contain(*date) {
                    *placed = true;
                    point.warn(Code::ImpreciseDate, TOO_COARSE, *count);
                }
            }
            points.push(point);
        }
        let lost = coarse.into_iter().zip(placed).filter_map(|(date, placed)| (!placed).then_some(date));
        points.extend(without_figure(lost, undated));
        if points.is_empty() && undated > 0 {
            let mut point = Point::new(period.unwrap_or_default(), None);
            point.excluded = undated;
            points.push(point);
        }
        if let Some(Trail { period, once: _, evidence }) = trail
            && let Some(point) = points.iter_mut().find(|point| point.period == period)
        {
            point.evidence = Some(Box::new(evidence));
        }
        points
    }
}

impl Place {
    fn of(date: Date, granularity: Granularity, period: Option<Period>) -> Self {
        match Bucket::of(granularity, date).map(|whole| whole.within(period)) {
            Some(Some(bucket)) if bucket.contains(date) => Place::In(bucket),
            Some(Some(bucket)) if bucket.may_contain(date) => Place::Coarse(date),
            Some(_) => Place::Outside,
            None if overlaps(date, period) => Place::Coarse(date),
            None => Place::Outside,
        }
    }
}

const TOO_COARSE: &str = "records whose date is too coarse for the period are not counted";

/// Dates too coarse for any period with a figure: a point without one, so that they are not lost.
fn without_figure(dates: impl Iterator<Item = (Date, i64)>, undated: i64) -> Vec<Point> {
    let mut found: BTreeMap<_, Point> = BTreeMap::new();
    for (date, count) in dates {
        let period = window(date);
        let point = found.entry((period.first(), period.last())).or_insert_with(|| {
            let mut point = Point::new(period, None);
            point.excluded = undated;
            point
        });
        point.warn(Code::ImpreciseDate, TOO_COARSE, count);
    }
    found.into_values().collect()
}

/// The span in which a date lies.
fn window(date: Date) -> Period {
    let end = |digits| Date::new(Some(digits), None).ok();
    Period { start: date.digits().and_then(end), end: date.latest().or(date.digits()).and_then(end) }
}

impl<'a, T> Tally<'a, T> {
    pub(super) fn fill(
        &mut self,
        register: &Register<'a>,
        granularity: Granularity,
        period: Option<Period>,
    ) -> Result<(), QueryError> {
        let mut extent = self.extent;
        register.extend(&mut extent);
        let Some((first, last)) = extent.answered(period) else { return Ok(()) };
        let buckets = Bucket::series(granularity, first, last);
        if buckets.len() > POINTS_MAX {
            return Err(QueryError::field("granularity", format!("more than {POINTS_MAX} periods")));
        }
        for whole in buckets {
            let Some(bucket) = whole.within(period).filter(|bucket| register.covers(*bucket)) else {
                continue;
            };
            let group = self.buckets.entry(bucket).or_insert_with(Group::new);
            if group.items.is_empty() {
                group.sources.insert(register.source);
            }
        }
        Ok(())
    }
}

impl<T> Group<'_, T> {
    fn new() -> Self {
        Self { items: Vec::new(), sources: BTreeSet::new() }
    }
}

fn overlaps(date: Date, period: Option<Period>) -> bool {
    period.is_none_or(|period| period.first() <= date.last() && date.first() <= period.last())
}
