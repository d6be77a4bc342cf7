//! PurgeRecord: what is erased is gone at every revision, and its name stays taken.

use reform_api::data::v1;
use reform_api::data::v1::ChangeType;
use reform_api::data::v1::import_options::OnExisting;
use reform_api::error::Reason;
use tonic::Code;

use crate::records::{appeal, names, party};
use crate::support::{
    Server, assert_refused, assert_violations, at, create, import_batch, import_options, subjects, undelete,
};

const ID: &str = "0b7b5b1e-7c55-4e4b-8e39-6f2f5b0c9a01";

/// The seed, a party that succeeded another one, changed and deleted at revision 5, and an appeal.
async fn deleted() -> Server {
    let server = Server::seeded().await;
    server.create(party("a", &["p"])).await.unwrap();
    server.create(appeal("stays")).await.unwrap();
    server.update(v1::Record { title: "secret".into(), ..party("a", &["p"]) }, None).await.unwrap();
    server.delete("records/a").await.unwrap();
    server
}

fn purge() -> v1::PurgeRecordRequest {
    v1::PurgeRecordRequest { name: "records/a".into(), request_id: ID.into(), reason: "asked to".into() }
}

/// Nothing tells of `records/a` any more but that it was purged.
async fn check_gone(server: &Server) {
    let purged = |refused| assert_refused::<()>(refused, Code::NotFound, Reason::RecordPurged, &[]);
    for revision in 0..=server.head().await {
        purged(server.get_at("records/a", at(revision)).await.map(drop));
        let names = vec!["records/stays".into(), "records/a".into()];
        let batch = v1::BatchGetRecordsRequest { names, as_of: at(revision) };
        if revision >= 3 {
            purged(server.records().batch_get_records(batch).await.map(drop));
        }
        let list = v1::ListRecordsRequest { show_deleted: true, as_of: at(revision), ..Default::default() };
        for order_by in ["", "name"] {
            let all = server.list(v1::ListRecordsRequest { order_by: order_by.into(), ..list.clone() }).await;
            assert!(!names_of(&all).contains(&"records/a"), "at {revision}");
            let count =
                v1::CountRecordsRequest { show_deleted: true, as_of: at(revision), ..Default::default() };
            assert_eq!(server.count(count).await.unwrap(), i64::try_from(all.len()).unwrap());
        }
        let found = v1::ListRecordsRequest { filter: "party.predecessors:\"records/p\"".into(), ..list };
        assert!(server.list(found).await.is_empty());
        let export = v1::ExportRecordsRequest { as_of: at(revision), ..Default::default() };
        let (messages, _) = server.export(export).await;
        assert!(!names_of(&messages.concat()).contains(&"records/a"), "at {revision}");
        if revision > 0 {
            let predecessor = server.get_at("records/p", at(revision)).await.unwrap();
            assert!(
                matches!(&predecessor.body, Some(v1::record::Body::Party(party)) if party.successors.is_empty())
            );
        }
    }
    purged(server.revisions("records/a", 0).await.map(drop));
}

fn names_of(records: &[v1::Record]) -> Vec<&str> {
    names(records)
}

#[tokio::test]
async fn a_purged_record_is_gone_at_every_revision() {
    let mut server = deleted().await;
    let answer = server.records().purge_record(purge()).await.unwrap().into_inner();
    assert_eq!((answer.revision, answer.versions_erased), (6, 3));
    for _ in 0..3 {
        check_gone(&server).await;
        // The same answer to the same request, and to another one that it is gone.
        assert_eq!(server.records().purge_record(purge()).await.unwrap().into_inner(), answer);
        let again = server.purge("records/a").await;
        assert_refused(again, Code::NotFound, Reason::RecordPurged, &[]);
        assert_eq!(server.head().await, 6);
        assert_eq!(server.status().await.live_records["party"], 1);
        server = server.restart().await;
    }
}

