//! The columns: as many bytes an appeal as the values of its chunk need, in chunks that views share.

use std::sync::Arc;

use reform_model::Day;

use super::image::{Malformed, Reader, Writer};
use super::packed::Packed;
pub(super) use super::packed::ROWS;
use super::texts::{CODES, Class, Mask};
use super::times::{NONE, Times};

/// After those of the class.
const FILED: usize = CODES;
/// Then days since filing, one more than they are: none is no date.
const ENDS: [usize; 3] = [FILED + 1, FILED + 2, FILED + 3];
const REVISION: usize = FILED + 4;
const COLUMNS: usize = REVISION + 1;

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// What it is counted as.
    pub(crate) class: Class,
    pub(crate) times: Times,
    /// The revision that wrote it.
    pub(crate) revision: i64,
}

/// What does not fit the columns.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Odd {
    place: u8,
    times: Times,
    revision: i64,
}

/// Up to [`ROWS`] rows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chunk {
    len: usize,
    /// By bit.
    live: [u64; ROWS / 64],
    packed: Packed<COLUMNS>,
    /// By place. Few, as a rule: they take ten times as much.
    odd: Vec<Arc<Odd>>,
}

impl Chunk {
    pub(crate) fn push(&mut self, row: Option<Row>) {
        self.set(self.len, row);
        self.len += 1;
    }

    /// Puts a row, or nothing, in the place of what was there.
    pub(crate) fn set(&mut self, place: usize, row: Option<Row>) {
        if self.odd(place).is_some() {
            self.odd.retain(|odd| usize::from(odd.place) != place);
        }
        self.live[place / 64] &= !(1 << (place % 64));
        let Some(Row { class, times, revision }) = row else { return };
        self.live[place / 64] |= 1 << (place % 64);
        let mut numbers = [0; COLUMNS];
        numbers[..CODES].copy_from_slice(&class);
        if let Some((dates, revision)) = fit(&times).zip(u32::try_from(revision).ok()) {
            numbers[FILED..REVISION].copy_from_slice(&dates);
            numbers[REVISION] = revision;
        } else {
            // Whatever the columns hold already.
            (FILED..COLUMNS).for_each(|column| numbers[column] = self.packed.get(column, 0));
            let own = u8::try_from(place).expect("a chunk has 256 rows");
            let index = self.odd.partition_point(|odd| odd.place < own);
            self.odd.insert(index, Arc::new(Odd { place: own, times, revision }));
        }
        self.packed.set(place, self.len, &numbers);
    }

    fn odd(&self, place: usize) -> Option<&Odd> {
        let index = self.odd.binary_search_by_key(&place, |odd| usize::from(odd.place)).ok()?;
        self.odd.get(index).map(|odd| &**odd)
    }

    /// Whether there is a record of that row.
    pub(crate) fn is_live(&self, place: usize) -> bool {
        self.live[place / 64] & (1 << (place % 64)) != 0
    }

    /// How many records there are.
    pub(crate) fn live(&self) -> usize {
        self.live.iter().map(|bits| bits.count_ones() as usize).sum()
    }

    pub(crate) fn row(&self, place: usize) -> Option<Row> {
        if !self.is_live(place) {
            return None;
        }
        let class = std::array::from_fn(|column| self.packed.get(column, place));
        if let Some(Odd { place: _, times, revision }) = self.odd(place) {
            return Some(Row { class, times: times.clone(), revision: *revision });
        }
        let number = |column| self.packed.get(column, place);
        let times = dates(number(FILED), ENDS.map(number));
        Some(Row { class, times, revision: i64::from(number(REVISION)) })
    }

