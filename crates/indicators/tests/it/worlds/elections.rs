//! The indices of elections, by loops over the rows of results.

use std::collections::{BTreeMap, BTreeSet};

use num_traits::{Signed, Zero};
use reform_indicators::Query;
use reform_model::election::{Contender, Election, ElectionResult, Tier};
use reform_model::vocabulary::{InstitutionType, System, VoteBase};
use reform_model::{Body, Name, Record};

use super::exact::{Figure, Q, int, ratio, root};
use super::said::{Decided, Points, Said, World, at, labels};

/// Whose a row is; rows of one party are one.
pub(super) type Who = String;

pub(super) fn who(row: &ElectionResult) -> Who {
    match &row.contender {
        Contender::Party(name) | Contender::Candidate { party: Some(name), .. } => format!("party {name}"),
        Contender::Alliance(names) => {
            let names: BTreeSet<String> = names.iter().map(ToString::to_string).collect();
            format!("alliance {}", names.into_iter().collect::<Vec<_>>().join(" "))
        }
        Contender::Candidate { name, .. } => format!("candidate {name}"),
        Contender::Independents => "independents".to_owned(),
        Contender::Other(name) => format!("other {name}"),
        Contender::AgainstAll => "against all".to_owned(),
    }
}

/// Only rows of parties, alliances and candidates enter.
pub(super) fn enters(who: &Who) -> bool {
    ["party ", "alliance ", "candidate "].iter().any(|kind| who.starts_with(kind))
}

/// The elections of each chamber in the order of time, by jurisdiction and institution.
pub(super) fn chambers(world: &World) -> BTreeMap<(String, Name), Vec<(&Record, &Election)>> {
    let mut found: BTreeMap<(String, Name), Vec<_>> = BTreeMap::new();
    for (record, election) in world.elections() {
        let Some(institution) = &election.institution else { continue };
        let Some(Body::Institution(body)) = world.get(institution).map(|record| &record.body) else {
            continue;
        };
        if body.institution_type == Some(InstitutionType::Chamber) && !election.held_on.is_empty() {
            let key = (record.jurisdiction.clone(), institution.clone());
            found.entry(key).or_default().push((record, election));
        }
    }
    for elections in found.values_mut() {
        elections.sort_by_key(|(_, election)| election.held_on[0].first());
    }
    found
}

/// The tier with the list, and how it is labelled: the only tier of an election may leave out its system.
pub(super) fn list_tier(election: &Election) -> Option<(&Tier, String)> {
    let stated = election.tiers.iter().find(|tier| tier.system == Some(System::PartyList));
    let elected: Vec<&Tier> =
        election.tiers.iter().filter(|tier| tier.system != Some(System::Indirect)).collect();
    let only = (elected.len() == 1 && elected[0].system.is_none()).then(|| elected[0]);
    stated.map(|tier| (tier, "PARTY_LIST".to_owned())).or(only.map(|tier| (tier, "0".to_owned())))
}

pub(super) struct Votes {
    /// Everybody's share, against-all's too.
    pub(super) shares: BTreeMap<Who, Figure>,
    /// Rows that would enter and have no share.
    pub(super) missing: BTreeSet<Who>,
    /// What all recorded rows leave to 1, where each is one number.
    pub(super) rest: Option<Q>,
}

impl Votes {
    pub(super) fn of(election: &Election, tier: &Tier, contenders: bool) -> Option<Self> {
        if contenders { Self::of_contenders(tier) } else { Some(Self::as_recorded(election, tier)) }
    }

