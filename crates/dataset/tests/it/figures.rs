//! Every figure of a record stands in a row that the record cites, or the record says how it was found.
//!
//! `sources/figures.csv` holds the figures of the tables, without their texts. Where the tables lie beside this
//! repository, the file is compared with them; `REFORM_WRITE_FIGURES=1` writes it anew.

use serde_json::Value;

use crate::tables::{Figure, decimal, figures_of, read};
use crate::{kind, material, name, records};

const FIGURES: &str = include_str!("../../sources/figures.csv");
const HEADER: [&str; 4] = ["table", "row", "column", "figure"];

fn figures() -> Vec<Figure> {
    let mut reader = csv::Reader::from_reader(FIGURES.as_bytes());
    assert_eq!(reader.headers().unwrap(), HEADER.as_slice());
    let figure = |row: csv::StringRecord| {
        let [table, row, column, figure] = [0, 1, 2, 3].map(|index| row[index].to_owned());
        Figure { table, row, column, figure }
    };
    reader.records().map(|row| figure(row.unwrap())).collect()
}

#[test]
fn the_committed_figures_are_those_of_the_tables() {
    let Some(folder) = material("data/kazakhstan") else {
        return;
    };
    let own = read(&folder);
    if std::env::var_os("REFORM_WRITE_FIGURES").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/sources/figures.csv");
        let mut writer = csv::Writer::from_path(path).unwrap();
        writer.write_record(HEADER).unwrap();
        for figure in &own {
            writer.write_record([&figure.table, &figure.row, &figure.column, &figure.figure]).unwrap();
        }
        writer.flush().unwrap();
        return;
    }
    let committed = figures();
    let gone: Vec<&Figure> = committed.iter().filter(|figure| !own.contains(figure)).collect();
    let new: Vec<&Figure> = own.iter().filter(|figure| !committed.contains(figure)).collect();
    assert!(gone.is_empty() && new.is_empty(), "only committed: {gone:#?}\nonly in the tables: {new:#?}");
}

/// A figure of a record and the path under which it stands, written as in an inference.
type Found = (String, String);

