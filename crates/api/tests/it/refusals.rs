//! One rejection per rule: the smallest good record of a kind, one change, one field path.

use serde_json::{Value, json};

use crate::{refused, with};

/// The smallest good record of a kind.
fn good(kind: &str) -> Value {
    let body = match kind {
        "election" => json!({"institution": "records/chamber"}),
        "observation" => json!({
            "variable": "records/v", "period": {"start": {"year": 2023}}, "basis": "BASIS_STOCK_AT", "quantity": exact("5"),
        }),
        "target" => json!({"variable": "records/v", "quantity": exact("5")}),
        _ => json!({}),
    };
    json!({"name": "records/own", "citations": [{"source": "records/s"}], kind: body})
}

fn exact(decimal: &str) -> Value {
    json!({"decimal": decimal, "comparator": "COMPARATOR_EXACT"})
}

fn between(lower: &str, upper: &str) -> Value {
    json!({"decimal": lower, "upperDecimal": upper, "comparator": "COMPARATOR_BETWEEN"})
}

const KINDS: [&str; 14] = [
    "source",
    "variable",
    "institution",
    "package",
    "party",
    "reform",
    "election",
    "referendum",
    "petition",
    "appeal",
    "decision",
    "event",
    "observation",
    "target",
];

/// Lays each patch over the good record and expects exactly that one path.
fn check(kind: &str, table: &[(&str, Value)]) {
    for (path, patch) in table {
        assert_eq!(refused(&with(good(kind), patch.clone())), [*path], "{kind} with {patch}");
    }
}

/// As [`check`], with patches of the body.
fn check_body(kind: &str, table: &[(&str, Value)]) {
    for (path, patch) in table {
        check(kind, &[(&format!("{kind}.{path}"), json!({kind: patch}))]);
    }
}

#[test]
fn accepts_the_smallest_record_of_each_kind() {
    for kind in KINDS {
        assert_eq!(refused(&good(kind)), [""; 0], "{kind}");
    }
}

#[test]
fn rejects_what_no_record_can_be() {
    let labels: Value =
        (0..65).map(|n| (n.to_string(), json!("x"))).collect::<serde_json::Map<_, _>>().into();
    check(
        "party",
        &[
            ("name", json!({"name": "records/Upper"})),
            ("name", json!({"name": ""})),
            ("jurisdiction", json!({"jurisdiction": "kz"})),
            ("jurisdiction", json!({"jurisdiction": "KAZ"})),
            ("jurisdiction", json!({"jurisdiction": "KZ-"})),
            ("jurisdiction", json!({"jurisdiction": "KZ-1234"})),
            ("title", json!({"title": "я".repeat(501)})),
            ("labels", json!({"labels": labels})),
            ("labels", json!({"labels": {"": "x"}})),
            ("", json!({"description": "x".repeat(64 * 1024)})),
            ("citations", json!({"citations": []})),
            ("rank", json!({"rank": 9})),
        ],
    );
    check("party", &[("body", json!({"party": null}))]);
}

#[test]
fn only_sources_variables_and_appeals_stand_without_citation() {
    for kind in KINDS {
        let expected =
            if matches!(kind, "source" | "variable" | "appeal") { vec![] } else { vec!["citations"] };
        assert_eq!(refused(&with(good(kind), json!({"citations": []}))), expected, "{kind}");
    }
}

