//! Looking behind figures: explanations, conflicts and legal parameters.

use serde_json::Value;

use crate::program::{Served, run, stderr, stdout};

#[test]
fn a_point_is_explained_by_its_records_and_sources() {
    let pair = Served::start();
    let args = ["explain", "parliamentary-parties", "--at", "2023", "-j", "KZ", "--origin", "counted"];
    let table = stdout(&pair.run(&args));
    for text in [
        "indicators/parliamentary-parties [",
        "formula version 1: ",
        "records/kz-election-mazhilis-2023",
        "Kazinform",
        "sources",
    ] {
        assert!(table.contains(text), "{text}: {table}");
    }
    let json = stdout(&pair.run(&[&["-o", "json"], &args[..]].concat()));
    let answer: Value = serde_json::from_str(&json).unwrap();
    assert!(!answer["contributions"].as_array().unwrap().is_empty(), "{json}");
    assert!(answer["nextPageToken"].as_str().is_none_or(str::is_empty), "{json}");
    let csv = stdout(&pair.run(&[&["-o", "csv"], &args[..]].concat()));
    let rows = answer["contributions"].as_array().unwrap().len()
        + answer["exclusions"].as_array().map_or(0, Vec::len);
    assert_eq!(csv.lines().count(), rows + 1, "{csv}");
}

#[test]
fn what_could_be_meant_is_listed() {
    let pair = Served::start();
    let several = pair.run(&["explain", "parliamentary-parties"]);
    assert_eq!(several.status.code(), Some(2));
    assert!(stderr(&several).contains("several points fit"), "{}", stderr(&several));
    assert!(stderr(&several).contains("--at 2023-03-19"), "{}", stderr(&several));
    let none = pair.run(&["explain", "parliamentary-parties", "--at", "1800"]);
    assert_eq!(none.status.code(), Some(2));
    assert_eq!(pair.run(&["explain", "nope"]).status.code(), Some(3));
}

#[test]
fn conflicts_name_the_figure_in_use_and_why() {
    let pair = Served::start();
    let csv = stdout(&pair.run(&["-o", "csv", "conflicts"]));
    assert!(csv.lines().count() > 10, "{csv}");
    let lines = stdout(&pair.run(&["-o", "json", "conflicts"]));
    assert!(lines.lines().all(|line| serde_json::from_str::<Value>(line).unwrap()["why"].is_string()));
    assert_eq!(stdout(&pair.run(&["conflicts", "-j", "XX"])), "nothing contradicts\n");
}

#[test]
fn a_parameter_differs_between_two_days() {
    let pair = Served::start();
    let valid = |day: &str| {
        let text = stdout(&pair.run(&["parameter", "var-mazhilis-threshold", "--at", day]));
        text.lines().next().unwrap().to_owned()
    };
    assert!(valid("2020-01-01").ends_with(": 7 percent"), "{}", valid("2020-01-01"));
    assert!(valid("2024-01-01").ends_with(": 5 percent"), "{}", valid("2024-01-01"));
    assert_eq!(pair.run(&["parameter", "var-nope"]).status.code(), Some(3));
    assert_eq!(pair.run(&["parameter", "var-mazhilis-threshold", "--at", "x"]).status.code(), Some(2));
}

#[test]
fn shells_and_man_get_what_they_need() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(stdout(&run(&["completions", shell])).contains("explain"), "{shell}");
    }
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    assert!(run(&["manual", pages.to_str().unwrap()]).status.success());
    for page in ["reform.1", "reform-explain.1", "reform-revert.1"] {
        assert!(pages.join(page).is_file(), "{page}");
    }
}
