//! `disproportionality` and its three sisters: how far seats are from votes after an election.

use std::collections::BTreeSet;

use reform_model::Kind;
use reform_model::election::{Election, Tier};

use crate::answer::{Answer, Code};
use crate::catalogue::{Definition, Parameter};
use crate::electoral::chambers::{INSTITUTION, INSTITUTION_PARAMETER};
use crate::electoral::disproportion::{Index, Pair};
use crate::electoral::rows::{Key, Seats, VoteShares, is_elected};
use crate::electoral::tiers::{
    CHAMBER, Choice, SHARE_BASE_PARAMETER, ShareBase, TIER_PARAMETER, per_election, tier_label,
    warn_of_conflicts,
};
use crate::estimate::Estimate;
use crate::number::Number;
use crate::query::{Query, QueryError};
use crate::span::Granularity;
use crate::view::View;

const PARAMETERS: &[Parameter] = &[INSTITUTION_PARAMETER, SHARE_BASE_PARAMETER, TIER_PARAMETER];
const KINDS: &[Kind] = &[Kind::Election, Kind::Institution, Kind::Observation, Kind::Variable];
const UNIT: &str = "percentage points";

/// Gallagher's least squares.
pub const LEAST_SQUARES: Definition = Definition {
    id: "disproportionality",
    title: "Disproportionality, least squares",
    definition: "How far shares of seats are from shares of votes. Parties, alliances and candidates enter, \
                 against-all, independents and others do not; one that misses a vote share or a seat count is \
                 skipped. Shares of votes are those of effective-parties-votes; shares of seats are of all seats of \
                 the tier; \
                 CHAMBER sets the list votes against all seats that voters fill. Lower bound: what is not recorded as \
                 infinitely many contenders without a seat; upper bound: as one.",
    formula: "√(½ Σ (v − s)²), v and s in percent",
    formula_source: "Gallagher, M. (1991), Proportionality, Disproportionality and Electoral Systems, Electoral \
                     Studies 10 (1), 33–51",
    formula_version: 3,
    unit: UNIT,
    dimensions: &[INSTITUTION],
    parameters: PARAMETERS,
    kinds: KINDS,
    granularities: Granularity::EVENTS,
    compute: least_squares,
};

/// Loosemore and Hanby's index.
pub const LOOSEMORE_HANBY: Definition = Definition {
    id: "disproportionality-loosemore-hanby",
    title: "Disproportionality, Loosemore–Hanby",
    definition: "The share of seats that would have to change hands for seats to match votes. Rows, shares and bounds \
                 as in disproportionality.",
    formula: "½ Σ |v − s|, v and s in percent",
    formula_source: "Loosemore, J. and Hanby, V. J. (1971), The Theoretical Limits of Maximum Distortion: Some \
                     Analytic Expressions for Electoral Systems, British Journal of Political Science 1 (4), 467–477",
    compute: loosemore_hanby,
    ..LEAST_SQUARES
};

/// The Sainte-Laguë index.
pub const SAINTE_LAGUE: Definition = Definition {
    id: "disproportionality-sainte-lague",
    title: "Disproportionality, Sainte-Laguë",
    definition: "The squared distance of seats from votes, relative to the votes. Rows, shares and bounds as in \
                 disproportionality; a contender with seats and no votes leaves it undefined. It has no upper limit.",
    formula: "Σ (s − v)² / v, v and s in percent",
    formula_source: "Gallagher, M. (1991), Proportionality, Disproportionality and Electoral Systems, Electoral \
                     Studies 10 (1), 33–51, after Sainte-Laguë, A. (1910), Annales scientifiques de l'École normale \
                     supérieure 27, 529–542",
    compute: sainte_lague,
    ..LEAST_SQUARES
};

/// Rae's index.
pub const RAE: Definition = Definition {
    id: "disproportionality-rae",
    title: "Disproportionality, Rae",
    definition: "The average distance of a party's share of seats from its share of votes, over parties above 0.5 % of \
                 the votes. Rows, shares and bounds as in disproportionality; being a mean, it may fall where what is \
                 not recorded joins as one contender, and that is the lower bound then.",
    formula: "Σ |v − s| / n over the n parties with v > 0.5, v and s in percent",
    formula_source: "Rae, D. W. (1967), The Political Consequences of Electoral Laws, Yale University Press",
    compute: rae,
    ..LEAST_SQUARES
};

fn least_squares(view: &View, query: &Query) -> Result<Answer, QueryError> {
    compute(view, query, LEAST_SQUARES, Index::LeastSquares)
}

fn loosemore_hanby(view: &View, query: &Query) -> Result<Answer, QueryError> {
    compute(view, query, LOOSEMORE_HANBY, Index::LoosemoreHanby)
}

fn sainte_lague(view: &View, query: &Query) -> Result<Answer, QueryError> {
    compute(view, query, SAINTE_LAGUE, Index::SainteLague)
}

fn rae(view: &View, query: &Query) -> Result<Answer, QueryError> {
    compute(view, query, RAE, Index::Rae)
}

