//! The lists, the votes and the rules of a stored election.

use std::collections::BTreeMap;

use reform_model::election::{Contender, Election, ElectionResult, Tier};
use reform_model::vocabulary::{System, ThresholdRule, VoteBase};

use crate::electoral::rows::Key;
use crate::electoral::tiers::Choice;
use crate::number::Number;
use crate::query::QueryError;
use crate::seats::formula::Formula;
use crate::seats::threshold::{List, Rules};

/// The field that names the election.
pub(super) const STORED: &str = "stored";
const TIER: &str = "tier";

/// Rules in place of those of the record; none keeps its own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overrides {
    /// How votes become seats.
    pub formula: Option<Formula>,
    /// The share of the base that a list needs, as a fraction of 1.
    pub threshold: Option<Number>,
    /// Whether a share equal to the threshold is too little.
    pub exclusive: Option<bool>,
    /// Seats to fill.
    pub seats: Option<u32>,
    /// Lists that enter at the least.
    pub minimum_lists: Option<u32>,
}

/// A contender as a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Contestant<'a> {
    pub(super) key: Key<'a>,
    pub(super) id: String,
    pub(super) list: List,
}

/// The tier of that choice and its place; without one the only list tier.
pub(super) fn tier<'a>(election: &'a Election, asked: Option<&str>) -> Result<(usize, &'a Tier), QueryError> {
    let choice = match asked {
        None => Choice::System(System::PartyList),
        Some(text) => Choice::parse(text).map_err(|message| QueryError::field(TIER, message))?,
    };
    if choice == Choice::Chamber {
        let message = "must be one tier: seats of a whole chamber are not filled by one rule";
        return Err(QueryError::field(TIER, message));
    }
    if asked.is_none() {
        let lists = election.tiers.iter().enumerate();
        let lists = lists.filter(|(_, tier)| tier.system == Some(System::PartyList));
        let places: Vec<String> = lists.map(|(place, _)| place.to_string()).collect();
        if places.len() > 1 {
            let message = format!("the election has several list tiers: {}", places.join(", "));
            return Err(QueryError::field(TIER, message));
        }
    }
    let (field, message) = match asked {
        None => (STORED, "the election has no list tier; name another one in `tier`"),
        Some(_) => (TIER, "the election has no such tier"),
    };
    choice.tier(election).ok_or_else(|| QueryError::field(field, message))
}

/// The contenders of a tier, against-all left out; rows of one contender are added up.
///
/// A row without votes is refused: what it would change cannot be told, and its share, being rounded, does not say.
pub(super) fn contestants(place: usize, tier: &Tier) -> Result<Vec<Contestant<'_>>, QueryError> {
    let mut found = BTreeMap::<Key<'_>, (String, u64)>::new();
    for (index, row) in tier.results.iter().enumerate() {
        let key = Key::of(row, tier.system);
        if key == Key::AgainstAll {
            continue;
        }
        let votes = row.votes.and_then(|votes| u64::try_from(votes).ok()).ok_or_else(|| {
            let path = format!("election.tiers[{place}].results[{index}].votes");
            QueryError::field(STORED, format!("{path} is not recorded"))
        })?;
        let (_, sum) = found.entry(key).or_insert_with(|| (id(row), 0));
        let added = sum.checked_add(votes);
        *sum = added
            .ok_or_else(|| QueryError::field(STORED, "one contender has more votes than can be counted"))?;
    }
    let contestants: Vec<Contestant<'_>> = found
        .into_iter()
        .map(|(key, (id, votes))| Contestant {
            key,
            id,
            list: List { votes, exempt: false, threshold: None },
        })
        .collect();
    if contestants.iter().all(|contestant| contestant.list.votes == 0) {
        return Err(QueryError::field(STORED, format!("election.tiers[{place}] records no votes")));
    }
    Ok(contestants)
}

/// The name of the party record, or the printed label; of who has neither, what the record calls them.
fn id(row: &ElectionResult) -> String {
    let own = match &row.contender {
        Contender::Party(name) => return name.as_str().to_owned(),
        Contender::Alliance(names) => names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join("+"),
        Contender::Candidate { party: Some(party), .. } => party.as_str().to_owned(),
        Contender::Candidate { name, party: None } | Contender::Other(name) => name.clone(),
        Contender::Independents => "independents".to_owned(),
        Contender::AgainstAll => "against all".to_owned(),
    };
    if row.label.is_empty() { own } else { row.label.clone() }
}

/// The votes that the threshold is a share of.
///
/// Unstated it is what the recorded shares are shares of. Valid votes that are not recorded are the votes of all rows,
/// against-all among them; ballots cast and registered voters cannot be told from rows.
pub(super) fn base(election: &Election, tier: &Tier) -> Result<Number, QueryError> {
    let rows = || Some(tier.results.iter().filter_map(|row| row.votes).map(Number::from).sum::<Number>());
    let known = |votes: Option<i64>| votes.map(Number::from).filter(Number::is_positive);
    let missing = |field: &str| {
        QueryError::field(STORED, format!("the threshold is a share of {field}, which is not recorded"))
    };
    match tier.threshold_base.or(tier.share_base) {
        Some(VoteBase::Valid) | None => known(tier.valid.or(election.valid)).or_else(rows),
        Some(VoteBase::ContendersAndAgainstAll) => rows(),
        Some(VoteBase::Cast) => return known(election.cast).ok_or_else(|| missing("election.cast")),
        Some(VoteBase::Registered) => {
            return known(election.registered).ok_or_else(|| missing("election.registered"));
        }
    }
    .ok_or_else(|| missing("votes"))
}

/// The rules of the record, where none takes their place.
pub(super) fn rules(tier: &Tier, overrides: &Overrides) -> Result<Rules, QueryError> {
    let Overrides { formula, threshold, exclusive, seats, minimum_lists } = overrides;
    let positive = |number: Option<i32>| number.and_then(|number| u32::try_from(number).ok());
    let stored_formula = || {
        let stated = tier.formula.ok_or("the tier states no formula")?;
        Formula::stored(stated).ok_or("the formula of the tier turns no list votes into seats")
    };
    let stored_threshold = || match &tier.threshold {
        None => Ok(Number::zero()),
        Some(threshold) => {
            let (lower, upper) = (threshold.lower(), threshold.upper());
            let exact = threshold.value().filter(|_| lower.is_some() && lower == upper);
            exact
                .map(|percent| Number::from(percent) * Number::scaled(1, 2))
                .ok_or("the threshold of the tier is not exact")
        }
    };
    let seats = seats.or(positive(tier.seats)).filter(|seats| *seats > 0);
    Ok(Rules {
        formula: formula
            .map_or_else(stored_formula, Ok)
            .map_err(|why| QueryError::field("rules.formula", why))?,
        seats: seats.ok_or_else(|| QueryError::field("rules.seats", "the tier does not state its seats"))?,
        threshold: threshold
            .clone()
            .map_or_else(stored_threshold, Ok)
            .map_err(|why| QueryError::field("rules.threshold_percent", why))?,
        exclusive: exclusive.unwrap_or(tier.threshold_rule == Some(ThresholdRule::MoreThan)),
        minimum_lists: minimum_lists.or(positive(tier.minimum_lists)).unwrap_or(0),
    })
}
