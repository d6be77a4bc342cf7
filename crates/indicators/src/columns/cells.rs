//! Cells: appeals that a question cannot tell apart, counted together.
//!
//! A cube holds the cells of one question (what is measured, what is told apart) over one state of the columns. It is
//! counted when it is first asked for and kept; to come to another state it looks only at the chunks that differ.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;

use super::Appeals;
use super::chunked::Chunked;
use super::classes::{Class, Mask};
use super::rows::{Chunk, ROWS};
use super::times::{Measure, Steps, Times};

/// Cells of one cube that is kept.
const CELLS_MAX: usize = 1 << 20;
/// Cells of all cubes that are kept.
const CELLS_TOTAL_MAX: usize = 1 << 22;
/// Cubes that are kept.
const CUBES_MAX: usize = 32;

/// What a cell stands for: a class that says the same to the question, and such dates.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Cell {
    pub(crate) class: u32,
    pub(crate) times: Times,
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Question {
    pub(crate) measure: Measure,
    pub(crate) mask: Mask,
}

/// How often each cell is there.
type Counts = HashMap<Cell, i64>;

/// The cells of one question.
#[derive(Debug, Clone)]
struct Cube {
    question: Question,
    steps: Steps,
    /// The class that stands for each, which is the first that says the same.
    standing: Vec<u32>,
    first: HashMap<Class, u32>,
    rows: Chunked<Chunk>,
    counts: Counts,
}

impl Cube {
    fn new(question: Question, steps: Steps) -> Self {
        let (first, counts) = (HashMap::new(), Counts::new());
        Self { question, steps, standing: Vec::new(), first, rows: Chunked::default(), counts }
    }

    /// Counts over the columns as they are there.
    fn advance(&mut self, to: &Appeals, moved: &dyn Fn(u32, Times) -> Times) {
        for class in (0..).take(to.classes.len()).skip(self.standing.len()) {
            let masked = self.question.mask.apply(to.classes.get(class));
            self.standing.push(*self.first.entry(masked).or_insert(class));
        }
        let from = std::mem::replace(&mut self.rows, to.rows.clone());
        for (_, old, new) in from.changes(&to.rows) {
            let mut recount = |place: usize| {
                old.into_iter().for_each(|chunk| self.count(to, chunk, place, -1, moved));
                new.into_iter().for_each(|chunk| self.count(to, chunk, place, 1, moved));
            };
            match (old, new) {
                (Some(old), Some(new)) => old.changes(new).for_each(recount),
                _ => (0..ROWS).for_each(&mut recount),
            }
        }
    }

    fn count(
        &mut self,
        appeals: &Appeals,
        chunk: &Chunk,
        place: usize,
        by: i64,
        moved: &dyn Fn(u32, Times) -> Times,
    ) {
        let Some(class) = chunk.class(place) else { return };
        let times = moved(class, chunk.times(place));
        let has_outcome = self.question.measure == Measure::Outcome && appeals.classes.has_outcome(class);
        let Some(times) = self.question.measure.of(&times, has_outcome, &self.steps) else { return };
        let class = self.standing.get(class as usize).copied().unwrap_or(class);
        let cell = Cell { class, times };
        let count = self.counts.entry_ref(&cell).or_insert(0);
        *count += by;
        if *count == 0 {
            self.counts.remove(&cell);
        }
    }

    fn bytes(&self) -> usize {
        let cells = self.counts.capacity() * size_of::<(Cell, i64)>();
        cells + self.standing.len() * size_of::<u32>() + self.first.len() * size_of::<(Class, u32)>()
    }
}

impl From<&Cell> for Cell {
    fn from(cell: &Cell) -> Self {
        cell.clone()
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
        cube.advance(appeals, &|_, times| times);
        let cells = listed(&cube.counts);
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
                cube.advance(appeals, &|_, times| times);
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
    moved: &dyn Fn(u32, Times) -> Times,
) -> Vec<(Cell, i64)> {
    let mut cube = Cube::new(question, steps);
    cube.advance(appeals, moved);
    listed(&cube.counts)
}

fn listed(counts: &Counts) -> Vec<(Cell, i64)> {
    counts.iter().map(|(cell, count)| (cell.clone(), *count)).collect()
}
