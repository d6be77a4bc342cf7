//! Rival claims put in the place of what a record says, to see whether they would matter.

use reform_model::date::{Date, Day, Digits, Period};
use reform_model::measure::{Observation, Target};
use reform_model::vocabulary::Comparator;
use reform_model::{Decimal, Quantity};

/// What a claim makes of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed<T> {
    /// The record as the claim would have it.
    As(Box<T>),
    /// The claim is about a field that matters, in words that cannot be read as its value.
    Unreadable,
    /// The claim is about something else.
    Elsewhere,
}

impl<T> Claimed<T> {
    fn read<V>(value: Option<V>, put: impl FnOnce(V) -> T) -> Self {
        value.map_or(Claimed::Unreadable, |value| Claimed::As(Box::new(put(value))))
    }
}

/// The target as the claim would have it.
pub fn on_target(target: &Target, path: &str, text: &str) -> Claimed<Target> {
    let with = |change: &dyn Fn(&mut Target)| {
        let mut rival = target.clone();
        change(&mut rival);
        rival
    };
    let unit = target.quantity.unit.as_str();
    let window = target.window.unwrap_or_default();
    match path.strip_prefix("target.").unwrap_or(path) {
        "quantity" | "quantity.decimal" => {
            Claimed::read(quantity(text, unit), |quantity| with(&|rival| rival.quantity = quantity.clone()))
        }
        "baseline" | "baseline.decimal" => Claimed::read(quantity(text, unit), |quantity| {
            with(&|rival| rival.baseline = Some(quantity.clone()))
        }),
        "deadline_on" => Claimed::read(date(text), |date| with(&|rival| rival.deadline_on = Some(date))),
        "baseline_on" => Claimed::read(date(text), |date| with(&|rival| rival.baseline_on = Some(date))),
        "window" => {
            Claimed::read(period(text, window.start), |period| with(&|rival| rival.window = Some(period)))
        }
        "window.start" => Claimed::read(date(text), |date| {
            with(&|rival| rival.window = Some(Period { start: Some(date), ..window }))
        }),
        "window.end" => Claimed::read(date(text), |date| {
            with(&|rival| rival.window = Some(Period { end: Some(date), ..window }))
        }),
        other => elsewhere(
            other,
            &["quantity", "baseline", "deadline_on", "window", "path", "milestones", "basis"],
        ),
    }
}

/// The observation as the claim would have it.
pub fn on_observation(observation: &Observation, path: &str, text: &str) -> Claimed<Observation> {
    let with = |change: &dyn Fn(&mut Observation)| {
        let mut rival = observation.clone();
        change(&mut rival);
        rival
    };
    let start = observation.period.start;
    match path.strip_prefix("observation.").unwrap_or(path) {
        "quantity" | "quantity.decimal" => {
            Claimed::read(quantity(text, &observation.quantity.unit), |quantity| {
                with(&|rival| rival.quantity = quantity.clone())
            })
        }
        "period" => Claimed::read(period(text, start), |period| with(&|rival| rival.period = period)),
        "period.start" => Claimed::read(date(text), |date| with(&|rival| rival.period.start = Some(date))),
        "period.end" => Claimed::read(date(text), |date| with(&|rival| rival.period.end = Some(date))),
        other => elsewhere(other, &["quantity", "period", "basis"]),
    }
}

fn elsewhere<T>(path: &str, fields: &[&str]) -> Claimed<T> {
    let matters = fields.iter().any(|field| path.starts_with(field));
    if matters { Claimed::Unreadable } else { Claimed::Elsewhere }
}

/// `18.78`, `> 5,300`, `MORE_THAN 5300`, `24–27`, with nothing behind but the unit or a percent sign.
fn quantity(text: &str, unit: &str) -> Option<Quantity> {
    let text = text.trim();
    let text = text.strip_suffix(unit).unwrap_or(text).trim_end_matches('%').trim_end();
    let (comparator, text) = comparator(text);
    let number = |text: &str| text.trim().replace(',', "").parse::<Decimal>().ok();
    let (low, high) = match text.split_once(['–', '-']).filter(|(low, _)| !low.trim().is_empty()) {
        Some((low, high)) => (number(low)?, Some(number(high)?)),
        None => (number(text)?, None),
    };
    let comparator = if high.is_some() { Comparator::Between } else { comparator };
    Quantity::new(low, comparator, high, unit.to_owned()).ok()
}

