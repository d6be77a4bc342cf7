//! `effective-parties-votes` and `effective-parties-seats`.

use reform_model::Kind;

use crate::answer::{Answer, Code};
use crate::catalogue::Definition;
use crate::electoral::chambers::{INSTITUTION, INSTITUTION_PARAMETER};
use crate::electoral::formulas::{laakso_taagepera, laakso_taagepera_between, shares_of};
use crate::electoral::rows::{Key, Seats, VoteShares};
use crate::electoral::tiers::{
    CHAMBER, Choice, SHARE_BASE_PARAMETER, ShareBase, TIER_PARAMETER, per_election, tier_label,
    warn_of_conflicts,
};
use crate::estimate::Estimate;
use crate::query::{Query, QueryError};
use crate::span::Granularity;
use crate::view::View;

const SOURCE: &str = "Laakso, M. and Taagepera, R. (1979), \"Effective\" Number of Parties: A Measure with Application \
                      to West Europe, Comparative Political Studies 12 (1), 3–27";

/// The effective number of parties by votes.
pub const VOTES: Definition = Definition {
    id: "effective-parties-votes",
    title: "Effective number of parties by votes",
    definition: "How many parties of equal size would make the same concentration of votes. Parties, alliances and \
                 candidates enter; against-all, independents and others do not, and an alliance counts once. A share \
                 is the one that is recorded, else votes of the tier's share base, and shares are not set to 1: votes \
                 against all stay in the base, unless share_base is CONTENDERS. Lower bound: what no row records as \
                 one party; upper bound: as infinitely many. CHAMBER means the votes of the list tier.",
    formula: "1 / Σ p²",
    formula_source: SOURCE,
    formula_version: 2,
    unit: "parties",
    dimensions: &[INSTITUTION],
    parameters: &[INSTITUTION_PARAMETER, SHARE_BASE_PARAMETER, TIER_PARAMETER],
    kinds: &[Kind::Election, Kind::Institution, Kind::Observation, Kind::Variable],
    granularities: Granularity::EVENTS,
    compute: votes,
};

/// The effective number of parties by seats.
pub const SEATS: Definition = Definition {
    id: "effective-parties-seats",
    title: "Effective number of parties by seats",
    definition: "How many parties of equal size would make the same concentration of seats. Parties, alliances and \
                 candidates enter, with their share of the seats of these rows. In a CHAMBER the independents are one \
                 more row; seats that another body fills are in no denominator.",
    formula: "1 / Σ p²",
    formula_source: SOURCE,
    formula_version: 1,
    unit: "parties",
    dimensions: &[INSTITUTION],
    parameters: &[INSTITUTION_PARAMETER, TIER_PARAMETER],
    kinds: &[Kind::Election, Kind::Institution, Kind::Observation, Kind::Variable],
    granularities: Granularity::EVENTS,
    compute: seats,
};

fn votes(view: &View, query: &Query) -> Result<Answer, QueryError> {
    let choice = Choice::of(query)?.of_votes();
    let base = ShareBase::of(query);
    per_election(view, query, VOTES, |held| {
        let (index, tier) = choice.tier(held.election)?;
        let shares = base.shares(held.election, tier);
        if shares.entrants.is_empty() && shares.missing.is_empty() {
            return None;
        }
        let mut point = held.point();
        point.estimate = by_votes(&shares);
        shares.warn(&mut point);
        warn_of_conflicts(&mut point, held, &format!("election.tiers[{index}]"));
        Some((tier_label(tier, index), point))
    })
}

fn seats(view: &View, query: &Query) -> Result<Answer, QueryError> {
    let choice = Choice::of(query)?;
    per_election(view, query, SEATS, |held| {
        let (label, path, seats) = match choice {
            Choice::Chamber => {
                (CHAMBER.to_owned(), "election.tiers".to_owned(), Seats::of_chamber(held.election))
            }
            Choice::System(_) | Choice::Number(_) => {
                let (index, tier) = choice.tier(held.election)?;
                (tier_label(tier, index), format!("election.tiers[{index}]"), Seats::of_tier(tier))
            }
        };
        if !seats.is_recorded() {
            return None;
        }
        let mut point = held.point();
        point.estimate = by_seats(&seats, choice == Choice::Chamber);
        if !seats.is_complete() {
            let rows = i64::try_from(seats.unknown.len()).unwrap_or(i64::MAX);
            point.warn(Code::Missing, "the seats of some contenders are not recorded", rows);
        }
        warn_of_conflicts(&mut point, held, &path);
        Some((label, point))
    })
}

/// The index over votes; none where nothing is recorded.
pub(super) fn by_votes(shares: &VoteShares<'_>) -> Option<Estimate> {
    let entrants: Vec<Estimate> = shares.entrants.values().cloned().collect();
    let estimate = laakso_taagepera_between(&entrants, &shares.rest);
    (estimate != Estimate::default()).then_some(estimate)
}

/// The index over seats.
pub(super) fn by_seats(seats: &Seats<'_>, chamber: bool) -> Option<Estimate> {
    let index = seat_index(seats, chamber);
    if seats.is_complete() {
        return index;
    }
    // Those without a number may have won nothing, unless seats are left over that only they can have.
    let hint = index.filter(|_| !seats.hidden && seats.unassigned == 0)?;
    Some(Estimate { lower: None, upper: None, ..hint })
}

/// The index over the seats of the rows that enter, independents among them in a whole chamber.
fn seat_index(seats: &Seats<'_>, chamber: bool) -> Option<Estimate> {
    let enters = |key: &Key<'_>| key.enters() || (chamber && *key == Key::Independents);
    let won: Vec<i64> = seats.won.iter().filter(|(key, _)| enters(key)).map(|(_, won)| *won).collect();
    laakso_taagepera(&shares_of(&won)).map(Estimate::exact)
}
