//! Rows become records, and records batches. Not more than one batch, and the rows of one record, is held.

use std::io::{self, BufRead};
use std::sync::Arc;

use prost::Message;
use prost_reflect::Value;
use reform_api::data::v1::Record;

use super::ids::Numbers;
use super::map::Map;
use super::rows::{Next, Row, Rows};
use super::template::{CellProblem, Cells};
use crate::failure::Failure;
use crate::input::{Batch, Ended, Place, RECORDS_MAX, Sink, Source};

/// Rows of one record at most.
const GROUP_ROWS_MAX: usize = 2_000;
/// Bytes in the rows of one record at most.
const GROUP_BYTES_MAX: usize = 4 << 20;

/// What is wrong with the text of a row, before any field.
const MALFORMED: &str = "ROW_MALFORMED";
/// What is wrong with a value, as the contract calls it.
const VIOLATION: &str = "FIELD_VIOLATIONS";

/// Reads files by one map.
#[derive(Debug)]
pub(crate) struct Reader {
    map: Arc<Map>,
    numbers: Option<Numbers>,
}

impl Reader {
    /// Nothing read yet.
    pub(crate) fn new(map: Arc<Map>) -> Self {
        let numbers = map.id.number.then(Numbers::new);
        Self { map, numbers }
    }

    /// Reads one file into batches; the last one of a file may be small.
    pub(crate) fn read(&mut self, source: Source, sink: &mut impl Sink) -> Result<Ended, Failure> {
        let Source { label, lines } = source;
        let failed = |source| Failure::File { path: label.to_string(), source };
        let Some(mut opened) = open(lines, &label, &self.map, sink)? else { return Ok(Ended::Stopped) };
        let mut file = File {
            label: label.clone(),
            map: &self.map,
            numbers: self.numbers.as_mut(),
            places: opened.places,
            header: opened.header,
            sink,
            batch: Batch::default(),
            group: Group::default(),
            counts: Counts::default(),
            bytes_before: 0,
            stopping: false,
            over: false,
        };
        let mut row = Row::default();
        let mut next = match opened.first.take() {
            Some(first) => {
                row = first;
                Next::Row
            }
            None => opened.rows.next(&mut row).map_err(failed)?,
        };
        while next == Next::Row && !file.over {
            file.row(&mut row);
            file.batch.bytes_read = opened.rows.bytes - file.bytes_before;
            next = opened.rows.next(&mut row).map_err(failed)?;
        }
        if let Next::Lost(line, what) = &next {
            file.sink.broken(&format!("{label}:{line}: {what} ({MALFORMED})"));
            file.over = true;
        }
        Ok(file.end())
    }
}

/// The names of the columns in a file; none where it has no first row that can be read, which is told when it is read.
pub(super) fn header(input: impl BufRead, map: &Map) -> io::Result<Option<Vec<String>>> {
    let Ok(mut rows) = Rows::new(input, map.dialect.clone())? else { return Ok(None) };
    let mut first = Row::default();
    Ok((rows.next(&mut first)? == Next::Row).then(|| names(&first, map)))
}

fn names(first: &Row, map: &Map) -> Vec<String> {
    let name =
        |index| if map.header { first.cell(index).to_owned() } else { format!("column {}", index + 1) };
    (0..first.len()).map(name).collect()
}

/// A file behind its header.
struct Opened<R> {
    rows: Rows<R>,
    header: Vec<String>,
    places: Vec<usize>,
    /// The first row of a file without a header, which was read to see how wide the file is.
    first: Option<Row>,
}

