//! The periods of a series.

use reform_model::date::{Date, Day, Digits, Period};

/// Length of the periods of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Granularity {
    /// Calendar years.
    Year,
    /// Halves of a calendar year.
    HalfYear,
    /// Quarters of a calendar year.
    Quarter,
    /// Calendar months.
    Month,
    /// One point for each election, referendum or meeting.
    Event,
}

impl Granularity {
    /// The calendar ones.
    pub const CALENDAR: &[Granularity] =
        &[Granularity::Year, Granularity::HalfYear, Granularity::Quarter, Granularity::Month];
    /// The one for series of events.
    pub const EVENTS: &[Granularity] = &[Granularity::Event];

    /// The short name of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Granularity::Year => "YEAR",
            Granularity::HalfYear => "HALF_YEAR",
            Granularity::Quarter => "QUARTER",
            Granularity::Month => "MONTH",
            Granularity::Event => "EVENT",
        }
    }

    /// Months of one period; a series of events has no such length and is read as years.
    fn months(self) -> i32 {
        match self {
            Granularity::Year | Granularity::Event => 12,
            Granularity::HalfYear => 6,
            Granularity::Quarter => 3,
            Granularity::Month => 1,
        }
    }
}

/// One period of a series: whole, or cut by the period of the query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bucket {
    /// The first day.
    pub first: Day,
    /// The last day.
    pub last: Day,
    granularity: Granularity,
    cut: bool,
}

impl Bucket {
    /// The whole period that the day lies in.
    pub fn containing(granularity: Granularity, day: Day) -> Self {
        let months = granularity.months();
        let (year, month, _) = day.calendar();
        let start = (month - 1) / months * months + 1;
        let first = Day::new(year, start, 1).expect("a month of a year that has days");
        let last = month_end(year, start + months - 1);
        Self { first, last, granularity, cut: false }
    }

    /// The whole period that certainly contains the date; none when the date is too coarse.
    pub fn of(granularity: Granularity, date: Date) -> Option<Self> {
        let bucket = Self::containing(granularity, date.first());
        bucket.contains(date).then_some(bucket)
    }

    /// The periods from the one that holds `first` to the one that holds `last`.
    pub fn series(granularity: Granularity, first: Day, last: Day) -> Vec<Self> {
        let mut buckets = Vec::new();
        let mut next = Self::containing(granularity, first);
        while next.first <= last && buckets.len() <= POINTS_MAX {
            buckets.push(next);
            if next.last >= Day::MAX {
                break;
            }
            next = Self::containing(granularity, next.last.next());
        }
        buckets
    }

    /// The periods to answer for, cut by the period of a query; none where there are more than [`POINTS_MAX`].
    pub fn answered(granularity: Granularity, extent: Extent, period: Option<Period>) -> Option<Vec<Self>> {
        let Some((first, last)) = extent.answered(period) else { return Some(Vec::new()) };
        let whole = Self::series(granularity, first, last);
        let few = whole.len() <= POINTS_MAX;
        few.then(|| whole.into_iter().filter_map(|bucket| bucket.within(period)).collect())
    }

    /// What of this lies in the period; none when nothing does.
    pub fn within(self, period: Option<Period>) -> Option<Self> {
        let Some(period) = period else { return Some(self) };
        let (first, last) = (self.first.max(period.first()), self.last.min(period.last()));
        let cut = self.cut || (first, last) != (self.first, self.last);
        (first <= last).then_some(Self { first, last, cut, ..self })
    }

    /// Whether the query's period cut it, so that a count in it is of a part.
    pub fn is_cut(self) -> bool {
        self.cut
    }

    /// Whether it certainly contains the date.
    pub fn contains(self, date: Date) -> bool {
        self.first <= date.first() && date.last() <= self.last
    }

    /// Whether it may contain the date.
    pub fn may_contain(self, date: Date) -> bool {
        self.first <= date.last() && date.first() <= self.last
    }

    /// As the contract writes it: a year is its year at both ends, a month its year and month.
    pub fn period(self) -> Period {
        if self.cut {
            return Period { start: Some(Date::exact(self.first)), end: Some(Date::exact(self.last)) };
        }
        let year_only = self.granularity.months() == 12;
        let of = |day: Day| {
            let (year, month, _) = day.calendar();
            let digits =
                Digits::new(year, (!year_only).then_some(month), None).expect("a day of the calendar");
            Date::new(Some(digits), None).expect("digits are stated")
        };
        Period { start: Some(of(self.first)), end: Some(of(self.last)) }
    }

    /// For a reader: `2023`, `2023-H1`, `2023-Q2`, `2023-03`.
    pub fn label(self) -> String {
        if self.cut {
            return self.period().to_string();
        }
        let (year, month, _) = self.first.calendar();
        match self.granularity {
            Granularity::Year | Granularity::Event => format!("{year:04}"),
            Granularity::HalfYear => format!("{year:04}-H{}", (month - 1) / 6 + 1),
            Granularity::Quarter => format!("{year:04}-Q{}", (month - 1) / 3 + 1),
            Granularity::Month => format!("{year:04}-{month:02}"),
        }
    }
}

/// A series has no more periods than this.
pub const POINTS_MAX: usize = 20_000;

/// The earliest and the latest day that dates state, open ends left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extent {
    ends: Option<(Day, Day)>,
}

impl Extent {
    /// Takes in what the date states: the days of its digits and of its latest.
    pub fn add(&mut self, date: Date) {
        if let Some(latest) = date.latest() {
            self.day(latest.last());
        }
        if let Some(digits) = date.digits() {
            self.day(digits.first());
            if date.latest().is_none() {
                self.day(digits.last());
            }
        }
    }

    /// Takes in a day.
    pub fn day(&mut self, day: Day) {
        self.ends = Some(self.ends.map_or((day, day), |(first, last)| (first.min(day), last.max(day))));
    }

    /// Takes in the days of another extent.
    pub fn merge(&mut self, other: Self) {
        if let Some((first, last)) = other.ends {
            self.day(first);
            self.day(last);
        }
    }

    /// The two days; none when no date was taken in.
    pub fn ends(self) -> Option<(Day, Day)> {
        self.ends
    }

    /// The days to answer for: what the query's period states, the rest from here.
    pub fn answered(self, period: Option<Period>) -> Option<(Day, Day)> {
        let stated = period.unwrap_or_default();
        let first = stated.start.and_then(Date::earliest).or(self.ends.map(|ends| ends.0))?;
        let last = stated.end.map(Date::last).or(self.ends.map(|ends| ends.1))?;
        (first <= last).then_some((first, last))
    }
}

/// Whether `inner` lies wholly within `outer`.
pub fn lies_within(inner: Period, outer: Option<Period>) -> bool {
    outer.is_none_or(|outer| outer.first() <= inner.first() && inner.last() <= outer.last())
}

fn month_end(year: i32, month: i32) -> Day {
    let next = if month == 12 { Day::new(year + 1, 1, 1) } else { Day::new(year, month + 1, 1) };
    // Only the last month of the calendar has none after it.
    next.map_or(Day::MAX, Day::previous)
}
