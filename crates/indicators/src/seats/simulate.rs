//! A stored or given election under rules: seats, ties, and indices beside the actual ones.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use reform_model::election::{Contender, Election, ElectionResult, Tier};
use reform_model::vocabulary::{System, VoteBase};
use reform_model::{Body, Name};

use crate::electoral::indices::{Indices, indices};
use crate::electoral::rows::{Key, Seats};
use crate::number::Number;
use crate::query::QueryError;
use crate::seats::allocation::Tie;
use crate::seats::contest::{self, Contestant, Overrides, STORED};
use crate::seats::threshold::{Distribution, List, Rules, distribute};
use crate::view::View;

/// Lists times ways to settle a tie; above that no index of seats is told.
const WORK_MAX: usize = 10_000;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// A stored election.
    Stored {
        /// The record.
        election: Name,
        /// Its tier; none is the only list tier.
        tier: Option<String>,
        /// Rules in place of its own.
        rules: Overrides,
    },
    /// Votes that are given.
    Inline {
        /// The lists with their ids.
        lists: Vec<(String, List)>,
        /// Votes that the threshold is a share of; none is the sum of the lists' votes.
        base: Option<u64>,
        /// The rules.
        rules: Rules,
    },
}

/// What the rules give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulated {
    /// By votes, then by id.
    pub lists: Vec<Won>,
    /// Seats that nobody has.
    pub ties: Vec<Tied>,
    /// Of the simulated result.
    pub indices: Indices,
    /// Of the real one; empty for given votes.
    pub actual: Indices,
}

/// What one list wins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Won {
    /// Its id.
    pub id: String,
    /// Its votes.
    pub votes: u64,
    /// Its share of the threshold's base, a fraction of 1.
    pub share: Number,
    /// Whether it certainly takes part.
    pub enters: bool,
    /// Seats, without tied ones.
    pub seats: u32,
    /// Seats in reality, where they are known.
    pub actual: Option<i64>,
}

/// Seats that equals would have to draw lots for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tied {
    /// The lists, by id.
    pub ids: Vec<String>,
    /// The seats.
    pub seats: u32,
    /// What ended in the tie.
    pub rule: &'static str,
}

/// Turns votes into seats.
///
/// # Errors
/// An election that is not there, or a field that asks for what its record does not say.
pub fn simulate(view: &View, asked: &Asked) -> Result<Simulated, QueryError> {
    match asked {
        Asked::Stored { election, tier, rules } => stored(find(view, election)?, tier.as_deref(), rules),
        Asked::Inline { lists, base, rules } => Ok(inline(lists, *base, rules)),
    }
}

fn find<'a>(view: &'a View, name: &Name) -> Result<&'a Election, QueryError> {
    match view.get(name).map(|entry| &entry.record.body) {
        Some(Body::Election(election)) => Ok(election),
        _ if view.contains(name) => Err(QueryError::field(STORED, format!("{name} is no election"))),
        _ => Err(QueryError::NotFound { path: STORED.to_owned(), name: name.clone() }),
    }
}

fn stored(election: &Election, tier: Option<&str>, overrides: &Overrides) -> Result<Simulated, QueryError> {
    let (place, tier) = contest::tier(election, tier)?;
    let rules = contest::rules(tier, overrides)?;
    let contestants = contest::contestants(place, tier)?;
    let base = contest::base(election, tier)?;
    Ok(Simulated { actual: indices(election, tier), ..run(election, tier, &contestants, &base, &rules) })
}

/// Given votes as a tier of candidates: every list enters the indices, with its share of the votes of all lists.
fn inline(lists: &[(String, List)], base: Option<u64>, rules: &Rules) -> Simulated {
    let row = |(id, list): &(String, List)| ElectionResult {
        contender: Contender::Candidate { name: id.clone(), party: None },
        label: String::new(),
        votes: i64::try_from(list.votes).ok(),
        vote_share: None,
        seats: None,
    };
    let tier = Tier {
        system: Some(System::PartyList),
        share_base: Some(VoteBase::ContendersAndAgainstAll),
        results: lists.iter().map(row).collect(),
        ..Tier::default()
    };
    let contestant = |(id, list): &(String, List)| (id.clone(), list.clone());
    let contestants: Vec<Contestant<'_>> = tier
        .results
        .iter()
        .zip(lists.iter().map(contestant))
        .map(|(row, (id, list))| Contestant { key: Key::of(row, tier.system), id, list })
        .collect();
    let sum = || lists.iter().map(|(_, list)| Number::from(list.votes)).sum();
    let base = base.map_or_else(sum, Number::from);
    run(&Election::default(), &tier, &contestants, &base, rules)
}

