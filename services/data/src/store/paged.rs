//! A list that grows without being copied: a `Vec` of ten million would be moved, and need its memory twice, whenever
//! it is full.

/// Items of a page, as a power of two.
const PAGE_BITS: u32 = 14;
const PAGE: usize = 1 << PAGE_BITS;

/// Items by number, in pages.
#[derive(Debug)]
pub struct Paged<T> {
    pages: Vec<Vec<T>>,
}

impl<T> Default for Paged<T> {
    fn default() -> Self {
        Self { pages: Vec::new() }
    }
}

impl<T> Paged<T> {
    /// Appends an item and returns its number.
    pub fn push(&mut self, item: T) -> u32 {
        if self.pages.last().is_none_or(|page| page.len() == PAGE) {
            // The first page of a small store stays small.
            let room = if self.pages.is_empty() { 0 } else { PAGE };
            self.pages.push(Vec::with_capacity(room));
        }
        let number = self.len();
        if let Some(page) = self.pages.last_mut() {
            page.push(item);
        }
        u32::try_from(number).expect("the writer stops before 2^32 versions")
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.pages.last().map_or(0, |last| (self.pages.len() - 1) * PAGE + last.len())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// The item of a number.
    pub fn get(&self, number: u32) -> Option<&T> {
        self.pages.get(number as usize >> PAGE_BITS)?.get(number as usize & (PAGE - 1))
    }

    /// The same, to change it.
    pub fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        self.pages.get_mut(number as usize >> PAGE_BITS)?.get_mut(number as usize & (PAGE - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_stays_under_its_number() {
        let mut paged = Paged::default();
        let count = 2 * PAGE + 3;
        for number in 0..count {
            assert_eq!(paged.len(), number);
            assert_eq!(paged.push(number) as usize, number);
        }
        for number in [0, 1, PAGE - 1, PAGE, 2 * PAGE, count - 1] {
            let number = u32::try_from(number).unwrap();
            *paged.get_mut(number).unwrap() += 1;
            assert_eq!(paged.get(number), Some(&(number as usize + 1)));
        }
        assert_eq!(paged.get(u32::try_from(count).unwrap()), None);
        assert_eq!(paged.get(u32::MAX), None);
    }
}
