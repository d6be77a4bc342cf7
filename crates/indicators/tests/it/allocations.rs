//! What allocations promise whatever the votes are, and cases worked out by hand.

use proptest::prelude::*;
use reform_indicators::seats::allocation::Allocation;
use reform_indicators::seats::formula::Formula;

const DIVISORS: [&str; 5] =
    ["D_HONDT", "SAINTE_LAGUE", "MODIFIED_SAINTE_LAGUE", "DANISH", "IMPERIALI_DIVISOR"];

fn allocate(formula: &str, seats: u32, votes: &[u64]) -> Allocation {
    Formula::parse(formula).unwrap().allocate(seats, votes)
}

/// The divisors as the contract lists them, times ten.
fn divisor(formula: &str, won: u64) -> u64 {
    match formula {
        "D_HONDT" => 10 * (won + 1),
        "SAINTE_LAGUE" => 10 * (2 * won + 1),
        "MODIFIED_SAINTE_LAGUE" if won == 0 => 14,
        "MODIFIED_SAINTE_LAGUE" => 10 * (2 * won + 1),
        "DANISH" => 10 * (3 * won + 1),
        "IMPERIALI_DIVISOR" => 10 * (won + 2),
        _ => panic!("{formula}"),
    }
}

/// All quotients, sorted; those above the last winning one have seats, those equal to it have them or are tied.
fn naive(formula: &str, seats: u32, votes: &[u64]) -> Allocation {
    let count = usize::try_from(seats).unwrap();
    let mut quotients: Vec<(u64, u64, usize)> = Vec::new();
    for (list, votes) in votes.iter().enumerate().filter(|(_, votes)| **votes > 0) {
        quotients.extend((0..u64::from(seats)).map(|won| (*votes, divisor(formula, won), list)));
    }
    let above = |a: &(u64, u64, usize), b: &(u64, u64, usize)| a.0 * b.1 > b.0 * a.1;
    quotients.sort_by(|a, b| (b.0 * a.1).cmp(&(a.0 * b.1)));
    let mut won = vec![0; votes.len()];
    let Some(last) = quotients.get(count - 1).copied() else { return Allocation { seats: won, tie: None } };
    let over: Vec<usize> = quotients.iter().filter(|one| above(one, &last)).map(|one| one.2).collect();
    let mut equal: Vec<usize> =
        quotients.iter().filter(|one| !above(one, &last) && !above(&last, one)).map(|one| one.2).collect();
    equal.sort_unstable();
    over.iter().for_each(|list| won[*list] += 1);
    let left = count - over.len();
    if equal.len() == left {
        equal.iter().for_each(|list| won[*list] += 1);
        return Allocation { seats: won, tie: None };
    }
    let real = allocate(formula, seats, votes);
    let tie = real.tie.filter(|tie| tie.lists == equal && usize::try_from(tie.seats) == Ok(left));
    assert!(tie.is_some(), "{formula}: {equal:?} share {left}");
    Allocation { seats: won, tie }
}

/// Every way to share out so many seats.
fn shares(seats: u32, lists: usize) -> Vec<Vec<u32>> {
    if lists == 1 {
        return vec![vec![seats]];
    }
    let first = (0..=seats).flat_map(|own| {
        shares(seats - own, lists - 1).into_iter().map(move |rest| [vec![own], rest].concat())
    });
    first.collect()
}

/// Loosemore and Hanby's distance and Sainte-Laguë's, both without their constant factors.
fn distances(seats: &[u32], votes: &[u64], all: u32) -> (u128, f64) {
    let total: u64 = votes.iter().sum();
    let gaps = || {
        let scaled = seats.iter().map(|won| u64::from(*won) * total);
        scaled.zip(votes.iter().map(|votes| votes * u64::from(all)))
    };
    let absolute = gaps().map(|(s, v)| u128::from(s.abs_diff(v))).sum();
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let squares = gaps().map(|(s, v)| (s.abs_diff(v) as f64).powi(2) / v as f64).sum();
    (absolute, squares)
}

