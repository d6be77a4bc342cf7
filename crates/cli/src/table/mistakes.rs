//! Everything that is wrong with a map, each with its place.

use std::ops::Range;

/// The most columns that a mistake lists.
const LISTED_MAX: usize = 30;

/// Collects what is wrong with one map.
#[derive(Debug)]
pub(crate) struct Mistakes {
    file: String,
    text: String,
    found: Vec<(usize, String)>,
}

impl Mistakes {
    /// None so far.
    pub(crate) fn new(file: &str, text: &str) -> Self {
        Self { file: file.to_owned(), text: text.to_owned(), found: Vec::new() }
    }

    /// One more.
    pub(crate) fn add(&mut self, place: &Range<usize>, what: impl Into<String>) {
        self.found.push((place.start, what.into()));
    }

    /// All of them in the order of the text, as `FILE:LINE:COLUMN: what`.
    pub(crate) fn finish(mut self) -> Result<(), String> {
        if self.found.is_empty() {
            return Ok(());
        }
        self.found.sort();
        self.found.dedup();
        let lines = self.found.iter().map(|(at, what)| {
            let before = &self.text.as_bytes()[..(*at).min(self.text.len())];
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
            let column = String::from_utf8_lossy(&before[start..]).chars().count() + 1;
            format!("{}:{line}:{column}: {what}", self.file)
        });
        Err(lines.collect::<Vec<_>>().join("\n"))
    }
}

/// Names for a reader, not more than fit.
pub(crate) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.into_iter().collect();
    let more = if names.len() > LISTED_MAX { ", …" } else { "" };
    format!("{}{more}", names[..names.len().min(LISTED_MAX)].join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_come_in_order_with_line_and_column() {
        let mut mistakes = Mistakes::new("m.toml", "a = 1\nüb = 2\n");
        mistakes.add(&(9..10), "second");
        mistakes.add(&(0..1), "first");
        assert_eq!(mistakes.finish(), Err("m.toml:1:1: first\nm.toml:2:3: second".to_owned()));
    }
}
