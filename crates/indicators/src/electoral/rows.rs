//! The rows of results as shares and seats of contenders.

use std::collections::{BTreeMap, BTreeSet};

use reform_model::Name;
use reform_model::election::{Contender, Election, ElectionResult, Tier};
use reform_model::vocabulary::{System, VoteBase};

use crate::answer::{Code, Point};
use crate::electoral::formulas;
use crate::estimate::Estimate;
use crate::number::Number;

/// Whom a row of results belongs to; rows with the same key are added up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key<'a> {
    /// A party, or the candidates that it put up for seats in a chamber.
    Party(&'a Name),
    /// Several parties on one list: one contender.
    Alliance(BTreeSet<&'a Name>),
    /// A person without a party, or one who stands for an office.
    Candidate(&'a str),
    /// All independents together.
    Independents,
    /// Somebody without a record.
    Other(&'a str),
    /// The line of the ballot that is nobody.
    AgainstAll,
}

impl<'a> Key<'a> {
    /// Whose row it is.
    pub fn of(row: &'a ElectionResult, system: Option<System>) -> Self {
        match &row.contender {
            Contender::Party(name) => Key::Party(name),
            Contender::Alliance(names) => Key::Alliance(names.iter().collect()),
            Contender::Candidate { party: Some(party), .. } if system != Some(System::SingleOffice) => {
                Key::Party(party)
            }
            Contender::Candidate { name, .. } => Key::Candidate(name),
            Contender::Independents => Key::Independents,
            Contender::Other(name) => Key::Other(name),
            Contender::AgainstAll => Key::AgainstAll,
        }
    }

    /// Whether the row enters an index: parties, alliances and candidates do.
    pub fn enters(&self) -> bool {
        match self {
            Key::Party(_) | Key::Alliance(_) | Key::Candidate(_) => true,
            Key::Independents | Key::Other(_) | Key::AgainstAll => false,
        }
    }
}

/// What the votes of a tier say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoteShares<'a> {
    /// The shares of the contenders that enter an index, as fractions of 1.
    pub entrants: BTreeMap<Key<'a>, Estimate>,
    /// The shares of independents and of others, who are contenders and enter no index.
    pub aside: BTreeMap<Key<'a>, Estimate>,
    /// What the recorded rows of any kind leave to 1.
    pub rest: Number,
    /// Contenders that would enter and have no share.
    pub missing: BTreeSet<Key<'a>>,
}

impl VoteShares<'_> {
    /// Tells of the rows that no index can use.
    pub(super) fn warn(&self, point: &mut Point) {
        let rows = i64::try_from(self.missing.len()).unwrap_or(i64::MAX);
        if rows > 0 {
            point.warn(Code::Missing, "rows of results without a vote share", rows);
        }
    }
}

/// Shares as they are recorded: `vote_share`, else votes of the tier's share base. Nothing is spread over the rows.
pub fn shares_as_recorded<'a>(election: &Election, tier: &'a Tier) -> VoteShares<'a> {
    let base = share_base(election, tier);
    let mut shares = BTreeMap::<Key<'a>, Estimate>::new();
    let mut missing = BTreeSet::new();
    for row in &tier.results {
        let key = Key::of(row, tier.system);
        let recorded =
            row.vote_share.as_ref().map(|share| Estimate::from(share).scale(&Number::scaled(1, 2)));
        let counted = || Number::from(row.votes?).checked_div(base.as_ref()?).map(Estimate::exact);
        match recorded.or_else(counted) {
            Some(share) => {
                let sum = shares.get(&key).map_or_else(|| share.clone(), |sum| sum.add(&share));
                shares.insert(key, sum);
            }
            None if key.enters() => drop(missing.insert(key)),
            None => {}
        }
    }
    let all: Vec<Estimate> = shares.values().cloned().collect();
    VoteShares { missing, rest: formulas::remainder(&all), ..sorted(shares) }
}

/// Shares of the votes of all contenders. Against-all is none; independents and others are, though they enter no index.
///
/// Without every row's votes the recorded shares are set in proportion; without those either, the row is missing.
pub fn shares_of_contenders(tier: &Tier) -> VoteShares<'_> {
    let rows = tier.results.iter().map(|row| (Key::of(row, tier.system), row));
    let contenders: Vec<(Key<'_>, &ElectionResult)> =
        rows.filter(|(key, _)| *key != Key::AgainstAll).collect();
    let votes = |row: &ElectionResult| row.votes.map(Number::from);
    let share = |row: &ElectionResult| {
        Estimate::from(row.vote_share.as_ref()?)
            .is_exact()
            .then_some(row)
            .and_then(|row| row.vote_share.as_ref()?.value().map(Number::from))
    };
    let weights = |of: &dyn Fn(&ElectionResult) -> Option<Number>| -> Option<Vec<Number>> {
        contenders.iter().map(|(_, row)| of(row)).collect()
    };
    let none = || {
        let missing = contenders.iter().filter(|(key, row)| key.enters() && row.votes.is_none());
        VoteShares { missing: missing.map(|(key, _)| key.clone()).collect(), ..sorted(BTreeMap::new()) }
    };
    let Some(weights) = weights(&votes).or_else(|| weights(&share)) else { return none() };
    let total: Number = weights.iter().cloned().sum();
    let mut shares = BTreeMap::<Key<'_>, Estimate>::new();
    for ((key, _), weight) in contenders.iter().zip(&weights) {
        let Some(part) = weight.checked_div(&total).map(Estimate::exact) else { return none() };
        let sum = shares.get(key).map_or_else(|| part.clone(), |sum| sum.add(&part));
        shares.insert(key.clone(), sum);
    }
    sorted(shares)
}