    /// The rows that may be counted otherwise in another chunk; a revision does not count.
    pub(crate) fn changes(&self, other: &Self) -> impl Iterator<Item = usize> {
        let mut apart: [bool; ROWS] = std::array::from_fn(|place| {
            self.is_live(place) != other.is_live(place)
                || (self.odd(place).map(|odd| &odd.times) != other.odd(place).map(|odd| &odd.times))
        });
        let (mut own, mut others) = ([0; ROWS], [0; ROWS]);
        for column in (0..REVISION).filter(|column| !self.packed.is_same(&other.packed, *column)) {
            self.packed.column(column, &mut own);
            other.packed.column(column, &mut others);
            let pairs = own.iter().zip(&others);
            apart.iter_mut().zip(pairs).for_each(|(apart, (own, other))| *apart |= own != other);
        }
        (0..ROWS).filter(move |place| apart[*place])
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// What the columns do not hold, by place.
    pub(super) fn odd_rows(&self) -> impl Iterator<Item = (u8, &Times, i64)> {
        self.odd.iter().map(|odd| (odd.place, &odd.times, odd.revision))
    }

    /// Writes everything but what is odd.
    pub(super) fn write(&self, writer: &mut Writer) {
        writer.u16s(&[u16::try_from(self.len).expect("a chunk has 256 rows")]);
        writer.u64s(&self.live);
        self.packed.write(self.len, writer);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let (mut len, mut live) = ([0], [0; ROWS / 64]);
        reader.u16s(&mut len)?;
        reader.u64s(&mut live)?;
        let len = usize::from(len[0]);
        if len > ROWS {
            return Err(Malformed);
        }
        let packed = Packed::read_from(len, reader)?;
        let chunk = Self { len, live, packed, odd: Vec::new() };
        if (len..ROWS).any(|place| chunk.is_live(place)) {
            return Err(Malformed);
        }
        Ok(chunk)
    }

    /// Says that the columns do not hold a row.
    pub(super) fn add_odd(&mut self, place: u8, times: Times, revision: i64) -> Result<(), Malformed> {
        let is_next = self.odd.last().is_none_or(|last| last.place < place);
        if !is_next || !self.is_live(usize::from(place)) {
            return Err(Malformed);
        }
        self.odd.push(Arc::new(Odd { place, times, revision }));
        Ok(())
    }

    /// Whether every row says something: codes below these, and days of the calendar.
    pub(super) fn is_sound(&self, codes: &[u32; CODES]) -> bool {
        let mut numbers = [0; ROWS];
        let mut is_in = |column: usize, range: std::ops::Range<u32>| {
            self.packed.column(column, &mut numbers);
            let mut rows = numbers[..self.len].iter().enumerate();
            let is_odd = |place| column >= FILED && self.odd(place).is_some();
            rows.all(|(place, number)| range.contains(number) || !self.is_live(place) || is_odd(place))
        };
        let calendar = ordered(Day::MIN.0)..ordered(Day::MAX.0 + 1);
        codes.iter().enumerate().all(|(column, end)| is_in(column, 0..*end))
            && is_in(FILED, calendar)
            && ENDS.into_iter().all(|column| is_in(column, 0..u32::from(u16::MAX) + 1))
    }

    /// Memory beside its own.
    pub(crate) fn bytes(&self) -> usize {
        let whole = |odd: &&Arc<Odd>| matches!(odd.times, Times::Whole(_));
        self.packed.bytes()
            + self.odd.capacity() * size_of::<Arc<Odd>>()
            + self.odd.len() * (size_of::<Odd>() + 2 * size_of::<usize>())
            + self.odd.iter().filter(whole).count()
                * (size_of::<super::times::Dates>() + 2 * size_of::<usize>())
    }
}

/// What a question reads of the rows of one chunk.
#[derive(Debug)]
pub(crate) struct Page {
    codes: [[u32; ROWS]; CODES],
    dates: [[u32; ROWS]; 4],
}

impl Page {
    /// Without anything.
    pub(crate) fn new() -> Box<Self> {
        Box::new(Self { codes: [[0; ROWS]; CODES], dates: [[0; ROWS]; 4] })
    }

