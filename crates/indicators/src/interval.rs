//! What two running totals from one start say about the time between their ends.

use std::collections::BTreeMap;

use reform_model::measure::Variable;
use reform_model::vocabulary::Basis;
use reform_model::{Date, Day, Period};

use crate::answer::Point;
use crate::estimate::{Bound, Estimate};
use crate::number::Number;
use crate::reported::unit;
use crate::selection::{Choice, Thing};

/// The totals of one variable, by what they are of and since when; an in-period total from that start is one of them.
#[derive(Debug, Default)]
pub struct Totals(BTreeMap<(Thing, String), BTreeMap<(Day, Basis), Estimate>>);

impl Totals {
    /// The totals among the observations that were chosen. An absent or open start is unknown, so such a total has no
    /// common start with any other.
    pub fn of<'a>(
        variable: &Variable,
        chosen: impl IntoIterator<Item = (&'a Thing, &'a Choice<'a>)>,
    ) -> Self {
        let mut totals = Self::default();
        for (thing, choice) in chosen {
            if let Some((key, last)) = key(variable, thing, choice) {
                totals.0.entry(key).or_default().insert((last, thing.basis), choice.chosen.estimate());
            }
        }
        totals
    }

    /// Adds to the point of a running total how much it grew since the last total before it from the same start:
    /// `difference` with its bounds, and the first day of the interval.
    pub fn add_difference(&self, variable: &Variable, thing: &Thing, choice: &Choice<'_>, point: &mut Point) {
        let Some((key, last)) = key(variable, thing, choice) else { return };
        let earlier = self.0.get(&key).and_then(|totals| totals.range(..(last, Basis::InPeriod)).next_back());
        let Some(((end, _), before)) = earlier.filter(|_| thing.basis == Basis::CumulativeSince) else {
            return;
        };
        let Some(difference) = growth(&choice.chosen.estimate(), before) else { return };
        point.figures.insert("difference_from".to_owned(), end.next().to_string());
        let bound = |bound: Option<Bound>| bound.map(|bound| bound.number);
        for (name, number) in [
            ("difference", difference.value),
            ("difference_lower", bound(difference.lower)),
            ("difference_upper", bound(difference.upper)),
        ] {
            if let Some(number) = number {
                point.figure(name, &number);
            }
        }
    }
}

/// How much a running total grew between two of its ends: never below 0, because what was counted stays counted. None
/// when the later total certainly is the smaller one.
pub fn growth(later: &Estimate, earlier: &Estimate) -> Option<Estimate> {
    let difference = later.sub(earlier);
    let zero = || Bound::closed(Number::zero());
    if difference.upper.as_ref().is_some_and(|upper| upper.number.is_negative()) {
        return None;
    }
    Some(Estimate {
        value: difference.value.filter(|value| !value.is_negative()),
        lower: Some(difference.lower.filter(|lower| !lower.number.is_negative()).unwrap_or_else(zero)),
        ..difference
    })
}

fn key(variable: &Variable, thing: &Thing, choice: &Choice<'_>) -> Option<((Thing, String), Day)> {
    let Period { start, end } = choice.chosen.observation.period;
    let start = start.filter(|start| start.latest().is_none())?;
    let last = end.filter(|_| thing.basis != Basis::StockAt).map(Date::last)?;
    let since =
        Thing { basis: Basis::CumulativeSince, first: Some(start.first()), last: None, ..thing.clone() };
    Some(((since, unit(variable, choice.chosen).to_owned()), last))
}