/// Reads the header and finds the columns; none when there is nothing that could be read.
fn open<R: BufRead>(
    input: R,
    label: &str,
    map: &Map,
    sink: &mut impl Sink,
) -> Result<Option<Opened<R>>, Failure> {
    let failed = |source| Failure::File { path: label.to_owned(), source };
    let mut rows = match Rows::new(input, map.dialect.clone()).map_err(failed)? {
        Ok(rows) => rows,
        Err(what) => {
            sink.broken(&format!("{label}:1: {what} ({MALFORMED})"));
            return Ok(None);
        }
    };
    let mut first = Row::default();
    match rows.next(&mut first).map_err(failed)? {
        Next::Row => {}
        Next::End if map.header => {
            sink.broken(&format!("{label}: is empty, without even a header ({MALFORMED})"));
            return Ok(None);
        }
        Next::End => {
            sink.note(&format!("{label}: has no rows"));
            return Ok(None);
        }
        Next::Lost(line, what) => {
            sink.broken(&format!("{label}:{line}: {what} ({MALFORMED})"));
            return Ok(None);
        }
    }
    let header = names(&first, map);
    let places = map.bind(label, &header)?;
    Ok(Some(Opened { rows, header, places, first: (!map.header).then_some(first) }))
}

/// The rows of one record, while they come.
#[derive(Debug, Default)]
struct Group {
    id: String,
    rows: Vec<Row>,
    bytes: usize,
    /// A problem was told, so that this is no record.
    broken: bool,
}

#[derive(Debug, Default)]
struct Counts {
    rows: u64,
    passed_over: u64,
    /// Records since the last batch, good or bad.
    in_batch: usize,
}

/// A file while it is read.
struct File<'f, S> {
    label: Arc<str>,
    map: &'f Map,
    numbers: Option<&'f mut Numbers>,
    header: Vec<String>,
    places: Vec<usize>,
    sink: &'f mut S,
    batch: Batch,
    group: Group,
    counts: Counts,
    bytes_before: u64,
    /// A problem was told and the sink wants no more; the rest of the batch is read for its problems alone.
    stopping: bool,
    /// Nothing more is read.
    over: bool,
}

