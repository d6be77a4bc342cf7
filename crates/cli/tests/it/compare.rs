//! `reform query --as-of` and `reform compare`, with both services.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails here")]

use serde_json::Value;

use crate::program::{Served, pipe, stderr, stdout};

fn head(pair: &Served) -> i64 {
    let status: Value = serde_json::from_slice(&pair.run(&["-o", "json", "status"]).stdout).unwrap();
    status["data"]["headRevision"].as_str().unwrap().parse().unwrap()
}

/// Stores an appeal to the court of that year, with a reason.
fn store(pair: &Served, id: &str, year: i32) {
    let record = format!(
        r#"{{"name": "records/{id}", "jurisdiction": "KZ", "title": "{id}", "appeal":
            {{"institution": "records/kz-inst-constitutional-court", "filedOn": {{"year": {year}, "month": 5}}}}}}"#
    )
    .replace('\n', "");
    let import = ["import", "-", "--author", "clerk", "--reason", "letters of May"];
    let imported = pipe(&pair.with(&import), &record);
    assert!(imported.status.success(), "{}", stderr(&imported));
}

#[test]
fn the_past_is_answered_and_compared_with_the_present() {
    let pair = Served::start();
    let before = head(&pair).to_string();
    store(&pair, "one", 2024);
    store(&pair, "two", 2024);
    let after = head(&pair).to_string();
    let counted = ["-o", "json", "query", "appeals-per-year", "--origin", "counted", "--period", "2024"];
    let values = |more: &[&str]| {
        let output = pair.run(&[&counted[..], more].concat());
        let answer: Value =
            serde_json::from_str(&stdout(&output)).unwrap_or_else(|_| panic!("{}", stderr(&output)));
        let value = answer["series"][0]["points"][0]["estimate"]["value"].clone();
        (answer["revision"].as_str().unwrap_or("0").to_owned(), value)
    };
    assert_eq!(values(&["--as-of", &after]), (after.clone(), "2".into()));
    assert_eq!(values(&["--as-of", &before]), (before.clone(), Value::Null));
    assert_eq!(values(&["--as-of", "1971-01-01T00:00:00Z"]).0, "0".to_owned());

    let compare = ["compare", "appeals-per-year", "--origin", "counted", "--from", &before, "--to", &after];
    let output = pair.run(&compare);
    let table = stdout(&output);
    for text in ["2024", "none", "2", "records/one", "records/two", "unverified:clerk", "letters of May"] {
        assert!(table.contains(text), "{text}: {table}{}", stderr(&output));
    }
    let same = pair.run(&["compare", "appeals-per-year", "--from", &after, "--to", &after]);
    assert!(stdout(&same).starts_with("no figure moved"), "{}", stdout(&same));
    let wrong = pair.run(&["compare", "appeals-per-year", "--from", &after, "--to", &before]);
    assert!(wrong.status.code() == Some(4) && stderr(&wrong).contains("from_revision"), "{}", stderr(&wrong));
}
