//! The period of a request, under the rules that hold for the periods of records.

use reform_api::convert;
use reform_api::data::v1;
use reform_model::{Date, Period};

/// Paths and descriptions of what is wrong.
pub(super) type Violations = Vec<(String, String)>;

/// What the period means; none after a violation was added.
pub(super) fn period(wire: &v1::Period, path: &str, violations: &mut Violations) -> Option<Period> {
    taken(convert::period(wire), path, violations)
}

/// What the date means; none after a violation was added.
pub(super) fn date(wire: &v1::Date, path: &str, violations: &mut Violations) -> Option<Date> {
    taken(convert::date(wire), path, violations)
}

fn taken<T>(converted: Result<T, convert::Violations>, path: &str, violations: &mut Violations) -> Option<T> {
    let refused = converted.map_err(|refused| {
        let below = refused.below(path).0.into_iter();
        violations.extend(below.map(|violation| (violation.field_path, violation.description)));
    });
    refused.ok()
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
