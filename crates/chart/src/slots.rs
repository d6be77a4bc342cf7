//! Where periods lie on the axis.

use std::collections::BTreeSet;

use reform_model::{Day, Period};

use crate::chart::{Point, Series};

/// Days from which on a period is read as a year.
const YEAR_DAYS_MIN: i32 = 360;

/// The axis of time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Slots {
    /// Everything is of one period or event.
    One(Slot),
    /// Periods by the calendar, from the first day to the day after the last.
    Time { from: f64, to: f64, yearly: bool },
    /// One place for each event, in order.
    Events(Vec<Slot>),
}

/// A period, or an event in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) period: Period,
    pub(crate) label: String,
}

impl Slot {
    fn of(point: &Point) -> Self {
        Self { period: point.period, label: point.label.clone() }
    }

    fn key(&self) -> (Day, Day, &str) {
        (self.period.last(), self.period.first(), &self.label)
    }
}

impl Slots {
    /// The axis for all points; none without any.
    pub(crate) fn of(series: &[&Series]) -> Option<Self> {
        let points = || series.iter().flat_map(|one| &one.points);
        let mut slots: Vec<Slot> = points().map(Slot::of).collect();
        slots.sort_by(|a, b| a.key().cmp(&b.key()));
        slots.dedup_by(|a, b| a.key() == b.key());
        if slots.len() == 1 {
            return slots.pop().map(Self::One);
        }
        let dated = |point: &Point| point.period.first() > Day::MIN && point.period.last() < Day::MAX;
        let by_calendar = points().all(|point| point.label.is_empty() && dated(point));
        if slots.is_empty() || !by_calendar {
            return (!slots.is_empty()).then_some(Self::Events(slots));
        }
        Some(Self::time(series))
    }

    fn time(series: &[&Series]) -> Self {
        let spans = || series.iter().flat_map(|one| one.points.iter().map(|point| span(one, point)));
        let from = spans().map(|(from, _)| from).min().unwrap_or(0);
        let to = spans().map(|(_, to)| to).max().unwrap_or(0) + 1;
        let yearly = spans().all(|(from, to)| to - from >= YEAR_DAYS_MIN);
        let room = if yearly { 0.0 } else { f64::from(to - from) * 0.04 + 1.0 };
        Self::Time { from: f64::from(from) - room, to: f64::from(to) + room, yearly }
    }

    /// Where a point lies: 0 at the left end, 1 at the right end.
    pub(crate) fn at(&self, series: &Series, point: &Point) -> f64 {
        match self {
            Self::One(_) => 0.5,
            Self::Time { from, to, .. } => {
                let (first, last) = span(series, point);
                ((f64::midpoint(f64::from(first), f64::from(last) + 1.0) - from) / (to - from))
                    .clamp(0.0, 1.0)
            }
            Self::Events(slots) => {
                let slot = Slot::of(point);
                let index = slots.partition_point(|other| other.key() < slot.key());
                (whole(index) + 0.5) / whole(slots.len())
            }
        }
    }

    /// Dates beside the axis: where, and the text; about `wanted` of them.
    pub(crate) fn dates(&self, wanted: usize) -> Vec<(f64, String)> {
        match self {
            Self::One(_) => Vec::new(),
            Self::Time { from, to, yearly } => {
                let place = |day: f64| (day - from) / (to - from);
                let dates = calendar(*from, *to, *yearly, wanted.max(1));
                dates.into_iter().map(|(day, text)| (place(day), text)).collect()
            }
            Self::Events(slots) => {
                let every = slots.len().div_ceil(wanted.max(1)).max(1);
                let text = |(index, slot): (usize, &Slot)| {
                    ((whole(index) + 0.5) / whole(slots.len()), when(slot.period))
                };
                slots.iter().enumerate().step_by(every).map(text).collect()
            }
        }
    }
}

/// The days that a point stands for; a total since a start and a stock stand for their last day.
fn span(series: &Series, point: &Point) -> (i32, i32) {
    let (Day(first), Day(last)) = (point.period.first(), point.period.last());
    let of_its_end = matches!(series.label("basis"), "CUMULATIVE_SINCE" | "STOCK_AT");
    // A stock of a year is of its end, but it is read beside the figures of that year.
    if of_its_end && last - first > YEAR_DAYS_MIN + 10 { (last, last) } else { (first, last) }
}