fn comparator(text: &str) -> (Comparator, &str) {
    let signs = [
        (">", Comparator::MoreThan),
        ("≥", Comparator::AtLeast),
        ("<", Comparator::LessThan),
        ("≤", Comparator::AtMost),
        ("≈", Comparator::Approximate),
    ];
    let words = Comparator::ALL.iter().map(|comparator| (comparator.as_str(), *comparator));
    let found = signs
        .into_iter()
        .chain(words)
        .find_map(|(sign, comparator)| text.strip_prefix(sign).map(|rest| (comparator, rest.trim_start())));
    found.unwrap_or((Comparator::Exact, text))
}

/// `2023`, `2023-06`, `2023-06-30`.
pub fn date(text: &str) -> Option<Date> {
    let mut parts = text.trim().split('-').map(|part| part.parse::<i32>().ok());
    let year = parts.next()??;
    let month = parts.next().map_or(Some(None), |part| part.map(Some))?;
    let day = parts.next().map_or(Some(None), |part| part.map(Some))?;
    if parts.next().is_some() {
        return None;
    }
    Date::new(Some(Digits::new(year, month, day).ok()?), None).ok()
}

/// `2022/2028`, `2022 to 2028`, `2022`, or a length from the start that stands: `seven years`, `18 months`.
fn period(text: &str, start: Option<Date>) -> Option<Period> {
    let ends = text.split_once('/').or_else(|| text.split_once(" to ")).or_else(|| text.split_once('–'));
    if let Some((first, last)) = ends {
        return Some(Period { start: Some(date(first)?), end: Some(date(last)?) });
    }
    if let Some(date) = date(text) {
        return Some(Period { start: Some(date), end: Some(date) });
    }
    let first = start?.earliest()?;
    let (year, month, day) = first.calendar();
    let months = month - 1 + months(text)?;
    let after = Day::new(year.checked_add(months / 12)?, months % 12 + 1, day)?;
    Some(Period { start, end: Some(Date::exact(after.previous())) })
}

/// The length in months of `seven years`.
fn months(text: &str) -> Option<i32> {
    const WORDS: [&str; 12] =
        ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    let (number, unit) = text.trim().split_once(' ')?;
    let word = || (1..).zip(WORDS).find(|(_, word)| *word == number).map(|(number, _)| number);
    let number: i32 = number.parse().ok().or_else(word)?;
    match unit.trim() {
        "year" | "years" => number.checked_mul(12),
        "month" | "months" => Some(number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_numbers_dates_and_periods_and_nothing_else() {
        for (text, shown) in [
            ("18.78", Some("18.78 percent")),
            ("18.78 %", Some("18.78 percent")),
            ("> 5,300", Some("> 5300 percent")),
            ("MORE_THAN 5300", Some("> 5300 percent")),
            ("24–27", Some("24–27 percent")),
            ("-3 percent", Some("-3 percent")),
            ("24 + 8 = 32", None),
            ("13.5 bn", None),
            ("almost a third", None),
        ] {
            assert_eq!(quantity(text, "percent").map(|q| q.to_string()).as_deref(), shown, "{text}");
        }
        let start = date("2022");
        for (text, shown) in [
            ("2022/2028", Some("2022/2028")),
            ("2023-06", Some("2023-06")),
            ("2022 to 2028-06-30", Some("2022/2028-06-30")),
            ("seven years", Some("2022/2028-12-31")),
            ("18 months", Some("2022/2023-06-30")),
            ("a while", None),
            ("2022-13", None),
        ] {
            assert_eq!(period(text, start).map(|period| period.to_string()).as_deref(), shown, "{text}");
        }
    }
}
