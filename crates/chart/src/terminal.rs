//! The small picture in text: a row for each figure, one axis for each unit.

use std::collections::BTreeSet;

use crate::chart::{Chart, Known, Point, Series};
use crate::font;
use crate::names::{self, Names};
use crate::plot;
use crate::scale::{Demand, Scale};
use crate::slots;

/// The narrowest picture.
const COLUMNS_MIN: usize = 40;

/// Figures of one picture; the others are counted.
const ROWS_MAX: usize = 60;

/// Columns between two ticks of the axis.
const TICK: usize = 8;

/// A figure in its row.
struct Row<'a> {
    when: String,
    words: String,
    series: &'a Series,
    point: &'a Point,
}

/// The picture.
pub(crate) fn write(chart: &Chart, columns: usize) -> String {
    let columns = columns.max(COLUMNS_MIN);
    let all: Vec<&Series> = chart.series.iter().filter(|series| !series.points.is_empty()).collect();
    let Names { mut shared, each } = names::of(&all);
    shared.extend(chart.conditions.iter().cloned());
    let mut lines = vec![cut(&chart.title, columns), cut(&shared.join(" · "), columns)];
    lines.retain(|line| !line.is_empty());
    if all.is_empty() {
        lines.push("no data".to_owned());
    }
    let mut room = ROWS_MAX;
    for (unit, percent) in units(&all) {
        let mut rows: Vec<(&str, Vec<Row<'_>>)> = Vec::new();
        for (series, name) in all.iter().zip(&each) {
            if (series.unit.as_str(), series.is_percent()) != (unit, percent) || room == 0 {
                continue;
            }
            rows.push((name, series.points.iter().take(room).map(|point| row(series, point)).collect()));
            room = room.saturating_sub(series.points.len());
        }
        if !rows.is_empty() {
            lines.push(String::new());
            panel(&mut lines, &rows, (unit, percent), columns);
        }
    }
    let total: usize = all.iter().map(|series| series.points.len()).sum();
    if total > ROWS_MAX {
        lines.push(format!("+{} more figures", total - ROWS_MAX));
    }
    lines.push(String::new());
    lines.push(cut(&caveats(&all), columns));
    lines.push(cut(&sources(chart), columns));
    lines.push(cut(&chart.state, columns));
    // Of a row of empty lines one is enough, and none at the end.
    lines.dedup_by(|line, before| line.is_empty() && before.is_empty());
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// Units in the order of the answer.
fn units<'a>(all: &[&'a Series]) -> Vec<(&'a str, bool)> {
    let mut units = Vec::new();
    for series in all {
        let unit = (series.unit.as_str(), series.is_percent());
        if !units.contains(&unit) {
            units.push(unit);
        }
    }
    units
}

fn row<'a>(series: &'a Series, point: &'a Point) -> Row<'a> {
    let when = slots::when(point.period);
    let when = if point.label.is_empty() { when } else { format!("{when} {}", point.label) };
    Row { when: font::clean(&when), words: font::clean(&plot::words(point)), series, point }
}

