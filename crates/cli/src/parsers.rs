//! Each reader of what strangers write by itself, for trials that hand it anything.

use std::io::Cursor;
use std::sync::Arc;

use crate::civil;
use crate::input::{self, Batch, Sink, Source};
use crate::table::{Map, Reader};

/// Counts.
#[derive(Default)]
struct Counted(usize);

impl Sink for Counted {
    fn batch(&mut self, batch: Batch) -> bool {
        self.0 += batch.records.len();
        true
    }

    fn broken(&mut self, _: &str) -> bool {
        true
    }

    fn note(&mut self, _: &str) {}
}

fn source(bytes: &[u8]) -> Source {
    Source { label: "any".into(), lines: Box::new(Cursor::new(bytes.to_vec())) }
}

/// How many records JSON Lines hold.
pub fn import_lines(bytes: &[u8]) -> usize {
    let mut counted = Counted::default();
    drop(input::read(source(bytes), &mut counted));
    counted.0
}

/// A map of tables, where the text is one.
#[derive(Debug, Clone)]
pub struct Tables(Arc<Map>);

impl Tables {
    /// # Errors
    /// What is wrong with the map.
    pub fn new(map: &str) -> Result<Self, String> {
        Map::parse(map).map(|map| Self(Arc::new(map)))
    }

    /// How many records the map makes of a table.
    pub fn records(&self, bytes: &[u8]) -> usize {
        let mut counted = Counted::default();
        drop(Reader::new(self.0.clone()).read(source(bytes), &mut counted));
        counted.0
    }
}

/// Whether a text is a date, and whether it is a period.
pub fn civil(text: &str) -> (bool, bool) {
    (civil::parse_date(text).is_ok(), civil::parse_period(text).is_ok())
}
