//! Title, legend, sources, and the room that they leave.

use crate::chart::{Chart, Size};
use crate::font::{self, Weight};
use crate::mark::{self, Direction, Form, Look, Mark};
use crate::scene::{Anchor, Area, INK, REST, SOFT, Scene, Stroke, Text};

/// The size at which everything has its own size.
const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 450.0;

/// How much smaller and larger everything may be drawn.
const UNIT_MIN: f64 = 0.6;
const UNIT_MAX: f64 = 6.0;

/// Rows of a legend.
const LEGEND_ROWS: usize = 3;

/// The part of the width that the name of a series may take.
const NAME_PART: f64 = 0.45;

/// Letters of a title of a source, where several are to be named.
const SOURCE_EM: f64 = 30.0;

/// A sheet, and the part of it that is free.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) scene: Scene,
    pub(crate) free: Area,
    /// The scale of the picture: 1 at 800 by 450.
    pub(crate) unit: f64,
}

/// What signs a picture uses, so that it explains no others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Signs {
    pub(crate) whiskers: bool,
    pub(crate) bare: bool,
    pub(crate) arrow: bool,
    pub(crate) approximate: bool,
    /// What readers must know, in words.
    pub(crate) caveats: Vec<String>,
}

impl Frame {
    /// An empty sheet.
    pub(crate) fn new(chart: &Chart, size: Size) -> Self {
        let (width, height) = (size.width(), size.height());
        let unit = (f64::from(width) / WIDTH).min(f64::from(height) / HEIGHT).clamp(UNIT_MIN, UNIT_MAX);
        let pad = 14.0 * unit;
        let scene = Scene { width, height, title: font::clean(&chart.title), shapes: Vec::new() };
        let (right, bottom) = (f64::from(width) - pad, f64::from(height) - pad * 0.7);
        Self { scene, free: Area { left: pad, top: pad * 0.8, right, bottom }, unit }
    }

    /// The size of a text.
    pub(crate) fn size(&self, size: f64) -> f64 {
        size * self.unit
    }

    /// Title, and below it what holds for the whole picture.
    pub(crate) fn head(&mut self, title: &str, shared: &[String]) {
        let size = self.size(16.0);
        for line in font::wrap(title, self.free.width(), 2, size, Weight::Semibold) {
            self.free.top += size * 1.2;
            self.put(line, (self.free.left, self.free.top - size * 0.2), size, Weight::Semibold, INK);
        }
        let size = self.size(12.0);
        for line in font::wrap(&shared.join(" · "), self.free.width(), 2, size, Weight::Regular) {
            self.free.top += size * 1.35;
            self.put(line, (self.free.left, self.free.top - size * 0.2), size, Weight::Regular, SOFT);
        }
        self.free.top += self.size(6.0);
    }

    /// Sources and where the answer comes from, at the bottom.
    pub(crate) fn foot(&mut self, chart: &Chart) {
        let size = self.size(10.0);
        let state = font::cut(&chart.state, self.free.width(), size, Weight::Regular);
        let sources = self.sources(chart, size);
        for line in [state, sources] {
            if !line.is_empty() {
                self.put(line, (self.free.left, self.free.bottom - size * 0.2), size, Weight::Regular, SOFT);
                self.free.bottom -= size * 1.35;
            }
        }
        self.free.bottom -= self.size(4.0);
    }

    /// As many sources as fit on a line, at least one, and the number of the others.
    fn sources(&self, chart: &Chart, size: f64) -> String {
        let total = chart.sources_total.max(chart.sources.len());
        let Some(first) = chart.sources.first() else {
            return if total == 0 { String::new() } else { format!("Sources: {total}") };
        };
        let word = if total == 1 { "Source" } else { "Sources" };
        let more =
            |named: usize| if total > named { format!("; +{} more", total - named) } else { String::new() };
        let width = |text: &str| font::width(text, size, Weight::Regular);
        let fixed = width(word) + width(": ") + width(&more(0));
        let longest = if total == 1 { self.free.width() - fixed } else { SOURCE_EM * size };
        let title = |title: &str, limit: f64| {
            font::cut(title, limit.min(self.free.width() - fixed), size, Weight::Regular)
        };
        let mut line = title(first, longest.max(self.free.width() * 0.4));
        let mut named = 1;
        for source in &chart.sources[1..] {
            let longer = format!("{line}; {}", title(source, longest));
            if width(&longer) + fixed > self.free.width() {
                break;
            }
            line = longer;
            named += 1;
        }
        format!("{word}: {line}{}", more(named))
    }

