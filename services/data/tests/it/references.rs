//! References are checked against the state after the whole commit.

use reform_api::data::v1;
use reform_api::error::Reason;
use serde_json::{Value, json};
use tonic::Code;

use crate::records::{appeal, exact, good, party, record, with};
use crate::support::{Server, assert_refused, assert_violations, create, delete, reason, subjects, update};

/// Every field that holds a reference: the kind, the path below the record, a patch with the target in it, and a
/// record of a wrong kind where any is wrong.
fn fields(target: &str) -> Vec<(&'static str, &'static str, Value, Option<&'static str>)> {
    let contender = |who: Value| json!({"election": {"tiers": [{"results": [{"contender": who}]}]}});
    let cited = json!({"citations": [{"source": target}]});
    let claim =
        json!({"fieldPath": "name", "claimed": "x", "source": target, "resolution": "RESOLUTION_UNRESOLVED"});
    let change = json!({"parameterChanges": [{"parameter": target, "after": exact("1")}]});
    vec![
        ("party", "citations[0].source", cited, Some("records/p")),
        ("party", "discrepancies[0].source", json!({"discrepancies": [claim]}), Some("records/p")),
        (
            "source",
            "source.covers[0].subject",
            json!({"source": {"covers": [{"kind": "party", "subject": target}]}}),
            None,
        ),
        ("variable", "variable.part_of", json!({"variable": {"partOf": target}}), Some("records/s")),
        (
            "institution",
            "institution.predecessors[0]",
            json!({"institution": {"predecessors": [target]}}),
            Some("records/p"),
        ),
        ("party", "party.predecessors[0]", json!({"party": {"predecessors": [target]}}), Some("records/i")),
        ("reform", "reform.package", json!({"reform": {"package": target}}), Some("records/p")),
        ("reform", "reform.parameter_changes[0].parameter", json!({"reform": change}), Some("records/p")),
        ("election", "election.institution", json!({"election": {"institution": target}}), Some("records/p")),
        (
            "election",
            "election.tiers[0].results[0].contender.party",
            contender(json!({"party": target})),
            Some("records/i"),
        ),
        (
            "election",
            "election.tiers[0].results[0].contender.alliance.parties[1]",
            contender(json!({"alliance": {"parties": ["records/p", target]}})),
            Some("records/i"),
        ),
        (
            "election",
            "election.tiers[0].results[0].contender.candidate.party",
            contender(json!({"candidate": {"name": "x", "party": target}})),
            Some("records/i"),
        ),
        (
            "referendum",
            "referendum.overtaken_by",
            json!({"referendum": {"overtakenBy": target}}),
            Some("records/p"),
        ),
        ("petition", "petition.institution", json!({"petition": {"institution": target}}), Some("records/p")),
        ("appeal", "appeal.institution", json!({"appeal": {"institution": target}}), Some("records/p")),
        ("decision", "decision.institution", json!({"decision": {"institution": target}}), Some("records/p")),
        ("event", "event.series", json!({"event": {"series": target}}), None),
        (
            "observation",
            "observation.variable",
            json!({"observation": {"variable": target}}),
            Some("records/p"),
        ),
        ("observation", "observation.subject", json!({"observation": {"subject": target}}), None),
        (
            "observation",
            "observation.derived_from[0]",
            json!({"observation": {"derivedFrom": [target]}}),
            None,
        ),
        ("target", "target.variable", json!({"target": {"variable": target}}), Some("records/p")),
        ("target", "target.subject", json!({"target": {"subject": target}}), None),
        ("target", "target.revised_from", json!({"target": {"revisedFrom": target}}), Some("records/p")),
    ]
}

#[tokio::test]
async fn a_reference_to_nothing_is_missing() {
    let server = Server::seeded().await;
    let head = server.head().await;
    for (kind, path, patch, _) in fields("records/nowhere") {
        let status = server.create(record(&with(good(kind), &patch))).await.expect_err(path);
        assert_eq!(
            (status.code(), reason(&status)),
            (Code::FailedPrecondition, Reason::ReferenceMissing),
            "{path}"
        );
        assert_eq!(subjects(&status), [format!("record.{path}")]);
    }
    assert_eq!(server.head().await, head);
}

#[tokio::test]
async fn a_reference_to_a_record_of_the_wrong_kind_is_refused() {
    let server = Server::seeded().await;
    let head = server.head().await;
    for wrong in ["records/p", "records/i", "records/s"] {
        for (kind, path, patch, _) in fields(wrong).into_iter().filter(|(.., of)| *of == Some(wrong)) {
            let path = format!("record.{path}");
            assert_violations(server.create(record(&with(good(kind), &patch))).await, &[&path]);
        }
    }
    assert_eq!(server.head().await, head);
}

