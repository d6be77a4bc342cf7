//! Points of indicators for a reader: when, how much, between what, and beside what.

use reform_api::analytics::v1::{Estimate, Point};
use rust_decimal::{Decimal, RoundingStrategy};

use crate::civil;

/// Decimals of a bound; the exact number is in the JSON and CSV forms.
const DECIMALS: u32 = 4;

/// From here on a number is shown in units of this.
const BILLION: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);

/// The event that the point is about, else its period.
pub(crate) fn when(point: &Point) -> String {
    let period = point.period.as_ref().map(civil::period).unwrap_or_default();
    if point.label.is_empty() { period } else { format!("{} ({period})", point.label) }
}

/// The figure; a rate with its parts, a target with its status.
pub(crate) fn figure(point: &Point) -> String {
    let shown = point.estimate.as_ref().map(|estimate| estimate.display.as_str()).unwrap_or_default();
    let rate = match (point.numerator, point.denominator) {
        (Some(numerator), Some(denominator)) => format!("{numerator} of {denominator} = {shown}"),
        (Some(_) | None, Some(_) | None) => shown.to_owned(),
    };
    match (rate.as_str(), point.status.as_str()) {
        (_, "") => rate,
        ("", status) => status.to_owned(),
        (_, status) => format!("{rate}, {status}"),
    }
}

/// Between what the truth lies.
pub(crate) fn bounds(point: &Point) -> String {
    point.estimate.as_ref().map(between).unwrap_or_default()
}

/// A figure with its bounds, where it is not the truth itself.
pub(crate) fn shown(estimate: &Estimate) -> String {
    match between(estimate).as_str() {
        "exact" => estimate.display.clone(),
        bounds if bounds == estimate.display => bounds.to_owned(),
        bounds => format!("{} ({bounds})", estimate.display),
    }
}

/// A fraction of 1 as percent with two decimals.
pub(crate) fn percent(fraction: &str) -> String {
    let hundred = |number: Decimal| number.checked_mul(Decimal::ONE_HUNDRED);
    let percent = Decimal::from_str_exact(fraction).ok().and_then(hundred);
    let rounded = |number: Decimal| number.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
    percent.map_or_else(|| fraction.to_owned(), |number| format!("{:.2} %", rounded(number)))
}

fn between(estimate: &Estimate) -> String {
    let Estimate { value, lower, upper, lower_open, upper_open, approximate, display } = estimate;
    let percent = display.ends_with('%');
    let number = |text: &String| readable(text, percent);
    match (lower, upper) {
        (Some(lower), Some(upper)) if lower == upper && value.as_ref() == Some(lower) => "exact".to_owned(),
        (Some(lower), Some(upper)) => {
            let open = if *lower_open || *upper_open { " (open)" } else { "" };
            format!("{}–{}{open}", number(lower), number(upper))
        }
        (Some(lower), None) => format!("{} {}", if *lower_open { ">" } else { "≥" }, number(lower)),
        (None, Some(upper)) => format!("{} {}", if *upper_open { "<" } else { "≤" }, number(upper)),
        (None, None) if *approximate => "around, no bounds".to_owned(),
        (None, None) => "none".to_owned(),
    }
}

/// A further figure by its key; billions as such.
pub(crate) fn further(point: &Point, key: &str) -> Option<String> {
    point.figures.get(key).map(|text| match Decimal::from_str_exact(text) {
        Ok(number) if number.abs() >= BILLION => {
            format!("{} bn", readable(&(number / BILLION).to_string(), false))
        }
        Ok(_) | Err(_) => readable(text, false),
    })
}

/// Caveats as codes, with the number of records where that is known.
pub(crate) fn caveats(point: &Point) -> String {
    let code = |caveat: &reform_api::analytics::v1::Caveat| match caveat.count {
        0 => caveat.code.clone(),
        count => format!("{} ×{count}", caveat.code),
    };
    point.caveats.iter().map(code).collect::<Vec<_>>().join(", ")
}

/// Grouped digits, at most [`DECIMALS`] of them after the point; a fraction of 1 as percent with one.
fn readable(text: &str, percent: bool) -> String {
    let Ok(number) = Decimal::from_str_exact(text) else { return text.to_owned() };
    let rounding = RoundingStrategy::MidpointAwayFromZero;
    if percent {
        let Some(number) = number.checked_mul(Decimal::ONE_HUNDRED) else { return text.to_owned() };
        return format!("{:.1} %", number.round_dp_with_strategy(1, rounding));
    }
    grouped(&number.round_dp_with_strategy(DECIMALS, rounding).normalize().to_string())
}

/// A number with `,` between thousands.
pub(crate) fn grouped(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if decimals.is_empty() { format!("{sign}{grouped}") } else { format!("{sign}{grouped}.{decimals}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(value: Option<&str>, lower: Option<&str>, upper: Option<&str>, display: &str) -> Point {
        let estimate = Estimate {
            value: value.map(ToOwned::to_owned),
            lower: lower.map(ToOwned::to_owned),
            upper: upper.map(ToOwned::to_owned),
            lower_open: display.starts_with('>'),
            display: display.to_owned(),
            ..Estimate::default()
        };
        Point { estimate: Some(estimate), ..Point::default() }
    }

    #[test]
    fn bounds_read_as_what_they_are() {
        for (value, lower, upper, display, expected) in [
            (Some("6"), Some("6"), Some("6"), "6", "exact"),
            (Some("5300"), Some("5300"), None, "> 5,300", "> 5,300"),
            (None, Some("4"), Some("8"), "4–8", "4–8"),
            (Some("0.25"), Some("0.132534"), Some("0.421073"), "25.0 %", "13.3 %–42.1 %"),
            (Some("3.0797"), Some("3.07970000001"), Some("3.0798"), "3.0797", "3.0797–3.0798"),
            (None, None, Some("-1234567.5"), "", "≤ -1,234,567.5"),
            (Some("1000"), None, None, "≈ 1,000", "none"),
        ] {
            assert_eq!(bounds(&point(value, lower, upper, display)), expected);
        }
    }

    #[test]
    fn a_rate_shows_its_parts_and_a_target_its_status() {
        let rate = point(Some("0.25"), None, None, "25.0 %");
        let rate = Point { numerator: Some(8), denominator: Some(32), ..rate };
        assert_eq!(figure(&rate), "8 of 32 = 25.0 %");
        assert_eq!(figure(&Point { status: "MET".to_owned(), ..Point::default() }), "MET");
    }
}
