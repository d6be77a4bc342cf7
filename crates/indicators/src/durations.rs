//! Lengths of time in days: means, percentiles and classes; where a date is an interval, so is the length.
//!
//! Percentiles interpolate linearly between order statistics at position (n−1)·p, as numpy's default does (type 7 of
//! R. J. Hyndman and Y. Fan, "Sample quantiles in statistical packages", The American Statistician 50 (1996)).

use reform_model::Date;

use crate::answer::Point;
use crate::estimate::{Bound, Estimate};
use crate::number::Number;

/// Where the percentiles were published.
pub(crate) const SOURCE: &str = "Hyndman, R. J. and Fan, Y. (1996), Sample Quantiles in Statistical Packages, The \
                                 American Statistician 50 (4), 361–365: definition 7";

/// How long something took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration {
    /// Days, at least; never below zero.
    pub lower: i64,
    /// Days, at most; none when nothing says so.
    pub upper: Option<i64>,
}

impl Duration {
    /// From one date to another; none when the second certainly lies before the first.
    pub fn between(from: Date, to: Date) -> Option<Self> {
        let days = |to: reform_model::Day, from: reform_model::Day| i64::from(to.0) - i64::from(from.0);
        if to.certainly_before(from) {
            return None;
        }
        // What comes second is not earlier, so of an overlap only the part from zero on is left. A start that is open
        // to the past leaves the length open.
        let lower = to.earliest().map_or(0, |to| days(to, from.last()).max(0));
        let upper = from.earliest().map(|from| days(to.last(), from));
        Some(Self { lower, upper })
    }

    /// The number of days as a figure.
    pub fn estimate(self) -> Estimate {
        bounded(self.lower.into(), self.upper.map(Number::from))
    }

    /// The number of days, when it is known.
    pub fn days(self) -> Option<i64> {
        self.upper.filter(|upper| *upper == self.lower)
    }
}

/// The value at the fraction `part / whole` of numbers in order, each with how often it is there; none of none.
pub fn percentile(sorted: &[(i64, i64)], part: u32, whole: u32) -> Option<Number> {
    let (below, above, share) = position(total(sorted), part, whole)?;
    Some(between(nth(sorted, below)?, nth(sorted, above)?, &share))
}

fn total<T>(counted: &[(T, i64)]) -> i64 {
    counted.iter().map(|(_, count)| count).sum()
}

/// The number at a place from 0.
fn nth(sorted: &[(i64, i64)], place: i64) -> Option<i64> {
    let mut before = 0;
    let found = sorted.iter().find(|(_, count)| {
        before += count;
        place < before
    });
    found.map(|(number, _)| *number)
}

/// The order statistics around the position, and how far it lies between them.
fn position(count: i64, part: u32, whole: u32) -> Option<(i64, i64, Number)> {
    let steps = (count > 0).then(|| (count - 1).checked_mul(part.into()))??;
    let (below, rest) = (steps.checked_div(whole.into())?, steps.checked_rem(whole.into())?);
    let share = Number::ratio(rest, whole.into())?;
    Some((below, if rest == 0 { below } else { below + 1 }, share))
}

fn between(below: i64, above: i64, share: &Number) -> Number {
    Number::from(below) + share * &Number::from(above - below)
}

/// A length, and how many things took as long.
pub type Counted = (Duration, i64);

/// The percentile of lengths of which some are only bounded. It grows with each of them, so the percentiles of the
/// lower and of the upper ends bound it.
pub fn percentile_of(durations: &[Counted], part: u32, whole: u32) -> Option<Estimate> {
    let mut lower: Vec<(i64, i64)> = durations.iter().map(|(length, count)| (length.lower, *count)).collect();
    lower.sort_unstable();
    let low = percentile(&lower, part, whole)?;
    let upper = durations.iter().filter_map(|(length, count)| Some((length.upper?, *count)));
    let mut upper: Vec<(i64, i64)> = upper.collect();
    upper.sort_unstable();
    // Lengths without an end are the longest ones.
    let (below, above, share) = position(total(durations), part, whole)?;
    let ends = nth(&upper, below).zip(nth(&upper, above));
    Some(bounded(low, ends.map(|(below, above)| between(below, above, &share))))
}

