//! Elections and referendums.

use reform_model::election::{Contender, Election, ElectionResult, Referendum, Tier};
use reform_model::vocabulary::{Formula, Level, Outcome, Release, System, ThresholdRule, Timing, VoteBase};

use super::checker::Checker;
use super::values;
use crate::data::v1;

/// Required: institution. No count is negative; turnout is a percentage.
pub(super) fn election(c: &mut Checker<'_>, wire: &v1::Election) -> Election {
    let v1::Election {
        institution,
        held_on,
        level,
        timing,
        registered,
        cast,
        valid,
        invalid,
        tiers,
        turnout_reported,
        release,
        candidates,
    } = wire;
    Election {
        institution: c.required_reference("institution", institution),
        held_on: c.list("held_on", held_on, values::date),
        level: c.choice("level", *level, Level::from_number),
        timing: c.choice("timing", *timing, Timing::from_number),
        registered: c.count("registered", *registered),
        cast: c.count("cast", *cast),
        valid: c.count("valid", *valid),
        invalid: c.count("invalid", *invalid),
        tiers: c.list("tiers", tiers, tier),
        turnout_reported: c.percent("turnout_reported", turnout_reported),
        release: c.choice("release", *release, Release::from_number),
        candidates: c.count("candidates", *candidates),
    }
}

/// The threshold is a percentage; no count is negative.
fn tier(c: &mut Checker<'_>, wire: &v1::Tier) -> Option<Tier> {
    let v1::Tier {
        seats,
        system,
        threshold,
        threshold_base,
        formula,
        results,
        share_base,
        threshold_rule,
        minimum_lists,
        valid,
    } = wire;
    Some(Tier {
        seats: c.count("seats", *seats),
        system: c.choice("system", *system, System::from_number),
        threshold: c.percent("threshold", threshold),
        threshold_base: c.choice("threshold_base", *threshold_base, VoteBase::from_number),
        formula: c.choice("formula", *formula, Formula::from_number),
        results: c.list("results", results, result),
        share_base: c.choice("share_base", *share_base, VoteBase::from_number),
        threshold_rule: c.choice("threshold_rule", *threshold_rule, ThresholdRule::from_number),
        minimum_lists: c.count("minimum_lists", *minimum_lists),
        valid: c.count("valid", *valid),
    })
}

/// Required: contender. The share is a percentage; no count is negative.
fn result(c: &mut Checker<'_>, wire: &v1::Result) -> Option<ElectionResult> {
    let v1::Result { contender, votes, vote_share, seats } = wire;
    let label = contender.as_ref().map(|contender| contender.label.clone()).unwrap_or_default();
    let contender = c.required("contender", contender.as_ref(), self::contender);
    let votes = c.count("votes", *votes);
    let vote_share = c.percent("vote_share", vote_share);
    let seats = c.count("seats", *seats);
    Some(ElectionResult { contender: contender?, label, votes, vote_share, seats })
}

/// Required: one of who. A mark is true, an alliance has parties, a candidate and "other" have words.
fn contender(c: &mut Checker<'_>, wire: &v1::Contender) -> Option<Contender> {
    use v1::contender::Who;
    // The label belongs to the row: see `result`.
    let v1::Contender { who, label: _ } = wire;
    let Some(who) = who else {
        c.refuse_field("who", "a contender is required");
        return None;
    };
    match who {
        Who::Party(party) => c.required_reference("party", party).map(Contender::Party),
        Who::Independents(chosen) => {
            c.check("independents", *chosen, "must be true when it is chosen");
            Some(Contender::Independents)
        }
        Who::AgainstAll(chosen) => {
            c.check("against_all", *chosen, "must be true when it is chosen");
            Some(Contender::AgainstAll)
        }
        Who::Other(words) => Some(Contender::Other(c.required_text("other", words))),
        Who::Alliance(v1::Alliance { parties }) => c.within("alliance", |c| {
            c.check("parties", !parties.is_empty(), "at least one party is required");
            Some(Contender::Alliance(c.list("parties", parties, |c, party| c.name(party))))
        }),
        Who::Candidate(v1::Candidate { name, party }) => c.within("candidate", |c| {
            let name = c.required_text("name", name);
            Some(Contender::Candidate { name, party: c.reference("party", party) })
        }),
    }
}

/// Not overtaken by itself; no count is negative; shares and turnout are percentages.
pub(super) fn referendum(c: &mut Checker<'_>, wire: &v1::Referendum) -> Referendum {
    let v1::Referendum {
        // For readers.
        question: _,
        held_on,
        planned_on,
        registered,
        cast,
        yes,
        no,
        invalid,
        percent_base,
        outcome,
        other,
        yes_share_reported,
        no_share_reported,
        turnout_reported,
        release,
        overtaken_by,
    } = wire;
    Referendum {
        held_on: c.date("held_on", held_on),
        planned_on: c.date("planned_on", planned_on),
        registered: c.count("registered", *registered),
        cast: c.count("cast", *cast),
        yes: c.count("yes", *yes),
        no: c.count("no", *no),
        invalid: c.count("invalid", *invalid),
        percent_base: c.choice("percent_base", *percent_base, VoteBase::from_number),
        outcome: c.choice("outcome", *outcome, Outcome::from_number),
        other: c.count("other", *other),
        yes_share_reported: c.percent("yes_share_reported", yes_share_reported),
        no_share_reported: c.percent("no_share_reported", no_share_reported),
        turnout_reported: c.percent("turnout_reported", turnout_reported),
        release: c.choice("release", *release, Release::from_number),
        overtaken_by: c.reference_to_another("overtaken_by", overtaken_by),
    }
}
