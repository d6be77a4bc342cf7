//! The names of the rows: the parts that neighbours share are written once.

use reform_model::Name;

use super::chunked::Chunked;
use super::image::{Malformed, Reader, Writer};
use super::rows::ROWS;

/// Names of one block: the first is whole, each other one says how much it shares with the one before.
const BLOCK: usize = 16;

/// The ids of the rows of one chunk.
#[derive(Debug, Clone, Default)]
pub(super) struct Block {
    len: usize,
    /// Where each block begins.
    starts: [u16; ROWS / BLOCK],
    /// Of each id: bytes shared, bytes of its own, these.
    bytes: Vec<u8>,
}

impl Block {
    fn push(&mut self, id: &[u8], before: &[u8]) {
        let shared = if self.len.is_multiple_of(BLOCK) {
            self.starts[self.len / BLOCK] = u16::try_from(self.bytes.len()).expect("256 ids of 82 bytes");
            0
        } else {
            id.iter().zip(before).take_while(|(a, b)| a == b).count()
        };
        let length = |bytes: usize| u8::try_from(bytes).expect("an id has at most 80 bytes");
        self.bytes.extend([length(shared), length(id.len() - shared)]);
        self.bytes.extend(&id[shared..]);
        self.len += 1;
        if self.len == ROWS {
            self.bytes.shrink_to_fit();
        }
    }

    fn each(&self, mut tell: impl FnMut(&[u8])) {
        let (mut rest, mut id) = (&*self.bytes, Vec::new());
        while let [shared, own, after @ ..] = rest {
            id.truncate(usize::from(*shared));
            let (own, after) = after.split_at(usize::from(*own).min(after.len()));
            id.extend_from_slice(own);
            rest = after;
            tell(&id);
        }
    }

    fn read(&self, place: usize, id: &mut Vec<u8>) {
        id.clear();
        let mut rest = self.bytes.get(usize::from(self.starts[place / BLOCK])..).unwrap_or_default();
        for _ in 0..=place % BLOCK {
            let [shared, own, after @ ..] = rest else { return };
            id.truncate(usize::from(*shared));
            let (own, after) = after.split_at(usize::from(*own).min(after.len()));
            id.extend_from_slice(own);
            rest = after;
        }
    }
}

impl Block {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.u16s(&[u16::try_from(self.len).expect("a chunk has 256 rows")]);
        writer.u16s(&self.starts);
        writer.bytes(&self.bytes);
    }

    pub(super) fn read_from(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let (mut len, mut starts) = ([0], [0; ROWS / BLOCK]);
        reader.u16s(&mut len)?;
        reader.u16s(&mut starts)?;
        let len = usize::from(len[0]);
        let block = Self { len, starts, bytes: reader.bytes()?.to_vec() };
        if len <= ROWS { Ok(block) } else { Err(Malformed) }
    }
}

/// The ids of all rows, those without a record included: a row keeps its name for ever.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    blocks: Chunked<Block>,
    len: usize,
    /// The last id.
    last: Vec<u8>,
}

impl Names {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn push(&mut self, id: &str) {
        if self.len.is_multiple_of(ROWS) {
            self.blocks.push(Block::default());
        }
        if let Some(block) = self.blocks.get_mut(self.len / ROWS) {
            block.push(id.as_bytes(), &self.last);
        }
        self.last.clear();
        self.last.extend(id.as_bytes());
        self.len += 1;
    }

    /// The ids of one chunk.
    pub(super) fn block(&self, index: usize) -> Option<&Block> {
        self.blocks.get(index)
    }

    /// Takes in the ids of the next chunk.
    pub(super) fn add(&mut self, block: Block) {
        self.len += block.len;
        if let Some(last) = block.len.checked_sub(1) {
            block.read(last, &mut self.last);
        }
        self.blocks.push(block);
    }

    /// Writes the id of a row into the buffer.
    pub(crate) fn read(&self, row: u32, id: &mut Vec<u8>) {
        let row = row as usize;
        match self.blocks.get(row / ROWS) {
            Some(block) if row < self.len => block.read(row % ROWS, id),
            Some(_) | None => id.clear(),
        }
    }

    /// Tells the ids of the first rows, one after the other.
    pub(crate) fn each(&self, len: usize, mut tell: impl FnMut(u32, &[u8])) {
        let mut rows = (0..).take(len.min(self.len));
        for block in self.blocks.iter() {
            block.each(|id| rows.next().into_iter().for_each(|row| tell(row, id)));
        }
    }

    /// The name of a row; none beyond the last.
    pub(crate) fn name(&self, row: u32) -> Option<Name> {
        let mut id = Vec::new();
        self.read(row, &mut id);
        Name::from_id(std::str::from_utf8(&id).ok()?).ok()
    }

    pub(crate) fn bytes(&self) -> usize {
        let heads = self.blocks.len() * (size_of::<Block>() + super::POINTERS);
        heads + self.blocks.iter().map(|block| block.bytes.capacity()).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_comes_back() {
        let ids: Vec<String> =
            (0..600).map(|index| format!("{}-{}", "a".repeat(index % 77), index / 9)).collect();
        let mut names = Names::default();
        ids.iter().for_each(|id| names.push(id));
        for (row, id) in (0..).zip(&ids) {
            assert_eq!(names.name(row).unwrap().id(), id);
        }
        let mut told = Vec::new();
        names.each(599, |row, id| told.push((row, String::from_utf8(id.to_vec()).unwrap())));
        assert!(told.into_iter().eq((0..).zip(ids.iter().take(599).cloned())));
        assert_eq!((names.len(), names.name(600)), (600, None));
    }
}
