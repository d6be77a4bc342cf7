//! A row for each figure: one period or event of which there are several series, or a single figure.

use crate::chart::{Known, Point};
use crate::font::{self, Weight};
use crate::frame::Frame;
use crate::lines::fitting;
use crate::mark::{self, Direction, Look, Mark};
use crate::plot::{self, Panel};
use crate::scale::{Demand, Scale};
use crate::scene::{AXIS, Anchor, Area, GRID, INK, PALETTE, SHEET, SOFT, Stroke, Text};
use crate::slots::{self, Slots};

/// The part of the width that names may take.
const NAMES_PART: f64 = 0.4;

/// A figure in a row of its own.
struct Row<'a> {
    name: String,
    point: &'a Point,
    known: Known,
    look: Look,
}

/// Draws every panel, each with an axis of its own.
pub(crate) fn draw(frame: &mut Frame, panels: &[Panel<'_>], areas: &[Area], slots: &Slots, left_out: usize) {
    for (index, (panel, area)) in panels.iter().zip(areas).enumerate() {
        let rows = panel.series.iter().flat_map(|one| {
            one.series.points.iter().map(move |point| Row {
                name: name(one.name, point, slots),
                point,
                known: Known::of(point),
                // Rows are told apart by their names: colour would say nothing.
                look: Look { paint: PALETTE[0], ..one.look },
            })
        });
        let rows: Vec<Row<'_>> = rows.collect();
        let units = if index + 1 == areas.len() { left_out } else { 0 };
        panel_of(frame, panel, rows, *area, units);
    }
}

fn panel_of(frame: &mut Frame, panel: &Panel<'_>, rows: Vec<Row<'_>>, area: Area, units_left_out: usize) {
    let (unit, size) = (frame.unit, frame.size(11.0));
    let foot = size * 2.9;
    let capacity = fitting(area.height() - foot, 17.0 * unit);
    let (rows, rows_left_out) = largest(rows, capacity);
    let widest = rows
        .iter()
        .map(|row| font::width(&font::clean(&row.name), size, Weight::Regular))
        .fold(0.0, f64::max);
    let names = widest.min(area.width() * NAMES_PART);
    let words =
        rows.iter().map(|row| font::width(&words(row.point), size, Weight::Regular)).fold(0.0, f64::max);
    let left = area.left + if names > 0.0 { names + 8.0 * unit } else { 0.0 };
    let right = (area.right - words.min(area.width() * 0.3) - 12.0 * unit).max(left + 1.0);
    // A few rows stand in the middle.
    let count = whole(rows.len().max(1));
    let height = ((area.height() - foot).max(1.0) / count).min(56.0 * unit);
    let top = area.top + ((area.height() - foot - height * count) / 2.0).max(0.0);
    let inner = Area { left, top, right, bottom: top + height * count };
    let demand = Demand { zero: true, percent: panel.percent, ticks: fitting(inner.width(), 70.0 * unit) };
    let scale = Scale::of(rows.iter().map(|row| row.known), demand);
    axis(frame, inner, &scale, size);
    let left_out = [(rows_left_out, "figures"), (units_left_out, "units")];
    let left_out = left_out.into_iter().filter(|(count, _)| *count > 0);
    let left_out: String =
        left_out.map(|(count, what)| format!(" (+{count} more {what} not drawn)")).collect();
    let below = format!("{}{}{left_out}", panel.unit, if panel.percent { ", percent" } else { "" });
    let below = font::cut(&below, area.width(), size, Weight::Regular);
    frame.put(
        below,
        (left.min(area.left + area.width() / 2.0), inner.bottom + size * 2.6),
        size,
        Weight::Regular,
        SOFT,
    );
    for (index, row) in rows.iter().enumerate() {
        let y = inner.top + (whole(index) + 0.5) * height;
        let name = font::cut(&row.name, names, size, Weight::Regular);
        let at = (left - 8.0 * unit, y + size * 0.35);
        frame.scene.text(text(name, at, size, Anchor::End));
        draw_row(frame, row, inner, &scale, (y, height), size);
    }
}

/// What tells the figure from the others.
fn name(series: &str, point: &Point, slots: &Slots) -> String {
    if let Slots::One(_) = slots {
        return series.to_owned();
    }
    let when = slots::when(point.period);
    let parts = [series, &point.label, &when];
    // The label of a target or an event is often the title of the point.
    let said = |(index, part): &(usize, &&str)| {
        !part.is_empty() && !parts[..*index].iter().any(|other| other.contains(**part))
    };
    parts.iter().enumerate().filter(said).map(|(_, part)| *part).collect::<Vec<_>>().join(" · ")
}

/// The figure; a rate with its parts.
fn words(point: &Point) -> String {
    let words = plot::words(point);
    point.parts.map_or(words.clone(), |(part, whole)| format!("{part} of {whole} = {words}"))
}

/// The rows that have room: the largest, in the order of the answer; and how many have none.
fn largest(mut rows: Vec<Row<'_>>, capacity: usize) -> (Vec<Row<'_>>, usize) {
    let left_out = rows.len().saturating_sub(capacity);
    if left_out > 0 {
        let mut sizes: Vec<f64> = rows.iter().map(size_of).collect();
        sizes.sort_by(|a, b| b.total_cmp(a));
        let least = sizes[capacity - 1];
        let mut equal = capacity - sizes.iter().filter(|size| **size > least).count();
        rows.retain(|row| {
            let size = size_of(row);
            let kept = size > least || (size == least && equal > 0);
            equal -= usize::from(kept && size == least);
            kept
        });
    }
    (rows, left_out)
}

fn size_of(row: &Row<'_>) -> f64 {
    row.known.anchor().map_or(-1.0, f64::abs)
}

fn axis(frame: &mut Frame, inner: Area, scale: &Scale, size: f64) {
    for tick in &scale.ticks {
        let x = inner.left + scale.at(*tick) * inner.width();
        let paint = if *tick == 0.0 { AXIS } else { GRID };
        frame.scene.line((x, inner.top), (x, inner.bottom), Stroke::new(paint, frame.unit));
        let at = (x, inner.bottom + size * 1.25);
        frame.scene.text(Text { paint: SOFT, ..text(scale.text(*tick), at, size, Anchor::Middle) });
    }
}

fn draw_row(
    frame: &mut Frame,
    row: &Row<'_>,
    inner: Area,
    scale: &Scale,
    (y, height): (f64, f64),
    size: f64,
) {
    let unit = frame.unit;
    let x = |number: f64| inner.left + scale.at(number) * inner.width();
    let Row { name: _, point, known, look } = row;
    let half = (height * 0.32).min(14.0 * unit);
    if let Some(before) = known.before {
        let corners = [(0.0, -half), (before, -half), (before, half), (0.0, half)];
        let corners = corners.map(|(number, aside)| (x(number), y + aside)).to_vec();
        let edge = Stroke { dash: Some((2.0 * unit, 3.0 * unit)), ..Stroke::new(AXIS, unit) };
        frame.scene.area(corners, SHEET, Some(edge));
    }
    let solid = known.value.or(known.lower.map(|bound| bound.at)).or(known.upper.map(|bound| bound.at));
    if let Some(solid) = solid {
        let corners = [(0.0, -half), (solid, -half), (solid, half), (0.0, half)];
        let corners = corners.map(|(number, aside)| (x(number), y + aside)).to_vec();
        let dash = look.dashed.then_some((4.0 * unit, 3.0 * unit));
        let edge = Stroke { dash, ..Stroke::new(look.paint.faint(0.7), unit) };
        frame.scene.area(corners, look.paint.faint(if look.dashed { 0.18 } else { 0.38 }), Some(edge));
    }
    let mark = Mark::of(point, y, (inner.left, inner.right), x);
    mark::draw(&mut frame.scene, Direction::Right, &mark, *look);
    let reach =
        [mark.value, known.before.map(x), mark.lower.map(|bound| bound.0), mark.upper.map(|bound| bound.0)];
    let mut reach = reach.into_iter().flatten().fold(x(0.0), f64::max) + 10.0 * unit;
    if known.lower.is_some() && known.upper.is_none() {
        reach = (reach + 32.0 * unit).min(inner.right + 8.0 * unit);
    }
    let room = f64::from(frame.scene.width) - reach - 4.0 * unit;
    let words = font::cut(&words(point), room, size, Weight::Regular);
    frame.scene.text(Text { rim: true, ..text(words, (reach, y + size * 0.35), size, Anchor::Start) });
}

fn text(text: String, at: (f64, f64), size: f64, anchor: Anchor) -> Text {
    Text { text, at, size, weight: Weight::Regular, anchor, paint: INK, rim: false }
}

fn whole(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
