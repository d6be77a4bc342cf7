//! Counting records by period: the frame of every COUNTED series of events.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use reform_model::{Date, Kind, Name, Period, Record};

use crate::answer::{Builder, Code, JURISDICTION, Labels, ORIGIN, Point};
use crate::coverage::{Register, registers};
use crate::estimate::{Estimate, Style};
use crate::evidence::{Evidence, Part, Reason};
use crate::query::{Explained, Origin, Query, QueryError};
use crate::span::{Bucket, Extent, Granularity, POINTS_MAX};
use crate::view::View;

/// A record that may count, and what the frame asks of it.
pub trait Countable<'a> {
    /// The record.
    fn record(&self) -> &'a Record;
    /// When it happened; none is unknown.
    fn date(&self) -> Option<Date>;
    /// The value of a dimension; none where it has no value.
    fn dimension(&self, name: &str) -> Option<Cow<'a, str>>;
    /// Why it counts in no period at all; such a record is only ever listed among those left out.
    fn exclusion(&self) -> Option<Reason> {
        None
    }
    /// What it brings to the point that it counts in, or why it brings nothing although it belongs to the period.
    fn part(&self) -> Result<Part, Reason> {
        Ok(Part::one())
    }
}

/// What counts, and what a point is made of.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    /// The kind whose registers make an empty period zero; none where an empty period has no figure.
    pub zero: Option<Kind>,
    /// The dimension that a register's subject is a value of; empty when there is none.
    pub subject: &'static str,
    /// The unit of the counts.
    pub unit: &'static str,
    /// The indicator's own granularity.
    pub granularity: Granularity,
}

/// Records of one point.
struct Group<'a, T> {
    items: Vec<T>,
    sources: BTreeSet<&'a Name>,
}

/// One series while it is counted.
struct Tally<'a, T> {
    buckets: BTreeMap<Bucket, Group<'a, T>>,
    coarse: Vec<Date>,
    undated: i64,
    extent: Extent,
    trail: Option<Trail>,
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
struct Trail {
    period: Period,
    /// Whether a record counts once, however many items it has.
    once: bool,
    evidence: Evidence,
}

impl Trail {
    fn note<'a>(&mut self, item: &impl Countable<'a>, place: Place) {
        let record = item.record();
        let reason = match place {
            Place::In(bucket) if bucket.period() == self.period => match item.part() {
                Ok(part) if self.once => return self.evidence.add_once(record, part),
                Ok(part) => return self.evidence.add(record, part),
                Err(reason) => reason,
            },
            Place::Coarse(date) if overlaps(date, Some(self.period)) => Reason::ImpreciseDate,
            Place::In(_) | Place::Coarse(_) | Place::Outside => Reason::OutsidePeriod,
            Place::Undated => Reason::Undated,
        };
        self.evidence.exclude(record, reason);
    }
}

/// The jurisdiction, then the values of the dimensions asked for.
pub(crate) type Key<'a> = Vec<Cow<'a, str>>;

/// Makes the figure of a point from its records.
type Figure<'f, T> = &'f dyn Fn(&[T], &mut Point);

impl Frame {
    /// Counts records into the builder: one point for each period with records, and zeros where a register says so.
    pub fn count<'a, T: Countable<'a>>(
        self,
        view: &'a View,
        query: &'a Query,
        items: impl Iterator<Item = T>,
        builder: &mut Builder,
    ) -> Result<(), QueryError> {
        let figure = |items: &[T], point: &mut Point| {
            // Items come by name, so two of one record stand side by side.
            let again = |pair: &[T]| matches!(pair, [a, b] if a.record().name == b.record().name);
            let repeats = items.windows(2).filter(|pair| again(pair)).count();
            let count = i64::try_from(items.len() - repeats).unwrap_or(i64::MAX);
            point.estimate = Some(Estimate::exact(count).with_style(Style::Count));
            point.records = count;
        };
        self.run(view, query, items, (&figure, true), builder)
    }

    /// As [`Frame::count`], with a figure of one's own for the records of a point.
    pub fn fold<'a, T: Countable<'a>>(
        self,
        view: &'a View,
        query: &'a Query,
        items: impl Iterator<Item = T>,
        figure: &dyn Fn(&[T], &mut Point),
        builder: &mut Builder,
    ) -> Result<(), QueryError> {
        self.run(view, query, items, (figure, false), builder)
    }

    fn run<'a, T: Countable<'a>>(
        self,
        view: &'a View,
        query: &'a Query,
        items: impl Iterator<Item = T>,
        (figure, once): (Figure<'_, T>, bool),
        builder: &mut Builder,
    ) -> Result<(), QueryError> {
        let granularity = query.granularity.unwrap_or(self.granularity);
        let mut tallies: BTreeMap<Key<'a>, Tally<'a, T>> = BTreeMap::new();
        if let Some((key, period)) = explained(query) {
            let trail = Some(Trail { period, once, evidence: Evidence::default() });
            tallies.insert(key, Tally { trail, ..Tally::default() });
        }
        for item in items {
            let Some(key) = key(query, &item) else { continue };
            if let Some(reason) = item.exclusion() {
                if let Some(trail) = tallies.get_mut(&key).and_then(|tally| tally.trail.as_mut()) {
                    trail.evidence.exclude(item.record(), reason);
                }
                continue;
            }
            tallies.entry(key).or_default().take(item, granularity, query.period);
        }
        self.fill_with_zeros(view, query, granularity, &mut tallies)?;
        for (key, tally) in tallies {
            let labels = labels(query, &key);
            for point in tally.points(query.period, figure) {
                builder.push(labels.clone(), self.unit, point);
            }
        }
        Ok(())
    }

    fn fill_with_zeros<'a, T>(
        self,
        view: &'a View,
        query: &'a Query,
        granularity: Granularity,
        tallies: &mut BTreeMap<Key<'a>, Tally<'a, T>>,
    ) -> Result<(), QueryError> {
        for register in self.zero.into_iter().flat_map(|kind| registers(view, kind)) {
            if let Some(key) = self.own_series(query, &register) {
                tallies.entry(key).or_default();
            }
            for (key, tally) in tallies.iter_mut() {
                let Some((jurisdiction, values)) = key.split_first() else { continue };
                let place = query.group_by.iter().position(|name| name == self.subject);
                let grouped = place.and_then(|place| values.get(place)).map(AsRef::as_ref);
                let subject = grouped.or_else(|| self.filtered(query));
                if register.speaks_of(jurisdiction, subject) {
                    tally.fill(&register, granularity, query.period)?;
                }
            }
        }
        Ok(())
    }

