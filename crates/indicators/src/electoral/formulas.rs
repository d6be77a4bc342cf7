//! Published formulas over shares, exact and without rounding. Shares are fractions of 1.

use crate::estimate::{Bound, Estimate};
use crate::number::Number;

/// The effective number of parties, `1 / Σ p²`; none when no share is above zero.
///
/// The shares are taken as they are: what they leave to 1 is not spread over them.
///
/// Source: M. Laakso and R. Taagepera, "Effective" Number of Parties: A Measure with Application to West Europe,
/// Comparative Political Studies 12 (1), 1979, pp. 3–27.
pub fn laakso_taagepera(shares: &[Number]) -> Option<Number> {
    Number::one().checked_div(&squares(shares))
}

/// [`laakso_taagepera`] of shares that may be bounds, where others share out `rest` unseen.
///
/// Lower: every share at its largest and the largest rest as one party. Upper: every share at its smallest and the
/// rest as infinitely many, which adds nothing. A share that is only "around" a number bounds nothing.
pub fn laakso_taagepera_between(shares: &[Estimate], rest: &Number) -> Estimate {
    let approximate = shares.iter().any(|share| share.approximate);
    let values: Option<Vec<Number>> = shares.iter().map(|share| share.value.clone()).collect();
    let value = values.and_then(|values| laakso_taagepera(&values));
    if shares.iter().any(is_unbounded) {
        return Estimate { value, approximate, ..Estimate::default() };
    }
    let smallest: Vec<Number> = shares.iter().map(lowest).collect();
    // A share without an upper bound can grow by what nobody else is known to have.
    let largest = shares.iter().zip(&smallest).map(|(share, low)| match &share.upper {
        Some(upper) => upper.number.clone(),
        None => low + rest,
    });
    let mut largest: Vec<Number> = largest.collect();
    largest.push(rest.clone());
    let open = |bound: fn(&Estimate) -> Option<&Bound>| {
        shares.iter().any(|share| bound(share).is_some_and(|bound| bound.open))
    };
    let lower_open = open(|share| share.upper.as_ref());
    let upper_open = open(|share| share.lower.as_ref());
    let bound = |shares: &[Number], open| laakso_taagepera(shares).map(|number| Bound { number, open });
    Estimate {
        value,
        lower: bound(&largest, lower_open),
        upper: bound(&smallest, upper_open),
        approximate,
        ..Estimate::default()
    }
}

/// The shares of seat counts in their own sum; empty when nobody has a seat.
pub fn shares_of(seats: &[i64]) -> Vec<Number> {
    let total = seats.iter().sum();
    seats.iter().filter_map(|seats| Number::ratio(*seats, total)).collect()
}

/// What the shares leave to 1 at the most, never below zero: the smallest shares count, and one that is only "around" a
/// number has no smallest.
pub fn remainder(shares: &[Estimate]) -> Number {
    let rest = Number::one() - shares.iter().map(lowest).sum();
    if rest.is_negative() { Number::zero() } else { rest }
}

fn is_unbounded(share: &Estimate) -> bool {
    share.lower.is_none() && share.upper.is_none()
}

fn lowest(share: &Estimate) -> Number {
    share.lower.as_ref().map_or_else(Number::zero, |lower| lower.number.clone())
}

