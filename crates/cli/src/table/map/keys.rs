//! Tables of a map with the places of their keys.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::super::mistakes::{Mistakes, list};
use super::Column;

/// A value and its place.
pub(super) type Value<'t> = Spanned<DeValue<'t>>;

/// A table and its place.
#[derive(Debug, Clone)]
pub(super) struct Keys<'a> {
    table: &'a DeTable<'a>,
    /// The table itself.
    pub(super) span: Range<usize>,
}

impl<'a> Keys<'a> {
    pub(super) fn new(table: &'a DeTable<'a>, span: Range<usize>) -> Self {
        Self { table, span }
    }

    /// Every key with its place and value.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'a str, Range<usize>, &'a Value<'a>)> {
        self.table.iter().map(|(key, value)| (key.get_ref().as_ref(), key.span(), value))
    }

    pub(super) fn value(&self, key: &str) -> Option<&'a Value<'a>> {
        self.entries().find(|(known, ..)| *known == key).map(|(_, _, value)| value)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    /// The place of a key, or of the table where the key is missing.
    pub(super) fn span_of(&self, key: &str) -> Range<usize> {
        self.entries().find(|(known, ..)| *known == key).map_or(self.span.clone(), |(_, span, _)| span)
    }

    /// Reports every key that is not of the language.
    pub(super) fn check(&self, known: &[&str], mistakes: &mut Mistakes) {
        for (key, span, _) in self.entries().filter(|(key, ..)| !known.contains(key)) {
            mistakes
                .add(&span, format!("there is no {key:?} here; there is {}", list(known.iter().copied())));
        }
    }

    fn typed<T>(
        &self,
        key: &str,
        what: &str,
        mistakes: &mut Mistakes,
        read: impl FnOnce(&'a DeValue<'a>) -> Option<T>,
    ) -> Option<T> {
        let value = self.value(key)?;
        let read = read(value.get_ref());
        if read.is_none() {
            mistakes.add(&value.span(), format!("{key} must be {what}"));
        }
        read
    }

    pub(super) fn text(&self, key: &str, mistakes: &mut Mistakes) -> Option<String> {
        self.typed(key, "a text in quotes", mistakes, |value| value.as_str().map(ToOwned::to_owned))
    }

    pub(super) fn truth(&self, key: &str, mistakes: &mut Mistakes) -> Option<bool> {
        self.typed(key, "true or false", mistakes, DeValue::as_bool)
    }

    pub(super) fn texts(&self, key: &str, mistakes: &mut Mistakes) -> Option<Vec<String>> {
        self.typed(key, "a list of texts", mistakes, |value| {
            let texts = value.as_array()?.iter().map(|item| item.get_ref().as_str().map(ToOwned::to_owned));
            texts.collect()
        })
    }

    pub(super) fn table(&self, key: &str, mistakes: &mut Mistakes) -> Option<Self> {
        let span = self.span_of(key);
        self.typed(key, "a table", mistakes, |value| Some(Self::new(value.as_table()?, span)))
    }

    pub(super) fn tables(&self, key: &str, mistakes: &mut Mistakes) -> Vec<Self> {
        let tables = self.typed(key, "a list of tables: [[…]]", mistakes, |value| {
            let tables = value.as_array()?.iter();
            tables
                .map(|item| Some(Self::new(item.get_ref().as_table()?, item.span())))
                .collect::<Option<Vec<_>>>()
        });
        tables.unwrap_or_default()
    }
}

/// The columns that a map names, each once.
#[derive(Debug, Default)]
pub(super) struct Columns {
    /// By index.
    pub(super) list: Vec<Column>,
    /// Whether columns have names.
    pub(super) header: bool,
}

impl Columns {
    /// The index of the column that a key names.
    pub(super) fn one(&mut self, keys: &Keys<'_>, key: &str, mistakes: &mut Mistakes) -> Option<usize> {
        self.add(keys.value(key)?, mistakes)
    }

    /// The indices of the columns in a list.
    pub(super) fn several(&mut self, keys: &Keys<'_>, key: &str, mistakes: &mut Mistakes) -> Vec<usize> {
        let items = keys.value(key).and_then(|value| value.get_ref().as_array());
        let columns: Vec<_> =
            items.into_iter().flatten().filter_map(|item| self.add(item, mistakes)).collect();
        if columns.is_empty() {
            mistakes.add(&keys.span_of(key), format!("{key} must be a list of columns"));
        }
        columns
    }

    fn add(&mut self, value: &Value<'_>, mistakes: &mut Mistakes) -> Option<usize> {
        let span = value.span();
        let (name, number) = match value.get_ref() {
            DeValue::String(_) if !self.header => {
                mistakes.add(&span, "the file has no header: write the number of the column, from 1");
                return None;
            }
            DeValue::String(name) => (name.trim().to_owned(), None),
            DeValue::Integer(number) => {
                let number = number.as_str().parse::<usize>().ok().filter(|number| *number > 0);
                if number.is_none() {
                    mistakes.add(&span, "columns are numbered from 1");
                }
                let number = number?;
                (format!("column {number}"), Some(number))
            }
            DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => {
                mistakes.add(&span, "a column is its name in quotes, or its number from 1");
                return None;
            }
        };
        let known = self.list.iter().position(|column| column.name == name && column.number == number);
        Some(known.unwrap_or_else(|| {
            self.list.push(Column { name, number, span });
            self.list.len() - 1
        }))
    }
}