    /// The subject that the filter picks out.
    fn filtered(self, query: &Query) -> Option<&str> {
        query.filter.as_ref()?.required(self.subject)
    }

    /// The series that a register makes complete even where no record is in it at all.
    fn own_series<'a>(self, query: &Query, register: &Register<'a>) -> Option<Key<'a>> {
        // A source without a country does not say whose register it is.
        if register.jurisdiction.is_empty() || !query.wants_jurisdiction(register.jurisdiction) {
            return None;
        }
        let jurisdiction = Cow::from(register.jurisdiction);
        let filtered = self.filtered(query);
        match (query.group_by.as_slice(), register.subject) {
            ([], None) => Some(vec![jurisdiction]),
            ([], Some(subject)) if filtered == Some(subject.as_str()) => Some(vec![jurisdiction]),
            ([dimension], Some(subject))
                if dimension == self.subject
                    && (query.filter.is_none() || filtered == Some(subject.as_str())) =>
            {
                Some(vec![jurisdiction, Cow::from(subject.as_str())])
            }
            ([] | [_, ..], Some(_) | None) => None,
        }
    }
}

impl<'a, T: Countable<'a>> Tally<'a, T> {
    fn take(&mut self, item: T, granularity: Granularity, period: Option<Period>) {
        let date = item.date();
        let place = date.map_or(Place::Undated, |date| Place::of(date, granularity, period));
        date.into_iter().for_each(|date| self.extent.add(date));
        if let Some(trail) = &mut self.trail {
            trail.note(&item, place);
        }
        match place {
            Place::In(bucket) => {
                let group = self.buckets.entry(bucket).or_insert_with(Group::new);
                group.sources.extend(item.record().citations.iter().map(|citation| &citation.source));
                group.items.push(item);
            }
            Place::Coarse(date) => self.coarse.push(date),
            Place::Outside => {}
            Place::Undated => self.undated += 1,
        }
    }

    fn points(self, period: Option<Period>, figure: &dyn Fn(&[T], &mut Point)) -> Vec<Point> {
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
            for (date, placed) in coarse.iter().zip(&mut placed) {
                if bucket.may_contain(*date) {
                    *placed = true;
                    point.warn(Code::ImpreciseDate, TOO_COARSE, 1);
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
fn without_figure(dates: impl Iterator<Item = Date>, undated: i64) -> Vec<Point> {
    let mut found: BTreeMap<_, Point> = BTreeMap::new();
    for date in dates {
        let period = window(date);
        let point = found.entry((period.first(), period.last())).or_insert_with(|| {
            let mut point = Point::new(period, None);
            point.excluded = undated;
            point
        });
        point.warn(Code::ImpreciseDate, TOO_COARSE, 1);
    }
    found.into_values().collect()
}

/// The span in which a date lies.
fn window(date: Date) -> Period {
    let end = |digits| Date::new(Some(digits), None).ok();
    Period { start: date.digits().and_then(end), end: date.latest().or(date.digits()).and_then(end) }
}

impl<'a, T> Tally<'a, T> {
    fn fill(
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

/// The series that an item belongs to; none when the query does not ask for it.
pub(crate) fn key<'a>(query: &Query, item: &impl Countable<'a>) -> Option<Key<'a>> {
    let jurisdiction = item.record().jurisdiction.as_str();
    if !query.wants_jurisdiction(jurisdiction) {
        return None;
    }
    if let Some(filter) = &query.filter
        && !filter.matches_by(&|name| item.dimension(name))
    {
        return None;
    }
    let values = query.group_by.iter().map(|name| item.dimension(name).unwrap_or_default());
    Some(std::iter::once(Cow::from(jurisdiction)).chain(values).collect())
}

/// The key of the series whose point is explained, and the period of the point; none when it is no counted one.
fn explained(query: &Query) -> Option<(Key<'_>, Period)> {
    let Explained { labels: wanted, period } = query.explain.as_ref()?;
    let names = std::iter::once(JURISDICTION).chain(query.group_by.iter().map(String::as_str));
    let key: Option<Key<'_>> = names.map(|name| Some(Cow::from(wanted.get(name)?.as_str()))).collect();
    let key = key.filter(|key| labels(query, key) == *wanted)?;
    Some((key, *period))
}

pub(crate) fn labels(query: &Query, key: &Key<'_>) -> Labels {
    let names = std::iter::once(JURISDICTION).chain(query.group_by.iter().map(String::as_str));
    let mut labels: Labels =
        names.zip(key).map(|(name, value)| (name.to_owned(), value.clone().into_owned())).collect();
    labels.insert(ORIGIN.to_owned(), Origin::Counted.as_str().to_owned());
    labels
}
