//! The formulas by the names of the contract.

use reform_model::vocabulary;

use crate::seats::allocation::Allocation;
use crate::seats::divisor::{self, Divisors};
use crate::seats::quota::{self, Quota};

/// How votes become seats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Formula {
    /// Votes divided by a rising row of numbers; the largest quotients win.
    HighestAverages(Divisors),
    /// Whole quotas first, then the largest remainders.
    LargestRemainder(Quota),
}

/// Every formula by its name.
const NAMES: [(&str, Formula); 9] = [
    ("D_HONDT", Formula::HighestAverages(Divisors::DHondt)),
    ("SAINTE_LAGUE", Formula::HighestAverages(Divisors::SainteLague)),
    ("MODIFIED_SAINTE_LAGUE", Formula::HighestAverages(Divisors::ModifiedSainteLague)),
    ("DANISH", Formula::HighestAverages(Divisors::Danish)),
    ("IMPERIALI_DIVISOR", Formula::HighestAverages(Divisors::Imperiali)),
    ("LR_HARE", Formula::LargestRemainder(Quota::Hare)),
    ("LR_DROOP", Formula::LargestRemainder(Quota::Droop)),
    ("LR_HAGENBACH_BISCHOFF", Formula::LargestRemainder(Quota::HagenbachBischoff)),
    ("LR_IMPERIALI", Formula::LargestRemainder(Quota::Imperiali)),
];

impl Formula {
    /// Every name.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(name, _)| *name)
    }

    /// Every formula.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.iter().map(|(_, formula)| *formula)
    }

    /// The formula of that name.
    pub fn parse(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, formula)| *formula)
    }

    /// What a record states; none for a rule that turns no list votes into seats.
    pub fn stored(formula: vocabulary::Formula) -> Option<Self> {
        match formula {
            vocabulary::Formula::Dhondt => Some(Self::HighestAverages(Divisors::DHondt)),
            vocabulary::Formula::SainteLague => Some(Self::HighestAverages(Divisors::SainteLague)),
            vocabulary::Formula::HareLargestRemainder => Some(Self::LargestRemainder(Quota::Hare)),
            vocabulary::Formula::Plurality | vocabulary::Formula::TwoRound => None,
        }
    }

    /// The seats of lists with these votes. A list without votes wins none, and without any votes nobody does.
    pub fn allocate(self, seats: u32, votes: &[u64]) -> Allocation {
        match self {
            Self::HighestAverages(divisors) => divisor::highest_averages(divisors, seats, votes),
            Self::LargestRemainder(quota) => quota::largest_remainder(quota, seats, votes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_and_nothing_else() {
        assert!(
            Formula::names().zip(Formula::all()).all(|(name, formula)| Formula::parse(name) == Some(formula))
        );
        assert_eq!(Formula::names().count(), 9);
        for name in ["", "d_hondt", "DHONDT", "LR_HARE "] {
            assert_eq!(Formula::parse(name), None);
        }
    }
}
