//! One figure with its bounds.
//!
//! A figure runs along one direction of the sheet, up in a panel of lines and to the right in a panel of rows; places along
//! it and across it are pixels.

use crate::chart::{Bound, Known, Point};
use crate::plot;
use crate::scene::{Paint, SHEET, Scene, Stroke};

/// Which way figures grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Up,
    Right,
}

/// The form of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Disc,
    Square,
    Diamond,
    Triangle,
}

/// How the figures of a series look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Look {
    pub(crate) paint: Paint,
    pub(crate) form: Form,
    /// Whether the line is dashed: published totals.
    pub(crate) dashed: bool,
    /// The scale of the picture.
    pub(crate) unit: f64,
}

/// One figure, in pixels along its direction.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Mark {
    /// Across the direction.
    pub(crate) across: f64,
    pub(crate) value: Option<f64>,
    /// The lower bound and whether the truth never lies on it.
    pub(crate) lower: Option<(f64, bool)>,
    pub(crate) upper: Option<(f64, bool)>,
    /// How far arrows may go, to the low and to the high end.
    pub(crate) limits: (f64, f64),
    /// Whether a reader must know something beside it.
    pub(crate) hollow: bool,
    pub(crate) approximate: bool,
}

impl Mark {
    /// What is known of a point, on a line across the direction; `along` places a number.
    pub(crate) fn of(point: &Point, across: f64, limits: (f64, f64), along: impl Fn(f64) -> f64) -> Self {
        let known = Known::of(point);
        let bound = |bound: Bound| (along(bound.at), bound.open);
        Self {
            across,
            value: known.value.map(&along),
            lower: known.lower.map(bound),
            upper: known.upper.map(bound),
            limits,
            hollow: plot::warnings(point).next().is_some(),
            approximate: plot::is_around(point),
        }
    }
}

impl Look {
    /// The line that joins the points of a series.
    pub(crate) fn line(self, alpha: f64) -> Stroke {
        let dash = self.dashed.then_some((5.0 * self.unit, 3.5 * self.unit));
        Stroke { paint: self.paint.faint(alpha), width: 1.8 * self.unit, dash }
    }

    fn pen(self) -> Stroke {
        Stroke::new(self.paint, 1.6 * self.unit)
    }
}

/// Draws one figure.
pub(crate) fn draw(scene: &mut Scene, direction: Direction, mark: &Mark, look: Look) {
    let Mark { across, value, lower, upper, limits, hollow, approximate } = *mark;
    let mut pencil = Pencil { scene, direction, across, look };
    match (lower, upper) {
        (Some(lower), Some(upper)) => pencil.whiskers(lower, upper, value.is_none()),
        (Some(lower), None) => pencil.arrow(lower, value, limits.1),
        (None, Some(upper)) => pencil.arrow(upper, value, limits.0),
        (None, None) => {}
    }
    // A figure that is no more than its own open side is the foot of the arrow.
    let foot = match (lower, upper) {
        (Some((foot, _)), None) | (None, Some((foot, _))) => Some(foot),
        (Some(_), Some(_)) | (None, None) => None,
    };
    let Some(value) = value.filter(|value| Some(*value) != foot) else { return };
    if approximate {
        let at = pencil.at(value, 0.0);
        let ring =
            Stroke { dash: Some((2.0 * look.unit, 2.0 * look.unit)), ..Stroke::new(look.paint, look.unit) };
        pencil.scene.disc(at, 7.5 * look.unit, look.paint.faint(0.12), Some(ring));
    }
    let at = pencil.at(value, 0.0);
    point(scene, at, look, hollow);
}

