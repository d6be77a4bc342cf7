//! Figures in exact rationals, for computations that share nothing with the crate but the records.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{Signed, ToPrimitive, Zero};
use reform_indicators::estimate::Estimate;
use reform_model::vocabulary::Comparator;
use reform_model::{Decimal, Quantity};

pub(super) type Q = BigRational;

pub(super) fn int(number: i64) -> Q {
    Q::from(BigInt::from(number))
}

pub(super) fn ratio(part: i64, whole: i64) -> Q {
    Q::new(BigInt::from(part), BigInt::from(whole))
}

pub(super) fn decimal(number: Decimal) -> Q {
    Q::new(BigInt::from(number.mantissa()), BigInt::from(10).pow(number.scale()))
}

/// The number that a text of digits is.
pub(super) fn parsed(text: &str) -> Q {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits: BigInt = format!("{whole}{part}").parse().unwrap();
    Q::new(digits, BigInt::from(10).pow(u32::try_from(part.len()).unwrap()))
}

/// The root to twenty decimals.
pub(super) fn root(number: &Q) -> Q {
    let scale = BigInt::from(10).pow(20);
    let under = number.numer() * &scale * &scale / number.denom();
    Q::new(under.sqrt(), scale)
}

/// A figure: its value and its bounds, each with whether it is open.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Figure {
    pub(super) value: Option<Q>,
    pub(super) lower: Option<(Q, bool)>,
    pub(super) upper: Option<(Q, bool)>,
    pub(super) approximate: bool,
}

impl Figure {
    pub(super) fn exact(number: Q) -> Self {
        let bound = Some((number.clone(), false));
        Self { value: Some(number), lower: bound.clone(), upper: bound, approximate: false }
    }

    pub(super) fn between(value: Option<Q>, lower: Q, upper: Q) -> Self {
        Self { value, lower: Some((lower, false)), upper: Some((upper, false)), approximate: false }
    }

    /// What a source prints.
    pub(super) fn of(quantity: &Quantity) -> Self {
        let (low, high) = quantity.extremes();
        let (low, high) = (decimal(low), decimal(high));
        let closed = |number: &Q| Some((number.clone(), false));
        let open = |number: &Q| Some((number.clone(), true));
        let (lower, upper) = match quantity.comparator() {
            Comparator::Exact => (closed(&low), closed(&low)),
            Comparator::Approximate => (None, None),
            Comparator::AtLeast => (closed(&low), None),
            Comparator::MoreThan => (open(&low), None),
            Comparator::AtMost => (None, closed(&low)),
            Comparator::LessThan => (None, open(&low)),
            Comparator::Between => (closed(&low), closed(&high)),
        };
        let value = (quantity.comparator() != Comparator::Between).then_some(low);
        Self { value, lower, upper, approximate: quantity.comparator() == Comparator::Approximate }
    }

    pub(super) fn is_exact(&self) -> bool {
        self.value.is_some() && *self == Self::exact(self.value.clone().unwrap())
    }

    pub(super) fn plus(&self, other: &Self) -> Self {
        let sum = |a: &Option<(Q, bool)>, b: &Option<(Q, bool)>| match (a, b) {
            (Some(a), Some(b)) => Some((&a.0 + &b.0, a.1 || b.1)),
            _ => None,
        };
        Self {
            value: self.value.clone().zip(other.value.clone()).map(|(a, b)| a + b),
            lower: sum(&self.lower, &other.lower),
            upper: sum(&self.upper, &other.upper),
            approximate: self.approximate || other.approximate,
        }
    }

    pub(super) fn minus(&self, other: &Self) -> Self {
        let turned = Self {
            value: other.value.clone().map(|value| -value),
            lower: other.upper.clone().map(|(number, open)| (-number, open)),
            upper: other.lower.clone().map(|(number, open)| (-number, open)),
            approximate: other.approximate,
        };
        self.plus(&turned)
    }

    /// Times a factor above zero.
    pub(super) fn times(&self, factor: &Q) -> Self {
        let times = |bound: &Option<(Q, bool)>| bound.clone().map(|(number, open)| (number * factor, open));
        Self {
            value: self.value.clone().map(|value| value * factor),
            lower: times(&self.lower),
            upper: times(&self.upper),
            approximate: self.approximate,
        }
    }

