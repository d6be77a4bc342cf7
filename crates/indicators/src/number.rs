//! Exact numbers, and how they are written.

use std::iter::Sum;
use std::ops::{Add, Mul, Neg, Sub};

use num_bigint::BigInt;
use num_integer::Integer;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};
use reform_model::Decimal;

/// Exact results are written in full up to this many digits.
pub const EXACT_DIGITS_MAX: usize = 28;
/// Significant digits of every other result.
pub const SIGNIFICANT_DIGITS: usize = 12;
/// Decimal places that a square root is exact to.
const ROOT_PLACES: usize = 40;

/// A rational number, without rounding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number(BigRational);

impl Number {
    /// Zero.
    pub fn zero() -> Self {
        Self(BigRational::zero())
    }

    /// One.
    pub fn one() -> Self {
        Self(BigRational::one())
    }

    /// `numerator / denominator`; none when the denominator is zero.
    pub fn ratio(numerator: i64, denominator: i64) -> Option<Self> {
        Self::from(numerator).checked_div(&Self::from(denominator))
    }

    /// A decimal constant such as `1959964 / 10^6`.
    pub fn scaled(mantissa: i64, places: u32) -> Self {
        Self(BigRational::new(mantissa.into(), BigInt::from(10).pow(places)))
    }

    /// The quotient; none when `other` is zero.
    pub fn checked_div(&self, other: &Self) -> Option<Self> {
        if other.is_zero() { None } else { Some(Self(&self.0 / &other.0)) }
    }

    /// The square root, exact where it is rational and cut off after 40 places elsewhere; none below zero.
    pub fn sqrt(&self) -> Option<Self> {
        if self.0.is_negative() {
            return None;
        }
        // The root of a/b is the root of a·b over b: exact whenever a and b are squares.
        let scale = BigInt::from(10).pow(u32::try_from(ROOT_PLACES).expect("a small constant"));
        let under = self.0.numer() * self.0.denom() * &scale * &scale;
        Some(Self(BigRational::new(under.sqrt(), self.0.denom() * scale)))
    }

    /// Whether it is zero.
    pub fn is_zero(&self) -> bool {
        self.0.is_zero()
    }

    /// Whether it is below zero.
    pub fn is_negative(&self) -> bool {
        self.0.is_negative()
    }

    /// Whether it is above zero.
    pub fn is_positive(&self) -> bool {
        self.0.is_positive()
    }

    /// Whether it has no fraction.
    pub fn is_integer(&self) -> bool {
        self.0.is_integer()
    }

    /// The smallest integer that is not below it.
    #[must_use]
    pub fn ceiling(&self) -> Self {
        Self(self.0.ceil())
    }

    /// The distance from zero.
    #[must_use]
    pub fn abs(&self) -> Self {
        Self(self.0.abs())
    }

    /// The number as an integer, where it is one that fits.
    pub fn to_i64(&self) -> Option<i64> {
        if self.0.is_integer() { self.0.numer().to_i64() } else { None }
    }

    /// The nearest floating-point number, for searches that end in an exact check; never part of an answer.
    pub fn to_f64(&self) -> f64 {
        self.0.to_f64().unwrap_or(f64::NAN)
    }

    /// Decimal text: exact up to 28 digits, otherwise 12 significant digits, half to even.
    pub fn to_decimal_string(&self) -> String {
        if let Some((mantissa, places)) = self.terminating() {
            return trimmed(&mantissa, places);
        }
        let places = i64::try_from(SIGNIFICANT_DIGITS).expect("a small constant") - 1 - self.magnitude();
        let scaled = self.times_power_of_ten(places);
        let mantissa = half_even(&scaled);
        match usize::try_from(places) {
            Ok(places) => trimmed(&mantissa, places),
            Err(_) => (mantissa * power_of_ten(places.unsigned_abs())).to_string(),
        }
    }

