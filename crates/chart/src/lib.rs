//! Draws the answer of an indicator as SVG, as PNG, or as text for a terminal. Pure: the same chart gives the same bytes.
//!
//! In reading order:
//! - [`chart`]: what is drawn, and how large;
//! - `names`: what is said once above all series, and what tells them apart; `figure`: a number beside an axis;
//! - `scale`: where numbers lie on an axis; `slots`: where periods lie on it;
//! - `frame`: title, legend, sources, and the room that they leave;
//! - `plot`: which sort of picture, and its panels; `lines`: series over time or by event; `bars`: a row for each figure;
//! - `mark`: one figure with its bounds; `labels`: texts beside figures that do not cover each other;
//! - `scene`: shapes on a sheet; `svg` and `png`: the sheet as a file; `font`: the bundled font;
//! - `terminal`: the small picture in text.
//!
//! What a picture keeps to:
//! - "more than 5,300" is an arrow that begins at 5,300, never a plain point; a figure of which only bounds are known has
//!   no point at all; a point beside which a reader must know something is hollow.
//! - Counted and published series differ in marker and line, not in colour alone. The colours are those of Okabe and Ito,
//!   which colour-blind people can tell apart.
//! - What is left out for want of room is counted, in the picture.

mod bars;
pub mod chart;
mod figure;
mod font;
mod frame;
mod labels;
mod lines;
mod mark;
mod names;
mod plot;
mod png;
mod scale;
mod scene;
mod slots;
mod svg;
mod terminal;

pub use chart::{Bound, Chart, Point, Series, Size, SizeError};