    /// The quotient of two figures that are not below zero; the divisor is certainly above it, or nothing is bounded.
    pub(super) fn over(&self, other: &Self) -> Self {
        let zero = Q::zero();
        let value = match (&self.value, &other.value) {
            (Some(a), Some(b)) if !b.is_zero() => Some(a / b),
            _ => None,
        };
        let safe = other.lower.as_ref().is_some_and(|(low, open)| *low > zero || (low.is_zero() && *open));
        let lower = match (&self.lower, &other.upper) {
            (Some(a), _) if a.0.is_zero() && !a.1 => Some((zero.clone(), false)),
            (Some(a), Some(b)) => Some((&a.0 / &b.0, a.1 || b.1)),
            // Over something without limit there is always less, and never nothing.
            (Some(_), None) => Some((zero.clone(), true)),
            (None, _) => None,
        };
        let upper = match (&self.upper, &other.lower) {
            (Some(a), _) if a.0.is_zero() && !a.1 => Some((zero, false)),
            (Some(a), Some(b)) if !b.0.is_zero() => Some((&a.0 / &b.0, a.1 || b.1)),
            _ => None,
        };
        Self {
            value,
            lower: lower.filter(|_| safe),
            upper: upper.filter(|_| safe),
            approximate: self.approximate || other.approximate,
        }
    }
}

impl From<&Estimate> for Figure {
    fn from(estimate: &Estimate) -> Self {
        let number = |number: &reform_indicators::number::Number| parsed(&number.to_decimal_string());
        Self {
            value: estimate.value.as_ref().map(number),
            lower: estimate.lower.as_ref().map(|bound| (number(&bound.number), bound.open)),
            upper: estimate.upper.as_ref().map(|bound| (number(&bound.number), bound.open)),
            approximate: estimate.approximate,
        }
    }
}

/// The same to eleven digits: an answer has twelve.
pub(super) fn near(a: &Q, b: &Q) -> bool {
    let gap = (a - b).abs();
    let most = a.abs().max(b.abs()) * ratio(1, 100_000_000_000) + ratio(1, 1_000_000_000_000_000);
    gap <= most
}

pub(super) fn alike(a: &Figure, b: &Figure) -> bool {
    let bound = |a: &Option<(Q, bool)>, b: &Option<(Q, bool)>| match (a, b) {
        (Some(a), Some(b)) => near(&a.0, &b.0) && a.1 == b.1,
        (None, None) => true,
        _ => false,
    };
    let value = match (&a.value, &b.value) {
        (Some(a), Some(b)) => near(a, b),
        (None, None) => true,
        _ => false,
    };
    value && bound(&a.lower, &b.lower) && bound(&a.upper, &b.upper) && a.approximate == b.approximate
}

/// A figure for a reader of a failed test.
pub(super) fn shown(figure: Option<&Figure>) -> String {
    let Some(figure) = figure else { return "none".to_owned() };
    let number = |number: &Q| number.to_f64().unwrap().to_string();
    let bound = |bound: &Option<(Q, bool)>| {
        bound
            .as_ref()
            .map_or("..".to_owned(), |(at, open)| format!("{}{}", number(at), if *open { "o" } else { "" }))
    };
    let value = figure.value.as_ref().map_or("?".to_owned(), number);
    let about = if figure.approximate { "~" } else { "" };
    format!("{about}{value} [{}, {}]", bound(&figure.lower), bound(&figure.upper))
}

/// Wilson's interval at z = 1.959964 as it is published: the ends of the shares p with |x/n − p| ≤ z·√(p(1−p)/n).
pub(super) fn wilson(part: &Q, whole: &Q) -> Option<(Q, Q)> {
    if part.is_negative() || part > whole || !whole.is_positive() {
        return None;
    }
    let z2 = ratio(1_959_964, 1_000_000) * ratio(1_959_964, 1_000_000);
    // (n + z²) p² − (2x + z²) p + x²/n = 0
    let (a, b, c) = (whole + &z2, part * int(2) + &z2, part * part / whole);
    let under = &b * &b - &a * &c * int(4);
    let spread = root(&under);
    let ends = ((&b - &spread) / (&a * int(2)), (&b + &spread) / (&a * int(2)));
    Some((ends.0.max(Q::zero()), ends.1.min(int(1))))
}

/// A rate of two numbers that are the truth.
pub(super) fn rate(part: i64, whole: i64) -> Figure {
    let (low, high) = wilson(&int(part), &int(whole)).unwrap();
    Figure::between(Some(ratio(part, whole)), low, high)
}

/// A rate whose parts are bounds: the interval of the extreme corners.
pub(super) fn rate_of(part: &Figure, whole: &Figure) -> Option<Figure> {
    let corner = |part: &Option<(Q, bool)>, whole: &Option<(Q, bool)>| match (part, whole) {
        (Some(part), Some(whole)) => Some((wilson(&part.0, &whole.0)?, part.1 || whole.1)),
        _ => None,
    };
    let value = match (&part.value, &whole.value) {
        (Some(part), Some(whole)) if !whole.is_zero() => Some(part / whole),
        _ => None,
    };
    let lower = corner(&part.lower, &whole.upper).map(|(ends, open)| (ends.0, open));
    let upper = corner(&part.upper, &whole.lower).map(|(ends, open)| (ends.1, open));
    let known = value.is_some() || lower.is_some() || upper.is_some();
    known.then_some(Figure { value, lower, upper, approximate: part.approximate || whole.approximate })
}