    /// The number with exactly `places` decimals, half away from zero, and `,` between thousands.
    pub fn rounded(&self, places: usize) -> String {
        let mantissa = half_away(&self.times_power_of_ten(i64::try_from(places).unwrap_or(i64::MAX)));
        grouped(&plain(&mantissa, places))
    }

    /// The number with at most `places` decimals, half away from zero, without trailing zeros.
    pub fn rounded_short(&self, places: usize) -> String {
        let mantissa = half_away(&self.times_power_of_ten(i64::try_from(places).unwrap_or(i64::MAX)));
        grouped(&trimmed(&mantissa, places))
    }

    /// A fraction of 1 as percent with one decimal: `25.0 %`.
    pub fn percent(&self) -> String {
        format!("{} %", (self * &Self::from(100)).rounded(1))
    }

    /// Digits and decimal places, where the number ends within [`EXACT_DIGITS_MAX`] digits.
    fn terminating(&self) -> Option<(BigInt, usize)> {
        let (mut rest, mut twos, mut fives) = (self.0.denom().clone(), 0_usize, 0_usize);
        for (factor, count) in [(2, &mut twos), (5, &mut fives)] {
            let factor = BigInt::from(factor);
            while *count <= EXACT_DIGITS_MAX * 4 && (&rest % &factor).is_zero() {
                rest /= &factor;
                *count += 1;
            }
        }
        if !rest.is_one() {
            return None;
        }
        let places = twos.max(fives);
        let mantissa = self.times_power_of_ten(i64::try_from(places).ok()?).to_integer();
        let digits = mantissa.magnitude().to_string().len().max(places);
        (digits <= EXACT_DIGITS_MAX).then_some((mantissa, places))
    }

    /// The power of ten of the first significant digit: 0 for 1 to 9.99, -1 for 0.1.
    fn magnitude(&self) -> i64 {
        let digits =
            |number: &BigInt| i64::try_from(number.magnitude().to_string().len()).unwrap_or(i64::MAX);
        let guess = digits(self.0.numer()) - digits(self.0.denom());
        if self.times_power_of_ten(-guess).abs() < BigRational::one() { guess - 1 } else { guess }
    }

    fn times_power_of_ten(&self, places: i64) -> BigRational {
        let power = BigRational::from(power_of_ten(places.unsigned_abs()));
        if places < 0 { &self.0 / power } else { &self.0 * power }
    }
}

fn power_of_ten(places: u64) -> BigInt {
    num_traits::pow(BigInt::from(10), usize::try_from(places).unwrap_or(usize::MAX))
}

fn half_even(number: &BigRational) -> BigInt {
    let floor = number.floor().to_integer();
    let twice_rest = (number - BigRational::from(floor.clone())) * BigRational::from(BigInt::from(2));
    match twice_rest.cmp(&BigRational::one()) {
        std::cmp::Ordering::Less => floor,
        std::cmp::Ordering::Greater => floor + 1,
        std::cmp::Ordering::Equal => {
            if floor.is_even() {
                floor
            } else {
                floor + 1
            }
        }
    }
}

fn half_away(number: &BigRational) -> BigInt {
    // `BigRational::round` rounds half away from zero.
    number.round().to_integer()
}

