//! Appeals as columns: the kind of record that comes in millions.
//!
//! A row keeps its place and its name for ever. Where its record is deleted the row is marked, and it is used again when
//! the name returns. Clones share everything that neither changes, and beside it what only finds things again: the
//! tables of names and values and the cells that were counted. What is found there is checked against the own rows, so
//! a clone never sees what another one holds; a clone that is written to after another one was makes tables of its own.
//!
//! In reading order: `filing`, what comes in; `times`, the dates and what a question reads of them; `texts`, the dictionaries; `rows`, the
//! columns, on `packed`; `names`; `cells`, what is counted; `image`, the columns as bytes; `chunked`, the lists under all of them.

mod cells;
mod chunked;
mod filing;
mod image;
mod names;
mod packed;
mod rows;
mod texts;
mod times;

use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};
use reform_model::Name;

use cells::Cubes;
pub(crate) use cells::{Cell, Moved, Question};
use chunked::Chunked;
pub use filing::Filing;
pub(crate) use filing::Parts;
pub use image::Malformed;
use names::Names;
use rows::{Chunk, ROWS, Row};
pub(crate) use texts::{Class, DIMENSIONS};
use texts::{Codes, Texts};
pub(crate) use times::{Dates, Measure, Steps, Times};

use crate::view::Memory;

/// What a chunk costs beside its own size: two counters and the pointer to it.
const POINTERS: usize = 3 * size_of::<usize>();

/// Names that a table takes in at a time when it grows.
const GROWN: usize = 1 << 20;

/// The appeals of a view.
#[derive(Debug, Clone, Default)]
pub(crate) struct Appeals {
    rows: Chunked<Chunk>,
    names: Names,
    texts: Arc<Texts>,
    live: usize,
    shared: Arc<Shared>,
}

/// What the clones of one line share.
#[derive(Debug, Default)]
struct Shared {
    tables: Mutex<Option<Tables>>,
    cubes: Cubes,
}

/// Rows and values, found by what they are.
#[derive(Debug)]
struct Tables {
    hash: DefaultHashBuilder,
    /// Rows by name.
    rows: HashTable<u32>,
    codes: Codes,
    /// Rows and values of the clone that wrote last.
    written: (usize, usize),
}

impl Appeals {
    /// Number of appeals.
    pub(crate) fn len(&self) -> usize {
        self.live
    }

