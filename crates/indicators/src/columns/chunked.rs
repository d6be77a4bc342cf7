//! Lists that clones share: a change copies one chunk and the pointers of one group of chunks, never the rest.

use std::sync::Arc;

/// Chunks of one group.
const GROUP: usize = 256;

/// A list of chunks.
#[derive(Debug)]
pub(crate) struct Chunked<C> {
    groups: Vec<Arc<Vec<Arc<C>>>>,
}

impl<C> Clone for Chunked<C> {
    fn clone(&self) -> Self {
        Self { groups: self.groups.clone() }
    }
}

impl<C> Default for Chunked<C> {
    fn default() -> Self {
        Self { groups: Vec::new() }
    }
}

impl<C: Clone> Chunked<C> {
    pub(crate) fn len(&self) -> usize {
        let last = self.groups.last().map_or(0, |group| group.len());
        self.groups.len().saturating_sub(1) * GROUP + last
    }

    pub(crate) fn get(&self, index: usize) -> Option<&C> {
        self.groups.get(index / GROUP)?.get(index % GROUP).map(|chunk| &**chunk)
    }

    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut C> {
        let group = self.groups.get_mut(index / GROUP)?;
        Arc::make_mut(group).get_mut(index % GROUP).map(Arc::make_mut)
    }

    pub(crate) fn push(&mut self, chunk: C) {
        if self.len().is_multiple_of(GROUP) {
            self.groups.push(Arc::default());
        }
        if let Some(group) = self.groups.last_mut() {
            Arc::make_mut(group).push(Arc::new(chunk));
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &C> {
        self.groups.iter().flat_map(|group| group.iter().map(|chunk| &**chunk))
    }

    /// The chunks that differ from those of another list, by index: this one's and the other one's. What both share is
    /// passed over without a look.
    pub(crate) fn changes<'a>(
        &'a self,
        other: &'a Self,
    ) -> impl Iterator<Item = (usize, Option<&'a C>, Option<&'a C>)> {
        let groups = 0..self.groups.len().max(other.groups.len());
        let apart = groups.filter(|index| {
            let pair = self.groups.get(*index).zip(other.groups.get(*index));
            !pair.is_some_and(|(own, other)| Arc::ptr_eq(own, other))
        });
        let indexes = apart.flat_map(|group| group * GROUP..(group + 1) * GROUP);
        indexes.filter_map(|index| match (self.get(index), other.get(index)) {
            (None, None) => None,
            (Some(own), Some(other)) if std::ptr::eq(own, other) => None,
            (own, other) => Some((index, own, other)),
        })
    }
}

/// Entries of one chunk of a [`List`].
const ENTRIES: usize = 64;

/// A list that only grows.
#[derive(Debug)]
pub(crate) struct List<T> {
    chunks: Chunked<Vec<T>>,
}

impl<T> Clone for List<T> {
    fn clone(&self) -> Self {
        Self { chunks: self.chunks.clone() }
    }
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { chunks: Chunked::default() }
    }
}

impl<T: Clone> List<T> {
    pub(crate) fn len(&self) -> usize {
        let chunks = self.chunks.len();
        let last = chunks.checked_sub(1).and_then(|last| self.chunks.get(last)).map_or(0, Vec::len);
        chunks.saturating_sub(1) * ENTRIES + last
    }

    pub(crate) fn get(&self, index: u32) -> Option<&T> {
        let index = index as usize;
        self.chunks.get(index / ENTRIES)?.get(index % ENTRIES)
    }

    pub(crate) fn push(&mut self, entry: T) {
        if self.len().is_multiple_of(ENTRIES) {
            self.chunks.push(Vec::new());
        }
        if let Some(chunk) = self.chunks.len().checked_sub(1).and_then(|last| self.chunks.get_mut(last)) {
            chunk.push(entry);
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_keeps_what_it_was_and_tells_what_changed() {
        let mut list = Chunked::default();
        (0..1_000).for_each(|number| list.push(number));
        let before = list.clone();
        *list.get_mut(700).unwrap() = -1;
        list.push(-2);
        assert_eq!((before.len(), before.get(700), before.get(1_000)), (1_000, Some(&700), None));
        let changes: Vec<_> = before.changes(&list).collect();
        assert_eq!(changes, [(700, Some(&700), Some(&-1)), (1_000, None, Some(&-2))]);
        assert_eq!(list.iter().count(), 1_001);
    }

    #[test]
    fn a_list_holds_what_was_pushed() {
        let mut list = List::default();
        (0..200_u32).for_each(|number| list.push(number));
        assert_eq!((list.len(), list.get(64), list.get(200)), (200, Some(&64), None));
        assert!(list.iter().copied().eq(0..200));
    }
}