    fn as_recorded(election: &Election, tier: &Tier) -> Self {
        let votes: Option<i64> = tier.results.iter().map(|row| row.votes).sum();
        let base = match tier.share_base {
            None | Some(VoteBase::Valid) => tier.valid.or(election.valid),
            Some(VoteBase::Cast) => election.cast,
            Some(VoteBase::Registered) => election.registered,
            Some(VoteBase::ContendersAndAgainstAll) => votes,
        };
        let (mut shares, mut missing) = (BTreeMap::<Who, Figure>::new(), BTreeSet::new());
        for row in &tier.results {
            let share = match (&row.vote_share, row.votes, base) {
                (Some(share), _, _) => Figure::of(share).times(&ratio(1, 100)),
                (None, Some(votes), Some(base)) if base > 0 => Figure::exact(ratio(votes, base)),
                _ if enters(&who(row)) => {
                    missing.insert(who(row));
                    continue;
                }
                _ => continue,
            };
            let sum = shares.get(&who(row)).map_or_else(|| share.clone(), |sum| sum.plus(&share));
            shares.insert(who(row), sum);
        }
        let exact: Option<Q> =
            shares.values().map(|share| share.value.clone().filter(|_| share.is_exact())).sum();
        let rest = exact.map(|sum| (int(1) - sum).max(Q::zero()));
        Self { shares, missing, rest }
    }

    /// Votes over all votes but those against all; without the votes the printed shares, in proportion.
    fn of_contenders(tier: &Tier) -> Option<Self> {
        let rows: Vec<&ElectionResult> =
            tier.results.iter().filter(|row| row.contender != Contender::AgainstAll).collect();
        let votes: Option<Vec<Q>> = rows.iter().map(|row| Some(int(row.votes?))).collect();
        let printed = || {
            rows.iter().map(|row| {
                let figure = Figure::of(row.vote_share.as_ref()?);
                figure.value.clone().filter(|_| figure.is_exact())
            })
        };
        let weights = votes.or_else(|| printed().collect())?;
        let all: Q = weights.iter().sum();
        if all.is_zero() {
            return None;
        }
        let mut shares = BTreeMap::<Who, Figure>::new();
        for (row, weight) in rows.into_iter().zip(weights) {
            let share = Figure::exact(weight / &all);
            let sum = shares.get(&who(row)).map_or_else(|| share.clone(), |sum| sum.plus(&share));
            shares.insert(who(row), sum);
        }
        Some(Self { shares, missing: BTreeSet::new(), rest: Some(Q::zero()) })
    }

    pub(super) fn entering(&self) -> BTreeMap<&Who, &Figure> {
        self.shares.iter().filter(|(who, _)| enters(who)).collect()
    }
}

/// Seats of one tier or, where there are several, of a chamber: there a person alone is one of the independents.
fn seats_of(tiers: &[&Tier], label: &str) -> BTreeMap<Who, Option<i64>> {
    let mut seats = BTreeMap::<Who, Option<i64>>::new();
    for (who, own) in recorded_seats(tiers) {
        let alone = label == "CHAMBER" && who.starts_with("candidate ");
        let sum = seats.entry(if alone { "independents".to_owned() } else { who }).or_insert(Some(0));
        *sum = sum.and_then(|sum| Some(sum + own?));
    }
    seats
}

/// Seats as they are recorded, by contender; none for one of whose rows one has no number.
pub(super) fn recorded_seats(tiers: &[&Tier]) -> BTreeMap<Who, Option<i64>> {
    let mut seats = BTreeMap::<Who, Option<i64>>::new();
    for row in tiers.iter().flat_map(|tier| &tier.results) {
        let nobody = row.contender == Contender::AgainstAll && row.seats.is_none();
        if !nobody {
            let own = row.seats.map(i64::from);
            let sum = seats.entry(who(row)).or_insert(Some(0));
            *sum = sum.and_then(|sum| Some(sum + own?));
        }
    }
    seats
}

/// The tiers that voters fill.
fn elected(election: &Election) -> Vec<&Tier> {
    election.tiers.iter().filter(|tier| tier.system != Some(System::Indirect)).collect()
}

/// The tiers of a question and the label of the answer: the list, or the whole chamber.
fn asked<'a>(query: &Query, election: &'a Election) -> Option<(Vec<&'a Tier>, String)> {
    if query.parameter("tier") == Some("CHAMBER") {
        return Some((elected(election), "CHAMBER".to_owned()));
    }
    list_tier(election).map(|(tier, label)| (vec![tier], label))
}

