//! What is impossible by itself is refused with every field path, and nothing of it is stored.

use reform_api::data::v1;
use reform_api::error::Reason;
use serde_json::{Value, json};
use tonic::Code;

use crate::records::{appeal, exact, good, large, record, with};
use crate::support::{
    Server, assert_refused, assert_violations, create, delete, metadata, paths, reason, update,
};

/// Creates each record of `kind` with the patch laid over it, expects that one path, and that nothing is stored.
async fn check(kind: &str, table: &[(&str, Value)]) {
    let server = Server::seeded().await;
    let head = server.head().await;
    for (path, patch) in table {
        let path = if path.is_empty() { "record".to_owned() } else { format!("record.{path}") };
        let name = patch.get("name").and_then(Value::as_str).unwrap_or("records/own");
        assert_violations(server.create(record(&with(good(kind), patch))).await, &[&path]);
        if !path.ends_with(".name") {
            assert_refused(server.get(name).await, Code::NotFound, Reason::RecordNotFound, &[]);
        }
    }
    assert_eq!(server.head().await, head, "a refused call makes no revision");
    assert_eq!(server.status().await.live_records.get(kind).copied(), server.live_before(kind));
}

impl Server {
    /// The seed has one record of some kinds and none of the others.
    fn live_before(&self, kind: &str) -> Option<i64> {
        let seeded = ["source", "variable", "institution", "package", "party", "referendum", "target"];
        seeded.contains(&kind).then_some(1)
    }
}

/// As [`check`], with patches of the body.
async fn check_body(kind: &str, table: &[(&str, Value)]) {
    let table: Vec<(String, Value)> =
        table.iter().map(|(path, patch)| (format!("{kind}.{path}"), json!({kind: patch}))).collect();
    let table: Vec<(&str, Value)> =
        table.iter().map(|(path, patch)| (path.as_str(), patch.clone())).collect();
    check(kind, &table).await;
}

#[tokio::test]
async fn refuses_what_no_record_can_be() {
    let labels: serde_json::Map<String, Value> = (0..65).map(|n| (n.to_string(), json!("x"))).collect();
    let table = [
        ("name", json!({"name": "records/Upper"})),
        ("name", json!({"name": format!("records/{}", "x".repeat(81))})),
        ("name", json!({"name": "party/x"})),
        ("jurisdiction", json!({"jurisdiction": "KAZ"})),
        ("title", json!({"title": "я".repeat(501)})),
        ("labels", json!({"labels": labels})),
        ("labels", json!({"labels": {"": "x"}})),
        ("body", json!({"party": null})),
        ("", json!({"description": "x".repeat(64 * 1024)})),
        ("rank", json!({"rank": 9})),
        ("citations", json!({"citations": []})),
        ("citations[0].source", json!({"citations": [{}]})),
        (
            "citations[0].field_paths[1]",
            json!({"citations": [
                {"source": "records/s", "fieldPaths": ["title", "election.cast"]},
            ]}),
        ),
        (
            "discrepancies[0].field_path",
            json!({"discrepancies": [
                {"fieldPath": "party.names[0]", "claimed": "x", "resolution": "RESOLUTION_UNRESOLVED"},
            ]}),
        ),
        (
            "inferences[0].field_path",
            json!({"inferences": [{"fieldPath": "nothing", "how": "HOW_COMPUTED"}]}),
        ),
        ("waivers[0].rule", json!({"waivers": [{"rule": "no-such-rule", "reason": "x"}]})),
        ("waivers[0].reason", json!({"waivers": [{"rule": "dates-order"}]})),
    ];
    check("party", &table).await;
}

#[tokio::test]
async fn refuses_a_record_without_citation_unless_its_kind_needs_none() {
    let server = Server::seeded().await;
    for kind in reform_model::Kind::ALL.iter().map(|kind| kind.as_str()) {
        let name = format!("records/own-{kind}");
        let uncited = record(&with(good(kind), &json!({"name": name, "citations": []})));
        match kind {
            "source" | "variable" | "appeal" => assert_eq!(server.create(uncited).await.unwrap().name, name),
            _ => assert_violations(server.create(uncited).await, &["record.citations"]),
        }
    }
}

#[tokio::test]
async fn refuses_days_that_the_calendar_lacks() {
    let table = [
        ("filed_on.month", json!({"filedOn": {"year": 2023, "month": 13}})),
        ("filed_on.day", json!({"filedOn": {"year": 2023, "month": 2, "day": 29}})),
        ("filed_on.year", json!({"filedOn": {"month": 3}})),
        ("filed_on.month", json!({"filedOn": {"year": 2023, "day": 1}})),
        ("filed_on", json!({"filedOn": {}})),
        ("filed_on.latest", json!({"filedOn": {"year": 2023, "latest": {"year": 2022}}})),
        ("closed_on.month", json!({"closedOn": {"year": 2023, "month": 0}})),
        ("region", json!({"region": "Almaty"})),
    ];
    check_body("appeal", &table).await;
}

