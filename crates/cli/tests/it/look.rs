//! Looking behind figures: explanations, conflicts, legal parameters, and elections under other rules.

use std::fs;
use std::path::Path;

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

/// `REFORM_UPDATE=1` writes the README's examples anew.
#[test]
fn the_readme_shows_two_elections_under_other_rules() {
    const MARKS: (&str, &str) = ("<!-- simulations: made by a test -->\n", "<!-- simulations end -->");
    let pair = Served::start();
    let mut made = String::new();
    for (election, threshold) in [("kz-election-mazhilis-2021", "5"), ("kz-election-mazhilis-2023", "7")] {
        let told = stdout(&pair.run(&["simulate", election, "--threshold", threshold]));
        let (told, _revision) = told.rsplit_once("\nrevision").unwrap();
        made += &format!("```text\n$ reform simulate {election} --threshold {threshold}\n{told}```\n\n");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(MARKS.0).unwrap();
    let (said, after) = rest.split_once(MARKS.1).unwrap();
    if std::env::var_os("REFORM_UPDATE").is_some() {
        fs::write(&path, [before, MARKS.0, &made, MARKS.1, after].concat()).unwrap();
    } else {
        assert_eq!(said, made, "run again with REFORM_UPDATE=1");
    }
    let json = stdout(&pair.run(&["-o", "json", "simulate", "kz-election-mazhilis-2023"]));
    let answer: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(answer["allocations"][0]["seats"], answer["allocations"][0]["actualSeats"]);
    let given = ["simulate", "--formula", "d-hondt", "--seats", "5", "--votes", "a=100", "b=150", "c=60"];
    let table = stdout(&pair.run(&given));
    assert!(table.contains("tied, given to nobody: 1 between a, b (equal quotients)"), "{table}");
    assert!(!table.contains("actual"), "{table}");
    assert_eq!(pair.run(&["simulate", "nope"]).status.code(), Some(3));
    assert_eq!(pair.run(&["simulate", "kz-party-amanat"]).status.code(), Some(4));
}

#[test]
fn an_indicator_is_shown_in_full() {
    let pair = Served::start();
    let page = stdout(&pair.run(&["indicators", "volatility"]));
    for text in ["Pedersen, M. N. (1979)", "formula     ½ Σ", "lineage: ", "default BY_SUCCESSION", "reads "]
    {
        assert!(page.contains(text), "{text}: {page}");
    }
    let csv = stdout(&pair.run(&["-o", "csv", "indicators"]));
    assert!(csv.lines().count() > 30 && csv.contains("appeals-per-100k"), "{csv}");
    let json = stdout(&pair.run(&["-o", "json", "indicators", "turnout"]));
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["name"], "indicators/turnout");
    assert_eq!(pair.run(&["indicators", "nope"]).status.code(), Some(3));
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
