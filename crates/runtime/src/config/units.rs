//! Sizes and durations as a person writes them: a whole number and a unit.

use std::time::Duration;

const SIZES: [(&str, u64); 8] = [
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

const DURATIONS_MS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1_000), ("min", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Bytes, such as `256 MiB`, `1GB` or `4096` (bytes).
///
/// # Errors
/// A sentence that says what is expected.
pub fn parse_size(text: &str) -> Result<u64, String> {
    if let Ok(bytes) = text.parse() {
        return Ok(bytes);
    }
    parse(text, &SIZES)
}

/// A duration, such as `10s`, `250 ms` or `2 h`; the unit is required.
///
/// # Errors
/// A sentence that says what is expected.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    parse(text, &DURATIONS_MS).map(Duration::from_millis)
}

fn parse(text: &str, units: &[(&str, u64)]) -> Result<u64, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor = units.iter().find(|(name, _)| *name == unit.trim()).map(|(_, factor)| *factor);
    let value = number.parse::<u64>().ok().zip(factor);
    value.and_then(|(number, factor)| number.checked_mul(factor)).ok_or_else(|| {
        let names: Vec<_> = units.iter().map(|(name, _)| *name).collect();
        format!("not a whole number with one of the units {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_sizes_with_and_without_a_unit() {
        let table = [
            ("4096", Some(4_096)),
            ("256 MiB", Some(256 << 20)),
            ("1GB", Some(1_000_000_000)),
            ("0B", Some(0)),
            ("", None),
            ("MiB", None),
            ("-1 B", None),
            ("1.5 MiB", None),
            ("1 mib", None),
            ("99999999999 TiB", None),
        ];
        for (text, bytes) in table {
            assert_eq!(parse_size(text).ok(), bytes, "{text}");
        }
    }

    #[test]
    fn reads_durations_with_a_unit_only() {
        let table = [
            ("250 ms", Some(250)),
            ("10s", Some(10_000)),
            ("2 h", Some(7_200_000)),
            ("10", None),
            ("s", None),
        ];
        for (text, ms) in table {
            assert_eq!(parse_duration(text).ok(), ms.map(Duration::from_millis), "{text}");
        }
    }
}
