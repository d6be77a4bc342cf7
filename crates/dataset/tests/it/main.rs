//! What the shipped records must hold, checked without a server.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail like the tests themselves")]

mod accounts;
mod figures;
mod records;
mod systems;
mod tables;
mod words;

use std::path::PathBuf;

use reform_dataset::lines;
use serde_json::Value;

const KINDS: [&str; 14] = [
    "source",
    "institution",
    "package",
    "reform",
    "party",
    "election",
    "referendum",
    "appeal",
    "decision",
    "petition",
    "variable",
    "observation",
    "target",
    "event",
];

fn parse(line: &str) -> Value {
    serde_json::from_str(line).expect("every line is JSON")
}

fn name(record: &Value) -> &str {
    record["name"].as_str().expect("every record has a name")
}

fn kind(record: &Value) -> &'static str {
    let mut found = KINDS.iter().filter(|kind| record.get(**kind).is_some());
    let kind = found.next().expect("every record has a body");
    assert!(found.next().is_none(), "{} has two bodies", name(record));
    kind
}

/// All shipped records.
fn records() -> Vec<Value> {
    lines().map(parse).collect()
}

/// A folder of the material that the records were made from. It is no part of this repository: without it, the
/// caller has nothing to compare with.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn material(folder: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(folder);
    let found = path.is_dir();
    if !found {
        eprintln!("skipped: {folder} does not lie beside this repository");
    }
    found.then_some(path)
}