#[test]
fn rejects_provenance_that_says_nothing() {
    let citation = |patch| json!({"citations": [with(json!({"source": "records/s"}), patch)]});
    let discrepancy = |patch| {
        let whole = json!({"fieldPath": "title", "claimed": "x", "resolution": "RESOLUTION_UNRESOLVED"});
        json!({"discrepancies": [with(whole, patch)]})
    };
    let inference =
        |patch| json!({"inferences": [with(json!({"fieldPath": "title", "how": "HOW_COMPUTED"}), patch)]});
    let waiver = |patch| json!({"waivers": [with(json!({"rule": "dates-order", "reason": "x"}), patch)]});
    check(
        "party",
        &[
            ("citations[0].source", citation(json!({"source": ""}))),
            ("citations[0].source", citation(json!({"source": "s"}))),
            ("citations[0].accessed_on.month", citation(json!({"accessedOn": {"year": 2023, "month": 13}}))),
            ("citations[0].field_paths[1]", citation(json!({"fieldPaths": ["title", "election.cast"]}))),
            ("citations[0].field_paths[0]", citation(json!({"fieldPaths": [""]}))),
            ("discrepancies[0].field_path", discrepancy(json!({"fieldPath": ""}))),
            ("discrepancies[0].field_path", discrepancy(json!({"fieldPath": "party.names[0]"}))),
            ("discrepancies[0].claimed", discrepancy(json!({"claimed": ""}))),
            ("discrepancies[0].source", discrepancy(json!({"source": "records/"}))),
            ("discrepancies[0].resolution", discrepancy(json!({"resolution": 0}))),
            ("discrepancies[0].resolution", discrepancy(json!({"resolution": 5}))),
            ("inferences[0].field_path", inference(json!({"fieldPath": ""}))),
            ("inferences[0].field_path", inference(json!({"fieldPath": "party.foundedOn"}))),
            ("inferences[0].how", inference(json!({"how": 0}))),
            ("inferences[0].how", inference(json!({"how": 3}))),
            ("waivers[0].rule", waiver(json!({"rule": "no-such-rule"}))),
            ("waivers[0].rule", waiver(json!({"rule": ""}))),
            ("waivers[0].reason", waiver(json!({"reason": ""}))),
        ],
    );
}

#[test]
fn rejects_days_that_the_calendar_lacks() {
    let latest = |latest| json!({"filedOn": {"year": 2023, "latest": latest}});
    check_body(
        "appeal",
        &[
            ("filed_on.year", json!({"filedOn": {"year": 0}})),
            ("filed_on.year", json!({"filedOn": {"year": 10_000}})),
            ("filed_on.month", json!({"filedOn": {"year": 2023, "month": 13}})),
            ("filed_on.day", json!({"filedOn": {"year": 2023, "month": 2, "day": 29}})),
            ("filed_on.month", json!({"filedOn": {"year": 2023, "day": 1}})),
            ("filed_on.year", json!({"filedOn": {"month": 3}})),
            ("filed_on", json!({"filedOn": {}})),
            ("filed_on.latest", latest(json!({}))),
            ("filed_on.latest", latest(json!({"year": 2022}))),
            ("filed_on.latest.month", latest(json!({"year": 2023, "month": 0}))),
            ("filed_on.latest.latest", latest(json!({"year": 2024, "latest": {"year": 2025}}))),
            ("admitted_on.month", json!({"admittedOn": {"year": 2023, "month": 13}})),
            ("answered_on.month", json!({"answeredOn": {"year": 2023, "month": 13}})),
            ("closed_on.month", json!({"closedOn": {"year": 2023, "month": 13}})),
            ("deadline_on.month", json!({"deadlineOn": {"year": 2023, "month": 13}})),
            ("institution", json!({"institution": "court"})),
            ("region", json!({"region": "KZ"})),
            ("region", json!({"region": "Almaty"})),
        ],
    );
}

