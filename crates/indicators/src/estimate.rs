//! A figure with what is known about it: bounds travel through every operation.

use reform_model::Quantity;
use reform_model::vocabulary::Comparator;

use crate::number::Number;

/// A limit that the truth does not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The limit.
    pub number: Number,
    /// The truth never lies on the limit itself.
    pub open: bool,
}

impl Bound {
    /// A limit that the truth may reach.
    pub fn closed(number: Number) -> Self {
        Self { number, open: false }
    }

    /// A limit that the truth does not reach.
    pub fn open(number: Number) -> Self {
        Self { number, open: true }
    }
}

/// How [`Estimate::display`] writes the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Style {
    /// At most four decimals.
    #[default]
    Plain,
    /// As [`Style::Plain`]; a count with uncertain members reads as its range.
    Count,
    /// A fraction of 1 as percent with one decimal.
    Percent,
    /// That many decimals, always.
    Decimals(usize),
}

/// A figure, its bounds, and whether it is only near the truth.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Estimate {
    /// The figure; none when only bounds are known.
    pub value: Option<Number>,
    /// The lower bound.
    pub lower: Option<Bound>,
    /// The upper bound.
    pub upper: Option<Bound>,
    /// The source says "around", or a part of the figure does.
    pub approximate: bool,
    /// How it is shown to a reader.
    pub style: Style,
}

impl Estimate {
    /// A figure that is the truth.
    pub fn exact(number: impl Into<Number>) -> Self {
        let number = number.into();
        Self {
            lower: Some(Bound::closed(number.clone())),
            upper: Some(Bound::closed(number.clone())),
            value: Some(number),
            ..Self::default()
        }
    }

    /// Only bounds, both of which the truth may reach; a value where they meet.
    pub fn between(lower: impl Into<Number>, upper: impl Into<Number>) -> Self {
        let (lower, upper) = (lower.into(), upper.into());
        let value = (lower == upper).then(|| lower.clone());
        Self {
            value,
            lower: Some(Bound::closed(lower)),
            upper: Some(Bound::closed(upper)),
            ..Self::default()
        }
    }

    /// A count: the certain members are value and lower bound, the uncertain ones add to the upper.
    pub fn count(certain: i64, uncertain: i64) -> Self {
        Self {
            value: Some(certain.into()),
            lower: Some(Bound::closed(certain.into())),
            upper: Some(Bound::closed(certain.saturating_add(uncertain).into())),
            approximate: false,
            style: Style::Count,
        }
    }

    /// A count at a date: as [`Estimate::count`], with no value when the bounds differ.
    pub fn count_between(certain: i64, uncertain: i64) -> Self {
        Self::between(certain, certain.saturating_add(uncertain)).with_style(Style::Count)
    }

    /// The same figure shown in another way.
    #[must_use]
    pub fn with_style(self, style: Style) -> Self {
        Self { style, ..self }
    }

    /// Whether the figure is one number and that is the truth.
    pub fn is_exact(&self) -> bool {
        let same = |bound: &Option<Bound>| {
            bound.as_ref().is_some_and(|bound| !bound.open && Some(&bound.number) == self.value.as_ref())
        };
        same(&self.lower) && same(&self.upper)
    }

    /// The sum; unbounded where a part is.
    #[must_use]
    pub fn add(&self, other: &Self) -> Self {
        Self {
            value: both(&self.value, &other.value, |a, b| a + b),
            lower: add_bounds(self.lower.as_ref(), other.lower.as_ref()),
            upper: add_bounds(self.upper.as_ref(), other.upper.as_ref()),
            approximate: self.approximate || other.approximate,
            style: self.style,
        }
    }

    /// The difference, with the extreme corners as bounds.
    #[must_use]
    pub fn sub(&self, other: &Self) -> Self {
        self.add(&other.neg())
    }

    /// The negative.
    #[must_use]
    pub fn neg(&self) -> Self {
        let turn = |bound: &Option<Bound>| {
            bound.clone().map(|bound| Bound { number: -bound.number, open: bound.open })
        };
        Self {
            value: self.value.clone().map(|value| -value),
            lower: turn(&self.upper),
            upper: turn(&self.lower),
            approximate: self.approximate,
            style: self.style,
        }
    }

    /// The figure times a number that is exact.
    #[must_use]
    pub fn scale(&self, factor: &Number) -> Self {
        if factor.is_zero() {
            // Nothing times anything is nothing, whatever is unknown about it.
            return Self { approximate: self.approximate, style: self.style, ..Self::exact(0) };
        }
        if factor.is_negative() {
            return self.neg().scale(&-factor.clone());
        }
        let times = |bound: &Option<Bound>| {
            bound.as_ref().map(|bound| Bound { number: &bound.number * factor, open: bound.open })
        };
        Self {
            value: self.value.as_ref().map(|value| value * factor),
            lower: times(&self.lower),
            upper: times(&self.upper),
            approximate: self.approximate,
            style: self.style,
        }
    }