    /// Names the series in order and returns how many found room; the others are counted.
    pub(crate) fn legend(&mut self, entries: &[(String, Look)], total: usize) -> usize {
        let size = self.size(12.0);
        let (sample, gap) = (self.size(26.0), self.size(16.0));
        let more = |left: usize| format!("+{left} more in grey");
        let reserved = self.size(16.0) + font::width(&more(total), size, Weight::Regular);
        let (mut x, mut row, mut named) = (self.free.left, 0, 0);
        let mut top = self.free.top + size * 1.35;
        for (name, look) in entries {
            let name = font::cut(name, self.free.width() * NAME_PART, size, Weight::Regular);
            let width = sample + font::width(&name, size, Weight::Regular);
            let last = named + 1 == total;
            let room = |row| if row + 1 == LEGEND_ROWS && !last { reserved } else { 0.0 };
            if x > self.free.left && x + width + room(row) > self.free.right {
                if row + 1 == LEGEND_ROWS {
                    break;
                }
                row += 1;
                x = self.free.left;
                top += size * 1.35;
            }
            self.sample((x, top - size * 0.35), *look);
            self.put(name, (x + sample, top), size, Weight::Regular, INK);
            x += width + gap;
            named += 1;
        }
        if named < total {
            self.put(more(total - named), (x, top), size, Weight::Regular, SOFT);
        }
        self.free.top = top + size * 0.7;
        named
    }

    fn sample(&mut self, (x, y): (f64, f64), look: Look) {
        let unit = self.unit;
        self.scene.line((x, y), (x + 21.0 * unit, y), look.line(1.0));
        mark::point(&mut self.scene, (x + 10.5 * unit, y), look, false);
    }

    /// Explains the signs in use, on one line above the sources.
    pub(crate) fn signs(&mut self, signs: &Signs) {
        let (size, unit) = (self.size(10.0), self.unit);
        let look = Look { paint: SOFT, form: Form::Disc, dashed: false, unit: unit * 0.75 };
        let y = self.free.bottom - size * 0.55;
        let (low, high) = (y + 5.0 * unit, y - 5.0 * unit);
        let limits = (y + 6.0 * unit, y - 8.0 * unit);
        let blank = Mark { limits, ..Mark::default() };
        let value = Mark { value: Some(y), ..blank };
        let (lower, upper) = (Some((low, false)), Some((high, false)));
        let caveats = format!("* {}", signs.caveats.join(", "));
        let all = [
            (signs.whiskers, Mark { lower, upper, ..value }, "between bounds"),
            (signs.bare, Mark { lower, upper, ..blank }, "only bounds are known"),
            (signs.arrow, Mark { lower: Some((low, true)), ..blank }, "no limit that way"),
            (signs.approximate, Mark { approximate: true, ..value }, "around"),
            (!signs.caveats.is_empty(), Mark { hollow: true, ..value }, caveats.as_str()),
        ];
        let mut x = self.free.left;
        let mut any = false;
        for (_, mark, text) in all.into_iter().filter(|(used, ..)| *used) {
            let room = self.free.right - x - 14.0 * unit;
            let text = font::cut(text, room, size, Weight::Regular);
            if text.is_empty() {
                break;
            }
            mark::draw(&mut self.scene, Direction::Up, &Mark { across: x + 5.0 * unit, ..mark }, look);
            let width = font::width(&text, size, Weight::Regular);
            self.put(text, (x + 13.0 * unit, self.free.bottom - size * 0.2), size, Weight::Regular, SOFT);
            x += width + 27.0 * unit;
            any = true;
        }
        if any {
            self.free.bottom -= size * 1.7;
        }
    }

    /// A text in the middle of the room that is left.
    pub(crate) fn middle(&mut self, text: &str) {
        let Area { left, top, right, bottom } = self.free;
        let size = self.size(18.0);
        self.scene.line((left, bottom), (right, bottom), Stroke::new(REST, self.unit));
        self.scene.text(Text {
            text: font::cut(text, right - left, size, Weight::Regular),
            at: (f64::midpoint(left, right), f64::midpoint(top, bottom) + size * 0.35),
            size,
            weight: Weight::Regular,
            anchor: Anchor::Middle,
            paint: SOFT,
            rim: false,
        });
    }

    /// A text that begins there.
    pub(crate) fn put(
        &mut self,
        text: String,
        at: (f64, f64),
        size: f64,
        weight: Weight,
        paint: crate::scene::Paint,
    ) {
        self.scene.text(Text { text, at, size, weight, anchor: Anchor::Start, paint, rim: false });
    }
}