fn panel(
    lines: &mut Vec<String>,
    rows: &[(&str, Vec<Row<'_>>)],
    (unit, percent): (&str, bool),
    columns: usize,
) {
    let all = || rows.iter().flat_map(|(_, rows)| rows);
    let longest = |text: for<'r> fn(&'r Row<'_>) -> &'r String| {
        all().map(|row| text(row).chars().count()).max().unwrap_or(0)
    };
    let when = longest(|row| &row.when).min(columns * 3 / 10);
    let words = longest(|row| &row.words).min(columns * 3 / 10);
    let width = columns.saturating_sub(when + words + 4).max(8);
    let demand = Demand { zero: true, percent, ticks: (width / TICK).max(1) };
    let scale = Scale::of(all().map(|row| Known::of(row.point)), demand);
    for (name, rows) in rows {
        if !name.is_empty() {
            lines.push(cut(name, columns));
        }
        for row in rows {
            let label = cut(&row.when, when);
            let pad = when - label.chars().count();
            let bar = bar(row, &scale, width);
            lines.push(format!("{label}{:pad$}  {bar}  {}", "", cut(&row.words, words)));
        }
    }
    lines.push(axis(&scale, when + 2, width));
    let unit = if percent && !unit.is_empty() { format!("{unit}, percent") } else { unit.to_owned() };
    if !unit.is_empty() {
        lines.push(format!("{:1$}{2}", "", when + 2, cut(&unit, columns - when - 2)));
    }
}

/// The figure with its bounds: `▒▒▒├──●──┤`, `▒▒▒▒>──►` where there is no limit.
fn bar(row: &Row<'_>, scale: &Scale, width: usize) -> String {
    let known = Known::of(row.point);
    let mut cells = vec![' '; width];
    let zero = cell(scale, 0.0, width);
    let (lower, upper) = (known.lower, known.upper);
    let solid = known.value.or(lower.or(upper).map(|bound| bound.at));
    if let Some(solid) = solid {
        let solid = cell(scale, solid, width);
        cells[zero.min(solid)..=zero.max(solid)].fill('▒');
    }
    let at = |number: f64| cell(scale, number, width);
    match (lower, upper) {
        (Some(lower), Some(upper)) if lower.at < upper.at => {
            cells[at(lower.at)..=at(upper.at)].fill('─');
            cells[at(lower.at)] = if lower.open { '(' } else { '├' };
            cells[at(upper.at)] = if upper.open { ')' } else { '┤' };
        }
        (Some(lower), None) => {
            let (foot, tip) = (at(lower.at), (at(lower.at) + 4).min(width - 1));
            cells[foot..=tip].fill('─');
            cells[foot] = if lower.open { '>' } else { '├' };
            cells[tip] = '►';
        }
        (None, Some(upper)) => {
            let (foot, tip) = (at(upper.at), at(upper.at).saturating_sub(4));
            cells[tip..=foot].fill('─');
            cells[foot] = if upper.open { '<' } else { '┤' };
            cells[tip] = '◄';
        }
        (Some(_) | None, Some(_) | None) => {}
    }
    let foot = match (lower, upper) {
        (Some(foot), None) | (None, Some(foot)) => Some(foot.at),
        (Some(_), Some(_)) | (None, None) => None,
    };
    if let Some(value) = known.value.filter(|value| Some(*value) != foot) {
        let hollow = plot::warnings(row.point).next().is_some();
        cells[at(value)] = match (row.series.is_reported(), hollow) {
            (false, false) => '●',
            (false, true) => '○',
            (true, false) => '■',
            (true, true) => '□',
        };
    }
    cells.into_iter().collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the width")]
fn cell(scale: &Scale, number: f64, width: usize) -> usize {
    let cells = f64::from(u32::try_from(width - 1).unwrap_or(u32::MAX));
    (scale.at(number) * cells).round() as usize
}

/// Numbers below the rows, each beginning where it stands or ending there at the right end.
fn axis(scale: &Scale, indent: usize, width: usize) -> String {
    let mut cells = vec![' '; width];
    let mut free = 0;
    for tick in &scale.ticks {
        let text: Vec<char> = scale.text(*tick).chars().collect();
        let middle = cell(scale, *tick, width);
        let start = middle.saturating_sub(text.len() / 2).min(width.saturating_sub(text.len()));
        if start >= free && text.len() <= width {
            cells[start..start + text.len()].copy_from_slice(&text);
            free = start + text.len() + 1;
        }
    }
    let line: String = cells.into_iter().collect();
    format!("{:indent$}{line}", "")
}

/// What the stars say.
fn caveats(all: &[&Series]) -> String {
    let codes: BTreeSet<String> =
        all.iter().flat_map(|series| &series.points).flat_map(plot::warnings).map(names::lower).collect();
    let codes: Vec<String> = codes.into_iter().collect();
    if codes.is_empty() { String::new() } else { format!("* {}", codes.join(", ")) }
}

fn sources(chart: &Chart) -> String {
    let total = chart.sources_total.max(chart.sources.len());
    let more = total - chart.sources.len().min(2);
    let named = chart.sources.iter().take(2).map(String::as_str).collect::<Vec<_>>().join("; ");
    match (total, more) {
        (0, _) => String::new(),
        (_, 0) => format!("Sources: {named}"),
        _ if named.is_empty() => format!("Sources: {total}"),
        _ => format!("Sources: {named} +{more} more"),
    }
}

fn cut(text: &str, limit: usize) -> String {
    let text = font::clean(text);
    if text.chars().count() <= limit {
        return text;
    }
    let kept: String = text.chars().take(limit.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use reform_model::{Date, Period};

    use crate::chart::Bound;

    use super::*;

    fn point(year: i32, known: Known, display: &str) -> Point {
        let date = Date::year(year).ok();
        let Known { value, lower, upper, before } = known;
        let period = Period { start: date, end: date };
        Point { period, value, lower, upper, before, display: display.to_owned(), ..Point::default() }
    }

    #[test]
    fn bounds_and_open_sides_are_seen() {
        let closed = |at| Some(Bound { at, open: false });
        let exact = Known { value: Some(4.0), lower: closed(4.0), upper: closed(4.0), before: None };
        let between = Known { value: None, lower: closed(4.0), upper: closed(8.0), before: None };
        let more =
            Known { value: Some(6.0), lower: Some(Bound { at: 6.0, open: true }), upper: None, before: None };
        let points = vec![point(2021, exact, "4"), point(2022, between, "4–8"), point(2023, more, "> 6")];
        let series = Series { points, unit: "parties".to_owned(), ..Series::default() };
        let chart =
            Chart { title: "Партиялар".to_owned(), series: vec![series], ..Chart::default() };
        let text = chart.text(60);
        assert_eq!(
            text,
            "Партиялар\n\
             \n\
             2021  ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒●                             4\n\
             2022  ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒├────────────────────┤        4–8\n\
             2023  ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒>───►              > 6\n\
             \u{20}     0          2         4          6         8\n\
             \u{20}     parties\n",
            "{text}"
        );
    }

    #[test]
    fn no_data_says_so() {
        assert_eq!(Chart::default().text(80), "no data\n");
    }
}
