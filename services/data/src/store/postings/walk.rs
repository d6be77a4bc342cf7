//! Reading lists in order: their sorted parts are merged as they are decoded, a block at a time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{BLOCK, Posting, Postings, Run};

/// The postings of some lists in order, each once.
#[derive(Debug)]
pub struct Walk<'a> {
    sources: Vec<Source<'a>>,
    /// The next key of each source, as it is ordered, and which source that is.
    heads: BinaryHeap<Reverse<(u64, usize)>>,
    last: Option<u64>,
    descending: bool,
}

/// A sorted part of a list: decoded keys, the next one last, and the run that they are from.
#[derive(Debug)]
struct Source<'a> {
    keys: Vec<u64>,
    run: Option<&'a Run>,
    block: usize,
}

impl<'a> Walk<'a> {
    /// The postings after one in ascending order, or those before it in descending order.
    pub fn new(lists: impl IntoIterator<Item = &'a Postings>, from: Posting, descending: bool) -> Self {
        let from = from.key();
        let mut walk = Self { sources: Vec::new(), heads: BinaryHeap::new(), last: None, descending };
        for list in lists {
            let tail = list.tail().iter().copied();
            let mut keys: Vec<u64> = tail.filter(|key| is_beyond(*key, from, descending)).collect();
            keys.sort_unstable();
            walk.open(Source { keys, run: None, block: 0 });
            for run in list.runs() {
                let after = run
                    .firsts
                    .partition_point(|first| if descending { *first < from } else { *first <= from });
                let block = after.saturating_sub(1);
                let mut keys = Vec::with_capacity(BLOCK);
                run.decode(block, &mut keys);
                keys.retain(|key| is_beyond(*key, from, descending));
                walk.open(Source { keys, run: Some(run), block });
            }
        }
        walk
    }

    fn open(&mut self, mut source: Source<'a>) {
        if !self.descending {
            source.keys.reverse();
        }
        let place = self.sources.len();
        if let Some(key) = source.next(self.descending) {
            self.heads.push(Reverse((self.ordered(key), place)));
            self.sources.push(source);
        }
    }

    /// The key as a number that is smaller for what comes first, and back.
    fn ordered(&self, key: u64) -> u64 {
        if self.descending { !key } else { key }
    }
}

fn is_beyond(key: u64, from: u64, descending: bool) -> bool {
    if descending { key < from } else { key > from }
}

impl Source<'_> {
    fn next(&mut self, descending: bool) -> Option<u64> {
        while self.keys.is_empty() {
            let run = self.run?;
            self.block = if descending { self.block.checked_sub(1)? } else { self.block + 1 };
            if self.block >= run.firsts.len() {
                return None;
            }
            run.decode(self.block, &mut self.keys);
            if !descending {
                self.keys.reverse();
            }
        }
        self.keys.pop()
    }
}

impl Iterator for Walk<'_> {
    type Item = Posting;

    fn next(&mut self) -> Option<Posting> {
        loop {
            let Reverse((key, place)) = *self.heads.peek()?;
            match self.sources[place].next(self.descending) {
                Some(next) => {
                    let next = self.ordered(next);
                    if let Some(mut head) = self.heads.peek_mut() {
                        *head = Reverse((next, place));
                    }
                }
                None => drop(self.heads.pop()),
            }
            if self.last != Some(key) {
                self.last = Some(key);
                return Some(Posting::of_key(self.ordered(key)));
            }
        }
    }
}
