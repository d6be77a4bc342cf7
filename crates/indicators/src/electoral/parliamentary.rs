//! `parliamentary-parties` and `new-parliamentary-parties`.

use std::collections::BTreeSet;

use reform_model::election::{Election, ElectionResult};
use reform_model::vocabulary::{Resolution, System};
use reform_model::{Body, Kind, Name};

use crate::answer::{Answer, Builder, Code, Point};
use crate::catalogue::Definition;
use crate::electoral::chambers::{Chamber, Held, INSTITUTION, INSTITUTION_PARAMETER, add_reported, chambers};
use crate::electoral::evidence;
use crate::electoral::rows::{Key, Seats};
use crate::estimate::Estimate;
use crate::query::{Query, QueryError};
use crate::span::Granularity;
use crate::view::View;

/// The figure that lists the parties counted, by name.
const PARTIES: &str = "parties";

/// Parties in a chamber.
pub const ALL: Definition = Definition {
    id: "parliamentary-parties",
    title: "Parties in a chamber",
    definition: "Parties that hold at least one seat in a chamber after an election, over all tiers. An alliance counts \
                 once; independents are no party. A party whose seats are not recorded adds to the upper bound.",
    formula: "count of parties and alliances with a seat",
    formula_source: "",
    formula_version: 1,
    unit: "parties",
    dimensions: &[INSTITUTION],
    parameters: &[INSTITUTION_PARAMETER],
    kinds: &[Kind::Election, Kind::Institution, Kind::Observation, Kind::Party, Kind::Variable],
    granularities: Granularity::EVENTS,
    compute: all,
};

/// Parties in a chamber for the first time.
pub const NEW: Definition = Definition {
    id: "new-parliamentary-parties",
    title: "Parties in a chamber for the first time",
    definition: "Parties that hold a seat now and held none after any earlier recorded election of that chamber. The \
                 parties that one continues or took in are the same party, and a member of an alliance that held seats \
                 held them. The first recorded election of a chamber has no point.",
    formula: "count of parties and alliances with a first seat",
    formula_source: "",
    formula_version: 1,
    unit: "parties",
    dimensions: &[INSTITUTION],
    parameters: &[INSTITUTION_PARAMETER],
    kinds: &[Kind::Election, Kind::Institution, Kind::Observation, Kind::Party, Kind::Variable],
    granularities: Granularity::EVENTS,
    compute: new,
};

fn all(view: &View, query: &Query) -> Result<Answer, QueryError> {
    per_election(view, query, ALL, |held, parties, _| {
        let mut point = held.point();
        let uncertain = length(&parties.possible).saturating_add(parties.unassigned);
        point.estimate = Some(Estimate::count(length(&parties.seated), uncertain));
        Some((point, parties.seated.clone()))
    })
}

fn new(view: &View, query: &Query) -> Result<Answer, QueryError> {
    per_election(view, query, NEW, |held, parties, earlier| {
        if earlier.is_empty() {
            return None;
        }
        let mut point = held.point();
        let (seated, mut unsure) = first_seats(view, &parties.seated, earlier);
        let (possible, possibly) = first_seats(view, &parties.possible, earlier);
        unsure.extend(possible.into_iter().chain(possibly));
        let uncertain = length(&unsure).saturating_add(parties.unassigned);
        point.estimate = Some(Estimate::count(length(&seated), uncertain));
        point.records += i64::try_from(earlier.len()).unwrap_or(i64::MAX);
        Some((point, seated))
    })
}

/// Calls `figure` for each election in the period, with the parties that it seated and those that earlier ones did, for
/// the point and the parties that it counts.
fn per_election<'a>(
    view: &'a View,
    query: &Query,
    definition: Definition,
    figure: impl Fn(&Held<'a>, &Parties<'a>, &[Parties<'a>]) -> Option<(Point, BTreeSet<Key<'a>>)>,
) -> Result<Answer, QueryError> {
    let mut answer = Builder::default();
    for Chamber { labels, elections } in chambers(view, query)? {
        let mut earlier = Vec::new();
        let mut past = Vec::new();
        for held in &elections {
            let Some(parties) = Parties::of(held.election) else { continue };
            if held.is_asked(query)
                && let Some((mut point, counted)) = figure(held, &parties, &earlier)
            {
                name_parties(view, &mut point, &counted);
                warn(&mut point, held, &parties);
                query.attach(&labels, &mut point, |_| {
                    let looked_at = if definition.id == NEW.id { past.as_slice() } else { &[] };
                    let mut evidence = evidence::of_parties(view, held, &counted, looked_at);
                    evidence::exclude_others(&mut evidence, held.record, &elections);
                    evidence
                });
                answer.push(labels.clone(), definition.unit, point);
            }
            earlier.push(parties);
            past.push(*held);
        }
    }
    add_reported(view, query, definition.id, &mut answer);
    Ok(answer.finish(definition.id, definition.formula_version))
}

fn warn(point: &mut Point, held: &Held<'_>, parties: &Parties<'_>) {
    let open = length(&parties.possible).saturating_add(parties.unassigned);
    if open > 0 {
        point.warn(Code::Missing, "the seats of some parties are not recorded", open);
    }
    let disputed = held.record.discrepancies.iter().filter(|discrepancy| {
        discrepancy.resolution == Resolution::Unresolved
            && claims_other_parties(held.election, &discrepancy.field_path, &discrepancy.claimed)
    });
    let disputed = i64::try_from(disputed.count()).unwrap_or(i64::MAX);
    if disputed > 0 {
        point.warn(
            Code::Conflict,
            "sources disagree about who holds a seat, and nobody has settled it",
            disputed,
        );
    }
}

