//! What is drawn, and how large.

use std::collections::BTreeMap;

use reform_model::Period;

use crate::{plot, png, svg, terminal};

/// The smallest width and height of a picture, in pixels.
pub const SIDE_MIN: u16 = 200;

/// The largest width and height of a picture, in pixels.
pub const SIDE_MAX: u16 = 4_000;

/// An answer, ready to be drawn: names of records are titles already.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Chart {
    /// What is measured.
    pub title: String,
    /// What was chosen for all of it, such as a parameter.
    pub conditions: Vec<String>,
    /// The series, in the order of the answer.
    pub series: Vec<Series>,
    /// Titles of sources, in the order in which they are to be named; those that have no room are counted.
    pub sources: Vec<String>,
    /// Number of all sources.
    pub sources_total: usize,
    /// Where the answer comes from, such as its revision and store.
    pub state: String,
}

/// Points that share their labels.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Series {
    /// What tells it from the others; `jurisdiction`, `origin` and `basis` are known here.
    pub labels: BTreeMap<String, String>,
    /// The unit of its values.
    pub unit: String,
    /// In order of time.
    pub points: Vec<Point>,
}

/// The figure of one period.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Point {
    /// The period.
    pub period: Period,
    /// The title of the event; empty where the point is of a period.
    pub label: String,
    /// The figure; none where only bounds are known, or nothing.
    pub value: Option<f64>,
    /// The lower bound.
    pub lower: Option<Bound>,
    /// The upper bound.
    pub upper: Option<Bound>,
    /// The figure is near the truth only.
    pub approximate: bool,
    /// The figure for a reader; one that ends with a percent sign says that the values are fractions of 1.
    pub display: String,
    /// What stands for the figure where it is none, such as the status of a target.
    pub status: String,
    /// Codes of what a reader must know beside the figure.
    pub caveats: Vec<String>,
    /// Upper and lower part of a rate.
    pub parts: Option<(i64, i64)>,
    /// What the figure was before, where it is a step.
    pub before: Option<f64>,
}

/// A limit that the truth does not pass.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bound {
    /// The limit.
    pub at: f64,
    /// The truth never lies on the limit itself.
    pub open: bool,
}

/// Width and height of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    width: u16,
    height: u16,
}

/// Why a picture cannot have that size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be {SIDE_MIN} to {SIDE_MAX} pixels")]
pub struct SizeError {
    /// Whether the width is wrong.
    pub width: bool,
    /// Whether the height is wrong.
    pub height: bool,
}

impl Size {
    /// What is drawn unless something else is asked for.
    pub const DEFAULT: Self = Self { width: 800, height: 450 };

    /// A size in pixels.
    ///
    /// # Errors
    /// A side is shorter than [`SIDE_MIN`] or longer than [`SIDE_MAX`].
    pub fn new(width: i64, height: i64) -> Result<Self, SizeError> {
        let side = |side| u16::try_from(side).ok().filter(|side| (SIDE_MIN..=SIDE_MAX).contains(side));
        match (side(width), side(height)) {
            (Some(width), Some(height)) => Ok(Self { width, height }),
            (width, height) => Err(SizeError { width: width.is_none(), height: height.is_none() }),
        }
    }

    /// In pixels.
    pub fn width(self) -> u16 {
        self.width
    }

    /// In pixels.
    pub fn height(self) -> u16 {
        self.height
    }
}

impl Chart {
    /// The picture as SVG.
    pub fn svg(&self, size: Size) -> String {
        svg::write(&plot::draw(self, size))
    }

    /// The picture as PNG.
    pub fn png(&self, size: Size) -> Vec<u8> {
        png::write(&plot::draw(self, size))
    }

    /// The picture as lines of text, `columns` wide at most where that is at least 40.
    pub fn text(&self, columns: usize) -> String {
        terminal::write(self, columns)
    }
}

impl Series {
    /// Whether the values are fractions of 1 that are read as percent.
    pub(crate) fn is_percent(&self) -> bool {
        self.points.iter().any(|point| point.display.ends_with('%'))
    }

    /// The label, where it has one.
    pub(crate) fn label(&self, key: &str) -> &str {
        self.labels.get(key).map(String::as_str).unwrap_or_default()
    }

    /// Whether the figures were published as totals.
    pub(crate) fn is_reported(&self) -> bool {
        self.label("origin") == "REPORTED"
    }
}

/// The bounds of a point and its value as far as they can be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Known {
    pub(crate) value: Option<f64>,
    pub(crate) lower: Option<Bound>,
    pub(crate) upper: Option<Bound>,
    pub(crate) before: Option<f64>,
}

/// Beyond this, differences of two numbers are no numbers any more.
const DRAWABLE_MAX: f64 = 1e280;

impl Known {
    /// What lies beyond every sheet is not known to it; bounds come in order.
    pub(crate) fn of(point: &Point) -> Self {
        let drawable = |number: &f64| number.abs() <= DRAWABLE_MAX;
        let bound = |bound: Option<Bound>| bound.filter(|bound| drawable(&bound.at));
        Self {
            value: point.value.filter(drawable),
            lower: bound(point.lower),
            upper: bound(point.upper),
            before: point.before.filter(drawable),
        }
    }

    /// The numbers that the axis must reach.
    pub(crate) fn numbers(self) -> impl Iterator<Item = f64> {
        let bounds = [self.lower, self.upper].map(|bound| bound.map(|bound| bound.at));
        [self.value, self.before, bounds[0], bounds[1]].into_iter().flatten()
    }

    /// Where a line through the series passes.
    pub(crate) fn anchor(self) -> Option<f64> {
        let ends = (self.lower.map(|bound| bound.at), self.upper.map(|bound| bound.at));
        self.value.or(match ends {
            (Some(lower), Some(upper)) => Some(f64::midpoint(lower, upper)),
            (one, other) => one.or(other),
        })
    }

    /// Whether only what lies on both sides of the figure is known.
    pub(crate) fn is_range(self) -> bool {
        self.value.is_none() && self.lower.is_some() && self.upper.is_some()
    }

    /// Whether there is anything to draw.
    pub(crate) fn is_something(self) -> bool {
        self.anchor().is_some()
    }

    /// Whether the figure has a value, and a limit on both sides or none stated.
    pub(crate) fn is_figure(self) -> bool {
        self.value.is_some() && self.lower.is_some() == self.upper.is_some()
    }

    /// Whether the figure is one number and that is the truth.
    pub(crate) fn is_exact(self) -> bool {
        let same = |bound: Option<Bound>| bound.is_some_and(|bound| Some(bound.at) == self.value);
        same(self.lower) && same(self.upper)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_limits_on_both_sides() {
        for (width, height, expected) in [
            (800, 450, None),
            (200, 4_000, None),
            (199, 450, Some((true, false))),
            (800, 4_001, Some((false, true))),
            (-1, i64::MAX, Some((true, true))),
        ] {
            let wrong = Size::new(width, height).err().map(|error| (error.width, error.height));
            assert_eq!(wrong, expected, "{width} x {height}");
        }
    }
}
