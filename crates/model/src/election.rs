//! Elections and referendums.

use crate::date::Date;
use crate::quantity::Quantity;
use crate::record::Name;
use crate::vocabulary::{Formula, Level, Outcome, Release, System, ThresholdRule, Timing, VoteBase};

/// One election, of one or more rounds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Election {
    /// What is elected: a chamber, an office.
    pub institution: Option<Name>,
    /// The day of each round.
    pub held_on: Vec<Date>,
    /// National, regional, local.
    pub level: Option<Level>,
    /// Regular or early.
    pub timing: Option<Timing>,
    /// Voters on the roll.
    pub registered: Option<i64>,
    /// Votes cast.
    pub cast: Option<i64>,
    /// Valid votes.
    pub valid: Option<i64>,
    /// Invalid votes.
    pub invalid: Option<i64>,
    /// How the seats are filled, and the results.
    pub tiers: Vec<Tier>,
    /// Turnout as published, in percent.
    pub turnout_reported: Option<Quantity>,
    /// How final the figures are.
    pub release: Option<Release>,
    /// Candidates who stood.
    pub candidates: Option<i32>,
}

/// One way in which seats of an election are filled.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tier {
    /// Seats of the tier.
    pub seats: Option<i32>,
    /// How they are filled.
    pub system: Option<System>,
    /// The threshold in percent.
    pub threshold: Option<Quantity>,
    /// What the threshold is a percentage of.
    pub threshold_base: Option<VoteBase>,
    /// How votes become seats.
    pub formula: Option<Formula>,
    /// One row per contender.
    pub results: Vec<ElectionResult>,
    /// What the recorded vote shares are shares of.
    pub share_base: Option<VoteBase>,
    /// Whether a list at the threshold is in.
    pub threshold_rule: Option<ThresholdRule>,
    /// Lists admitted even below the threshold.
    pub minimum_lists: Option<i32>,
    /// Valid votes of this tier's own ballot.
    pub valid: Option<i64>,
}

/// What one contender won.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElectionResult {
    /// Who.
    pub contender: Contender,
    /// As printed.
    pub label: String,
    /// Votes.
    pub votes: Option<i64>,
    /// Share of votes in percent of the tier's share base.
    pub vote_share: Option<Quantity>,
    /// Seats.
    pub seats: Option<i32>,
}

/// Who stands in a row of results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contender {
    /// A party.
    Party(Name),
    /// All independents as one row.
    Independents,
    /// The "against all" line of the ballot: never a contender.
    AgainstAll,
    /// Somebody without a record.
    Other(String),
    /// Several parties on one list; counts once.
    Alliance(Vec<Name>),
    /// A person who stands for an office.
    Candidate {
        /// As printed.
        name: String,
        /// The party behind the person.
        party: Option<Name>,
    },
}

/// A question put to the voters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Referendum {
    /// When it was held.
    pub held_on: Option<Date>,
    /// When it was to be held.
    pub planned_on: Option<Date>,
    /// Voters on the roll.
    pub registered: Option<i64>,
    /// Votes cast.
    pub cast: Option<i64>,
    /// Votes for.
    pub yes: Option<i64>,
    /// Votes against.
    pub no: Option<i64>,
    /// Invalid votes.
    pub invalid: Option<i64>,
    /// What the published percentages are of.
    pub percent_base: Option<VoteBase>,
    /// What it decided.
    pub outcome: Option<Outcome>,
    /// Ballots counted apart from the invalid ones.
    pub other: Option<i64>,
    /// Published share of yes, in percent.
    pub yes_share_reported: Option<Quantity>,
    /// Published share of no, in percent.
    pub no_share_reported: Option<Quantity>,
    /// Published turnout, in percent.
    pub turnout_reported: Option<Quantity>,
    /// How final the figures are.
    pub release: Option<Release>,
    /// The referendum that overtook it.
    pub overtaken_by: Option<Name>,
}