#[test]
fn rejects_numbers_that_are_none() {
    let decimal = |decimal| json!({"quantity": {"decimal": decimal}});
    check_body(
        "observation",
        &[
            ("quantity.decimal", decimal("")),
            ("quantity.decimal", decimal("5,300")),
            ("quantity.decimal", decimal("1e3")),
            ("quantity.decimal", decimal("1_000")),
            ("quantity.decimal", decimal("+1")),
            ("quantity.decimal", decimal(".5")),
            ("quantity.decimal", decimal("5.")),
            ("quantity.decimal", decimal("-")),
            ("quantity.decimal", decimal("0.00000000000000000000000000001")),
            ("quantity.comparator", json!({"quantity": {"comparator": 0}})),
            ("quantity.comparator", json!({"quantity": {"comparator": 8}})),
            ("quantity.upper_decimal", json!({"quantity": {"upperDecimal": "7"}})),
            ("quantity.upper_decimal", json!({"quantity": {"comparator": "COMPARATOR_BETWEEN"}})),
            ("quantity.upper_decimal", json!({"quantity": between("2", "1")})),
            ("quantity.upper_decimal", json!({"quantity": between("2", "x")})),
        ],
    );
}

#[test]
fn rejects_impossible_sources_institutions_and_events() {
    let covers = |patch| json!({"covers": [with(json!({"kind": "party"}), patch)]});
    check_body(
        "source",
        &[
            ("published_on.month", json!({"publishedOn": {"year": 2023, "month": 13}})),
            ("covers[0].kind", covers(json!({"kind": "parties"}))),
            ("covers[0].subject", covers(json!({"subject": "court"}))),
            ("covers[0].period", covers(json!({"period": {"start": {"year": 2024}, "end": {"year": 2023}}}))),
        ],
    );
    check_body(
        "institution",
        &[
            ("type", json!({"type": 9})),
            ("lifecycle[0].kind", json!({"lifecycle": [{}]})),
            ("lifecycle[0].kind", json!({"lifecycle": [{"kind": 5}]})),
            ("lifecycle[0].date", json!({"lifecycle": [{"kind": 1, "date": {}}]})),
            ("predecessors[0]", json!({"predecessors": ["x"]})),
            ("predecessors[1]", json!({"predecessors": ["records/x", "records/own"]})),
            ("member_count", json!({"memberCount": -1})),
            ("names[0].name", json!({"names": [{"language": "kk"}]})),
            (
                "names[0].used.start.day",
                json!({"names": [
                    {"name": "x", "used": {"start": {"year": 2023, "month": 4, "day": 31}}},
                ]}),
            ),
        ],
    );
    check_body(
        "event",
        &[
            ("type", json!({"type": 8})),
            ("date.month", json!({"date": {"year": 2023, "month": 13}})),
            ("number", json!({"number": -1})),
            ("series", json!({"series": "x"})),
            ("region", json!({"region": "KZ-"})),
        ],
    );
}

#[test]
fn rejects_impossible_parties_and_reforms() {
    check_body(
        "party",
        &[
            ("names[0].name", json!({"names": [{}]})),
            ("founded_on", json!({"foundedOn": {}})),
            ("registered_on", json!({"registeredOn": {}})),
            ("registered_on", json!({"registeredOn": {"year": 2023}, "neverRegistered": true})),
            ("re_registered_on[0]", json!({"reRegisteredOn": [{}]})),
            ("ended.kind", json!({"ended": {}})),
            ("ended.kind", json!({"ended": {"kind": 5}})),
            ("ended.date", json!({"ended": {"kind": 1, "date": {}}})),
            ("predecessors[0]", json!({"predecessors": ["records/own"]})),
        ],
    );
    check_body("package", &[("announced_on", json!({"announcedOn": {}})), ("order", json!({"order": -1}))]);
    let change = |patch| json!({"parameterChanges": [with(json!({"parameter": "records/v"}), patch)]});
    check_body(
        "reform",
        &[
            ("area", json!({"area": 9})),
            ("package", json!({"package": "x"})),
            ("legal_act", json!({"legalAct": 8})),
            ("stages[0].kind", json!({"stages": [{}]})),
            ("stages[0].kind", json!({"stages": [{"kind": 8}]})),
            ("stages[0].date", json!({"stages": [{"kind": 1, "date": {}}]})),
            ("stages[0].status", json!({"stages": [{"kind": 1, "status": 3}]})),
            ("parameter_changes[0].parameter", change(json!({"parameter": ""}))),
            ("parameter_changes[0].before.decimal", change(json!({"before": exact("x")}))),
            ("parameter_changes[0].after.decimal", change(json!({"after": exact("x")}))),
            ("parameter_changes[0].effective_on", change(json!({"effectiveOn": {}}))),
            ("parameter_changes[0].direction", change(json!({"direction": 5}))),
        ],
    );
}