    /// Whether there is an appeal of that name.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.live_row(name).is_some()
    }

    /// Takes in an appeal, in the place of the one of that name if there is one.
    pub(crate) fn put(&mut self, parts: Parts<'_>, revision: i64) {
        let Parts { id, texts, citations, times } = parts;
        let shared = self.own();
        let mut guard = lock(&shared.tables);
        let tables = guard.get_or_insert_with(|| Tables::of(self));
        let class = self.texts.class(&mut tables.codes, texts, citations);
        tables.written.1 = self.texts.len();
        let row = Some(Row { class, times, revision });
        let hash = tables.hash.hash_one(id.as_bytes());
        match tables.find(&self.names, id, hash) {
            Some(index) => self.set(index, row),
            None => {
                let index = u32::try_from(self.names.len()).expect("fewer than 2^32 rows fit into memory");
                self.push(id, row);
                tables.add(&self.names, index, hash);
            }
        }
    }

    /// Lets go of an appeal; whether there was one.
    pub(crate) fn remove(&mut self, name: &Name) -> bool {
        let Some((index, _)) = self.live_row(name.as_str()) else { return false };
        self.set(index, None);
        true
    }

    fn push(&mut self, id: &str, row: Option<Row>) {
        if self.names.len().is_multiple_of(ROWS) {
            self.rows.push(Chunk::default());
        }
        let last = self.names.len() / ROWS;
        self.names.push(id);
        self.live += usize::from(row.is_some());
        if let Some(chunk) = self.rows.get_mut(last) {
            chunk.push(row);
        }
    }

    fn set(&mut self, index: u32, row: Option<Row>) {
        let (index, is_live) = (index as usize, row.is_some());
        let Some(chunk) = self.rows.get_mut(index / ROWS) else { return };
        let was_live = chunk.is_live(index % ROWS);
        chunk.set(index % ROWS, row);
        self.live = self.live + usize::from(is_live) - usize::from(was_live);
    }

    /// Brings the cells that are kept to these rows.
    pub(crate) fn keep_up(&self) {
        self.shared.cubes.advance(self);
    }

    /// What is shared, if nobody else wrote to it; else something new.
    fn own(&mut self) -> Arc<Shared> {
        let written = lock(&self.shared.tables).as_ref().map(|tables| tables.written);
        if written.is_some_and(|written| written != (self.names.len(), self.texts.len())) {
            self.shared = Arc::default();
        }
        self.shared.clone()
    }

    /// Makes what finds the rows, if it was not needed yet.
    pub(crate) fn find_rows(&self) {
        lock(&self.shared.tables).get_or_insert_with(|| Tables::of(self));
    }

    /// The row of a live appeal, by name.
    fn live_row(&self, name: &str) -> Option<(u32, Row)> {
        let id = name.strip_prefix("records/")?;
        if self.live == 0 {
            return None;
        }
        let mut guard = lock(&self.shared.tables);
        let tables = guard.get_or_insert_with(|| Tables::of(self));
        let index = tables.find(&self.names, id, tables.hash.hash_one(id.as_bytes()))?;
        drop(guard);
        Some((index, self.row(index)?))
    }

    fn row(&self, index: u32) -> Option<Row> {
        let index = index as usize;
        self.rows.get(index / ROWS)?.row(index % ROWS)
    }

    /// All live rows, in no order that means anything.
    fn rows(&self) -> impl Iterator<Item = (u32, Row)> {
        let all = self.rows.iter().flat_map(|chunk| (0..ROWS).map(|place| chunk.row(place)));
        (0..).zip(all).filter_map(|(index, row)| Some((index, row?)))
    }

    /// The revision that wrote an appeal, and the sources that it cites.
    pub(crate) fn written(&self, name: &str) -> Option<(i64, &[Name])> {
        let (_, row) = self.live_row(name)?;
        Some((row.revision, self.texts.sources(&row.class)))
    }

    /// The jurisdiction of an appeal.
    pub(crate) fn jurisdiction_of(&self, name: &str) -> Option<&str> {
        let (_, row) = self.live_row(name)?;
        Some(self.jurisdiction(&row.class))
    }

    pub(crate) fn jurisdiction(&self, class: &Class) -> &str {
        self.texts.jurisdiction(class)
    }

    /// The value of a dimension; none where it has no value.
    pub(crate) fn dimension(&self, class: &Class, name: &str) -> Option<&str> {
        self.texts.dimension(class, name)
    }

    pub(crate) fn sources(&self, class: &Class) -> &[Name] {
        self.texts.sources(class)
    }

    /// The name of a row.
    pub(crate) fn name(&self, row: u32) -> Option<Name> {
        self.names.name(row)
    }

    /// The cells of a question over periods that are made of months.
    pub(crate) fn cells(&self, question: Question) -> Vec<(Cell, i64)> {
        self.shared.cubes.cells(self, question)
    }

    /// The cells of a question over other periods, or of appeals with other dates.
    pub(crate) fn cells_once(
        &self,
        question: Question,
        steps: Steps,
        moved: Option<Moved<'_>>,
    ) -> Vec<(Cell, i64)> {
        cells::count_once(self, question, steps, moved)
    }

    /// The rows whose class is wanted, as far as the question tells it.
    pub(crate) fn rows_of(&self, question: Question, wanted: &dyn Fn(&Class) -> bool) -> Vec<(u32, Cell)> {
        let mut known: HashMap<Class, bool> = HashMap::new();
        let mut is_wanted = |class: Class| *known.entry(class).or_insert_with(|| wanted(&class));
        let rows = self.rows().filter(|(_, row)| is_wanted(question.told(&row.class)));
        rows.map(|(index, Row { class, times, .. })| (index, Cell { class, times })).collect()
    }

    /// Memory of everything.
    pub(crate) fn memory(&self) -> Memory {
        if self.names.len() == 0 {
            return Memory::default();
        }
        let chunks = self.rows.len() * (size_of::<Chunk>() + POINTERS);
        let packed: usize = self.rows.iter().map(Chunk::bytes).sum();
        let tables = lock(&self.shared.tables);
        let found: usize = tables.as_ref().map_or(0, |tables| tables.rows.allocation_size());
        let codes = tables.as_ref().map_or(0, |tables| tables.codes.bytes());
        Memory {
            columns: chunks + packed,
            dictionary: self.texts.bytes() + codes,
            names: self.names.bytes() + found,
            cells: self.shared.cubes.bytes(),
            records: 0,
        }
    }
}

