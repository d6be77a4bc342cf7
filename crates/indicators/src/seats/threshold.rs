//! Who takes part in the distribution, and what those win.

use std::cmp::Reverse;

use crate::number::Number;
use crate::seats::allocation::{Tie, TieRule, first_of, ranked};
use crate::seats::formula::Formula;

/// The rules that turn votes into seats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// How votes become seats.
    pub formula: Formula,
    /// Seats to fill.
    pub seats: u32,
    /// The share of the base that a list needs, as a fraction of 1; zero is no threshold.
    pub threshold: Number,
    /// Whether a share equal to the threshold is too little.
    pub exclusive: bool,
    /// Lists that enter at the least, even below the threshold.
    pub minimum_lists: u32,
}

/// A list and its votes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// Votes for it.
    pub votes: u64,
    /// Whether no threshold applies to it.
    pub exempt: bool,
    /// A threshold of its own, as a fraction of 1, in place of the common one.
    pub threshold: Option<Number>,
}

/// What lists win under rules, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distribution {
    /// Whether the list certainly takes part.
    pub enters: Vec<bool>,
    /// Seats, without tied ones.
    pub seats: Vec<u32>,
    /// What the votes do not decide, at most one tie of each kind.
    pub ties: Vec<Tie>,
}

/// Lets lists enter, then shares out the seats among the votes of those who did.
///
/// Where fewer lists pass than the minimum, those with most votes among the others enter, lists without votes never.
/// Equals who compete for the last such place are a tie, and neither enters certainly: whoever a draw would favour, all
/// other lists have the same seats, and what the favoured would win is tied.
pub fn distribute(lists: &[List], base: &Number, rules: &Rules) -> Distribution {
    let passes = |list: &List| list.exempt || rules.passes(list, base);
    let mut enters: Vec<bool> = lists.iter().map(passes).collect();
    let wanted = usize::try_from(rules.minimum_lists).unwrap_or(usize::MAX);
    let missing = wanted.saturating_sub(enters.iter().filter(|enters| **enters).count());
    let others = (0..lists.len()).filter(|place| !enters[*place] && lists[*place].votes > 0);
    let most_votes_first = ranked(others.map(|place| (Reverse(lists[place].votes), place)));
    let (admitted, drawn) = first_of(most_votes_first, missing);
    for place in admitted {
        enters[place] = true;
    }
    let (drawn, places) = drawn.unwrap_or_default();
    let stand_ins = drawn.get(..places).unwrap_or_default();
    let takes_part = |place: usize| enters[place] || stand_ins.contains(&place);
    let votes: Vec<u64> = lists
        .iter()
        .enumerate()
        .map(|(place, list)| if takes_part(place) { list.votes } else { 0 })
        .collect();
    let allocation = rules.formula.allocate(rules.seats, &votes);
    let mut seats = allocation.seats;
    let mut ties = Vec::new();
    // Equals win the same, as far as that is certain.
    let each = stand_ins.first().map_or(0, |place| std::mem::take(&mut seats[*place]));
    for place in stand_ins {
        seats[*place] = 0;
    }
    if each > 0 {
        let tied = each * u32::try_from(places).unwrap_or(u32::MAX);
        ties.push(Tie { lists: drawn.clone(), seats: tied, each, rule: TieRule::MinimumOfLists });
    }
    ties.extend(allocation.tie.map(|tie| among_all(tie, stand_ins, &drawn)));
    Distribution { enters, seats, ties }
}

/// A tie that a stand-in is part of is one of all for whom it stood.
fn among_all(mut tie: Tie, stand_ins: &[usize], drawn: &[usize]) -> Tie {
    if tie.lists.iter().any(|place| stand_ins.contains(place)) {
        tie.lists.extend(drawn.iter().filter(|place| !stand_ins.contains(place)));
        tie.lists.sort_unstable();
    }
    tie
}

