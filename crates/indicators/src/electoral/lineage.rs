//! Which contender of an election is which of the one before.

use std::collections::{BTreeMap, BTreeSet};

use reform_model::party::Party;
use reform_model::vocabulary::PartyEndKind;
use reform_model::{Date, Name};

use crate::electoral::rows::Key;
use crate::query::Query;
use crate::view::View;

pub(super) const LINEAGE: &str = "lineage";
pub(super) const BY_NAME: &str = "BY_NAME";
pub(super) const BY_SUCCESSION: &str = "BY_SUCCESSION";
pub(super) const BY_MERGER: &str = "BY_MERGER";

/// When two contenders of different elections are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lineage {
    /// Where they have a name in common that was valid at both elections.
    Name,
    /// Where one is the other under a new name.
    Succession,
    /// As by succession, and parties that merged between the elections are the party that took them in.
    Merger,
}

impl Lineage {
    pub(super) fn of(query: &Query) -> Self {
        match query.parameter(LINEAGE) {
            Some(BY_NAME) => Self::Name,
            Some(BY_MERGER) => Self::Merger,
            Some(_) | None => Self::Succession,
        }
    }
}

/// A contender through two elections.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Line<'a> {
    key: Key<'a>,
    /// The party of the earlier election does not go by its later name, so it is not the same one.
    renamed: bool,
}

impl<'a> Line<'a> {
    /// The line of a contender of the later election.
    pub(super) fn of(key: Key<'a>) -> Self {
        Self { key, renamed: false }
    }

    /// Under whom it goes.
    pub(super) fn key(&self) -> &Key<'a> {
        &self.key
    }
}

/// One of two elections: when it was, and who stood.
#[derive(Debug)]
pub(super) struct Standing<'a> {
    pub(super) on: Date,
    pub(super) contenders: BTreeSet<Key<'a>>,
}

/// How sure a merger must be to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sureness {
    /// It certainly lies between the elections.
    Certain,
    /// It may: its date is too coarse, or nobody says when.
    Possible,
}

/// The parties, ready to be followed from one election to the next.
#[derive(Debug)]
pub(super) struct Families<'a> {
    parties: BTreeMap<&'a Name, &'a Party>,
    /// The parties that name a party as one that they continue or took in.
    heirs: BTreeMap<&'a Name, Vec<&'a Name>>,
}

impl<'a> Families<'a> {
    pub(super) fn of(view: &'a View) -> Self {
        let parties: BTreeMap<&Name, &Party> =
            view.parties().map(|(record, party)| (&record.name, party)).collect();
        let mut heirs = BTreeMap::<&Name, Vec<&Name>>::new();
        for (name, party) in &parties {
            for predecessor in party.predecessors.iter().filter(|predecessor| predecessor != name) {
                heirs.entry(predecessor).or_default().push(name);
            }
        }
        Self { parties, heirs }
    }

    /// For each contender of the earlier election its line.
    pub(super) fn lines(
        &self,
        lineage: Lineage,
        sureness: Sureness,
        earlier: &Standing<'a>,
        later: &Standing<'a>,
    ) -> BTreeMap<Key<'a>, Line<'a>> {
        let step = Step { families: self, lineage, sureness, earlier, later };
        let line = |key: &Key<'a>| match lineage {
            Lineage::Name => step.by_name(key),
            Lineage::Succession | Lineage::Merger => Line::of(step.followed(key)),
        };
        earlier.contenders.iter().map(|key| (key.clone(), line(key))).collect()
    }

    /// The names that a party has at a date, in one spelling: those that certainly are valid, else those that may be.
    fn names(&self, party: &Name, on: Date) -> BTreeSet<String> {
        let Some(party) = self.parties.get(party) else { return BTreeSet::new() };
        let certain = party.names.iter().filter(|name| {
            name.used.start.is_none_or(|start| start.last() <= on.first())
                && name.used.end.is_none_or(|end| on.last() <= end.first())
        });
        let certain: BTreeSet<String> = certain.map(|name| spelling(&name.name)).collect();
        if !certain.is_empty() {
            return certain;
        }
        let possible = party
            .names
            .iter()
            .filter(|name| name.used.first() <= on.last() && on.first() <= name.used.last());
        possible.map(|name| spelling(&name.name)).collect()
    }
}