#[test]
fn cases_worked_out_by_hand_hold() {
    let example = [41_000, 29_000, 17_000, 13_000];
    for (formula, seats, expected) in [
        // 41,000 29,000 17,000 13,000 10,250 7,250; then the third of A, 5,857.
        ("DANISH", 6, [2, 2, 1, 1]),
        ("DANISH", 7, [3, 2, 1, 1]),
        // Halves, thirds and quarters: 20,500 14,500 13,667 10,250 9,667 8,500.
        ("IMPERIALI_DIVISOR", 6, [3, 2, 1, 0]),
        // 100,000 / 7 = 14,286: 2.87, 2.03, 1.19 and 0.91.
        ("LR_HAGENBACH_BISCHOFF", 6, [2, 2, 1, 1]),
        // 12,500: 3.28, 2.32, 1.36 and 1.04 are seven quotas; D's remainder is the smallest.
        ("LR_IMPERIALI", 6, [3, 2, 1, 0]),
    ] {
        let allocation = allocate(formula, seats, &example);
        assert_eq!(
            (allocation.seats.as_slice(), allocation.tie),
            (expected.as_slice(), None),
            "{formula} {seats}"
        );
    }
}

#[test]
fn extremes_are_answered() {
    for name in Formula::names() {
        let only = allocate(name, 7, &[0, 5, 0]);
        assert_eq!((only.seats, only.tie), (vec![0, 7, 0], None), "{name}: one list has all seats");
        let nobody = allocate(name, 7, &[0, 0]);
        assert_eq!((nobody.seats, nobody.tie), (vec![0, 0], None), "{name}: without votes nobody has any");
        assert_eq!(allocate(name, 7, &[]).seats, Vec::<u32>::new());
        let equal = allocate(name, 2, &[9, 9, 9]);
        let tie = equal.tie.unwrap();
        assert_eq!((equal.seats, tie.lists, tie.seats), (vec![0; 3], vec![0, 1, 2], 2), "{name}");
        let many = allocate(name, 1, &[3, 9, 4, 1]);
        assert_eq!((many.seats, many.tie), (vec![0, 1, 0, 0], None), "{name}: more lists than seats");
        // The largest numbers that the contract can carry.
        let (seats, votes) = (i32::MAX.unsigned_abs(), i64::MAX.unsigned_abs());
        let huge = allocate(name, seats, &[votes, votes, votes - 1]);
        let given = huge.seats.iter().sum::<u32>() + huge.tie.map_or(0, |tie| tie.seats);
        assert_eq!(given, seats, "{name}");
        assert!(huge.seats.iter().all(|won| won.abs_diff(seats / 3) <= 2), "{name}: {:?}", huge.seats);
    }
}

