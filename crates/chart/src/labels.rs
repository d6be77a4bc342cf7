//! Texts beside figures that do not cover each other.

use crate::font::{self, Weight};
use crate::scene::{Anchor, Area, INK, Scene, Text};

/// The places that are taken.
#[derive(Debug)]
pub(crate) struct Labels {
    within: Area,
    size: f64,
    taken: Vec<Area>,
    written: Vec<(String, (f64, f64))>,
}

impl Labels {
    /// Texts of that size within a part of the sheet.
    pub(crate) fn new(within: Area, size: f64) -> Self {
        Self { within, size, taken: Vec::new(), written: Vec::new() }
    }

    /// Keeps texts off a point.
    pub(crate) fn keep_off(&mut self, (x, y): (f64, f64)) {
        let r = self.size * 0.35;
        self.taken.push(Area { left: x - r, top: y - r, right: x + r, bottom: y + r });
    }

    /// Writes the text at the first place that is free, or not at all; what stands there already is not said twice.
    pub(crate) fn write(&mut self, scene: &mut Scene, text: &str, places: &[((f64, f64), Anchor)]) {
        let text = font::clean(text);
        let width = font::width(&text, self.size, Weight::Regular);
        let near = |(x, y): (f64, f64), at: &(f64, f64)| {
            (x - at.0).abs() < self.size * 2.0 && (y - at.1).abs() < self.size * 4.0
        };
        if self
            .written
            .iter()
            .any(|(other, place)| *other == text && places.iter().any(|(at, _)| near(*place, at)))
        {
            return;
        }
        for (at, anchor) in places {
            let label = Text {
                text: text.clone(),
                at: *at,
                size: self.size,
                weight: Weight::Regular,
                anchor: *anchor,
                paint: INK,
                rim: true,
            };
            let left = label.left();
            let area = Area {
                left,
                top: at.1 - self.size * 0.8,
                right: left + width,
                bottom: at.1 + self.size * 0.2,
            };
            let inside = area.left >= self.within.left
                && area.right <= self.within.right
                && area.top >= self.within.top
                && area.bottom <= self.within.bottom;
            if inside && !self.taken.iter().any(|other| other.meets(area)) {
                self.taken.push(area);
                self.written.push((text, *at));
                scene.text(label);
                return;
            }
        }
    }
}
