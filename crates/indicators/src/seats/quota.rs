//! Largest remainders: a seat for every whole quota, then for the largest remainders.

use std::cmp::Reverse;

use crate::seats::allocation::{Allocation, Tie, TieRule, first_of, ranked};

/// The votes that a seat costs, of V votes of the lists that take part and S seats.
///
/// Source of all four: A. Lijphart, Electoral Systems and Party Systems, Oxford University Press, 1994, pp. 21–24 and
/// appendix; the Droop quota as H. R. Droop had it, Journal of the Statistical Society of London 44, 1881, pp. 141–196.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quota {
    /// V / S; with it the method is A. Hamilton's of 1792.
    Hare,
    /// The integer above V / (S + 1): ⌊V / (S + 1)⌋ + 1.
    Droop,
    /// V / (S + 1), not rounded.
    HagenbachBischoff,
    /// V / (S + 2), not rounded.
    Imperiali,
}

impl Quota {
    /// The quota as a fraction, so that no remainder is rounded.
    fn of(self, votes: u128, seats: u32) -> (u128, u128) {
        let seats = u128::from(seats);
        match self {
            Self::Hare => (votes, seats),
            Self::Droop => (votes / (seats + 1) + 1, 1),
            Self::HagenbachBischoff => (votes, seats + 1),
            Self::Imperiali => (votes, seats + 2),
        }
    }
}

/// The seats by largest remainders.
///
/// Whole quotas may leave more seats than there are lists, by the Droop quota of few votes: then every list has one more
/// as often as there are enough for all. They may also be more than the seats, by the two quotas that are no larger than
/// Droop's: then the seats too many are taken from those with the smallest remainders, as the Czech law on elections to
/// Parliament (247/1995, in the words of 2021) does.
pub(super) fn largest_remainder(quota: Quota, seats: u32, votes: &[u64]) -> Allocation {
    let total: u128 = votes.iter().copied().map(u128::from).sum();
    if total == 0 || seats == 0 {
        return Allocation::nothing(votes.len());
    }
    let (numerator, denominator) = quota.of(total, seats);
    let scaled = || votes.iter().map(|votes| u128::from(*votes) * denominator);
    let remainders: Vec<u128> = scaled().map(|votes| votes % numerator).collect();
    // No more whole quotas than there are seats and two.
    let won = scaled().map(|votes| u32::try_from(votes / numerator).unwrap_or(u32::MAX)).collect();
    let shared = Shared { votes, remainders, won };
    let given: u64 = shared.won.iter().copied().map(u64::from).sum();
    match u64::from(seats).checked_sub(given) {
        Some(left) => shared.give(left),
        None => shared.take(given - u64::from(seats)),
    }
}

/// Lists after their whole quotas.
struct Shared<'a> {
    votes: &'a [u64],
    remainders: Vec<u128>,
    won: Vec<u32>,
}

impl Shared<'_> {
    /// Gives the seats that are left to the largest remainders.
    fn give(mut self, left: u64) -> Allocation {
        let lists: Vec<usize> = (0..self.votes.len()).filter(|list| self.votes[*list] > 0).collect();
        let count = u64::try_from(lists.len()).unwrap_or(u64::MAX);
        let (rounds, left) = (left / count, left % count);
        for list in &lists {
            self.won[*list] += u32::try_from(rounds).unwrap_or(u32::MAX);
        }
        let largest_first = ranked(lists.into_iter().map(|list| (Reverse(self.remainders[list]), list)));
        let (winners, tied) = first_of(largest_first, usize::try_from(left).unwrap_or(usize::MAX));
        for list in winners {
            self.won[list] += 1;
        }
        let tie = tied.map(|(lists, left)| Tie {
            lists,
            seats: u32::try_from(left).unwrap_or(u32::MAX),
            each: 1,
            rule: TieRule::LargestRemainders,
        });
        Allocation { seats: self.won, tie }
    }

    /// Takes the seats that are too many from the smallest remainders, one from each list at a time.
    fn take(mut self, excess: u64) -> Allocation {
        let mut excess = usize::try_from(excess).unwrap_or(usize::MAX);
        while excess > 0 {
            let holders = (0..self.won.len()).filter(|list| self.won[*list] > 0);
            let smallest_first = ranked(holders.map(|list| (self.remainders[list], list)));
            let (losers, tied) = first_of(smallest_first, excess);
            excess -= losers.len();
            for list in losers {
                self.won[list] -= 1;
            }
            if let Some((lists, left)) = tied {
                for list in &lists {
                    self.won[*list] -= 1;
                }
                let seats = u32::try_from(lists.len() - left).unwrap_or(u32::MAX);
                let tie = Tie { lists, seats, each: 1, rule: TieRule::SmallestRemainders };
                return Allocation { seats: self.won, tie: Some(tie) };
            }
        }
        Allocation { seats: self.won, tie: None }
    }
}
