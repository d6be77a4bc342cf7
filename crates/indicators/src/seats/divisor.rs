//! Highest averages: votes divided by a rising row of divisors; the largest quotients have the seats.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::seats::allocation::{Allocation, Tie, TieRule};

/// A row of divisors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Divisors {
    /// 1, 2, 3 …
    ///
    /// Source: V. D'Hondt, Système pratique et raisonné de représentation proportionnelle, Muquardt, Brussels 1882;
    /// the same seats as T. Jefferson's method of 1792.
    DHondt,
    /// 1, 3, 5 …
    ///
    /// Source: A. Sainte-Laguë, La représentation proportionnelle et la méthode des moindres carrés, Annales
    /// scientifiques de l'École normale supérieure 27, 1910, pp. 529–542; the same seats as D. Webster's method of 1832.
    SainteLague,
    /// 1.4, 3, 5 …
    ///
    /// Source: A. Lijphart, Electoral Systems and Party Systems, Oxford University Press, 1994, p. 23.
    ModifiedSainteLague,
    /// 1, 4, 7 …
    ///
    /// Source: as [`Divisors::ModifiedSainteLague`].
    Danish,
    /// 2, 3, 4 …
    ///
    /// Source: R. Taagepera and M. S. Shugart, Seats and Votes, Yale University Press, 1989, pp. 29–35.
    Imperiali,
}

impl Divisors {
    /// The divisor of the next seat of a list that has won so many, times five: 1.4 then is whole as well.
    fn after(self, won: u32) -> u128 {
        if won == 0 && self == Self::ModifiedSainteLague {
            return 7;
        }
        let (start, step) = self.line();
        start + step * u128::from(won)
    }

    /// Start and step of the divisors, times five; the first of [`Divisors::ModifiedSainteLague`] is above its line.
    fn line(self) -> (u128, u128) {
        match self {
            Self::DHondt => (5, 5),
            Self::SainteLague | Self::ModifiedSainteLague => (5, 10),
            Self::Danish => (5, 15),
            Self::Imperiali => (10, 5),
        }
    }

    /// How many divisors, times five, are not above a number.
    fn up_to(self, number: u128) -> u32 {
        if number < self.after(0) {
            return 0;
        }
        let (start, step) = self.line();
        u32::try_from((number - start) / step + 1).unwrap_or(u32::MAX)
    }
}

/// The next quotient of a list.
#[derive(Debug, Clone, Copy)]
struct Quotient {
    votes: u64,
    divisor: u128,
    list: usize,
}

impl Ord for Quotient {
    fn cmp(&self, other: &Self) -> Ordering {
        // Votes below 2^64 times divisors below 2^37.
        (u128::from(self.votes) * other.divisor).cmp(&(u128::from(other.votes) * self.divisor))
    }
}

impl PartialOrd for Quotient {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Quotient {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Quotient {}

/// The seats by highest averages.
pub(super) fn highest_averages(divisors: Divisors, seats: u32, votes: &[u64]) -> Allocation {
    let mut won = head_start(divisors, seats, votes);
    let given: u32 = won.iter().sum();
    let mut left = usize::try_from(seats - given).unwrap_or(usize::MAX);
    let next = |list: usize, won: u32| Quotient { votes: votes[list], divisor: divisors.after(won), list };
    let mut quotients: BinaryHeap<Quotient> =
        (0..votes.len()).filter(|list| votes[*list] > 0).map(|list| next(list, won[list])).collect();
    while left > 0 {
        let Some(largest) = quotients.pop() else { break };
        let mut equal = vec![largest.list];
        while quotients.peek() == Some(&largest) {
            equal.extend(quotients.pop().map(|quotient| quotient.list));
        }
        if equal.len() > left {
            equal.sort_unstable();
            // The seats were counted in 32 bits above.
            let seats = u32::try_from(left).unwrap_or(u32::MAX);
            let tie = Tie { lists: equal, seats, each: 1, rule: TieRule::Quotients };
            return Allocation { seats: won, tie: Some(tie) };
        }
        left -= equal.len();
        for list in equal {
            won[list] += 1;
            quotients.push(next(list, won[list]));
        }
    }
    Allocation { seats: won, tie: None }
}

/// Seats that are certain without a count of quotients, so that the rest are no more than twice the lists.
///
/// With n lists, V votes and divisors start + step·k, let a quotient count when it is at least V / (step·(seats − n)).
/// A list with v votes has at most v·(seats − n)/V + 1 of these, so all lists together have at most `seats`: the largest
/// quotients are these and some smaller ones.
fn head_start(divisors: Divisors, seats: u32, votes: &[u64]) -> Vec<u32> {
    let lists = votes.iter().filter(|votes| **votes > 0).count();
    let total: u128 = votes.iter().copied().map(u128::from).sum();
    let sure = u128::from(seats).saturating_sub(u128::try_from(lists).unwrap_or(u128::MAX));
    if total == 0 || sure == 0 {
        return vec![0; votes.len()];
    }
    let (_, step) = divisors.line();
    votes.iter().map(|votes| divisors.up_to(u128::from(*votes) * step * sure / total)).collect()
}