impl Rules {
    fn passes(&self, list: &List, base: &Number) -> bool {
        let threshold = list.threshold.as_ref().unwrap_or(&self.threshold);
        let (votes, needed) = (Number::from(list.votes), threshold * base);
        if self.exclusive { votes > needed } else { votes >= needed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seats::divisor::Divisors;

    const D_HONDT: Formula = Formula::HighestAverages(Divisors::DHondt);

    fn lists(votes: &[u64]) -> Vec<List> {
        votes.iter().map(|votes| List { votes: *votes, exempt: false, threshold: None }).collect()
    }

    fn rules(seats: u32, percent: i64) -> Rules {
        let threshold = Number::scaled(percent, 2);
        Rules { formula: D_HONDT, seats, threshold, exclusive: false, minimum_lists: 0 }
    }

    fn total(lists: &[List]) -> Number {
        lists.iter().map(|list| Number::from(list.votes)).sum()
    }

    #[test]
    fn a_share_at_the_threshold_enters_unless_the_rule_says_more() {
        let lists = lists(&[95, 5]);
        let of = |exclusive| distribute(&lists, &total(&lists), &Rules { exclusive, ..rules(20, 5) });
        assert_eq!((of(false).enters, of(false).seats), (vec![true, true], vec![19, 1]));
        assert_eq!((of(true).enters, of(true).seats), (vec![true, false], vec![20, 0]));
    }

    #[test]
    fn the_base_is_not_the_votes_of_the_lists() {
        let lists = lists(&[950, 50]);
        // With one ballot that is for nobody, 50 of 1,001 are less than 5 %.
        assert_eq!(distribute(&lists, &Number::from(1001), &rules(20, 5)).enters, [true, false]);
        assert_eq!(distribute(&lists, &Number::from(1000), &rules(20, 5)).enters, [true, true]);
    }

    #[test]
    fn exempt_lists_and_own_thresholds_go_their_own_way() {
        let mut lists = lists(&[900, 60, 30, 10]);
        lists[1].threshold = Some(Number::scaled(8, 2));
        lists[3].exempt = true;
        let told = distribute(&lists, &total(&lists), &rules(10, 5));
        assert_eq!(told.enters, [true, false, false, true]);
        assert_eq!(told.seats, [10, 0, 0, 0]);
        lists[2].threshold = Some(Number::zero());
        assert_eq!(distribute(&lists, &total(&lists), &rules(10, 5)).enters, [true, false, true, true]);
    }

    #[test]
    fn the_minimum_of_lists_lets_the_next_enter() {
        let lists = lists(&[884, 45, 31, 0]);
        let of = |minimum_lists| distribute(&lists, &total(&lists), &Rules { minimum_lists, ..rules(98, 7) });
        assert_eq!(of(1).enters, [true, false, false, false]);
        assert_eq!((of(2).enters, of(2).seats), (vec![true, true, false, false], vec![94, 4, 0, 0]));
        // A list without votes is not let in.
        assert_eq!(of(9).enters, [true, true, true, false]);
    }

    #[test]
    fn equals_at_the_last_place_of_the_minimum_are_tied_and_the_others_keep_their_seats() {
        let lists = lists(&[80, 10, 10]);
        let told = distribute(&lists, &total(&lists), &Rules { minimum_lists: 2, ..rules(9, 20) });
        assert_eq!((told.enters, told.seats), (vec![true, false, false], vec![8, 0, 0]));
        assert_eq!(told.ties, [Tie { lists: vec![1, 2], seats: 1, each: 1, rule: TieRule::MinimumOfLists }]);
        // Where neither would win a seat, nothing is tied.
        let told = distribute(&lists, &total(&lists), &Rules { minimum_lists: 2, ..rules(3, 20) });
        assert_eq!((told.seats, told.ties), (vec![3, 0, 0], vec![]));
        // The seat after the seventh is as much the first's as that of whoever enters.
        let told = distribute(&lists, &total(&lists), &Rules { minimum_lists: 2, ..rules(8, 20) });
        assert_eq!(told.seats, [7, 0, 0]);
        assert_eq!(told.ties, [Tie { lists: vec![0, 1, 2], seats: 1, each: 1, rule: TieRule::Quotients }]);
    }

    #[test]
    fn nobody_above_the_threshold_leaves_the_seats_empty() {
        let lists = lists(&[50, 50]);
        let told = distribute(&lists, &Number::from(10_000), &rules(10, 5));
        assert_eq!(told, Distribution { enters: vec![false; 2], seats: vec![0; 2], ties: vec![] });
    }
}
