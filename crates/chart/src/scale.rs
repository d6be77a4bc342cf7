//! Where numbers lie on an axis.

use crate::chart::Known;
use crate::figure::Style;

/// Part of the axis that stays free where figures have no limit, for their arrows.
const ARROW_ROOM: f64 = 0.14;

/// Part of the axis that stays free beyond the outermost figure.
const ROOM: f64 = 0.04;

/// An axis of numbers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scale {
    low: f64,
    high: f64,
    /// Where lines cross the axis.
    pub(crate) ticks: Vec<f64>,
    style: Style,
}

/// What an axis must do beside reaching every figure.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Demand {
    /// It begins at zero, or ends there.
    pub(crate) zero: bool,
    /// The values are fractions of 1 that are read as percent.
    pub(crate) percent: bool,
    /// About so many ticks.
    pub(crate) ticks: usize,
}

impl Scale {
    /// An axis for all figures.
    pub(crate) fn of(figures: impl Iterator<Item = Known> + Clone, demand: Demand) -> Self {
        let numbers = || figures.clone().flat_map(Known::numbers);
        let lowest = numbers().fold(f64::INFINITY, f64::min);
        let highest = numbers().fold(f64::NEG_INFINITY, f64::max);
        let (mut low, mut high) = if lowest <= highest { (lowest, highest) } else { (0.0, 1.0) };
        // A part of an axis makes small differences large: only where zero is far away.
        if demand.zero || (low > 0.0 && low <= 0.6 * high) || (high < 0.0 && high >= 0.6 * low) {
            (low, high) = (low.min(0.0), high.max(0.0));
        }
        if low == high {
            (low, high) = around(low);
        }
        let upwards = figures.clone().any(|known| known.lower.is_some() && known.upper.is_none());
        let downwards = figures.clone().any(|known| known.lower.is_none() && known.upper.is_some());
        let span = high - low;
        let (bottom, top) = (low, high);
        if downwards {
            low -= span * ARROW_ROOM;
        } else if low != 0.0 {
            low -= span * ROOM;
        }
        high += span * if upwards { ARROW_ROOM } else { ROOM };
        if top == 0.0 && !upwards {
            high = 0.0;
        }
        let whole = numbers().all(|number| number.fract() == 0.0) && !demand.percent;
        let step = step(high - low, demand.ticks, whole);
        let mut ticks = ticks(low, high, step);
        if demand.percent && bottom >= 0.0 && top <= 1.0 {
            ticks.retain(|tick| *tick <= 1.0 + step / 1e3);
        }
        let largest = ticks.iter().fold(0.0, |largest: f64, tick| largest.max(tick.abs()));
        Self { low, high, ticks, style: Style::of(largest, step, demand.percent) }
    }

    /// Where the number lies: 0 at the low end, 1 at the high end.
    pub(crate) fn at(&self, number: f64) -> f64 {
        ((number - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    /// Whether zero lies beyond the axis, so that lengths on it mean nothing.
    pub(crate) fn is_cut(&self) -> bool {
        self.low > 0.0 || self.high < 0.0
    }

    /// The number as it stands beside the axis.
    pub(crate) fn text(&self, number: f64) -> String {
        self.style.text(number)
    }
}

/// A span for a single number.
fn around(number: f64) -> (f64, f64) {
    if number == 0.0 { (0.0, 1.0) } else { (number - number.abs() * 0.1, number + number.abs() * 0.1) }
}

/// 1, 2 or 5 times a power of ten, so that there are about as many ticks as wanted.
fn step(span: f64, wanted: usize, whole: bool) -> f64 {
    let raw = span / f64::from(u32::try_from(wanted.max(1)).unwrap_or(u32::MAX));
    let power = 10_f64.powf(raw.log10().floor());
    let nice = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
    let step = nice.into_iter().find(|step| *step >= raw * 0.999).unwrap_or(10.0 * power);
    if whole && step < 1.0 { 1.0 } else { step }
}

fn ticks(low: f64, high: f64, step: f64) -> Vec<f64> {
    let first = (low / step).ceil();
    let last = (high / step + 1e-9).floor();
    // By index, so that no error adds up; a span beyond all precision has no ticks.
    let count = (last - first).clamp(0.0, 100.0);
    let mut ticks = Vec::new();
    let mut index = 0.0;
    while index <= count {
        let tick = (first + index) * step;
        ticks.push(if tick == 0.0 { 0.0 } else { tick });
        index += 1.0;
    }
    ticks
}

#[cfg(test)]
mod tests {
    use crate::chart::Bound;

    use super::*;

    fn known(value: f64) -> Known {
        let bound = Some(Bound { at: value, open: false });
        Known { value: Some(value), lower: bound, upper: bound, before: None }
    }

    fn texts(values: &[f64], percent: bool) -> Vec<String> {
        let demand = Demand { zero: false, percent, ticks: 5 };
        let scale = Scale::of(values.iter().copied().map(known), demand);
        scale.ticks.iter().map(|tick| scale.text(*tick)).collect()
    }

    #[test]
    fn ticks_are_round_and_counts_have_no_halves() {
        assert_eq!(texts(&[1.0, 2.0], false), ["0", "1", "2"]);
        assert_eq!(texts(&[0.25, 0.98], true), ["0 %", "50 %", "100 %"]);
        assert_eq!(texts(&[-3.5, 4.0], false), ["−2", "0", "2", "4"]);
        assert_eq!(texts(&[97.1, 97.9], false), ["97.2", "97.4", "97.6", "97.8"]);
        assert_eq!(texts(&[], false).first().map(String::as_str), Some("0"));
    }

    #[test]
    fn every_number_lies_on_the_axis() {
        for values in [vec![0.0], vec![-5.0], vec![1e280, -1e280], vec![1e-280], vec![5e-324], vec![3.0, 3.0]]
        {
            let scale =
                Scale::of(values.iter().copied().map(known), Demand { ticks: 5, ..Demand::default() });
            for value in values {
                let at = scale.at(value);
                assert!((0.0..=1.0).contains(&at), "{value}: {at} {scale:?}");
            }
            assert!(scale.ticks.len() <= 101);
        }
    }
}