    /// Tells every row: the class as far as the mask leaves it, and the dates. The mask is always the same.
    pub(crate) fn each(&mut self, chunk: &Chunk, mask: Mask, mut tell: impl FnMut(Class, Times)) {
        let Self { codes, dates: days } = self;
        for column in mask.columns() {
            chunk.packed.column(column, &mut codes[column]);
        }
        for (column, days) in (FILED..REVISION).zip(days.iter_mut()) {
            chunk.packed.column(column, days);
        }
        for place in (0..chunk.len).filter(|place| chunk.is_live(*place)) {
            let class = std::array::from_fn(|column| codes[column][place]);
            let [filed, ends @ ..] = &*days;
            let times = match chunk.odd(place) {
                Some(odd) => odd.times.clone(),
                None => dates(filed[place], ends.each_ref().map(|end| end[place])),
            };
            tell(class, times);
        }
    }
}

/// As a number that keeps the order.
fn ordered(day: i32) -> u32 {
    day.wrapping_sub(i32::MIN).cast_unsigned()
}

/// The dates as numbers, where the columns hold them: the day of filing and the days since then.
fn fit(times: &Times) -> Option<[u32; 4]> {
    let Times::Exact([filed, ends @ ..]) = times else { return None };
    if *filed == NONE {
        return None;
    }
    let since = |end: i32| match end {
        NONE => Some(0),
        // Two bytes at most.
        end => u16::try_from(end.checked_sub(*filed)?).ok()?.checked_add(1).map(u32::from),
    };
    let [answered, closed, deadline] = ends.map(since);
    Some([ordered(*filed), answered?, closed?, deadline?])
}

/// The dates that these numbers are.
fn dates(filed: u32, ends: [u32; 3]) -> Times {
    let filed = filed.cast_signed().wrapping_add(i32::MIN);
    let day = |days: u32| match days {
        0 => NONE,
        days => filed.wrapping_add((days - 1).cast_signed()),
    };
    let [answered, closed, deadline] = ends.map(day);
    Times::Exact([filed, answered, closed, deadline])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::times::Dates;

    #[test]
    fn a_row_comes_back_whatever_its_dates() {
        let window = reform_model::Date::year(2023).unwrap();
        let whole = Times::of(Dates { filed: Some(window), ..Dates::default() });
        let mut chunk = Chunk::default();
        let rows = [
            Times::Exact([19_000, 19_000, 19_003, 19_015]),
            Times::Exact([-19_000, NONE, NONE, NONE]),
            // Filed after it was answered, never filed, answered after centuries, no single day.
            Times::Exact([19_000, 18_999, NONE, NONE]),
            Times::Exact([NONE, 19_000, NONE, NONE]),
            Times::Exact([0, 65_535, NONE, NONE]),
            Times::Exact([0, 65_534, NONE, NONE]),
            whole,
        ]
        .map(|times| Row { class: [7; CODES], times, revision: 9 });
        rows.iter().for_each(|row| chunk.push(Some(row.clone())));
        let late = Row { revision: i64::from(u32::MAX) + 1, ..rows[0].clone() };
        chunk.push(Some(late.clone()));
        for (place, row) in rows.iter().chain([&late]).enumerate() {
            assert_eq!(chunk.row(place).as_ref(), Some(row));
        }
        assert_eq!((chunk.odd.len(), chunk.row(8), chunk.live()), (5, None, 8));
        let mut told = Vec::new();
        let mask = Mask::of(crate::columns::DIMENSIONS);
        Page::new().each(&chunk, mask, |class, times| told.push((class, times)));
        assert!(told.into_iter().eq(rows.iter().chain([&late]).map(|row| (row.class, row.times.clone()))));
        let before = chunk.clone();
        chunk.set(6, None);
        chunk.set(2, Some(rows[0].clone()));
        assert_eq!((chunk.odd.len(), chunk.row(6), chunk.row(2).as_ref()), (3, None, Some(&rows[0])));
        assert_eq!(chunk.changes(&before).collect::<Vec<_>>(), [2, 6]);
    }
}