#[tokio::test]
async fn the_feed_keeps_the_changes_without_their_content() {
    let mut server = deleted().await;
    server.records().purge_record(purge()).await.unwrap();
    for _ in 0..2 {
        for filter in ["", "jurisdiction = KZ OR kind = party"] {
            let messages = server.replay(0, filter).await;
            let changes = messages.iter().flat_map(|message| &message.changes);
            let told: Vec<_> = changes.filter(|change| change.name == "records/a").collect();
            use ChangeType::{Created, Deleted, Purged, Updated};
            let types = told.iter().map(|change| change.r#type()).collect::<Vec<_>>();
            assert_eq!(types, [Created, Updated, Deleted, Purged]);
            assert!(told.iter().all(|change| change.record.is_none() && change.kind == "party"));
            let previous = told.iter().map(|change| change.previous_revision).collect::<Vec<_>>();
            assert_eq!(previous, [0, 2, 4, 5]);
            let last = messages.iter().rfind(|message| !message.changes.is_empty()).unwrap();
            assert_eq!((last.revision, last.reason.as_str()), (6, "asked to"));
            let others = messages.iter().flat_map(|message| &message.changes);
            assert!(others.filter(|change| change.name != "records/a").all(|change| change.record.is_some()));
        }
        server = server.restart().await;
    }
}

#[tokio::test]
async fn only_what_is_deleted_can_be_purged() {
    let server = deleted().await;
    let live = server.purge("records/stays").await;
    assert_eq!(subjects(live.as_ref().unwrap_err()), ["records/stays"]);
    assert_refused(live, Code::FailedPrecondition, Reason::RecordInUse, &[]);
    let unknown = server.purge("records/none").await;
    assert_refused(unknown, Code::NotFound, Reason::RecordNotFound, &[]);
    assert_violations(server.purge("none").await, &["name"]);
    let reason = "x".repeat(1_001);
    let request = v1::PurgeRecordRequest { reason, ..purge() };
    assert_violations(server.records().purge_record(request).await, &["reason"]);
    assert_eq!(server.head().await, 5);
}

#[tokio::test]
async fn the_name_of_a_purged_record_stays_taken() {
    let mut server = deleted().await;
    server.purge("records/a").await.unwrap();
    for _ in 0..2 {
        assert_refused(server.create(party("a", &[])).await, Code::AlreadyExists, Reason::RecordExists, &[]);
        for refused in [
            server.update(party("a", &[]), None).await,
            server.delete("records/a").await,
            server.undelete("records/a").await,
            server.commit(vec![create(appeal("new")), undelete("records/a")]).await.map(|_| appeal("new")),
        ] {
            assert_refused(refused, Code::NotFound, Reason::RecordPurged, &[]);
        }
        let missing = server.create(party("b", &["a"])).await;
        assert_refused(missing, Code::FailedPrecondition, Reason::ReferenceMissing, &[]);
        for (on_existing, reason) in
            [(OnExisting::Fail, Reason::RecordExists), (OnExisting::Replace, Reason::RecordPurged)]
        {
            let options = v1::ImportOptions { on_existing: on_existing.into(), ..Default::default() };
            let batch = import_batch(vec![party("a", &[])], "");
            let (answers, ended) = server.import(vec![import_options(options), batch]).await;
            assert_eq!(answers[0].problems[0].reason, reason.as_str());
            assert_refused::<()>(Err(ended.unwrap()), reason.code(), reason, &[]);
        }
        let options = v1::ImportOptions { on_existing: OnExisting::Skip.into(), ..Default::default() };
        assert_eq!(server.import_batch(options, vec![party("a", &[])]).await.skipped, 1);
        assert_eq!(server.head().await, 6);
        server = server.restart().await;
    }
}

#[tokio::test]
async fn a_repeat_of_what_a_purge_erased_says_so() {
    let mut server = Server::start().await;
    let request =
        v1::CreateRecordRequest { record: Some(appeal("a")), request_id: ID.into(), ..Default::default() };
    server.records().create_record(request.clone()).await.unwrap();
    server.delete("records/a").await.unwrap();
    let answer = server.purge("records/a").await.unwrap();
    assert_eq!((answer.revision, answer.versions_erased), (3, 2));
    for _ in 0..2 {
        let repeat = server.records().create_record(request.clone()).await;
        assert_refused(repeat, Code::NotFound, Reason::RecordPurged, &[]);
        server = server.restart().await;
    }
}