pub(super) fn points(world: &World, query: &Query) -> Points {
    let mut points = Points::new();
    for ((jurisdiction, institution), elections) in chambers(world) {
        for (record, election) in elections {
            let figure = match query.indicator.as_str() {
                "effective-parties-votes" => by_votes(query, election),
                "effective-parties-seats" => by_seats(query, election),
                "wasted-votes" => wasted(query, election),
                _ => apart(query, election),
            };
            let Some((tier, said)) = figure else { continue };
            let labels = labels(&[
                ("jurisdiction", &jurisdiction),
                ("institution", institution.as_str()),
                ("origin", "COUNTED"),
                ("tier", &tier),
            ]);
            points.insert((labels, at(election.held_on[0]), record.title.clone()), said);
        }
    }
    points
}

fn is_contenders(query: &Query) -> bool {
    query.parameter("share_base") == Some("CONTENDERS")
}

/// 1/Σp²; lower with the remainder as one more party, upper without it.
fn by_votes(query: &Query, election: &Election) -> Option<(String, Said)> {
    let (tier, label) = list_tier(election)?;
    let votes = Votes::of(election, tier, is_contenders(query))?;
    let entering = votes.entering();
    if entering.is_empty() {
        return Some((label, Said::open()));
    }
    let squares: Option<Q> =
        entering.values().map(|share| share.value.as_ref().map(|value| value * value)).sum();
    let Some(squares) = squares.filter(|squares| squares.is_positive()) else {
        return Some((label, Said::open()));
    };
    let value = int(1) / &squares;
    let approximate = entering.values().any(|share| share.approximate);
    let said = match &votes.rest {
        Some(rest) => Said::of(Figure::between(Some(value.clone()), int(1) / (squares + rest * rest), value)),
        None => Said {
            figure: Some(Figure { value: Some(value), approximate, ..Figure::default() }),
            decided: Decided::Value,
            ..Said::default()
        },
    };
    Some((label, said))
}

/// Seats / Σ seats of the same rows; in a chamber the independents are one row, and a person alone is one of them.
fn by_seats(query: &Query, election: &Election) -> Option<(String, Said)> {
    let (tiers, label) = asked(query, election)?;
    let seats = seats_of(&tiers, &label);
    if seats.values().any(Option::is_none) || tiers.iter().any(|tier| tier.results.is_empty()) {
        return Some((label, Said::open()));
    }
    let chamber = label == "CHAMBER";
    let rows = seats.into_iter().filter(|(who, _)| enters(who) || chamber && who == "independents");
    let rows: BTreeMap<Who, i64> = rows.map(|(who, seats)| (who, seats.unwrap_or(0))).collect();
    let all: i64 = rows.values().sum();
    let squares: i64 = rows.values().map(|seats| seats * seats).sum();
    (all > 0).then(|| (label, Said::of(Figure::exact(ratio(all * all, squares)))))
}

