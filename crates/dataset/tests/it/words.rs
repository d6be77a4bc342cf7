//! No run of six words is taken from a text that the records were made from.

use std::collections::HashSet;
use std::fs;

use reform_dataset::{FILES, SYSTEMS};

use crate::material;

const RUN: usize = 6;
const TEXTS: [&str; 2] = [include_str!("../../NOT_MODELLED.md"), include_str!("../../README.md")];

/// The runs of words of a text, in lower case and without punctuation. A number with commas is one word.
fn runs(text: &str) -> HashSet<String> {
    let plain = |word: &str| {
        let letters = word.chars().filter(|letter| letter.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect::<String>()
    };
    let words: Vec<String> = text.split_whitespace().map(plain).filter(|word| !word.is_empty()).collect();
    words.windows(RUN).map(|run| run.join(" ")).collect()
}

/// Every text that a JSON value holds.
fn texts(value: &serde_json::Value, found: &mut Vec<String>) {
    match value {
        serde_json::Value::String(text) => found.push(text.clone()),
        serde_json::Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        serde_json::Value::Object(fields) => fields.values().for_each(|field| texts(field, found)),
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {}
    }
}

#[test]
fn runs_ignore_case_and_punctuation() {
    let found = runs("One, two - THREE “four” five six seven");
    assert!(found.contains("one two three four five six") && found.contains("two three four five six seven"));
    assert_eq!(found.len(), 2);
}

#[test]
fn no_run_of_six_words_is_taken_from_a_seed() {
    let Some(folder) = material("seeds") else {
        return;
    };
    let mut theirs = HashSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        theirs.extend(runs(&fs::read_to_string(entry.unwrap().path()).unwrap()));
    }
    assert!(theirs.len() > 3_000, "{} runs are not five texts", theirs.len());
    let mut own: Vec<String> = TEXTS.map(str::to_owned).into();
    own.push(SYSTEMS.to_owned());
    for line in FILES.iter().flat_map(|(_, text)| text.lines()) {
        texts(&serde_json::from_str(line).unwrap(), &mut own);
    }
    let taken: Vec<String> = own
        .iter()
        .flat_map(|text| runs(text).into_iter().filter(|run| theirs.contains(run)).collect::<Vec<_>>())
        .collect();
    assert!(taken.is_empty(), "{taken:#?}");
}
