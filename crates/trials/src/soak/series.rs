//! One figure of a process over time, and whether it grows.

/// Parts of the time, each of which counts with its lowest value.
const PARTS: usize = 8;

/// A figure and when it was read, in seconds.
#[derive(Debug, Clone, Default)]
pub(super) struct Series(Vec<(f64, f64)>);

impl Series {
    pub(super) fn push(&mut self, at: f64, value: f64) {
        self.0.push((at, value));
    }

    /// The least, the median and the greatest.
    pub(super) fn range(&self) -> [f64; 3] {
        let mut sorted: Vec<_> = self.0.iter().map(|(_, value)| *value).collect();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().saturating_sub(1);
        [0, last / 2, last].map(|place| sorted.get(place).copied().unwrap_or_default())
    }

    /// By how much the median of the later half lies above that of the earlier.
    pub(super) fn rise(&self) -> f64 {
        let (earlier, later) = self.0.split_at(self.0.len() / 2);
        Self(later.to_vec()).range()[1] - Self(earlier.to_vec()).range()[1]
    }

    /// How much it grows in a second: the line with the least squares.
    pub(super) fn slope(&self) -> f64 {
        let count = self.0.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| self.0.iter().map(of).sum::<f64>() / count;
        let (mean_x, mean_y) = (mean(|point| point.0), mean(|point| point.1));
        let (over, under) = self.0.iter().fold((0.0, 0.0), |(over, under), (x, y)| {
            (over + (x - mean_x) * (y - mean_y), under + (x - mean_x).powi(2))
        });
        over / under
    }

    /// The lowest of each part of the time. Buffers that fill and are given back make a saw of memory; what is never given
    /// back lifts its floor.
    pub(super) fn floors(&self) -> Self {
        let parts = self.0.chunks(self.0.len().div_ceil(PARTS).max(1));
        Self(parts.filter_map(|part| part.iter().min_by(|a, b| a.1.total_cmp(&b.1)).copied()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Twenty minutes of a saw that is 8 high, every 100 seconds, over a floor that rises by so much in ten minutes.
    fn saw(rises: f64) -> Series {
        let at = (0..200).map(|number| f64::from(number) * 6.0);
        Series(at.map(|at| (at, 100.0 + 8.0 * (at / 100.0).fract() + rises * at / 600.0)).collect())
    }

    #[test]
    fn a_line_has_its_slope() {
        let line = Series((0..10).map(|x| (f64::from(x), 3.0 + 0.5 * f64::from(x))).collect());
        assert!((line.slope() - 0.5).abs() < 1e-9);
        assert_eq!((line.range(), line.rise()), ([3.0, 5.0, 7.5], 2.5));
    }

    #[test]
    fn the_floor_of_a_saw_grows_as_what_is_below_it() {
        for rises in [0.0, 0.5, 1.0, 2.0] {
            let slope = 600.0 * saw(rises).floors().slope();
            assert!((slope - rises).abs() < 0.2, "{slope} for {rises}");
        }
        let [least, _, most] = saw(0.0).range();
        assert!((most - least - 8.0).abs() < 0.5);
    }
}
