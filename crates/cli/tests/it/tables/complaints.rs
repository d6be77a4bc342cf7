//! Complaints of a real publisher, counted twice: by the services and by this test.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::shipped;
use crate::program::{Served, stderr, stdout};

/// Appeals by year and by one label.
type Counts = BTreeMap<(String, String), u64>;

/// What the services count.
fn asked(pair: &Served, label: Option<&str>, revision: &str) -> Counts {
    let mut args =
        vec!["-o", "json", "query", "appeals-per-year", "--jurisdiction", "US", "--origin", "counted"];
    args.extend(["--min-revision", revision]);
    args.extend(label.into_iter().flat_map(|label| ["--group-by", label]));
    let output = pair.run(&args);
    assert!(output.status.success(), "{}", stderr(&output));
    let mut counts = Counts::new();
    for line in stdout(&output).lines() {
        let answer: Value = serde_json::from_str(line).unwrap();
        for series in answer["series"].as_array().unwrap() {
            let label = label.and_then(|label| series["labels"][label].as_str()).unwrap_or_default();
            for point in series["points"].as_array().unwrap() {
                let year = point["period"]["start"]["year"].to_string();
                let count = point["estimate"]["value"].as_str().unwrap().parse().unwrap();
                if count > 0 {
                    assert!(counts.insert((year, label.to_owned()), count).is_none());
                }
            }
        }
    }
    counts
}

/// What the file says, by the column and in words of this test's own.
fn counted(file: &str, column: Option<&str>, word: impl Fn(&str) -> String) -> Counts {
    let mut reader = csv::Reader::from_path(file).unwrap();
    let header = reader.headers().unwrap().clone();
    let place = |title: &str| header.iter().position(|column| column == title).unwrap();
    let (date, column) = (place("Date received"), column.map(place));
    let mut counts = Counts::new();
    for row in reader.records() {
        let row = row.unwrap();
        let word = column.map(|column| word(&row[column])).unwrap_or_default();
        *counts.entry((row[date][..4].to_owned(), word)).or_default() += 1;
    }
    counts
}

fn channel(text: &str) -> String {
    match text {
        "Web" => "online".to_owned(),
        "Postal mail" => "post".to_owned(),
        other => other.to_lowercase(),
    }
}

fn outcome(text: &str) -> String {
    if text == "In progress" { String::new() } else { text.to_lowercase().replace(' ', "-") }
}

fn check(file: &str) {
    let rows = csv::Reader::from_path(file).unwrap().records().count();
    let pair = Served::start();
    let records = pair.run(&["import", &shipped("complaints.records.jsonl")]);
    assert!(records.status.success(), "{}", stderr(&records));
    let map = shipped("complaints.toml");
    let output = pair.run(&["-o", "json", "import", "--kind", "appeal", "--map", &map, file]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let summary: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(
        (summary["created"].as_u64(), summary["problems"].as_u64()),
        (u64::try_from(rows).ok(), Some(0))
    );
    let revision = summary["revision"].to_string();

    assert_eq!(asked(&pair, None, &revision), counted(file, None, |_| String::new()));
    assert_eq!(asked(&pair, Some("channel"), &revision), counted(file, Some("Submitted via"), channel));
    let outcomes = counted(file, Some("Company response to consumer"), outcome);
    assert_eq!(asked(&pair, Some("outcome"), &revision), outcomes);

    let exported =
        pair.run(&["export", "-o", "csv", "--kind", "appeal", "--filter", "jurisdiction = \"US\""]);
    assert!(exported.status.success(), "{}", stderr(&exported));
    let exported =
        csv::Reader::from_reader(exported.stdout.as_slice()).into_records().map(Result::unwrap).count();
    assert_eq!(exported, rows);
}

#[test]
fn the_sample_is_counted_as_it_is() {
    check(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/files/complaints.csv"));
}

#[test]
fn twenty_thousand_complaints_are_counted_as_they_are() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/appeals/cfpb_20k.csv");
    match fs::canonicalize(&file) {
        Ok(file) => check(file.to_str().unwrap()),
        #[expect(clippy::print_stderr, reason = "who runs the tests wants to know what was not tried")]
        Err(_) => eprintln!("skipped: {} is not there", file.display()),
    }
}
