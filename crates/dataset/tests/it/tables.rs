//! The figures in the tables that the records were made from, as lines `table,row,column,figure` without their texts.

use std::collections::BTreeSet;
use std::path::Path;

/// One figure of a table: where it stands, and itself, a plain decimal or an ISO date.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Figure {
    pub(crate) table: String,
    pub(crate) row: String,
    pub(crate) column: String,
    pub(crate) figure: String,
}

/// The tables, and the columns that name a row of each. No column: rows are numbered.
const TABLES: [(&str, &[&str]); 19] = [
    ("akim_elections.csv", &["date_or_period"]),
    ("appeals_state_bodies.csv", &["period_start", "period_end", "measure"]),
    ("constitutional_court.csv", &["period_start", "period_end", "measure"]),
    ("egdi.csv", &["survey_year"]),
    ("elections_parliamentary.csv", &["election_id"]),
    ("elections_parliamentary_parties.csv", &["election_id"]),
    ("elections_presidential.csv", &["election_id"]),
    ("elections_presidential_candidates.csv", &["election_id"]),
    ("kurultai.csv", &["no"]),
    ("observations.csv", &["series", "code_or_body", "period", "qualifier"]),
    ("ombudsman.csv", &["period_start", "period_end"]),
    ("outside_discrepancies.csv", &["topic"]),
    ("parties.csv", &["party"]),
    ("party_counts_reported.csv", &["as_of"]),
    ("petition_rules.csv", &["rule"]),
    ("petitions.csv", &[]),
    ("referendums.csv", &["id"]),
    ("seed_contradictions.csv", &["id"]),
    ("seed_facts.csv", &["id"]),
];
const YOUTH_RESERVE: (&str, &[&str]) = ("youth_reserve.csv", &["period"]);

/// Every figure of every table in a folder, sorted, each once.
pub(crate) fn read(folder: &Path) -> Vec<Figure> {
    let mut figures = BTreeSet::new();
    for (table, keys) in TABLES.iter().chain([&YOUTH_RESERVE]) {
        let mut reader = csv::Reader::from_path(folder.join(table)).unwrap();
        let columns: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
        for (index, row) in reader.records().map(Result::unwrap).enumerate() {
            let cells: Vec<(&str, &str)> = columns.iter().map(String::as_str).zip(&row).collect();
            let name = row_name(&cells, keys, index);
            for (column, figure) in cells.iter().flat_map(|(column, cell)| in_column(&cells, column, cell)) {
                let column = column.to_owned();
                figures.insert(Figure { table: (*table).to_owned(), row: name.clone(), column, figure });
            }
        }
    }
    figures.into_iter().collect()
}

fn cell<'a>(cells: &[(&str, &'a str)], column: &str) -> &'a str {
    cells.iter().find(|(name, _)| *name == column).map_or("", |(_, cell)| cell)
}

fn row_name(cells: &[(&str, &str)], keys: &[&str], index: usize) -> String {
    match keys {
        [] => format!("row {}", index + 1),
        ["no"] => format!("no {}", cell(cells, "no")),
        keys => keys.iter().map(|key| cell(cells, key)).collect::<Vec<_>>().join(" "),
    }
}

fn in_column<'c>(cells: &[(&str, &str)], column: &'c str, text: &str) -> Vec<(&'c str, String)> {
    let unit_scale = scale(cell(cells, "unit").split(' ').next().unwrap_or_default());
    let mut found = match column {
        "value" if unit_scale > 0 => vec![scaled(text, unit_scale)],
        "period" | "date_or_period" => period(text),
        "unit" => Vec::new(),
        _ => figures_of(text),
    };
    if column == "source" {
        // Long numbers without commas are those of pages.
        found.retain(|figure| {
            let page = figure.len() > 4 && figure.bytes().all(|byte| byte.is_ascii_digit());
            !(page && text.contains(figure.as_str()))
        });
        let decimals = found.iter().filter(|figure| figure.contains('.'));
        let in_units: Vec<String> = decimals.map(|figure| scaled(figure, unit_scale)).collect();
        found.extend(in_units);
    }
    found.into_iter().map(|figure| (column, figure)).collect()
}

