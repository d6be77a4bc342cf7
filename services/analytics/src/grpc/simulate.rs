//! Elections to simulate: what is asked, or everything that is wrong with it, and what the rules give.

use std::collections::HashSet;

use reform_api::analytics::v1;
use reform_api::analytics::v1::simulate_election_request::Election;
use reform_api::convert;
use reform_indicators::electoral::indices::Indices;
use reform_indicators::number::Number;
use reform_indicators::seats::contest::Overrides;
use reform_indicators::seats::formula::Formula;
use reform_indicators::seats::simulate::{Asked, Simulated, Tied, Won};
use reform_indicators::seats::threshold::{List, Rules};
use reform_model::{Decimal, Name};

use super::convert::estimate;
use super::period::Violations;
use crate::refusal::Refusal;

/// Lists of one request.
const CONTENDERS_MAX: usize = 1_000;

/// What a request asks.
pub(super) fn asked(wire: v1::SimulateElectionRequest) -> Result<Asked, Refusal> {
    let v1::SimulateElectionRequest { election, tier, rules } = wire;
    let mut reader = Reader::default();
    let rules = reader.overrides(rules.unwrap_or_default());
    let asked = match election {
        None => reader.refuse("stored", "required, or `inline`"),
        Some(Election::Stored(name)) => {
            let name = reader.name(&name);
            let tier = (!tier.is_empty()).then_some(tier);
            name.map(|election| Asked::Stored { election, tier, rules })
        }
        Some(Election::Inline(inline)) => {
            if !tier.is_empty() {
                reader.refuse::<()>("tier", "votes that are given have no tiers");
            }
            reader.inline(inline, rules)
        }
    };
    if reader.violations.is_empty() {
        asked.ok_or(Refusal::Internal)
    } else {
        Err(Refusal::Fields(reader.violations))
    }
}

/// What the rules give, as it was at a revision.
pub(super) fn response(simulated: Simulated, revision: i64) -> v1::SimulateElectionResponse {
    let Simulated { lists, ties, indices, actual } = simulated;
    let figures = |indices: Indices| {
        indices.into_iter().map(|(id, figure)| (id.to_owned(), estimate(figure))).collect()
    };
    v1::SimulateElectionResponse {
        allocations: lists.into_iter().map(allocation).collect(),
        ties: ties.into_iter().map(tie).collect(),
        indices: figures(indices),
        actual_indices: figures(actual),
        revision,
    }
}

fn allocation(Won { id, votes, share, enters, seats, actual }: Won) -> v1::SeatAllocation {
    v1::SeatAllocation {
        id,
        votes: i64::try_from(votes).unwrap_or(i64::MAX),
        vote_share: share.to_decimal_string(),
        above_threshold: enters,
        seats: whole(seats),
        actual_seats: actual.and_then(|actual| i32::try_from(actual).ok()),
    }
}

fn tie(Tied { ids, seats, rule }: Tied) -> v1::Tie {
    v1::Tie { ids, seats: whole(seats), rule: rule.to_owned() }
}

/// No more seats than were asked for, and those were of this type.
fn whole(seats: u32) -> i32 {
    i32::try_from(seats).unwrap_or(i32::MAX)
}

/// Collects what is wrong with a request.
#[derive(Debug, Default)]
struct Reader {
    violations: Violations,
}

impl Reader {
    /// Always none.
    fn refuse<T>(&mut self, path: &str, description: impl Into<String>) -> Option<T> {
        self.violations.push((path.to_owned(), description.into()));
        None
    }

    fn name(&mut self, text: &str) -> Option<Name> {
        if text.is_empty() {
            return self.refuse("stored", "required");
        }
        Name::parse(text).map_err(|error| self.refuse::<()>("stored", error.to_string())).ok()
    }