/// The four distances between shares of votes and of seats.
fn apart(query: &Query, election: &Election) -> Option<(String, Said)> {
    let (tier, _) = list_tier(election)?;
    let (tiers, label) = asked(query, election)?;
    let votes = Votes::of(election, tier, is_contenders(query))?;
    let entering = votes.entering();
    let seats = seats_of(&tiers, &label);
    let stated: Option<i64> = tiers.iter().map(|tier| tier.seats.map(i64::from)).sum();
    let known: i64 = seats.values().flatten().sum();
    let all = stated.filter(|all| *all > 0).unwrap_or(known);
    let summed = stated.is_none() && seats.values().any(Option::is_none);
    if entering.is_empty() || all == 0 || summed || tiers.iter().any(|tier| tier.results.is_empty()) {
        return Some((label, Said::open()));
    }
    // One that misses a vote share or a seat count is skipped.
    let mut pairs: Vec<(Figure, Q)> = Vec::new();
    for (who, share) in &entering {
        if let Some(Some(seats)) = seats.get(*who) {
            pairs.push((share.times(&int(100)), ratio(100 * seats, all)));
        }
    }
    let elsewhere = seats.iter().any(|(who, seats)| {
        enters(who) && (seats.is_none() || *seats != Some(0) && !entering.contains_key(who))
    });
    let skipped = elsewhere || pairs.len() < entering.len() || !votes.missing.is_empty();
    let values: Option<Vec<(Q, Q)>> =
        pairs.iter().map(|(votes, seats)| Some((votes.value.clone()?, seats.clone()))).collect();
    let Some(values) = values.filter(|values| !values.is_empty()) else { return Some((label, Said::open())) };
    let value = distance(&query.indicator, &values);
    let (Some(value), Some(rest)) = (value.clone(), &votes.rest) else {
        let approximate = pairs.iter().any(|(votes, _)| votes.approximate);
        let figure = Figure { value, approximate, ..Figure::default() };
        return Some((label, Said { figure: Some(figure), decided: Decided::Value, ..Said::default() }));
    };
    let mut more = values;
    more.push((rest * int(100), Q::zero()));
    let one = distance(&query.indicator, &more).unwrap();
    let figure = Figure::between(Some(value.clone()), value.clone().min(one.clone()), value.max(one));
    let decided = if skipped { Decided::Value } else { Decided::Whole };
    Some((label, Said { figure: Some(figure), decided, ..Said::default() }))
}

fn distance(indicator: &str, pairs: &[(Q, Q)]) -> Option<Q> {
    let gaps = || pairs.iter().map(|(votes, seats)| (votes - seats).abs());
    match indicator {
        "disproportionality" => {
            let squares: Q = gaps().map(|gap| &gap * &gap).sum();
            Some(root(&(squares / int(2))))
        }
        "disproportionality-loosemore-hanby" => Some(gaps().sum::<Q>() / int(2)),
        "disproportionality-sainte-lague" => {
            let mut sum = Q::zero();
            for (votes, seats) in pairs {
                if votes.is_zero() && !seats.is_zero() {
                    return None;
                }
                if !votes.is_zero() {
                    sum += (seats - votes) * (seats - votes) / votes;
                }
            }
            Some(sum)
        }
        _ => {
            let counted: Vec<Q> = pairs
                .iter()
                .zip(gaps())
                .filter(|((votes, _), _)| *votes > ratio(1, 2))
                .map(|(_, gap)| gap)
                .collect();
            let count = i64::try_from(counted.len()).unwrap();
            (count > 0).then(|| counted.into_iter().sum::<Q>() / int(count))
        }
    }
}

/// The shares of contenders without a seat; what is not recorded may be wasted or not.
fn wasted(query: &Query, election: &Election) -> Option<(String, Said)> {
    let (tier, _) = list_tier(election)?;
    let (tiers, label) = asked(query, election)?;
    let votes = Votes::of(election, tier, is_contenders(query))?;
    let seats = seats_of(&tiers, &label);
    if seats.values().any(Option::is_none) || tiers.iter().any(|tier| tier.results.is_empty()) {
        return Some((label, Said::open()));
    }
    let mut sum = Figure::exact(Q::zero());
    let mut anybody = false;
    for (who, share) in votes.shares.iter().filter(|(who, _)| *who != "against all") {
        anybody = true;
        if seats.get(who).copied().flatten().unwrap_or(0) == 0 {
            sum = sum.plus(share);
        }
    }
    if !anybody {
        return None;
    }
    let said = match &votes.rest {
        Some(rest) => {
            let value = sum.value.unwrap();
            Said::of(Figure::between(Some(value.clone()), value.clone(), value + rest))
        }
        None => Said { figure: Some(sum), decided: Decided::Value, ..Said::default() },
    };
    Some((label, said))
}
