//! CSV as rows, each with the line on which it starts. Memory is bounded by the longest row allowed.
//!
//! The parser is the project's own for three things that readers of strangers' files need: exact lines through blank
//! lines, CRLF and quoted newlines; a quote that is never closed is an error and not one giant cell; a row has a limit.

use std::io::{self, BufRead};

/// Bytes of one row at most.
pub(crate) const ROW_BYTES_MAX: usize = 1 << 20;

/// How a file is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// Stands between cells.
    pub(crate) delimiter: u8,
    /// Stands around a cell that has delimiters, newlines or, doubled, itself. None: cells are never quoted.
    pub(crate) quote: Option<u8>,
}

/// One row; its memory is used again for the next.
#[derive(Debug, Clone, Default)]
pub(crate) struct Row {
    /// Line on which it starts, from 1.
    pub(crate) line: u64,
    text: Vec<u8>,
    ends: Vec<usize>,
    /// What is odd about its quotes.
    pub(crate) malformed: Option<&'static str>,
}

impl Row {
    /// How many cells.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The bytes of all cells together.
    pub(crate) fn bytes(&self) -> usize {
        self.text.len()
    }

    /// The text of a cell without white space around it; empty where it is no UTF-8, see [`Row::not_utf8`].
    pub(crate) fn cell(&self, index: usize) -> &str {
        str::from_utf8(self.raw(index)).unwrap_or_default().trim()
    }

    /// The first cell that is not UTF-8, and the byte in it.
    pub(crate) fn not_utf8(&self) -> Option<(usize, u8)> {
        (0..self.len()).find_map(|index| {
            let raw = self.raw(index);
            str::from_utf8(raw).err().map(|error| (index, raw[error.valid_up_to()]))
        })
    }

    fn raw(&self, index: usize) -> &[u8] {
        let Some(end) = self.ends.get(index) else { return &[] };
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start..*end]
    }
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// A row.
    Row,
    /// The end of the file.
    End,
    /// Something after which rows cannot be told apart: the line, and what.
    Lost(u64, String),
}

/// Where in a cell the parser is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Start,
    Plain,
    Quoted,
    /// Behind a quote that either closes the cell or is the first of a doubled one.
    Closing,
}

/// Reads rows.
#[derive(Debug)]
pub(crate) struct Rows<R> {
    input: R,
    dialect: Dialect,
    line: u64,
    /// Bytes taken from the input.
    pub(crate) bytes: u64,
    after_cr: bool,
}

impl<R: BufRead> Rows<R> {
    /// Starts at the first byte; a byte order mark of UTF-8 is passed over, one of UTF-16 is refused.
    pub(crate) fn new(mut input: R, dialect: Dialect) -> io::Result<Result<Self, &'static str>> {
        let head = input.fill_buf()?;
        if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
            return Ok(Err("is UTF-16; save it as UTF-8"));
        }
        // Files and pipes give at least three bytes at once when they have them.
        let bom = if head.starts_with(&[0xef, 0xbb, 0xbf]) { 3 } else { 0 };
        input.consume(bom);
        Ok(Ok(Self { input, dialect, line: 1, bytes: bom as u64, after_cr: false }))
    }

    /// Reads the next row; lines without anything on them are passed over.
    pub(crate) fn next(&mut self, row: &mut Row) -> io::Result<Next> {
        row.text.clear();
        row.ends.clear();
        row.malformed = None;
        row.line = self.line;
        let (mut at, mut taken) = (At::Start, 0);
        loop {
            let chunk = self.input.fill_buf()?;
            if chunk.is_empty() {
                return Ok(end(row, at));
            }
            let mut used = 0;
            let mut done = false;
            for &byte in chunk {
                used += 1;
                done = step(&self.dialect, &mut self.line, &mut self.after_cr, row, &mut at, byte);
                if done {
                    break;
                }
            }
            self.input.consume(used);
            self.bytes += used as u64;
            taken += used;
            if done {
                return Ok(Next::Row);
            }
            if taken > ROW_BYTES_MAX {
                let what = format!("a row of more than {ROW_BYTES_MAX} bytes; is a quote not closed?");
                return Ok(Next::Lost(row.line, what));
            }
        }
    }
}

