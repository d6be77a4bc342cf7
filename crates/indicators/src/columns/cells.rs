//! Cells: appeals that a question cannot tell apart, counted together.
//!
//! A cube holds the cells of one question (what is measured, what is told apart) over one state of the columns. It is
//! counted when it is first asked for and kept; to come to another state it looks only at the chunks that differ.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;

use super::Appeals;
use super::chunked::Chunked;
use super::rows::{Chunk, Page};
use super::texts::{Class, Mask, has_outcome};
use super::times::{Measure, Steps, Times};

/// Cells of one cube that is kept.
const CELLS_MAX: usize = 1 << 20;
/// Cells of all cubes that are kept.
const CELLS_TOTAL_MAX: usize = 1 << 22;
/// Cubes that are kept.
const CUBES_MAX: usize = 32;

/// What a cell stands for: what the question tells of a class, and such dates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) class: Class,
    pub(crate) times: Times,
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Question {
    measure: Measure,
    mask: Mask,
}

impl Question {
    /// What is measured of appeals, and which dimensions are told apart.
    pub(crate) fn new<'a>(measure: Measure, dimensions: impl IntoIterator<Item = &'a str>) -> Self {
        let mask = Mask::of(dimensions);
        Self { measure, mask: if measure == Measure::Outcome { mask.with_outcome() } else { mask } }
    }

    /// What it tells of a class.
    pub(crate) fn told(self, class: &Class) -> Class {
        self.mask.apply(class)
    }

    /// As much of the dates as it reads; none where it does not look at the appeal at all.
    pub(crate) fn times(self, class: &Class, times: &Times, steps: &Steps) -> Option<Times> {
        self.measure.of(times, self.measure == Measure::Outcome && has_outcome(class), steps)
    }
}

/// Other dates in the place of those of an appeal of that class.
pub(crate) type Moved<'f> = &'f dyn Fn(&Class, Times) -> Times;

/// A cell as it is counted: the number of its class, and its dates.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Place(u32, Times);

/// The cells of one question.
#[derive(Debug, Clone)]
struct Cube {
    question: Question,
    steps: Steps,
    classes: Numbered,
    rows: Chunked<Chunk>,
    counts: HashMap<Place, i64>,
}

/// The classes of a cube, numbered as they came.
#[derive(Debug, Clone, Default)]
struct Numbered {
    all: Vec<Class>,
    numbers: HashMap<Class, u32>,
    /// The last one that was asked for; neighbours are often alike.
    last: Option<(Class, u32)>,
}

impl Numbered {
    fn number(&mut self, class: &Class) -> u32 {
        let Self { all, numbers, last } = self;
        if let Some((_, number)) = last.filter(|(last, _)| last == class) {
            return number;
        }
        let number = *numbers.entry(*class).or_insert_with(|| {
            all.push(*class);
            u32::try_from(all.len() - 1).expect("fewer than 2^32 classes fit into memory")
        });
        *last = Some((*class, number));
        number
    }
}

impl Cube {
    fn new(question: Question, steps: Steps) -> Self {
        let (rows, classes, counts) = (Chunked::default(), Numbered::default(), HashMap::new());
        Self { question, steps, classes, rows, counts }
    }

    /// Counts over the columns as they are there.
    fn advance(&mut self, to: &Appeals, moved: Option<Moved<'_>>) {
        let mut page = Page::new();
        let from = std::mem::replace(&mut self.rows, to.rows.clone());
        for (_, old, new) in from.changes(&to.rows) {
            if let Some((old, new)) = old.zip(new) {
                for place in old.changes(new) {
                    for (row, by) in [(old.row(place), -1), (new.row(place), 1)] {
                        if let Some(row) = row {
                            self.count(&self.question.told(&row.class), row.times, by, moved);
                        }
                    }
                }
                continue;
            }
            for (chunk, by) in [(old, -1), (new, 1)] {
                let Some(chunk) = chunk else { continue };
                page.each(chunk, self.question.mask, |class, times| self.count(&class, times, by, moved));
            }
        }
    }