fn snake(key: &str) -> String {
    key.chars().fold(String::new(), |mut text, letter| {
        if letter.is_ascii_uppercase() {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
        text
    })
}

/// The date that an object with a year holds, as far as it is known.
fn date(value: &Value) -> Option<String> {
    let part = |key: &str| value[key].as_i64();
    let year = part("year")?;
    let month = part("month").map_or(String::new(), |month| format!("-{month:02}"));
    let day = part("day").map_or(String::new(), |day| format!("-{day:02}"));
    Some(format!("{year}{month}{day}"))
}

/// All figures below a value: numbers, decimals of quantities, numbers of acts, dates.
fn below(path: &str, value: &Value, found: &mut Vec<Found>) {
    match value {
        Value::Number(number) => found.push((path.to_owned(), number.to_string())),
        Value::Array(items) => {
            let each = items.iter().enumerate();
            each.for_each(|(index, item)| below(&format!("{path}[{index}]"), item, found));
        }
        Value::Object(fields) => {
            found.extend(date(value).map(|date| (path.to_owned(), date)));
            for (key, field) in fields {
                match (key.as_str(), field) {
                    ("year" | "month" | "day", _) => {}
                    ("decimal" | "upperDecimal" | "actNumber", Value::String(text)) => {
                        found.push((path.to_owned(), decimal(text).unwrap()));
                    }
                    ("latest", _) => below(path, field, found),
                    _ => below(&format!("{path}.{}", snake(key)), field, found),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// The rows that a locator names: the table, and words that all stand in the name of the row.
fn rows<'f>(locator: &str, figures: &'f [Figure]) -> Vec<&'f Figure> {
    let named = |part: &str| -> Vec<&'f Figure> {
        let part = part.trim();
        let contradiction = part.len() == 3 && part.starts_with('C');
        let (table, words) = if contradiction {
            ("seed_contradictions.csv", part)
        } else {
            part.split_once(' ').unwrap_or((part, ""))
        };
        let has = |figure: &&Figure| words.split(' ').all(|word| figure.row.contains(word));
        figures.iter().filter(|figure| figure.table == table).filter(has).collect()
    };
    locator.split(';').flat_map(named).collect()
}

/// The figures of every row that a record cites, and of every fact that it carries.
fn cited<'f>(record: &Value, figures: &'f [Figure]) -> Vec<&'f str> {
    let lists = ["citations", "discrepancies"].map(|key| record[key].as_array());
    let locators = lists.into_iter().flatten().flatten().filter_map(|item| item["locator"].as_str());
    let mut found: Vec<&Figure> = locators.flat_map(|locator| rows(locator, figures)).collect();
    let facts = record["labels"]["facts"].as_str().unwrap_or_default();
    for id in facts.split_whitespace() {
        found.extend(figures.iter().filter(|figure| figure.table == "seed_facts.csv" && figure.row == id));
    }
    found.into_iter().map(|figure| figure.figure.as_str()).collect()
}

/// A date is traced by a date that says at least as much; a number by itself.
fn stands_in(figure: &str, cited: &[&str]) -> bool {
    cited.iter().any(|own| *own == figure || (figure.len() >= 4 && own.starts_with(&format!("{figure}-"))))
}

/// Whether the record says how the value under a path was found.
fn explained(record: &Value, path: &str) -> bool {
    let inferences = record["inferences"].as_array().into_iter().flatten();
    let mut paths = inferences.filter_map(|inference| inference["fieldPath"].as_str());
    paths.any(|own| path.starts_with(own) || own.starts_with(&format!("{path}.")))
}

/// One office has one seat: no table prints that.
fn is_one_office(record: &Value, path: &str) -> bool {
    let tier = path.strip_prefix("election.tiers[0]") == Some(".seats");
    tier && record["election"]["tiers"][0]["system"] == "SYSTEM_SINGLE_OFFICE"
}

#[test]
fn every_figure_stands_in_a_row_that_its_record_cites_or_is_explained() {
    let figures = figures();
    let mut lost = Vec::new();
    for record in records().iter().filter(|record| !matches!(kind(record), "source" | "variable")) {
        let cited = cited(record, &figures);
        let mut found = Vec::new();
        below(kind(record), &record[kind(record)], &mut found);
        for (path, figure) in found {
            if !stands_in(&figure, &cited) && !explained(record, &path) && !is_one_office(record, &path) {
                lost.push(format!("{} {path} {figure}", name(record)));
            }
        }
    }
    assert!(lost.is_empty(), "{} figures without a row:\n{}", lost.len(), lost.join("\n"));
}

/// Numbers that texts may hold without a row: of one digit, and days and years of dates told in words.
fn is_small(figure: &str) -> bool {
    figure.parse::<f64>().is_ok_and(|number| number <= 31.0 || (1990.0..2040.0).contains(&number))
        && !figure.contains('.')
}

#[test]
fn figures_in_descriptions_and_claims_stand_in_a_row_that_is_cited() {
    let figures = figures();
    let mut lost = Vec::new();
    for record in records().iter().filter(|record| kind(record) != "source") {
        let cited = cited(record, &figures);
        let claims = record["discrepancies"].as_array().into_iter().flatten().map(|one| &one["claimed"]);
        let texts = claims.chain([&record["description"], &record["title"]]).filter_map(Value::as_str);
        for figure in texts.flat_map(figures_of) {
            if !is_small(&figure) && !stands_in(&figure, &cited) {
                lost.push(format!("{} {figure}", name(record)));
            }
        }
    }
    assert!(lost.is_empty(), "{} figures without a row:\n{}", lost.len(), lost.join("\n"));
}

/// The small numbers that a text writes out.
fn in_words(text: &str) -> Vec<String> {
    const WORDS: [&str; 9] = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    let words = text.split(|letter: char| !letter.is_alphabetic());
    let found = words.filter_map(|word| WORDS.iter().position(|own| *own == word));
    found.map(|index| (index + 1).to_string()).collect()
}

#[test]
fn the_value_of_every_fact_is_on_a_record_that_carries_it() {
    let figures = figures();
    let records = records();
    let mut lost = Vec::new();
    for fact in figures.iter().filter(|figure| figure.table == "seed_facts.csv" && figure.column == "value") {
        let carrying = records.iter().filter(|record| {
            record["labels"]["facts"].as_str().is_some_and(|label| label.split(' ').any(|id| id == fact.row))
        });
        let told = carrying.flat_map(|record| {
            let mut found = Vec::new();
            below(kind(record), &record[kind(record)], &mut found);
            let structured: Vec<String> = found.into_iter().map(|(_, figure)| figure).collect();
            let text = record.to_string();
            structured.into_iter().chain(figures_of(&text)).chain(in_words(&text))
        });
        if !told.into_iter().any(|figure| stands_in(&fact.figure, &[figure.as_str()])) {
            lost.push(format!("{} {}", fact.row, fact.figure));
        }
    }
    assert!(lost.is_empty(), "values on no record:\n{}", lost.join("\n"));
}

/// The columns that hold what a table is about; the others explain, date or name.
const VALUES: [&str; 26] = [
    "against_all",
    "both_or_other",
    "candidates",
    "e_participation",
    "elected_cumulative",
    "index",
    "invalid",
    "no_percent_reported",
    "posts",
    "rank",
    "registered",
    "registered_parties",
    "seats_assembly_of_people",
    "seats_elected_by_list",
    "seats_list",
    "seats_single_mandate",
    "signatures",
    "threshold",
    "threshold_percent",
    "turnout_percent",
    "turnout_percent_reported",
    "value",
    "vote_percent",
    "votes",
    "votes_valid",
    "yes",
];

#[test]
fn every_value_of_the_tables_is_on_a_record() {
    let figures = figures();
    let records: Vec<Value> = records().into_iter().filter(|record| kind(record) != "source").collect();
    let held = |record: &Value| {
        let mut found = Vec::new();
        below(kind(record), &record[kind(record)], &mut found);
        found.into_iter().map(|(_, figure)| figure).collect::<Vec<_>>()
    };
    let held: Vec<String> = records.iter().flat_map(held).collect();
    let apart = ["seed_facts.csv", "outside_discrepancies.csv"];
    let values = figures
        .iter()
        .filter(|figure| VALUES.contains(&figure.column.as_str()) && !apart.contains(&figure.table.as_str()));
    let lost: Vec<&Figure> = values
        .filter(|figure| {
            figure.figure != "0" && !held.iter().any(|own| stands_in(&figure.figure, &[own.as_str()]))
        })
        .collect();
    assert!(lost.is_empty(), "{lost:#?}");
}
