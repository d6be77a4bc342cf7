//! What satisfies a target, and whether a figure certainly does.

use reform_model::vocabulary::{Comparator, Direction};
use reform_model::{Decimal, Quantity};

use crate::estimate::{Bound, Estimate};
use crate::number::Number;

/// The numbers that keep a promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Goal {
    at_least: Option<Bound>,
    at_most: Option<Bound>,
    /// The promise itself is a bound on the wrong side ("up to" of what should grow): it can be kept certainly, but
    /// never certainly broken.
    vague: bool,
}

/// Which way a figure must move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// More is better.
    Up,
    /// Less is better.
    Down,
}

impl Way {
    /// The way that the variable states; of a neutral one, the way from the baseline to the promise.
    pub fn of(direction: Option<Direction>, promise: &Quantity, baseline: Option<&Estimate>) -> Option<Self> {
        match direction {
            Some(Direction::HigherIsBetter) => Some(Way::Up),
            Some(Direction::LowerIsBetter) => Some(Way::Down),
            Some(Direction::Neutral) | None => match promise.comparator() {
                Comparator::AtLeast | Comparator::MoreThan => Some(Way::Up),
                Comparator::AtMost | Comparator::LessThan => Some(Way::Down),
                Comparator::Exact | Comparator::Approximate | Comparator::Between => {
                    let baseline = baseline?.value.as_ref()?;
                    let (low, high) = promise.extremes();
                    if *baseline < Number::from(low) {
                        Some(Way::Up)
                    } else if *baseline > Number::from(high) {
                        Some(Way::Down)
                    } else {
                        None
                    }
                }
            },
        }
    }
}

impl Goal {
    /// What keeps the promise when the figure must move that way; without a way only the promised number does.
    pub fn new(promise: &Quantity, way: Option<Way>) -> Self {
        let (low, high) = promise.extremes();
        let bound = |number: Decimal, open| Some(Bound { number: number.into(), open });
        let comparator = promise.comparator();
        match way {
            Some(Way::Up) => Self {
                at_least: bound(low, comparator == Comparator::MoreThan),
                at_most: None,
                vague: matches!(comparator, Comparator::AtMost | Comparator::LessThan),
            },
            Some(Way::Down) => Self {
                at_least: None,
                at_most: bound(high, comparator == Comparator::LessThan),
                vague: matches!(comparator, Comparator::AtLeast | Comparator::MoreThan),
            },
            None => Self { at_least: bound(low, false), at_most: bound(high, false), vague: false },
        }
    }

    /// Whether a figure within the bounds keeps the promise, when every number between them agrees.
    pub fn kept_by(&self, figure: &Estimate) -> Option<bool> {
        let floor = self.at_least.as_ref().map_or(Some(true), |floor| reaches(figure, floor));
        let ceiling = self.at_most.as_ref().map_or(Some(true), |ceiling| {
            let turned = Bound { number: -ceiling.number.clone(), open: ceiling.open };
            reaches(&figure.neg(), &turned)
        });
        match (floor, ceiling) {
            (Some(true), Some(true)) => Some(true),
            (Some(false), _) | (_, Some(false)) if !self.vague => Some(false),
            (_, _) => None,
        }
    }
}

/// Whether the figure is at or above the floor (above it, where that is open).
pub(super) fn reaches(figure: &Estimate, floor: &Bound) -> Option<bool> {
    use std::cmp::Ordering::{Equal, Greater, Less};
    if let Some(lower) = &figure.lower {
        match lower.number.cmp(&floor.number) {
            Greater => return Some(true),
            Equal if lower.open || !floor.open => return Some(true),
            Equal | Less => {}
        }
    }
    let upper = figure.upper.as_ref()?;
    match upper.number.cmp(&floor.number) {
        Less => Some(false),
        Equal if upper.open || floor.open => Some(false),
        Equal | Greater => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantity(decimal: i64, comparator: Comparator) -> Quantity {
        Quantity::new(decimal.into(), comparator, None, String::new()).unwrap()
    }

    #[test]
    fn only_certain_bounds_decide() {
        use Comparator::{AtLeast, AtMost, Exact, LessThan, MoreThan};
        let (up, down) = (Some(Way::Up), Some(Way::Down));
        for (promise, way, figure, kept) in [
            ((10, Exact), up, (10, Exact), Some(true)),
            ((10, Exact), up, (9, Exact), Some(false)),
            ((10, MoreThan), up, (10, Exact), Some(false)),
            ((10, MoreThan), up, (10, MoreThan), Some(true)),
            ((10, AtLeast), up, (9, MoreThan), None),
            ((10, AtLeast), up, (10, LessThan), Some(false)),
            ((10, AtLeast), up, (10, AtMost), None),
            ((10, Exact), down, (10, Exact), Some(true)),
            ((10, LessThan), down, (10, Exact), Some(false)),
            ((10, Exact), down, (11, AtLeast), Some(false)),
            ((10, Exact), down, (11, AtMost), None),
            ((10, AtMost), up, (9, Exact), None),
            ((10, AtMost), up, (10, Exact), Some(true)),
            ((10, Exact), None, (10, Exact), Some(true)),
            ((10, Exact), None, (11, Exact), Some(false)),
            ((10, Exact), None, (10, AtLeast), None),
        ] {
            let goal = Goal::new(&quantity(promise.0, promise.1), way);
            let figure = quantity(figure.0, figure.1);
            assert_eq!(goal.kept_by(&Estimate::from(&figure)), kept, "{promise:?} {way:?} {figure}");
        }
    }
}