/// Whether one period follows the other without a gap.
pub(crate) fn adjacent(before: Period, after: Period) -> bool {
    before.last().next() >= after.first()
}

/// A period for a reader; an open end is left out.
pub(crate) fn when(period: Period) -> String {
    match (period.start, period.end) {
        (Some(start), Some(end)) if start == end => start.to_string(),
        (Some(start), Some(end)) => format!("{start} to {end}"),
        (Some(start), None) => format!("from {start}"),
        (None, Some(end)) => format!("to {end}"),
        (None, None) => String::new(),
    }
}

/// Years and parts of one that divide a calendar: how many months each is long.
const MONTHS: [i32; 14] = [1, 3, 6, 12, 24, 60, 120, 240, 600, 1_200, 2_400, 6_000, 12_000, 24_000];

/// Beginnings of months or years between two days; years of yearly figures have their text in their middle.
fn calendar(from: f64, to: f64, yearly: bool, wanted: usize) -> Vec<(f64, String)> {
    let days = (to - from).max(1.0);
    let fits = |months: &&i32| days / (f64::from(**months) * 30.44) <= whole(wanted);
    let smallest = if yearly { 12 } else { 1 };
    let months = MONTHS.iter().filter(|months| **months >= smallest).find(fits);
    let months = months.copied().unwrap_or(MONTHS[MONTHS.len() - 1]);
    let mut dates = Vec::new();
    let mut month = (year(from) * 12).div_euclid(months) * months;
    let mut seen = BTreeSet::new();
    while let Some(first) = Day::new(month.div_euclid(12), month.rem_euclid(12) + 1, 1)
        .or_else(|| (month < 12).then_some(Day::MIN))
    {
        let middle = if yearly { 182.5 } else { 0.0 };
        let day = f64::from(first.0) + middle;
        if day > to {
            break;
        }
        if day >= from && seen.insert(first) {
            let (year, number, _) = first.calendar();
            let text = if months < 12 { format!("{year:04}-{number:02}") } else { format!("{year:04}") };
            dates.push((day, text));
        }
        month += months;
    }
    dates
}

#[expect(clippy::cast_possible_truncation, reason = "days of the calendar")]
fn year(day: f64) -> i32 {
    Day(day as i32).year()
}

fn whole(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use reform_model::Date;

    use super::*;

    fn year(year: i32) -> Period {
        let date = Date::year(year).ok();
        Period { start: date, end: date }
    }

    fn series(points: Vec<Point>) -> Series {
        Series { points, ..Series::default() }
    }

    fn point(period: Period, label: &str) -> Point {
        Point { period, label: label.to_owned(), ..Point::default() }
    }

    #[test]
    fn years_stand_in_their_middle_and_a_missing_one_leaves_its_place() {
        let one = series([2019, 2020, 2022].map(|number| point(year(number), "")).into());
        let slots = Slots::of(&[&one]).unwrap();
        let dates = slots.dates(10);
        assert_eq!(
            dates.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(),
            ["2019", "2020", "2021", "2022"]
        );
        for (index, date) in [0, 1, 3].into_iter().enumerate() {
            assert!((slots.at(&one, &one.points[index]) - dates[date].0).abs() < 0.001, "{slots:?}");
        }
        assert_eq!(slots.dates(2).len(), 2);
    }

    #[test]
    fn events_have_a_place_each_and_one_period_is_no_axis() {
        let one = series(vec![point(year(2016), "a"), point(year(2021), "b"), point(year(2021), "c")]);
        let slots = Slots::of(&[&one]).unwrap();
        assert!(matches!(&slots, Slots::Events(events) if events.len() == 3));
        assert!((slots.at(&one, &one.points[2]) - 5.0 / 6.0).abs() < 1e-9);
        assert!(matches!(Slots::of(&[&series(vec![point(year(2016), "")])]), Some(Slots::One(_))));
        assert_eq!(Slots::of(&[&series(Vec::new())]), None);
        let open = series(vec![point(Period::default(), ""), point(year(2016), "")]);
        assert!(matches!(Slots::of(&[&open]), Some(Slots::Events(_))));
    }

    #[test]
    fn the_whole_calendar_has_few_dates() {
        let whole = series(vec![point(year(1), ""), point(year(9999), "")]);
        let slots = Slots::of(&[&whole]).unwrap();
        for wanted in [1, 5, 20] {
            assert!(slots.dates(wanted).len() <= wanted + 1);
        }
    }
}