fn run(
    election: &Election,
    tier: &Tier,
    contestants: &[Contestant<'_>],
    base: &Number,
    rules: &Rules,
) -> Simulated {
    let lists: Vec<List> = contestants.iter().map(|contestant| contestant.list.clone()).collect();
    let told = distribute(&lists, base, rules);
    let real = Seats::of_tier(tier);
    let won = contestants.iter().enumerate().map(|(place, Contestant { key, id, list })| Won {
        id: id.clone(),
        votes: list.votes,
        share: Number::from(list.votes).checked_div(base).unwrap_or_else(Number::zero),
        enters: told.enters[place],
        seats: told.seats[place],
        actual: real.won.get(key).copied().filter(|_| !real.unknown.contains(key)),
    });
    let mut won: Vec<Won> = won.collect();
    won.sort_by(|a, b| (Reverse(a.votes), &a.id).cmp(&(Reverse(b.votes), &b.id)));
    let tied = |tie: &Tie| {
        let mut ids: Vec<String> = tie.lists.iter().map(|place| contestants[*place].id.clone()).collect();
        ids.sort_unstable();
        Tied { ids, seats: tie.seats, rule: tie.rule.as_str() }
    };
    Simulated {
        lists: won,
        ties: told.ties.iter().map(tied).collect(),
        indices: of_result(election, tier, contestants, &told, rules.seats),
        actual: Indices::new(),
    }
}

/// The indices of the result. Where seats are tied they hold however lots fall: a value only where all ways agree.
fn of_result(
    election: &Election,
    tier: &Tier,
    contestants: &[Contestant<'_>],
    told: &Distribution,
    seats: u32,
) -> Indices {
    let of = |won: &[u32]| indices(election, &with_seats(tier, contestants, won, seats));
    let Some(ways) = ways(told) else {
        let unseated = Tier { results: without_seats(tier), seats: None, ..tier.clone() };
        return indices(election, &unseated);
    };
    let mut each = ways.iter().map(|won| of(won));
    let first = each.next().unwrap_or_default();
    each.fold(first, |all, one| {
        let both = all.into_iter().filter_map(|(id, estimate)| Some((id, estimate.hull(one.get(id)?))));
        both.collect()
    })
}

/// The tier with other seats; rows of one contender have them in the first.
fn with_seats(tier: &Tier, contestants: &[Contestant<'_>], won: &[u32], all: u32) -> Tier {
    let keys = contestants.iter().map(|contestant| contestant.key.clone());
    let mut left: BTreeMap<Key<'_>, u32> = keys.zip(won.iter().copied()).collect();
    let mut results = tier.results.clone();
    for (row, result) in tier.results.iter().zip(&mut results) {
        let won = left.get_mut(&Key::of(row, tier.system)).map(std::mem::take);
        result.seats = won.and_then(|won| i32::try_from(won).ok());
    }
    Tier { seats: i32::try_from(all).ok(), results, ..tier.clone() }
}

fn without_seats(tier: &Tier) -> Vec<ElectionResult> {
    tier.results.iter().map(|row| ElectionResult { seats: None, ..row.clone() }).collect()
}

/// The seats of every way to settle the tie; none where there are too many, or two ties.
fn ways(told: &Distribution) -> Option<Vec<Vec<u32>>> {
    let tie = match told.ties.as_slice() {
        [] => return Some(vec![told.seats.clone()]),
        [tie] => tie,
        _ => return None,
    };
    let winners = usize::try_from(tie.seats / tie.each).ok()?;
    let most = WORK_MAX / told.seats.len().max(1);
    let chosen = choices(&tie.lists, winners, most)?;
    let settled = chosen.into_iter().map(|winners| {
        let mut seats = told.seats.clone();
        winners.into_iter().for_each(|place| seats[place] += tie.each);
        seats
    });
    Some(settled.collect())
}

/// Every choice of so many of the places; none where there are more than `most`.
fn choices(places: &[usize], wanted: usize, most: usize) -> Option<Vec<Vec<usize>>> {
    let Some((first, rest)) = places.split_first().filter(|_| wanted > 0 && wanted <= places.len()) else {
        return Some(if wanted == 0 { vec![Vec::new()] } else { Vec::new() });
    };
    let mut all = choices(rest, wanted - 1, most)?;
    for with in &mut all {
        with.push(*first);
    }
    all.append(&mut choices(rest, wanted, most)?);
    (all.len() <= most).then_some(all)
}