    fn overrides(&mut self, wire: v1::ElectionRules) -> Overrides {
        let v1::ElectionRules { formula, threshold_percent, threshold_exclusive, seats, minimum_lists } =
            wire;
        let formula = if formula.is_empty() { None } else { self.formula(&formula) };
        let threshold = threshold_percent.and_then(|text| self.percent("rules.threshold_percent", &text));
        let seats = seats.and_then(|seats| self.seats("rules.seats", seats));
        let minimum_lists = minimum_lists.and_then(|lists| {
            let lists = u32::try_from(lists).ok();
            lists.or_else(|| self.refuse("rules.minimum_lists", "must not be negative"))
        });
        Overrides { formula, threshold, exclusive: threshold_exclusive, seats, minimum_lists }
    }

    fn formula(&mut self, name: &str) -> Option<Formula> {
        Formula::parse(name).or_else(|| {
            let names: Vec<&str> = Formula::names().collect();
            self.refuse("rules.formula", format!("must be one of {}", names.join(", ")))
        })
    }

    fn seats(&mut self, path: &str, seats: i32) -> Option<u32> {
        let positive = u32::try_from(seats).ok().filter(|seats| *seats > 0);
        positive.or_else(|| self.refuse(path, "must be at least 1"))
    }

    /// A percentage as a fraction of 1.
    fn percent(&mut self, path: &str, text: &str) -> Option<Number> {
        match convert::decimal(text) {
            Ok(percent) if (Decimal::ZERO..=Decimal::ONE_HUNDRED).contains(&percent) => {
                Some(Number::from(percent) * Number::scaled(1, 2))
            }
            Ok(_) => self.refuse(path, "must be 0 to 100 percent"),
            Err(description) => self.refuse(path, description),
        }
    }

    fn inline(&mut self, wire: v1::InlineElection, rules: Overrides) -> Option<Asked> {
        let v1::InlineElection { seats, contenders, threshold_base_votes } = wire;
        let Overrides { formula, threshold, exclusive, seats: other_seats, minimum_lists } = rules;
        let lists = self.lists(contenders);
        let base = threshold_base_votes.and_then(|votes| {
            let positive = u64::try_from(votes).ok().filter(|votes| *votes > 0);
            positive.or_else(|| self.refuse("inline.threshold_base_votes", "must be above 0"))
        });
        let known = |reader: &Self, path: &str| reader.violations.iter().any(|(refused, _)| refused == path);
        let seats = other_seats
            .or_else(|| if known(self, "rules.seats") { None } else { self.seats("inline.seats", seats) });
        if formula.is_none() && !known(self, "rules.formula") {
            self.refuse::<()>("rules.formula", "required with votes that are given");
        }
        let rules = Rules {
            formula: formula?,
            seats: seats?,
            threshold: threshold.unwrap_or_else(Number::zero),
            exclusive: exclusive.unwrap_or(false),
            minimum_lists: minimum_lists.unwrap_or(0),
        };
        Some(Asked::Inline { lists, base, rules })
    }

