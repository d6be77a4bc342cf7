//! `reform demo`.

use serde_json::Value;

use crate::program::{Served, run, stderr, stdout};

/// The lines below a title, up to the next empty one.
fn section<'a>(report: &'a str, title: &str) -> Vec<&'a str> {
    let lines = report.lines().skip_while(|line| !line.starts_with(title)).skip(1);
    let lines: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
    assert!(!lines.is_empty(), "no section {title:?} in:\n{report}");
    lines
}

/// Checks that the section has a line with that period, that figure, those bounds and a source.
fn check(report: &str, (title, when, figure, bounds): (&str, &str, &str, &str)) {
    let lines = section(report, title);
    let line = lines.iter().find(|line| line.trim_start().starts_with(when));
    let line = line.unwrap_or_else(|| panic!("no line {when} in {lines:#?}"));
    let cells: Vec<&str> = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
    assert_eq!(cells[..2], [when, figure], "{line}");
    assert!(bounds.is_empty() || cells[2] == bounds, "{line}");
    assert!(cells.len() >= 3 + usize::from(!bounds.is_empty()), "without a source: {line}");
}

#[test]
fn prints_every_headline_figure_with_bounds_and_source() {
    let output = run(&["demo", "--exit"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let report = stdout(&output);
    for expected in [
        ("Parties registered", "2021", "6", "exact"),
        ("Parties registered", "2022", "6–7", "6–7"),
        ("Parties registered", "2023", "7", "exact"),
        ("Parties in the Mazhilis", "2021-01-10", "3", "exact"),
        ("Parties in the Mazhilis", "2023-03-19", "6", "exact"),
        ("Of these, parties there for the first time", "2023-03-19", "3", "exact"),
        ("Effective number of parties by list votes", "2023-03-19", "3.0797", "exact"),
        ("Effective number of parties by list seats", "2023-03-19", "2.6792", "exact"),
        ("Appeals to the Constitutional Court, published", "2023", "> 5,000", "> 5,000"),
        ("Appeals to the Constitutional Court, running", "2023-01-01 to 2024-03", "> 5,300", "> 5,300"),
        ("Norms that the Constitutional Court", "2023", "8 of 32 = 25.0 %", "13.3 %–42.1 %"),
        ("Members that a party needs", "..2024-03", "20,000 → 5,000", "exact"),
        ("Share of list votes", "2021-01-11..2023-03-19", "7 → 5", "exact"),
        ("Shadow economy of 2022", "2022", "MET (18.7 against 19.9)", ""),
    ] {
        check(&report, expected);
    }
    let investment = section(&report, "Foreign investment");
    assert!(investment[0].contains("2022 to 2029") && investment[0].contains("27.5 %"), "{investment:#?}");
    assert!(report.contains("All figures at revision "), "{report}");
    assert_eq!(report.lines().filter(|line| line.starts_with("grpcurl -plaintext ")).count(), 3);
    assert!(!report.contains('\u{1b}'), "no colours without a terminal");
    assert!(!stderr(&output).contains("importing"), "no progress without a terminal");
}

#[test]
fn a_second_run_over_the_same_folder_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    let runs = [(); 2].map(|()| run(&["demo", "--exit", "--data-dir", folder]));
    let reports = runs.each_ref().map(stdout);
    assert!(runs.iter().all(|run| run.status.success()), "{}", stderr(&runs[1]));
    let figures = |report: &str| {
        let lines = report.lines().skip(1).take_while(|line| !line.starts_with("Try it"));
        lines.map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(figures(&reports[0]), figures(&reports[1]));
    assert!(
        reports[1].starts_with("590 shipped records: 0 new, 0 changed, 590 already there"),
        "{}",
        reports[1]
    );
}

#[test]
fn serves_until_it_is_interrupted() {
    let pair = Served::start();
    let output = pair.run(&["-o", "json", "status"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let status: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(status["data"]["headRevision"], status["analytics"]["appliedRevision"]);
    assert_eq!(status["data"]["storeId"], status["analytics"]["storeId"]);
    assert_eq!(pair.interrupt(), Some(0));
}

#[test]
fn a_created_record_is_counted_at_once() {
    let pair = Served::start();
    let before = pair.run(&["-o", "json", "status"]);
    let before: Value = serde_json::from_slice(&before.stdout).unwrap();
    let head: i64 = before["data"]["headRevision"].as_str().unwrap().parse().unwrap();
    // The record of the second line to paste.
    let line = pair.report.lines().find(|line| line.contains("CreateRecord")).unwrap();
    let mut request: Value = serde_json::from_str(line.split('\'').nth(1).unwrap()).unwrap();
    request["record"]["name"] = "records/appeal-of-the-test".into();
    let flags = pair.with(&["import", "-"]);
    let imported = crate::program::pipe(&flags, &request["record"].to_string());
    assert!(imported.status.success(), "{}", stderr(&imported));
    let next = (head + 1).to_string();
    let query = ["-o", "json", "query", "appeals-per-year", "--origin", "counted", "--min-revision", &next];
    let answer = pair.run(&query);
    let answer: Value = serde_json::from_slice(&answer.stdout).unwrap();
    assert_eq!(answer["series"][0]["points"][0]["estimate"]["value"], "1", "{answer}");
}
