//! Which tier of an election is asked for, and what its vote shares are shares of.

use reform_model::election::{Election, Tier};
use reform_model::vocabulary::System;

use crate::answer::{Answer, Builder, Code, Point};
use crate::catalogue::{Definition, Parameter};
use crate::electoral::chambers::{Held, add_reported, chambers};
use crate::electoral::evidence;
use crate::electoral::rows::{VoteShares, is_elected, shares_as_recorded, shares_of_contenders};
use crate::query::{Query, QueryError};
use crate::view::View;

/// The parameter and the label of the tier.
pub(super) const TIER: &str = "tier";
const SHARE_BASE: &str = "share_base";
const CONTENDERS: &str = "CONTENDERS";
/// All seats of a chamber, and the votes for its lists.
pub(super) const CHAMBER: &str = "CHAMBER";

/// The parameter that chooses seats and their votes.
pub(super) const TIER_PARAMETER: Parameter = Parameter {
    key: TIER,
    description: "which seats: the list tier (default), the system of another tier (SINGLE_MEMBER), the number of a \
                  tier from 0, or CHAMBER",
    values: &[],
    default_value: "PARTY_LIST",
    required: false,
};

/// The parameter that chooses what vote shares are of.
pub(super) const SHARE_BASE_PARAMETER: Parameter = Parameter {
    key: SHARE_BASE,
    description: "what vote shares are shares of",
    values: &["AS_RECORDED", CONTENDERS],
    default_value: "AS_RECORDED",
    required: false,
};

/// What vote shares are shares of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ShareBase {
    AsRecorded,
    Contenders,
}

impl ShareBase {
    pub(super) fn of(query: &Query) -> Self {
        if query.parameter(SHARE_BASE) == Some(CONTENDERS) { Self::Contenders } else { Self::AsRecorded }
    }

    pub(super) fn shares<'a>(self, election: &Election, tier: &'a Tier) -> VoteShares<'a> {
        match self {
            Self::AsRecorded => shares_as_recorded(election, tier),
            Self::Contenders => shares_of_contenders(tier),
        }
    }
}

/// One point for each election that has a figure, labelled with its tier, beside the published series.
pub(super) fn per_election<'a>(
    view: &'a View,
    query: &Query,
    definition: Definition,
    figure: impl Fn(&Held<'a>) -> Option<(String, Point)>,
) -> Result<Answer, QueryError> {
    let mut answer = Builder::default();
    for chamber in chambers(view, query)? {
        for held in chamber.elections.iter().filter(|held| held.is_asked(query)) {
            if let Some((tier, mut point)) = figure(held) {
                let mut labels = chamber.labels.clone();
                labels.insert(TIER.to_owned(), tier.clone());
                query.attach(&labels, &mut point, |_| {
                    evidence::of_rows(view, held, &chamber.elections, &tier)
                });
                answer.push(labels, definition.unit, point);
            }
        }
    }
    add_reported(view, query, definition.id, &mut answer);
    Ok(answer.finish(definition.id, definition.formula_version))
}

/// Tells of rival claims about the results that nobody has settled.
pub(super) fn warn_of_conflicts(point: &mut Point, held: &Held<'_>, path: &str) {
    let open = held.unresolved(path);
    if open > 0 {
        point.warn(Code::Conflict, "sources disagree about results, and nobody has settled it", open);
    }
}

/// Which seats of an election.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    System(System),
    Number(usize),
    Chamber,
}

impl Choice {
    pub(super) fn of(query: &Query) -> Result<Self, QueryError> {
        let Some(text) = query.parameter(TIER).filter(|text| !text.is_empty()) else {
            return Ok(Choice::System(System::PartyList));
        };
        Self::parse(text).map_err(|message| QueryError::field(format!("parameters.{TIER}"), message))
    }

    /// What a text chooses, or what it may be.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text == CHAMBER {
            return Ok(Choice::Chamber);
        }
        if let Ok(number) = text.parse() {
            return Ok(Choice::Number(number));
        }
        let system = System::ALL.iter().find(|system| system.as_str() == text);
        system.map(|system| Choice::System(*system)).ok_or_else(|| {
            let systems: Vec<&str> = System::ALL.iter().map(|system| system.as_str()).collect();
            format!("must be CHAMBER, the number of a tier, or one of {}", systems.join(", "))
        })
    }

    /// Whose votes: a whole chamber means the votes of its list tier.
    pub(super) fn of_votes(self) -> Self {
        match self {
            Choice::Chamber => Choice::System(System::PartyList),
            Choice::System(_) | Choice::Number(_) => self,
        }
    }

    /// The tier and its place. An election whose only tier states no system has that for its list tier.
    pub(crate) fn tier(self, election: &Election) -> Option<(usize, &Tier)> {
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

/// The label of a tier: its system, else its place.
pub(super) fn tier_label(tier: &Tier, index: usize) -> String {
    tier.system.map_or_else(|| index.to_string(), |system| system.as_str().to_owned())
}
