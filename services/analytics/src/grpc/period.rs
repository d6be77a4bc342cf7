//! The period of a request, under the rules that hold for the periods of records.

use reform_api::data::v1;
use reform_model::date::{self, Date, Digits, Period};

/// Paths and descriptions of what is wrong.
pub(super) type Violations = Vec<(String, String)>;

/// What the period means; none after a violation was added.
pub(super) fn period(wire: &v1::Period, path: &str, violations: &mut Violations) -> Option<Period> {
    let before = violations.len();
    let v1::Period { start, end } = wire;
    let start = start.as_ref().map(|wire| date(wire, &format!("{path}.start"), violations));
    let end = end.as_ref().map(|wire| date(wire, &format!("{path}.end"), violations));
    let period = Period { start: start.flatten(), end: end.flatten() };
    if let (Some(start), Some(end)) = (period.start, period.end)
        && end.certainly_before(start)
    {
        violations.push((path.to_owned(), "the end lies before the start".to_owned()));
    }
    (violations.len() == before).then_some(period)
}

/// What the date means; none after a violation was added.
pub(super) fn date(wire: &v1::Date, path: &str, violations: &mut Violations) -> Option<Date> {
    let before = violations.len();
    let v1::Date { year, month, day, latest } = wire;
    let from = digits((*year, *month, *day), path, violations);
    let latest_path = format!("{path}.latest");
    let latest = latest.as_deref().and_then(|wire| {
        let v1::Date { year, month, day, latest } = wire;
        if latest.is_some() {
            let nested = format!("{latest_path}.latest");
            violations.push((nested, "a window has one latest date".to_owned()));
        }
        if (year, month, day) == (&None, &None, &None) {
            violations.push((latest_path.clone(), "a latest date needs a year".to_owned()));
        }
        digits((*year, *month, *day), &latest_path, violations)
    });
    if violations.len() > before {
        return None;
    }
    let made = Date::new(from, latest).map_err(|error| {
        let path = match error {
            date::WindowError::Empty => path.to_owned(),
            date::WindowError::Reversed => latest_path,
        };
        violations.push((path, error.to_string()));
    });
    made.ok()
}

fn digits(
    (year, month, day): (Option<i32>, Option<i32>, Option<i32>),
    path: &str,
    violations: &mut Violations,
) -> Option<Digits> {
    let Some(year) = year else {
        if month.is_some() || day.is_some() {
            violations.push((format!("{path}.year"), "a month or a day needs its year".to_owned()));
        }
        return None;
    };
    let made = Digits::new(year, month, day).map_err(|error| {
        let field = match error {
            date::Error::Year => "year",
            date::Error::Month | date::Error::DayWithoutMonth => "month",
            date::Error::Day => "day",
        };
        violations.push((format!("{path}.{field}"), error.to_string()));
    });
    made.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(start: v1::Date, end: Option<v1::Date>) -> Vec<String> {
        let mut violations = Vec::new();
        let wire = v1::Period { start: Some(start), end };
        let period = period(&wire, "period", &mut violations);
        assert_eq!(period.is_some(), violations.is_empty());
        violations.into_iter().map(|(path, _)| path).collect()
    }

    fn ymd(year: Option<i32>, month: Option<i32>, day: Option<i32>) -> v1::Date {
        v1::Date { year, month, day, latest: None }
    }

    #[test]
    fn names_the_field_that_is_wrong() {
        let y2023 = || ymd(Some(2023), None, None);
        let until = |latest| v1::Date { latest: Some(Box::new(latest)), ..y2023() };
        let table: Vec<(v1::Date, Option<v1::Date>, &[&str])> = vec![
            (y2023(), Some(y2023()), &[]),
            (until(ymd(Some(2024), None, None)), None, &[]),
            (ymd(None, None, None), None, &["period.start"]),
            (ymd(None, Some(3), None), None, &["period.start.year"]),
            (ymd(Some(2023), Some(13), None), None, &["period.start.month"]),
            (ymd(Some(2023), Some(2), Some(29)), None, &["period.start.day"]),
            (ymd(Some(2023), None, Some(1)), None, &["period.start.month"]),
            (y2023(), Some(ymd(Some(0), None, None)), &["period.end.year"]),
            (y2023(), Some(ymd(Some(2022), None, None)), &["period"]),
            (until(ymd(Some(2022), None, None)), None, &["period.start.latest"]),
            (until(ymd(None, None, None)), None, &["period.start.latest"]),
            (until(until(y2023())), None, &["period.start.latest.latest"]),
        ];
        for (start, end, expected) in table {
            assert_eq!(paths(start.clone(), end), expected, "{start:?}");
        }
    }
}