/// Equal appeals of equal names, wherever they stand.
impl PartialEq for Appeals {
    fn eq(&self, other: &Self) -> bool {
        let same = |(index, row): (u32, Row)| {
            let name = self.names.name(index)?;
            let (_, others) = other.live_row(name.as_str())?;
            let says = |appeals: &Self, row: &Row| {
                let texts = appeals.texts.texts_of(&row.class).map(str::to_owned);
                (texts, appeals.sources(&row.class).to_vec())
            };
            let equal = row.times == others.times && row.revision == others.revision;
            (equal && says(self, &row) == says(other, &others)).then_some(())
        };
        self.live == other.live && self.rows().all(|row| same(row).is_some())
    }
}

impl Eq for Appeals {}

impl Tables {
    fn of(appeals: &Appeals) -> Self {
        let mut tables = Self {
            hash: DefaultHashBuilder::default(),
            rows: HashTable::new(),
            codes: appeals.texts.codes(),
            written: (appeals.names.len(), appeals.texts.len()),
        };
        tables.grow(&appeals.names, appeals.names.len());
        tables
    }

    /// The row of that name, whether it has a record or not.
    fn find(&self, names: &Names, id: &str, hash: u64) -> Option<u32> {
        let mut own = Vec::new();
        let is_it = |row: &u32| {
            names.read(*row, &mut own);
            own == id.as_bytes()
        };
        self.rows.find(hash, is_it).copied()
    }

    /// Takes in the last row.
    fn add(&mut self, names: &Names, row: u32, hash: u64) {
        if self.rows.len() == self.rows.capacity() {
            self.grow(names, names.len() - 1);
        }
        let Self { hash: state, rows, codes: _, written } = self;
        rows.insert_unique(hash, row, |row| hash_of(state, names, *row));
        written.0 += 1;
    }

    /// Makes the table of the first rows again, twice as large. Names are read in their order and places are written in
    /// theirs: to jump about in a large table takes several times as long.
    fn grow(&mut self, names: &Names, len: usize) {
        let Self { hash: state, rows, codes: _, written: _ } = self;
        let mut larger = HashTable::with_capacity((2 * rows.len()).max(len));
        let places = larger.num_buckets();
        let (mut read, mut ordered) = (Vec::with_capacity(len.min(GROWN)), Vec::new());
        let mut place = |read: &mut Vec<(u64, u32)>| {
            order(read, &mut ordered, places);
            read.clear();
            for (hash, row) in ordered.drain(..) {
                larger.insert_unique(hash, row, |row| hash_of(state, names, *row));
            }
        };
        names.each(len, |row, id| {
            read.push((state.hash_one(id), row));
            if read.len() == GROWN {
                place(&mut read);
            }
        });
        place(&mut read);
        *rows = larger;
    }
}

/// Brings hashes together that lie in the same part of a table of so many places.
fn order(hashes: &[(u64, u32)], ordered: &mut Vec<(u64, u32)>, places: usize) {
    const PARTS: usize = 1 << 10;
    let (last, shift) = (places.max(1) as u64 - 1, places.max(PARTS).ilog2() - PARTS.ilog2());
    let part = |hash: u64| ((hash & last) >> shift).min(PARTS as u64 - 1) as usize;
    let mut starts = [0; PARTS + 1];
    hashes.iter().for_each(|(hash, _)| starts[part(*hash) + 1] += 1);
    (1..=PARTS).for_each(|part| starts[part] += starts[part - 1]);
    ordered.resize(hashes.len(), (0, 0));
    for (hash, row) in hashes {
        let start = &mut starts[part(*hash)];
        ordered[*start] = (*hash, *row);
        *start += 1;
    }
}

fn hash_of(state: &DefaultHashBuilder, names: &Names, row: u32) -> u64 {
    let mut id = Vec::new();
    names.read(row, &mut id);
    state.hash_one(&*id)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic cannot leave a table with less than it promises: what is found is checked against the rows.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
