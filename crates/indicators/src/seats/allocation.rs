//! What a formula gives: seats by list, and the tie that the votes leave.

/// Seats in the order of the votes that were given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allocation {
    /// Seats by list, without tied ones.
    pub seats: Vec<u32>,
    /// What the votes do not decide; none when they decide all.
    pub tie: Option<Tie>,
}

/// Seats between lists that are equal; they are given to nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tie {
    /// The places of the lists, in order.
    pub lists: Vec<usize>,
    /// The seats that are left between them.
    pub seats: u32,
    /// How many of these seats each list has that a draw favours.
    pub each: u32,
    /// What ended in the tie.
    pub rule: TieRule,
}

/// What ends in a tie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TieRule {
    /// Quotients of votes and divisors.
    Quotients,
    /// The largest remainders that would have a seat.
    LargestRemainders,
    /// The smallest remainders that would lose a seat, where whole quotas are more than the seats.
    SmallestRemainders,
    /// Votes for the last list that the minimum of lists lets enter.
    MinimumOfLists,
}

impl TieRule {
    /// For a reader.
    pub fn as_str(self) -> &'static str {
        match self {
            TieRule::Quotients => "equal quotients",
            TieRule::LargestRemainders => "equal remainders",
            TieRule::SmallestRemainders => {
                "equal smallest remainders, where whole quotas give more seats than there are"
            }
            TieRule::MinimumOfLists => "equal votes for the last place that the minimum of lists gives",
        }
    }
}

impl Allocation {
    /// No seat for anybody.
    pub(super) fn nothing(lists: usize) -> Self {
        Self { seats: vec![0; lists], tie: None }
    }
}

/// The first `wanted` members of groups of equals in order; and the group that has more members than are still wanted,
/// with how many that is.
pub(super) fn first_of(
    groups: impl IntoIterator<Item = Vec<usize>>,
    wanted: usize,
) -> (Vec<usize>, Option<(Vec<usize>, usize)>) {
    let mut taken = Vec::new();
    for mut group in groups {
        let left = wanted - taken.len();
        if left == 0 {
            break;
        }
        if group.len() > left {
            group.sort_unstable();
            return (taken, Some((group, left)));
        }
        taken.append(&mut group);
    }
    (taken, None)
}

/// Places in ascending order of their keys, equals together.
pub(super) fn ranked<K: Ord>(keyed: impl IntoIterator<Item = (K, usize)>) -> Vec<Vec<usize>> {
    let mut keyed: Vec<(K, usize)> = keyed.into_iter().collect();
    keyed.sort_unstable();
    let groups = keyed.chunk_by(|a, b| a.0 == b.0);
    groups.map(|group| group.iter().map(|(_, place)| *place).collect()).collect()
}