    fn lists(&mut self, contenders: Vec<v1::InlineContender>) -> Vec<(String, List)> {
        const PATH: &str = "inline.contenders";
        if contenders.len() > CONTENDERS_MAX {
            self.refuse::<()>(PATH, format!("must be at most {CONTENDERS_MAX}"));
            return Vec::new();
        }
        if contenders.is_empty() {
            self.refuse::<()>(PATH, "required");
        } else if contenders.iter().all(|contender| contender.votes == 0) {
            self.refuse::<()>(PATH, "nobody has a vote");
        }
        let mut ids = HashSet::new();
        let mut lists = Vec::new();
        for (index, wire) in contenders.into_iter().enumerate() {
            let v1::InlineContender { id, votes, exempt, threshold_percent } = wire;
            let path = |field: &str| format!("{PATH}[{index}].{field}");
            if id.is_empty() {
                self.refuse::<()>(&path("id"), "required");
            } else if !ids.insert(id.clone()) {
                self.refuse::<()>(&path("id"), "is that of another list too");
            }
            let votes = u64::try_from(votes).ok();
            let votes = votes.or_else(|| self.refuse(&path("votes"), "must not be negative"));
            let threshold =
                threshold_percent.and_then(|text| self.percent(&path("threshold_percent"), &text));
            lists.push((id, List { votes: votes.unwrap_or(0), exempt, threshold }));
        }
        lists
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contender(id: &str, votes: i64) -> v1::InlineContender {
        v1::InlineContender { id: id.to_owned(), votes, ..v1::InlineContender::default() }
    }

    fn request(election: v1::InlineElection, rules: v1::ElectionRules) -> v1::SimulateElectionRequest {
        let election = Some(Election::Inline(election));
        v1::SimulateElectionRequest { election, rules: Some(rules), ..v1::SimulateElectionRequest::default() }
    }

    fn refused(request: v1::SimulateElectionRequest) -> Vec<String> {
        match asked(request) {
            Err(Refusal::Fields(violations)) => violations.into_iter().map(|(path, _)| path).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn everything_that_is_wrong_is_named_at_once() {
        let mut third = contender("a", -1);
        third.threshold_percent = Some("101".to_owned());
        let election = v1::InlineElection {
            seats: -1,
            contenders: vec![contender("a", 1), contender("", 0), third],
            threshold_base_votes: Some(0),
        };
        let rules = v1::ElectionRules {
            formula: "ADAMS".to_owned(),
            threshold_percent: Some("five".to_owned()),
            minimum_lists: Some(-1),
            ..v1::ElectionRules::default()
        };
        let expected = [
            "rules.formula",
            "rules.threshold_percent",
            "rules.minimum_lists",
            "inline.contenders[1].id",
            "inline.contenders[2].id",
            "inline.contenders[2].votes",
            "inline.contenders[2].threshold_percent",
            "inline.threshold_base_votes",
            "inline.seats",
        ];
        assert_eq!(refused(request(election, rules)), expected);
    }

    #[test]
    fn what_is_required_is_missed() {
        let nothing = v1::InlineElection::default();
        let missing = ["inline.contenders", "inline.seats", "rules.formula"];
        assert_eq!(refused(request(nothing, v1::ElectionRules::default())), missing);
        assert_eq!(refused(v1::SimulateElectionRequest::default()), ["stored"]);
        let stored = Some(Election::Stored("elections/x".to_owned()));
        let named =
            v1::SimulateElectionRequest { election: stored, ..v1::SimulateElectionRequest::default() };
        assert_eq!(refused(named), ["stored"]);
        let votes =
            v1::InlineElection { seats: 3, contenders: vec![contender("a", 0)], threshold_base_votes: None };
        let rules = v1::ElectionRules { formula: "D_HONDT".to_owned(), seats: Some(0), ..Default::default() };
        assert_eq!(refused(request(votes.clone(), rules.clone())), ["rules.seats", "inline.contenders"]);
        let many = vec![contender("a", 1); CONTENDERS_MAX + 1];
        let votes = v1::InlineElection { contenders: many, ..votes };
        let rules = v1::ElectionRules { seats: None, ..rules };
        let tier = "0".to_owned();
        let request = v1::SimulateElectionRequest { tier, ..request(votes, rules) };
        assert_eq!(refused(request), ["tier", "inline.contenders"]);
    }

    #[test]
    fn seats_of_the_rules_win_over_those_beside_the_votes() {
        let votes =
            v1::InlineElection { seats: 3, contenders: vec![contender("a", 1)], threshold_base_votes: None };
        let rules = v1::ElectionRules { formula: "D_HONDT".to_owned(), seats: Some(7), ..Default::default() };
        let Ok(Asked::Inline { rules, .. }) = asked(request(votes, rules)) else { panic!("refused") };
        assert_eq!(rules.seats, 7);
    }
}
