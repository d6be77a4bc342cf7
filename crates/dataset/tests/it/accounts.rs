//! Every row of the fact list and every contradiction is accounted for.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{name, records};

const NOT_MODELLED: &str = include_str!("../../NOT_MODELLED.md");

/// How many facts each of the five texts gave: `S0-001` to `S0-022`, and so on.
const FACTS: [(&str, u32); 5] = [("S0", 22), ("S1", 17), ("S2", 92), ("S3", 5), ("S4", 8)];
/// Contradictions between the texts, and disagreements of outside sources.
const RIVALS: [(&str, u32); 2] = [("C", 24), ("D", 15)];

fn facts() -> BTreeSet<String> {
    let ids = FACTS.iter().flat_map(|(text, last)| (1..=*last).map(move |row| format!("{text}-{row:03}")));
    ids.collect()
}

/// The facts that a label names, with the records that name them.
fn labelled(records: &[Value]) -> BTreeMap<&str, Vec<&str>> {
    let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for record in records {
        let label = record["labels"]["facts"].as_str().unwrap_or_default();
        label.split_whitespace().for_each(|id| found.entry(id).or_default().push(name(record)));
    }
    found
}

/// The facts listed as left out: the first column of the table under `## Facts`.
fn left_out() -> BTreeSet<&'static str> {
    let from_here = NOT_MODELLED.split_once("\n## Facts\n").expect("the section of facts").1;
    let section = from_here.split("\n## ").next().unwrap_or_default();
    let cells = section.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    cells.filter(|cell| cell.starts_with('S')).collect()
}

#[test]
fn all_144_facts_are_on_a_record_or_listed_as_left_out() {
    let known = facts();
    assert_eq!(known.len(), 144);
    let records = records();
    let labelled = labelled(&records);
    let left_out = left_out();
    for id in labelled.keys() {
        assert!(known.contains(*id), "{id} on {:?} is no row of the list", labelled[id]);
    }
    for id in &known {
        let on_record = labelled.contains_key(id.as_str());
        assert!(on_record || left_out.contains(id.as_str()), "{id} is nowhere");
        assert!(
            !on_record || !left_out.contains(id.as_str()),
            "{id} is on {:?} and left out",
            labelled[id.as_str()]
        );
    }
    assert_eq!(labelled.len() + left_out.len(), known.len());
}

/// The reasons of a record that a reader meets as a conflict or in an explanation.
fn reasons(record: &Value) -> Vec<&str> {
    let lists = ["discrepancies", "inferences"].map(|key| record[key].as_array());
    let items = lists.into_iter().flatten().flatten();
    items.map(|item| &item["reason"]).chain([&record["rankReason"]]).filter_map(Value::as_str).collect()
}

#[test]
fn all_24_contradictions_and_15_disagreements_are_given_a_reason() {
    let records = records();
    let given: Vec<&str> = records.iter().flat_map(reasons).collect();
    let ids =
        RIVALS.iter().flat_map(|(letter, last)| (1..=*last).map(move |row| format!("{letter}{row:02}")));
    let silent: Vec<String> =
        ids.filter(|id| !given.iter().any(|reason| reason.starts_with(&format!("{id}: ")))).collect();
    assert!(silent.is_empty(), "no discrepancy, inference or rank gives a reason for {silent:?}");
}
