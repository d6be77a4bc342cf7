//! Problems on stderr: all are counted, the first ones listed.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use reform_api::data::v1::ImportProblem;

use crate::input::Place;
use crate::progress::Progress;
use crate::table::Map;

/// Tells problems and counts them. Cheap to share.
#[derive(Debug)]
pub(crate) struct Problems {
    progress: Arc<Progress>,
    listed_max: i64,
    count: AtomicI64,
    listed: AtomicI64,
}

impl Problems {
    /// None so far.
    pub(crate) fn new(progress: Arc<Progress>, listed_max: i64) -> Self {
        Self { progress, listed_max, count: AtomicI64::new(0), listed: AtomicI64::new(0) }
    }

    /// One problem, in words.
    pub(crate) fn tell(&self, problem: &str) {
        self.count.fetch_add(1, Ordering::Relaxed);
        if self.listed.load(Ordering::Relaxed) < self.listed_max {
            self.listed.fetch_add(1, Ordering::Relaxed);
            self.progress.note(problem);
        }
    }

    /// Problems that the service counted and did not list.
    pub(crate) fn add(&self, unlisted: i64) {
        self.count.fetch_add(unlisted.max(0), Ordering::Relaxed);
    }

    /// How many there are.
    pub(crate) fn count(&self) -> i64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Says how many were not listed.
    pub(crate) fn finish(&self) {
        let more = self.count() - self.listed.load(Ordering::Relaxed);
        if more > 0 {
            self.progress.note(&format!("and {more} more problems"));
        }
    }
}

/// `FILE:LINE: field.path: description (REASON)`; in a table `FILE:LINE:COLUMN: …`.
pub(super) fn describe(problem: &ImportProblem, places: &[Place], map: Option<&Map>) -> String {
    let ImportProblem { index, name, field_path, description, reason } = problem;
    let place = usize::try_from(*index).ok().and_then(|index| places.get(index));
    let (column, row) = map.map_or((None, 0), |map| map.blame(field_path));
    let mut text = String::new();
    if let Some(Place { file, line, more }) = place {
        let line = row.checked_sub(1).and_then(|row| more.get(row)).unwrap_or(line);
        let column = column.map(|column| format!(":{column}")).unwrap_or_default();
        text = format!("{file}:{line}{column}: ");
    }
    let subject = if field_path.is_empty() { name } else { field_path };
    if !subject.is_empty() && !description.starts_with(subject.as_str()) {
        text.push_str(&format!("{subject}: "));
    }
    text.push_str(&format!("{description} ({reason})"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_file_line_field_and_reason() {
        let problem = ImportProblem {
            index: 1,
            name: "records/a".to_owned(),
            field_path: "record.party.founded_on.month".to_owned(),
            description: "must be 1 to 12".to_owned(),
            reason: "FIELD_VIOLATIONS".to_owned(),
        };
        let places = [1, 7].map(|line| Place { file: "p.jsonl".into(), line, more: Vec::new() });
        assert_eq!(
            describe(&problem, &places, None),
            "p.jsonl:7: record.party.founded_on.month: must be 1 to 12 (FIELD_VIOLATIONS)"
        );
    }

    #[test]
    fn a_problem_of_a_table_names_the_column_and_the_row() {
        let map = "kind = \"election\"\n[id]\ncolumn = \"e\"\n[fields]\nelection.cast = { column = \"cast\" }\n\
                   [rows]\npath = \"election.tiers[0].results\"\n[rows.fields]\nvotes = { column = \"v\" }\n";
        let map = Map::parse(map).unwrap();
        let places = [Place { file: "e.csv".into(), line: 2, more: vec![3, 5] }];
        for (path, expected) in [
            ("election.tiers[0].results[2].votes", "e.csv:5:v: "),
            ("election.cast", "e.csv:2:cast: "),
            ("name", "e.csv:2:e: "),
            ("election.held_on", "e.csv:2: "),
        ] {
            let problem = ImportProblem { field_path: path.to_owned(), ..ImportProblem::default() };
            let text = describe(&problem, &places, Some(&map));
            assert!(text.starts_with(&format!("{expected}{path}")), "{text}");
        }
    }
}
