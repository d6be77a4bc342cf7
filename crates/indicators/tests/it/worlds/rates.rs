//! Turnout and approval, seated parties, and votes that changed hands.

use std::collections::{BTreeMap, BTreeSet};

use num_traits::{Signed, Zero};
use reform_indicators::Query;
use reform_model::election::Election;
use reform_model::party::Party;
use reform_model::vocabulary::{PartyEndKind, VoteBase};
use reform_model::{Body, Date, Name, Quantity};

use super::elections::{Votes, Who, chambers, enters, list_tier, recorded_seats, who};
use super::exact::{Figure, Q, int, rate, ratio};
use super::said::{Decided, Points, Said, World, at, labels};

pub(super) fn turnout(world: &World, _: &Query) -> Points {
    let mut points = Points::new();
    let mut add = |record: &reform_model::Record,
                   kind: &str,
                   institution: Option<&Name>,
                   on: Option<Date>,
                   (cast, registered): (Option<i64>, Option<i64>),
                   reported: Option<&Quantity>| {
        let Some(on) = on else { return };
        let key = |origin: &str| {
            let mut own =
                labels(&[("jurisdiction", &record.jurisdiction), ("kind", kind), ("origin", origin)]);
            own.extend(institution.map(|name| ("institution".to_owned(), name.to_string())));
            (own, at(on), record.title.clone())
        };
        if let (Some(cast), Some(registered)) = (cast, registered) {
            let said = Said { counts: Some((cast, registered)), ..Said::of(rate(cast, registered)) };
            points.insert(key("COUNTED"), said);
        }
        if let Some(reported) = reported {
            points.insert(key("REPORTED"), Said::of(Figure::of(reported).times(&ratio(1, 100))));
        }
    };
    for (record, election) in world.elections() {
        let numbers = (election.cast, election.registered);
        let on = election.held_on.first().copied();
        add(
            record,
            "election",
            election.institution.as_ref(),
            on,
            numbers,
            election.turnout_reported.as_ref(),
        );
    }
    for (record, referendum) in world.referendums() {
        let numbers = (referendum.cast, referendum.registered);
        add(record, "referendum", None, referendum.held_on, numbers, referendum.turnout_reported.as_ref());
    }
    points
}

/// yes / base; as recorded that of the published percentages, and valid = yes + no.
pub(super) fn approval(world: &World, query: &Query) -> Points {
    let mut points = Points::new();
    for (record, referendum) in world.referendums() {
        let Some(on) = referendum.held_on else { continue };
        let own = referendum.percent_base.unwrap_or(VoteBase::Valid);
        let base = match query.parameter("base") {
            Some("VALID") => VoteBase::Valid,
            Some("CAST") => VoteBase::Cast,
            _ => own,
        };
        let whole = match base {
            VoteBase::Cast => referendum.cast,
            VoteBase::Registered => referendum.registered,
            VoteBase::Valid | VoteBase::ContendersAndAgainstAll => {
                referendum.yes.zip(referendum.no).map(|(yes, no)| yes + no)
            }
        };
        let key = |origin: &str| {
            let own = labels(&[
                ("jurisdiction", &record.jurisdiction),
                ("base", base.as_str()),
                ("origin", origin),
            ]);
            (own, at(on), record.title.clone())
        };
        if let (Some(yes), Some(whole)) = (referendum.yes, whole.filter(|whole| *whole > 0)) {
            let said = Said { counts: Some((yes, whole)), ..Said::of(rate(yes, whole)) };
            points.insert(key("COUNTED"), said);
        }
        if let Some(reported) = referendum.yes_share_reported.as_ref().filter(|_| base == own) {
            points.insert(key("REPORTED"), Said::of(Figure::of(reported).times(&ratio(1, 100))));
        }
    }
    points
}

/// The parties of an election: those with a seat, and those of which nobody says.
fn seated(election: &Election) -> Option<(BTreeSet<Who>, BTreeSet<Who>)> {
    let (mut seated, mut open, mut recorded) = (BTreeSet::new(), BTreeSet::new(), false);
    for tier in &election.tiers {
        let seats = recorded_seats(&[tier]);
        let known: i64 = tier.results.iter().filter_map(|row| row.seats).map(i64::from).sum();
        let left = tier.seats.map(|all| (i64::from(all) - known).max(0));
        let unknown: Vec<&Who> =
            seats.iter().filter(|(_, seats)| seats.is_none()).map(|(who, _)| who).collect();
        recorded |= tier.results.iter().any(|row| row.seats.is_some());
        // Where nothing is left to win, or one alone can have won it, the seats are known all the same.
        let settled = match left {
            Some(0) => Some(false),
            Some(_) if unknown.len() == 1 => Some(true),
            _ => None,
        };
        recorded |= settled.is_some() && !unknown.is_empty();
        for (who, own) in &seats {
            let some = tier
                .results
                .iter()
                .any(|row| self::who(row) == *who && row.seats.is_some_and(|seats| seats > 0));
            match (own, settled) {
                _ if !who.starts_with("party ") && !who.starts_with("alliance ") => {}
                _ if some => drop(seated.insert(who.clone())),
                (None, None) => drop(open.insert(who.clone())),
                (None, Some(true)) => drop(seated.insert(who.clone())),
                (Some(_), _) | (None, Some(false)) => {}
            }
        }
    }
    open.retain(|who| !seated.contains(who));
    recorded.then_some((seated, open))
}

