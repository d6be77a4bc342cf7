//! The four dates of an appeal, and the coarser ones that say the same to a question.

use std::sync::{Arc, OnceLock};

use reform_model::{Date, Day, Period};

/// No date.
pub(crate) const NONE: i32 = i32::MIN;

/// The dates as a record states them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Dates {
    pub(crate) filed: Option<Date>,
    pub(crate) answered: Option<Date>,
    pub(crate) closed: Option<Date>,
    pub(crate) deadline: Option<Date>,
}

/// The dates of an appeal: filed, answered, closed, deadline.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Times {
    /// Each is a day, or [`NONE`].
    Exact([i32; 4]),
    /// One of them is no single day.
    Whole(Arc<Dates>),
}

impl Default for Times {
    fn default() -> Self {
        Self::Exact([NONE; 4])
    }
}

impl Times {
    /// Of days that are known as such.
    pub(crate) fn exact(days: [Option<Day>; 4]) -> Self {
        Self::Exact(days.map(|day| day.map_or(NONE, |day| day.0)))
    }

    pub(crate) fn of(dates: Dates) -> Self {
        let Dates { filed, answered, closed, deadline } = &dates;
        let days = [filed, answered, closed, deadline].map(|date| date.map_or(Some(NONE), day));
        match days {
            [Some(filed), Some(answered), Some(closed), Some(deadline)] => {
                Self::Exact([filed, answered, closed, deadline])
            }
            _ => Self::Whole(Arc::new(dates)),
        }
    }

    fn date(&self, index: usize, of: impl FnOnce(&Dates) -> Option<Date>) -> Option<Date> {
        match self {
            Self::Exact(days) => (days[index] != NONE).then(|| Date::exact(Day(days[index]))),
            Self::Whole(dates) => of(dates),
        }
    }

    pub(crate) fn filed(&self) -> Option<Date> {
        self.date(0, |dates| dates.filed)
    }

    pub(crate) fn answered(&self) -> Option<Date> {
        self.date(1, |dates| dates.answered)
    }

    pub(crate) fn closed(&self) -> Option<Date> {
        self.date(2, |dates| dates.closed)
    }

    pub(crate) fn deadline(&self) -> Option<Date> {
        self.date(3, |dates| dates.deadline)
    }

    /// Days from filing to the answer or to closing, where each is one day.
    pub(crate) fn days_until(&self, measure: Measure) -> Option<i64> {
        let Self::Exact([filed, answered, closed, _]) = *self else { return None };
        let end = if measure == Measure::Closed { closed } else { answered };
        (filed != NONE && end != NONE && end >= filed).then(|| i64::from(end) - i64::from(filed))
    }

    /// Whether the dates contradict each other: it was answered or closed before it was filed.
    pub(crate) fn is_reversed(&self) -> bool {
        match self {
            Self::Exact([filed, answered, closed, _]) => {
                [answered, closed].into_iter().any(|end| *end != NONE && end < filed)
            }
            Self::Whole(dates) => {
                let ends = [dates.answered, dates.closed].into_iter().flatten();
                dates.filed.is_some_and(|filed| ends.into_iter().any(|end| end.certainly_before(filed)))
            }
        }
    }
}

/// The day, where the date is nothing but that day.
fn day(date: Date) -> Option<i32> {
    let (year, month, day) = date.digits().filter(|_| date.latest().is_none())?.parts();
    Day::new(year, month?, day?).map(|day| day.0)
}

/// The stretches of days that no period of a query tells apart: months, and the parts into which the ends of the
/// query's own period cut them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Steps {
    cuts: Vec<i32>,
}

impl Steps {
    pub(crate) fn of(period: Option<Period>) -> Self {
        let ends = period.map(|period| [Some(period.first().0), period.last().0.checked_add(1)]);
        let cuts = ends.into_iter().flatten().flatten();
        let inside = cuts.filter(|day| (Day::MIN.0..=Day::MAX.0).contains(day));
        Self { cuts: inside.filter(|day| month(*day) != *day).collect() }
    }

    /// Whether a step is a month, whatever the query.
    pub(crate) fn are_months(&self) -> bool {
        self.cuts.is_empty()
    }

    /// The first day of the step that a day lies in; of no day none.
    fn first(&self, day: i32) -> i32 {
        let cuts = self.cuts.iter().copied().filter(|cut| *cut <= day);
        if day == NONE { NONE } else { cuts.fold(month(day), i32::max) }
    }

    /// The first or the last day of the step: the last one only of itself.
    fn end(&self, day: i32) -> i32 {
        let is_last = day >= Day::MAX.0 || self.first(day + 1) == day + 1;
        if is_last { day } else { self.first(day) }
    }
}