#[tokio::test]
async fn refuses_impossible_elections() {
    let tier = |tier: Value| json!({"tiers": [tier]});
    let result = |result: Value| json!({"tiers": [{"results": [with(json!({"contender": {"other": "x"}}), &result)]}]});
    let table = [
        ("institution", json!({"institution": ""})),
        ("registered", json!({"registered": "-1"})),
        ("cast", json!({"cast": "-1"})),
        ("valid", json!({"valid": "-1"})),
        ("invalid", json!({"invalid": "-1"})),
        ("candidates", json!({"candidates": -1})),
        ("turnout_reported", json!({"turnoutReported": exact("100.1")})),
        ("tiers[0].seats", tier(json!({"seats": -1}))),
        ("tiers[0].threshold", tier(json!({"threshold": exact("-1")}))),
        ("tiers[0].threshold", tier(json!({"threshold": exact("101")}))),
        ("tiers[0].minimum_lists", tier(json!({"minimumLists": -1}))),
        ("tiers[0].valid", tier(json!({"valid": "-1"}))),
        ("tiers[0].results[0].votes", result(json!({"votes": "-1"}))),
        ("tiers[0].results[0].seats", result(json!({"seats": -1}))),
        ("tiers[0].results[0].vote_share", result(json!({"voteShare": exact("101")}))),
        ("tiers[0].results[0].contender", result(json!({"contender": null}))),
        (
            "tiers[0].results[0].contender.who",
            json!({"tiers": [{"results": [{"contender": {"label": "x"}}]}]}),
        ),
    ];
    check_body("election", &table).await;
}

#[tokio::test]
async fn refuses_impossible_counts_of_other_kinds() {
    let negative = |field: &str| json!({field: "-1"});
    let table = ["registered", "cast", "yes", "no", "invalid", "other"].map(|field| (field, negative(field)));
    check_body("referendum", &table).await;
    check_body(
        "referendum",
        &[
            ("turnout_reported", json!({"turnoutReported": exact("101")})),
            ("yes_share_reported", json!({"yesShareReported": exact("-0.1")})),
            ("no_share_reported", json!({"noShareReported": exact("100.01")})),
        ],
    )
    .await;
    check_body(
        "decision",
        &[
            ("norms_consistent", json!({"normsConsistent": -1})),
            ("norms_inconsistent", json!({"normsInconsistent": -1})),
            ("norms_interpreted", json!({"normsInterpreted": -1})),
        ],
    )
    .await;
    check_body(
        "petition",
        &[
            ("threshold", json!({"threshold": exact("-1")})),
            ("signatures[0].count", json!({"signatures": [{"count": exact("-1")}]})),
            ("signatures[0].count", json!({"signatures": [{}]})),
            ("stages[0].kind", json!({"stages": [{}]})),
        ],
    )
    .await;
    check_body("institution", &[("member_count", json!({"memberCount": -1}))]).await;
    check_body("event", &[("number", json!({"number": -1}))]).await;
    check_body("package", &[("order", json!({"order": -1}))]).await;
}

#[tokio::test]
async fn refuses_figures_that_lack_what_makes_them_figures() {
    check_body(
        "observation",
        &[
            ("variable", json!({"variable": ""})),
            ("period", json!({"period": null})),
            ("period", json!({"period": {"start": null}})),
            ("period", json!({"period": {"start": {"year": 2024}, "end": {"year": 2023}}})),
            ("basis", json!({"basis": 0})),
            ("quantity", json!({"quantity": null})),
            ("quantity.decimal", json!({"quantity": {"decimal": "5,300"}})),
            ("quantity.comparator", json!({"quantity": {"comparator": 0}})),
            ("quantity.upper_decimal", json!({"quantity": {"comparator": "COMPARATOR_BETWEEN"}})),
        ],
    )
    .await;
    check_body(
        "target",
        &[
            ("variable", json!({"variable": ""})),
            ("quantity", json!({"quantity": null})),
            ("milestones[0].on", json!({"milestones": [{"quantity": exact("1")}]})),
        ],
    )
    .await;
    check_body(
        "party",
        &[
            ("ended.kind", json!({"ended": {}})),
            ("names[0].name", json!({"names": [{}]})),
            ("predecessors[0]", json!({"predecessors": ["records/own"]})),
            ("registered_on", json!({"registeredOn": {"year": 2023}, "neverRegistered": true})),
        ],
    )
    .await;
    check_body(
        "reform",
        &[
            ("stages[0].kind", json!({"stages": [{}]})),
            ("parameter_changes[0].parameter", json!({"parameterChanges": [{}]})),
        ],
    )
    .await;
    check_body("source", &[("covers[0].kind", json!({"covers": [{"kind": "parties"}]}))]).await;
}