proptest! {
    #[test]
    fn all_seats_are_given_or_tied(seats in 1_u32..40, votes in prop::collection::vec(0_u64..60, 1..8)) {
        for name in Formula::names() {
            let allocation = allocate(name, seats, &votes);
            let given: u32 = allocation.seats.iter().sum();
            let expected = if votes.iter().any(|votes| *votes > 0) { seats } else { 0 };
            prop_assert_eq!(given + allocation.tie.as_ref().map_or(0, |tie| tie.seats), expected, "{}", name);
            for (won, votes) in allocation.seats.iter().zip(&votes) {
                prop_assert!(*votes > 0 || *won == 0, "{name}");
            }
            let tied = |tie: &reform_indicators::seats::allocation::Tie| {
                usize::try_from(tie.seats).is_ok_and(|seats| 0 < seats && seats < tie.lists.len())
            };
            prop_assert!(allocation.tie.as_ref().is_none_or(tied), "{name}: {allocation:?}");
        }
    }

    #[test]
    fn divisors_are_the_largest_quotients(seats in 1_u32..60, votes in prop::collection::vec(0_u64..500, 1..7)) {
        for name in DIVISORS {
            prop_assert_eq!(allocate(name, seats, &votes), naive(name, seats, &votes), "{}", name);
        }
    }

    /// T. Jefferson's rule: a divisor such that the whole parts of votes over divisor add up to the seats.
    #[test]
    fn d_hondt_is_jefferson(seats in 1_u64..30, votes in prop::collection::vec(1_u64..2_000, 1..6)) {
        let allocation = allocate("D_HONDT", u32::try_from(seats).unwrap(), &votes);
        // Any divisor that makes a difference is a list's votes over a number of seats.
        let divisors = votes.iter().flat_map(|votes| (1..=seats).map(move |count| (*votes, count)));
        let whole = |(part, count): (u64, u64)| -> Vec<u64> { votes.iter().map(|votes| votes * count / part).collect() };
        let found = divisors.map(whole).find(|shares| shares.iter().sum::<u64>() == seats);
        let own: Vec<u64> = allocation.seats.iter().copied().map(u64::from).collect();
        match found {
            Some(shares) => prop_assert_eq!((own, allocation.tie), (shares, None)),
            None => prop_assert!(allocation.tie.is_some()),
        }
    }

    /// Each of three methods makes the best of its own measure: the distance of Loosemore and Hanby, that of
    /// Sainte-Laguë, and the largest ratio of seats to votes.
    #[test]
    fn methods_are_best_by_their_own_measure(seats in 1_u32..8, votes in prop::collection::vec(1_u64..300, 1..5)) {
        let all = shares(seats, votes.len());
        let hare = allocate("LR_HARE", seats, &votes);
        if hare.tie.is_none() {
            let best = all.iter().map(|one| distances(one, &votes, seats).0).min();
            prop_assert_eq!(Some(distances(&hare.seats, &votes, seats).0), best);
        }
        let webster = allocate("SAINTE_LAGUE", seats, &votes);
        if webster.tie.is_none() {
            let own = distances(&webster.seats, &votes, seats).1;
            prop_assert!(all.iter().all(|one| distances(one, &votes, seats).1 >= own - 1e-6 * own.max(1.0)));
        }
        let jefferson = allocate("D_HONDT", seats, &votes);
        if jefferson.tie.is_none() {
            // Ratios as fractions over the product of all votes.
            let product: u128 = votes.iter().copied().map(u128::from).product();
            let worst = |one: &[u32]| one.iter().zip(&votes).map(|(won, votes)| u128::from(*won) * product / u128::from(*votes)).max();
            prop_assert_eq!(Some(worst(&jefferson.seats)), all.iter().map(|one| worst(one)).min());
        }
    }

    #[test]
    fn the_order_of_lists_does_not_matter(seats in 1_u32..40, votes in prop::collection::vec(0_u64..40, 1..8)) {
        let turned: Vec<u64> = votes.iter().rev().copied().collect();
        for name in Formula::names() {
            let (one, mut other) = (allocate(name, seats, &votes), allocate(name, seats, &turned));
            other.seats.reverse();
            prop_assert_eq!(&one.seats, &other.seats, "{}", name);
            let mirrored = |place: &usize| votes.len() - 1 - place;
            let mut lists: Vec<usize> = other.tie.iter().flat_map(|tie| tie.lists.iter().map(mirrored)).collect();
            lists.sort_unstable();
            prop_assert_eq!(one.tie.map_or(Vec::new(), |tie| tie.lists), lists, "{}", name);
        }
    }

    /// All but Droop's, whose quota is rounded.
    #[test]
    fn the_size_of_the_electorate_does_not_matter(
        seats in 1_u32..40,
        votes in prop::collection::vec(0_u64..90, 1..8),
        factor in 1_u64..1_000_000_007,
    ) {
        let scaled: Vec<u64> = votes.iter().map(|votes| votes * factor).collect();
        for name in Formula::names().filter(|name| *name != "LR_DROOP") {
            prop_assert_eq!(allocate(name, seats, &votes), allocate(name, seats, &scaled), "{}", name);
        }
    }

    /// Hare's method stays within the quota rounded down and up, D'Hondt's never goes below it.
    #[test]
    fn quotas_are_kept(seats in 1_u32..60, votes in prop::collection::vec(1_u64..900, 1..8)) {
        let total: u64 = votes.iter().sum();
        let quota = |votes: &u64| (votes * u64::from(seats) / total, (votes * u64::from(seats)).div_ceil(total));
        let (hare, jefferson) = (allocate("LR_HARE", seats, &votes), allocate("D_HONDT", seats, &votes));
        for (place, (low, high)) in votes.iter().map(quota).enumerate() {
            prop_assert!((low..=high).contains(&hare.seats[place].into()));
            let tied = jefferson.tie.as_ref().is_some_and(|tie| tie.lists.contains(&place));
            prop_assert!(u64::from(jefferson.seats[place]) + u64::from(tied) >= low);
        }
    }

    /// No list has fewer seats in a larger house, or with more votes while the others keep theirs.
    #[test]
    fn divisors_are_monotone(
        seats in 1_u32..60,
        votes in prop::collection::vec(1_u64..900, 1..8),
        more in 1_u64..400,
    ) {
        let mut grown = votes.clone();
        grown[0] += more;
        for name in DIVISORS {
            let (now, larger) = (allocate(name, seats, &votes), allocate(name, seats + 1, &votes));
            prop_assert!(now.seats.iter().zip(&larger.seats).all(|(now, larger)| now <= larger), "{name}");
            prop_assert!(now.seats[0] <= allocate(name, seats, &grown).seats[0], "{name}");
        }
    }
}
