//! Numbers in as few bytes as those of their chunk need.

use super::image::{Malformed, Reader, Writer};

/// Rows of a full chunk.
pub(super) const ROWS: usize = 256;

/// The greatest number above the base, by width.
const MOST: [u32; 5] = [0, u8::MAX as u32, u16::MAX as u32, 0, u32::MAX];

/// Columns of up to [`ROWS`] numbers. A column holds how much each is above a base, in none, one, two or four bytes.
#[derive(Debug, Clone)]
pub(super) struct Packed<const COLUMNS: usize> {
    columns: [Column; COLUMNS],
    /// One column after the other, each with room for all rows.
    bytes: Box<[u8]>,
}

/// How a column is written, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Column {
    base: u32,
    width: u8,
    /// In whole columns of single bytes.
    start: u8,
}

impl<const COLUMNS: usize> Default for Packed<COLUMNS> {
    fn default() -> Self {
        Self { columns: [Column::default(); COLUMNS], bytes: Box::default() }
    }
}

impl Column {
    fn holds(self, number: u32) -> bool {
        number.wrapping_sub(self.base) <= MOST[usize::from(self.width)]
    }

    /// As narrow as these numbers allow, with room on both sides: what comes is as a rule near what is there.
    fn of(least: u32, greatest: u32) -> Self {
        let range = greatest - least;
        let width = match range {
            0 => 0,
            range if range <= MOST[1] => 1,
            range if range <= MOST[2] => 2,
            _ => 4,
        };
        let most = MOST[usize::from(width)];
        let base = if greatest <= most { 0 } else { least.saturating_sub((most - range) / 2) };
        Self { base: if width == 0 { least } else { base }, width, start: 0 }
    }

    fn bytes(self, all: &[u8]) -> &[u8] {
        let start = usize::from(self.start) * ROWS;
        all.get(start..start + usize::from(self.width) * ROWS).unwrap_or_default()
    }

    fn get(self, all: &[u8], row: usize) -> u32 {
        let bytes = self.bytes(all);
        let above = match self.width {
            0 => 0,
            1 => u32::from(bytes[row]),
            2 => u32::from(u16::from_le_bytes([bytes[2 * row], bytes[2 * row + 1]])),
            _ => bytes[4 * row..].first_chunk().copied().map_or(0, u32::from_le_bytes),
        };
        self.base.wrapping_add(above)
    }

    fn set(self, all: &mut [u8], row: usize, number: u32) {
        let width = usize::from(self.width);
        let start = usize::from(self.start) * ROWS + width * row;
        let above = number.wrapping_sub(self.base).to_le_bytes();
        match self.width {
            0 => {}
            1 => all[start] = above[0],
            _ => all[start..start + width].copy_from_slice(&above[..width]),
        }
    }

    fn read(self, all: &[u8], numbers: &mut [u32; ROWS]) {
        let bytes = self.bytes(all);
        match self.width {
            0 => numbers.fill(self.base),
            1 => numbers.iter_mut().zip(bytes).for_each(|(number, byte)| {
                *number = self.base.wrapping_add(u32::from(*byte));
            }),
            2 => numbers.iter_mut().zip(bytes.as_chunks().0).for_each(|(number, bytes)| {
                *number = self.base.wrapping_add(u32::from(u16::from_le_bytes(*bytes)));
            }),
            _ => numbers.iter_mut().zip(bytes.as_chunks().0).for_each(|(number, bytes)| {
                *number = self.base.wrapping_add(u32::from_le_bytes(*bytes));
            }),
        }
    }
}

impl<const COLUMNS: usize> Packed<COLUMNS> {
    pub(super) fn get(&self, column: usize, row: usize) -> u32 {
        self.columns[column].get(&self.bytes, row)
    }

    /// Writes a row; `len` are there already.
    pub(super) fn set(&mut self, row: usize, len: usize, numbers: &[u32; COLUMNS]) {
        if !self.columns.iter().zip(numbers).all(|(column, number)| column.holds(*number)) {
            self.widen(len, numbers);
        }
        for (column, number) in self.columns.iter().zip(numbers) {
            column.set(&mut self.bytes, row, *number);
        }
    }

