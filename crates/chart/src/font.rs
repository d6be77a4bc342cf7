//! The bundled font: how wide a text is, and its outlines.
//!
//! Letters stand one after another without kerning or ligatures, which Latin, Greek and Cyrillic read well without.

use std::sync::LazyLock;

use ttf_parser::{Face, GlyphId, OutlineBuilder};

/// What stands for what was cut.
const ELLIPSIS: char = '…';

/// How heavy a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    Regular,
    Semibold,
}

static REGULAR: LazyLock<Face<'static>> =
    LazyLock::new(|| face(include_bytes!("../font/OpenSans-Regular.ttf")));
static SEMIBOLD: LazyLock<Face<'static>> =
    LazyLock::new(|| face(include_bytes!("../font/OpenSans-Semibold.ttf")));

fn face(bytes: &'static [u8]) -> Face<'static> {
    Face::parse(bytes, 0).expect("the bundled font is whole")
}

impl Weight {
    fn face(self) -> &'static Face<'static> {
        match self {
            Self::Regular => &REGULAR,
            Self::Semibold => &SEMIBOLD,
        }
    }
}

/// A letter that the font lacks is drawn as an empty box.
fn glyph(face: &Face<'_>, letter: char) -> GlyphId {
    face.glyph_index(letter).unwrap_or(GlyphId(0))
}

fn advance(face: &Face<'_>, id: GlyphId) -> f64 {
    f64::from(face.glyph_hor_advance(id).unwrap_or(0)) / f64::from(face.units_per_em())
}

/// The width of a text in pixels.
pub(crate) fn width(text: &str, size: f64, weight: Weight) -> f64 {
    let face = weight.face();
    text.chars().map(|letter| advance(face, glyph(face, letter))).sum::<f64>() * size
}

/// Draws a text from its left end on the baseline; `y` grows downwards.
pub(crate) fn outline(text: &str, at: (f64, f64), size: f64, weight: Weight, path: &mut impl OutlineBuilder) {
    let face = weight.face();
    let scale = size / f64::from(face.units_per_em());
    let mut x = at.0;
    for letter in text.chars() {
        let id = glyph(face, letter);
        let mut placed = Placed { path, x, y: at.1, scale };
        // A blank has no outline.
        let _ = face.outline_glyph(id, &mut placed);
        x += advance(face, id) * size;
    }
}

struct Placed<'a, P> {
    path: &'a mut P,
    x: f64,
    y: f64,
    scale: f64,
}

impl<P> Placed<'_, P> {
    #[expect(clippy::cast_possible_truncation, reason = "pixels need no more than single precision")]
    fn at(&self, x: f32, y: f32) -> (f32, f32) {
        ((self.x + f64::from(x) * self.scale) as f32, (self.y - f64::from(y) * self.scale) as f32)
    }
}

impl<P: OutlineBuilder> OutlineBuilder for Placed<'_, P> {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.at(x1, y1), self.at(x, y));
        self.path.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.at(x1, y1), self.at(x2, y2), self.at(x, y));
        self.path.curve_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}

/// The text on one line, with signs that would turn or break it taken out.
pub(crate) fn clean(text: &str) -> String {
    let turns = |sign: char| matches!(sign, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let unseen = |sign: char| matches!(sign, '\u{fffe}' | '\u{ffff}' | '\u{feff}' | '\u{200b}');
    let kept = text.chars().filter(|sign| !turns(*sign) && !unseen(*sign));
    let spaced: String = kept.map(|sign| if sign.is_control() { ' ' } else { sign }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The text, or its beginning and an ellipsis, no wider than that.
pub(crate) fn cut(text: &str, limit: f64, size: f64, weight: Weight) -> String {
    let text = clean(text);
    if width(&text, size, weight) <= limit {
        return text;
    }
    let face = weight.face();
    let room = limit - advance(face, glyph(face, ELLIPSIS)) * size;
    let mut used = 0.0;
    let fits = |letter: &char| {
        used += advance(face, glyph(face, *letter)) * size;
        used <= room
    };
    let kept: String = text.chars().take_while(fits).collect();
    if kept.is_empty() { String::new() } else { format!("{}{ELLIPSIS}", kept.trim_end()) }
}

/// The text on at most `lines` lines, broken between words; what is left over is cut.
pub(crate) fn wrap(text: &str, limit: f64, lines: usize, size: f64, weight: Weight) -> Vec<String> {
    let text = clean(text);
    let mut done = Vec::new();
    let mut rest = text.as_str();
    while !rest.is_empty() && done.len() + 1 < lines {
        let end = line_end(rest, limit, size, weight);
        done.push(cut(&rest[..end], limit, size, weight));
        rest = rest[end..].trim_start();
    }
    if !rest.is_empty() && lines > 0 {
        done.push(cut(rest, limit, size, weight));
    }
    done
}

/// Where the last word that fits ends; one that is too long for a line stands alone.
fn line_end(text: &str, limit: f64, size: f64, weight: Weight) -> usize {
    let face = weight.face();
    let (mut used, mut end) = (0.0, None);
    for (at, letter) in text.char_indices() {
        if letter == ' ' {
            end = Some(at);
        }
        used += advance(face, glyph(face, letter)) * size;
        if used > limit {
            return end.or_else(|| text.find(' ')).unwrap_or(text.len());
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_every_letter_that_the_pictures_need() {
        let letters = "AZaz09ÄßéЁЖЯёжя ӘәҒғҚқҢңӨөҰұҮүҺһІі №€≈≥≤−–—…“”«»×±%<>+…";
        for weight in [Weight::Regular, Weight::Semibold] {
            for letter in letters.chars() {
                assert!(weight.face().glyph_index(letter).is_some(), "{letter:?} {weight:?}");
            }
        }
    }

    #[test]
    fn cuts_and_wraps_within_the_limit() {
        let text = "Конституциялық Соттың шешімдері және азаматтардың өтініштері";
        for limit in [0.0, 5.0, 30.0, 120.0, 400.0] {
            let short = cut(text, limit, 12.0, Weight::Regular);
            assert!(width(&short, 12.0, Weight::Regular) <= limit, "{short} {limit}");
            for lines in 0..4 {
                let wrapped = wrap(text, limit, lines, 12.0, Weight::Regular);
                assert!(wrapped.len() <= lines);
                assert!(
                    wrapped.iter().all(|line| width(line, 12.0, Weight::Regular) <= limit),
                    "{wrapped:?}"
                );
            }
        }
        assert_eq!(wrap("a b", 1e3, 2, 12.0, Weight::Regular), ["a b"]);
        let two = wrap("one two three", 50.0, 2, 12.0, Weight::Regular);
        assert_eq!(two.len(), 2);
        assert!(two[0] == "one two", "{two:?}");
    }

    #[test]
    fn signs_that_turn_or_break_a_line_are_taken_out() {
        assert_eq!(clean("a\u{202e}b\n\tc \u{0}d"), "ab c d");
    }
}
