//! Medians, spreads and ratios: a table for people, JSON for programs, progress on stderr.

use std::io::{self, Write};

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};
use serde_json::{Map, Value, json};

/// Says how far a run is.
pub(crate) fn progress(text: &str) {
    // Nobody to tell is no reason to stop.
    drop(writeln!(io::stderr(), "{text}"));
}

/// Prints the table.
///
/// # Errors
/// When nobody reads it.
pub(crate) fn print(report: &Report) -> io::Result<()> {
    writeln!(io::stdout(), "{}", report.table())
}

/// The same thing measured several times.
#[derive(Debug, Clone, Default)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    /// What was measured once.
    pub(crate) fn one(value: f64) -> Self {
        Self(vec![value])
    }

    /// One more measurement.
    pub(crate) fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    /// The middle one, or the mean of the two in the middle. Absent when nothing was measured.
    pub(crate) fn median(&self) -> Option<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let high = *sorted.get(middle)?;
        if sorted.len() % 2 == 1 { Some(high) } else { Some(f64::midpoint(*sorted.get(middle - 1)?, high)) }
    }

    /// The least and the greatest, where there is more than one.
    fn spread(&self) -> Option<(f64, f64)> {
        let low = self.0.iter().copied().min_by(f64::total_cmp)?;
        let high = self.0.iter().copied().max_by(f64::total_cmp)?;
        (self.0.len() > 1).then_some((low, high))
    }

    /// Each divided by the one that was measured beside it; by the median of the others where the numbers differ.
    fn over(&self, others: &Self) -> Self {
        if self.0.len() == others.0.len() {
            return Self(self.0.iter().zip(&others.0).map(|(ours, theirs)| ours / theirs).collect());
        }
        let theirs = others.median().unwrap_or(f64::NAN);
        Self(self.0.iter().map(|ours| ours / theirs).collect())
    }
}

impl FromIterator<f64> for Samples {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

/// One figure and what it is compared with.
#[derive(Debug)]
pub(crate) struct Row {
    key: String,
    label: String,
    samples: Samples,
    besides: Vec<Beside>,
}

/// What a figure is compared with.
#[derive(Debug)]
pub(crate) struct Beside {
    /// What it is, in the table.
    pub(crate) name: &'static str,
    /// The key of the ratio; none where it would say nothing.
    pub(crate) ratio: Option<String>,
    /// The key of its own figure.
    pub(crate) key: String,
    pub(crate) samples: Samples,
}

impl Row {
    /// A figure; the key ends with its unit.
    pub(crate) fn new(key: impl Into<String>, label: impl Into<String>, samples: Samples) -> Self {
        Self { key: key.into(), label: label.into(), samples, besides: Vec::new() }
    }

    /// One more that stands beside the figure.
    pub(crate) fn beside(mut self, beside: Beside) -> Self {
        self.besides.push(beside);
        self
    }

    /// The lines of the table, one for each that stands beside.
    fn lines(&self) -> Vec<[String; 7]> {
        let besides: Vec<_> = self
            .besides
            .iter()
            .map(|Beside { name, ratio, samples, .. }| {
                let ratio = ratio.as_ref().and_then(|_| self.samples.over(samples).median());
                [(*name).to_owned(), shown(samples.median()), range(samples.spread()), shown(ratio)]
            })
            .collect();
        let mut ours = [self.label.clone(), shown(self.samples.median()), range(self.samples.spread())];
        let mut lines = Vec::new();
        for [name, median, spread, ratio] in
            besides.into_iter().chain(self.besides.is_empty().then(Default::default))
        {
            let [label, our_median, our_spread] = std::mem::take(&mut ours);
            lines.push([label, our_median, our_spread, name, median, spread, ratio]);
        }
        lines
    }
}

/// All figures of a run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) rows: Vec<Row>,
}

impl Report {
    /// One aligned table.
    pub(crate) fn table(&self) -> String {
        let mut table = Table::new();
        table
            .load_preset(ASCII_MARKDOWN)
            .set_header(["measured", "median", "spread", "beside", "median", "spread", "ratio"]);
        table.add_rows(self.rows.iter().flat_map(Row::lines));
        for column in [1, 2, 4, 5, 6] {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
    }

    /// `ratios` and `figures` by key, `spread` with the least and the greatest of those measured more than once, and
    /// `run`, which tells how.
    pub(crate) fn json(&self, run: Value) -> Value {
        let (mut ratios, mut figures, mut spreads) = (Map::new(), Map::new(), Map::new());
        let mut enter = |map: &mut Map<String, Value>, key: &str, samples: &Samples| {
            map.insert(key.to_owned(), json!(samples.median()));
            if let Some((low, high)) = samples.spread() {
                spreads.insert(key.to_owned(), json!([low, high]));
            }
        };
        for row in &self.rows {
            enter(&mut figures, &row.key, &row.samples);
            for beside in &row.besides {
                enter(&mut figures, &beside.key, &beside.samples);
                if let Some(key) = &beside.ratio {
                    enter(&mut ratios, key, &row.samples.over(&beside.samples));
                }
            }
        }
        json!({ "ratios": ratios, "figures": figures, "spread": spreads, "run": run })
    }
}

fn shown(value: Option<f64>) -> String {
    value.map(number).unwrap_or_default()
}

fn range(spread: Option<(f64, f64)>) -> String {
    spread.map(|(low, high)| format!("{} – {}", number(low), number(high))).unwrap_or_default()
}

/// Four figures or so, thousands apart.
fn number(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 1_000.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    let text = format!("{value:.digits$}");
    let (whole, part) =
        text.split_once('.').map_or((text.as_str(), None), |(whole, part)| (whole, Some(part)));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    part.map_or(grouped.clone(), |part| format!("{grouped}.{part}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        let cases =
            [(0.1234, "0.123"), (5.0, "5.00"), (45.67, "45.7"), (999.94, "999.9"), (1e6, "1,000,000")];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn a_median_stands_in_the_middle() {
        let median = |values: &[f64]| values.iter().copied().collect::<Samples>().median();
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 9.0]), Some(3.0));
        assert_eq!(median(&[4.0, 1.0, 9.0, 2.0]), Some(3.0));
    }

    #[test]
    fn ratios_are_of_neighbours() {
        let ours = Samples(vec![1.0, 10.0, 3.0]);
        let beside = Samples(vec![2.0, 20.0, 3.0]);
        let ratio = Some("get_vs_echo".to_owned());
        let beside = Beside { name: "echo", ratio, key: "get_echo_per_s".to_owned(), samples: beside };
        let row = Row::new("get_per_s", "get", ours).beside(beside);
        let report = Report { rows: vec![row] };
        let json = report.json(Value::Null);
        assert_eq!(json["ratios"]["get_vs_echo"], 0.5);
        assert_eq!(json["figures"]["get_per_s"], 3.0);
        assert_eq!(json["figures"]["get_echo_per_s"], 3.0);
        assert_eq!(json["spread"]["get_vs_echo"], json!([0.5, 1.0]));
        assert!(report.table().contains("0.500"), "{}", report.table());
    }
}
