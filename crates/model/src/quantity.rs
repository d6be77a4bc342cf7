//! What a source says about a number.

use std::fmt;

pub use rust_decimal::Decimal;

use crate::vocabulary::Comparator;

/// A printed number and how it bounds the truth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quantity {
    decimal: Decimal,
    comparator: Comparator,
    upper: Option<Decimal>,
    /// What is counted or measured; empty when the source names none.
    pub unit: String,
}

/// Why numbers make no quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// BETWEEN with one number.
    #[error("BETWEEN needs upper_decimal")]
    UpperMissing,
    /// A second number without BETWEEN.
    #[error("only BETWEEN has upper_decimal")]
    UpperUnexpected,
    /// The upper number is the smaller one.
    #[error("upper_decimal is below decimal")]
    Reversed,
}

impl Quantity {
    /// A quantity; `upper` belongs to BETWEEN and to nothing else.
    pub fn new(
        decimal: Decimal,
        comparator: Comparator,
        upper: Option<Decimal>,
        unit: String,
    ) -> Result<Self, Error> {
        match (comparator, upper) {
            (Comparator::Between, None) => Err(Error::UpperMissing),
            (Comparator::Between, Some(upper)) if upper < decimal => Err(Error::Reversed),
            (Comparator::Between, Some(_)) | (_, None) => Ok(Self { decimal, comparator, upper, unit }),
            (_, Some(_)) => Err(Error::UpperUnexpected),
        }
    }

    /// The printed number; of BETWEEN the lower one.
    pub fn decimal(&self) -> Decimal {
        self.decimal
    }

    /// How the number bounds the truth.
    pub fn comparator(&self) -> Comparator {
        self.comparator
    }

    /// The value that the source gives, absent for BETWEEN.
    pub fn value(&self) -> Option<Decimal> {
        (self.comparator != Comparator::Between).then_some(self.decimal)
    }

    /// The lower bound and whether it is open ("more than").
    pub fn lower(&self) -> Option<(Decimal, bool)> {
        match self.comparator {
            Comparator::Exact | Comparator::AtLeast | Comparator::Between => Some((self.decimal, false)),
            Comparator::MoreThan => Some((self.decimal, true)),
            Comparator::Approximate | Comparator::AtMost | Comparator::LessThan => None,
        }
    }

    /// The upper bound and whether it is open ("less than").
    pub fn upper(&self) -> Option<(Decimal, bool)> {
        match self.comparator {
            Comparator::Exact | Comparator::AtMost => Some((self.decimal, false)),
            Comparator::LessThan => Some((self.decimal, true)),
            Comparator::Between => self.upper.map(|upper| (upper, false)),
            Comparator::Approximate | Comparator::AtLeast | Comparator::MoreThan => None,
        }
    }

    /// The smallest and the largest number printed.
    pub fn extremes(&self) -> (Decimal, Decimal) {
        (self.decimal, self.upper.unwrap_or(self.decimal))
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { decimal, comparator, upper, unit } = self;
        match comparator {
            Comparator::Exact => write!(f, "{decimal}")?,
            Comparator::Approximate => write!(f, "≈ {decimal}")?,
            Comparator::AtLeast => write!(f, "≥ {decimal}")?,
            Comparator::MoreThan => write!(f, "> {decimal}")?,
            Comparator::AtMost => write!(f, "≤ {decimal}")?,
            Comparator::LessThan => write!(f, "< {decimal}")?,
            Comparator::Between => write!(f, "{decimal}–{}", upper.unwrap_or(*decimal))?,
        }
        if unit.is_empty() { Ok(()) } else { write!(f, " {unit}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_never_becomes_a_value() {
        let more = Quantity::new(5300.into(), Comparator::MoreThan, None, String::new()).unwrap();
        assert_eq!(more.lower(), Some((5300.into(), true)));
        assert_eq!(more.upper(), None);
        assert_eq!(more.to_string(), "> 5300");
    }

    #[test]
    fn between_has_two_numbers_and_no_value() {
        let make = |upper| Quantity::new(24.into(), Comparator::Between, upper, String::new());
        assert_eq!(make(None), Err(Error::UpperMissing));
        assert_eq!(make(Some(20.into())), Err(Error::Reversed));
        let between = make(Some(33.into())).unwrap();
        assert_eq!(between.value(), None);
        assert_eq!(between.upper(), Some((33.into(), false)));
        let exact = Quantity::new(1.into(), Comparator::Exact, Some(2.into()), String::new());
        assert_eq!(exact, Err(Error::UpperUnexpected));
    }
}