/// The mean of lengths of which some are only bounded.
pub fn mean_of(durations: &[Counted]) -> Option<Estimate> {
    let count = total(durations);
    let lower: i64 = durations.iter().map(|(length, count)| length.lower * count).sum();
    let upper: Option<i64> = durations.iter().map(|(length, count)| Some(length.upper? * count)).sum();
    Some(bounded(Number::ratio(lower, count)?, upper.and_then(|upper| Number::ratio(upper, count))))
}

fn bounded(lower: Number, upper: Option<Number>) -> Estimate {
    match upper {
        Some(upper) => Estimate::between(lower, upper),
        None => Estimate { lower: Some(Bound::closed(lower)), ..Estimate::default() },
    }
}

/// Adds the mean and the 90th percentile to a point whose figure is the median: `mean`, `p90`, and their ends with
/// `_lower` and `_upper` where they are not known exactly.
pub fn describe(durations: &[Counted], point: &mut Point) {
    point.estimate = percentile_of(durations, 1, 2);
    for (key, estimate) in [("mean", mean_of(durations)), ("p90", percentile_of(durations, 9, 10))] {
        let Some(estimate) = estimate else { continue };
        if let Some(value) = &estimate.value {
            point.figure(key, value);
            continue;
        }
        for (end, bound) in [("lower", &estimate.lower), ("upper", &estimate.upper)] {
            if let Some(bound) = bound {
                point.figure(&format!("{key}_{end}"), &bound.number);
            }
        }
    }
}

/// The classes of a histogram of days: the last day of each, and its key; the last class has no end.
pub const CLASSES: [(Option<i64>, &str); 6] = [
    (Some(2), "days_0_2"),
    (Some(5), "days_3_5"),
    (Some(10), "days_6_10"),
    (Some(20), "days_11_20"),
    (Some(30), "days_21_30"),
    (None, "days_31_plus"),
];

/// How many of the lengths that are known lie in each of [`CLASSES`].
pub fn classes(durations: &[Counted]) -> [(&'static str, i64); 6] {
    let mut first = i64::MIN;
    CLASSES.map(|(last, key)| {
        let last = last.unwrap_or(i64::MAX);
        let is_in = |length: Duration| length.days().is_some_and(|days| (first..=last).contains(&days));
        let count = durations.iter().filter(|(length, _)| is_in(*length)).map(|(_, count)| count).sum();
        first = last.saturating_add(1);
        (key, count)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(days: &[i64], part: u32, expected: &str) {
        let counted: Vec<(i64, i64)> = days.iter().map(|days| (*days, 1)).collect();
        assert_eq!(
            percentile(&counted, part, 100).unwrap().to_decimal_string(),
            expected,
            "{part} % of {days:?}"
        );
    }

    fn known(days: i64) -> Counted {
        (Duration { lower: days, upper: Some(days) }, 1)
    }

    #[test]
    fn percentiles_are_those_of_numpy() {
        // numpy.percentile([1, 2, 3, 4], 40) is 2.2; the others by the same rule by hand.
        check(&[1, 2, 3, 4], 40, "2.2");
        check(&[1, 2, 3, 4], 50, "2.5");
        check(&[1, 2, 3, 4], 90, "3.7");
        check(&[15, 20, 35, 40, 50], 40, "29");
        check(&[7], 90, "7");
        check(&[0, 10], 90, "9");
        assert_eq!(percentile(&[(1, 2), (4, 3)], 40, 100).unwrap().to_decimal_string(), "2.8");
        assert_eq!(percentile(&[], 50, 100), None);
    }

    #[test]
    fn the_ends_of_a_class_belong_to_it() {
        let counted = [0, 2, 3, 5, 6, 10, 11, 20, 21, 30, 31, 400].map(known);
        let counts = classes(&counted).map(|(_, count)| count);
        assert_eq!(counts, [2; 6]);
        assert_eq!(classes(&[]).map(|(_, count)| count), [0; 6]);
    }

    #[test]
    fn a_length_without_an_end_leaves_the_upper_percentiles_open() {
        let open = (Duration { lower: 5, upper: None }, 1);
        let durations = [known(10), open, known(20)];
        let median = percentile_of(&durations, 1, 2).unwrap();
        assert_eq!(median.display(), "10–20");
        assert_eq!(percentile_of(&durations, 9, 10).unwrap().display(), "≥ 18");
        assert_eq!(mean_of(&durations).unwrap().display(), "≥ 11.6667");
        assert_eq!(mean_of(&[]), None);
    }
}
