//! JSON Lines become batches, without holding more than one batch and one line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;

use prost::Message;
use prost::encoding::encoded_len_varint;
use reform_api::data::v1::Record;
use reform_api::json;

use crate::failure::Failure;

/// Records of one batch at most.
pub(crate) const RECORDS_MAX: usize = 1_000;

/// Encoded bytes of one batch at most: the contract's 3 MiB less what surrounds the records.
pub(crate) const BATCH_BYTES_MAX: usize = (3 << 20) - (16 << 10);

/// Bytes of one line at most: the JSON form of a record of 64 KiB is well below.
const LINE_BYTES_MAX: u64 = 2 << 20;

/// A text with records and what to call it.
pub(crate) struct Source {
    /// The file name, as given.
    pub(crate) label: Arc<str>,
    /// Where the lines come from.
    pub(crate) lines: Box<dyn BufRead + Send>,
}

impl Source {
    /// Opens a file; `-` is stdin.
    pub(crate) fn open(path: &str) -> Result<Self, Failure> {
        let lines: Box<dyn BufRead + Send> = if path == "-" {
            Box::new(BufReader::new(io::stdin()))
        } else {
            let file = File::open(path).map_err(|source| Failure::File { path: path.to_owned(), source })?;
            Box::new(BufReader::new(file))
        };
        let label = if path == "-" { "stdin" } else { path };
        Ok(Self { label: label.into(), lines })
    }

    /// A text that is in memory.
    pub(crate) fn text(label: &str, text: &'static str) -> Self {
        Self { label: label.into(), lines: Box::new(text.as_bytes()) }
    }
}

/// Where a record was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) file: Arc<str>,
    /// Line on which it starts.
    pub(crate) line: u64,
    /// Lines of its other rows, where it has several.
    pub(crate) more: Vec<u64>,
}

/// Records that go together, and where each was read.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) records: Vec<Record>,
    pub(crate) places: Vec<Place>,
    /// Bytes of input behind it.
    pub(crate) bytes_read: u64,
    encoded: usize,
}

impl Batch {
    /// Bytes that a record takes in a batch.
    pub(crate) fn encoded(record: &Record) -> usize {
        let length = record.encoded_len();
        1 + encoded_len_varint(length as u64) + length
    }

    /// Adds a record of so many bytes.
    pub(crate) fn push(&mut self, record: Record, encoded: usize, place: Place) {
        self.encoded += encoded;
        self.records.push(record);
        self.places.push(place);
    }

    /// Whether a record of so many bytes belongs in the next batch.
    pub(crate) fn is_full_for(&self, encoded: usize) -> bool {
        !self.records.is_empty()
            && (self.records.len() >= RECORDS_MAX || self.encoded + encoded > BATCH_BYTES_MAX)
    }
}

/// What a reader does with batches and with lines or rows that are no record.
pub(crate) trait Sink {
    /// Takes a batch; false when nobody wants more.
    fn batch(&mut self, batch: Batch) -> bool;
    /// Hears of a line or a row that is no record; false to stop.
    fn broken(&mut self, problem: &str) -> bool;
    /// Hears of something that is no problem.
    fn note(&mut self, text: &str);
}

/// How reading ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Every line was read.
    AtEnd,
    /// The sink said stop.
    Stopped,
}

/// Reads a source into batches; the last one of a source may be small. Empty lines are skipped.
pub(crate) fn read(source: Source, sink: &mut impl Sink) -> Result<Ended, Failure> {
    let Source { label, mut lines } = source;
    let mut batch = Batch::default();
    let mut text = Vec::new();
    for line in 1.. {
        text.clear();
        let read = lines.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut text);
        let read = read.map_err(|source| Failure::File { path: label.to_string(), source })?;
        if read == 0 {
            break;
        }
        if read as u64 == LINE_BYTES_MAX && text.last() != Some(&b'\n') {
            // What follows cannot be told from a new line, so there is no going on.
            sink.broken(&format!("{label}:{line}: longer than {LINE_BYTES_MAX} bytes (MESSAGE_TOO_LARGE)"));
            return Ok(Ended::Stopped);
        }
        match parse(&text) {
            Ok(None) => {}
            Ok(Some(record)) => {
                let encoded = Batch::encoded(&record);
                if batch.is_full_for(encoded) && !sink.batch(std::mem::take(&mut batch)) {
                    return Ok(Ended::Stopped);
                }
                batch.push(record, encoded, Place { file: label.clone(), line, more: Vec::new() });
            }
            Err((column, message)) => {
                if !sink.broken(&format!("{label}:{line}:{column}: no record: {message}")) {
                    return Ok(Ended::Stopped);
                }
            }
        }
        batch.bytes_read += read as u64;
    }
    let stopped = !batch.records.is_empty() && !sink.batch(batch);
    Ok(if stopped { Ended::Stopped } else { Ended::AtEnd })
}

