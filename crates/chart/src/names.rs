//! What is said once above all series, and what tells them apart.

use std::collections::BTreeSet;

use crate::chart::Series;

/// The labels that every answer may have, in the order of saying.
const KNOWN: [&str; 3] = ["jurisdiction", "origin", "basis"];

/// The names of a set of series.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Names {
    /// What all of them share.
    pub(crate) shared: Vec<String>,
    /// What each has for itself; empty for the only one.
    pub(crate) each: Vec<String>,
}

/// Names them.
pub(crate) fn of(series: &[&Series]) -> Names {
    let keys: BTreeSet<&str> = series.iter().flat_map(|one| one.labels.keys().map(String::as_str)).collect();
    let others = keys.iter().copied().filter(|key| !KNOWN.contains(key));
    let ordered: Vec<&str> = KNOWN.into_iter().filter(|key| keys.contains(key)).chain(others).collect();
    let (shared, apart): (Vec<&str>, Vec<&str>) =
        ordered.into_iter().partition(|key| series.iter().all(|one| one.label(key) == series[0].label(key)));
    let say = |one: &Series, keys: &[&str]| {
        let values = keys.iter().map(|key| value(key, one.label(key))).filter(|value| !value.is_empty());
        values.collect::<Vec<String>>()
    };
    let own = |one: &&Series| {
        let mut parts = say(one, &apart);
        // The dimension that was asked for says most.
        if parts.len() > 1 {
            let known = apart.iter().filter(|key| KNOWN.contains(key) && !one.label(key).is_empty()).count();
            let known = known.min(parts.len());
            parts.rotate_left(known);
        }
        if parts.is_empty() && series.len() > 1 { one.unit.clone() } else { parts.join(" · ") }
    };
    Names {
        shared: series.first().map(|first| say(first, &shared)).unwrap_or_default(),
        each: series.iter().map(own).collect(),
    }
}

/// A label for a reader.
fn value(key: &str, value: &str) -> String {
    let words = match (key, value) {
        ("origin", "COUNTED") => "counted from records",
        ("origin", "REPORTED") => "published totals",
        ("basis", "IN_PERIOD") => "in the period",
        ("basis", "CUMULATIVE_SINCE") => "running total since a start",
        ("basis", "STOCK_AT") => "at a date",
        ("jurisdiction", code) => code,
        (_, code) if is_code(code) => return lower(code),
        (_, text) => text,
    };
    words.to_owned()
}

/// A word of the contract, such as `PARTIAL_PERIOD`.
fn is_code(text: &str) -> bool {
    text.len() > 3 && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}

/// A word of the contract for a reader.
pub(crate) fn lower(code: &str) -> String {
    code.to_lowercase().replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(labels: &[(&str, &str)]) -> Series {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Series { labels, ..Series::default() }
    }

    #[test]
    fn what_is_shared_is_said_once() {
        let a = series(&[("jurisdiction", "KZ"), ("origin", "COUNTED"), ("channel", "online")]);
        let b = series(&[("jurisdiction", "KZ"), ("origin", "REPORTED"), ("channel", "ON_PAPER")]);
        let names = of(&[&a, &b]);
        assert_eq!(names.shared, ["KZ"]);
        assert_eq!(names.each, ["online · counted from records", "on paper · published totals"]);
        assert_eq!(of(&[&a]).each, [""]);
        assert_eq!(of(&[]), Names::default());
    }
}
