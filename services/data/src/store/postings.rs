//! The records that share a term, ordered by main date and then by creation.

/// Entries of a block before it is split.
const BLOCK_MAX: usize = 512;

/// A version of a record in the order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Posting {
    /// The earliest day of its main date, or [`super::summary::NO_DAY`].
    pub day: i32,
    /// The record's number in the order of creation.
    pub record: u32,
    /// The version's number.
    pub version: u32,
}

impl Posting {
    /// Before every other posting.
    pub const MIN: Posting = Posting { day: i32::MIN, record: 0, version: 0 };
    /// After every other posting.
    pub const MAX: Posting = Posting { day: i32::MAX, record: u32::MAX, version: u32::MAX };
}

/// A sorted list in blocks, so that an insertion moves little.
#[derive(Debug, Default)]
pub struct Postings {
    blocks: Vec<Vec<Posting>>,
}

impl From<Vec<Posting>> for Postings {
    /// All at once, in any order: one sort, where as many insertions would each look for their place.
    fn from(mut postings: Vec<Posting>) -> Self {
        postings.sort_unstable();
        postings.dedup();
        Self { blocks: postings.chunks(BLOCK_MAX).map(<[Posting]>::to_vec).collect() }
    }
}

impl Postings {
    /// Adds a posting; one that is there already stays once.
    pub fn insert(&mut self, posting: Posting) {
        let after = self.blocks.partition_point(|block| block.first().is_some_and(|first| *first <= posting));
        let Some(block) = self.blocks.get_mut(after.saturating_sub(1)) else {
            self.blocks.push(vec![posting]);
            return;
        };
        let Err(place) = block.binary_search(&posting) else { return };
        block.insert(place, posting);
        if block.len() > BLOCK_MAX {
            // Most insertions come at the end: a split there leaves full blocks behind.
            let at = if place + 1 == block.len() { BLOCK_MAX } else { BLOCK_MAX / 2 };
            let tail = block.split_off(at);
            block.shrink_to_fit();
            self.blocks.insert(after.max(1), tail);
        }
    }

    /// How many postings there are.
    pub fn count(&self) -> usize {
        self.blocks.iter().map(Vec::len).sum()
    }

    /// The postings after one, in ascending order.
    pub fn after(&self, posting: Posting) -> impl Iterator<Item = Posting> {
        let block = self.blocks.partition_point(|block| block.last().is_some_and(|last| *last <= posting));
        self.blocks.iter().skip(block).flatten().copied().skip_while(move |found| *found <= posting)
    }

    /// The postings before one, in descending order.
    pub fn before(&self, posting: Posting) -> impl Iterator<Item = Posting> {
        let block = self.blocks.partition_point(|block| block.first().is_some_and(|first| *first < posting));
        let blocks = self.blocks.get(..block).unwrap_or_default();
        blocks
            .iter()
            .rev()
            .flat_map(|block| block.iter().rev())
            .copied()
            .skip_while(move |found| *found >= posting)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn posting(number: u32) -> Posting {
        Posting { day: (number % 7) as i32, record: number, version: number }
    }

    proptest! {
        #[test]
        fn agrees_with_an_ordered_set(numbers in prop::collection::vec(0u32..3_000, 0..3_000), from in 0u32..3_000) {
            // Some at once, as at open, the rest one by one.
            let (first, rest) = numbers.split_at(numbers.len() / 2);
            let mut postings = Postings::from(first.iter().map(|number| posting(*number)).collect::<Vec<_>>());
            rest.iter().for_each(|number| postings.insert(posting(*number)));
            let set: BTreeSet<Posting> = numbers.iter().map(|number| posting(*number)).collect();
            let from = posting(from);
            prop_assert_eq!(postings.count(), set.len());
            prop_assert!(postings.after(Posting::MIN).eq(set.iter().copied()));
            prop_assert!(postings.before(Posting::MAX).eq(set.iter().rev().copied()));
            prop_assert!(postings.after(from).eq(set.iter().copied().filter(|p| *p > from)));
            prop_assert!(postings.before(from).eq(set.iter().rev().copied().filter(|p| *p < from)));
        }
    }
}