#[test]
fn rejects_impossible_elections() {
    check_body(
        "election",
        &[
            ("institution", json!({"institution": ""})),
            ("held_on[0]", json!({"heldOn": [{}]})),
            ("level", json!({"level": 4})),
            ("timing", json!({"timing": 3})),
            ("registered", json!({"registered": "-1"})),
            ("cast", json!({"cast": "-1"})),
            ("valid", json!({"valid": "-1"})),
            ("invalid", json!({"invalid": "-1"})),
            ("turnout_reported", json!({"turnoutReported": exact("100.1")})),
            ("release", json!({"release": 4})),
            ("candidates", json!({"candidates": -1})),
        ],
    );
    let tier = |patch| json!({"tiers": [patch]});
    check_body(
        "election",
        &[
            ("tiers[0].seats", tier(json!({"seats": -1}))),
            ("tiers[0].system", tier(json!({"system": 5}))),
            ("tiers[0].threshold", tier(json!({"threshold": exact("-1")}))),
            ("tiers[0].threshold", tier(json!({"threshold": between("5", "101")}))),
            ("tiers[0].threshold_base", tier(json!({"thresholdBase": 5}))),
            ("tiers[0].formula", tier(json!({"formula": 6}))),
            ("tiers[0].share_base", tier(json!({"shareBase": 5}))),
            ("tiers[0].threshold_rule", tier(json!({"thresholdRule": 3}))),
            ("tiers[0].minimum_lists", tier(json!({"minimumLists": -1}))),
            ("tiers[0].valid", tier(json!({"valid": "-1"}))),
        ],
    );
    let result =
        |patch| json!({"tiers": [{}, {"results": [with(json!({"contender": {"other": "x"}}), patch)]}]});
    let contender = |who| json!({"tiers": [{"results": [{"contender": who}]}]});
    check_body(
        "election",
        &[
            ("tiers[1].results[0].votes", result(json!({"votes": "-1"}))),
            ("tiers[1].results[0].vote_share", result(json!({"voteShare": exact("101")}))),
            ("tiers[1].results[0].seats", result(json!({"seats": -1}))),
            ("tiers[0].results[0].contender", contender(json!(null))),
            ("tiers[0].results[0].contender.who", contender(json!({"label": "x"}))),
            ("tiers[0].results[0].contender.party", contender(json!({"party": "x"}))),
            ("tiers[0].results[0].contender.independents", contender(json!({"independents": false}))),
            ("tiers[0].results[0].contender.against_all", contender(json!({"againstAll": false}))),
            ("tiers[0].results[0].contender.other", contender(json!({"other": ""}))),
            ("tiers[0].results[0].contender.alliance.parties", contender(json!({"alliance": {}}))),
            (
                "tiers[0].results[0].contender.alliance.parties[0]",
                contender(json!({"alliance": {"parties": ["x"]}})),
            ),
            ("tiers[0].results[0].contender.candidate.name", contender(json!({"candidate": {}}))),
            (
                "tiers[0].results[0].contender.candidate.party",
                contender(json!({"candidate": {"name": "x", "party": "y"}})),
            ),
        ],
    );
}