    /// The ratio, with the extreme corners as bounds; without any when the divisor may be zero.
    #[must_use]
    pub fn div(&self, other: &Self) -> Self {
        let value = match (&self.value, &other.value) {
            (Some(a), Some(b)) => a.checked_div(b),
            (None, _) | (_, None) => None,
        };
        let (lower, upper) = corner::quotient(self, other);
        Self { value, lower, upper, approximate: self.approximate || other.approximate, style: self.style }
    }

    /// The sum of many; zero of none.
    pub fn sum<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut parts = parts.into_iter();
        let Some(first) = parts.next() else { return Self::exact(0) };
        parts.fold(first.clone(), |sum, part| sum.add(part))
    }

    /// The smallest figure that holds both: for rivals between which nothing decides.
    #[must_use]
    pub fn hull(&self, other: &Self) -> Self {
        let lower = match (&self.lower, &other.lower) {
            (Some(a), Some(b)) => Some(corner::lowest(a.clone(), b.clone())),
            (None, _) | (_, None) => None,
        };
        let upper = match (&self.upper, &other.upper) {
            (Some(a), Some(b)) => Some(corner::highest(a.clone(), b.clone())),
            (None, _) | (_, None) => None,
        };
        let value = if self.value == other.value { self.value.clone() } else { None };
        Self { value, lower, upper, approximate: self.approximate || other.approximate, style: self.style }
    }

    /// The figure for a reader, such as `> 5,300`, `24–33` or `25.0 %`; rounded half away from zero.
    pub fn display(&self) -> String {
        let text = |number: &Number| self.style.text(number);
        let around = if self.approximate { "≈ " } else { "" };
        let Some(value) = &self.value else {
            return match (&self.lower, &self.upper) {
                (Some(lower), Some(upper)) => {
                    format!("{around}{}–{}", text(&lower.number), text(&upper.number))
                }
                (Some(lower), None) => format!("{} {}", sign(lower.open, ">", "≥"), text(&lower.number)),
                (None, Some(upper)) => format!("{} {}", sign(upper.open, "<", "≤"), text(&upper.number)),
                (None, None) => "unknown".to_owned(),
            };
        };
        match (&self.lower, &self.upper) {
            (Some(lower), None) if lower.number == *value && !self.approximate => {
                format!("{} {}", sign(lower.open, ">", "≥"), text(value))
            }
            (None, Some(upper)) if upper.number == *value && !self.approximate => {
                format!("{} {}", sign(upper.open, "<", "≤"), text(value))
            }
            // A value that is an open end is not the figure: what is more than it is in between.
            (Some(lower), Some(upper))
                if lower.number != upper.number
                    && (self.style == Style::Count
                        || lower.open && lower.number == *value
                        || upper.open && upper.number == *value) =>
            {
                format!("{around}{}–{}", text(&lower.number), text(&upper.number))
            }
            (Some(_), Some(_)) => format!("{around}{}", text(value)),
            // A value with a side open to infinity that is not its own bound is no more than a hint.
            (None, _) | (_, None) => format!("≈ {}", text(value)),
        }
    }
}

impl From<&Quantity> for Estimate {
    fn from(quantity: &Quantity) -> Self {
        let bound = |(number, open): (reform_model::Decimal, bool)| Bound { number: number.into(), open };
        Self {
            value: quantity.value().map(Number::from),
            lower: quantity.lower().map(bound),
            upper: quantity.upper().map(bound),
            approximate: quantity.comparator() == Comparator::Approximate,
            style: Style::Plain,
        }
    }
}

impl Style {
    fn text(self, number: &Number) -> String {
        match self {
            Style::Plain | Style::Count => number.rounded_short(4),
            Style::Percent => number.percent(),
            Style::Decimals(places) => number.rounded(places),
        }
    }
}

fn sign(open: bool, strict: &'static str, loose: &'static str) -> &'static str {
    if open { strict } else { loose }
}

fn both<T>(a: &Option<T>, b: &Option<T>, join: impl Fn(&T, &T) -> T) -> Option<T> {
    Some(join(a.as_ref()?, b.as_ref()?))
}

fn add_bounds(a: Option<&Bound>, b: Option<&Bound>) -> Option<Bound> {
    let (a, b) = (a?, b?);
    Some(Bound { number: &a.number + &b.number, open: a.open || b.open })
}

