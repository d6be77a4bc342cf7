//! Periods of the calendar, by their first and last days.

use std::collections::BTreeMap;

use reform_indicators::Query;
use reform_indicators::span::Granularity;
use reform_model::{Date, Day, Kind, Name, Period};

use super::said::World;

pub(super) type Span = (Day, Day);

/// The period of that granularity with the day in it.
pub(super) fn around(granularity: Granularity, day: Day) -> Span {
    let months = match granularity {
        Granularity::Year | Granularity::Event => 12,
        Granularity::HalfYear => 6,
        Granularity::Quarter => 3,
        Granularity::Month => 1,
    };
    let (year, month, _) = day.calendar();
    let first = (month - 1) / months * months + 1;
    let (next, over) = if first + months > 12 { (1, year + 1) } else { (first + months, year) };
    (Day::new(year, first, 1).unwrap(), Day(Day::new(over, next, 1).unwrap().0 - 1))
}

/// As an answer writes it.
pub(super) fn written(granularity: Granularity, (first, last): Span) -> String {
    let text = |day: Day| match (granularity, day.calendar()) {
        (Granularity::Year | Granularity::Event, (year, _, _)) => format!("{year:04}"),
        (_, (year, month, _)) => format!("{year:04}-{month:02}"),
    };
    let (first, last) = (text(first), text(last));
    if first == last { first } else { format!("{first}/{last}") }
}

pub(super) fn granularity(query: &Query) -> Granularity {
    query.granularity.unwrap_or(Granularity::Year)
}

/// Every day that dates state: the earliest and the latest of them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Extent(pub(super) Option<Span>);

impl Extent {
    pub(super) fn add(&mut self, date: Date) {
        let mut days = Vec::new();
        days.extend(date.digits().map(|digits| digits.first()));
        match date.latest() {
            Some(latest) => days.push(latest.last()),
            None => days.extend(date.digits().map(|digits| digits.last())),
        }
        for day in days {
            self.0 = Some(self.0.map_or((day, day), |(first, last)| (first.min(day), last.max(day))));
        }
    }

    /// The periods from the first to the last day.
    pub(super) fn periods(self, granularity: Granularity) -> Vec<Span> {
        let Some((first, last)) = self.0 else { return Vec::new() };
        let mut all = vec![around(granularity, first)];
        while all[all.len() - 1].1 < last {
            all.push(around(granularity, Day(all[all.len() - 1].1.0 + 1)));
        }
        all
    }
}

/// A register that a source says is complete: whose, and from which day to which; none is open.
pub(super) struct Register {
    pub(super) jurisdiction: String,
    pub(super) subject: Option<Name>,
    pub(super) period: Period,
}

pub(super) fn registers(world: &World, kind: Kind) -> Vec<Register> {
    let mut found = Vec::new();
    for (record, source) in world.sources() {
        for covers in source.covers.iter().filter(|covers| covers.kind == kind) {
            let own = (record.jurisdiction.clone(), covers.subject.clone(), covers.period);
            found.push(Register { jurisdiction: own.0, subject: own.1, period: own.2 });
        }
    }
    found
}

impl Register {
    pub(super) fn covers(&self, (first, last): Span) -> bool {
        self.period.first() <= first && last <= self.period.last()
    }
}

/// Records by period, and those of each series that no period can hold.
pub(super) type ByPeriod<T> = BTreeMap<Span, Vec<T>>;

/// The period that certainly contains the date.
pub(super) fn period_of(granularity: Granularity, date: Date) -> Option<Span> {
    let span = around(granularity, date.first());
    (date.last() <= span.1).then_some(span)
}
