//! `effective-parties-votes` and `effective-parties-seats`.

use reform_model::Kind;
use reform_model::election::{Election, Tier};
use reform_model::vocabulary::System;

use crate::answer::{Answer, Builder, Code, Point};
use crate::catalogue::{Definition, Parameter};
use crate::electoral::chambers::{Held, INSTITUTION, INSTITUTION_PARAMETER, add_reported, chambers};
use crate::electoral::formulas::{laakso_taagepera, laakso_taagepera_between, shares_of};
use crate::electoral::rows::{Key, Seats, is_elected, shares_as_recorded, shares_of_contenders};
use crate::estimate::Estimate;
use crate::query::{Query, QueryError};
use crate::span::Granularity;
use crate::view::View;

const SOURCE: &str = "Laakso, M. and Taagepera, R. (1979), \"Effective\" Number of Parties: A Measure with Application \
                      to West Europe, Comparative Political Studies 12 (1), 3–27";
const TIER: &str = "tier";
const SHARE_BASE: &str = "share_base";
const CONTENDERS: &str = "CONTENDERS";
const CHAMBER: &str = "CHAMBER";

const TIER_PARAMETER: Parameter = Parameter {
    key: TIER,
    description: "which seats: the list tier (default), the system of another tier (SINGLE_MEMBER), the number of a \
                  tier from 0, or CHAMBER",
    values: &[],
    default_value: "PARTY_LIST",
    required: false,
};

const SHARE_BASE_PARAMETER: Parameter = Parameter {
    key: SHARE_BASE,
    description: "what vote shares are shares of",
    values: &["AS_RECORDED", CONTENDERS],
    default_value: "AS_RECORDED",
    required: false,
};

/// The effective number of parties by votes.
pub const VOTES: Definition = Definition {
    id: "effective-parties-votes",
    title: "Effective number of parties by votes",
    definition: "How many parties of equal size would make the same concentration of votes. Parties, alliances and \
                 candidates enter; against-all, independents and others do not. Shares are taken as recorded and not \
                 set to 1. Lower bound: what is not recorded as one party; upper bound: as infinitely many. CHAMBER \
                 means the votes of the list tier.",
    formula: "1 / Σ p²",
    formula_source: SOURCE,
    formula_version: 1,
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
    let choice = match Choice::of(query)? {
        Choice::Chamber => Choice::System(System::PartyList),
        other @ (Choice::System(_) | Choice::Number(_)) => other,
    };
    let contenders = query.parameter(SHARE_BASE) == Some(CONTENDERS);
    per_election(view, query, VOTES, |held| {
        let (index, tier) = choice.tier(held.election)?;
        let shares =
            if contenders { shares_of_contenders(tier) } else { shares_as_recorded(held.election, tier) };
        if shares.entrants.is_empty() && shares.missing == 0 {
            return None;
        }
        let mut point = held.point();
        let estimate = laakso_taagepera_between(&shares.entrants, &shares.rest);
        point.estimate = (estimate != Estimate::default()).then_some(estimate);
        if shares.missing > 0 {
            point.warn(Code::Missing, "rows of results without a vote share", shares.missing);
        }
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
        let index = seat_index(&seats, choice == Choice::Chamber);
        if seats.is_complete() {
            point.estimate = index;
        } else {
            // Those without a number may have won nothing, unless seats are left over that only they can have.
            let hint = index.filter(|_| !seats.hidden && seats.unassigned == 0);
            point.estimate = hint.map(|index| Estimate { lower: None, upper: None, ..index });
            let rows = i64::try_from(seats.unknown.len()).unwrap_or(i64::MAX);
            point.warn(Code::Missing, "the seats of some contenders are not recorded", rows);
        }
        warn_of_conflicts(&mut point, held, &path);
        Some((label, point))
    })
}

/// The index over the seats of the rows that enter, independents among them in a whole chamber.
fn seat_index(seats: &Seats<'_>, chamber: bool) -> Option<Estimate> {
    let enters = |key: &Key<'_>| key.enters() || (chamber && *key == Key::Independents);
    let won: Vec<i64> = seats.won.iter().filter(|(key, _)| enters(key)).map(|(_, won)| *won).collect();
    laakso_taagepera(&shares_of(&won)).map(Estimate::exact)
}

fn per_election<'a>(
    view: &'a View,
    query: &Query,
    definition: Definition,
    figure: impl Fn(&Held<'a>) -> Option<(String, Point)>,
) -> Result<Answer, QueryError> {
    let mut answer = Builder::default();
    for chamber in chambers(view, query)? {
        for held in chamber.elections.iter().filter(|held| held.is_asked(query)) {
            if let Some((tier, point)) = figure(held) {
                let mut labels = chamber.labels.clone();
                labels.insert(TIER.to_owned(), tier);
                answer.push(labels, definition.unit, point);
            }
        }
    }
    add_reported(view, query, definition.id, &mut answer);
    Ok(answer.finish(definition.id, definition.formula_version))
}

fn warn_of_conflicts(point: &mut Point, held: &Held<'_>, path: &str) {
    let open = held.unresolved(path);
    if open > 0 {
        point.warn(Code::Conflict, "sources disagree about results, and nobody has settled it", open);
    }
}

/// Which seats of an election.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    System(System),
    Number(usize),
    Chamber,
}

impl Choice {
    fn of(query: &Query) -> Result<Self, QueryError> {
        let Some(text) = query.parameter(TIER).filter(|text| !text.is_empty()) else {
            return Ok(Choice::System(System::PartyList));
        };
        if text == CHAMBER {
            return Ok(Choice::Chamber);
        }
        if let Ok(number) = text.parse() {
            return Ok(Choice::Number(number));
        }
        let system = System::ALL.iter().find(|system| system.as_str() == text);
        system.map(|system| Choice::System(*system)).ok_or_else(|| {
            let systems: Vec<&str> = System::ALL.iter().map(|system| system.as_str()).collect();
            let message = format!("must be CHAMBER, the number of a tier, or one of {}", systems.join(", "));
            QueryError::field(format!("parameters.{TIER}"), message)
        })
    }

    /// The tier and its place. An election whose only tier states no system has that for its list tier.
    fn tier(self, election: &Election) -> Option<(usize, &Tier)> {
        let tiers = || election.tiers.iter().enumerate();
        match self {
            Choice::Number(number) => tiers().nth(number),
            Choice::System(system) => tiers().find(|(_, tier)| tier.system == Some(system)).or_else(|| {
                let mut elected = tiers().filter(|(_, tier)| is_elected(tier));
                let only = elected.next().filter(|(_, tier)| tier.system.is_none())?;
                (system == System::PartyList && elected.next().is_none()).then_some(only)
            }),
            Choice::Chamber => None,
        }
    }
}

fn tier_label(tier: &Tier, index: usize) -> String {
    tier.system.map_or_else(|| index.to_string(), |system| system.as_str().to_owned())
}
