//! The catalogue says of every indicator what a citation needs, and the README's table is made from it.
//!
//! `REFORM_UPDATE=1 cargo test -p reform-indicators --test it catalogue` writes the table anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use reform_indicators::catalogue::{Definition, all};

/// What the table stands between.
const MARKS: (&str, &str) = ("<!-- indicators: made by a test -->\n", "<!-- indicators end -->");

fn row(definition: &Definition) -> String {
    let Definition { id, title, formula, formula_source, unit, .. } = definition;
    let unit = if unit.is_empty() { "that of the records" } else { unit };
    // Authors and year; `reform indicators ID` has the whole reference.
    let source = formula_source.split_inclusive(')').next().unwrap_or_default();
    let cells = [&format!("`{id}`"), *title, unit, *formula, source].map(|cell| cell.replace('|', "\\|"));
    format!("| {} |\n", cells.join(" | "))
}

#[test]
fn the_readme_lists_every_indicator() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(MARKS.0).unwrap();
    let (said, after) = rest.split_once(MARKS.1).unwrap();
    let header = "| id | what | unit | formula | published in |\n|---|---|---|---|---|\n".to_owned();
    let made = header + &all().iter().map(|definition| row(definition)).collect::<String>();
    if std::env::var_os("REFORM_UPDATE").is_some() {
        fs::write(&path, [before, MARKS.0, &made, MARKS.1, after].concat()).unwrap();
    } else {
        assert_eq!(said, made, "run again with REFORM_UPDATE=1");
    }
}

#[test]
fn every_definition_is_complete() {
    let ids: Vec<&str> = all().iter().map(|definition| definition.id).collect();
    assert!(ids.is_sorted());
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    for definition in all() {
        let Definition { id, title, definition: text, formula, formula_source, formula_version, .. } =
            definition;
        assert!(!title.is_empty() && text.len() > 60 && text.ends_with('.'), "{id}");
        assert!(!formula.is_empty() && *formula_version >= 1, "{id}");
        // A published formula is cited with its author and year.
        let cited = formula_source.chars().filter(char::is_ascii_digit).count() >= 4;
        assert!(formula_source.is_empty() || cited, "{id}");
        assert!(!definition.kinds.is_empty() && !definition.granularities.is_empty(), "{id}");
        let dimensions: BTreeSet<_> = definition.dimensions.iter().collect();
        assert_eq!(dimensions.len(), definition.dimensions.len(), "{id}");
        for parameter in definition.parameters {
            let key = parameter.key;
            assert!(!parameter.description.is_empty(), "{id}: {key}");
            let known = parameter.values.is_empty() || parameter.values.contains(&parameter.default_value);
            assert!(known || parameter.default_value.is_empty(), "{id}: {key}");
            assert!(!parameter.required || parameter.default_value.is_empty(), "{id}: {key}");
        }
    }
}
