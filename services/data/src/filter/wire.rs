//! Walking the wire format of an encoded record, without decoding it.
//!
//! Bytes that are no message end the walk at that point: what stands behind them is not set. Nothing here panics.

use super::compare::Truth;
use super::path::{BODIES, Shape, Step};

/// The value of one field as it stands on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Raw<'a> {
    /// A varint.
    Number(u64),
    /// Whatever has a length: text, message, packed list.
    Bytes(&'a [u8]),
    /// Four or eight bytes; no field of the contract has them.
    Fixed,
}

impl<'a> Raw<'a> {
    /// The bytes; none of a number.
    pub(super) fn bytes(self) -> &'a [u8] {
        match self {
            Raw::Bytes(bytes) => bytes,
            Raw::Number(_) | Raw::Fixed => &[],
        }
    }
}

/// What stands at the end of a path.
#[derive(Debug, Clone, Copy)]
pub(super) enum Found<'r, 'a> {
    /// The occurrences of one value: for a message all its parts, else the last one counts. Never empty.
    Set(&'r [Raw<'a>]),
    /// The message that would hold the field is there, the field is not.
    Unset,
    /// Not even that message is there.
    Absent,
}

/// The fields of a message, in the order of its bytes.
struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for (index, &byte) in self.rest.iter().enumerate().take(10) {
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                self.rest = &self.rest[index + 1..];
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn field(&mut self) -> Option<(u32, Raw<'a>)> {
        let key = self.varint()?;
        let number = u32::try_from(key >> 3).ok()?;
        let raw = match key & 7 {
            0 => Raw::Number(self.varint()?),
            1 => self.take(8).map(|_| Raw::Fixed)?,
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Raw::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| Raw::Fixed)?,
            _ => return None,
        };
        Some((number, raw))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (u32, Raw<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.rest = &[];
        }
        field
    }
}

/// The fields of a message that is written in these parts.
fn fields<'a>(parts: &[Raw<'a>]) -> impl Iterator<Item = (u32, Raw<'a>)> {
    parts.iter().flat_map(|part| Fields { rest: part.bytes() })
}

/// Every occurrence of the step's field in a message that is written in these parts.
pub(super) fn collect<'a>(parts: &[Raw<'a>], step: &Step) -> Vec<Raw<'a>> {
    let mut found = Vec::new();
    for (number, raw) in fields(parts) {
        if step.rivals.contains(&number) {
            found.clear();
        } else if number == step.number {
            match raw {
                Raw::Number(_) if step.numeric => found.push(raw),
                Raw::Bytes(_) if !step.numeric => found.push(raw),
                Raw::Bytes(packed) if step.shape == Shape::Many => {
                    let mut packed = Fields { rest: packed };
                    found.extend(std::iter::from_fn(|| packed.varint()).map(Raw::Number));
                }
                Raw::Number(_) | Raw::Bytes(_) | Raw::Fixed => {}
            }
        }
    }
    found
}

/// The last value of a field of that number in a message that is written in these parts.
pub(super) fn last<'a>(parts: &[Raw<'a>], number: u32) -> Option<Raw<'a>> {
    fields(parts).filter(|(found, _)| *found == number).map(|(_, raw)| raw).last()
}

/// The last text of a field of that number; none when it is empty.
pub(super) fn text<'a>(parts: &[Raw<'a>], number: u32) -> Option<&'a str> {
    let bytes = last(parts, number)?.bytes();
    std::str::from_utf8(bytes).ok().filter(|text| !text.is_empty())
}

/// The name of the body's field.
pub(super) fn kind(record: &[u8]) -> Option<&'static str> {
    let body = |(number, _)| BODIES.iter().find(|(known, _)| *known == number);
    Fields { rest: record }.filter_map(body).last().map(|(_, name)| name.as_str())
}

/// Field numbers of an entry of a map.
const KEY: u32 = 1;
const VALUE: u32 = 2;

/// The key of an entry of a map.
pub(super) fn key<'a>(entry: Raw<'a>) -> Option<&'a str> {
    last(&[entry], KEY).map_or(Some(""), |raw| std::str::from_utf8(raw.bytes()).ok())
}

/// Follows the steps and puts what is found to the test: once, or for every element of the lists on the way.
///
/// Of a list: true when one element is true, else unknown when one is unknown, else false. An empty list is unset.
pub(super) fn any<'a>(
    parts: &[Raw<'a>],
    steps: &[Step],
    test: &mut dyn FnMut(Found<'_, 'a>) -> Truth,
) -> Truth {
    let Some((step, rest)) = steps.split_first() else {
        return test(Found::Absent);
    };
    let found = collect(parts, step);
    let mut each = |value: &[Raw<'a>]| match rest {
        [] => test(Found::Set(value)),
        _ => any(value, rest, test),
    };
    match &step.shape {
        Shape::One if !found.is_empty() => each(&found),
        Shape::Many if !found.is_empty() => {
            let mut answer = Some(false);
            for value in found.chunks(1) {
                match each(value) {
                    Some(true) => return Some(true),
                    Some(false) => {}
                    None => answer = None,
                }
            }
            answer
        }
        Shape::Entry(wanted)
            if let Some(entry) = found.iter().rfind(|entry| key(**entry) == Some(wanted)) =>
        {
            each(&[last(&[*entry], VALUE).unwrap_or(Raw::Bytes(&[]))])
        }
        Shape::One | Shape::Many | Shape::Entry(_) => {
            test(if rest.is_empty() { Found::Unset } else { Found::Absent })
        }
    }
}

/// A record of which only kind, jurisdiction and name are known, encoded.
pub(super) fn identity(kind: &str, jurisdiction: &str, name: &str) -> Vec<u8> {
    use prost::encoding::{WireType, encode_key, encode_varint, string};

    let mut record = Vec::with_capacity(name.len() + jurisdiction.len() + 16);
    string::encode(NAME, &name.to_owned(), &mut record);
    string::encode(JURISDICTION, &jurisdiction.to_owned(), &mut record);
    if let Some((number, _)) = BODIES.iter().find(|(_, known)| known == kind) {
        encode_key(*number, WireType::LengthDelimited, &mut record);
        encode_varint(0, &mut record);
    }
    record
}

/// Field numbers of the record.
const NAME: u32 = 1;
const JURISDICTION: u32 = 3;
/// `Record.title`
pub(super) const TITLE: u32 = 4;
/// `Record.description`
pub(super) const DESCRIPTION: u32 = 35;
