//! A template and the rows of one record make a record.

use std::collections::HashMap;

use prost_reflect::{DynamicMessage, FieldDescriptor, MapKey, Value};

use super::super::rows::Row;
use super::{Element, Leaf, Part, Source, Template};

/// What is wrong with one cell of a row.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CellProblem {
    /// Line on which its row starts.
    pub(crate) line: u64,
    /// Index of the column among those that the map names.
    pub(crate) column: Option<usize>,
    /// Field that it was for.
    pub(crate) path: String,
    /// What is wrong.
    pub(crate) what: String,
}

/// The rows of one record and how to read them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cells<'r> {
    /// The rows, at least one; only the template of rows reads more than the first.
    pub(crate) rows: &'r [Row],
    /// For each column that the map names, its place in the file.
    pub(crate) places: &'r [usize],
    /// Texts that count as empty.
    pub(crate) empty: &'r [String],
}

impl<'r> Cells<'r> {
    /// A cell of the first row, by the column's index among those that the map names.
    pub(crate) fn get(&self, column: usize) -> &'r str {
        let text = self.rows[0].cell(self.places[column]);
        if self.empty.iter().any(|empty| empty == text) { "" } else { text }
    }
}

impl Template {
    /// Fills the holes. Also says whether any cell gave a value: a message whose cells are all empty is left out,
    /// constants and all; what the kind itself is made of is not.
    pub(crate) fn fill(&self, cells: Cells<'_>, problems: &mut Vec<CellProblem>) -> (DynamicMessage, bool) {
        let mut message = DynamicMessage::new(self.message.clone());
        let mut real = false;
        for (field, part) in &self.parts {
            let value = match part {
                Part::One(element) => element.fill(cells, is_body(field), problems),
                Part::List(elements) => {
                    let filled = elements.values().filter_map(|element| element.fill(cells, false, problems));
                    gather(filled).map(|(values, real)| (Value::List(values), real))
                }
                Part::Rows(template) => {
                    let rows = (0..cells.rows.len()).filter_map(|row| {
                        let cells = Cells { rows: &cells.rows[row..=row], ..cells };
                        let before = problems.len();
                        let (element, real) = template.fill(cells, problems);
                        for problem in &mut problems[before..] {
                            problem.path = problem.path.replace('*', &row.to_string());
                        }
                        real.then_some((Value::Message(element), true))
                    });
                    gather(rows).map(|(values, real)| (Value::List(values), real))
                }
                Part::Entries(entries) => {
                    let filled = entries.iter().filter_map(|(key, leaf)| {
                        let (value, real) = leaf.fill(cells, problems)?;
                        Some(((MapKey::String(key.clone()), value), real))
                    });
                    gather(filled).map(|(entries, real)| {
                        (Value::Map(entries.into_iter().collect::<HashMap<_, _>>()), real)
                    })
                }
            };
            let Some((value, given)) = value else { continue };
            real |= given;
            if let Some(rival) = rival(&message, field) {
                let what = format!("{rival} and {} are both given, and only one can be", field.name());
                problems.push(CellProblem {
                    line: cells.rows[0].line,
                    column: None,
                    path: String::new(),
                    what,
                });
            }
            message.set_field(field, value);
        }
        (message, real)
    }
}

impl Element {
    fn fill(&self, cells: Cells<'_>, stays: bool, problems: &mut Vec<CellProblem>) -> Option<(Value, bool)> {
        match self {
            Self::Leaf(leaf) => leaf.fill(cells, problems),
            Self::Message(template) => {
                let (message, real) = template.fill(cells, problems);
                (real || stays || !template.reads()).then_some((Value::Message(message), real))
            }
        }
    }
}

impl Leaf {
    fn fill(&self, cells: Cells<'_>, problems: &mut Vec<CellProblem>) -> Option<(Value, bool)> {
        let (cell, shape) = match &self.source {
            Source::Fixed(value) => return Some((value.clone(), false)),
            Source::Read(cell, shape) => (cell, shape),
        };
        let written = cells.get(cell.column);
        let value = cell
            .text(written)
            .and_then(|text| text.map(|text| shape.value(&text, &cell.dates, &cell.number)).transpose());
        match value {
            Ok(value) => value.map(|value| (value, !written.is_empty())),
            Err(what) => {
                let (line, column) = (cells.rows[0].line, Some(cell.column));
                problems.push(CellProblem { line, column, path: self.path.clone(), what });
                None
            }
        }
    }
}

/// Everything that was filled, unless that is nothing, and whether any of it came from a cell.
fn gather<T>(filled: impl Iterator<Item = (T, bool)>) -> Option<(Vec<T>, bool)> {
    let (values, real): (Vec<T>, Vec<bool>) = filled.unzip();
    (!values.is_empty()).then(|| (values, real.contains(&true)))
}

fn is_body(field: &FieldDescriptor) -> bool {
    field.containing_oneof().is_some_and(|oneof| oneof.name() == "body")
}

/// Another field of the same choice that is set already.
fn rival(message: &DynamicMessage, field: &FieldDescriptor) -> Option<String> {
    let choice = field.containing_oneof()?;
    let set = choice.fields().find(|other| other != field && message.has_field(other))?;
    Some(set.name().to_owned())
}