fn compute(view: &View, query: &Query, definition: Definition, index: Index) -> Result<Answer, QueryError> {
    let choice = Choice::of(query)?;
    let base = ShareBase::of(query);
    per_election(view, query, definition, |held| {
        let (place, tier) = choice.of_votes().tier(held.election)?;
        let (label, path, seats) = match choice {
            Choice::Chamber => (
                CHAMBER.to_owned(),
                "election.tiers".to_owned(),
                SeatShares::of(Seats::of_chamber(held.election), chamber_seats(held.election)),
            ),
            Choice::System(_) | Choice::Number(_) => (
                tier_label(tier, place),
                format!("election.tiers[{place}]"),
                SeatShares::of(Seats::of_tier(tier), tier_seats(tier)),
            ),
        };
        let shares = base.shares(held.election, tier);
        if shares.entrants.is_empty() || !seats.won.is_recorded() {
            return None;
        }
        let mut point = held.point();
        let skipped = seats.skipped(&shares);
        if skipped > 0 {
            point.warn(
                Code::Missing,
                "contenders without a vote share or a seat count are left out",
                skipped,
            );
        }
        point.estimate = seats.index(index, &shares);
        warn_of_conflicts(&mut point, held, &path);
        Some((label, point))
    })
}

/// The index of one tier, of votes against the seats of that tier.
pub(super) fn of_tier(index: Index, tier: &Tier, shares: &VoteShares<'_>) -> Option<Estimate> {
    let seats = SeatShares::of(Seats::of_tier(tier), tier_seats(tier));
    if shares.entrants.is_empty() || !seats.won.is_recorded() {
        return None;
    }
    seats.index(index, shares)
}

/// Who won which part of how many seats.
struct SeatShares<'a> {
    won: Seats<'a>,
    /// None where nothing says how many there are.
    all: Option<i64>,
    /// How many there are is only the sum of what is recorded.
    summed: bool,
}

impl<'a> SeatShares<'a> {
    fn of(won: Seats<'a>, stated: Option<i64>) -> Self {
        let sum = won.won.values().sum();
        let all = stated.or(Some(sum)).filter(|all| *all > 0);
        Self { won, all, summed: stated.is_none() }
    }

    /// The index, with the bounds that are certain; none where nothing can be told.
    fn index(&self, index: Index, shares: &VoteShares<'a>) -> Option<Estimate> {
        let estimate = index.of(&self.pairs(shares), &in_percent(&shares.rest))?;
        let limited = self.limit(index, estimate, self.skipped(shares));
        (limited != Estimate::default()).then_some(limited)
    }

    /// The contenders that have both, in percent.
    fn pairs(&self, shares: &VoteShares<'a>) -> Vec<Pair> {
        let pair = |(key, votes): (&Key<'a>, &Estimate)| {
            // Who has votes for the list and stands nowhere else has no other seats.
            let won = self.won.won.get(key).filter(|_| !self.misses(key));
            let seats = Number::ratio(*won?, self.all?)?;
            Some(Pair { votes: votes.scale(&Number::from(100)), seats: in_percent(&seats) })
        };
        shares.entrants.iter().filter_map(pair).collect()
    }

    /// Whether a seat count of the contender is not recorded, though it may follow from the others'.
    fn misses(&self, key: &Key<'a>) -> bool {
        self.won.unknown.contains(key) || self.won.inferred.contains(key)
    }

    /// Contenders that miss one of the two.
    fn skipped(&self, shares: &VoteShares<'a>) -> i64 {
        let seated = self.won.won.iter().filter(|(_, won)| **won > 0).map(|(key, _)| key);
        let without_votes = seated.filter(|key| !shares.entrants.contains_key(key));
        let skipped: BTreeSet<&Key<'a>> = without_votes
            .chain(&self.won.unknown)
            .chain(&self.won.inferred)
            .chain(&shares.missing)
            .filter(|key| key.enters())
            .collect();
        i64::try_from(skipped.len()).unwrap_or(i64::MAX)
    }

    /// Takes away the bounds that those left out may pass: all are distances, so a sum of them only grows.
    fn limit(&self, index: Index, estimate: Estimate, skipped: i64) -> Estimate {
        let adrift = self.won.unassigned > 0 || (self.summed && !self.won.is_complete());
        if adrift || (skipped > 0 && index == Index::Rae) {
            Estimate { lower: None, upper: None, ..estimate }
        } else if skipped > 0 {
            Estimate { upper: None, ..estimate }
        } else {
            estimate
        }
    }
}

fn tier_seats(tier: &Tier) -> Option<i64> {
    tier.seats.map(i64::from)
}

/// The seats of a chamber that voters fill.
fn chamber_seats(election: &Election) -> Option<i64> {
    election.tiers.iter().filter(|tier| is_elected(tier)).map(tier_seats).sum()
}

fn in_percent(share: &Number) -> Number {
    share * &Number::from(100)
}