#[tokio::test]
async fn tells_every_violation_and_lists_twenty() {
    let server = Server::seeded().await;
    let several =
        json!({"jurisdiction": "kz", "appeal": {"filedOn": {"year": 2023, "month": 13}, "region": "x"}});
    let refused = server.create(record(&with(good("appeal"), &several))).await;
    assert_violations(
        refused,
        &["record.jurisdiction", "record.appeal.filed_on.month", "record.appeal.region"],
    );

    let tiers: Vec<Value> = (0..25).map(|_| json!({"seats": -1})).collect();
    let refused =
        server.create(record(&with(good("election"), &json!({"election": {"tiers": tiers}})))).await;
    let status = refused.unwrap_err();
    assert_eq!(reason(&status), Reason::FieldViolations);
    let listed: Vec<String> = (0..20).map(|tier| format!("record.election.tiers[{tier}].seats")).collect();
    assert_eq!(paths(&status), listed);
    assert_eq!(metadata(&status, "violations_total").as_deref(), Some("25"));
}

#[tokio::test]
async fn a_record_holds_64_kib_and_no_more() {
    let server = Server::start().await;
    let overhead = 64 * 1024 - prost::Message::encoded_len(&large("full", 64 * 1024 - 100)) + 64 * 1024 - 100;
    assert_violations(server.create(large("more", overhead + 1)).await, &["record"]);
    server.create(large("full", overhead)).await.unwrap();
    // What the server adds does not count when the record comes back.
    let full = server.get("records/full").await.unwrap();
    server.update(full, Some(&["*"])).await.unwrap();
}

#[tokio::test]
async fn a_request_over_4_mib_is_refused_by_size() {
    let server = Server::start().await;
    let refused = server.create(large("a", 5 << 20)).await;
    assert_refused(refused, Code::ResourceExhausted, Reason::MessageTooLarge, &[]);
    assert_eq!(server.head().await, 0);
}

#[tokio::test]
async fn refuses_requests_without_their_fields() {
    let server = Server::start().await;
    let mut client = server.records();
    assert_violations(client.create_record(v1::CreateRecordRequest::default()).await, &["record"]);
    assert_violations(client.update_record(v1::UpdateRecordRequest::default()).await, &["record"]);
    assert_violations(server.get("x").await, &["name"]);
    assert_violations(server.delete("").await, &["name"]);
    assert_violations(server.undelete("records/").await, &["name"]);
    assert_violations(server.update(v1::Record::default(), None).await, &["record.name"]);
    let base = v1::CreateRecordRequest { record: Some(appeal("a")), ..Default::default() };
    let table = [
        ("request_id", v1::CreateRecordRequest { request_id: "1".into(), ..base.clone() }),
        ("reason", v1::CreateRecordRequest { reason: "x".repeat(1_001), ..base.clone() }),
        ("record_id", v1::CreateRecordRequest { record_id: "X".into(), ..base.clone() }),
        ("record.name", v1::CreateRecordRequest { record_id: "b".into(), ..base }),
    ];
    for (path, request) in table {
        assert_violations(client.create_record(request).await, &[path]);
    }
    assert_eq!(server.head().await, 0);
}

#[tokio::test]
async fn a_commit_is_stored_whole_or_not_at_all() {
    let server = Server::seeded().await;
    let head = server.head().await;
    let bad = record(&json!({"name": "records/b", "appeal": {"filedOn": {"year": 2023, "month": 13}}}));
    let many = (0..1_001).map(|n| create(appeal(&format!("n-{n}")))).collect();
    let table = [
        (vec![], vec!["mutations"]),
        (many, vec!["mutations"]),
        (vec![v1::Mutation::default()], vec!["mutations[0].mutation"]),
        (vec![create(appeal("a")), update(appeal("a"))], vec!["mutations[1]"]),
        (vec![create(appeal("a")), delete("x")], vec!["mutations[1].delete.name"]),
        (
            vec![create(appeal("a")), create(bad.clone())],
            vec!["mutations[1].create.record.appeal.filed_on.month"],
        ),
        (
            vec![create(appeal("a")), update(record(&json!({"name": "records/p", "jurisdiction": "KZ"})))],
            vec!["mutations[1].update.record.jurisdiction"],
        ),
    ];
    for (mutations, paths) in table {
        assert_violations(server.commit(mutations).await, &paths);
    }
    let refused = server.commit(vec![create(appeal("a")), delete("records/nowhere")]).await;
    assert_refused(refused, Code::NotFound, Reason::RecordNotFound, &[]);
    let refused = server.commit(vec![create(appeal("a")), create(appeal("p"))]).await;
    assert_refused(refused, Code::AlreadyExists, Reason::RecordExists, &[]);
    assert_eq!(server.head().await, head);
    assert_refused(server.get("records/a").await, Code::NotFound, Reason::RecordNotFound, &[]);

    let whole = (0..1_000).map(|n| create(appeal(&format!("n-{n}")))).collect();
    let committed = server.commit(whole).await.unwrap();
    assert_eq!((committed.revision, committed.records.len()), (head + 1, 1_000));
    assert_eq!(committed.records[999].name, "records/n-999");
}
