//! The records that share a term, ordered by main date and then by creation.
//!
//! A list grows at an unsorted tail. A full tail becomes a sorted run, and `FAN` runs of one level become one of the
//! next, so that every posting is moved a few times however long the list is. Runs hold differences: two or three bytes a
//! posting in a long list.

mod walk;

use prost::encoding::{decode_varint, encode_varint};

use super::summary::NO_DAY;
pub use walk::Walk;

/// Postings of a tail before it becomes a run: readers sort a copy of it.
const TAIL_MAX: usize = 512;
/// The same while the index is loaded and nobody reads.
const LOADING_TAIL_MAX: usize = TAIL_MAX * FAN * FAN;
/// Runs of one level that become one of the next.
const FAN: usize = 8;
/// Runs of this level are not merged any more: a merge stops the readers for some milliseconds.
const LEVEL_MAX: u8 = 4;
/// Postings that are decoded at once.
const BLOCK: usize = 128;

/// One version of a record in the order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Posting {
    /// The earliest day of its main date, or [`NO_DAY`].
    pub day: i32,
    /// The record's number in the order of creation.
    pub record: u32,
    /// How many versions the record had before, as far as that fits.
    pub ordinal: u8,
}

impl Posting {
    /// Before every other posting.
    pub const MIN: Posting = Posting { day: i32::MIN, record: 0, ordinal: 0 };
    /// After every other posting.
    pub const MAX: Posting = Posting { day: i32::MAX, record: u32::MAX, ordinal: u8::MAX };

    /// The posting as a number of the same order. The days of the calendar fit into 24 bits.
    fn key(self) -> u64 {
        let day = if self.day == NO_DAY { DAY_END } else { self.day.clamp(-DAY_END, DAY_END - 1) };
        (u64::from((day + DAY_END).cast_unsigned()) << 40)
            | (u64::from(self.record) << 8)
            | u64::from(self.ordinal)
    }

    fn of_key(key: u64) -> Self {
        let [_, _, _, record @ .., ordinal] = key.to_be_bytes();
        let day = i32::try_from(key >> 40).expect("24 bits fit") - DAY_END;
        let day = if day == DAY_END { NO_DAY } else { day };
        Self { day, record: u32::from_be_bytes(record), ordinal }
    }
}

/// Stands for [`NO_DAY`] in a key: later than every day.
const DAY_END: i32 = (1 << 23) - 1;

/// A list of postings.
#[derive(Debug, Default)]
pub struct Postings(Form);

/// Most terms have few postings, many have one.
#[derive(Debug, Default)]
enum Form {
    #[default]
    None,
    One(u64),
    Few(Vec<u64>),
    Many(Box<Many>),
}

#[derive(Debug, Default)]
struct Many {
    tail: Vec<u64>,
    runs: Vec<Run>,
}

impl Postings {
    /// Adds a posting; one that is there already is found once.
    pub fn insert(&mut self, posting: Posting) {
        self.push(posting.key(), TAIL_MAX);
    }

    /// The same for many, before [`Postings::loaded`].
    pub(super) fn load(&mut self, posting: Posting) {
        self.push(posting.key(), LOADING_TAIL_MAX);
    }

    /// Ends the loading.
    pub(super) fn loaded(&mut self) {
        match &mut self.0 {
            Form::Few(tail) if tail.len() < TAIL_MAX => tail.shrink_to_fit(),
            Form::Few(tail) => self.0 = Form::Many(Box::new(Many::of(std::mem::take(tail)))),
            Form::Many(many) => {
                if !many.tail.is_empty() {
                    many.end_tail();
                }
                many.tail.shrink_to_fit();
            }
            Form::None | Form::One(_) => {}
        }
    }

    fn push(&mut self, key: u64, tail_max: usize) {
        match &mut self.0 {
            Form::None => self.0 = Form::One(key),
            Form::One(one) => self.0 = Form::Few(vec![*one, key]),
            Form::Few(tail) => {
                tail.push(key);
                if tail.len() >= tail_max {
                    self.0 = Form::Many(Box::new(Many::of(std::mem::take(tail))));
                }
            }
            Form::Many(many) => {
                many.tail.push(key);
                if many.tail.len() >= tail_max {
                    many.end_tail();
                }
            }
        }
    }

    /// How many postings there are; some may be counted twice.
    pub fn count(&self) -> usize {
        match &self.0 {
            Form::None => 0,
            Form::One(_) => 1,
            Form::Few(tail) => tail.len(),
            Form::Many(many) => many.tail.len() + many.runs.iter().map(|run| run.count).sum::<usize>(),
        }
    }

    /// Whether a posting is there.
    pub fn contains(&self, posting: Posting) -> bool {
        let key = posting.key();
        let in_run = |run: &Run| {
            let block = run.firsts.partition_point(|first| *first <= key).saturating_sub(1);
            let mut keys = Vec::with_capacity(BLOCK);
            run.decode(block, &mut keys);
            keys.binary_search(&key).is_ok()
        };
        self.tail().contains(&key) || self.runs().iter().any(in_run)
    }

    /// The postings after one, in ascending order.
    pub fn after(&self, posting: Posting) -> Walk<'_> {
        Walk::new([self], posting, false)
    }

    /// What is not in runs.
    fn tail(&self) -> &[u64] {
        match &self.0 {
            Form::None => &[],
            Form::One(one) => std::slice::from_ref(one),
            Form::Few(tail) => tail,
            Form::Many(many) => &many.tail,
        }
    }

    fn runs(&self) -> &[Run] {
        match &self.0 {
            Form::None | Form::One(_) | Form::Few(_) => &[],
            Form::Many(many) => &many.runs,
        }
    }
}