/// Draws the point alone.
pub(crate) fn point(scene: &mut Scene, (x, y): (f64, f64), look: Look, hollow: bool) {
    let r = 4.0 * look.unit;
    let fill = if hollow { SHEET } else { look.paint };
    let edge =
        Stroke::new(if hollow { look.paint } else { SHEET }, if hollow { 1.8 } else { 0.8 } * look.unit);
    let corners = match look.form {
        Form::Disc => return scene.disc((x, y), r, fill, Some(edge)),
        Form::Square => {
            let r = 0.88 * r;
            vec![(x - r, y - r), (x + r, y - r), (x + r, y + r), (x - r, y + r)]
        }
        Form::Diamond => {
            let r = 1.3 * r;
            vec![(x, y - r), (x + r, y), (x, y + r), (x - r, y)]
        }
        Form::Triangle => {
            let r = 1.2 * r;
            vec![(x, y - r), (x + r, y + 0.8 * r), (x - r, y + 0.8 * r)]
        }
    };
    scene.area(corners, fill, Some(edge));
}

struct Pencil<'a> {
    scene: &'a mut Scene,
    direction: Direction,
    across: f64,
    look: Look,
}

impl Pencil<'_> {
    fn at(&self, along: f64, aside: f64) -> (f64, f64) {
        match self.direction {
            Direction::Up => (self.across + aside, along),
            Direction::Right => (along, self.across + aside),
        }
    }

    /// From bound to bound; a bound that the truth never reaches has no cap.
    fn whiskers(&mut self, (lower, lower_open): (f64, bool), (upper, upper_open): (f64, bool), bare: bool) {
        if lower == upper && !bare {
            return;
        }
        let (pen, unit) = (self.look.pen(), self.look.unit);
        if bare {
            let half = 3.5 * unit;
            let corners = [(lower, -half), (lower, half), (upper, half), (upper, -half)];
            let corners = corners.map(|(along, aside)| self.at(along, aside)).to_vec();
            self.scene.area(corners, self.look.paint.faint(0.3), None);
        }
        let ends = (self.at(lower, 0.0), self.at(upper, 0.0));
        self.scene.line(
            ends.0,
            ends.1,
            Stroke { paint: pen.paint.faint(if bare { 0.4 } else { 1.0 }), ..pen },
        );
        for (along, open) in [(lower, lower_open), (upper, upper_open)] {
            if !open {
                self.cap(along);
            }
        }
    }

    fn cap(&mut self, along: f64) {
        let half = 5.0 * self.look.unit;
        let ends = (self.at(along, -half), self.at(along, half));
        self.scene.line(ends.0, ends.1, self.look.pen());
    }

    /// From a bound, or from the value beyond it, towards the side without a limit.
    fn arrow(&mut self, (foot, open): (f64, bool), value: Option<f64>, limit: f64) {
        let (pen, unit) = (self.look.pen(), self.look.unit);
        let way = (limit - foot).signum();
        if let Some(value) = value.filter(|value| *value != foot) {
            let ends = (self.at(foot, 0.0), self.at(value, 0.0));
            self.scene.line(ends.0, ends.1, pen);
        }
        if open {
            // A foot that the truth does not touch is a wedge.
            for side in [-5.0, 5.0] {
                let ends = (self.at(foot, side * unit), self.at(foot + way * 3.0 * unit, 0.0));
                self.scene.line(ends.0, ends.1, pen);
            }
        } else {
            self.cap(foot);
        }
        let from = value.unwrap_or(foot);
        let length = (limit - from).abs().clamp(6.0 * unit, 30.0 * unit);
        let tip = from + way * length;
        for (begin, end, alpha) in [(0.0, 0.4, 1.0), (0.4, 0.7, 0.7), (0.7, 1.0, 0.45)] {
            let ends = (self.at(from + way * length * begin, 0.0), self.at(from + way * length * end, 0.0));
            self.scene.line(ends.0, ends.1, Stroke { paint: pen.paint.faint(alpha), ..pen });
        }
        let back = tip - way * 6.0 * unit;
        let corners = vec![self.at(tip, 0.0), self.at(back, 4.0 * unit), self.at(back, -4.0 * unit)];
        self.scene.area(corners, self.look.paint, None);
    }
}
