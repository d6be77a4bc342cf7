//! The columns as plain bytes and back, for whoever keeps them elsewhere. Numbers are little-endian.
//!
//! An image is a row of blocks, each of which begins with what it is: texts, sets of sources, then rows with their names. What finds a row again is not in it; it is made when it is first needed.

use std::sync::Arc;

use reform_model::date::Digits;
use reform_model::{Date, Name};

use super::Appeals;
use super::names::Block;
use super::rows::{Chunk, ROWS};
use super::texts;
use super::times::{Dates, Times};

/// Chunks of one block of rows.
const CHUNKS: usize = 64;
/// Entries of one block of the dictionary.
const ENTRIES: usize = 4096;

const SOURCES: u8 = 1;
const CHUNK: u8 = 2;
/// Of the first place in a class; those of the others follow.
const TEXTS: u8 = 16;

/// The bytes are no image of columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are no image of a view")]
pub struct Malformed;

/// Writes a block.
#[derive(Debug, Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, number: usize) {
        self.u32(u32::try_from(number).expect("no block is that large"));
    }

    pub(super) fn u8(&mut self, number: u8) {
        self.0.push(number);
    }

    pub(super) fn u16s(&mut self, numbers: &[u16]) {
        numbers.iter().for_each(|number| self.0.extend(number.to_le_bytes()));
    }

    fn u32(&mut self, number: u32) {
        self.u32s(&[number]);
    }

    pub(super) fn u32s(&mut self, numbers: &[u32]) {
        numbers.iter().for_each(|number| self.0.extend(number.to_le_bytes()));
    }

    pub(super) fn u64s(&mut self, numbers: &[u64]) {
        numbers.iter().for_each(|number| self.0.extend(number.to_le_bytes()));
    }

    fn i32s(&mut self, numbers: &[i32]) {
        numbers.iter().for_each(|number| self.0.extend(number.to_le_bytes()));
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len());
        self.0.extend(bytes);
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.0.extend(bytes);
    }

    #[cfg(test)]
    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }

    fn row(&mut self, times: &Times, revision: i64) {
        self.u64s(&[revision.cast_unsigned()]);
        match times {
            Times::Exact(days) => {
                self.u8(0);
                self.i32s(days);
            }
            Times::Whole(dates) => {
                self.u8(1);
                let Dates { filed, answered, closed, deadline } = **dates;
                [filed, answered, closed, deadline].into_iter().for_each(|date| self.date(date));
            }
        }
    }

    fn date(&mut self, date: Option<Date>) {
        for digits in [date.and_then(Date::digits), date.and_then(Date::latest)] {
            let (year, month, day) = digits.map_or((0, None, None), Digits::parts);
            self.i32s(&[year, month.unwrap_or_default(), day.unwrap_or_default()]);
        }
    }
}