impl Many {
    fn of(tail: Vec<u64>) -> Self {
        let mut many = Self { tail, runs: Vec::new() };
        many.end_tail();
        many
    }

    /// Makes a run of the tail, and one of the last runs while they are enough.
    fn end_tail(&mut self) {
        let mut level = 0;
        let mut length = TAIL_MAX;
        while length < self.tail.len() {
            (level, length) = (level + 1, length * FAN);
        }
        self.runs.push(Run::new(&mut self.tail, level));
        self.tail.clear();
        while level < LEVEL_MAX
            && let Some(first) = self.runs.len().checked_sub(FAN)
            && self.runs[first..].iter().all(|run| run.level <= level)
        {
            let mut keys = Vec::with_capacity(self.runs[first..].iter().map(|run| run.count).sum());
            for run in self.runs.drain(first..) {
                (0..run.firsts.len()).for_each(|block| run.decode(block, &mut keys));
            }
            level += 1;
            self.runs.push(Run::new(&mut keys, level));
        }
    }
}

/// Sorted postings in blocks. A block is found by its first key; each further one is a varint, twice the difference of
/// day and record to the one before it, odd when a byte with the ordinal follows.
#[derive(Debug)]
struct Run {
    level: u8,
    count: usize,
    firsts: Vec<u64>,
    starts: Vec<u32>,
    bytes: Vec<u8>,
}

impl Run {
    /// Of keys in any order; it sorts them.
    fn new(keys: &mut Vec<u64>, level: u8) -> Self {
        // Keys that were merged are sorted runs one after the other, which the stable sort takes as they are.
        if level == 0 {
            keys.sort_unstable()
        } else {
            keys.sort()
        }
        keys.dedup();
        let mut run =
            Self { level, count: keys.len(), firsts: Vec::new(), starts: Vec::new(), bytes: Vec::new() };
        run.firsts.reserve_exact(keys.len().div_ceil(BLOCK));
        run.starts.reserve_exact(keys.len().div_ceil(BLOCK));
        for block in keys.chunks(BLOCK) {
            run.firsts.push(block[0]);
            run.starts.push(u32::try_from(run.bytes.len()).expect("a run is bounded"));
            for pair in block.windows(2) {
                let ordinal = pair[1] & 0xff;
                let difference = (pair[1] >> 8) - (pair[0] >> 8);
                encode_varint((difference << 1) | u64::from(ordinal != 0), &mut run.bytes);
                if ordinal != 0 {
                    run.bytes.push(pair[1].to_le_bytes()[0]);
                }
            }
        }
        run.bytes.shrink_to_fit();
        run
    }

    /// Appends the keys of a block.
    fn decode(&self, block: usize, keys: &mut Vec<u64>) {
        let Some(&first) = self.firsts.get(block) else { return };
        let start = self.starts[block] as usize;
        let end = self.starts.get(block + 1).map_or(self.bytes.len(), |end| *end as usize);
        let mut bytes = &self.bytes[start..end];
        keys.push(first);
        let mut place = first >> 8;
        while !bytes.is_empty() {
            let difference = decode_varint(&mut bytes).expect("a run is whole");
            place += difference >> 1;
            let mut ordinal = 0;
            if difference & 1 == 1
                && let Some((byte, rest)) = bytes.split_first()
            {
                (ordinal, bytes) = (u64::from(*byte), rest);
            }
            keys.push((place << 8) | ordinal);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn posting(number: u32) -> Posting {
        let day = [NO_DAY, -719_162, 2_932_896, 0, 1, 19_000][(number % 6) as usize];
        Posting {
            day,
            record: number / 2,
            ordinal: if number.is_multiple_of(5) { number.to_le_bytes()[0] } else { 0 },
        }
    }

    #[test]
    fn a_key_is_the_posting() {
        for posting in (0..1_000).map(posting).chain([Posting::MAX]) {
            assert_eq!(Posting::of_key(posting.key()), posting);
        }
        assert!(Posting::MIN.key() < Posting { day: -719_162, ..Posting::MIN }.key());
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
        #[test]
        fn agrees_with_an_ordered_set(
            numbers in prop::collection::vec(0u32..3_000, 0..300),
            spread in 1_u32..60,
            loaded in 0_usize..20_000,
            from in 0u32..6_000,
        ) {
            // Enough to make runs of several levels; some are loaded, as at open, the rest added one by one.
            let all = numbers.iter().flat_map(|number| (0..spread).map(move |step| posting(number * 2 + step * 7)));
            let mut lists = [Postings::default(), Postings::default()];
            let mut set = BTreeSet::new();
            for (place, posting) in all.enumerate() {
                let list = &mut lists[usize::from(place % 11 == 0)];
                set.insert(posting);
                if place < loaded { list.load(posting) } else { list.insert(posting) }
                if place + 1 == loaded {
                    lists.iter_mut().for_each(Postings::loaded);
                }
            }
            let from = posting(from);
            let walk = |from, descending| Walk::new(&lists, from, descending);
            prop_assert!(lists.iter().map(Postings::count).sum::<usize>() >= set.len());
            prop_assert!((0..3_000).all(|n| lists.iter().any(|list| list.contains(posting(n))) == set.contains(&posting(n))));
            prop_assert!(walk(Posting::MIN, false).eq(set.iter().copied()));
            prop_assert!(walk(Posting::MAX, true).eq(set.iter().rev().copied()));
            prop_assert!(walk(from, false).eq(set.iter().copied().filter(|p| *p > from)));
            prop_assert!(walk(from, true).eq(set.iter().rev().copied().filter(|p| *p < from)));
        }
    }
}
