//! What two elections say about votes that changed hands.

use crate::estimate::{Bound, Estimate};
use crate::number::Number;

/// The share of a line of contenders in one election.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Share {
    /// The recorded part; none where the line has no row with a share.
    pub recorded: Option<Estimate>,
    /// A row of the line has no share.
    pub missing: bool,
}

/// The shares of a line in two elections, as fractions of 1.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Swing {
    /// In the earlier.
    pub before: Share,
    /// In the later.
    pub after: Share,
}

impl Swing {
    /// How far the share moved; none when that is not one number.
    pub fn change(&self) -> Option<Number> {
        Some((self.after.value()? - self.before.value()?).abs())
    }

    fn is_whole(&self) -> bool {
        !self.before.missing && !self.after.missing
    }
}

impl Share {
    /// Takes in a row; none is one without a share.
    pub fn add(&mut self, share: Option<&Estimate>) {
        let Some(share) = share else {
            self.missing = true;
            return;
        };
        self.recorded = Some(self.recorded.as_ref().map_or_else(|| share.clone(), |sum| sum.add(share)));
    }

    /// None when a row is missing, or a share is only a bound; zero for who did not stand.
    fn value(&self) -> Option<Number> {
        match &self.recorded {
            _ if self.missing => None,
            Some(share) => share.value.clone(),
            None => Some(Number::zero()),
        }
    }

    /// Whether a part of what is not recorded may belong to the line.
    fn is_slack(&self) -> bool {
        self.missing || self.recorded.is_none()
    }

    /// The least and the most that the recorded part can be.
    fn ends(&self, rest: &Number) -> (Number, Number) {
        let Some(share) = &self.recorded else { return (Number::zero(), Number::zero()) };
        let low = share.lower.as_ref().map_or_else(Number::zero, |bound| bound.number.clone());
        // A share without an upper bound can grow by what nobody else is known to have.
        let high = share.upper.as_ref().map_or_else(|| &low + rest, |bound| bound.number.clone());
        (low, high)
    }
}

/// Pedersen's index of volatility, `½ Σ |v(t) − v(t−1)|`, of lines whose recorded shares leave `rests` in the earlier and
/// in the later election.
///
/// What is left may belong to lines without a share in that election, or to contenders that nobody lists. Lower: it takes
/// away from the change wherever it can. Upper: all of it changed hands. A line that misses a share adds nothing to the
/// value.
///
/// Source: M. N. Pedersen, The Dynamics of European Party Systems: Changing Patterns of Electoral Volatility, European
/// Journal of Political Research 7 (1), 1979, pp. 1–26.
pub fn pedersen<'s>(swings: impl Iterator<Item = &'s Swing> + Clone, rests: (&Number, &Number)) -> Estimate {
    let shares = swings.clone().flat_map(|swing| [&swing.before, &swing.after]);
    let approximate = shares.filter_map(|share| share.recorded.as_ref()).any(|recorded| recorded.approximate);
    let whole = swings.clone().filter(|swing| swing.is_whole());
    let known = whole.clone().next().is_some();
    let half = |sum: Number| &sum * &Number::scaled(5, 1);
    let value = whole.map(Swing::change).sum::<Option<Number>>().map(half).filter(|_| known);
    if approximate {
        return Estimate { value, approximate, ..Estimate::default() };
    }
    let (lower, upper) = between(swings, rests);
    let (mut lower, mut upper) = (half(lower), half(upper).min(Number::one()));
    if let Some(value) = &value {
        // Without the lines that miss a share it may be less than the change can be with them.
        (lower, upper) = (lower.min(value.clone()), upper.max(value.clone()));
    }
    let bound = |number| Some(Bound::closed(number));
    Estimate { lower: bound(lower), upper: bound(upper), value, ..Estimate::default() }
}

/// The bounds of the sum.
fn between<'s>(swings: impl Iterator<Item = &'s Swing>, rests: (&Number, &Number)) -> (Number, Number) {
    let (mut settled, mut newcomers, mut leavers) = (Number::zero(), Number::zero(), Number::zero());
    let mut most = rests.0 + rests.1;
    for swing in swings {
        let (before, after) = (swing.before.ends(rests.0), swing.after.ends(rests.1));
        let least = (&after.0 - &before.1).max(&before.0 - &after.1).max(Number::zero());
        most = most + (&after.1 - &before.0).max(&before.1 - &after.0);
        match (swing.before.is_slack(), swing.after.is_slack()) {
            (false, false) => settled = settled + least,
            (true, false) => newcomers = newcomers + least,
            (false, true) => leavers = leavers + least,
            // Nothing is certain about a line that may have had anything in both.
            (true, true) => {}
        }
    }
    let beyond = |sum: Number, rest: &Number| (&sum - rest).max(Number::zero());
    (settled + beyond(newcomers, rests.0) + beyond(leavers, rests.1), most)
}

#[cfg(test)]
mod tests;
