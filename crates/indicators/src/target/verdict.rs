//! Where a target stands: judged from readings alone, at a day.

use reform_model::date::Day;
use reform_model::measure::{Target, Variable};
use reform_model::vocabulary::Path;
use reform_model::{Date, Decimal};

use crate::estimate::{Bound, Estimate};
use crate::number::Number;
use crate::target::course::Course;
use crate::target::goal::{Goal, Way, reaches};
use crate::target::readings::{Measure, Observed, Reading, known, readings};

/// Where a target stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// A figure at or before the deadline certainly keeps the promise.
    Met,
    /// Before the deadline, and not behind the path.
    OnTrack,
    /// Before the deadline, and behind the path.
    Behind,
    /// The figure of the deadline certainly does not keep the promise.
    Missed,
    /// Before the deadline, with nothing to measure by.
    NotYetMeasurable,
    /// What is known leaves it open.
    Unknown,
}

impl Status {
    /// As the contract writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Met => "MET",
            Status::OnTrack => "ON_TRACK",
            Status::Behind => "BEHIND",
            Status::Missed => "MISSED",
            Status::NotYetMeasurable => "NOT_YET_MEASURABLE",
            Status::Unknown => "UNKNOWN",
        }
    }
}

/// A target ready to be judged.
#[derive(Debug, Clone)]
pub struct Case {
    /// Which way the figure must move.
    pub way: Option<Way>,
    /// The number promised, the nearer one of a range.
    pub promised: Decimal,
    /// Where it starts; zero for a total that states nothing else.
    pub baseline: Option<Estimate>,
    /// The last day on which the baseline holds.
    pub start: Option<Day>,
    /// The last day on which the promise can be kept.
    pub deadline: Option<Day>,
    /// Whether it speaks of a total since its start.
    pub total: bool,
    goal: Goal,
    /// The baseline with bounds to judge by.
    known_baseline: Option<Estimate>,
    /// The last day of the path.
    end: Option<Day>,
    path: Path,
    milestones: Vec<(Day, reform_model::Quantity)>,
    readings: Vec<Reading>,
}

/// A status and the reading that decided it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Where it stands.
    pub status: Status,
    /// The reading that decided; none when there was nothing to decide by.
    pub decided_by: Option<Reading>,
    /// The latest reading at or before the day and the deadline.
    pub latest: Option<Reading>,
}

impl Case {
    /// A target, its variable and the observations chosen for it.
    pub fn new(target: &Target, variable: &Variable, observed: &[Observed]) -> Self {
        let total = matches!(Measure::of(target, variable), Measure::Total(_));
        let zero = || total.then(|| Estimate::exact(0));
        let baseline = target.baseline.as_ref().map(Estimate::from).or_else(zero);
        let known_baseline = target.baseline.as_ref().map(known).or_else(zero);
        let way = Way::of(variable.direction, &target.quantity, baseline.as_ref());
        let (low, high) = target.quantity.extremes();
        let window = target.window.unwrap_or_default();
        let deadline = target.deadline_on.or(window.end).map(Date::last);
        Self {
            way,
            promised: if way == Some(Way::Down) { high } else { low },
            goal: Goal::new(&target.quantity, way),
            baseline,
            known_baseline,
            // A window counts its first day; a baseline without one holds for the whole of its own day.
            start: window
                .start
                .and_then(Date::earliest)
                .map(Day::previous)
                .or(target.baseline_on.map(Date::last)),
            deadline,
            end: window.end.map(Date::last).or(deadline),
            total,
            path: target.path.unwrap_or(Path::Linear),
            milestones: target.milestones.iter().map(|one| (one.on.last(), one.quantity.clone())).collect(),
            readings: readings(target, variable, observed),
        }
    }

    /// Judges at the end of a day.
    pub fn judge(&self, now: Day) -> Verdict {
        let due = || {
            let in_time = |reading: &&Reading| self.deadline.is_none_or(|deadline| reading.last <= deadline);
            self.readings.iter().filter(move |reading| reading.last <= now).filter(in_time)
        };
        let latest = due().next_back().cloned();
        let (status, decided_by) = match due().find(|reading| self.keeps(reading)) {
            Some(reading) => (Status::Met, Some(reading.clone())),
            None => self.unmet(now, latest.as_ref()),
        };
        Verdict { status, decided_by, latest }
    }

    /// Whether the reading certainly keeps the promise. A total that should stay low is only final at the deadline.
    fn keeps(&self, reading: &Reading) -> bool {
        let final_enough = !self.total || self.way == Some(Way::Up) || Some(reading.last) == self.deadline;
        final_enough && self.goal.kept_by(&reading.known) == Some(true)
    }

