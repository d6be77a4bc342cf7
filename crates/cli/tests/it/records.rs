//! The other commands, against a pair that serves.

use std::fs;

use crate::program::{Served, hang_up, pipe, run, stderr, stdout};
use crate::store::Store;

#[test]
fn export_and_import_give_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (first, second) = (path("first.jsonl"), path("second.jsonl"));
    let pair = Served::start();
    assert!(pair.run(&["export", &first]).status.success());
    assert!(
        stdout(&pair.run(&["export"])) == fs::read_to_string(&first).unwrap(),
        "stdout differs from the file"
    );

    let again = pair.run(&["import", "--on-existing", "replace", &first]);
    assert!(
        stdout(&again).starts_with("0 created, 0 replaced, 590 unchanged, 0 skipped"),
        "{}",
        stdout(&again)
    );
    assert!(pair.run(&["export", &second]).status.success());
    assert!(fs::read(&first).unwrap() == fs::read(&second).unwrap(), "the second export differs");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left beside the files");
}

#[test]
fn an_export_fills_an_empty_store_with_the_same_records() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("records.jsonl");
    let shipped: String = reform_dataset::lines().map(|line| format!("{line}\n")).collect();
    fs::write(&file, shipped).unwrap();
    let (first, second) = (Store::start(), Store::start());

    let imported = run(&["--data", &first.url, "import", file.to_str().unwrap()]);
    assert!(stdout(&imported).starts_with("590 created"), "{}{}", stdout(&imported), stderr(&imported));
    let exported = stdout(&run(&["--data", &first.url, "export"]));
    assert_eq!(exported.lines().count(), 590);
    let copied = pipe(&["--data", &second.url, "import", "-"], &exported);
    assert!(copied.status.success(), "{}", stderr(&copied));
    assert!(stdout(&run(&["--data", &second.url, "export"])) == exported, "the copy differs");
    first.stop();
    second.stop();
}

#[test]
fn what_is_refused_is_named_by_file_line_and_field() {
    let pair = Served::start();
    let good = r#"{"name": "records/x", "title": "X", "source": {"title": "X"}}"#;
    let bad = r#"{"name": "records/y", "party": {"foundedOn": {"year": 2000, "month": 13}}}"#;
    let text = format!("{good}\n\n{bad}\n");

    let flags = pair.with(&["import", "-"]);
    let stopped = pipe(&flags, &text);
    assert_eq!(stopped.status.code(), Some(1));
    assert!(stderr(&stopped).contains("stdin:3: party.founded_on.month: "), "{}", stderr(&stopped));
    assert!(stderr(&stopped).contains("(FIELD_VIOLATIONS)"), "{}", stderr(&stopped));
    assert_eq!(pair.run(&["get", "x"]).status.code(), Some(3), "nothing of a bad batch is stored");

    let flags = pair.with(&["import", "--skip-invalid", "-"]);
    let skipped = pipe(&flags, &format!("{text}{{\"nam\n"));
    assert_eq!(skipped.status.code(), Some(1));
    assert!(stderr(&skipped).contains("stdin:4:5: no record: "), "{}", stderr(&skipped));
    assert!(stdout(&skipped).starts_with("1 created"), "{}", stdout(&skipped));
    assert!(pair.run(&["get", "x"]).status.success());

    let flags = pair.with(&["import", "-"]);
    let taken = pipe(&flags, good);
    assert!(stderr(&taken).contains("(RECORD_EXISTS)"), "{}", stderr(&taken));
}

#[test]
fn a_dry_run_stores_nothing() {
    let pair = Served::start();
    let flags = pair.with(&["import", "--dry-run", "-"]);
    let output = pipe(&flags, r#"{"name": "records/x", "title": "X", "source": {"title": "X"}}"#);
    assert!(stdout(&output).starts_with("1 would be created"), "{}", stdout(&output));
    assert_eq!(pair.run(&["get", "x"]).status.code(), Some(3));
}

#[test]
fn lists_pages_to_the_end_and_stops_at_the_limit() {
    let pair = Served::start();
    let lines = |args: &[&str]| stdout(&pair.run(args)).lines().count();
    assert_eq!(lines(&["-o", "json", "list"]), 590);
    assert_eq!(lines(&["-o", "json", "list", "--limit", "501"]), 501);
    assert_eq!(lines(&["-o", "csv", "list", "--filter", "kind = \"election\"", "--limit", "3"]), 4);
    let table = stdout(&pair.run(&["list", "--filter", "kind = \"election\"", "--order-by", "name"]));
    let row = table.lines().find(|line| line.contains("records/kz-election-mazhilis-2023"));
    assert!(row.is_some_and(|row| row.contains("election") && row.contains("2023-03-19")), "{table}");
}

#[test]
fn a_refusal_has_code_reason_and_the_exit_code_of_its_class() {
    let pair = Served::start();
    for (args, reason, code) in [
        (["get", "nope"].as_slice(), "NOT_FOUND / RECORD_NOT_FOUND", 3),
        (&["list", "--filter", "kind ="], "INVALID_ARGUMENT / FILTER_SYNTAX", 4),
        (&["list", "--as-of", "99999"], "OUT_OF_RANGE / REVISION_AHEAD", 4),
        (&["query", "nope"], "NOT_FOUND / INDICATOR_NOT_FOUND", 3),
        (&["query", "target-progress", "-p", "nope=1"], "parameters.nope: ", 4),
    ] {
        let output = pair.run(args);
        assert_eq!(output.status.code(), Some(code), "{args:?}");
        assert!(stderr(&output).contains(reason), "{args:?}: {}", stderr(&output));
        assert!(output.stdout.is_empty() || args[0] == "get", "{args:?}");
    }
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let pair = Served::start();
    for output in ["json", "csv", "table"] {
        assert_eq!(hang_up(&pair.with(&["-o", output, "list"])), Some(0), "{output}");
    }
    assert_eq!(hang_up(&pair.with(&["export"])), Some(0));
}

#[test]
fn a_service_that_is_not_there_is_named() {
    // Nobody listens on port 1 of this machine.
    let status = run(&["--data", "http://127.0.0.1:1", "--analytics", "http://127.0.0.1:1", "status"]);
    assert_eq!(status.status.code(), Some(6));
    let text = stderr(&status);
    assert!(text.contains("cannot reach reform-data at http://127.0.0.1:1"), "{text}");
    assert!(text.contains("cannot reach reform-analytics at http://127.0.0.1:1"), "{text}");
    assert!(text.contains("pass --data URL"), "{text}");
}

#[test]
fn wrong_usage_exits_with_two() {
    for args in [&["import"][..], &["query"], &["--data", "ftp://x", "list"], &["nope"]] {
        assert_eq!(run(args).status.code(), Some(2), "{args:?}");
    }
}