/// Takes one byte; true when it ends a row.
fn step(
    dialect: &Dialect,
    line: &mut u64,
    after_cr: &mut bool,
    row: &mut Row,
    at: &mut At,
    byte: u8,
) -> bool {
    let second_of_crlf = std::mem::replace(after_cr, byte == b'\r') && byte == b'\n';
    let newline = byte == b'\n' || byte == b'\r';
    if newline && !second_of_crlf {
        *line += 1;
    }
    let quote = Some(byte) == dialect.quote;
    match *at {
        At::Quoted if quote => *at = At::Closing,
        At::Quoted => row.text.push(byte),
        At::Closing if quote => {
            row.text.push(byte);
            *at = At::Quoted;
        }
        At::Start if quote => *at = At::Quoted,
        At::Start | At::Plain | At::Closing if newline => {
            if row.ends.is_empty() && *at == At::Start {
                // Nothing stands on this line, or it is the other half of a newline.
                row.line = *line;
                return false;
            }
            row.ends.push(row.text.len());
            return true;
        }
        At::Start | At::Plain | At::Closing if byte == dialect.delimiter => {
            row.ends.push(row.text.len());
            *at = At::Start;
        }
        At::Start | At::Plain | At::Closing => {
            if *at == At::Closing {
                row.malformed = Some("text after the quote that closes a cell");
            }
            row.text.push(byte);
            *at = At::Plain;
        }
    }
    false
}

/// What the end of the file makes of the row that was under way.
fn end(row: &mut Row, at: At) -> Next {
    match at {
        At::Quoted => Next::Lost(row.line, "a quote in this row is never closed".to_owned()),
        At::Start if row.ends.is_empty() => Next::End,
        At::Start | At::Plain | At::Closing => {
            row.ends.push(row.text.len());
            Next::Row
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn all(text: &[u8]) -> (Vec<(u64, Vec<String>)>, Next) {
        let dialect = Dialect { delimiter: b',', quote: Some(b'"') };
        // Four bytes at once, so that every state is met at the end of a chunk.
        let mut rows = Rows::new(BufReader::with_capacity(4, text), dialect).unwrap().unwrap();
        let (mut row, mut found) = (Row::default(), Vec::new());
        loop {
            match rows.next(&mut row).unwrap() {
                Next::Row => {
                    let cells = (0..row.len()).map(|index| row.cell(index).to_owned());
                    found.push((row.line, cells.collect()));
                }
                over @ (Next::End | Next::Lost(..)) => return (found, over),
            }
        }
    }

    fn check(text: &str, expected: &[(u64, &[&str])]) {
        let (found, over) = all(text.as_bytes());
        let found: Vec<_> = found.iter().map(|(line, cells)| (*line, cells.clone())).collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(line, cells)| (*line, cells.iter().map(|c| (*c).to_owned()).collect()))
            .collect();
        assert_eq!((found, over), (expected, Next::End), "{text:?}");
    }

    #[test]
    fn rows_have_their_cells_and_the_line_on_which_they_start() {
        check("", &[]);
        check("\n\r\n", &[]);
        check("a,b\n1,2", &[(1, &["a", "b"]), (2, &["1", "2"])]);
        check("a,b\r\n1,2\r\n\r\n3,\r\n", &[(1, &["a", "b"]), (2, &["1", "2"]), (4, &["3", ""])]);
        check("a\rb\rc", &[(1, &["a"]), (2, &["b"]), (3, &["c"])]);
        check(
            "\"x\ny\",1\n\"p\r\nq\",2\nz,3\n",
            &[(1, &["x\ny", "1"]), (3, &["p\r\nq", "2"]), (5, &["z", "3"])],
        );
        check("\"a \"\"b\"\"\",5\" pipe\n,\n", &[(1, &["a \"b\"", "5\" pipe"]), (2, &["", ""])]);
        check("\"\"\n1\n", &[(1, &[""]), (2, &["1"])]);
        check("\u{feff}a\n", &[(1, &["a"])]);
    }

    #[test]
    fn a_quote_that_is_never_closed_is_told_by_its_row() {
        assert!(matches!(all(b"a\n\"b\nc\n").1, Next::Lost(2, _)));
        let endless = [b"a\n\"".as_slice(), &vec![b'x'; ROW_BYTES_MAX + 9]].concat();
        assert!(matches!(all(&endless).1, Next::Lost(2, _)));
    }

    #[test]
    fn another_encoding_is_noticed() {
        let dialect = Dialect { delimiter: b',', quote: None };
        assert!(Rows::new(&b"\xff\xfea\0"[..], dialect.clone()).unwrap().is_err());
        let mut rows = Rows::new(&b"ok,caf\xe9\n"[..], dialect).unwrap().unwrap();
        let mut row = Row::default();
        assert_eq!(rows.next(&mut row).unwrap(), Next::Row);
        assert_eq!(row.not_utf8(), Some((1, 0xe9)));
    }

    #[test]
    fn text_behind_a_closing_quote_is_marked() {
        let dialect = Dialect { delimiter: b',', quote: Some(b'"') };
        let mut rows = Rows::new(&b"\"a\"b,c\n"[..], dialect).unwrap().unwrap();
        let mut row = Row::default();
        assert_eq!(rows.next(&mut row).unwrap(), Next::Row);
        assert!(row.malformed.is_some());
    }
}