    /// Makes every column as wide as its rows and one more need.
    fn widen(&mut self, len: usize, numbers: &[u32; COLUMNS]) {
        let mut read = [0; ROWS];
        let mut columns = self.columns;
        let mut start = 0;
        for ((column, own), number) in columns.iter_mut().zip(self.columns).zip(numbers) {
            if !own.holds(*number) {
                own.read(&self.bytes, &mut read);
                let rows = &read[..len];
                let least = rows.iter().min().map_or(*number, |least| *least.min(number));
                let greatest = rows.iter().max().map_or(*number, |greatest| *greatest.max(number));
                *column = Column::of(least, greatest);
            }
            column.start = start;
            start += column.width;
        }
        let mut bytes = vec![0; usize::from(start) * ROWS].into_boxed_slice();
        for (column, own) in columns.iter().zip(self.columns) {
            own.read(&self.bytes, &mut read);
            read[..len].iter().enumerate().for_each(|(row, number)| column.set(&mut bytes, row, *number));
        }
        *self = Self { columns, bytes };
    }

    /// All numbers of a column, those of rows that are not there included.
    pub(super) fn column(&self, column: usize, numbers: &mut [u32; ROWS]) {
        self.columns[column].read(&self.bytes, numbers);
    }

    /// Whether a column is written the same in both.
    pub(super) fn is_same(&self, other: &Self, column: usize) -> bool {
        let (own, others) = (self.columns[column], other.columns[column]);
        own.base == others.base && own.bytes(&self.bytes) == others.bytes(&other.bytes)
    }

    /// Memory beside its own.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Writes the first rows.
    pub(super) fn write(&self, len: usize, writer: &mut Writer) {
        for column in &self.columns {
            writer.u32s(&[column.base]);
            writer.u8(column.width);
            writer.raw(&column.bytes(&self.bytes)[..len * usize::from(column.width)]);
        }
    }

    pub(super) fn read_from(len: usize, reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut columns = [Column::default(); COLUMNS];
        let mut parts = [&[][..]; COLUMNS];
        let mut start = 0;
        for (column, part) in columns.iter_mut().zip(&mut parts) {
            let mut base = [0];
            reader.u32s(&mut base)?;
            let width = reader.u8()?;
            if !matches!(width, 0 | 1 | 2 | 4) {
                return Err(Malformed);
            }
            *column = Column { base: base[0], width, start };
            *part = reader.take(len * usize::from(width))?;
            start += width;
        }
        let mut bytes = vec![0; usize::from(start) * ROWS].into_boxed_slice();
        for (column, part) in columns.iter().zip(parts) {
            let start = usize::from(column.start) * ROWS;
            bytes[start..start + part.len()].copy_from_slice(part);
        }
        Ok(Self { columns, bytes })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number() -> impl Strategy<Value = u32> {
        prop_oneof![0..3_u32, 250..260_u32, 65_530..65_540_u32, 1_000_000..1_000_200_u32, any::<u32>()]
    }

    proptest! {
        #[test]
        fn every_number_comes_back(rows in proptest::collection::vec([number(), number()], 0..=ROWS), again in 0..ROWS) {
            let mut packed = Packed::<2>::default();
            for (row, numbers) in rows.iter().enumerate() {
                packed.set(row, row, numbers);
            }
            let mut rows = rows;
            if let Some(row) = rows.get_mut(again) {
                *row = [u32::MAX, 7];
                let row = *row;
                packed.set(again, rows.len(), &row);
            }
            let mut writer = Writer::default();
            packed.write(rows.len(), &mut writer);
            let written = writer.finish();
            let read = Packed::<2>::read_from(rows.len(), &mut Reader::new(&written)).unwrap();
            for (row, numbers) in rows.iter().enumerate() {
                prop_assert_eq!([packed.get(0, row), packed.get(1, row)], *numbers);
                prop_assert_eq!([read.get(0, row), read.get(1, row)], *numbers);
            }
            prop_assert!(read.is_same(&packed, 0) && read.is_same(&packed, 1));
        }
    }

    #[test]
    fn a_column_is_as_wide_as_its_numbers_are_apart() {
        let mut packed = Packed::<4>::default();
        (0..256).for_each(|row| {
            packed.set(row, row, &[9, row as u32, 3_000_000_000 + 9 * row as u32, 70_000 * row as u32])
        });
        assert_eq!(packed.columns.map(|column| column.width), [0, 1, 2, 4]);
        assert_eq!(packed.bytes(), 7 * ROWS);
    }
}
