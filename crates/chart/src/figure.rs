//! A number beside an axis.

/// From here on a power of ten is shorter than its name.
const NAMED_MAX: f64 = 1e15;

/// Names of large units.
const UNITS: [(f64, &str); 4] = [(1e12, " tn"), (1e9, " bn"), (1e6, " m"), (1.0, "")];

/// How the numbers of one axis are written, all alike.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Style {
    /// In units of that much, with a name, and with so many decimals.
    Units { unit: f64, name: &'static str, decimals: usize },
    /// A fraction of 1 as percent.
    Percent { decimals: usize },
    /// With a power of ten.
    Powers,
}

impl Style {
    /// For numbers up to `largest` in steps of `step`.
    pub(crate) fn of(largest: f64, step: f64, percent: bool) -> Self {
        if percent && largest < 1e4 && step >= 1e-8 {
            return Self::Percent { decimals: decimals(step * 100.0) };
        }
        if largest >= NAMED_MAX || step < 1e-6 {
            return Self::Powers;
        }
        let unit = UNITS.iter().find(|(unit, _)| largest >= *unit);
        let (unit, name) = unit.copied().unwrap_or((1.0, ""));
        Self::Units { unit, name, decimals: decimals(step / unit) }
    }

    /// The number as text.
    pub(crate) fn text(self, number: f64) -> String {
        match self {
            Self::Percent { decimals } => format!("{} %", grouped(number * 100.0, decimals)),
            Self::Units { name, .. } if number == 0.0 => {
                format!("0{}", if name.is_empty() { name } else { "" })
            }
            Self::Units { unit, name, decimals } => format!("{}{name}", grouped(number / unit, decimals)),
            Self::Powers if number == 0.0 => "0".to_owned(),
            Self::Powers => format!("{number:.2e}").replace(".00e", "e"),
        }
    }
}

/// A number on its own, with four decimals at most.
pub(crate) fn plain(number: f64) -> String {
    let text = grouped(number, 4);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// As many as tell two numbers apart that differ by this.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 9")]
fn decimals(step: f64) -> usize {
    let mut places = 0.0;
    while places < 9.0
        && (step * 10_f64.powf(places)).fract().min(1.0 - (step * 10_f64.powf(places)).fract()) > 1e-6
    {
        places += 1.0;
    }
    places as usize
}

/// The number with that many decimals and its digits in groups of three.
fn grouped(number: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", number.abs());
    let (whole, fraction) = text.split_once('.').map_or((text.as_str(), ""), |(whole, part)| (whole, part));
    let is_zero = text.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    let mut grouped = if number < 0.0 && !is_zero { "−".to_owned() } else { String::new() };
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if fraction.is_empty() { grouped } else { format!("{grouped}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_an_axis_are_written_alike() {
        for (largest, step, percent, number, expected) in [
            (7.0, 1.0, false, 6.0, "6"),
            (20_000.0, 5_000.0, false, 15_000.0, "15,000"),
            (4_400_000.0, 1e6, false, 4e6, "4 m"),
            (41.3e9, 1e10, false, 4e10, "40 bn"),
            (41.3e9, 1e10, false, 0.0, "0"),
            (1.0, 0.25, true, 0.25, "25 %"),
            (0.02, 0.005, true, 0.005, "0.5 %"),
            (5.0, 2.5, false, -2.5, "−2.5"),
            (1e18, 1e17, false, 3e17, "3e17"),
            (1e-8, 1e-9, false, 2e-9, "2e-9"),
        ] {
            assert_eq!(Style::of(largest, step, percent).text(number), expected, "{number}");
        }
    }
}