/// Bounds of products and quotients, where an end may lie at infinity.
mod corner {
    use super::{Bound, Estimate};
    use crate::number::Number;

    /// An end of an interval.
    #[derive(Clone)]
    enum End {
        MinusInfinity,
        At(Bound),
        Infinity,
    }

    pub(super) fn quotient(a: &Estimate, b: &Estimate) -> (Option<Bound>, Option<Bound>) {
        let Some(inverse) = reciprocal(b) else { return (None, None) };
        let first = [
            a.lower.clone().map_or(End::MinusInfinity, End::At),
            a.upper.clone().map_or(End::Infinity, End::At),
        ];
        let corners: Vec<End> =
            first.iter().flat_map(|x| inverse.iter().map(move |y| product(x, y))).collect();
        let lowest_end = corners.iter().cloned().reduce(|x, y| match (x, y) {
            (End::MinusInfinity, _) | (_, End::MinusInfinity) => End::MinusInfinity,
            (End::At(x), End::At(y)) => End::At(lowest(x, y)),
            (End::At(x), End::Infinity) | (End::Infinity, End::At(x)) => End::At(x),
            (End::Infinity, End::Infinity) => End::Infinity,
        });
        let highest_end = corners.into_iter().reduce(|x, y| match (x, y) {
            (End::Infinity, _) | (_, End::Infinity) => End::Infinity,
            (End::At(x), End::At(y)) => End::At(highest(x, y)),
            (End::At(x), End::MinusInfinity) | (End::MinusInfinity, End::At(x)) => End::At(x),
            (End::MinusInfinity, End::MinusInfinity) => End::MinusInfinity,
        });
        (finite(lowest_end), finite(highest_end))
    }

    pub(super) fn lowest(x: Bound, y: Bound) -> Bound {
        match x.number.cmp(&y.number) {
            std::cmp::Ordering::Less => x,
            std::cmp::Ordering::Greater => y,
            std::cmp::Ordering::Equal => Bound { number: x.number, open: x.open && y.open },
        }
    }

    pub(super) fn highest(x: Bound, y: Bound) -> Bound {
        match x.number.cmp(&y.number) {
            std::cmp::Ordering::Greater => x,
            std::cmp::Ordering::Less => y,
            std::cmp::Ordering::Equal => Bound { number: x.number, open: x.open && y.open },
        }
    }

    fn finite(end: Option<End>) -> Option<Bound> {
        match end? {
            End::At(bound) => Some(bound),
            End::MinusInfinity | End::Infinity => None,
        }
    }

    /// The interval of 1/b; none when b may be zero.
    fn reciprocal(b: &Estimate) -> Option<[End; 2]> {
        let invert = |bound: &Bound| {
            let number = Number::one().checked_div(&bound.number)?;
            Some(End::At(Bound { number, open: bound.open }))
        };
        let zero = || End::At(Bound::open(Number::zero()));
        let above = |bound: &Bound| bound.number.is_positive() || (bound.number.is_zero() && bound.open);
        let below = |bound: &Bound| bound.number.is_negative() || (bound.number.is_zero() && bound.open);
        match (&b.lower, &b.upper) {
            (Some(lower), upper) if above(lower) => Some([
                upper.as_ref().map_or_else(|| Some(zero()), invert)?,
                invert(lower).unwrap_or(End::Infinity),
            ]),
            (lower, Some(upper)) if below(upper) => Some([
                invert(upper).unwrap_or(End::MinusInfinity),
                lower.as_ref().map_or_else(|| Some(zero()), invert)?,
            ]),
            (Some(_) | None, Some(_) | None) => None,
        }
    }

    fn product(x: &End, y: &End) -> End {
        match (x, y) {
            (End::At(x), End::At(y)) => {
                let number = &x.number * &y.number;
                // A zero that is reached makes the product reach zero, however open the other end is.
                let reached_zero = |bound: &Bound| bound.number.is_zero() && !bound.open;
                let open = (x.open || y.open) && !reached_zero(x) && !reached_zero(y);
                End::At(Bound { number, open })
            }
            (End::At(at), other) | (other, End::At(at)) => {
                let infinite_below = matches!(other, End::MinusInfinity);
                if at.number.is_zero() {
                    End::At(at.clone())
                } else if at.number.is_negative() == infinite_below {
                    End::Infinity
                } else {
                    End::MinusInfinity
                }
            }
            (End::Infinity, End::Infinity) | (End::MinusInfinity, End::MinusInfinity) => End::Infinity,
            (End::Infinity, End::MinusInfinity) | (End::MinusInfinity, End::Infinity) => End::MinusInfinity,
        }
    }
}
