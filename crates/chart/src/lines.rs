//! Series over time or by event.

use std::collections::HashSet;

use crate::chart::{Known, Point};
use crate::font::{self, Weight};
use crate::frame::Frame;
use crate::labels::Labels;
use crate::mark::{self, Direction, Mark};
use crate::plot::{self, Drawn, Panel};
use crate::scale::{Demand, Scale};
use crate::scene::{AXIS, Anchor, Area, GRID, SOFT, Stroke, Text};
use crate::slots::{self, Slot, Slots};

/// Series that stand beside each other where they share a period, not on each other.
const BESIDE_MAX: usize = 6;

/// Lines of the title of an event, and letters that one must have room for.
const TITLE_LINES: usize = 2;
const TITLE_EM: f64 = 7.0;

/// Points with a text each, in the whole panel.
const LABELLED_MAX: usize = 40;

/// Draws every panel; they share the axis of time, which stands below the last.
pub(crate) fn draw(frame: &mut Frame, panels: &[Panel<'_>], areas: &[Area], slots: &Slots, left_out: usize) {
    let unit = frame.unit;
    let size = frame.size(11.0);
    let scales: Vec<Scale> =
        panels.iter().zip(areas).map(|(panel, area)| scale(panel, *area, unit)).collect();
    let widest = scales.iter().flat_map(|scale| scale.ticks.iter().map(|tick| scale.text(*tick)));
    let widest = widest.map(|text| font::width(&text, size, Weight::Regular)).fold(0.0, f64::max);
    let margin = widest + 7.0 * unit;
    let foot = areas.first().map_or(0.0, |area| dates_height(slots, size, area.width() - margin));
    for (index, ((panel, area), scale)) in panels.iter().zip(areas).zip(&scales).enumerate() {
        let cut = if scale.is_cut() { " · the axis does not begin at 0" } else { "" };
        let last = index + 1 == areas.len();
        let more = if last && left_out > 0 {
            format!(" · +{left_out} more units not drawn")
        } else {
            String::new()
        };
        let above = font::cut(&format!("{}{cut}{more}", unit_of(panel)), area.width(), size, Weight::Regular);
        frame.put(above, (area.left, area.top + size * 0.8), size, Weight::Regular, SOFT);
        let inner = Area {
            left: area.left + margin.min(area.width() / 2.0),
            top: area.top + size * 1.5,
            right: area.right - 4.0 * unit,
            // Each panel has its room; the axis of time is that of the last.
            bottom: area.bottom - if last { foot } else { 0.0 },
        };
        let inner = Area { bottom: inner.bottom.max(inner.top + 1.0), ..inner };
        axes(frame, inner, scale, slots, size);
        if last {
            dates(frame, inner, slots, size);
        }
        content(frame, inner, panel, scale, slots);
    }
}

fn unit_of(panel: &Panel<'_>) -> String {
    match (panel.unit, panel.percent) {
        ("", false) => String::new(),
        ("", true) => "percent".to_owned(),
        (unit, true) => format!("{unit}, percent"),
        (unit, false) => unit.to_owned(),
    }
}

fn scale(panel: &Panel<'_>, area: Area, unit: f64) -> Scale {
    let figures = panel.series.iter().flat_map(|one| one.series.points.iter().map(Known::of));
    Scale::of(
        figures,
        Demand { zero: false, percent: panel.percent, ticks: fitting(area.height(), 48.0 * unit) },
    )
}

/// How many things of that length have room.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most the pixels of a sheet")]
pub(crate) fn fitting(room: f64, length: f64) -> usize {
    ((room / length).floor() as usize).max(1)
}

fn axes(frame: &mut Frame, inner: Area, scale: &Scale, slots: &Slots, size: f64) {
    let unit = frame.unit;
    for tick in &scale.ticks {
        let y = inner.bottom - scale.at(*tick) * inner.height();
        let paint = if *tick == 0.0 { AXIS } else { GRID };
        frame.scene.line((inner.left, y), (inner.right, y), Stroke::new(paint, unit));
        frame.scene.text(Text {
            text: scale.text(*tick),
            at: (inner.left - 6.0 * unit, y + size * 0.35),
            size,
            weight: Weight::Regular,
            anchor: Anchor::End,
            paint: SOFT,
            rim: false,
        });
    }
    if let Slots::Events(_) = slots {
        for (at, _) in slots.dates(fitting(inner.width(), 4.0 * unit)) {
            let x = inner.left + at * inner.width();
            frame.scene.line((x, inner.top), (x, inner.bottom), Stroke::new(GRID, 0.7 * unit));
        }
    }
}

/// Room below the panels.
fn dates_height(slots: &Slots, size: f64, room: f64) -> f64 {
    let lines = match slots {
        Slots::Events(events) => 1 + titles(events, size, room).map_or(0, |_| TITLE_LINES),
        Slots::Time { .. } | Slots::One(_) => 1,
    };
    size * (1.3 * whole(lines) + 0.4)
}

/// The titles of all events on a few lines each; none where there is no room or all say the same.
fn titles(events: &[Slot], size: f64, room: f64) -> Option<Vec<Vec<String>>> {
    let each = room / whole(events.len()) - size;
    let same = events.iter().all(|event| event.label == events[0].label);
    if same || each < size * TITLE_EM {
        return None;
    }
    let wrapped = |event: &Slot| font::wrap(&event.label, each, TITLE_LINES, size, Weight::Regular);
    Some(events.iter().map(wrapped).collect())
}

fn dates(frame: &mut Frame, inner: Area, slots: &Slots, size: f64) {
    let unit = frame.unit;
    let y = inner.bottom + size * 1.35;
    let mut put = |text: String, x: f64, y: f64| {
        let half = font::width(&text, size, Weight::Regular) / 2.0;
        let x = x.clamp(half, (f64::from(frame.scene.width) - half).max(half));
        frame.scene.text(Text {
            text,
            at: (x, y),
            size,
            weight: Weight::Regular,
            anchor: Anchor::Middle,
            paint: SOFT,
            rim: false,
        });
    };
    let widest = slots.dates(usize::MAX / 2).into_iter().take(200).map(|(_, text)| text);
    let widest = widest.map(|text| font::width(&text, size, Weight::Regular)).fold(30.0 * unit, f64::max);
    let fit = fitting(inner.width(), widest.min(160.0 * unit) + 12.0 * unit);
    if let Slots::Events(events) = slots {
        let titles = titles(events, size, inner.width());
        let every = if titles.is_some() { 1 } else { events.len().div_ceil(fit).max(1) };
        let room = inner.width() / whole(events.len()) * whole(every) - 8.0 * unit;
        for (index, event) in events.iter().enumerate().step_by(every) {
            let x = inner.left + (whole(index) + 0.5) / whole(events.len()) * inner.width();
            put(font::cut(&slots::when(event.period), room, size, Weight::Regular), x, y);
            let lines = titles.as_ref().map(|titles| titles[index].iter().enumerate());
            for (line, text) in lines.into_iter().flatten() {
                put(text.clone(), x, y + size * 1.3 * whole(line + 1));
            }
        }
        return;
    }
    let fit = fitting(inner.width(), 52.0 * unit);
    for (at, text) in slots.dates(fit) {
        put(text, inner.left + at * inner.width(), y);
    }
    for (at, _) in slots.dates(fit) {
        let x = inner.left + at * inner.width();
        let ends = ((x, inner.bottom), (x, inner.bottom + 4.0 * unit));
        frame.scene.line(ends.0, ends.1, Stroke::new(AXIS, unit));
    }
    frame.scene.line((inner.left, inner.bottom), (inner.right, inner.bottom), Stroke::new(AXIS, unit));
}

/// A point in its place.
struct Placed<'a> {
    point: &'a Point,
    known: Known,
    mark: Mark,
    /// Where a line through the series passes.
    anchor: Option<f64>,
}