/// The record of one line, none of an empty one; else the column and what is wrong there.
fn parse(line: &[u8]) -> Result<Option<Record>, (usize, String)> {
    let text = str::from_utf8(line).map_err(|error| (error.valid_up_to() + 1, "not UTF-8".to_owned()))?;
    let text = text.trim_end();
    if text.trim_start().is_empty() {
        return Ok(None);
    }
    json::parse("reform.data.v1.Record", text).map(Some).map_err(|error| match error {
        json::Error::Parse(error) => {
            let place = format!(" at line {} column {}", error.line(), error.column());
            (error.column(), error.to_string().replace(&place, ""))
        }
        json::Error::Decode(error) => (1, error.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Kept {
        sizes: Vec<usize>,
        places: Vec<Place>,
        problems: Vec<String>,
        go_on: bool,
    }

    impl Sink for Kept {
        fn batch(&mut self, batch: Batch) -> bool {
            self.sizes.push(batch.records.len());
            self.places.extend(batch.places);
            true
        }

        fn broken(&mut self, problem: &str) -> bool {
            self.problems.push(problem.to_owned());
            self.go_on
        }

        fn note(&mut self, _: &str) {}
    }

    fn source(text: String) -> Source {
        Source { label: "x.jsonl".into(), lines: Box::new(io::Cursor::new(text)) }
    }

    #[test]
    fn batches_hold_at_most_a_thousand_records() {
        let mut kept = Kept::default();
        let text = "{\"title\": \"a\"}\n".repeat(2_001);
        assert_eq!(read(source(text), &mut kept).unwrap(), Ended::AtEnd);
        assert_eq!(kept.sizes, [1_000, 1_000, 1]);
    }

    #[test]
    fn batches_stay_below_their_bytes() {
        let mut kept = Kept::default();
        let text = format!("{{\"description\": \"{}\"}}\n", "x".repeat(60_000)).repeat(120);
        read(source(text), &mut kept).unwrap();
        assert!(kept.sizes.len() >= 3 && kept.sizes.iter().all(|size| size * 60_000 < 3 << 20));
        assert_eq!(kept.sizes.iter().sum::<usize>(), 120);
    }

    #[test]
    fn a_line_that_is_no_record_is_named_by_line_and_column() {
        let mut kept = Kept::default();
        let text = "{\"title\": \"a\"}\n\n{\"titel\": 1}\n{\"title\": \"b\"}\n".to_owned();
        assert_eq!(read(source(text), &mut kept).unwrap(), Ended::Stopped);
        assert!(kept.sizes.is_empty());
        assert!(kept.problems[0].starts_with("x.jsonl:3:"), "{:?}", kept.problems);
        assert!(kept.problems[0].contains("titel"), "{:?}", kept.problems);
    }

    #[test]
    fn lines_after_a_skipped_one_keep_their_numbers() {
        let mut kept = Kept { go_on: true, ..Kept::default() };
        let text = "{\"title\": \"a\"}\n{\n{\"title\": \"b\"}".to_owned();
        assert_eq!(read(source(text), &mut kept).unwrap(), Ended::AtEnd);
        assert_eq!(kept.places.iter().map(|place| place.line).collect::<Vec<_>>(), [1, 3]);
    }

    #[test]
    fn a_line_without_an_end_is_refused() {
        let mut kept = Kept { go_on: true, ..Kept::default() };
        let text = "x".repeat(usize::try_from(LINE_BYTES_MAX).unwrap() + 1);
        assert_eq!(read(source(text), &mut kept).unwrap(), Ended::Stopped);
        assert_eq!(kept.problems.len(), 1);
    }
}