/// The first day of the month.
fn month(day: i32) -> i32 {
    // Appeals are of these years as a rule; a table of them is quicker than the calendar.
    const YEARS: [i32; 2] = [1950, 2100];
    static MONTHS: OnceLock<(i32, Vec<i32>)> = OnceLock::new();
    let (start, firsts) = MONTHS.get_or_init(|| {
        let [first, last] = YEARS.map(|year| Day::new(year, 1, 1).expect("a day of the calendar").0);
        (first, (first..last).map(calendar_month).collect())
    });
    let place = day.checked_sub(*start).and_then(|place| usize::try_from(place).ok());
    place.and_then(|place| firsts.get(place)).copied().unwrap_or_else(|| calendar_month(day))
}

fn calendar_month(day: i32) -> i32 {
    let (_, _, number) = Day(day).calendar();
    day - number + 1
}

/// What a question reads of the dates of an appeal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Measure {
    /// The day of filing.
    Filed,
    /// The day of filing, of the first answer or of closing (0, 1, 2), to the day and in the place of the day of filing:
    /// for the extent of a series.
    Day(usize),
    /// Days until the first answer.
    Answered,
    /// Days until closing.
    Closed,
    /// When it was closed, and whether that was before it was filed.
    Outcome,
    /// From when to when it was open.
    Open,
    /// Whether it was answered by its deadline.
    OnTime,
}

impl Measure {
    /// Dates that say the same to this question as the given ones, and as few others as possible; none where the question
    /// does not look at the appeal at all.
    pub(crate) fn of(self, times: &Times, has_outcome: bool, steps: &Steps) -> Option<Times> {
        match times {
            Times::Exact(days) => self.exact(*days, has_outcome, steps).map(Times::Exact),
            Times::Whole(dates) => {
                match Times::of(self.relevant(dates, has_outcome)?) {
                    moved @ Times::Exact(_) if matches!(self, Self::Day(_)) => Some(moved),
                    Times::Exact(days) => self.exact(days, has_outcome, steps).map(Times::Exact),
                    // A date that is no single day cannot be moved without moving it against the others.
                    whole @ Times::Whole(_) => Some(whole),
                }
            }
        }
    }

    fn relevant(self, dates: &Dates, has_outcome: bool) -> Option<Dates> {
        let Dates { filed, answered, closed, deadline } = *dates;
        match self {
            Self::Filed => Some(Dates { filed, ..Dates::default() }),
            Self::Day(place) => {
                let day = [filed, answered, closed].get(place).copied().flatten()?;
                Some(Dates { filed: Some(day), ..Dates::default() })
            }
            Self::Answered | Self::Closed | Self::Open | Self::OnTime if filed.is_none() => {
                Some(Dates::default())
            }
            Self::Answered | Self::Closed | Self::Open => {
                Some(Dates { filed, answered, closed, deadline: None })
            }
            Self::OnTime => Some(Dates { filed, answered, closed, deadline }),
            Self::Outcome => {
                (closed.is_some() || has_outcome).then_some(Dates { filed, answered, closed, deadline: None })
            }
        }
    }

    fn exact(self, days: [i32; 4], has_outcome: bool, steps: &Steps) -> Option<[i32; 4]> {
        let [filed, answered, closed, deadline] = days;
        let step = steps.first(filed);
        let is_reversed = Times::Exact(days).is_reversed();
        // What has no day of filing is of no period; what contradicts itself is rare and stays as it is.
        let undated = [NONE; 4];
        let reversed = [filed, answered, closed, NONE];
        Some(match self {
            Self::Filed => [step, NONE, NONE, NONE],
            Self::Day(place) => {
                let day = days.get(place).copied().filter(|day| *day != NONE)?;
                [day, NONE, NONE, NONE]
            }
            Self::Outcome if closed == NONE && !has_outcome => return None,
            Self::Outcome if is_reversed => reversed,
            Self::Outcome => [NONE, NONE, steps.first(closed), NONE],
            Self::Answered | Self::Closed | Self::Open | Self::OnTime if filed == NONE => undated,
            Self::Open if is_reversed => undated,
            Self::Open => [step, NONE, steps.first(closed), NONE],
            Self::Answered | Self::Closed | Self::OnTime if is_reversed => reversed,
            Self::Answered if answered != NONE => [step, step + (answered - filed), NONE, NONE],
            Self::Answered if closed != NONE => [step, NONE, step, NONE],
            Self::Closed if closed != NONE => [step, NONE, step + (closed - filed), NONE],
            Self::Answered | Self::Closed => [step, NONE, NONE, NONE],
            Self::OnTime if deadline == NONE => [step, NONE, NONE, NONE],
            Self::OnTime if answered != NONE => [step, step + i32::from(answered > deadline), NONE, step],
            Self::OnTime if closed != NONE => [step, NONE, NONE, NONE],
            Self::OnTime => [step, NONE, NONE, steps.end(deadline)],
        })
    }
}
