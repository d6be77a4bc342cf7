//! Published worked examples, recomputed: `published/seats.tsv` and `published/indices.tsv` name the source of each row.
//!
//! Where a publication is wrong, the row has both figures, and the check is that they differ as it says.

use std::collections::BTreeSet;

use reform_indicators::electoral::disproportion::{Index, Pair};
use reform_indicators::electoral::formulas::{laakso_taagepera, laakso_taagepera_between};
use reform_indicators::estimate::Estimate;
use reform_indicators::number::Number;
use reform_indicators::seats::formula::Formula;
use reform_indicators::seats::threshold::{List, Rules, distribute};
use reform_model::Decimal;

/// The rows of a table: fields between tabs, `#` before what is for readers.
fn rows(table: &str) -> Vec<Vec<&str>> {
    let lines = table.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split('\t').collect()).collect()
}

fn numbers<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> Vec<T> {
    text.split_whitespace().map(|number| number.parse().unwrap()).collect()
}

#[test]
fn published_allocations_hold() {
    let table = rows(include_str!("../published/seats.tsv"));
    for row in &table {
        let &[source, formula, seats, votes, won, tied, printed] = row.as_slice() else { panic!("{row:?}") };
        let allocation = Formula::parse(formula).unwrap().allocate(seats.parse().unwrap(), &numbers(votes));
        assert_eq!(allocation.seats, numbers::<u32>(won), "{source}: {formula}");
        let tie = allocation.tie.as_ref().map(|tie| (tie.lists.clone(), tie.seats));
        let expected = tied.split_once(':').map(|(lists, seats)| (numbers(lists), seats.parse().unwrap()));
        assert_eq!(tie, expected, "{source}: {formula}");
        let given: u32 = allocation.seats.iter().sum::<u32>() + tie.map_or(0, |(_, seats)| seats);
        assert_eq!(given, seats.parse::<u32>().unwrap(), "{source}: {formula}");
        if !printed.is_empty() {
            assert_ne!(
                allocation.seats,
                numbers::<u32>(printed),
                "{source}: what is printed holds after all"
            );
        }
    }
    assert!(table.len() >= 80);
    let formulas: BTreeSet<&str> = table.iter().map(|row| row[1]).collect();
    // No publication was found whose figures are by these two; properties and hand-worked cases guard them.
    let unpublished = ["DANISH", "IMPERIALI_DIVISOR"];
    assert!(Formula::names().all(|name| formulas.contains(name) != unpublished.contains(&name)));
}

/// Votes of a list, whether it is exempt, its own threshold in percent, and the seats that it won.
type Line = (u64, bool, Option<i64>, u32);

fn check_election(formula: &str, seats: u32, valid: u64, lines: &[Line]) {
    let percent = |percent: i64| Number::scaled(percent, 2);
    let list =
        |(votes, exempt, own, _): &Line| List { votes: *votes, exempt: *exempt, threshold: own.map(percent) };
    let lists: Vec<List> = lines.iter().map(list).collect();
    let formula = Formula::parse(formula).unwrap();
    let rules = Rules { formula, seats, threshold: percent(5), exclusive: false, minimum_lists: 0 };
    let told = distribute(&lists, &valid.into(), &rules);
    let won: Vec<u32> = lines.iter().map(|line| line.3).collect();
    assert_eq!((told.seats, told.ties.len()), (won, 0));
}

#[test]
fn elections_with_exempt_lists_and_own_thresholds_come_out_as_published() {
    // Germany, Bundestag 2025, federal returning officer: a list of a national minority is exempt, another one misses
    // 5 % by 0.019 points of 49,649,512 valid second votes.
    check_election(
        "SAINTE_LAGUE",
        630,
        49_649_512,
        &[
            (11_196_374, false, None, 164),
            (10_328_780, false, None, 152),
            (8_149_124, false, None, 120),
            (5_762_380, false, None, 85),
            (4_356_532, false, None, 64),
            (2_964_028, false, None, 44),
            (2_472_947, false, None, 0),
            (2_148_757, false, None, 0),
            (76_138, true, None, 1),
        ],
    );
    // Slovakia, National Council 2020, statistical office: a coalition needed 7 % and had 6.97 %.
    check_election(
        "LR_HAGENBACH_BISCHOFF",
        150,
        2_881_511,
        &[
            (721_166, false, None, 53),
            (527_172, false, None, 38),
            (237_531, false, None, 17),
            (229_660, false, None, 17),
            (200_780, false, Some(7), 0),
            (179_246, false, None, 13),
            (166_325, false, None, 12),
            (134_099, false, None, 0),
        ],
    );
}

fn decimal(text: &str) -> Number {
    text.parse::<Decimal>().unwrap().into()
}

/// An index of a row of the table.
fn index(id: &str, parties: &[(Number, Number)], total: &Number) -> Estimate {
    let hundred = Number::from(100);
    let seats: Number = parties.iter().map(|(_, seats)| seats.clone()).sum();
    let share = |part: &Number, whole: &Number| part.checked_div(whole).unwrap_or_else(Number::zero);
    let votes: Vec<Number> = parties.iter().map(|(votes, _)| share(votes, total)).collect();
    let rest = Number::one() - votes.iter().cloned().sum();
    let of = |index: Index| {
        let pairs: Vec<Pair> = parties
            .iter()
            .zip(&votes)
            .map(|((_, won), votes)| Pair {
                votes: Estimate::exact(votes * &hundred),
                seats: &share(won, &seats) * &hundred,
            })
            .collect();
        index.of(&pairs, &(&rest * &hundred)).unwrap()
    };
    match id {
        "disproportionality" => of(Index::LeastSquares),
        "disproportionality-loosemore-hanby" => of(Index::LoosemoreHanby),
        "disproportionality-rae" => of(Index::Rae),
        "effective-parties-votes" => {
            let votes: Vec<Estimate> = votes.iter().cloned().map(Estimate::exact).collect();
            laakso_taagepera_between(&votes, &rest)
        }
        "effective-parties-seats" => {
            let won: Vec<Number> = parties.iter().map(|(_, won)| share(won, &seats)).collect();
            Estimate::exact(laakso_taagepera(&won).unwrap())
        }
        _ => panic!("{id}"),
    }
}

#[test]
fn published_indices_hold() {
    let table = rows(include_str!("../published/indices.tsv"));
    for row in &table {
        let &[source, id, parties, total, printed, differs] = row.as_slice() else { panic!("{row:?}") };
        let party = |text: &str| {
            let (votes, seats) = text.split_once(':').unwrap();
            (decimal(votes), decimal(seats))
        };
        let parties: Vec<(Number, Number)> = parties.split_whitespace().map(party).collect();
        let sum = || parties.iter().map(|(votes, _)| votes.clone()).sum();
        let total = if total.is_empty() { sum() } else { decimal(total) };
        let estimate = index(id, &parties, &total);
        let places = printed.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        if differs.is_empty() {
            // What the rows leave out is one party at the most and crumbs at the least.
            let [lower, upper] = [estimate.lower, estimate.upper].map(|bound| bound.unwrap().number);
            let [lower, upper] = [lower, upper].map(|bound| decimal(&bound.rounded(places)));
            let printed = decimal(printed);
            assert!(lower <= printed && printed <= upper, "{source}, {id}: {lower:?} to {upper:?}");
        } else {
            assert_eq!(estimate.value.unwrap().rounded(places), differs, "{source}, {id}");
            assert_ne!(printed, differs, "{source}, {id}: what is printed holds after all");
        }
    }
    assert!(table.len() >= 25);
}
