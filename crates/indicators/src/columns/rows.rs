//! The columns: eighteen bytes an appeal, in chunks that views share.

use std::sync::Arc;

use reform_model::Day;

use super::image::{Malformed, Reader, Writer};
use super::times::{NONE, Times};

/// Rows of a full chunk.
pub(crate) const ROWS: usize = 256;

/// The class of a row whose record is gone.
const GONE: u32 = u32::MAX;
/// A number of days that says that there is no date.
const ABSENT: u16 = u16::MAX;
/// A day of filing that says that the row is odd.
const ODD: i32 = i32::MAX;

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// What it is counted as.
    pub(crate) class: u32,
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

/// Up to [`ROWS`] rows. Answer, closing and deadline are days since filing.
#[derive(Debug, Clone)]
pub(crate) struct Chunk {
    len: usize,
    class: [u32; ROWS],
    filed: [i32; ROWS],
    answered: [u16; ROWS],
    closed: [u16; ROWS],
    deadline: [u16; ROWS],
    revision: [u32; ROWS],
    /// By place. Few, as a rule: they take ten times as much.
    odd: Vec<Arc<Odd>>,
}

impl Default for Chunk {
    fn default() -> Self {
        Self {
            len: 0,
            class: [GONE; ROWS],
            filed: [0; ROWS],
            answered: [ABSENT; ROWS],
            closed: [ABSENT; ROWS],
            deadline: [ABSENT; ROWS],
            revision: [0; ROWS],
            odd: Vec::new(),
        }
    }
}

impl Chunk {
    pub(crate) fn push(&mut self, row: Option<Row>) {
        let place = self.len;
        self.len += 1;
        self.set(place, row);
    }

    /// Puts a row, or nothing, in the place of what was there.
    pub(crate) fn set(&mut self, place: usize, row: Option<Row>) {
        self.drop_odd(place);
        let Some(Row { class, times, revision }) = row else {
            self.class[place] = GONE;
            return;
        };
        self.class[place] = class;
        match fit(&times).zip(u32::try_from(revision).ok()) {
            Some(((filed, [answered, closed, deadline]), revision)) => {
                self.filed[place] = filed;
                self.answered[place] = answered;
                self.closed[place] = closed;
                self.deadline[place] = deadline;
                self.revision[place] = revision;
            }
            None => {
                self.filed[place] = ODD;
                let own = u8::try_from(place).expect("a chunk has 256 rows");
                let index = self.odd.partition_point(|odd| odd.place < own);
                self.odd.insert(index, Arc::new(Odd { place: own, times, revision }));
            }
        }
    }

    fn drop_odd(&mut self, place: usize) {
        if self.odd(place).is_some() {
            self.odd.retain(|odd| usize::from(odd.place) != place);
        }
    }

    fn odd(&self, place: usize) -> Option<&Odd> {
        let index = self.odd.binary_search_by_key(&place, |odd| usize::from(odd.place)).ok()?;
        self.odd.get(index).map(|odd| &**odd)
    }

    /// The class of a row; none where its record is gone.
    pub(crate) fn class(&self, place: usize) -> Option<u32> {
        (place < self.len && self.class[place] != GONE).then(|| self.class[place])
    }

    /// The dates of a row that is there.
    pub(crate) fn times(&self, place: usize) -> Times {
        let filed = self.filed[place];
        if filed == ODD
            && let Some(odd) = self.odd(place)
        {
            return odd.times.clone();
        }
        let day = |days: u16| if days == ABSENT { NONE } else { filed + i32::from(days) };
        Times::Exact([filed, day(self.answered[place]), day(self.closed[place]), day(self.deadline[place])])
    }

    pub(crate) fn row(&self, place: usize) -> Option<Row> {
        let class = self.class(place)?;
        let revision = self.odd(place).map_or(i64::from(self.revision[place]), |odd| odd.revision);
        Some(Row { class, times: self.times(place), revision })
    }

