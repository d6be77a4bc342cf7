use std::fs;
use std::io::{BufReader, Read};

use super::*;

const MAP: &str = "kind = \"appeal\"\n[id]\nhash = \"row\"\nduplicates = \"number\"\n\
    [fields]\ntitle = { constant = \"A\" }\nappeal.filed_on = { column = \"day\" }\n";

/// Rows that are made when they are read, so that no file is in memory.
struct Endless {
    rows: u64,
    line: Vec<u8>,
}

impl Read for Endless {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.line.is_empty() && self.rows > 0 {
            self.rows -= 1;
            self.line =
                format!("2023-01-{:02},{}{}\n", self.rows % 28 + 1, self.rows, "x".repeat(400)).into_bytes();
        }
        let length = into.len().min(self.line.len());
        into[..length].copy_from_slice(&self.line[..length]);
        self.line.drain(..length);
        Ok(length)
    }
}

#[derive(Default)]
struct Counted {
    records: usize,
    problems: Vec<String>,
    resident: Vec<u64>,
    go_on: bool,
}

/// Kibibytes of this process in memory.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or_default()
}

impl Sink for Counted {
    fn batch(&mut self, batch: Batch) -> bool {
        assert!(batch.records.len() <= RECORDS_MAX && batch.records.len() == batch.places.len());
        self.records += batch.records.len();
        self.resident.push(resident());
        true
    }

    fn broken(&mut self, problem: &str) -> bool {
        self.problems.push(problem.to_owned());
        self.go_on
    }

    fn note(&mut self, _: &str) {}
}

fn read(text: impl Read + Send + 'static, map: &str, sink: &mut Counted) -> Ended {
    let source = Source { label: "x.csv".into(), lines: Box::new(BufReader::new(text)) };
    Reader::new(Arc::new(Map::parse(map).unwrap())).read(source, sink).unwrap()
}

#[test]
fn memory_does_not_grow_with_the_file() {
    let mut sink = Counted::default();
    let rows = 60_000;
    let file = (b"day,text\n".as_slice()).chain(Endless { rows, line: Vec::new() });
    assert_eq!(read(file, MAP, &mut sink), Ended::AtEnd);
    assert_eq!(sink.records, 60_000);
    // The filter of ids has its 64 MiB early; what is left of 20 MiB of rows must not stay.
    let (early, late) = (sink.resident[29], *sink.resident.last().unwrap());
    assert!(late < early + (8 << 10), "{early} KiB after half of the rows, {late} KiB after all");
}

#[test]
fn a_bad_batch_is_read_to_its_end_for_its_problems() {
    let rows =
        (0..3_000).map(|row| if row % 400 == 399 { "soon,x\n".to_owned() } else { format!("2023,{row}\n") });
    let text = format!("day,text\n{}", rows.collect::<String>());
    let mut sink = Counted::default();
    assert_eq!(read(std::io::Cursor::new(text.clone()), MAP, &mut sink), Ended::Stopped);
    assert_eq!((sink.records, sink.problems.len()), (0, 2));
    assert!(sink.problems[0].starts_with("x.csv:401:day: appeal.filed_on: "), "{:?}", sink.problems);

    let mut sink = Counted { go_on: true, ..Counted::default() };
    assert_eq!(read(std::io::Cursor::new(text), MAP, &mut sink), Ended::AtEnd);
    assert_eq!((sink.records, sink.problems.len()), (2_993, 7));
}

#[test]
fn a_record_does_not_gather_rows_without_bounds() {
    let map = "kind = \"election\"\n[id]\ncolumn = \"e\"\n[fields]\ntitle = { constant = \"E\" }\n\
        [rows]\npath = \"election.tiers[0].results\"\n[rows.fields]\nvotes = { column = \"v\" }\n";
    let text = format!("e,v\n{}b,1\n", "a,1\n".repeat(GROUP_ROWS_MAX + 50));
    let mut sink = Counted { go_on: true, ..Counted::default() };
    assert_eq!(read(std::io::Cursor::new(text), map, &mut sink), Ended::AtEnd);
    assert_eq!((sink.records, sink.problems.len()), (1, 1));
}