/// A name without what spellings of one name differ in: case, spaces and signs.
fn spelling(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The way from one election to the next.
struct Step<'s, 'a> {
    families: &'s Families<'a>,
    lineage: Lineage,
    sureness: Sureness,
    earlier: &'s Standing<'a>,
    later: &'s Standing<'a>,
}

impl<'a> Step<'_, 'a> {
    fn by_name(&self, key: &Key<'a>) -> Line<'a> {
        let Key::Party(party) = key else { return Line::of(key.clone()) };
        let before = self.families.names(party, self.earlier.on);
        if self.later.contenders.contains(key) && self.keeps_name(party) {
            return Line::of(key.clone());
        }
        // Another record may carry the name on, unless it stood beside this one.
        let mut bearers = self.later.contenders.iter().filter(|other| {
            let Key::Party(other) = other else { return false };
            *other != *party
                && !(self.stood_before(other) && self.keeps_name(other))
                && !before.is_disjoint(&self.families.names(other, self.later.on))
        });
        match (bearers.next(), bearers.next()) {
            (Some(bearer), None) => Line::of(bearer.clone()),
            (_, _) => Line { key: key.clone(), renamed: true },
        }
    }

    /// Whether a party has a name that it had. Without a name on record it is the same party.
    fn keeps_name(&self, party: &Name) -> bool {
        let (before, now) =
            (self.families.names(party, self.earlier.on), self.families.names(party, self.later.on));
        before.is_empty() || now.is_empty() || !before.is_disjoint(&now)
    }

    fn stood_before(&self, party: &Name) -> bool {
        self.earlier.contenders.iter().any(|key| matches!(key, Key::Party(name) if *name == party))
    }

    /// Whom a contender counts with in the later election. An alliance follows its members when all go the same way.
    fn followed(&self, key: &Key<'a>) -> Key<'a> {
        if self.later.contenders.contains(key) {
            return key.clone();
        }
        match key {
            Key::Party(party) => Key::Party(self.heir(party)),
            Key::Alliance(members) => {
                let ways: BTreeSet<&Name> = members.iter().map(|member| self.heir(member)).collect();
                match ways.first() {
                    Some(way) if ways.len() == 1 => Key::Party(way),
                    Some(_) | None => key.clone(),
                }
            }
            Key::Candidate(_) | Key::Independents | Key::Other(_) | Key::AgainstAll => key.clone(),
        }
    }

    /// The party itself where it stands again, else the one that it became; a circle ends where it closes.
    fn heir(&self, party: &'a Name) -> &'a Name {
        let mut seen = BTreeSet::from([party]);
        let mut now = party;
        while !self.later.contenders.contains(&Key::Party(now)) {
            match self.next(now) {
                Some(next) if seen.insert(next) => now = next,
                Some(_) | None => break,
            }
        }
        now
    }

    fn next(&self, party: &'a Name) -> Option<&'a Name> {
        // With several heirs nothing says which part of the votes went where.
        let [heir] = self.families.heirs.get(party)?.as_slice() else { return None };
        let counts = if self.is_merged(party) {
            self.lineage == Lineage::Merger && self.merged_between(party)
        } else {
            !self.stood_before(heir) && self.is_only_origin(party, heir)
        };
        counts.then_some(*heir)
    }

    fn is_merged(&self, party: &Name) -> bool {
        let end = self.families.parties.get(party).and_then(|party| party.ended);
        end.is_some_and(|end| end.kind == PartyEndKind::Merged)
    }

    /// After the earlier election and not after the later.
    fn merged_between(&self, party: &Name) -> bool {
        let (after, until) = (self.earlier.on, self.later.on);
        let date = self.families.parties.get(party).and_then(|party| party.ended).and_then(|end| end.date);
        match (date, self.sureness) {
            (None, sureness) => sureness == Sureness::Possible,
            (Some(date), Sureness::Certain) => after.last() < date.first() && date.last() <= until.first(),
            (Some(date), Sureness::Possible) => after.first() < date.last() && date.first() <= until.last(),
        }
    }

    /// Several parties that stood and have one heir did not all become it by a new name.
    fn is_only_origin(&self, party: &Name, heir: &Name) -> bool {
        let predecessors = self.families.parties.get(heir).map(|heir| heir.predecessors.as_slice());
        !predecessors
            .unwrap_or_default()
            .iter()
            .any(|other| other != party && !self.is_merged(other) && self.stood_before(other))
    }
}

#[cfg(test)]
mod tests;
