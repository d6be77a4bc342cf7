//! The 17 systems: each has records and a question, and every record belongs to one.

use std::collections::{BTreeMap, BTreeSet};

use reform_dataset::SYSTEMS;

use crate::{kind, name, records};

fn systems() -> Vec<toml::Table> {
    let file: toml::Table = SYSTEMS.parse().unwrap();
    file["system"].as_array().unwrap().iter().map(|system| system.as_table().unwrap().clone()).collect()
}

#[test]
fn there_are_17_systems_each_with_its_records_and_a_question() {
    let systems = systems();
    let records = records();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for record in records.iter().filter(|record| kind(record) != "source") {
        let label = record["labels"]["systems"].as_str().unwrap_or_default();
        assert!(!label.is_empty(), "{} belongs to no system", name(record));
        label.split(' ').for_each(|id| *counts.entry(id).or_default() += 1);
    }
    let ids: BTreeSet<&str> = systems.iter().map(|system| system["id"].as_str().unwrap()).collect();
    assert_eq!(systems.len(), 17);
    assert_eq!(ids, counts.keys().copied().collect(), "{counts:?}");
    for system in &systems {
        let id = system["id"].as_str().unwrap();
        assert_eq!(system["records"].as_str(), Some(format!("labels.systems:\"{id}\"").as_str()));
        for key in ["title", "question", "indicator"] {
            assert!(system[key].as_str().is_some_and(|text| !text.is_empty()), "{id}: {key}");
        }
        // A filter looks for a part of the label.
        assert_eq!(ids.iter().filter(|other| other.contains(id)).count(), 1, "{id}");
    }
}

#[test]
fn questions_name_records_of_their_own_system() {
    let records = records();
    for system in systems() {
        let id = system["id"].as_str().unwrap();
        let text = toml::to_string(&system).unwrap();
        for part in text.split("records/").skip(1) {
            let end = part.find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '-')).unwrap();
            let named = format!("records/{}", &part[..end]);
            let record = records.iter().find(|record| name(record) == named);
            let label = record.and_then(|record| record["labels"]["systems"].as_str()).unwrap_or_default();
            assert!(label.split(' ').any(|own| own == id), "{id}: {named}");
        }
    }
}
