//! The examples of the contract are accepted.

use reform_api::convert;
use reform_api::data::v1;
use reform_api::json;
use reform_model::Kind;

/// Records in JSON form, one a line.
pub(crate) const EXAMPLES: &str = include_str!("../examples.jsonl");

/// The examples as messages.
pub(crate) fn examples() -> impl Iterator<Item = v1::Record> {
    EXAMPLES.lines().map(|line| json::parse("reform.data.v1.Record", line).expect("a record in JSON form"))
}

#[test]
fn every_example_converts() {
    let mut kinds = std::collections::BTreeSet::new();
    for wire in examples() {
        let record =
            convert::record(&wire).unwrap_or_else(|violations| panic!("{}: {violations}", wire.name));
        assert_eq!(record.name.as_str(), wire.name);
        kinds.insert(record.kind());
    }
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), Kind::ALL);
}

/// Converts the records in the file that `REFORM_RECORDS` names, and prints every line that is refused.
#[test]
#[ignore = "needs a file of records"]
fn a_file_of_records_converts() {
    let path = std::env::var("REFORM_RECORDS").unwrap();
    let text = std::fs::read_to_string(path).unwrap();
    let mut refused = Vec::new();
    for (index, line) in text.lines().enumerate() {
        match json::parse::<v1::Record>("reform.data.v1.Record", line) {
            Err(error) => refused.push(format!("{}: {error}", index + 1)),
            Ok(wire) => {
                let converted = convert::record(&wire);
                refused.extend(converted.err().map(|error| format!("{} {}: {error}", index + 1, wire.name)));
            }
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}