/// Reads a block.
#[derive(Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    #[cfg(test)]
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.take(N)?.try_into().map_err(|_| Malformed)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Malformed> {
        self.array::<1>().map(|[number]| number)
    }

    pub(super) fn u16s(&mut self, numbers: &mut [u16]) -> Result<(), Malformed> {
        let bytes = self.take(2 * numbers.len())?;
        numbers.iter_mut().zip(bytes.chunks_exact(2)).for_each(|(number, bytes)| {
            *number = bytes.try_into().map_or(0, u16::from_le_bytes);
        });
        Ok(())
    }

    fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u32s(&mut self, numbers: &mut [u32]) -> Result<(), Malformed> {
        let bytes = self.take(4 * numbers.len())?;
        numbers.iter_mut().zip(bytes.chunks_exact(4)).for_each(|(number, bytes)| {
            *number = bytes.try_into().map_or(0, u32::from_le_bytes);
        });
        Ok(())
    }

    pub(super) fn u64s(&mut self, numbers: &mut [u64]) -> Result<(), Malformed> {
        let bytes = self.take(8 * numbers.len())?;
        numbers.iter_mut().zip(bytes.chunks_exact(8)).for_each(|(number, bytes)| {
            *number = bytes.try_into().map_or(0, u64::from_le_bytes);
        });
        Ok(())
    }

    fn i32s(&mut self, numbers: &mut [i32]) -> Result<(), Malformed> {
        let bytes = self.take(4 * numbers.len())?;
        numbers.iter_mut().zip(bytes.chunks_exact(4)).for_each(|(number, bytes)| {
            *number = bytes.try_into().map_or(0, i32::from_le_bytes);
        });
        Ok(())
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let len = self.u32()?;
        self.take(usize::try_from(len).map_err(|_| Malformed)?)
    }

    fn text(&mut self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Malformed)
    }

    fn row(&mut self) -> Result<(Times, i64), Malformed> {
        let revision = i64::from_le_bytes(self.array()?);
        let times = match self.u8()? {
            0 => {
                let mut days = [0; 4];
                self.i32s(&mut days)?;
                Times::Exact(days)
            }
            1 => {
                let [filed, answered, closed, deadline] =
                    [self.date()?, self.date()?, self.date()?, self.date()?];
                Times::Whole(Arc::new(Dates { filed, answered, closed, deadline }))
            }
            _ => return Err(Malformed),
        };
        Ok((times, revision))
    }

    fn date(&mut self) -> Result<Option<Date>, Malformed> {
        let mut numbers = [0; 6];
        self.i32s(&mut numbers)?;
        let digits = |year: i32, month: i32, day: i32| {
            let stated = |number: i32| (number != 0).then_some(number);
            let digits = (year != 0).then(|| Digits::new(year, stated(month), stated(day)));
            digits.transpose().map_err(|_| Malformed)
        };
        let [year, month, day, last_year, last_month, last_day] = numbers;
        let (from, latest) = (digits(year, month, day)?, digits(last_year, last_month, last_day)?);
        if from.is_none() && latest.is_none() {
            return Ok(None);
        }
        Date::new(from, latest).map(Some).map_err(|_| Malformed)
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Appeals {
    /// The image, block by block, none of them large.
    pub(crate) fn image(&self) -> impl Iterator<Item = Vec<u8>> + '_ {
        let texts = (0..).take(texts::TEXTS).flat_map(|place| {
            let kind = TEXTS + u8::try_from(place).expect("a class has nine places");
            block(kind, self.texts.texts(place), |writer, text| writer.bytes(text.as_bytes()))
        });
        let sources = block(SOURCES, self.texts.sets(), |writer, names| {
            writer.number(names.len());
            names.iter().for_each(|name| writer.bytes(name.id().as_bytes()));
        });
        let chunks = (0..self.rows.len()).step_by(CHUNKS).map(|first| {
            let mut writer = Writer::default();
            writer.u8(CHUNK);
            for index in first..(first + CHUNKS).min(self.rows.len()) {
                if let Some((chunk, names)) = self.rows.get(index).zip(self.names.block(index)) {
                    chunk.write(&mut writer);
                    let odd: Vec<_> = chunk.odd_rows().collect();
                    writer.number(odd.len());
                    for (place, times, revision) in odd {
                        writer.u8(place);
                        writer.row(times, revision);
                    }
                    names.write(&mut writer);
                }
            }
            writer.0
        });
        texts.chain(sources).chain(chunks)
    }

    /// Takes in the next block of an image.
    pub(crate) fn take_in(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        let mut reader = Reader(bytes);
        let kind = reader.u8()?;
        while !reader.is_empty() {
            match (kind, kind.checked_sub(TEXTS).map(usize::from)) {
                (_, Some(place)) if place < texts::TEXTS => {
                    Arc::make_mut(&mut self.texts).add_text(place, reader.text()?.into());
                }
                (SOURCES, _) => {
                    let count = reader.u32()?;
                    let names = (0..count).map(|_| Name::from_id(reader.text()?).map_err(|_| Malformed));
                    let names = names.collect::<Result<Vec<_>, _>>()?;
                    Arc::make_mut(&mut self.texts).add_sources(names);
                }
                (CHUNK, _) => self.take_in_chunk(&mut reader)?,
                _ => return Err(Malformed),
            }
        }
        Ok(())
    }

    fn take_in_chunk(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        let mut chunk = Chunk::read(reader)?;
        for _ in 0..reader.u32()? {
            let place = reader.u8()?;
            let (times, revision) = reader.row()?;
            chunk.add_odd(place, times, revision)?;
        }
        let names = Block::read_from(reader)?;
        // Only the last chunk of all may have room.
        let is_next = names.len() == chunk.len() && self.names.len().is_multiple_of(ROWS);
        if !is_next || !chunk.is_sound(&self.texts.ends()) {
            return Err(Malformed);
        }
        self.live += chunk.live();
        self.rows.push(chunk);
        self.names.add(names);
        Ok(())
    }
}

/// Blocks of entries of one kind.
fn block<T>(kind: u8, entries: impl Iterator<Item = T>, write: impl Fn(&mut Writer, T)) -> Vec<Vec<u8>> {
    let mut blocks = Vec::new();
    let mut writer = Writer::default();
    for (index, entry) in entries.enumerate() {
        if index.is_multiple_of(ENTRIES) && index > 0 {
            blocks.push(std::mem::take(&mut writer).0);
        }
        if writer.0.is_empty() {
            writer.u8(kind);
        }
        write(&mut writer, entry);
    }
    blocks.push(writer.0);
    blocks.retain(|block| !block.is_empty());
    blocks
}
