//! The headline figures, each with its bounds and the titles of its sources.

use std::collections::{BTreeMap, BTreeSet};

use comfy_table::presets::NOTHING;
use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width};
use reform_api::analytics::v1::QueryIndicatorResponse;
use reform_api::data::v1::BatchGetRecordsRequest;

use super::headlines::{Headlines, Line};
use crate::client::{self, Peer};
use crate::commands::get::as_of;
use crate::failure::Failure;
use crate::out;

/// Sources named beside a figure; the others are counted.
const TITLES_MAX: usize = 2;

/// Characters of a title before it is cut.
const TITLE_LENGTH_MAX: usize = 48;

/// Space before and after the first column: lines stand below their title.
const INDENT: (u16, u16) = (3, 1);

/// Characters of a column before its text is wrapped.
const COLUMN_MAX: usize = 26;

/// Characters that the sources need to stand in a column of their own.
const SOURCES_MIN: u16 = 40;

/// What the columns hold.
const HEADER: [&str; 5] = ["when", "figure", "bounds", "caveats", "sources"];

/// Names in one request; a page of such sources stays far below the limit of a message.
const NAMES_MAX: usize = 200;

/// The whole report.
pub(super) async fn text(
    data: &Peer,
    headlines: &Headlines,
    answers: &[QueryIndicatorResponse],
) -> Result<String, Failure> {
    let Some(first) = answers.first() else { return Ok(String::new()) };
    let sections: Vec<(&str, &str, Vec<Line>)> = headlines
        .list
        .iter()
        .zip(answers)
        .map(|(headline, answer)| (headline.title.as_str(), headline.note.as_str(), headline.lines(answer)))
        .collect();
    let names: BTreeSet<&String> = sections
        .iter()
        .flat_map(|(_, _, lines)| lines)
        .flat_map(|line| line.sources.iter().take(TITLES_MAX))
        .collect();
    let titles = titles(data, names, first.revision).await?;
    let rows: Vec<Vec<[String; 5]>> =
        sections.iter().map(|(_, _, lines)| lines.iter().map(|line| row(line, &titles)).collect()).collect();
    let widths = widths(rows.iter().flatten().chain([&HEADER.map(ToOwned::to_owned)]));
    let mut text = format!("{}\n\n", lay_out(vec![HEADER.map(ToOwned::to_owned)], widths));
    for ((title, note, _), rows) in sections.iter().zip(rows) {
        text.push_str(title);
        text.push('\n');
        if rows.is_empty() {
            text.push_str("  no figure\n");
        } else {
            text.push_str(&lay_out(rows, widths));
            text.push('\n');
        }
        if !note.is_empty() {
            text.push_str(&format!("  ({note})\n"));
        }
        text.push('\n');
    }
    text.push_str(&format!("All figures at revision {} of store {}.\n", first.revision, first.store_id));
    Ok(text)
}

/// Titles of source records by name, as they were at that revision.
async fn titles(
    data: &Peer,
    names: BTreeSet<&String>,
    revision: i64,
) -> Result<BTreeMap<String, String>, Failure> {
    let names: Vec<String> = names.into_iter().cloned().collect();
    let mut titles = BTreeMap::new();
    for names in names.chunks(NAMES_MAX) {
        let request = BatchGetRecordsRequest { names: names.to_vec(), as_of: as_of(Some(revision)) };
        let answer = data.records().batch_get_records(client::request(request)).await;
        let records = answer.map_err(|status| data.failed(status))?.into_inner().records;
        titles.extend(records.into_iter().map(|record| (record.name, record.title)));
    }
    Ok(titles)
}

fn row(line: &Line, titles: &BTreeMap<String, String>) -> [String; 5] {
    let Line { when, figure, bounds, caveats, sources, sources_total } = line;
    let named: Vec<String> = sources
        .iter()
        .take(TITLES_MAX)
        .map(|name| cut(titles.get(name).map_or(name.as_str(), String::as_str)))
        .collect();
    let more = sources_total.saturating_sub(i64::try_from(named.len()).unwrap_or(i64::MAX));
    let mut named = named.join("; ");
    if more > 0 {
        named.push_str(&format!(" +{more}"));
    }
    [when.clone(), figure.clone(), bounds.clone(), caveats.clone(), named]
}

fn cut(title: &str) -> String {
    if title.chars().count() <= TITLE_LENGTH_MAX {
        return title.to_owned();
    }
    let kept: String = title.chars().take(TITLE_LENGTH_MAX - 1).collect();
    format!("{}…", kept.trim_end())
}

/// Widths of all columns but the last, the same in all sections, with the space beside the text.
fn widths<'a>(rows: impl Iterator<Item = &'a [String; 5]>) -> [u16; 4] {
    let mut widths = [0; 4];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().clamp(*width, COLUMN_MAX.max(*width));
        }
    }
    let mut widths = widths.map(|width| u16::try_from(width).unwrap_or(u16::MAX).saturating_add(2));
    widths[0] += INDENT.0 - 1;
    widths
}

/// The rows as columns where the last one has room, else as two lines each.
fn lay_out(rows: Vec<[String; 5]>, widths: [u16; 4]) -> String {
    let fixed: u16 = widths.iter().sum();
    match out::width() {
        Some(screen) if screen < fixed.saturating_add(SOURCES_MIN) => narrow(&rows, widths),
        Some(_) | None => table(rows, widths),
    }
}

/// When, figure and bounds; below them caveats and sources.
fn narrow(rows: &[[String; 5]], widths: [u16; 4]) -> String {
    let [when_width, figure_width, ..] = widths.map(usize::from);
    let indent = usize::from(INDENT.0);
    let line = |[when, figure, bounds, caveats, sources]: &[String; 5]| {
        let below: Vec<&str> = [caveats, sources].into_iter().map(String::as_str).collect();
        let below: Vec<&str> = below.into_iter().filter(|part| !part.is_empty()).collect();
        let (when_width, below) = (when_width - indent, below.join(" · "));
        format!("{:indent$}{when:when_width$}{figure:figure_width$}{bounds}\n{:indent$}  {below}", "", "")
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn table(rows: Vec<[String; 5]>, widths: [u16; 4]) -> String {
    let mut table = Table::new();
    table.load_preset(NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    out::fit(&mut table);
    table.add_rows(rows);
    for (column, width) in table.column_iter_mut().zip(widths) {
        column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width)));
    }
    if let Some(first) = table.column_mut(0) {
        first.set_padding(INDENT);
    }
    table.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_screen_has_sources_below_the_figure() {
        let row = ["2023", "6", "exact", "", "A; B +2"].map(ToOwned::to_owned);
        assert_eq!(narrow(&[row], [9, 4, 7, 2]), "   2023  6   exact\n     A; B +2");
    }

    #[test]
    fn two_sources_are_named_and_the_others_counted() {
        let sources = ["records/a", "records/b", "records/c"].map(ToOwned::to_owned).to_vec();
        let line = Line {
            when: "2023".to_owned(),
            figure: "6".to_owned(),
            bounds: "exact".to_owned(),
            caveats: String::new(),
            sources,
            sources_total: 25,
        };
        let titles = [("records/a".to_owned(), "x".repeat(80))].into();
        let [_, _, _, _, named] = row(&line, &titles);
        assert_eq!(named, format!("{}…; records/b +23", "x".repeat(TITLE_LENGTH_MAX - 1)));
    }
}
