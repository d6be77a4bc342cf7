//! The names of records: from columns, or from a digest of cells.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use super::cell::{shown, slug};
use super::rows::Row;
use super::template::Cells;

/// Characters of an id at most.
const ID_CHARACTERS_MAX: usize = 80;
/// Hexadecimal digits of a digest in an id: 96 bits, so that ten million rows meet by chance once in 10¹⁵ files.
const DIGEST_CHARACTERS: usize = 24;
/// Bits of the filter: 64 MiB.
const FILTER_BITS: u32 = 1 << 29;
/// Ids that may come more than once in one import.
const REPEATED_MAX: usize = 1_000_000;

/// Where an id comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum From {
    /// These cells as a slug, joined by hyphens.
    Columns(Vec<usize>),
    /// A digest of these cells.
    Hash(Vec<usize>),
    /// A digest of the whole row.
    HashRow,
}

/// How names are made.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    /// What identifies a row.
    pub(crate) from: From,
    /// Comes before it.
    pub(crate) prefix: String,
    /// Later rows of one id get `-2`, `-3` and so on, instead of being refused by the store.
    pub(crate) number: bool,
}

impl Rule {
    /// The id of a row, before any number.
    pub(crate) fn id(&self, cells: Cells<'_>) -> Result<String, String> {
        let own = match &self.from {
            From::Columns(columns) => {
                let parts: Result<Vec<_>, _> =
                    columns.iter().map(|column| part(cells.get(*column))).collect();
                parts?.join("-")
            }
            From::Hash(columns) => digest(columns.iter().map(|column| cells.get(*column))),
            From::HashRow => {
                let row: &Row = &cells.rows[0];
                digest((0..row.len()).map(|index| row.cell(index)))
            }
        };
        let id = format!("{}{own}", self.prefix);
        if id.len() > ID_CHARACTERS_MAX {
            let what = "makes an id of more than 80 characters; use hash in [id] instead";
            return Err(format!("{} {what}", shown(&own)));
        }
        Ok(id)
    }
}

fn part(cell: &str) -> Result<String, String> {
    let slug = slug(cell);
    match (cell, slug.as_str()) {
        ("", _) => Err("is empty, and the id comes from it".to_owned()),
        (cell, "") => {
            Err(format!("{} has no letter or digit of ASCII; use hash in [id] instead", shown(cell)))
        }
        (_, _) => Ok(slug),
    }
}

fn digest<'c>(cells: impl Iterator<Item = &'c str>) -> String {
    let mut digest = Sha256::new();
    for cell in cells {
        // With its length, so that cells cannot run into each other.
        digest.update((cell.len() as u64).to_be_bytes());
        digest.update(cell.as_bytes());
    }
    let mut text = hex::encode(digest.finalize());
    text.truncate(DIGEST_CHARACTERS);
    text
}

/// Numbers ids that come again, in memory that does not grow with the file: a filter of a fixed size says which ids may
/// have come before, and only those are counted. Where the filter errs, an id gets a number it did not need; ten million
/// ids make one such error. The same rows give the same numbers each time.
#[derive(Debug)]
pub(crate) struct Numbers {
    seen: Vec<u64>,
    again: HashMap<[u8; 16], u32>,
}

impl Numbers {
    /// Nothing seen.
    pub(crate) fn new() -> Self {
        // Pages that are never touched take no memory.
        Self { seen: vec![0; FILTER_BITS as usize / 64], again: HashMap::new() }
    }

    /// The id, with a number when it came before.
    pub(crate) fn number(&mut self, id: String) -> Result<String, String> {
        let digest = Sha256::digest(id.as_bytes());
        let mut new = false;
        for four in digest.chunks_exact(4) {
            let bit = u32::from_be_bytes([four[0], four[1], four[2], four[3]]) % FILTER_BITS;
            let (word, mask) = (bit as usize / 64, 1 << (bit % 64));
            new |= self.seen[word] & mask == 0;
            self.seen[word] |= mask;
        }
        if new {
            return Ok(id);
        }
        if self.again.len() >= REPEATED_MAX {
            return Err(format!("more than {REPEATED_MAX} ids come more than once"));
        }
        let mut key = [0; 16];
        key.copy_from_slice(&digest[..16]);
        let count = self.again.entry(key).or_insert(1);
        *count += 1;
        let id = format!("{id}-{count}");
        if id.len() > ID_CHARACTERS_MAX {
            Err("makes an id of more than 80 characters".to_owned())
        } else {
            Ok(id)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_comes_again_gets_a_number() {
        let mut numbers = Numbers::new();
        let named: Vec<_> =
            ["a", "b", "a", "a", "b"].iter().map(|id| numbers.number((*id).to_owned()).unwrap()).collect();
        assert_eq!(named, ["a", "b", "a-2", "a-3", "b-2"]);
    }

    #[test]
    fn cells_do_not_run_into_each_other() {
        assert_ne!(digest(["ab", "c"].into_iter()), digest(["a", "bc"].into_iter()));
        assert_eq!(digest(["a"].into_iter()).len(), DIGEST_CHARACTERS);
    }
}