#[test]
fn rejects_impossible_referendums_petitions_and_decisions() {
    check_body(
        "referendum",
        &[
            ("held_on", json!({"heldOn": {}})),
            ("planned_on", json!({"plannedOn": {}})),
            ("registered", json!({"registered": "-1"})),
            ("cast", json!({"cast": "-1"})),
            ("yes", json!({"yes": "-1"})),
            ("no", json!({"no": "-1"})),
            ("invalid", json!({"invalid": "-1"})),
            ("other", json!({"other": "-1"})),
            ("percent_base", json!({"percentBase": 5})),
            ("outcome", json!({"outcome": 6})),
            ("yes_share_reported", json!({"yesShareReported": exact("100.01")})),
            ("no_share_reported", json!({"noShareReported": exact("-0.01")})),
            ("turnout_reported", json!({"turnoutReported": exact("101")})),
            ("release", json!({"release": 4})),
            ("overtaken_by", json!({"overtakenBy": "records/own"})),
        ],
    );
    check_body(
        "petition",
        &[
            ("institution", json!({"institution": "x"})),
            ("stages[0].kind", json!({"stages": [{}]})),
            ("stages[0].kind", json!({"stages": [{"kind": 8}]})),
            ("stages[0].date", json!({"stages": [{"kind": 1, "date": {}}]})),
            ("threshold", json!({"threshold": exact("-1")})),
            ("signatures[0].count", json!({"signatures": [{}]})),
            ("signatures[0].count", json!({"signatures": [{"count": between("-1", "1")}]})),
            ("signatures[0].as_of", json!({"signatures": [{"count": exact("1"), "asOf": {}}]})),
            ("state", json!({"state": 7})),
        ],
    );
    check_body(
        "decision",
        &[
            ("institution", json!({"institution": "x"})),
            ("date", json!({"date": {}})),
            ("norms_consistent", json!({"normsConsistent": -1})),
            ("norms_inconsistent", json!({"normsInconsistent": -1})),
            ("norms_interpreted", json!({"normsInterpreted": -1})),
        ],
    );
}

#[test]
fn rejects_impossible_variables_observations_and_targets() {
    check_body(
        "variable",
        &[
            ("direction", json!({"direction": 4})),
            ("basis_allowed[1]", json!({"basisAllowed": [1, 0]})),
            ("aggregation", json!({"aggregation": 4})),
            ("part_of", json!({"partOf": "records/own"})),
            ("reports.indicator", json!({"reports": {"part": "numerator"}})),
        ],
    );
    check_body(
        "observation",
        &[
            ("variable", json!({"variable": ""})),
            ("subject", json!({"subject": "x"})),
            ("period", json!({"period": null})),
            ("period", json!({"period": {"start": null}})),
            ("period", json!({"period": {"end": {"year": 2022}}})),
            ("basis", json!({"basis": 0})),
            ("basis", json!({"basis": 4})),
            ("quantity", json!({"quantity": null})),
            ("method", json!({"method": 6})),
            ("release", json!({"release": 4})),
            ("published_on", json!({"publishedOn": {}})),
            ("derived_from[0]", json!({"derivedFrom": ["x"]})),
            ("derived_from[0]", json!({"derivedFrom": ["records/own"]})),
        ],
    );
    let milestone =
        |patch| json!({"milestones": [with(json!({"on": {"year": 2025}, "quantity": exact("1")}), patch)]});
    check_body(
        "target",
        &[
            ("variable", json!({"variable": ""})),
            ("subject", json!({"subject": "x"})),
            ("baseline.decimal", json!({"baseline": exact("x")})),
            ("quantity", json!({"quantity": null})),
            ("deadline_on", json!({"deadlineOn": {}})),
            ("path", json!({"path": 4})),
            ("revised_from", json!({"revisedFrom": "records/own"})),
            ("baseline_on", json!({"baselineOn": {}})),
            ("window", json!({"window": {"start": {"year": 2024}, "end": {"year": 2023}}})),
            ("basis", json!({"basis": 4})),
            ("milestones[0].on", milestone(json!({"on": null}))),
            ("milestones[0].quantity", milestone(json!({"quantity": null}))),
        ],
    );
}