impl<S: Sink> File<'_, S> {
    fn row(&mut self, row: &mut Row) {
        self.counts.rows += 1;
        if let Some((place, what)) = malformed(row, self.header.len()) {
            let column = place.and_then(|place| self.header.get(place)).cloned();
            self.tell(row.line, column.as_deref(), "", &what, MALFORMED);
            return self.count_record();
        }
        let map = self.map;
        let one = std::slice::from_ref(row);
        let cells = Cells { rows: one, places: &self.places, empty: &map.empty };
        if map.skip.iter().any(|skip| skip.is.iter().any(|text| text == cells.get(skip.column))) {
            self.counts.passed_over += 1;
            return;
        }
        let id = match map.id.id(cells) {
            Ok(id) => id,
            Err(what) => {
                self.tell(row.line, self.id_column().as_deref(), "name", &what, VIOLATION);
                return self.count_record();
            }
        };
        match &map.shared {
            Some(shared) => self.join(id, row, shared),
            None => {
                self.group = Group { id, rows: vec![std::mem::take(row)], ..Group::default() };
                self.record();
                // The row's memory is used again.
                *row = self.group.rows.pop().unwrap_or_default();
            }
        }
    }

    /// Adds a row to the record that is under way, or starts the next one.
    fn join(&mut self, id: String, row: &mut Row, shared: &[usize]) {
        if self.group.rows.is_empty() || self.group.id != id {
            self.record();
            self.group = Group { id, ..Group::default() };
        }
        let line = row.line;
        if let Some(first) = self.group.rows.first() {
            let differs = |column: &&usize| {
                let place = self.places[**column];
                first.cell(place) != row.cell(place)
            };
            if let Some(column) = shared.iter().find(differs) {
                let what =
                    format!("differs from line {}, and both are rows of {}", first.line, self.group.id);
                let column = self.map.columns[*column].name.clone();
                self.tell(line, Some(&column), "", &what, VIOLATION);
                self.group.broken = true;
                return;
            }
        }
        self.group.bytes += row.bytes();
        if self.group.rows.len() >= GROUP_ROWS_MAX || self.group.bytes > GROUP_BYTES_MAX {
            if !self.group.broken {
                let what = format!("{} has more rows than one record holds", self.group.id);
                self.tell(line, None, "", &what, VIOLATION);
            }
            self.group.broken = true;
            return;
        }
        self.group.rows.push(std::mem::take(row));
    }

    /// Makes a record of the rows that came.
    fn record(&mut self) {
        if self.group.rows.is_empty() {
            return;
        }
        let rows = std::mem::take(&mut self.group.rows);
        let line = rows[0].line;
        let mut problems = Vec::new();
        let cells = Cells { rows: &rows, places: &self.places, empty: &self.map.empty };
        let (mut message, _) = self.map.template.fill(cells, &mut problems);
        let id = std::mem::take(&mut self.group.id);
        let id = match self.numbers.as_mut() {
            Some(numbers) => numbers.number(id),
            None => Ok(id),
        };
        let broken = self.group.broken || !problems.is_empty() || id.is_err();
        match id {
            Ok(id) => message.set_field_by_name("name", Value::String(format!("records/{id}"))),
            Err(what) => self.tell(line, self.id_column().as_deref(), "name", &what, VIOLATION),
        }
        for CellProblem { line, column, path, what } in problems {
            let column = column.map(|column| self.map.columns[column].name.clone());
            self.tell(line, column.as_deref(), &path, &what, VIOLATION);
        }
        if !broken && !self.stopping {
            match Record::decode(message.encode_to_vec().as_slice()) {
                Ok(record) => self.keep(record, &rows),
                Err(error) => self.tell(line, None, "", &error.to_string(), VIOLATION),
            }
        }
        self.group.rows = rows;
        if self.map.shared.is_some() {
            self.group.rows.clear();
        }
        self.count_record();
    }

    fn keep(&mut self, record: Record, rows: &[Row]) {
        let encoded = Batch::encoded(&record);
        if self.batch.is_full_for(encoded) {
            self.hand_over();
        }
        let more = rows.iter().skip(1).map(|row| row.line).collect();
        let place = Place { file: self.label.clone(), line: rows[0].line, more };
        self.batch.push(record, encoded, place);
    }

    fn hand_over(&mut self) {
        self.bytes_before += self.batch.bytes_read;
        self.counts.in_batch = 0;
        if !self.sink.batch(std::mem::take(&mut self.batch)) {
            self.over = true;
        }
    }

    /// Stops at the end of the batch in which something was wrong.
    fn count_record(&mut self) {
        self.counts.in_batch += 1;
        if self.stopping && self.counts.in_batch >= RECORDS_MAX {
            self.over = true;
        }
    }

    /// The column of the id, when it is one.
    fn id_column(&self) -> Option<String> {
        self.map.id_column().map(ToOwned::to_owned)
    }

    /// `FILE:LINE:COLUMN: field.path: what (REASON)`.
    fn tell(&mut self, line: u64, column: Option<&str>, path: &str, what: &str, reason: &str) {
        let column = column.map(|column| format!(":{column}")).unwrap_or_default();
        let path = if path.is_empty() { String::new() } else { format!("{path}: ") };
        if !self.sink.broken(&format!("{}:{line}{column}: {path}{what} ({reason})", self.label)) {
            self.stopping = true;
        }
    }

    fn end(mut self) -> Ended {
        if !self.over {
            self.record();
        }
        let Counts { rows, passed_over, .. } = self.counts;
        if passed_over > 0 {
            self.sink.note(&format!("{}: {passed_over} of {rows} rows passed over by [[skip]]", self.label));
        } else if rows == 0 {
            self.sink.note(&format!("{}: has no rows", self.label));
        }
        if self.over || self.stopping {
            return Ended::Stopped;
        }
        if !self.batch.records.is_empty() {
            self.hand_over();
        }
        if self.over { Ended::Stopped } else { Ended::AtEnd }
    }
}

/// What keeps a row from being read: the cell, and what.
fn malformed(row: &Row, width: usize) -> Option<(Option<usize>, String)> {
    if let Some((place, byte)) = row.not_utf8() {
        return Some((Some(place), format!("byte {byte:#04x} is not UTF-8; save the file as UTF-8")));
    }
    if let Some(what) = row.malformed {
        return Some((None, what.to_owned()));
    }
    (row.len() != width).then(|| (None, format!("has {} cells, and the file {width} columns", row.len())))
}

#[cfg(test)]
mod tests;
