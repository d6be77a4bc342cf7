//! Counting records by period: the frame of every COUNTED series of events.

mod tally;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use reform_model::{Date, Kind, Name, Period, Record};

use crate::answer::{Builder, JURISDICTION, Labels, ORIGIN, Point};
use crate::columns::{Appeals, Class};
use crate::coverage::{Register, registers};
use crate::estimate::{Estimate, Style};
use crate::evidence::{Evidence, Part, Reason};
use crate::query::{Explained, Origin, Query, QueryError};
use crate::span::Granularity;
use crate::view::View;
use tally::{Places, Tallies, Tally, Trail};

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
    pub(crate) class: Class,
    /// The row, where it is one.
    pub(crate) row: Option<u32>,
}

impl<'a> Subject<'a> {
    pub(crate) fn jurisdiction(self) -> &'a str {
        match self {
            Self::Record(record) => &record.jurisdiction,
            Self::Appeals(rows) => rows.appeals.jurisdiction(&rows.class),
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
            Self::Appeals(rows) => sources.extend(rows.appeals.sources(&rows.class)),
        }
    }

    /// What all subjects of one series share, where that is known.
    fn class(self) -> Option<Class> {
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
        let mut places = Places::new(granularity, query.period);
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
        let registers: Vec<_> = self.zero.into_iter().flat_map(|kind| registers(view, kind)).collect();
        // All series first: each register speaks of every one of them, in whatever order they come.
        for key in registers.iter().filter_map(|register| self.own_series(query, register)) {
            tallies.entry(key).or_default();
        }
        for register in registers {
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
