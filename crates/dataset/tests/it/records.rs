//! What every shipped record must hold, checked without a server.

use std::collections::{HashMap, HashSet};

use reform_dataset::{FILES, lines};
use serde_json::Value;

use crate::{kind, name, parse};

/// Every text in `value` that names a record, with the key under which it stands.
fn references<'a>(key: &'a str, value: &'a Value, found: &mut Vec<(&'a str, &'a str)>) {
    match value {
        Value::String(text) if text.starts_with("records/") => found.push((key, text)),
        Value::Array(items) => items.iter().for_each(|item| references(key, item, found)),
        Value::Object(fields) => {
            for (key, value) in fields {
                references(key, value, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The kind that a reference under this key must have, where one key always means one kind.
fn expected_kind(key: &str) -> Option<&'static str> {
    Some(match key {
        "source" => "source",
        "variable" | "parameter" | "partOf" => "variable",
        "institution" => "institution",
        "package" => "package",
        "party" | "parties" => "party",
        "overtakenBy" => "referendum",
        "derivedFrom" => "observation",
        _ => return None,
    })
}

#[test]
fn names_are_valid_and_unique() {
    let mut seen = HashSet::new();
    for line in lines() {
        let record = parse(line);
        let id = name(&record).strip_prefix("records/").unwrap();
        assert!((1..=80).contains(&id.len()), "{id}");
        assert!(
            id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'),
            "{id}"
        );
        assert!(seen.insert(id.to_owned()), "{id} occurs twice");
    }
}

#[test]
fn references_resolve_within_the_file_or_an_earlier_one() {
    let mut known: HashMap<String, &'static str> = HashMap::new();
    for (file, text) in FILES {
        let records: Vec<Value> = text.lines().map(parse).collect();
        for record in &records {
            known.insert(name(record).to_owned(), kind(record));
        }
        for record in &records {
            let mut found = Vec::new();
            references("", record, &mut found);
            for (key, reference) in found {
                let kind = known.get(reference);
                assert!(kind.is_some(), "{file}: {} misses {reference}", name(record));
                if let Some(expected) = expected_kind(key) {
                    assert_eq!(kind, Some(&expected), "{}: {key}", name(record));
                }
            }
        }
    }
}

#[test]
fn every_statement_is_cited_with_a_place_in_its_source() {
    for line in lines() {
        let record = parse(line);
        if matches!(kind(&record), "source" | "variable" | "appeal") {
            continue;
        }
        let citations = record["citations"].as_array().unwrap_or_else(|| {
            panic!("{} has no citation", name(&record));
        });
        assert!(!citations.is_empty(), "{}", name(&record));
        for citation in citations {
            assert!(citation["locator"].is_string(), "{}", name(&record));
        }
    }
}

#[test]
fn seats_of_every_recorded_tier_add_up() {
    for line in lines() {
        let record = parse(line);
        if kind(&record) != "election" || !name(&record).contains("mazhilis") {
            continue;
        }
        for tier in record["election"]["tiers"].as_array().unwrap() {
            let results = tier["results"].as_array().unwrap();
            let seats: i64 = results.iter().filter_map(|row| row["seats"].as_i64()).sum();
            assert_eq!(Some(seats), tier["seats"].as_i64(), "{}", name(&record));
        }
    }
}

#[test]
fn measured_values_carry_the_unit_of_their_variable() {
    let records: Vec<Value> = lines().map(parse).collect();
    let units: HashMap<&str, &Value> = records
        .iter()
        .filter(|record| kind(record) == "variable")
        .map(|record| (name(record), &record["variable"]["unit"]))
        .collect();
    for record in &records {
        let body = &record[kind(record)];
        let changes = body["parameterChanges"].as_array();
        let changes = changes.into_iter().flatten();
        let values = changes
            .flat_map(|change| {
                [(&change["parameter"], &change["before"]), (&change["parameter"], &change["after"])]
            })
            .chain([(&body["variable"], &body["quantity"])]);
        for (variable, quantity) in values {
            if let (Some(variable), true) = (variable.as_str(), quantity.is_object()) {
                assert_eq!(&quantity["unit"], units[variable], "{}", name(record));
            }
        }
    }
}
