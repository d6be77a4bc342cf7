//! A sheet as PNG.

use tiny_skia::{
    Color, FillRule, LineJoin, Paint as Colour, Path, PathBuilder, Pixmap, Stroke as Pen, StrokeDash,
    Transform,
};
use ttf_parser::OutlineBuilder;

use crate::font;
use crate::scene::{Paint, SHEET, Scene, Shape, Stroke, Text};

/// What is shorter, in pixels, is not seen.
const EXTENT_MIN: f32 = 0.001;

/// The file.
pub(crate) fn write(scene: &Scene) -> Vec<u8> {
    let mut sheet = Pixmap::new(scene.width.into(), scene.height.into()).expect("no side of a size is zero");
    sheet.fill(Color::WHITE);
    for shape in &scene.shapes {
        match shape {
            Shape::Lines { points, stroke } => draw(&mut sheet, through(points, false), None, Some(*stroke)),
            Shape::Area { points, fill, edge } => draw(&mut sheet, through(points, true), Some(*fill), *edge),
            Shape::Disc { centre, radius, fill, edge } => {
                draw(&mut sheet, disc(*centre, *radius), Some(*fill), *edge);
            }
            Shape::Text(text) => write_text(&mut sheet, text),
        }
    }
    sheet.encode_png().expect("memory takes all that is written")
}

fn write_text(sheet: &mut Pixmap, text: &Text) {
    let mut outline = Outline(PathBuilder::new());
    font::outline(&text.text, (text.left(), text.at.1), text.size, text.weight, &mut outline);
    let path = outline.0.finish();
    if text.rim {
        draw(sheet, path.clone(), None, Some(Stroke::new(SHEET, text.size / 4.0)));
    }
    draw(sheet, path, Some(text.paint), None);
}

/// A path without any extent is none, and one along a line has no inside.
fn draw(sheet: &mut Pixmap, path: Option<Path>, fill: Option<Paint>, edge: Option<Stroke>) {
    let Some(path) = path else { return };
    let (wide, high) = (path.bounds().width() > EXTENT_MIN, path.bounds().height() > EXTENT_MIN);
    if !wide && !high {
        return;
    }
    if let Some(fill) = fill.filter(|_| wide && high) {
        sheet.fill_path(&path, &colour(fill), FillRule::Winding, Transform::identity(), None);
    }
    if let Some(edge) = edge {
        let pen = Pen {
            width: single(edge.width),
            line_join: LineJoin::Round,
            dash: edge.dash.and_then(|(line, gap)| StrokeDash::new(vec![single(line), single(gap)], 0.0)),
            ..Pen::default()
        };
        sheet.stroke_path(&path, &colour(edge.paint), &pen, Transform::identity(), None);
    }
}

fn colour(paint: Paint) -> Colour<'static> {
    let [red, green, blue] = paint.rgb;
    let mut colour = Colour { anti_alias: true, ..Colour::default() };
    colour.set_color_rgba8(red, green, blue, alpha(paint.alpha));
    colour
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 255")]
fn alpha(alpha: f64) -> u8 {
    (alpha.clamp(0.0, 1.0) * 255.0).round() as u8
}

#[expect(clippy::cast_possible_truncation, reason = "pixels need no more than single precision")]
fn single(number: f64) -> f32 {
    number as f32
}

fn through(points: &[(f64, f64)], closed: bool) -> Option<Path> {
    let mut path = PathBuilder::new();
    for (index, (x, y)) in points.iter().enumerate() {
        if index == 0 {
            path.move_to(single(*x), single(*y));
        } else {
            path.line_to(single(*x), single(*y));
        }
    }
    if closed {
        path.close();
    }
    path.finish()
}

fn disc((x, y): (f64, f64), radius: f64) -> Option<Path> {
    PathBuilder::from_circle(single(x), single(y), single(radius))
}

struct Outline(PathBuilder);

impl OutlineBuilder for Outline {
    fn move_to(&mut self, x: f32, y: f32) {
        self.0.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.0.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.0.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.0.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.0.close();
    }
}
