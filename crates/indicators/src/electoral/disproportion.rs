//! How far shares of seats are from shares of votes: published formulas, exact, over percentages.
//!
//! Every index is a function of the pairs (v, s) of the contenders and of what the votes of the recorded rows leave to
//! 100. That rest belongs to contenders without a seat, of whom nothing else is known.

use crate::estimate::{Bound, Estimate};
use crate::number::Number;

/// Parties up to this share of votes are left out of Rae's index, in percent.
fn rae_threshold() -> Number {
    Number::scaled(5, 1)
}

/// A contender's shares in percent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// Of the votes.
    pub votes: Estimate,
    /// Of the seats.
    pub seats: Number,
}

/// An index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Index {
    /// `√(½ Σ (v − s)²)`.
    ///
    /// Source: M. Gallagher, Proportionality, Disproportionality and Electoral Systems, Electoral Studies 10 (1), 1991,
    /// pp. 33–51.
    LeastSquares,
    /// `½ Σ |v − s|`.
    ///
    /// Source: J. Loosemore and V. J. Hanby, The Theoretical Limits of Maximum Distortion: Some Analytic Expressions for
    /// Electoral Systems, British Journal of Political Science 1 (4), 1971, pp. 467–477.
    LoosemoreHanby,
    /// `Σ (s − v)² / v`.
    ///
    /// Source: Gallagher 1991, after A. Sainte-Laguë, La représentation proportionnelle et la méthode des moindres
    /// carrés, Annales scientifiques de l'École normale supérieure 27, 1910, pp. 529–542.
    SainteLague,
    /// The mean of `|v − s|` over parties above 0.5 % of the votes.
    ///
    /// Source: D. W. Rae, The Political Consequences of Electoral Laws, Yale University Press, 1967.
    Rae,
}

impl Index {
    /// The index of contenders whose votes leave `rest` to 100; none without a pair.
    ///
    /// Lower: the rest as infinitely many. Upper: the rest as one. In Rae's index, a mean, that one may be the lower.
    pub fn of(self, pairs: &[Pair], rest: &Number) -> Option<Estimate> {
        if pairs.is_empty() {
            return None;
        }
        let approximate = pairs.iter().any(|pair| pair.votes.approximate);
        let values: Option<Vec<Number>> = pairs.iter().map(|pair| pair.votes.value.clone()).collect();
        let value = values.and_then(|votes| self.value(&votes, pairs));
        if approximate {
            return Some(Estimate { value, approximate, ..Estimate::default() });
        }
        let spans: Vec<Span> = pairs.iter().map(|pair| Span::of(pair, rest)).collect();
        let (lower, upper) = match self {
            Index::Rae => rae_between(&spans, rest),
            Index::LeastSquares | Index::LoosemoreHanby | Index::SainteLague => self.between(&spans, rest),
        };
        let bound = |number: Option<Number>| number.map(Bound::closed);
        Some(Estimate { value, lower: bound(lower), upper: bound(upper), ..Estimate::default() })
    }

    /// The index over the pairs alone; none where it is not defined.
    fn value(self, votes: &[Number], pairs: &[Pair]) -> Option<Number> {
        let terms = votes.iter().zip(pairs).map(|(votes, pair)| self.term(votes, &pair.seats));
        match self {
            Index::LeastSquares | Index::LoosemoreHanby | Index::SainteLague => {
                Some(self.finish(terms.sum::<Option<Number>>()?))
            }
            Index::Rae => {
                let counted: Vec<Number> = votes
                    .iter()
                    .zip(terms)
                    .filter(|(votes, _)| **votes > rae_threshold())
                    .map(|(_, term)| term)
                    .collect::<Option<_>>()?;
                mean(counted.iter().cloned().sum(), counted.len())
            }
        }
    }

    /// What one contender adds; none for seats without votes in Sainte-Laguë's index.
    fn term(self, votes: &Number, seats: &Number) -> Option<Number> {
        let gap = votes - seats;
        match self {
            Index::LeastSquares => Some(&gap * &gap),
            Index::LoosemoreHanby | Index::Rae => Some(gap.abs()),
            Index::SainteLague if gap.is_zero() => Some(gap),
            Index::SainteLague => (&gap * &gap).checked_div(votes),
        }
    }

    fn finish(self, sum: Number) -> Number {
        let half = || Number::scaled(5, 1);
        match self {
            Index::LeastSquares => (&sum * &half()).sqrt().unwrap_or_else(Number::zero),
            Index::LoosemoreHanby => &sum * &half(),
            Index::SainteLague | Index::Rae => sum,
        }
    }

    /// The bounds of a sum: every term is convex in the votes and nothing where votes and seats agree.
    fn between(self, spans: &[Span], rest: &Number) -> (Option<Number>, Option<Number>) {
        let smallest = spans.iter().map(|span| self.term(&span.nearest(), &span.seats));
        let largest = spans.iter().map(|span| {
            let ends = (self.term(&span.low, &span.seats)?, self.term(&span.high, &span.seats)?);
            Some(ends.0.max(ends.1))
        });
        let one = self.term(rest, &Number::zero());
        let (smallest, largest) =
            (smallest.sum::<Option<Number>>(), largest.chain([one]).sum::<Option<Number>>());
        (smallest.map(|sum| self.finish(sum)), largest.map(|sum| self.finish(sum)))
    }
}

/// What the votes of a contender can be.
struct Span {
    low: Number,
    high: Number,
    seats: Number,
}

impl Span {
    fn of(pair: &Pair, rest: &Number) -> Self {
        let low = pair.votes.lower.as_ref().map_or_else(Number::zero, |bound| bound.number.clone());
        // A share without an upper bound can grow by what nobody else is known to have.
        let high = pair.votes.upper.as_ref().map_or_else(|| &low + rest, |bound| bound.number.clone());
        Self { low, high, seats: pair.seats.clone() }
    }

    /// The votes that come nearest to the seats.
    fn nearest(&self) -> Number {
        self.seats.clone().clamp(self.low.clone(), self.high.clone())
    }
}

/// None where it is open whether a contender is above the threshold.
fn rae_between(spans: &[Span], rest: &Number) -> (Option<Number>, Option<Number>) {
    let threshold = rae_threshold();
    if spans.iter().any(|span| span.low <= threshold && span.high > threshold) {
        return (None, None);
    }
    let counted: Vec<&Span> = spans.iter().filter(|span| span.low > threshold).collect();
    let gap = |votes: &Number, span: &Span| (votes - &span.seats).abs();
    let smallest: Number = counted.iter().map(|span| gap(&span.nearest(), span)).sum();
    let largest: Number = counted.iter().map(|span| gap(&span.low, span).max(gap(&span.high, span))).sum();
    let own = counted.len();
    // Infinitely many are all below the threshold and change nothing; one may be above it, and lower the mean or raise it.
    let joined = |sum: &Number| mean(sum + rest, own + 1).filter(|_| own > 0 && *rest > threshold);
    let lower = mean(smallest.clone(), own).into_iter().chain(joined(&smallest)).min();
    let upper = mean(largest.clone(), own).into_iter().chain(joined(&largest)).max();
    (lower, upper)
}

fn mean(sum: Number, count: usize) -> Option<Number> {
    sum.checked_div(&Number::from(i64::try_from(count).ok()?))
}

#[cfg(test)]
mod tests;
