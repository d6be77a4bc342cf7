//! The path from a baseline to a target: what should be reached by a day.

use num_traits::{FromPrimitive, ToPrimitive};
use reform_model::date::Day;
use reform_model::vocabulary::Path;
use reform_model::{Decimal, Quantity};

use crate::estimate::Estimate;
use crate::number::{Number, SIGNIFICANT_DIGITS};

/// A path over the days from the first to the last one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Course {
    /// Where it starts.
    pub baseline: Estimate,
    /// Where it ends.
    pub goal: Decimal,
    /// The last day on which the baseline holds.
    pub start: Day,
    /// The day on which the goal is due.
    pub end: Day,
    /// Its form.
    pub path: Path,
    /// What is due on which day, for a path by milestones.
    pub milestones: Vec<(Day, Quantity)>,
}

impl Course {
    /// What is due at the end of a day.
    ///
    /// Linear and compound paths go by days. Between milestones nothing new is due, so the last one holds. A compound
    /// path needs a baseline and a goal on the same side of zero; any other is taken as linear.
    pub fn due(&self, day: Day) -> Estimate {
        let goal = Estimate::exact(Number::from(self.goal));
        match self.path {
            Path::Milestones => {
                let passed = self.milestones.iter().filter(|(on, _)| *on <= day).max_by_key(|(on, _)| *on);
                match passed {
                    _ if day >= self.end => goal,
                    Some((_, quantity)) => Estimate::exact(Number::from(quantity.decimal())),
                    None => self.baseline.clone(),
                }
            }
            Path::Compound => self.compound(day).unwrap_or_else(|| self.linear(day, &goal)),
            Path::Linear => self.linear(day, &goal),
        }
    }

    /// The part of the days that has passed, from 0 to 1.
    fn passed(&self, day: Day) -> Number {
        let total = i64::from(self.end.0) - i64::from(self.start.0);
        let passed = (i64::from(day.0) - i64::from(self.start.0)).clamp(0, total.max(0));
        Number::ratio(passed, total).unwrap_or_else(Number::one)
    }

    fn linear(&self, day: Day, goal: &Estimate) -> Estimate {
        let passed = self.passed(day);
        let rest = Number::one() - passed.clone();
        self.baseline.scale(&rest).add(&goal.scale(&passed))
    }

    /// `baseline · (goal / baseline) ^ passed`, to the digits that answers are written with.
    fn compound(&self, day: Day) -> Option<Estimate> {
        let baseline = self.baseline.value.as_ref().filter(|_| self.baseline.is_exact())?;
        let growth = Number::from(self.goal).checked_div(baseline).filter(Number::is_positive)?;
        let due = baseline.to_f64() * growth.to_f64().powf(self.passed(day).to_f64());
        let digits = u32::try_from(SIGNIFICANT_DIGITS).ok()?;
        let due = Decimal::from_f64(due)?.round_sf(digits)?;
        due.to_f64()?.is_finite().then(|| Estimate::exact(Number::from(due)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reform_model::vocabulary::Comparator;

    fn course(baseline: i64, goal: i64, path: Path) -> Course {
        Course {
            baseline: Estimate::exact(baseline),
            goal: goal.into(),
            start: Day(0),
            end: Day(100),
            path,
            milestones: Vec::new(),
        }
    }

    fn due(course: &Course, day: i32) -> String {
        course.due(Day(day)).value.unwrap().to_decimal_string()
    }

    #[test]
    fn a_linear_path_goes_by_days_and_stays_within_its_ends() {
        let path = course(10, 30, Path::Linear);
        for (day, expected) in [(-5, "10"), (0, "10"), (25, "15"), (100, "30"), (200, "30")] {
            assert_eq!(due(&path, day), expected, "day {day}");
        }
        assert_eq!(due(&course(10, -10, Path::Linear), 50), "0");
        assert_eq!(due(&course(10, 0, Path::Linear), 50), "5");
    }

    #[test]
    fn a_compound_path_grows_by_the_same_factor_every_day() {
        assert_eq!(due(&course(100, 400, Path::Compound), 50), "200");
        assert_eq!(due(&course(-100, -400, Path::Compound), 50), "-200");
        assert_eq!(due(&course(100, 0, Path::Compound), 50), "50");
        assert_eq!(due(&course(-10, 10, Path::Compound), 75), "5");
    }

    #[test]
    fn between_milestones_the_last_one_holds() {
        let mut path = course(0, 100, Path::Milestones);
        let milestone =
            |number: i64| Quantity::new(number.into(), Comparator::Exact, None, String::new()).unwrap();
        path.milestones = vec![(Day(60), milestone(50)), (Day(30), milestone(20))];
        for (day, expected) in [(29, "0"), (30, "20"), (59, "20"), (60, "50"), (99, "50"), (100, "100")] {
            assert_eq!(due(&path, day), expected, "day {day}");
        }
    }
}