fn squares(shares: &[Number]) -> Number {
    shares.iter().map(|share| share * share).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reform_model::vocabulary::Comparator;
    use reform_model::{Decimal, Quantity};

    use super::*;

    /// G. V. Golosov, The Effective Number of Parties: A New Approach, Party Politics 16 (2), 2010, 171–192: eight
    /// constellations with their Laakso–Taagepera numbers.
    #[test]
    fn published_examples_hold() {
        let small = |first: &[i64], tens: usize, ones: usize| {
            let mut shares = first.to_vec();
            shares.extend(std::iter::repeat_n(10, tens));
            shares.extend(std::iter::repeat_n(1, ones));
            shares
        };
        for (percent, published) in [
            (small(&[75, 25], 0, 0), "1.60"),
            (small(&[75], 1, 15), "1.74"),
            (small(&[55, 45], 0, 0), "1.98"),
            (small(&[55], 3, 15), "2.99"),
            (small(&[35, 35, 30], 0, 0), "2.99"),
            (small(&[35], 5, 15), "5.75"),
            (small(&[15, 15, 15, 15, 15, 15], 1, 0), "6.90"),
            (small(&[15], 7, 15), "10.64"),
        ] {
            assert_eq!(percent.iter().sum::<i64>(), 100);
            let index = laakso_taagepera(&shares_of(&percent)).unwrap();
            assert_eq!(index.rounded(2), published, "{percent:?}");
        }
    }

    #[test]
    fn nobody_makes_no_index() {
        assert_eq!(laakso_taagepera(&[]), None);
        assert_eq!(laakso_taagepera(&[Number::zero()]), None);
        assert!(shares_of(&[0, 0]).is_empty());
        let unknown = laakso_taagepera_between(&[], &Number::one());
        assert_eq!((unknown.value, unknown.upper), (None, None));
        assert_eq!(unknown.lower.unwrap().number, Number::one());
    }

    #[test]
    fn a_share_around_a_number_bounds_nothing() {
        let around =
            Estimate { lower: None, upper: None, approximate: true, ..Estimate::exact(per_mille(500)) };
        let estimate = laakso_taagepera_between(&[around, Estimate::exact(per_mille(500))], &Number::zero());
        assert_eq!(estimate.display(), "≈ 2");
        assert_eq!((estimate.lower, estimate.upper), (None, None));
    }

    fn per_mille(share: i64) -> Number {
        Number::ratio(share, 1000).unwrap()
    }

    fn bounded(low: i64, high: i64) -> Estimate {
        let quantity = Quantity::new(
            Decimal::new(low, 3),
            Comparator::Between,
            Some(Decimal::new(high, 3)),
            String::new(),
        );
        Estimate::from(&quantity.unwrap())
    }

    proptest! {
        /// However the unrecorded rest is split among parties, the index stays within its bounds.
        #[test]
        fn bounds_hold_every_completion(
            known in prop::collection::vec(1_i64..120, 1..8),
            cuts in prop::collection::vec(1_i64..200, 0..8),
        ) {
            let shares: Vec<Estimate> = known.iter().map(|share| Estimate::exact(per_mille(*share))).collect();
            let rest = remainder(&shares);
            let estimate = laakso_taagepera_between(&shares, &rest);
            let mut truth: Vec<Number> = known.iter().map(|share| per_mille(*share)).collect();
            let mut left = 1000 - known.iter().sum::<i64>();
            for cut in cuts {
                let part = cut.min(left);
                truth.push(per_mille(part));
                left -= part;
            }
            truth.push(per_mille(left));
            let truth = laakso_taagepera(&truth).unwrap();
            prop_assert!(estimate.lower.unwrap().number <= truth);
            prop_assert!(truth <= estimate.upper.unwrap().number);
        }

        /// The same where the recorded shares are ranges.
        #[test]
        fn bounds_hold_every_completion_of_ranges(
            ranges in prop::collection::vec((1_i64..80, 0_i64..40, 0_i64..=100), 1..6),
        ) {
            let shares: Vec<Estimate> = ranges.iter().map(|(low, width, _)| bounded(*low, low + width)).collect();
            let rest = remainder(&shares);
            let estimate = laakso_taagepera_between(&shares, &rest);
            let chosen: Vec<i64> = ranges.iter().map(|(low, width, at)| low + width * at / 100).collect();
            let mut truth: Vec<Number> = chosen.iter().map(|share| per_mille(*share)).collect();
            truth.push(per_mille(1000 - chosen.iter().sum::<i64>()));
            let truth = laakso_taagepera(&truth).unwrap();
            prop_assert!(estimate.lower.unwrap().number <= truth);
            prop_assert!(truth <= estimate.upper.unwrap().number);
        }
    }
}
