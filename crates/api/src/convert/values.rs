//! Dates, periods, quantities and codes.

use reform_model::date::{self, Date, Digits, Period};
use reform_model::quantity::{Decimal, Quantity};
use reform_model::record::DatedName;
use reform_model::vocabulary::Comparator;

use super::checker::Checker;
use crate::data::v1;

/// What [`is_jurisdiction`] asks for.
pub(super) const JURISDICTION_EXPECTED: &str = "must be an ISO 3166-1 alpha-2 or 3166-2 code, or empty";

/// The short forms for fields that hold a value.
impl Checker<'_> {
    pub(super) fn date(&mut self, field: &'static str, wire: &Option<v1::Date>) -> Option<Date> {
        self.optional(field, wire.as_ref(), date)
    }

    /// An absent period is open at both ends.
    pub(super) fn period(&mut self, field: &'static str, wire: &Option<v1::Period>) -> Period {
        self.optional(field, wire.as_ref(), period).unwrap_or_default()
    }

    pub(super) fn quantity(&mut self, field: &'static str, wire: &Option<v1::Quantity>) -> Option<Quantity> {
        self.optional(field, wire.as_ref(), quantity)
    }

    pub(super) fn required_quantity(
        &mut self,
        field: &'static str,
        wire: &Option<v1::Quantity>,
    ) -> Option<Quantity> {
        self.required(field, wire.as_ref(), quantity)
    }

    /// A share, a threshold, a turnout: 0 to 100.
    pub(super) fn percent(&mut self, field: &'static str, wire: &Option<v1::Quantity>) -> Option<Quantity> {
        let percent = self.quantity(field, wire)?;
        let (lower, upper) = percent.extremes();
        self.check(
            field,
            lower >= Decimal::ZERO && upper <= Decimal::ONE_HUNDRED,
            "must be 0 to 100 percent",
        );
        Some(percent)
    }

    /// A quantity of which there is no less than none.
    pub(super) fn amount(&mut self, field: &'static str, quantity: Option<&Quantity>) {
        let negative = quantity.is_some_and(|quantity| quantity.extremes().0 < Decimal::ZERO);
        self.check(field, !negative, "must not be negative");
    }

    /// A region as ISO 3166-2, or empty.
    pub(super) fn region(&mut self, field: &'static str, region: &str) -> String {
        let valid = region.is_empty() || is_subdivision(region);
        self.check(field, valid, "must be an ISO 3166-2 code, or empty");
        region.to_owned()
    }
}

pub(super) fn date(c: &mut Checker<'_>, wire: &v1::Date) -> Option<Date> {
    let v1::Date { year, month, day, latest } = wire;
    let refused = c.refused();
    let from = digits(c, *year, *month, *day);
    let latest = c.optional("latest", latest.as_deref(), end_of_window);
    if c.refused() > refused {
        return None;
    }
    match Date::new(from, latest) {
        Ok(date) => Some(date),
        Err(error @ date::WindowError::Empty) => {
            c.refuse(error.to_string());
            None
        }
        Err(error @ date::WindowError::Reversed) => {
            c.refuse_field("latest", error.to_string());
            None
        }
    }
}

fn end_of_window(c: &mut Checker<'_>, wire: &v1::Date) -> Option<Digits> {
    let v1::Date { year, month, day, latest } = wire;
    c.check("latest", latest.is_none(), "a window has one latest date");
    if (year, month, day) == (&None, &None, &None) {
        c.refuse("a latest date needs a year");
    }
    digits(c, *year, *month, *day)
}

fn digits(c: &mut Checker<'_>, year: Option<i32>, month: Option<i32>, day: Option<i32>) -> Option<Digits> {
    let Some(year) = year else {
        c.check("year", month.is_none() && day.is_none(), "a month or a day needs its year");
        return None;
    };
    let error = match Digits::new(year, month, day) {
        Ok(digits) => return Some(digits),
        Err(error) => error,
    };
    let field = match error {
        date::Error::Year => "year",
        date::Error::Month | date::Error::DayWithoutMonth => "month",
        date::Error::Day => "day",
    };
    c.refuse_field(field, error.to_string());
    None
}

pub(super) fn period(c: &mut Checker<'_>, wire: &v1::Period) -> Option<Period> {
    let v1::Period { start, end } = wire;
    let period = Period { start: c.date("start", start), end: c.date("end", end) };
    if let (Some(start), Some(end)) = (period.start, period.end)
        && end.certainly_before(start)
    {
        c.refuse("the end lies before the start");
    }
    Some(period)
}

pub(super) fn quantity(c: &mut Checker<'_>, wire: &v1::Quantity) -> Option<Quantity> {
    // The printed words are for readers: the digits and the comparator say what they mean.
    let v1::Quantity { decimal, comparator, upper_decimal, unit, as_published: _ } = wire;
    let refused = c.refused();
    c.check("decimal", !decimal.is_empty(), "required");
    let decimal = self::decimal(c, "decimal", decimal);
    // An unstated bound is not EXACT: whoever writes the record says which it is.
    let comparator = c.required_choice("comparator", *comparator, Comparator::from_number);
    let upper = self::decimal(c, "upper_decimal", upper_decimal);
    if c.refused() > refused {
        return None;
    }
    Quantity::new(decimal?, comparator?, upper, unit.clone())
        .map_err(|error| c.refuse_field("upper_decimal", error.to_string()))
        .ok()
}

fn decimal(c: &mut Checker<'_>, field: &'static str, text: &str) -> Option<Decimal> {
    if text.is_empty() {
        return None;
    }
    plain_decimal(text).map_err(|description| c.refuse_field(field, description)).ok()
}

/// A number in plain digits, or what is wrong with it.
pub(super) fn plain_decimal(text: &str) -> Result<Decimal, &'static str> {
    if !is_plain(text) {
        return Err("must be plain digits such as -0.5");
    }
    Decimal::from_str_exact(text).map_err(|_| "has more than 28 digits")
}

/// Digits, perhaps a minus before them, perhaps a point with digits on both sides.
fn is_plain(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    unsigned.split_once('.').map_or_else(|| digits(unsigned), |(whole, part)| digits(whole) && digits(part))
}

pub(super) fn dated_name(c: &mut Checker<'_>, wire: &v1::DatedName) -> Option<DatedName> {
    let v1::DatedName { name, language, used } = wire;
    let name = c.required_text("name", name);
    Some(DatedName { name, language: language.clone(), used: c.period("used", used) })
}

/// ISO 3166-1 alpha-2, ISO 3166-2, or empty for what belongs to no country.
pub(super) fn is_jurisdiction(text: &str) -> bool {
    text.is_empty() || is_country(text) || is_subdivision(text)
}

fn is_country(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

pub(super) fn is_subdivision(text: &str) -> bool {
    text.split_once('-').is_some_and(|(country, part)| {
        is_country(country)
            && (1..=3).contains(&part.len())
            && part.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    })
}
