//! Civil dates of which only some digits may be known, and periods of them.

use std::cmp::Ordering;
use std::fmt;

/// The smallest and the largest year of a date.
pub const YEAR_MIN: i32 = 1;
/// The largest year of a date.
pub const YEAR_MAX: i32 = 9999;

/// A civil day as days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);

impl Day {
    /// The first day that a date can name.
    pub const MIN: Day = Day(-719_162);
    /// The last day that a date can name.
    pub const MAX: Day = Day(2_932_896);

    /// The day of a calendar date; none where the calendar has no such day.
    pub fn new(year: i32, month: i32, day: i32) -> Option<Self> {
        let date = jiff::civil::Date::new(
            i16::try_from(year).ok().filter(|year| (1..=9999).contains(year))?,
            i8::try_from(month).ok()?,
            i8::try_from(day).ok()?,
        )
        .ok()?;
        Some(Self::from_civil(date))
    }

    fn from_civil(date: jiff::civil::Date) -> Self {
        let epoch = jiff::civil::Date::constant(1970, 1, 1);
        Self((date - epoch).get_days())
    }

    /// The calendar date: year, month, day.
    pub fn calendar(self) -> (i32, i32, i32) {
        let epoch = jiff::civil::Date::constant(1970, 1, 1);
        let date = epoch.saturating_add(jiff::Span::new().days(self.0.clamp(Self::MIN.0, Self::MAX.0)));
        (date.year().into(), date.month().into(), date.day().into())
    }

    /// The year of the day.
    pub fn year(self) -> i32 {
        self.calendar().0
    }

    /// The next day.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The day before.
    #[must_use]
    pub fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.calendar();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

/// The digits of a date that are known: a year, a month of it, or a day of that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digits {
    year: i32,
    month: Option<i32>,
    day: Option<i32>,
}

/// Why digits make no date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The year is outside [`YEAR_MIN`]..=[`YEAR_MAX`].
    #[error("year must be 1 to 9999")]
    Year,
    /// There is no such month.
    #[error("month must be 1 to 12")]
    Month,
    /// That month has no such day.
    #[error("there is no such day in that month")]
    Day,
    /// A day without its month.
    #[error("a day needs its month")]
    DayWithoutMonth,
}

impl Digits {
    /// Checks that the calendar has such a year, month or day.
    pub fn new(year: i32, month: Option<i32>, day: Option<i32>) -> Result<Self, Error> {
        if !(YEAR_MIN..=YEAR_MAX).contains(&year) {
            return Err(Error::Year);
        }
        match (month, day) {
            (None, Some(_)) => return Err(Error::DayWithoutMonth),
            (Some(month), _) if !(1..=12).contains(&month) => return Err(Error::Month),
            (Some(month), Some(day)) if Day::new(year, month, day).is_none() => return Err(Error::Day),
            (None, None) | (Some(_), None | Some(_)) => {}
        }
        Ok(Self { year, month, day })
    }

    /// Year, month and day as far as they are known.
    pub fn parts(self) -> (i32, Option<i32>, Option<i32>) {
        (self.year, self.month, self.day)
    }

    /// The first day that these digits allow.
    pub fn first(self) -> Day {
        Day::new(self.year, self.month.unwrap_or(1), self.day.unwrap_or(1)).expect("checked when made")
    }

    /// The last day that these digits allow.
    pub fn last(self) -> Day {
        let Some(month) = self.month else {
            return Day::new(self.year, 12, 31).expect("checked when made");
        };
        match self.day {
            Some(day) => Day::new(self.year, month, day).expect("checked when made"),
            None => {
                (28..=31).rev().find_map(|day| Day::new(self.year, month, day)).expect("a month has days")
            }
        }
    }
}

impl fmt::Display for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.year)?;
        if let Some(month) = self.month {
            write!(f, "-{month:02}")?;
        }
        if let Some(day) = self.day {
            write!(f, "-{day:02}")?;
        }
        Ok(())
    }
}

/// A date as far as it is known: every day from [`Date::first`] to [`Date::last`] is possible, no other is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Date {
    from: Option<Digits>,
    latest: Option<Digits>,
}

/// Why a window makes no date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// Neither digits nor a latest day.
    #[error("a date needs a year, or a latest date")]
    Empty,
    /// The window ends before it begins.
    #[error("latest lies before the date itself")]
    Reversed,
}

impl Date {
    /// A date from its digits, or a window from them to `latest`; without digits "not after latest".
    pub fn new(from: Option<Digits>, latest: Option<Digits>) -> Result<Self, WindowError> {
        match (from, latest) {
            (None, None) => Err(WindowError::Empty),
            (Some(from), Some(latest)) if latest.last() < from.first() => Err(WindowError::Reversed),
            (from, latest) => Ok(Self { from, latest }),
        }
    }