fn members(who: &Who) -> Vec<Name> {
    who.split(' ').skip(1).map(|name| Name::parse(name).unwrap()).collect()
}

/// The party with everything that it continues or took in.
fn ancestors(world: &World, who: &Who) -> BTreeSet<Name> {
    let mut all: BTreeSet<Name> = members(who).into_iter().collect();
    loop {
        let mut more = all.clone();
        for name in &all {
            if let Some(Body::Party(party)) = world.get(name).map(|record| &record.body) {
                more.extend(party.predecessors.iter().cloned());
            }
        }
        if more == all {
            return all;
        }
        all = more;
    }
}

pub(super) fn parliamentary(world: &World, query: &Query) -> Points {
    let mut points = Points::new();
    for ((jurisdiction, institution), elections) in chambers(world) {
        let labels = labels(&[
            ("jurisdiction", &jurisdiction),
            ("institution", institution.as_str()),
            ("origin", "COUNTED"),
        ]);
        let (mut before, mut perhaps, mut first) = (BTreeSet::<Name>::new(), BTreeSet::<Name>::new(), true);
        for (record, election) in elections {
            let Some((seated, open)) = seated(election) else { continue };
            let key = (labels.clone(), at(election.held_on[0]), record.title.clone());
            let (mut certain, mut uncertain) = (0, 0);
            for (who, sure) in seated.iter().map(|who| (who, true)).chain(open.iter().map(|who| (who, false)))
            {
                let own = ancestors(world, who);
                let sat = !own.is_disjoint(&before);
                let perhaps = !own.is_disjoint(&perhaps);
                match query.indicator == "new-parliamentary-parties" {
                    true if sat => {}
                    true if perhaps || !sure => uncertain += 1,
                    false if !sure => uncertain += 1,
                    _ => certain += 1,
                }
            }
            if query.indicator == "parliamentary-parties" || !first {
                let figure = Figure::between(Some(int(certain)), int(certain), int(certain + uncertain));
                points.insert(key, Said::of(figure));
            }
            first = false;
            before.extend(seated.iter().flat_map(members));
            perhaps.extend(open.iter().flat_map(members));
        }
    }
    points
}

/// Who stood, and when.
struct Stood<'a> {
    on: Date,
    who: BTreeSet<Who>,
    parties: BTreeMap<Name, &'a Party>,
}

impl Stood<'_> {
    fn stands(&self, name: &Name) -> bool {
        self.who.contains(&format!("party {name}"))
    }
}

/// The party that another became by the later election.
fn heir(name: &Name, merger: bool, earlier: &Stood<'_>, later: &Stood<'_>) -> Name {
    let (mut now, mut steps) = (name.clone(), 0);
    while !later.stands(&now) && steps < 10 {
        steps += 1;
        let heirs: Vec<&Name> = later
            .parties
            .iter()
            .filter(|(_, party)| party.predecessors.contains(&now))
            .map(|(name, _)| name)
            .collect();
        let [next] = heirs.as_slice() else { break };
        let merged = |name: &Name| {
            let end = later.parties.get(name).and_then(|party| party.ended);
            end.filter(|end| end.kind == PartyEndKind::Merged)
        };
        let follows = match merged(&now) {
            Some(end) => {
                let between = end
                    .date
                    .is_some_and(|date| earlier.on.last() < date.first() && date.last() <= later.on.first());
                merger && between
            }
            // A new name, unless the heir stood beside it, or beside another that it continues.
            None => {
                let others = &later.parties[*next].predecessors;
                let beside = others
                    .iter()
                    .any(|other| *other != now && merged(other).is_none() && earlier.stands(other));
                !earlier.stands(next) && !beside
            }
        };
        if !follows {
            break;
        }
        now = (*next).clone();
    }
    now
}

fn line(who: &Who, merger: bool, earlier: &Stood<'_>, later: &Stood<'_>) -> Who {
    if later.who.contains(who) {
        return who.clone();
    }
    let ways: BTreeSet<Name> =
        members_of(who).iter().map(|name| heir(name, merger, earlier, later)).collect();
    match ways.first() {
        // An alliance follows its members when all go the same way.
        Some(way) if ways.len() == 1 => format!("party {way}"),
        _ => who.clone(),
    }
}

