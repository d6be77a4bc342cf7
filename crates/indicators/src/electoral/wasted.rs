//! `wasted-votes`: votes for contenders who won no seat.

use reform_model::Kind;

use crate::answer::{Answer, Code};
use crate::catalogue::Definition;
use crate::electoral::chambers::{INSTITUTION, INSTITUTION_PARAMETER};
use crate::electoral::rows::{Seats, VoteShares};
use crate::electoral::tiers::{
    CHAMBER, Choice, SHARE_BASE_PARAMETER, ShareBase, TIER_PARAMETER, per_election, tier_label,
    warn_of_conflicts,
};
use crate::estimate::{Bound, Estimate, Style};
use crate::query::{Query, QueryError};
use crate::span::Granularity;
use crate::view::View;

/// What it is.
pub const DEFINITION: Definition = Definition {
    id: "wasted-votes",
    title: "Wasted votes",
    definition: "The share of votes, in the share base, for contenders without a seat. Independents and others are \
                 contenders; against-all is none, so its votes are not wasted. Lower bound: what is not recorded and \
                 those whose seats are not recorded won a seat; upper bound: they did not. CHAMBER takes the list votes, \
                 and who has any seat of the chamber has one.",
    formula: "Σ v over contenders without a seat, v a fraction of the share base",
    formula_source: "",
    formula_version: 2,
    unit: "share of votes",
    dimensions: &[INSTITUTION],
    parameters: &[INSTITUTION_PARAMETER, SHARE_BASE_PARAMETER, TIER_PARAMETER],
    kinds: &[Kind::Election, Kind::Institution, Kind::Observation, Kind::Variable],
    granularities: Granularity::EVENTS,
    compute: wasted_votes,
};

fn wasted_votes(view: &View, query: &Query) -> Result<Answer, QueryError> {
    let choice = Choice::of(query)?;
    let base = ShareBase::of(query);
    per_election(view, query, DEFINITION, |held| {
        let (place, tier) = choice.of_votes().tier(held.election)?;
        let (label, path, seats) = match choice {
            Choice::Chamber => {
                (CHAMBER.to_owned(), "election.tiers".to_owned(), Seats::of_chamber(held.election))
            }
            Choice::System(_) | Choice::Number(_) => {
                (tier_label(tier, place), format!("election.tiers[{place}]"), Seats::of_tier(tier))
            }
        };
        let shares = base.shares(held.election, tier);
        if (shares.entrants.is_empty() && shares.aside.is_empty()) || !seats.is_recorded() {
            return None;
        }
        let mut point = held.point();
        let (wasted, uncertain) = without_seats(&shares, &seats);
        if !uncertain.is_empty() {
            let rows = i64::try_from(uncertain.len()).unwrap_or(i64::MAX);
            point.warn(Code::Missing, "the seats of some contenders are not recorded", rows);
        }
        shares.warn(&mut point);
        point.estimate = Some(between(&wasted, &uncertain, &shares));
        warn_of_conflicts(&mut point, held, &path);
        Some((label, point))
    })
}

/// The share of one tier's votes; none where votes or seats are not recorded.
pub(super) fn of_tier(seats: &Seats<'_>, shares: &VoteShares<'_>) -> Option<Estimate> {
    if (shares.entrants.is_empty() && shares.aside.is_empty()) || !seats.is_recorded() {
        return None;
    }
    let (wasted, uncertain) = without_seats(shares, seats);
    Some(between(&wasted, &uncertain, shares))
}

/// The shares of those who certainly, and of those who perhaps, won nothing.
fn without_seats<'s>(
    shares: &'s VoteShares<'_>,
    seats: &Seats<'_>,
) -> (Vec<&'s Estimate>, Vec<&'s Estimate>) {
    let (mut wasted, mut uncertain) = (Vec::new(), Vec::new());
    for (key, share) in shares.entrants.iter().chain(&shares.aside) {
        if seats.won.get(key).is_some_and(|won| *won > 0) {
            continue;
        }
        let unsure = seats.unassigned > 0 || seats.unknown.contains(key);
        if unsure { &mut uncertain } else { &mut wasted }.push(share);
    }
    (wasted, uncertain)
}

/// A value only where nobody's seats are unknown.
fn between(wasted: &[&Estimate], uncertain: &[&Estimate], shares: &VoteShares<'_>) -> Estimate {
    let certain = Estimate::sum(wasted.iter().copied());
    let most = Estimate::sum(wasted.iter().chain(uncertain).copied());
    let rest = |bound: Bound| Bound { number: &bound.number + &shares.rest, open: bound.open };
    Estimate {
        value: certain.value.filter(|_| uncertain.is_empty()),
        lower: certain.lower,
        upper: most.upper.map(rest),
        approximate: most.approximate,
        style: Style::Percent,
    }
}
