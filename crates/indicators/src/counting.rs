//! Counting records by period: the frame of every COUNTED series of events.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use reform_model::{Date, Kind, Name, Period, Record};

use crate::answer::{Builder, Code, JURISDICTION, Labels, ORIGIN, Point};
use crate::columns::Appeals;
use crate::coverage::{Register, registers};
use crate::estimate::{Estimate, Style};
use crate::evidence::{Evidence, Part, Reason};
use crate::query::{Explained, Origin, Query, QueryError};
use crate::span::{Bucket, Extent, Granularity, POINTS_MAX};
use crate::view::View;

/// What is counted: one record, or appeals that stand in columns.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// A record.
    Record(&'a Record),
    /// Appeals of one class: those of a cell, or one of them.
    Appeals(Rows<'a>),
}

/// Appeals that the question does not tell apart.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    pub(crate) appeals: &'a Appeals,
    pub(crate) class: u32,
    /// The row, where it is one.
    pub(crate) row: Option<u32>,
}

impl<'a> Subject<'a> {
    pub(crate) fn jurisdiction(self) -> &'a str {
        match self {
            Self::Record(record) => &record.jurisdiction,
            Self::Appeals(rows) => rows.appeals.jurisdiction(rows.class),
        }
    }

    /// The name of the one record that it is.
    pub(crate) fn name(self) -> Option<Name> {
        match self {
            Self::Record(record) => Some(record.name.clone()),
            Self::Appeals(rows) => rows.appeals.name(rows.row?),
        }
    }

    pub(crate) fn add_sources_to(self, sources: &mut BTreeSet<&'a Name>) {
        match self {
            Self::Record(record) => sources.extend(record.citations.iter().map(|citation| &citation.source)),
            Self::Appeals(rows) => sources.extend(rows.appeals.sources(rows.class)),
        }
    }

    /// What all subjects of one series share, where that is known.
    fn class(self) -> Option<u32> {
        match self {
            Self::Record(_) => None,
            Self::Appeals(rows) => Some(rows.class),
        }
    }

    /// Whether both are the same record.
    fn is(self, other: Self) -> bool {
        matches!((self, other), (Self::Record(own), Self::Record(other)) if own.name == other.name)
    }
}

/// A record that may count, or several that count alike, and what the frame asks of them.
pub trait Countable<'a> {
    /// The record or the records.
    fn subject(&self) -> Subject<'a>;
    /// How many they are.
    fn weight(&self) -> i64 {
        1
    }
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
    coarse: Vec<(Date, i64)>,
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
            let again = |pair: &&[T]| matches!(pair, [a, b] if a.subject().is(b.subject()));
            let repeats = items.windows(2).filter(again).count();
            let count = weight(items, |_| true) - i64::try_from(repeats).unwrap_or_default();
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
        let mut tallies = Tallies::default();
        if let Some((key, period)) = explained(query) {
            let tally = tallies.of(key);
            tally.trail = Some(Trail { period, once, evidence: Evidence::default() });
        }
        let mut places = Places { granularity, period: query.period, known: HashMap::new() };
        for item in items {
            match item.exclusion() {
                Some(reason) => tallies.leave_out(query, &item, reason),
                None => tallies.take(query, item, &mut places),
            }
        }
        let mut tallies = tallies.by_key();
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

/// The series while they are counted.
struct Tallies<'a, T> {
    all: Vec<Tally<'a, T>>,
    by_key: BTreeMap<Key<'a>, usize>,
    /// Those of the classes that came already; none where the query does not ask for them.
    by_class: HashMap<u32, Option<usize>>,
}

impl<T> Default for Tallies<'_, T> {
    fn default() -> Self {
        Self { all: Vec::new(), by_key: BTreeMap::new(), by_class: HashMap::new() }
    }
}

impl<'a, T: Countable<'a>> Tallies<'a, T> {
    fn of(&mut self, key: Key<'a>) -> &mut Tally<'a, T> {
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

    fn take(&mut self, query: &Query, item: T, places: &mut Places) {
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
    fn leave_out(&mut self, query: &Query, item: &T, reason: Reason) {
        let place = key(query, item).and_then(|key| self.by_key.get(&key).copied());
        let tally = place.and_then(|place| self.all.get_mut(place));
        let trail = tally.and_then(|tally| tally.trail.as_mut());
        if let Some((trail, name)) = trail.zip(item.subject().name()) {
            trail.evidence.exclude(name, reason);
        }
    }

    fn by_key(mut self) -> BTreeMap<Key<'a>, Tally<'a, T>> {
        let places = self.by_key.into_iter();
        places.map(|(key, place)| (key, std::mem::take(&mut self.all[place]))).collect()
    }
}

/// Where dates belong; many items share theirs.
struct Places {
    granularity: Granularity,
    period: Option<Period>,
    known: HashMap<Date, (Place, Extent)>,
}

impl Places {
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

/// How many records the items of a kind are.
pub(crate) fn weight<'a, T: Countable<'a>>(items: &[T], is_it: impl Fn(&T) -> bool) -> i64 {
    items.iter().filter(|item| is_it(item)).map(Countable::weight).sum()
}

/// The series that an item belongs to; none when the query does not ask for it.
pub(crate) fn key<'a>(query: &Query, item: &impl Countable<'a>) -> Option<Key<'a>> {
    let jurisdiction = item.subject().jurisdiction();
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
pub(crate) fn explained(query: &Query) -> Option<(Key<'_>, Period)> {
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