    fn unmet(&self, now: Day, latest: Option<&Reading>) -> (Status, Option<Reading>) {
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            let own = latest.filter(|reading| Some(reading.last) == self.deadline);
            let broken = own.is_some_and(|reading| self.goal.kept_by(&reading.known) == Some(false));
            return (if broken { Status::Missed } else { Status::Unknown }, own.cloned());
        }
        let Some(reading) = latest else { return (Status::NotYetMeasurable, None) };
        (self.against_path(reading), Some(reading.clone()))
    }

    fn against_path(&self, reading: &Reading) -> Status {
        let by_milestone =
            self.path == Path::Milestones && self.milestones.iter().any(|(on, _)| *on <= reading.last);
        let Some(end) = self.end.filter(|_| by_milestone || self.known_baseline.is_some()) else {
            return Status::NotYetMeasurable;
        };
        let Some(start) = self.start.or((self.path == Path::Milestones).then_some(end)) else {
            return Status::Unknown;
        };
        let course = Course {
            baseline: self.known_baseline.clone().unwrap_or_default(),
            goal: self.promised,
            start,
            end,
            path: self.path,
            milestones: self.milestones.clone(),
        };
        let ahead = reading.known.sub(&course.due(reading.last));
        let ahead = match self.way {
            Some(Way::Up) => ahead,
            Some(Way::Down) => ahead.neg(),
            None => return Status::Unknown,
        };
        match reaches(&ahead, &Bound::closed(Number::zero())) {
            Some(true) => Status::OnTrack,
            // A promise below its own baseline may be kept behind the path.
            Some(false) if self.goal.kept_by(&reading.known) == Some(false) => Status::Behind,
            Some(false) | None => Status::Unknown,
        }
    }

    /// The part of the way that the reading has gone.
    pub fn progress(&self, reading: &Reading) -> Option<Estimate> {
        let baseline = self.baseline.as_ref()?;
        let way = Estimate::exact(Number::from(self.promised)).sub(baseline);
        let progress = reading.figure.sub(baseline).div(&way);
        (progress.value.is_some() || progress.lower.is_some() || progress.upper.is_some()).then_some(progress)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reform_model::date::Period;
    use reform_model::measure::Observation;
    use reform_model::vocabulary::{Basis, Comparator, Direction};
    use reform_model::{Name, Quantity};

    use super::*;

    const START: Day = Day(0);
    const END: Day = Day(100);

    fn status(direction: Direction, promised: i64, baseline: i64, on: i32, value: Quantity) -> Status {
        let exact =
            |number: i64| Quantity::new(number.into(), Comparator::Exact, None, String::new()).unwrap();
        let day = |day| Some(Date::exact(day));
        let variable = Variable { direction: Some(direction), ..Variable::default() };
        let target = Target {
            variable: Name::from_id("var").unwrap(),
            subject: None,
            baseline: Some(exact(baseline)),
            quantity: exact(promised),
            deadline_on: day(END),
            path: None,
            revised_from: None,
            baseline_on: day(START),
            window: None,
            basis: Some(Basis::StockAt),
            milestones: Vec::new(),
        };
        let observation = Observation {
            variable: Name::from_id("var").unwrap(),
            subject: None,
            period: Period { start: day(Day(on)), end: day(Day(on)) },
            basis: Basis::StockAt,
            quantity: value,
            method: None,
            release: None,
            published_on: None,
            derived_from: Vec::new(),
            dimensions: std::collections::BTreeMap::new(),
        };
        let observed = Observed { record: Name::from_id("seen").unwrap(), observation };
        Case::new(&target, &variable, &[observed]).judge(Day(on)).status
    }

    proptest! {
        /// What bounds decide, every figure within them decides alike.
        #[test]
        fn a_certain_status_holds_for_every_completion(
            promised in -20_i64..20, baseline in -20_i64..20, on in 0_i32..=100,
            low in -30_i64..30, width in 0_i64..10, at in 0_i64..10,
            direction in prop::sample::select(&[Direction::HigherIsBetter, Direction::LowerIsBetter][..]),
        ) {
            let range = Quantity::new(low.into(), Comparator::Between, Some((low + width).into()), String::new());
            let certain = status(direction, promised, baseline, on, range.unwrap());
            let inside = Quantity::new((low + at.min(width)).into(), Comparator::Exact, None, String::new());
            let actual = status(direction, promised, baseline, on, inside.unwrap());
            let on_the_way = certain == Status::OnTrack && actual == Status::Met;
            prop_assert!(certain == Status::Unknown || certain == actual || on_the_way, "{certain:?} {actual:?}");
            prop_assert!(actual != Status::Unknown && actual != Status::NotYetMeasurable);
        }
    }
}
