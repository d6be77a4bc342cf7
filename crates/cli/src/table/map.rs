//! The language of maps: which column of a file fills which field of a record.
//!
//! A map is read and checked as a whole against the contract; a [`Map`] has no mistakes but columns that a file may lack.

mod cells;
mod draft;
mod keys;

use std::fs;
use std::ops::Range;

use reform_runtime::config::check_depth;
use toml::de::DeTable;

use self::draft::{Built, Draft};
use self::keys::Columns;
use super::ids::{From, Rule};
use super::mistakes::{Mistakes, list};
use super::reader::header;
use super::rows::Dialect;
use super::template::Template;
use crate::failure::Failure;
use crate::input::Source;

/// A column that the map names.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    /// As problems call it.
    pub(crate) name: String,
    /// From 1, where it is named by number.
    number: Option<usize>,
    span: Range<usize>,
}

/// Rows that are passed over.
#[derive(Debug)]
pub(crate) struct Skip {
    /// Index among the columns that the map names.
    pub(crate) column: usize,
    /// Texts of that cell.
    pub(crate) is: Vec<String>,
}

/// How a file becomes records.
#[derive(Debug)]
pub(crate) struct Map {
    path: String,
    text: String,
    /// How the file is written.
    pub(crate) dialect: Dialect,
    /// Whether the first row has the names of the columns.
    pub(crate) header: bool,
    /// Texts that count as empty.
    pub(crate) empty: Vec<String>,
    /// How records are named.
    pub(crate) id: Rule,
    /// Rows that are passed over.
    pub(crate) skip: Vec<Skip>,
    /// The record.
    pub(crate) template: Template,
    /// Columns that the fields of a record come from, which are the same in all of its rows.
    /// None: a record has one row.
    pub(crate) shared: Option<Vec<usize>>,
    /// Columns by index.
    pub(crate) columns: Vec<Column>,
}

impl Map {
    /// Reads a map for records of a kind and looks for its columns in the files. Every mistake of the map is one line of
    /// the error.
    pub(crate) fn open(path: &str, kind: Option<&str>, files: &[String]) -> Result<Self, Failure> {
        let failed = |path: &str, source| Failure::File { path: path.to_owned(), source };
        let text = fs::read_to_string(path).map_err(|source| failed(path, source))?;
        let (map, mut mistakes) = Self::read(path, text, kind).map_err(wrong)?;
        // A pipe gives its first row only once; its columns are looked for when it is read.
        for file in files.iter().filter(|file| fs::metadata(file).is_ok_and(|file| file.is_file())) {
            let header = header(Source::open(file)?.lines, &map).map_err(|source| failed(file, source))?;
            if let Some(header) = header {
                map.find(file, &header, &mut mistakes);
            }
        }
        mistakes.finish().map_err(wrong)?;
        Ok(map)
    }

    /// Reads the text of a map.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (map, mistakes) = Self::read("m.toml", text.to_owned(), None)?;
        mistakes.finish().map(|()| map)
    }

    fn read(path: &str, text: String, kind: Option<&str>) -> Result<(Self, Mistakes), String> {
        check_depth(&text).map_err(|error| format!("{path}: {error}"))?;
        let mut mistakes = Mistakes::new(path, &text);
        let document = match DeTable::parse(&text) {
            Ok(document) => document,
            Err(error) => {
                mistakes.add(&error.span().unwrap_or_default(), error.message());
                return Err(mistakes.finish().err().unwrap_or_default());
            }
        };
        let mut draft = Draft { mistakes, columns: Columns::default() };
        let built = draft.map(document.get_ref(), kind);
        let Draft { mistakes, columns } = draft;
        let Built { dialect, header, empty, id, skip, template, shared } = built;
        let columns = columns.list;
        let path = path.to_owned();
        Ok((Self { path, dialect, header, empty, id, skip, template, shared, columns, text }, mistakes))
    }

    /// Where the columns of the map are in a file.
    pub(crate) fn bind(&self, file: &str, header: &[String]) -> Result<Vec<usize>, Failure> {
        let mut mistakes = Mistakes::new(&self.path, &self.text);
        let places = self.find(file, header, &mut mistakes);
        mistakes.finish().map(|()| places).map_err(wrong)
    }

    fn find(&self, file: &str, header: &[String], mistakes: &mut Mistakes) -> Vec<usize> {
        let places = self.columns.iter().map(|Column { name, number, span }| {
            if let Some(number) = number {
                if *number > header.len() {
                    mistakes.add(span, format!("{file} has {} columns, not {number}", header.len()));
                }
                return number - 1;
            }
            let mut found = header.iter().enumerate().filter(|(_, title)| *title == name);
            match (found.next(), found.next()) {
                (Some((place, _)), None) => place,
                (Some((place, _)), Some(_)) => {
                    mistakes
                        .add(span, format!("{file} has more than one column {name:?}; name it by number"));
                    place
                }
                (None, _) => {
                    let known = list(header.iter().map(String::as_str));
                    mistakes.add(span, format!("{file} has no column {name:?}; it has {known}"));
                    0
                }
            }
        });
        places.collect()
    }
}

fn wrong(mistakes: String) -> Failure {
    Failure::Usage(format!("the map is not right\n{mistakes}"))
}

impl Map {
    /// The column that ids come from, when it is one.
    pub(crate) fn id_column(&self) -> Option<&str> {
        match &self.id.from {
            From::Columns(columns) => columns.first().map(|column| self.columns[*column].name.as_str()),
            From::Hash(_) | From::HashRow => None,
        }
    }

    /// The column behind a field that the store found wrong, and which row of the record it is in.
    pub(crate) fn blame(&self, field_path: &str) -> (Option<&str>, usize) {
        if field_path == "name" {
            return (self.id_column(), 0);
        }
        let found = self.template.columns().into_iter().find_map(|(path, column)| {
            let row = row_of(path, field_path)?;
            Some((Some(self.columns[column].name.as_str()), row))
        });
        found.unwrap_or((None, 0))
    }
}

/// The row of a record that a path is in, when `field_path` is `path` or a field of it; `*` stands for the row.
fn row_of(path: &str, field_path: &str) -> Option<usize> {
    let ends = |rest: &str| rest.is_empty() || rest.starts_with(['.', '[']);
    match path.split_once('*') {
        None => field_path.strip_prefix(path).filter(|rest| ends(rest)).map(|_| 0),
        Some((head, tail)) => {
            let (row, rest) = field_path.strip_prefix(head)?.split_once(']')?;
            let tail = tail.trim_start_matches(']');
            rest.strip_prefix(tail).filter(|rest| ends(rest))?;
            row.parse().ok()
        }
    }
}
