//! Published examples, recomputed, and bounds that hold whatever is not recorded.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn share(percent: Option<i64>) -> Share {
    let recorded = percent.map(|percent| Estimate::exact(Number::scaled(percent, 2)));
    Share { recorded, missing: false }
}

fn volatility(rows: &[(Option<i64>, Option<i64>)]) -> Number {
    let swings: Vec<Swing> =
        rows.iter().map(|(before, after)| Swing { before: share(*before), after: share(*after) }).collect();
    let estimate = pedersen(swings.iter(), (&Number::zero(), &Number::zero()));
    assert!(estimate.is_exact());
    estimate.value.unwrap()
}

/// The two examples that encyclopaedias print under "Pedersen index": 10 and 100 points.
#[test]
fn published_examples_hold() {
    let some = |before, after| (Some(before), Some(after));
    assert_eq!(volatility(&[some(65, 65), some(25, 15), some(10, 20)]), Number::scaled(10, 2));
    let replaced = [(Some(65), None), (Some(15), None), (Some(20), None), (None, Some(75)), (None, Some(25))];
    assert_eq!(volatility(&replaced), Number::one());
    // The votes in the example of the package electoral, 100, 150, 60 and 80, 120, 100:
    // ½ (|4/15 − 10/31| + |6/15 − 15/31| + |5/15 − 6/31|) = 13/93.
    let ratio = |part, whole| Share {
        recorded: Some(Estimate::exact(Number::ratio(part, whole).unwrap())),
        missing: false,
    };
    let swings = [(100, 80), (150, 120), (60, 100)]
        .map(|(before, after)| Swing { before: ratio(before, 310), after: ratio(after, 300) });
    let estimate = pedersen(swings.iter(), (&Number::zero(), &Number::zero()));
    assert_eq!(estimate.value, Number::ratio(13, 93));
}

#[test]
fn a_missing_share_bounds_the_index() {
    // The third party has no share in the later election, where 15 points are not recorded.
    let gone = Share { recorded: None, missing: true };
    let swings = [
        Swing { before: share(Some(60)), after: share(Some(50)) },
        Swing { before: share(Some(30)), after: share(Some(35)) },
        Swing { before: share(Some(10)), after: gone },
    ];
    let estimate = pedersen(swings.iter(), (&Number::zero(), &Number::scaled(15, 2)));
    assert_eq!(estimate.value, Some(Number::scaled(75, 3)));
    // At least the 10 and 5 points of the others; at most the 10 of the third and the 15 of somebody else as well.
    assert_eq!(estimate.lower.unwrap().number, Number::scaled(75, 3));
    assert_eq!(estimate.upper.unwrap().number, Number::scaled(20, 2));
}

#[test]
fn the_value_is_within_its_bounds_whatever_is_missing() {
    let part = Share { missing: true, ..share(Some(10)) };
    let swings = [
        Swing { before: share(Some(60)), after: share(Some(20)) },
        Swing { before: share(Some(40)), after: part },
        Swing { before: share(None), after: share(Some(70)) },
    ];
    let estimate = pedersen(swings.iter(), (&Number::zero(), &Number::zero()));
    let (value, lower, upper) = (estimate.value.unwrap(), estimate.lower.unwrap(), estimate.upper.unwrap());
    // ½ (40 + 70) of those without a gap, and the 30 points of the other, which nothing is left for.
    assert_eq!(value, Number::scaled(55, 2));
    assert_eq!((lower.number, upper.number), (Number::scaled(55, 2), Number::scaled(70, 2)));
}

#[test]
fn no_share_is_no_index() {
    let none = pedersen([].iter(), (&Number::one(), &Number::one()));
    assert_eq!(none.value, None);
}

/// Per mille of each party in both elections, and whether each is printed.
type Row = (i64, bool, i64, bool);

proptest! {
    /// However what is not recorded is split, among parties of the other election or among others.
    #[test]
    fn bounds_hold_every_completion(rows in prop::collection::vec((0_i64..120, any::<bool>(), 0_i64..120, any::<bool>()), 1..8)) {
        let rest = |of: &dyn Fn(&Row) -> i64| 1000 - rows.iter().map(of).sum::<i64>();
        let per_mille = |share: i64| Number::scaled(share, 3);
        let shown = |share: i64, shown: bool| Share {
            recorded: shown.then(|| Estimate::exact(per_mille(share))),
            missing: false,
        };
        let swings: Vec<Swing> =
            rows.iter().map(|row| Swing { before: shown(row.0, row.1), after: shown(row.2, row.3) }).collect();
        let known = |share: i64, shown: bool| if shown { share } else { 0 };
        let (before, after) = (rest(&|row| known(row.0, row.1)), rest(&|row| known(row.2, row.3)));
        let told = pedersen(swings.iter(), (&per_mille(before), &per_mille(after)));
        // What no row has goes to one party that stood twice, or to two that stood once each.
        let (unseen_before, unseen_after) = (rest(&|row| row.0), rest(&|row| row.2));
        let moved: i64 = rows.iter().map(|row| (row.0 - row.2).abs()).sum();
        for unseen in [(unseen_before - unseen_after).abs(), unseen_before + unseen_after] {
            let truth = Number::scaled((moved + unseen) * 5, 4);
            prop_assert!(told.lower.as_ref().unwrap().number <= truth);
            prop_assert!(truth <= told.upper.as_ref().unwrap().number);
        }
    }

    /// Taking lines together never makes more of the change.
    #[test]
    fn coarser_lines_change_less(rows in prop::collection::vec((0_i64..120, 0_i64..120, 0_u8..3), 1..8)) {
        let of = |groups: BTreeMap<usize, (i64, i64)>| {
            let shares = groups.into_values().map(|(before, after)| (Some(before), Some(after)));
            volatility(&shares.collect::<Vec<_>>())
        };
        let fine = rows.iter().enumerate().map(|(index, row)| (index, (row.0, row.1))).collect();
        let mut coarse = BTreeMap::<usize, (i64, i64)>::new();
        for row in &rows {
            let sum = coarse.entry(usize::from(row.2)).or_default();
            *sum = (sum.0 + row.0, sum.1 + row.1);
        }
        prop_assert!(of(coarse) <= of(fine));
    }
}
