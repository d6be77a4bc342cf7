//! What an indicator answers; the contract's messages mirror these types.

use std::collections::{BTreeMap, BTreeSet};

use reform_model::{Name, Period};

use crate::estimate::Estimate;
use crate::evidence::Evidence;
use crate::number::Number;

/// Sources that a point lists at most.
pub const SOURCES_MAX: usize = 20;

/// What tells one series from another.
pub type Labels = BTreeMap<String, String>;

/// The label of the jurisdiction.
pub const JURISDICTION: &str = "jurisdiction";
/// The label of the origin: COUNTED or REPORTED.
pub const ORIGIN: &str = "origin";
/// The label of the basis: IN_PERIOD, CUMULATIVE_SINCE or STOCK_AT.
pub const BASIS: &str = "basis";

/// The figures of one indicator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The id of the indicator, without `indicators/`.
    pub indicator: String,
    /// The version of the formula that was used.
    pub formula_version: i32,
    /// In the order of their labels.
    pub series: Vec<Series>,
}

/// Points that share their labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// What tells it from the others.
    pub labels: Labels,
    /// The unit of its values.
    pub unit: String,
    /// In order of time.
    pub points: Vec<Point>,
}

/// The figure of one period.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Point {
    /// The period.
    pub period: Period,
    /// The title of the record, for points of single events; otherwise empty.
    pub label: String,
    /// The figure; none when nothing about it is certain, and a caveat says why.
    pub estimate: Option<Estimate>,
    /// Records that contributed.
    pub records: i64,
    /// The upper part of a rate.
    pub numerator: Option<i64>,
    /// The lower part of a rate.
    pub denominator: Option<i64>,
    /// Records whose value is unknown.
    pub unknown: i64,
    /// Records left out on purpose.
    pub excluded: i64,
    /// What a reader must know beside the figure, by code.
    pub caveats: Vec<Caveat>,
    /// Sources behind the figure, by name, at most [`SOURCES_MAX`].
    pub sources: Vec<Name>,
    /// Number of all sources.
    pub sources_total: i64,
    /// For targets.
    pub status: Option<String>,
    /// Further figures by key; decimal numbers.
    pub figures: BTreeMap<String, String>,
    /// What is behind it, where the query explains this point.
    pub evidence: Option<Box<Evidence>>,
}

impl Point {
    /// A point with its figure and nothing beside it.
    pub fn new(period: Period, estimate: Option<Estimate>) -> Self {
        Self { period, estimate, ..Self::default() }
    }

    /// Sets the sources: sorted, each once, the first [`SOURCES_MAX`] listed.
    pub fn set_sources<'a>(&mut self, sources: impl IntoIterator<Item = &'a Name>) {
        let all: BTreeSet<&Name> = sources.into_iter().collect();
        self.sources_total = i64::try_from(all.len()).unwrap_or(i64::MAX);
        self.sources = all.into_iter().take(SOURCES_MAX).cloned().collect();
    }

    /// Adds a caveat; counts under the same code and message add up.
    pub fn warn(&mut self, code: Code, message: impl Into<String>, count: i64) {
        let message = message.into();
        match self.caveats.iter_mut().find(|caveat| caveat.code == code && caveat.message == message) {
            Some(caveat) => caveat.count += count,
            None => self.caveats.push(Caveat { code, message, count }),
        }
        self.caveats.sort();
    }

    /// Adds a further figure.
    pub fn figure(&mut self, key: &str, number: &Number) {
        self.figures.insert(key.to_owned(), number.to_decimal_string());
    }
}

/// Something a reader must know beside a figure.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Caveat {
    /// Which.
    pub code: Code,
    /// The same for a reader.
    pub message: String,
    /// Records concerned; 0 when the code counts none.
    pub count: i64,
}

/// The codes of caveats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// A date is too coarse for the period.
    ImpreciseDate,
    /// A total since a start, not of a period.
    Cumulative,
    /// A count or sum over a part of the period.
    PartialPeriod,
    /// Rival figures contradict this one.
    Conflict,
    /// Something is foreseen and has not happened.
    Planned,
    /// Records are set aside because they cannot be read.
    Quarantined,
    /// Too few cases for a rate to say much.
    SmallN,
    /// A date is not known at all.
    Undated,
    /// The target was revised.
    Revised,
    /// Something that the figure needs is not recorded.
    Missing,
}

impl Code {
    /// As the contract writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::ImpreciseDate => "IMPRECISE_DATE",
            Code::Cumulative => "CUMULATIVE",
            Code::PartialPeriod => "PARTIAL_PERIOD",
            Code::Conflict => "CONFLICT",
            Code::Planned => "PLANNED",
            Code::Quarantined => "QUARANTINED",
            Code::SmallN => "SMALL_N",
            Code::Undated => "UNDATED",
            Code::Revised => "REVISED",
            Code::Missing => "MISSING",
        }
    }
}

/// Collects points into series; what comes out is ordered, whatever went in.
#[derive(Debug, Clone, Default)]
pub struct Builder {
    series: BTreeMap<(Labels, String), Vec<Point>>,
}

impl Builder {
    /// Adds a point to the series of those labels.
    pub fn push(&mut self, labels: Labels, unit: impl Into<String>, point: Point) {
        self.series.entry((labels, unit.into())).or_default().push(point);
    }

    /// The answer: series by labels, points by time, then by label and by what is in them.
    pub fn finish(self, indicator: &str, formula_version: i32) -> Answer {
        let series = self.series.into_iter().map(|((labels, unit), mut points)| {
            // The sort is stable, so points that tie stay in the order of the records' names.
            points.sort_by(|a, b| time(a).cmp(&time(b)).then_with(|| a.label.cmp(&b.label)));
            Series { labels, unit, points }
        });
        Answer { indicator: indicator.to_owned(), formula_version, series: series.collect() }
    }
}

fn time(point: &Point) -> (reform_model::Day, reform_model::Day) {
    // By the end: totals since a common start come in the order in which they grew.
    (point.period.last(), point.period.first())
}

/// Labels from pairs.
pub fn labels<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Labels {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}