    /// A date known to the day.
    pub fn exact(day: Day) -> Self {
        let (year, month, number) = day.calendar();
        Self { from: Some(Digits { year, month: Some(month), day: Some(number) }), latest: None }
    }

    /// A whole year.
    pub fn year(year: i32) -> Result<Self, Error> {
        Ok(Self { from: Some(Digits::new(year, None, None)?), latest: None })
    }

    /// The printed digits; none for "not after latest".
    pub fn digits(self) -> Option<Digits> {
        self.from
    }

    /// The end of the window, where one is stated.
    pub fn latest(self) -> Option<Digits> {
        self.latest
    }

    /// The earliest possible day; [`Day::MIN`] when nothing says so.
    pub fn first(self) -> Day {
        self.from.map_or(Day::MIN, Digits::first)
    }

    /// The latest possible day.
    pub fn last(self) -> Day {
        self.latest.or(self.from).map_or(Day::MAX, Digits::last)
    }

    /// The earliest possible day, where the date states one.
    pub fn earliest(self) -> Option<Day> {
        self.from.map(Digits::first)
    }

    /// The day, when it is known.
    pub fn day(self) -> Option<Day> {
        (self.first() == self.last()).then(|| self.first())
    }

    /// How two dates lie to each other, when every completion of their digits agrees.
    pub fn compare(self, other: Self) -> Option<Ordering> {
        if self.last() < other.first() {
            Some(Ordering::Less)
        } else if self.first() > other.last() {
            Some(Ordering::Greater)
        } else if self.day().is_some() && self.day() == other.day() {
            Some(Ordering::Equal)
        } else {
            None
        }
    }

    /// Whether this date lies before the other one whatever their unknown digits are.
    pub fn certainly_before(self, other: Self) -> bool {
        self.last() < other.first()
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.from, self.latest) {
            (Some(from), None) => write!(f, "{from}"),
            (Some(from), Some(latest)) => write!(f, "{from}..{latest}"),
            (None, Some(latest)) => write!(f, "..{latest}"),
            (None, None) => Ok(()),
        }
    }
}

/// A span of days, both ends inclusive; an absent end is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Period {
    /// Where it begins.
    pub start: Option<Date>,
    /// Where it ends.
    pub end: Option<Date>,
}

impl Period {
    /// The first day that belongs to the period; [`Day::MIN`] when the start is open.
    pub fn first(self) -> Day {
        self.start.map_or(Day::MIN, Date::first)
    }

    /// The last day that belongs to the period; [`Day::MAX`] when the end is open.
    pub fn last(self) -> Day {
        self.end.map_or(Day::MAX, Date::last)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.start, self.end) {
            (Some(start), Some(end)) if start == end => write!(f, "{start}"),
            (Some(start), Some(end)) => write!(f, "{start}/{end}"),
            (Some(start), None) => write!(f, "{start}/.."),
            (None, Some(end)) => write!(f, "../{end}"),
            (None, None) => write!(f, "../.."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(year: i32, month: Option<i32>, day: Option<i32>) -> Date {
        Date::new(Some(Digits::new(year, month, day).unwrap()), None).unwrap()
    }

    #[test]
    fn refuses_what_the_calendar_does_not_have() {
        assert_eq!(Digits::new(2023, Some(13), None), Err(Error::Month));
        assert_eq!(Digits::new(2023, Some(2), Some(29)), Err(Error::Day));
        assert_eq!(Digits::new(2023, None, Some(1)), Err(Error::DayWithoutMonth));
        assert_eq!(Digits::new(0, None, None), Err(Error::Year));
        assert!(Digits::new(2024, Some(2), Some(29)).is_ok());
    }

    #[test]
    fn a_day_comes_back_from_its_number() {
        for (year, month, day) in [(1, 1, 1), (1969, 12, 31), (1970, 1, 1), (2024, 2, 29), (9999, 12, 31)] {
            assert_eq!(Day::new(year, month, day).unwrap().calendar(), (year, month, day));
        }
        assert_eq!(Day::new(1, 1, 1), Some(Day::MIN));
        assert_eq!(Day::new(9999, 12, 31), Some(Day::MAX));
    }

    #[test]
    fn compares_only_what_is_certain() {
        let march = date(2023, Some(3), None);
        assert_eq!(date(2023, Some(2), None).compare(march), Some(Ordering::Less));
        assert_eq!(date(2023, None, None).compare(march), None);
        assert_eq!(march.compare(march), None);
        let day = date(2023, Some(3), Some(19));
        assert_eq!(day.compare(day), Some(Ordering::Equal));
    }

    #[test]
    fn a_latest_alone_says_not_after() {
        let window = Date::new(None, Some(Digits::new(2004, Some(9), Some(19)).unwrap())).unwrap();
        assert_eq!(window.first(), Day::MIN);
        assert_eq!(window.last(), Day::new(2004, 9, 19).unwrap());
        assert_eq!(window.to_string(), "..2004-09-19");
    }
}