fn content(frame: &mut Frame, inner: Area, panel: &Panel<'_>, scale: &Scale, slots: &Slots) {
    let beside = beside(panel, slots, inner, frame.unit);
    let count = panel.series.iter().filter(|one| one.named).count();
    let mut placed: Vec<(Drawn<'_>, Vec<Placed<'_>>)> = Vec::new();
    let mut place = 0.0;
    for one in &panel.series {
        let aside = if one.named { (place - (whole(count) - 1.0) / 2.0) * beside } else { 0.0 };
        place += if one.named { 1.0 } else { 0.0 };
        let points = one.series.points.iter().map(|point| {
            let x = inner.left + slots.at(one.series, point) * inner.width() + aside;
            in_place(point, x, inner, scale)
        });
        placed.push((*one, points.collect()));
    }
    // What is not named lies below what is.
    for named in [false, true] {
        for (one, points) in placed.iter().filter(|(one, _)| one.named == named) {
            join(frame, one, points);
        }
        for (one, points) in placed.iter().filter(|(one, _)| one.named == named) {
            // A line is enough of a background.
            let alone = points.len() == 1;
            for point in points.iter().filter(|_| named || alone) {
                mark::draw(&mut frame.scene, Direction::Up, &point.mark, one.look);
            }
        }
    }
    label(frame, inner, &placed);
}