/// The parties that an election seated.
#[derive(Debug, Clone, Default)]
struct Parties<'a> {
    seated: BTreeSet<Key<'a>>,
    /// Parties whose seats are not recorded.
    possible: BTreeSet<Key<'a>>,
    /// Seats of which nothing says who won them.
    unassigned: i64,
}

impl<'a> Parties<'a> {
    /// None when the election has no seats on record.
    fn of(election: &'a Election) -> Option<Self> {
        let mut parties = Self::default();
        let mut recorded = false;
        for tier in &election.tiers {
            let seats = Seats::of_tier(tier);
            recorded |= seats.is_recorded();
            if tier.system != Some(System::Indirect) {
                parties.unassigned += seats.unassigned;
            }
            parties.possible.extend(seats.unknown.into_iter().filter(is_party));
            let seated = seats.won.into_iter().filter(|(key, won)| is_party(key) && *won > 0);
            parties.seated.extend(seated.map(|(key, _)| key));
        }
        parties.possible.retain(|key| !parties.seated.contains(key));
        recorded.then_some(parties)
    }
}

fn is_party(key: &Key<'_>) -> bool {
    matches!(key, Key::Party(_) | Key::Alliance(_))
}

/// Of these parties those that certainly, and those that perhaps, never held a seat before.
fn first_seats<'a>(
    view: &View,
    parties: &BTreeSet<Key<'a>>,
    earlier: &[Parties<'a>],
) -> (BTreeSet<Key<'a>>, BTreeSet<Key<'a>>) {
    let names = |pick: for<'b> fn(&'b Parties<'a>) -> &'b BTreeSet<Key<'a>>| -> BTreeSet<&'a Name> {
        earlier.iter().flat_map(pick).flat_map(members).collect()
    };
    let (seated, possible) = (names(|parties| &parties.seated), names(|parties| &parties.possible));
    let anybody = earlier.iter().any(|parties| parties.unassigned > 0);
    let (mut certain, mut unsure) = (BTreeSet::new(), BTreeSet::new());
    for key in parties {
        let lineage = lineage(view, members(key));
        let meets = |names: &BTreeSet<&Name>| lineage.iter().any(|name| names.contains(name));
        if meets(&seated) {
            continue;
        }
        let side = if anybody || meets(&possible) { &mut unsure } else { &mut certain };
        side.insert(key.clone());
    }
    (certain, unsure)
}

/// The parties behind a key.
fn members<'a>(key: &Key<'a>) -> Vec<&'a Name> {
    match key {
        Key::Party(name) => vec![name],
        Key::Alliance(names) => names.iter().copied().collect(),
        Key::Candidate(_) | Key::Independents | Key::Other(_) | Key::AgainstAll => Vec::new(),
    }
}

/// The parties and everything that they continue or took in, at any distance; a circle ends where it closes.
fn lineage(view: &View, parties: Vec<&Name>) -> BTreeSet<Name> {
    let mut seen: BTreeSet<Name> = parties.into_iter().cloned().collect();
    let mut open: Vec<Name> = seen.iter().cloned().collect();
    while let Some(name) = open.pop() {
        let Some(Body::Party(party)) = view.get(&name).map(|entry| &entry.record.body) else { continue };
        for predecessor in &party.predecessors {
            if seen.insert(predecessor.clone()) {
                open.push(predecessor.clone());
            }
        }
    }
    seen
}

fn name_parties(view: &View, point: &mut Point, parties: &BTreeSet<Key<'_>>) {
    let names = parties.iter().map(|key| evidence::title(view, key));
    point.figures.insert(PARTIES.to_owned(), names.collect::<Vec<_>>().join(", "));
}

/// Whether a rival number of seats would seat a party that has none, or unseat one.
fn claims_other_parties(election: &Election, path: &str, claimed: &str) -> bool {
    let Some((row, system)) = row_of(election, path) else { return false };
    let Ok(claimed) = claimed.trim().parse::<i64>() else { return true };
    let key = Key::of(row, system);
    if !is_party(&key) {
        return false;
    }
    let won: i64 = election.tiers.iter().filter_map(|tier| Seats::of_tier(tier).won.get(&key).copied()).sum();
    let rival = won - row.seats.map_or(0, i64::from) + claimed;
    (won > 0) != (rival > 0)
}

/// The row whose seats the path names: `election.tiers[1].results[5].seats`.
fn row_of<'a>(election: &'a Election, path: &str) -> Option<(&'a ElectionResult, Option<System>)> {
    let (tier, rest) = path.strip_prefix("election.tiers[")?.split_once("].results[")?;
    let row = rest.strip_suffix("].seats")?;
    let tier = election.tiers.get(tier.parse::<usize>().ok()?)?;
    Some((tier.results.get(row.parse::<usize>().ok()?)?, tier.system))
}

fn length(keys: &BTreeSet<Key<'_>>) -> i64 {
    i64::try_from(keys.len()).unwrap_or(i64::MAX)
}