/// The shares of those who enter an index and of those who do not; against-all is neither.
fn sorted(mut shares: BTreeMap<Key<'_>, Estimate>) -> VoteShares<'_> {
    shares.remove(&Key::AgainstAll);
    let (entrants, aside) = shares.into_iter().partition(|(key, _)| key.enters());
    VoteShares { entrants, aside, rest: Number::zero(), missing: BTreeSet::new() }
}

/// The votes that shares of the tier are shares of, as far as they are recorded; valid votes where nothing is said.
fn share_base(election: &Election, tier: &Tier) -> Option<Number> {
    let recorded = match tier.share_base {
        Some(VoteBase::Valid) | None => tier.valid.or(election.valid),
        Some(VoteBase::Cast) => election.cast,
        Some(VoteBase::Registered) => election.registered,
        Some(VoteBase::ContendersAndAgainstAll) => {
            return tier.results.iter().map(|row| row.votes.map(Number::from)).sum();
        }
    };
    recorded.map(Number::from)
}

/// Who won how many seats of a tier.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seats<'a> {
    /// By contender, those without a seat included.
    pub won: BTreeMap<Key<'a>, i64>,
    /// Contenders whose seats are not recorded.
    pub unknown: BTreeSet<Key<'a>>,
    /// Those among `won` of whom no number is recorded: what the others left says it.
    pub inferred: BTreeSet<Key<'a>>,
    /// Seats of a tier that has no rows at all.
    pub unassigned: i64,
    /// Contenders whose seats are not recorded certainly won some.
    pub hidden: bool,
}

impl<'a> Seats<'a> {
    /// The seats of one tier. Where the seats that nobody is recorded to have are none, or only one row has no number,
    /// they are known all the same.
    pub fn of_tier(tier: &'a Tier) -> Self {
        let mut seats = Self::default();
        for row in &tier.results {
            let key = Key::of(row, tier.system);
            match row.seats {
                Some(won) => *seats.won.entry(key).or_insert(0) += i64::from(won),
                None if key == Key::AgainstAll => {}
                None => drop(seats.unknown.insert(key)),
            }
        }
        let known: i64 = seats.won.values().sum();
        let left = tier.seats.map(|all| (i64::from(all) - known).max(0));
        match left {
            Some(left) if tier.results.is_empty() => seats.unassigned = left,
            Some(left) if left == 0 || seats.unknown.len() == 1 => {
                seats.inferred = std::mem::take(&mut seats.unknown);
                for key in &seats.inferred {
                    *seats.won.entry(key.clone()).or_insert(0) += left;
                }
            }
            Some(_) => seats.hidden = !seats.unknown.is_empty(),
            None => {}
        }
        seats
    }

    /// The seats of a chamber: those of its tiers, without the seats that another body fills.
    pub fn of_chamber(election: &'a Election) -> Self {
        let mut chamber = Self::default();
        // In a whole chamber a person without a party is one of the independents.
        let of_chamber = |key| if matches!(key, Key::Candidate(_)) { Key::Independents } else { key };
        for tier in election.tiers.iter().filter(|tier| is_elected(tier)) {
            let tier = Self::of_tier(tier);
            chamber.unassigned += tier.unassigned;
            chamber.hidden |= tier.hidden;
            chamber.unknown.extend(tier.unknown.into_iter().map(of_chamber));
            chamber.inferred.extend(tier.inferred.into_iter().map(of_chamber));
            for (key, won) in tier.won {
                *chamber.won.entry(of_chamber(key)).or_insert(0) += won;
            }
        }
        chamber
    }

    /// Whether everybody's seats are known.
    pub fn is_complete(&self) -> bool {
        self.unknown.is_empty() && self.unassigned == 0
    }

    /// Whether anything is recorded.
    pub fn is_recorded(&self) -> bool {
        !self.won.is_empty()
    }
}

/// Whether voters fill the seats of the tier, and they are seats of a body.
pub fn is_elected(tier: &Tier) -> bool {
    !matches!(tier.system, Some(System::Indirect | System::SingleOffice))
}