/// How far series stand beside each other, so that bounds of one period do not hide each other.
fn beside(panel: &Panel<'_>, slots: &Slots, inner: Area, unit: f64) -> f64 {
    let named = panel.series.iter().filter(|one| one.named).count();
    let bounded =
        panel.series.iter().flat_map(|one| &one.series.points).any(|point| !Known::of(point).is_exact());
    if !(2..=BESIDE_MAX).contains(&named) || !(bounded || covers(panel)) {
        return 0.0;
    }
    let places = match slots {
        Slots::Events(events) => events.len(),
        Slots::One(_) | Slots::Time { .. } => {
            panel.series.iter().map(|one| one.series.points.len()).max().unwrap_or(1)
        }
    };
    (inner.width() / whole(places) / whole(named) / 2.0).min(9.0 * unit)
}

/// Whether a point lies on one of another series.
fn covers(panel: &Panel<'_>) -> bool {
    let mut places = HashSet::new();
    let points = panel.series.iter().flat_map(|one| &one.series.points);
    let place = |point: &Point| {
        let anchor = Known::of(point).anchor().map(f64::to_bits);
        (point.period.first(), point.period.last(), point.label.clone(), anchor)
    };
    !points.map(place).all(|place| places.insert(place))
}

fn in_place<'a>(point: &'a Point, x: f64, inner: Area, scale: &Scale) -> Placed<'a> {
    let known = Known::of(point);
    let y = |number: f64| inner.bottom - scale.at(number) * inner.height();
    let mark = Mark::of(point, x, (inner.bottom, inner.top), y);
    Placed { point, known, mark, anchor: known.anchor().map(y) }
}

/// Joins neighbours; between events, and where a period or a figure is missing, only faintly.
fn join(frame: &mut Frame, one: &Drawn<'_>, points: &[Placed<'_>]) {
    let known: Vec<(&Placed<'_>, f64)> =
        points.iter().filter_map(|placed| Some((placed, placed.anchor?))).collect();
    for pair in known.windows(2) {
        let [(before, from), (after, to)] = pair else { continue };
        // The middle of what is possible is no figure, so no line leads there.
        if before.known.is_range() || after.known.is_range() {
            continue;
        }
        let strong = slots::adjacent(before.point.period, after.point.period)
            && before.point.label.is_empty()
            && before.known.is_figure()
            && after.known.is_figure();
        let stroke = one.look.line(if strong && one.named { 0.85 } else { 0.35 });
        frame.scene.line((before.mark.across, *from), (after.mark.across, *to), stroke);
    }
}

fn label(frame: &mut Frame, inner: Area, placed: &[(Drawn<'_>, Vec<Placed<'_>>)]) {
    let size = frame.size(11.0);
    let unit = frame.unit;
    let above = Area { top: inner.top - size * 0.6, right: inner.right + 4.0 * unit, ..inner };
    let mut labels = Labels::new(above, size);
    let named = || placed.iter().filter(|(one, _)| one.named).flat_map(|(_, points)| points);
    if named().count() > LABELLED_MAX {
        return;
    }
    for placed in named() {
        if let Some(y) = placed.anchor {
            labels.keep_off((placed.mark.across, y));
        }
    }
    for Placed { point, known, mark, anchor } in named() {
        let x = mark.across;
        let text = plot::words(point);
        let Some(anchor) = *anchor else {
            // Nothing is known but what the words say: they stand on the axis.
            labels.write(&mut frame.scene, &text, &[((x, inner.bottom - size * 0.4), Anchor::Middle)]);
            continue;
        };
        let arrow = 32.0 * unit;
        let top = match (known.lower, known.upper) {
            (Some(_), None) => (anchor - arrow).max(inner.top),
            _ => mark.upper.map_or(anchor, |(upper, _)| upper.min(anchor)),
        };
        let bottom = match (known.lower, known.upper) {
            (None, Some(_)) => (anchor + arrow).min(inner.bottom),
            _ => mark.lower.map_or(anchor, |(lower, _)| lower.max(anchor)),
        };
        let aside = 8.0 * unit;
        let places = [
            ((x, top - 7.0 * unit), Anchor::Middle),
            ((x, bottom + 7.0 * unit + size * 0.75), Anchor::Middle),
            ((x + aside, anchor + size * 0.35), Anchor::Start),
            ((x - aside, anchor + size * 0.35), Anchor::End),
        ];
        labels.write(&mut frame.scene, &text, &places);
    }
}

fn whole(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