#[tokio::test]
async fn what_a_reference_points_at_cannot_be_deleted() {
    let server = Server::seeded().await;
    for (number, (kind, path, ..)) in fields("").into_iter().enumerate() {
        // A target of its own for each field: of the kind that the field wants, or an appeal where any will do.
        let targets = [
            ("citations", "source"),
            ("discrepancies", "source"),
            ("variable.part_of", "variable"),
            ("observation.variable", "variable"),
            ("target.variable", "variable"),
            ("parameter", "variable"),
            ("package", "package"),
            ("overtaken_by", "referendum"),
            ("revised_from", "target"),
            ("contender", "party"),
            ("party.pre", "party"),
            ("institution", "institution"),
        ];
        let of = targets.iter().find(|(part, _)| path.contains(part)).map_or("appeal", |(_, of)| of);
        let target = format!("records/target-{number}");
        server.create(record(&with(good(of), &json!({"name": target})))).await.unwrap();
        let user = format!("records/user-{number}");
        let (_, _, patch, _) = fields(&target).swap_remove(number);
        let user_record = record(&with(with(good(kind), &patch), &json!({"name": user})));
        server.create(user_record).await.unwrap_or_else(|status| panic!("{path}: {status:?}"));
        let status = server.delete(&target).await.expect_err(path);
        assert_eq!(
            (status.code(), reason(&status)),
            (Code::FailedPrecondition, Reason::RecordInUse),
            "{path}"
        );
        assert_eq!(subjects(&status), [user.as_str()], "{path}");
        server.delete(&user).await.unwrap();
        server.delete(&target).await.unwrap();
    }
}

#[tokio::test]
async fn a_deleted_record_is_absent_for_references_and_present_for_names() {
    let server = Server::seeded().await;
    server.create(party("a", &[])).await.unwrap();
    server.delete("records/a").await.unwrap();
    assert_refused(server.create(party("a", &[])).await, Code::AlreadyExists, Reason::RecordExists, &[]);
    let status = server.create(party("b", &["a"])).await.unwrap_err();
    assert_eq!(
        (reason(&status), subjects(&status)),
        (Reason::ReferenceMissing, vec!["record.party.predecessors[0]".into()])
    );
    server.undelete("records/a").await.unwrap();
    server.create(party("b", &["a"])).await.unwrap();
    // A record cannot come back while what it points at is deleted.
    server.commit(vec![delete("records/a"), delete("records/b")]).await.unwrap();
    let refused = server.undelete("records/b").await;
    assert_refused(refused, Code::FailedPrecondition, Reason::ReferenceMissing, &[]);
}

#[tokio::test]
async fn records_that_refer_to_each_other_are_written_in_one_commit() {
    let server = Server::seeded().await;
    assert_refused(
        server.create(party("a", &["b"])).await,
        Code::FailedPrecondition,
        Reason::ReferenceMissing,
        &[],
    );
    let committed =
        server.commit(vec![create(party("a", &["b"])), create(party("b", &["a"]))]).await.unwrap();
    let successors = |record: &v1::Record| match &record.body {
        Some(v1::record::Body::Party(party)) => party.successors.clone(),
        _ => Vec::new(),
    };
    assert_eq!(successors(&committed.records[0]), ["records/b"]);
    assert_eq!(successors(&server.get("records/b").await.unwrap()), ["records/a"]);
    assert_refused(server.delete("records/a").await, Code::FailedPrecondition, Reason::RecordInUse, &[]);
    server.commit(vec![delete("records/a"), delete("records/b")]).await.unwrap();
}

#[tokio::test]
async fn a_record_may_go_with_the_commit_that_lets_go_of_it() {
    let server = Server::seeded().await;
    server.commit(vec![create(party("a", &[])), create(party("b", &["a"]))]).await.unwrap();
    // The user stays in the commit and still points at it.
    let keeps = server
        .commit(vec![delete("records/a"), update(record(&json!({"name": "records/b", "title": "x"})))])
        .await;
    let status = keeps.unwrap_err();
    assert_eq!(
        (reason(&status), subjects(&status)),
        (Reason::ReferenceMissing, vec!["mutations[1].update.record.party.predecessors[0]".to_owned()],)
    );
    let mut request = crate::support::update_request(party("b", &[]), Some(&["*"]));
    request.reason = "lets go".into();
    let lets_go = v1::Mutation { mutation: Some(v1::mutation::Mutation::Update(request)) };
    server.commit(vec![delete("records/a"), lets_go]).await.unwrap();
    assert!(server.get("records/a").await.unwrap().delete_time.is_some());
}

#[tokio::test]
async fn users_are_named_but_not_all_of_them() {
    let server = Server::seeded().await;
    let users = (0..9).map(|n| {
        create(record(&json!({"name": format!("records/u-{n}"), "appeal": {"institution": "records/i"}})))
    });
    server.commit(users.collect()).await.unwrap();
    let status = server.delete("records/i").await.unwrap_err();
    assert_eq!(subjects(&status).len(), 5, "{status:?}");
    // Users that are deleted in the same commit are none, however many there are.
    let mut all: Vec<v1::Mutation> = (0..9).map(|n| delete(&format!("records/u-{n}"))).collect();
    all.push(delete("records/i"));
    server.commit(all).await.unwrap();
    server.create(appeal("after")).await.unwrap();
}