    fn count(&mut self, class: &Class, times: Times, by: i64, moved: Option<Moved<'_>>) {
        let times = match moved {
            Some(moved) => moved(class, times),
            None => times,
        };
        let Some(times) = self.question.times(class, &times, &self.steps) else { return };
        let place = Place(self.classes.number(class), times);
        let count = self.counts.entry_ref(&place).or_insert(0);
        *count += by;
        if *count == 0 {
            self.counts.remove(&place);
        }
    }

    /// The cells, in no order.
    fn cells(&self) -> Vec<(Cell, i64)> {
        let class = |number: u32| self.classes.all.get(number as usize).copied().unwrap_or_default();
        let cell = |Place(number, times): &Place| Cell { class: class(*number), times: times.clone() };
        self.counts.iter().map(|(place, count)| (cell(place), *count)).collect()
    }

    fn bytes(&self) -> usize {
        let Numbered { all, numbers, last: _ } = &self.classes;
        self.counts.allocation_size() + numbers.allocation_size() + all.capacity() * size_of::<Class>()
    }
}

impl From<&Place> for Place {
    fn from(place: &Place) -> Self {
        place.clone()
    }
}

/// The cubes that were asked for last.
#[derive(Debug, Default)]
pub(crate) struct Cubes {
    /// The last one was asked for last.
    kept: Mutex<Vec<Kept>>,
}

/// A cube; whoever counts in it holds its lock and nothing else.
#[derive(Debug, Clone)]
struct Kept {
    question: Question,
    cells: usize,
    cube: Arc<Mutex<Cube>>,
}

impl Cubes {
    /// The cells of a question, in no order.
    pub(crate) fn cells(&self, appeals: &Appeals, question: Question) -> Vec<(Cell, i64)> {
        let cube = self.asked(question);
        let mut cube = lock(&cube);
        cube.advance(appeals, None);
        let cells = cube.cells();
        drop(cube);
        self.limit(question, cells.len());
        cells
    }

    /// The cube of a question, from now on the last one that was asked for.
    fn asked(&self, question: Question) -> Arc<Mutex<Cube>> {
        let mut kept = lock(&self.kept);
        let place = kept.iter().position(|other| other.question == question);
        let own = place.map(|place| kept.remove(place)).unwrap_or_else(|| Kept {
            question,
            cells: 0,
            cube: Arc::new(Mutex::new(Cube::new(question, Steps::default()))),
        });
        kept.push(own.clone());
        own.cube
    }

    /// Lets go of what is too large, and of what was asked for longest ago.
    fn limit(&self, question: Question, cells: usize) {
        let mut kept = lock(&self.kept);
        kept.iter_mut().filter(|cube| cube.question == question).for_each(|cube| cube.cells = cells);
        kept.retain(|cube| cube.cells <= CELLS_MAX);
        while kept.len() > CUBES_MAX || kept.iter().map(|cube| cube.cells).sum::<usize>() > CELLS_TOTAL_MAX {
            kept.remove(0);
        }
    }

    /// Brings the cubes that nobody counts in to a state, so that none holds on to chunks that nobody else needs.
    pub(crate) fn advance(&self, appeals: &Appeals) {
        let kept = lock(&self.kept).clone();
        for cube in kept {
            if let Ok(mut cube) = cube.cube.try_lock() {
                cube.advance(appeals, None);
            }
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        let kept = lock(&self.kept);
        kept.iter().filter_map(|kept| Some(kept.cube.try_lock().ok()?.bytes())).sum()
    }
}

/// What a panic left half done is thrown away with the view that it panicked over; a cube is replaced as a whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The cells of a question whose periods are not made of months, or about other dates than those of the records.
pub(crate) fn count_once(
    appeals: &Appeals,
    question: Question,
    steps: Steps,
    moved: Option<Moved<'_>>,
) -> Vec<(Cell, i64)> {
    let mut cube = Cube::new(question, steps);
    cube.advance(appeals, moved);
    cube.cells()
}
