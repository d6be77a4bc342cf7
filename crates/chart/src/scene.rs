//! Shapes on a sheet, in pixels from its upper left corner.

use crate::font::{self, Weight};

/// A colour without and with how much of it covers what lies below.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Paint {
    pub(crate) rgb: [u8; 3],
    pub(crate) alpha: f64,
}

pub(crate) const INK: Paint = Paint::new([0x22, 0x22, 0x22]);
pub(crate) const SOFT: Paint = Paint::new([0x5a, 0x5a, 0x5a]);
pub(crate) const GRID: Paint = Paint::new([0xe2, 0xe2, 0xe2]);
pub(crate) const AXIS: Paint = Paint::new([0x8c, 0x8c, 0x8c]);
pub(crate) const REST: Paint = Paint::new([0x9a, 0x9a, 0x9a]);
pub(crate) const SHEET: Paint = Paint::new([0xff, 0xff, 0xff]);

/// The colours of Okabe and Ito that read on white, in the order of use.
pub(crate) const PALETTE: [Paint; 7] = [
    Paint::new([0x00, 0x72, 0xb2]),
    Paint::new([0xd5, 0x5e, 0x00]),
    Paint::new([0x00, 0x9e, 0x73]),
    Paint::new([0xcc, 0x79, 0xa7]),
    Paint::new([0xe6, 0x9f, 0x00]),
    Paint::new([0x56, 0xb4, 0xe9]),
    Paint::new([0x00, 0x00, 0x00]),
];

impl Paint {
    const fn new(rgb: [u8; 3]) -> Self {
        Self { rgb, alpha: 1.0 }
    }

    /// The same colour, covering less.
    pub(crate) fn faint(self, alpha: f64) -> Self {
        Self { alpha: self.alpha * alpha, ..self }
    }
}

/// A line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Stroke {
    pub(crate) paint: Paint,
    pub(crate) width: f64,
    /// Lengths of a dash and of the gap behind it.
    pub(crate) dash: Option<(f64, f64)>,
}

impl Stroke {
    pub(crate) fn new(paint: Paint, width: f64) -> Self {
        Self { paint, width, dash: None }
    }
}

/// Where a text stands in relation to its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A text on one line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Text {
    pub(crate) text: String,
    pub(crate) at: (f64, f64),
    pub(crate) size: f64,
    pub(crate) weight: Weight,
    pub(crate) anchor: Anchor,
    pub(crate) paint: Paint,
    /// Whether what lies below is kept off by a rim in the colour of the sheet.
    pub(crate) rim: bool,
}

impl Text {
    /// The left end of the text.
    pub(crate) fn left(&self) -> f64 {
        let width = font::width(&self.text, self.size, self.weight);
        match self.anchor {
            Anchor::Start => self.at.0,
            Anchor::Middle => self.at.0 - width / 2.0,
            Anchor::End => self.at.0 - width,
        }
    }
}

/// Something on the sheet; later shapes lie on earlier ones.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    /// Straight lines from point to point.
    Lines { points: Vec<(f64, f64)>, stroke: Stroke },
    /// The inside of straight lines that close, and its edge.
    Area { points: Vec<(f64, f64)>, fill: Paint, edge: Option<Stroke> },
    /// A disc and its edge.
    Disc { centre: (f64, f64), radius: f64, fill: Paint, edge: Option<Stroke> },
    /// A text.
    Text(Text),
}

/// A sheet.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scene {
    pub(crate) width: u16,
    pub(crate) height: u16,
    /// What the picture shows, for those who do not see it.
    pub(crate) title: String,
    pub(crate) shapes: Vec<Shape>,
}

impl Scene {
    pub(crate) fn line(&mut self, from: (f64, f64), to: (f64, f64), stroke: Stroke) {
        self.lines(vec![from, to], stroke);
    }

    pub(crate) fn lines(&mut self, points: Vec<(f64, f64)>, stroke: Stroke) {
        if points.len() > 1 {
            self.shapes.push(Shape::Lines { points, stroke });
        }
    }

    pub(crate) fn area(&mut self, points: Vec<(f64, f64)>, fill: Paint, edge: Option<Stroke>) {
        self.shapes.push(Shape::Area { points, fill, edge });
    }

    pub(crate) fn disc(&mut self, centre: (f64, f64), radius: f64, fill: Paint, edge: Option<Stroke>) {
        self.shapes.push(Shape::Disc { centre, radius, fill, edge });
    }

    pub(crate) fn text(&mut self, text: Text) {
        if !text.text.is_empty() {
            self.shapes.push(Shape::Text(text));
        }
    }
}

/// A part of the sheet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Area {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) right: f64,
    pub(crate) bottom: f64,
}

impl Area {
    pub(crate) fn width(self) -> f64 {
        (self.right - self.left).max(1.0)
    }

    pub(crate) fn height(self) -> f64 {
        (self.bottom - self.top).max(1.0)
    }

    pub(crate) fn meets(self, other: Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }
}