/// The figures in a text: ISO dates, dates in words, decimals with or without commas, with the word after them.
pub(crate) fn figures_of(text: &str) -> Vec<String> {
    let apart = |letter: char| letter.is_whitespace() || "()\";=+".contains(letter);
    let words: Vec<&str> = text.split(apart).flat_map(|word| word.split("..")).collect();
    let words: Vec<&str> = words
        .iter()
        .map(|word| word.trim_matches(|letter: char| !letter.is_alphanumeric() && letter != '-'))
        .filter(|word| !word.is_empty())
        .collect();
    let mut found = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let next = |offset: usize| words.get(index + offset).copied().unwrap_or_default();
        if let Some(month) = month(word) {
            let year = next(1);
            if year.len() == 4 && decimal(year).is_some() {
                let before = index.checked_sub(1).and_then(|before| words[before].parse::<u8>().ok());
                let day = before.map_or(String::new(), |day| format!("-{day:02}"));
                found.push(format!("{year}-{month:02}{day}"));
            }
        } else if is_date(word) {
            found.push((*word).to_owned());
        } else if let Some((first, second)) = pair(word) {
            found.extend([first, second]);
        } else if let Some(plain) = decimal(word) {
            found.push(if scale(next(1)) > 0 { scaled(&plain, scale(next(1))) } else { plain });
        }
    }
    found
}

/// A ratio of counts, or a first and a last year. One of two digits is a fraction in words, such as a third.
fn pair(word: &str) -> Option<(String, String)> {
    let years = |(start, end): &(&str, &str)| start.len() == 4 && end.len() == 4;
    let parts = word.split_once('/').filter(|(first, second)| first.len() > 1 && second.len() > 1);
    let (first, second) = parts.or_else(|| word.split_once('-').filter(years))?;
    decimal(first).zip(decimal(second))
}

/// The months that the name of a part of a year stands for: `2023-Q1` is January and March of it.
fn period(text: &str) -> Vec<String> {
    let parts = text.split_once("-H1").map(|(year, _)| (year, "01", "06"));
    let parts = parts.or_else(|| text.split_once("-Q1").map(|(year, _)| (year, "01", "03")));
    let range = || text.split_once("..").filter(|(_, end)| end.len() == 2);
    let parts =
        parts.or_else(|| range().and_then(|(start, end)| start.split_once('-').map(|s| (s.0, s.1, end))));
    match parts {
        Some((year, start, end)) => vec![format!("{year}-{start}"), format!("{year}-{end}")],
        None => figures_of(text),
    }
}

fn is_date(word: &str) -> bool {
    let lengths: Vec<usize> = word.split('-').map(str::len).collect();
    let digits = word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    digits && (lengths == [4, 2] || lengths == [4, 2, 2])
}

fn month(word: &str) -> Option<usize> {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let start = word.get(..3)?.to_ascii_lowercase();
    let letters = word.bytes().all(|byte| byte.is_ascii_alphabetic());
    letters.then(|| MONTHS.iter().position(|month| *month == start).map(|index| index + 1)).flatten()
}

/// The zeros that a word after a number stands for; none: the word is no such word.
fn scale(word: &str) -> usize {
    match word {
        "thousand" => 3,
        "million" | "mn" | "Mt" => 6,
        "billion" | "bn" => 9,
        "trillion" | "tn" => 12,
        _ => 0,
    }
}

/// A plain decimal: no commas, no needless zeros. Absent when the word is no number.
pub(crate) fn decimal(word: &str) -> Option<String> {
    let word = word.strip_suffix('%').unwrap_or(word);
    let digits: String = word.chars().filter(|letter| *letter != ',').collect();
    let (sign, rest) = digits.strip_prefix('-').map_or(("", digits.as_str()), |rest| ("-", rest));
    let (whole, part) = rest.split_once('.').unwrap_or((rest, ""));
    let numeric = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !numeric(whole) || !numeric(part) {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let part = part.trim_end_matches('0');
    let point = if part.is_empty() { "" } else { "." };
    Some(format!("{sign}{whole}{point}{part}"))
}

fn scaled(text: &str, zeros: usize) -> String {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let padded = format!("{part:0<zeros$}");
    let (moved, rest) = padded.split_at(zeros);
    decimal(&format!("{whole}{moved}.{rest}")).unwrap_or_default()
}
