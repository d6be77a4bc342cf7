//! Dates and periods of the contract, read from and written for a person.

use reform_api::data::v1::{Date, Period};

/// `2023`, `2023-03` or `2023-03-19`; `2023-03..2023-05` for a window, `..2004` for "not after".
pub(crate) fn date(date: &Date) -> String {
    let digits = digits(date);
    match date.latest.as_deref() {
        None => digits,
        Some(latest) => format!("{digits}..{}", self::digits(latest)),
    }
}

fn digits(Date { year, month, day, latest: _ }: &Date) -> String {
    let mut text = year.map(|year| format!("{year:04}")).unwrap_or_default();
    for part in [month, day].into_iter().flatten() {
        text.push_str(&format!("-{part:02}"));
    }
    text
}

/// One date when both ends are the same, else `2019 to 2024`; an open end is left out.
pub(crate) fn period(Period { start, end }: &Period) -> String {
    match (start, end) {
        (Some(start), Some(end)) if start == end => date(start),
        (Some(start), Some(end)) => format!("{} to {}", date(start), date(end)),
        (Some(start), None) => format!("from {}", date(start)),
        (None, Some(end)) => format!("to {}", date(end)),
        (None, None) => String::new(),
    }
}

/// Reads `2019..2024`, `2019..`, `..2024-06-30` or a single `2023-03`, which is both ends.
pub(crate) fn parse_period(text: &str) -> Result<Period, String> {
    let end_of = |part: &str| if part.is_empty() { Ok(None) } else { parse_date(part).map(Some) };
    match text.split_once("..") {
        Some(("", "")) => Err("write START..END, where one of them may be missing".to_owned()),
        Some((start, end)) => Ok(Period { start: end_of(start)?, end: end_of(end)? }),
        None => {
            let date = parse_date(text)?;
            Ok(Period { start: Some(date.clone()), end: Some(date) })
        }
    }
}

/// Reads `2023`, `2023-03` or `2023-03-19`; whether the calendar has that day is for the service to say.
pub(crate) fn parse_date(text: &str) -> Result<Date, String> {
    let wrong = || format!("{text:?} is no date: write YYYY, YYYY-MM or YYYY-MM-DD");
    let number = |part: &str, length: usize| {
        let digits = part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
        if digits { part.parse::<i32>().map_err(|_| wrong()) } else { Err(wrong()) }
    };
    let mut parts = text.split('-');
    let year = parts.next().map(|part| number(part, 4)).transpose()?;
    let month = parts.next().map(|part| number(part, 2)).transpose()?;
    let day = parts.next().map(|part| number(part, 2)).transpose()?;
    if parts.next().is_some() {
        return Err(wrong());
    }
    Ok(Date { year, month, day, latest: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_reads_as_it_was_written() {
        for (text, shown) in [
            ("2019..2024", "2019 to 2024"),
            ("2023-03", "2023-03"),
            ("2023-03-19..", "from 2023-03-19"),
            ("..2004", "to 2004"),
        ] {
            assert_eq!(period(&parse_period(text).unwrap()), shown);
        }
    }

    #[test]
    fn what_is_no_period_is_refused() {
        for text in ["", "..", "19..24", "2019-3", "2019-01-01-01", "x", "+019"] {
            assert!(parse_period(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_window_shows_both_ends() {
        let at = |year| Date { year: Some(year), ..Date::default() };
        let window = Date { latest: Some(Box::new(at(2005))), ..at(2004) };
        assert_eq!(date(&window), "2004..2005");
        let until = Date { latest: Some(Box::new(at(2005))), ..Date::default() };
        assert_eq!(date(&until), "..2005");
    }
}