    /// The rows that may be counted otherwise in another chunk.
    pub(crate) fn changes<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = usize> + 'a {
        // Sixteen at a time are compared quickly, and most of them are the same.
        const STEP: usize = 16;
        let apart = |start: &usize| {
            let range = *start..*start + STEP;
            self.class[range.clone()] != other.class[range.clone()]
                || self.filed[range.clone()] != other.filed[range.clone()]
                || self.answered[range.clone()] != other.answered[range.clone()]
                || self.closed[range.clone()] != other.closed[range.clone()]
                || self.deadline[range.clone()] != other.deadline[range.clone()]
                || self.filed[range].contains(&ODD)
        };
        let starts = (0..ROWS).step_by(STEP).filter(apart);
        let places = starts.flat_map(|start| start..start + STEP);
        places.filter(|place| !self.counts_as(other, *place))
    }

    /// Whether a row is counted the same in both; its revision does not matter.
    fn counts_as(&self, other: &Self, place: usize) -> bool {
        let columns = |chunk: &Self| {
            (chunk.filed[place], chunk.answered[place], chunk.closed[place], chunk.deadline[place])
        };
        match (self.class(place), other.class(place)) {
            (None, None) => true,
            (Some(own), Some(others)) if own == others => {
                if self.filed[place] == ODD && other.filed[place] == ODD {
                    self.times(place) == other.times(place)
                } else {
                    columns(self) == columns(other)
                }
            }
            (Some(_) | None, Some(_) | None) => false,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Whether the columns do not hold what a row says.
    pub(super) fn is_odd(&self, place: usize) -> bool {
        self.class(place).is_some() && self.filed[place] == ODD
    }

    /// Whether every row says something.
    pub(super) fn is_sound(&self) -> bool {
        let is_day = |place: usize| (Day::MIN.0..=Day::MAX.0).contains(&self.filed[place]);
        let mut live = (0..self.len).filter(|place| self.class(*place).is_some());
        live.all(|place| is_day(place) || self.odd(place).is_some())
    }

    /// Writes everything but what is odd.
    pub(super) fn write(&self, writer: &mut Writer) {
        let rows = ..self.len;
        writer.u16s(&[u16::try_from(self.len).expect("a chunk has 256 rows")]);
        writer.u32s(&self.class[rows]);
        writer.i32s(&self.filed[rows]);
        [&self.answered, &self.closed, &self.deadline].into_iter().for_each(|days| writer.u16s(&days[rows]));
        writer.u32s(&self.revision[rows]);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut len = [0];
        reader.u16s(&mut len)?;
        let len = usize::from(len[0]);
        if len > ROWS {
            return Err(Malformed);
        }
        let mut chunk = Self { len, ..Self::default() };
        reader.u32s(&mut chunk.class[..len])?;
        reader.i32s(&mut chunk.filed[..len])?;
        reader.u16s(&mut chunk.answered[..len])?;
        reader.u16s(&mut chunk.closed[..len])?;
        reader.u16s(&mut chunk.deadline[..len])?;
        reader.u32s(&mut chunk.revision[..len])?;
        Ok(chunk)
    }

    /// Memory beside the columns themselves.
    pub(crate) fn odd_bytes(&self) -> usize {
        let whole = |odd: &&Arc<Odd>| matches!(odd.times, Times::Whole(_));
        self.odd.capacity() * size_of::<Arc<Odd>>()
            + self.odd.len() * (size_of::<Odd>() + 2 * size_of::<usize>())
            + self.odd.iter().filter(whole).count()
                * (size_of::<super::times::Dates>() + 2 * size_of::<usize>())
    }
}

/// The day of filing and the days since then, where the columns hold them.
fn fit(times: &Times) -> Option<(i32, [u16; 3])> {
    let Times::Exact([filed, ends @ ..]) = times else { return None };
    if *filed == NONE {
        return None;
    }
    let since = |end: i32| match end {
        NONE => Some(ABSENT),
        end => u16::try_from(end.checked_sub(*filed)?).ok().filter(|days| *days != ABSENT),
    };
    let [answered, closed, deadline] = ends.map(since);
    Some((*filed, [answered?, closed?, deadline?]))
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
            Times::Exact([19_000, NONE, NONE, NONE]),
            // Filed after it was answered, never filed, answered after centuries, no single day.
            Times::Exact([19_000, 18_999, NONE, NONE]),
            Times::Exact([NONE, 19_000, NONE, NONE]),
            Times::Exact([0, 65_535, NONE, NONE]),
            Times::Exact([0, 65_534, NONE, NONE]),
            whole,
        ]
        .map(|times| Row { class: 7, times, revision: 9 });
        rows.iter().for_each(|row| chunk.push(Some(row.clone())));
        let late = Row { revision: i64::from(u32::MAX) + 1, ..rows[0].clone() };
        chunk.push(Some(late.clone()));
        for (place, row) in rows.iter().chain([&late]).enumerate() {
            assert_eq!(chunk.row(place).as_ref(), Some(row));
        }
        assert_eq!((chunk.odd.len(), chunk.row(8)), (5, None));
        let before = chunk.clone();
        chunk.set(6, None);
        chunk.set(2, Some(rows[0].clone()));
        assert_eq!((chunk.odd.len(), chunk.row(6), chunk.row(2).as_ref()), (3, None, Some(&rows[0])));
        let same: Vec<bool> = (0..9).map(|place| chunk.counts_as(&before, place)).collect();
        assert_eq!(same, [true, true, false, true, true, true, false, true, true]);
    }
}
