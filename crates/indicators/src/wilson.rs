//! Rates with their interval.
//!
//! E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the American
//! Statistical Association 22 (1927): the score interval, without continuity correction.

use crate::estimate::{Bound, Estimate, Style};
use crate::number::Number;

/// Where the interval was published.
pub(crate) const SOURCE: &str = "Wilson, E. B. (1927), Probable Inference, the Law of Succession, and Statistical \
                                 Inference, Journal of the American Statistical Association 22 (158), 209–212: the \
                                 score interval, z = 1.959964, without continuity correction";

/// The quantile of the normal distribution for 95 %: 1.959964.
fn z() -> Number {
    Number::scaled(1_959_964, 6)
}

/// The 95 % interval of `part` out of `whole`; none unless 0 ≤ part ≤ whole and whole > 0.
pub fn interval(part: &Number, whole: &Number) -> Option<(Number, Number)> {
    if part.is_negative() || part > whole || !whole.is_positive() {
        return None;
    }
    let share = part.checked_div(whole)?;
    let z_square = &z() * &z();
    let z_per_whole = z_square.checked_div(whole)?;
    let stretch = &Number::one() + &z_per_whole;
    let centre = &share + &(&z_per_whole * &Number::scaled(5, 1));
    let variance = (&share * &(&Number::one() - &share)).checked_div(whole)?;
    let quarter = z_per_whole.checked_div(whole)? * Number::scaled(25, 2);
    let half = &z() * &(variance + quarter).sqrt()?;
    let lower = (&centre - &half).checked_div(&stretch)?.max(Number::zero());
    let upper = (&centre + &half).checked_div(&stretch)?.min(Number::one());
    Some((lower, upper))
}

/// `part / (part + rest)` as a share with its interval; of bounds the interval of the extreme corners.
///
/// None when neither a value nor a bound can be stated.
pub fn rate(part: &Estimate, rest: &Estimate) -> Option<Estimate> {
    let value = match (&part.value, &rest.value) {
        (Some(part), Some(rest)) => part.checked_div(&(part + rest)),
        (None, _) | (_, None) => None,
    };
    let lower = corner(part.lower.as_ref(), rest.upper.as_ref())
        .map(|(interval, open)| Bound { number: interval.0, open });
    let upper = corner(part.upper.as_ref(), rest.lower.as_ref())
        .map(|(interval, open)| Bound { number: interval.1, open });
    stated(value, lower, upper, part.approximate || rest.approximate)
}

/// As [`rate`], of a whole that is known itself.
pub fn rate_of(part: &Estimate, whole: &Estimate) -> Option<Estimate> {
    let value = match (&part.value, &whole.value) {
        (Some(part), Some(whole)) => part.checked_div(whole),
        (None, _) | (_, None) => None,
    };
    let corner = |part: Option<&Bound>, whole: Option<&Bound>| {
        let (part, whole) = (part?, whole?);
        Some((interval(&part.number, &whole.number)?, part.open || whole.open))
    };
    let lower = corner(part.lower.as_ref(), whole.upper.as_ref())
        .map(|(interval, open)| Bound { number: interval.0, open });
    let upper = corner(part.upper.as_ref(), whole.lower.as_ref())
        .map(|(interval, open)| Bound { number: interval.1, open });
    stated(value, lower, upper, part.approximate || whole.approximate)
}

fn stated(
    value: Option<Number>,
    lower: Option<Bound>,
    upper: Option<Bound>,
    approximate: bool,
) -> Option<Estimate> {
    let known = value.is_some() || lower.is_some() || upper.is_some();
    known.then_some(Estimate { value, lower, upper, approximate, style: Style::Percent })
}

fn corner(part: Option<&Bound>, rest: Option<&Bound>) -> Option<((Number, Number), bool)> {
    let (part, rest) = (part?, rest?);
    Some((interval(&part.number, &(&part.number + &rest.number))?, part.open || rest.open))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(part: i64, whole: i64, lower: &str, upper: &str) {
        let (low, high) = interval(&part.into(), &whole.into()).unwrap();
        assert_eq!((low.rounded(4).as_str(), high.rounded(4).as_str()), (lower, upper), "{part} of {whole}");
    }

    #[test]
    fn gives_the_published_intervals() {
        check(8, 32, "0.1325", "0.4211");
        // By hand: z²/(n+z²) for none and its mirror for all.
        check(0, 10, "0.0000", "0.2775");
        check(10, 10, "0.7225", "1.0000");
    }

    #[test]
    fn takes_the_extreme_corners_of_bounds() {
        let rate = rate(&Estimate::between(8, 10), &Estimate::exact(24)).unwrap();
        assert_eq!(rate.value, None);
        assert_eq!(rate.lower.unwrap().number, interval(&8.into(), &32.into()).unwrap().0);
        assert_eq!(rate.upper.unwrap().number, interval(&10.into(), &34.into()).unwrap().1);
    }

    #[test]
    fn nothing_out_of_nothing_has_no_rate() {
        assert_eq!(rate(&Estimate::exact(0), &Estimate::exact(0)), None);
        assert_eq!(interval(&5.into(), &4.into()), None);
    }
}
