//! What contradicts another field is stored, and says so: each rule fires once, and once it is waived.

use reform_api::data::v1;
use serde_json::{Value, json};

use crate::records::{exact, good, record, with};
use crate::support::{Server, create};

/// A quantity in a unit that is not the variable's.
fn tenge() -> Value {
    with(exact("5"), &json!({"unit": "KZT"}))
}

/// Kind, patch, rule, path.
type Row = (&'static str, Value, &'static str, &'static str);

/// A later step is dated before an earlier one.
fn dates() -> Vec<Row> {
    let year = |year: i32| json!({"year": year});
    let stage = |kind: &str, of: i32| json!({"kind": kind, "date": year(of)});
    vec![
        (
            "appeal",
            json!({"appeal": {"filedOn": year(2023), "closedOn": year(2022)}}),
            "dates-order",
            "appeal.closed_on",
        ),
        (
            "appeal",
            json!({"appeal": {"filedOn": year(2023), "admittedOn": year(2022)}}),
            "dates-order",
            "appeal.admitted_on",
        ),
        (
            "party",
            json!({"party": {"foundedOn": year(2023), "registeredOn": year(2022)}}),
            "dates-order",
            "party.registered_on",
        ),
        (
            "party",
            json!({"party": {"foundedOn": year(2023), "ended": {"kind": "KIND_MERGED", "date": year(2022)}}}),
            "dates-order",
            "party.ended.date",
        ),
        (
            "reform",
            json!({"reform": {"stages": [stage("KIND_IN_FORCE", 2022), stage("KIND_ANNOUNCED", 2023)]}}),
            "dates-order",
            "reform.stages[0].date",
        ),
        (
            "institution",
            json!({"institution": {"lifecycle": [stage("KIND_ESTABLISHED", 2023), stage("KIND_ABOLISHED", 2022)]}}),
            "dates-order",
            "institution.lifecycle[1].date",
        ),
        (
            "petition",
            json!({"petition": {"stages": [stage("KIND_ANSWERED", 2022), stage("KIND_SUBMITTED", 2023)]}}),
            "dates-order",
            "petition.stages[0].date",
        ),
        (
            "election",
            json!({"election": {"heldOn": [year(2023), year(2022)]}}),
            "dates-order",
            "election.held_on[1]",
        ),
        (
            "target",
            json!({"target": {"baselineOn": year(2023), "deadlineOn": year(2022)}}),
            "dates-order",
            "target.deadline_on",
        ),
    ]
}

/// Parts exceed their whole.
fn counts() -> Vec<Row> {
    let share = |decimal| json!({"contender": {"other": "x"}, "voteShare": exact(decimal)});
    let seats = |seats| json!({"contender": {"other": "x"}, "seats": seats});
    vec![
        (
            "election",
            json!({"election": {"tiers": [{"seats": 5, "results": [seats(3), seats(3)]}]}}),
            "seats-exceed-tier",
            "election.tiers[0].results",
        ),
        (
            "election",
            json!({"election": {"valid": "11", "cast": "10"}}),
            "valid-exceeds-cast",
            "election.valid",
        ),
        (
            "election",
            json!({"election": {"cast": "11", "registered": "10"}}),
            "valid-exceeds-cast",
            "election.cast",
        ),
        (
            "election",
            json!({"election": {"cast": "10", "tiers": [{"valid": "11"}]}}),
            "valid-exceeds-cast",
            "election.tiers[0].valid",
        ),
        (
            "referendum",
            json!({"referendum": {"yes": "6", "no": "5", "cast": "10"}}),
            "valid-exceeds-cast",
            "referendum.yes",
        ),
        (
            "election",
            json!({"election": {"tiers": [{"results": [share("60"), share("40.6")]}]}}),
            "shares-sum",
            "election.tiers[0].results",
        ),
        (
            "referendum",
            json!({"referendum": {"yesShareReported": exact("60"), "noShareReported": exact("40.6")}}),
            "shares-sum",
            "referendum.yes_share_reported",
        ),
        (
            "election",
            json!({"election": {"cast": "50", "registered": "100", "turnoutReported": exact("50.2")}}),
            "turnout-gap",
            "election.turnout_reported",
        ),
    ]
}

/// Neighbours contradict.
fn neighbours() -> Vec<Row> {
    vec![
        (
            "observation",
            json!({"observation": {"quantity": tenge()}}),
            "unit-mismatch",
            "observation.quantity.unit",
        ),
        ("target", json!({"target": {"quantity": tenge()}}), "unit-mismatch", "target.quantity.unit"),
        ("target", json!({"target": {"baseline": tenge()}}), "unit-mismatch", "target.baseline.unit"),
        (
            "reform",
            json!({"reform": {"parameterChanges": [{"parameter": "records/v", "after": tenge()}]}}),
            "unit-mismatch",
            "reform.parameter_changes[0].after.unit",
        ),
        ("source", json!({"source": {"url": "https://example.org/s"}}), "duplicate-source", "source.url"),
        (
            "party",
            json!({"citations": [{"source": "records/s"}, {"source": "records/s"}]}),
            "duplicate-source",
            "citations[1].source",
        ),
    ]
}

/// All rows.
fn table() -> Vec<Row> {
    [dates(), counts(), neighbours()].concat()
}

fn told(record: &v1::Record) -> Vec<(&str, &str, bool)> {
    let findings = record.findings.iter();
    findings.map(|finding| (finding.rule.as_str(), finding.field_path.as_str(), finding.waived)).collect()
}

/// Creates the record of every row, with the waiver when it is asked for, and expects that one finding in the answer,
/// in Get, in List, and still there after a restart.
async fn check(waived: bool) {
    let mut server = Server::seeded().await;
    let mut expected = Vec::new();
    for (number, (kind, patch, rule, path)) in table().into_iter().enumerate() {
        let waivers = if waived { json!([{"rule": rule, "reason": "known"}]) } else { json!([]) };
        let own = json!({"name": format!("records/own-{number}"), "waivers": waivers});
        // Only the row about sources has an address: two rows with one would contradict each other.
        let created = server.create(record(&with(with(good(kind), &patch), &own))).await.unwrap();
        assert_eq!(told(&created), [(rule, path, waived)], "{patch}");
        expected.push((created.name, rule, path));
    }
    for _ in 0..2 {
        for (name, rule, path) in &expected {
            assert_eq!(told(&server.get(name).await.unwrap()), [(*rule, *path, waived)], "{name}");
        }
        let listed = server.list(v1::ListRecordsRequest::default()).await;
        let with_findings = listed.iter().filter(|record| !record.findings.is_empty()).count();
        assert_eq!(with_findings, expected.len());
        for rule in reform_model::findings::Rule::ALL {
            let named = server.names(&format!("findings.rule = \"{rule}\"")).await;
            let of_rule = expected.iter().filter(|(_, of, _)| *of == rule.as_str()).count();
            assert_eq!(named.len(), of_rule, "{rule}");
            assert!(of_rule > 0, "{rule} has no row");
        }
        server = server.restart().await;
    }
}

#[tokio::test]
async fn each_rule_fires() {
    check(false).await;
}

#[tokio::test]
async fn each_rule_can_be_waived() {
    check(true).await;
}

#[tokio::test]
async fn a_record_that_contradicts_nothing_has_no_findings() {
    let server = Server::seeded().await;
    for kind in reform_model::Kind::ALL.iter().map(|kind| kind.as_str()) {
        let own = json!({"name": format!("records/own-{kind}")});
        let created = server.create(record(&with(good(kind), &own))).await.unwrap();
        assert_eq!(told(&created), [], "{kind}");
    }
}

#[tokio::test]
async fn neighbours_of_the_same_commit_count() {
    let server = Server::seeded().await;
    let variable = record(&json!({"name": "records/v-2", "variable": {"unit": "EUR"}}));
    let body = json!({"observation": {"variable": "records/v-2", "quantity": {"unit": "USD"}}});
    let observation = record(&with(good("observation"), &body));
    let source = |id: &str| {
        record(&json!({"name": format!("records/{id}"), "source": {"url": "https://example.org/2"}}))
    };
    let commit = [observation, variable, source("s-2"), source("s-3")].map(create).to_vec();
    let records = server.commit(commit).await.unwrap().records;
    assert_eq!(told(&records[0]), [("unit-mismatch", "observation.quantity.unit", false)]);
    assert_eq!(told(&records[1]), []);
    assert_eq!(told(&records[2]), [("duplicate-source", "source.url", false)]);
    assert_eq!(told(&records[3]), [("duplicate-source", "source.url", false)]);
}

#[tokio::test]
async fn findings_follow_the_record() {
    let server = Server::seeded().await;
    let wrong = json!({"appeal": {"filedOn": {"year": 2023}, "closedOn": {"year": 2022}}});
    let created = server.create(record(&with(good("appeal"), &wrong))).await.unwrap();
    assert_eq!(created.findings.len(), 1);
    // Sent back as it came, they are not the caller's.
    let mended =
        json!({"name": "records/own", "appeal": {"closedOn": {"year": 2024}}, "findings": [{"rule": "x"}]});
    assert_eq!(told(&server.update(record(&mended), None).await.unwrap()), []);
    let broken = json!({"name": "records/own", "appeal": {"closedOn": {"year": 2021}}});
    assert_eq!(server.update(record(&broken), None).await.unwrap().findings.len(), 1);
}