fn members_of(who: &Who) -> Vec<Name> {
    if who.starts_with("candidate ") { Vec::new() } else { members(who) }
}

/// The names of a party on a day, one for all spellings.
fn called(party: Option<&&Party>, on: Date) -> BTreeSet<String> {
    let names = party.iter().flat_map(|party| &party.names);
    let valid = names.filter(|name| name.used.first() <= on.first() && on.last() <= name.used.last());
    valid.map(|name| name.name.to_lowercase().replace([' ', '-'], "")).collect()
}

/// ½ Σ |v − v before| over lines.
pub(super) fn volatility(world: &World, query: &Query) -> Points {
    let contenders = query.parameter("share_base") == Some("CONTENDERS");
    let parties: BTreeMap<Name, &Party> =
        world.parties().into_iter().map(|(record, party)| (record.name.clone(), party)).collect();
    let mut points = Points::new();
    for ((jurisdiction, institution), elections) in chambers(world) {
        for pair in elections.windows(2) {
            let [(_, first), (record, second)] = pair else { continue };
            let votes = |election: &Election| {
                let (tier, label) = list_tier(election)?;
                let votes = Votes::of(election, tier, contenders)?;
                let all: BTreeSet<Who> =
                    votes.entering().keys().map(|who| (*who).clone()).chain(votes.missing.clone()).collect();
                (!votes.entering().is_empty()).then_some((votes, all, label))
            };
            let (Some((before, stood, _)), Some((after, stands, tier))) = (votes(first), votes(second))
            else {
                continue;
            };
            let labels = labels(&[
                ("jurisdiction", &jurisdiction),
                ("institution", institution.as_str()),
                ("origin", "COUNTED"),
                ("tier", &tier),
            ]);
            let key = (labels, at(second.held_on[0]), record.title.clone());
            let earlier = Stood { on: first.held_on[0], who: stood, parties: parties.clone() };
            let later = Stood { on: second.held_on[0], who: stands, parties: parties.clone() };
            let line = |who: &Who| match query.parameter("lineage") {
                Some("BY_NAME") => named(who, &earlier, &later),
                lineage => self::line(who, lineage == Some("BY_MERGER"), &earlier, &later),
            };
            let mut said = swing(&before, &after, line);
            if query.parameter("lineage") == Some("BY_MERGER") && said.decided == Decided::Whole {
                // A merger that may lie between the elections widens the lower bound.
                said.decided = Decided::Value;
            }
            points.insert(key, said);
        }
    }
    points
}

/// By name a party is one with another record that carries its name on, and two where its name has changed.
fn named(who: &Who, earlier: &Stood<'_>, later: &Stood<'_>) -> Who {
    if !who.starts_with("party ") {
        return who.clone();
    }
    let party = later.parties.get(&members(who)[0]);
    let (before, now) = (called(party, earlier.on), called(party, later.on));
    let kept = before.is_empty() || now.is_empty() || !before.is_disjoint(&now);
    if kept { who.clone() } else { format!("{who}, as it was called") }
}

fn swing(before: &Votes, after: &Votes, line: impl Fn(&Who) -> Who) -> Said {
    // A line that misses a share has no change.
    let missing: BTreeSet<Who> =
        before.missing.iter().map(&line).chain(after.missing.iter().cloned()).collect();
    let mut lines = BTreeMap::<Who, (Figure, Figure)>::new();
    let none = || (Figure::exact(Q::zero()), Figure::exact(Q::zero()));
    for (who, share) in before.entering() {
        let own = lines.entry(line(who)).or_insert_with(none);
        own.0 = own.0.plus(share);
    }
    for (who, share) in after.entering() {
        let own = lines.entry(who.clone()).or_insert_with(none);
        own.1 = own.1.plus(share);
    }
    lines.retain(|who, _| !missing.contains(who));
    debug_assert!(lines.keys().all(|who| enters(&who.replace(", as it was called", ""))));
    let approximate =
        [before, after].iter().any(|votes| votes.entering().values().any(|share| share.approximate));
    let sum: Option<Q> = lines
        .values()
        .map(|(before, after)| Some((after.value.clone()? - before.value.clone()?).abs()))
        .sum();
    match sum.filter(|_| !lines.is_empty()) {
        None => Said::open(),
        Some(sum) => {
            let value = sum * int(50);
            let whole = missing.is_empty()
                && [&before.rest, &after.rest].iter().all(|rest| rest.as_ref().is_some_and(Zero::is_zero));
            let figure = if whole {
                Figure::exact(value)
            } else {
                Figure { value: Some(value), approximate, ..Figure::default() }
            };
            let decided = if whole { Decided::Whole } else { Decided::Value };
            Said { figure: Some(figure), decided, ..Said::default() }
        }
    }
}
