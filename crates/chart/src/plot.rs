//! Which sort of picture, and its panels.

use std::collections::BTreeSet;

use crate::chart::{Chart, Known, Point, Series, Size};
use crate::frame::{Frame, Signs};
use crate::mark::{Form, Look};
use crate::scene::{Area, PALETTE, REST, Scene};
use crate::slots::{self, Slots};
use crate::{bars, figure, lines, names};

/// Units that have a panel of their own.
const PANELS_MAX: usize = 3;

/// Series that have a colour, where the legend has room for them.
const COLOURED_MAX: usize = 14;

/// A caveat that the label of the basis says already.
const SAID_BY_BASIS: &str = "CUMULATIVE";

/// A series and how it is drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Drawn<'a> {
    pub(crate) series: &'a Series,
    /// What tells it from the others.
    pub(crate) name: &'a str,
    pub(crate) look: Look,
    /// Whether the legend names it; the others are a grey background.
    pub(crate) named: bool,
}

/// Series of one unit.
#[derive(Debug)]
pub(crate) struct Panel<'a> {
    pub(crate) unit: &'a str,
    pub(crate) percent: bool,
    pub(crate) series: Vec<Drawn<'a>>,
}

/// Draws the picture.
pub(crate) fn draw(chart: &Chart, size: Size) -> Scene {
    let all: Vec<&Series> = chart.series.iter().filter(|series| !series.points.is_empty()).collect();
    let names::Names { mut shared, each } = names::of(&all);
    let slots = Slots::of(&all);
    let rows = matches!(slots, Some(Slots::One(_))) || all.iter().all(|series| series.points.len() == 1);
    if let Some(Slots::One(slot)) = &slots {
        let texts = [slots::when(slot.period), slot.label.clone()];
        shared.extend(texts.into_iter().filter(|text| !text.is_empty()));
    }
    let mut frame = Frame::new(chart, size);
    shared.extend(chart.conditions.iter().cloned());
    frame.head(&chart.title, &shared);
    frame.foot(chart);
    let Some(slots) = slots else {
        frame.middle("no data");
        return frame.scene;
    };
    frame.signs(&signs(&all));
    let mut drawn = looks(&all, &each, frame.unit, rows);
    if !rows && all.len() > 1 {
        let total = drawn.len();
        let order = order(&drawn);
        let entries: Vec<(String, Look)> = order
            .iter()
            .take(COLOURED_MAX)
            .map(|index| (drawn[*index].name.to_owned(), drawn[*index].look))
            .collect();
        let named = frame.legend(&entries, total);
        for index in order.into_iter().skip(named) {
            drawn[index].named = false;
            drawn[index].look.paint = REST;
        }
    }
    let panels = panels(drawn);
    let areas = share(frame.free, panels.len().min(PANELS_MAX), frame.size(10.0));
    let left_out = panels.len().saturating_sub(PANELS_MAX);
    if rows {
        bars::draw(&mut frame, &panels, &areas, &slots, left_out);
    } else {
        lines::draw(&mut frame, &panels, &areas, &slots, left_out);
    }
    frame.scene
}

/// Colours by the order in which the series are named, forms and dashes by origin.
fn looks<'a>(all: &[&'a Series], names: &'a [String], unit: f64, rows: bool) -> Vec<Drawn<'a>> {
    let plain = |(series, name): (&&'a Series, &'a String)| {
        let (form, dashed) = match series.label("origin") {
            "REPORTED" => (Form::Square, true),
            "COUNTED" => (Form::Disc, false),
            _ => (Form::Diamond, false),
        };
        let look = Look { paint: PALETTE[0], form, dashed, unit };
        Drawn { series, name, look, named: true }
    };
    let mut drawn: Vec<Drawn<'a>> = all.iter().zip(names).map(plain).collect();
    for (place, index) in order(&drawn).into_iter().enumerate() {
        let look = &mut drawn[index].look;
        look.paint = PALETTE[place % PALETTE.len()];
        // The second time round a colour comes with another form, as far as the origin leaves one.
        if place >= PALETTE.len() && look.form != Form::Square && !rows {
            look.form = Form::Triangle;
        }
    }
    drawn
}

/// The places of the series, those to be named first: as answered, or by their largest figure where they are many.
fn order(drawn: &[Drawn<'_>]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..drawn.len()).collect();
    if drawn.len() > COLOURED_MAX {
        let largest = |index: &usize| {
            let numbers = drawn[*index].series.points.iter().flat_map(|point| Known::of(point).numbers());
            numbers.map(f64::abs).fold(0.0, f64::max)
        };
        order.sort_by(|a, b| largest(b).total_cmp(&largest(a)).then(a.cmp(b)));
    }
    order
}

fn panels(drawn: Vec<Drawn<'_>>) -> Vec<Panel<'_>> {
    let mut panels: Vec<Panel<'_>> = Vec::new();
    for one in drawn {
        let (unit, percent) = (one.series.unit.as_str(), one.series.is_percent());
        let blank = |series: &Series| !series.points.iter().any(|point| Known::of(point).is_something());
        // Series of which nothing is known but words go with the others of their unit.
        let alike = |panel: &&mut Panel<'_>| {
            panel.unit == unit
                && (panel.percent == percent
                    || blank(one.series)
                    || panel.series.iter().all(|other| blank(other.series)))
        };
        match panels.iter_mut().find(alike) {
            Some(panel) => {
                panel.percent |= percent;
                panel.series.push(one);
            }
            None => panels.push(Panel { unit, percent, series: vec![one] }),
        }
    }
    panels
}

/// The room in equal parts, one below the other.
fn share(free: Area, parts: usize, gap: f64) -> Vec<Area> {
    let count = f64::from(u32::try_from(parts.max(1)).unwrap_or(u32::MAX));
    let height = (free.height() - gap * (count - 1.0)) / count;
    let mut areas = Vec::new();
    let mut top = free.top;
    for _ in 0..parts {
        areas.push(Area { top, bottom: top + height, ..free });
        top += height + gap;
    }
    areas
}

/// What is to be explained.
fn signs(all: &[&Series]) -> Signs {
    let mut signs = Signs::default();
    let mut caveats = BTreeSet::new();
    for series in all {
        for point in &series.points {
            let known = Known::of(point);
            let (lower, upper) = (known.lower.is_some(), known.upper.is_some());
            signs.arrow |= lower != upper;
            signs.bare |= lower && upper && known.value.is_none();
            signs.whiskers |= lower && upper && known.value.is_some() && !known.is_exact();
            signs.approximate |= is_around(point);
            caveats.extend(warnings(point).map(names::lower));
        }
    }
    signs.caveats = caveats.into_iter().collect();
    signs
}

/// Whether the figure is near the truth only, and nobody says how near.
pub(crate) fn is_around(point: &Point) -> bool {
    let known = Known::of(point);
    known.value.is_some() && (point.approximate || (known.lower.is_none() && known.upper.is_none()))
}

/// What a reader must know beside a figure and no label says.
pub(crate) fn warnings(point: &Point) -> impl Iterator<Item = &str> {
    point.caveats.iter().map(String::as_str).filter(|code| *code != SAID_BY_BASIS)
}

/// What stands beside the figure; a star says that there is more to know.
pub(crate) fn words(point: &Point) -> String {
    let before = Known::of(point).before.map(|before| format!(" (before: {})", figure::plain(before)));
    let before = before.unwrap_or_default();
    let status = names::lower(&point.status);
    let between = if point.display.is_empty() || status.is_empty() { "" } else { ", " };
    let star = if warnings(point).next().is_some() { " *" } else { "" };
    format!("{}{between}{status}{before}{star}", point.display)
}