/// `mantissa / 10^places` with all its places.
fn plain(mantissa: &BigInt, places: usize) -> String {
    let digits = format!("{:0>width$}", mantissa.magnitude().to_string(), width = places + 1);
    let sign = if mantissa.is_negative() { "-" } else { "" };
    let (whole, fraction) = digits.split_at(digits.len() - places);
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

fn trimmed(mantissa: &BigInt, places: usize) -> String {
    let text = plain(mantissa, places);
    if places == 0 {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn grouped(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let (whole, fraction) =
        digits.split_once('.').map_or((digits, None), |(whole, rest)| (whole, Some(rest)));
    let mut out = String::from(sign);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

impl From<i64> for Number {
    fn from(number: i64) -> Self {
        Self(BigRational::from(BigInt::from(number)))
    }
}

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        Self(BigRational::from(BigInt::from(number)))
    }
}

impl From<i32> for Number {
    fn from(number: i32) -> Self {
        Self::from(i64::from(number))
    }
}

impl From<Decimal> for Number {
    fn from(decimal: Decimal) -> Self {
        let denominator = BigInt::from(10).pow(decimal.scale());
        Self(BigRational::new(BigInt::from(decimal.mantissa()), denominator))
    }
}

macro_rules! operator {
    ($trait:ident, $method:ident) => {
        impl $trait for Number {
            type Output = Number;
            fn $method(self, other: Self) -> Number {
                Number($trait::$method(self.0, other.0))
            }
        }

        impl $trait for &Number {
            type Output = Number;
            fn $method(self, other: Self) -> Number {
                Number($trait::$method(&self.0, &other.0))
            }
        }
    };
}

operator!(Add, add);
operator!(Sub, sub);
operator!(Mul, mul);

impl Neg for Number {
    type Output = Number;
    fn neg(self) -> Number {
        Number(-self.0)
    }
}

impl Sum for Number {
    fn sum<I: Iterator<Item = Number>>(numbers: I) -> Self {
        numbers.fold(Self::zero(), Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(numerator: i64, denominator: i64) -> Number {
        Number::ratio(numerator, denominator).unwrap()
    }

    #[test]
    fn writes_exact_results_in_full_and_others_to_twelve_digits() {
        for (number, text) in [
            (Number::zero(), "0"),
            (ratio(1, 4), "0.25"),
            (ratio(-1, 8), "-0.125"),
            (ratio(100, 1), "100"),
            (ratio(1, 3), "0.333333333333"),
            (ratio(2, 3), "0.666666666667"),
            (ratio(200, 3), "66.6666666667"),
            (ratio(1, 300), "0.00333333333333"),
            (ratio(10_000_000_000_000, 3), "3333333333330"),
            (ratio(-1, 7), "-0.142857142857"),
            (ratio(1, 1 << 20), "0.00000095367431640625"),
            (ratio(1, 1 << 30), "0.000000000931322574615"),
        ] {
            assert_eq!(number.to_decimal_string(), text);
        }
    }

    #[test]
    fn rounds_half_to_even_beyond_the_digits() {
        // Thirty-two places are too many to be written in full; the thirteenth digit is a five.
        let half = Number::scaled(1_000_000_000_005, 12) * Number::scaled(1, 20);
        assert_eq!(half.to_decimal_string(), "0.00000000000000000001");
        let odd = Number::scaled(1_000_000_000_015, 12) * Number::scaled(1, 20);
        assert_eq!(odd.to_decimal_string(), "0.0000000000000000000100000000002");
    }

    #[test]
    fn displays_half_away_from_zero_with_thousands() {
        assert_eq!(Number::from(5300).rounded(0), "5,300");
        assert_eq!(Number::from(-1_234_567).rounded(0), "-1,234,567");
        assert_eq!(Number::scaled(25, 1).rounded(0), "3");
        assert_eq!(Number::scaled(-25, 1).rounded(0), "-3");
        assert_eq!(Number::scaled(187_800, 4).rounded_short(4), "18.78");
        assert_eq!(Number::from(100).rounded_short(4), "100");
        assert_eq!(ratio(1, 4).percent(), "25.0 %");
    }

    #[test]
    fn a_rational_root_is_exact() {
        assert_eq!(ratio(9, 16).sqrt(), Some(ratio(3, 4)));
        assert_eq!(ratio(2, 1).sqrt().unwrap().to_decimal_string(), "1.41421356237");
        assert_eq!(Number::from(-1).sqrt(), None);
    }

    #[test]
    fn a_decimal_keeps_every_digit() {
        assert_eq!(Number::from(Decimal::new(-18_780, 3)).to_decimal_string(), "-18.78");
    }
}
