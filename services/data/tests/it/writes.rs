//! Writes: etags, masks, deletion, who wrote and why, and the revision that every one of them makes.

use reform_api::data::v1;
use reform_api::error::Reason;
use serde_json::{Value, json};
use tonic::{Code, Request};

use crate::records::{appeal, good, record, with};
use crate::support::{
    Server, assert_refused, assert_violations, create, delete, metadata, update, update_request,
};

/// The paths of an `update_mask`, or none.
type Mask = Option<&'static [&'static str]>;

fn patch(json: Value) -> v1::Record {
    record(&with(json!({"name": "records/own"}), &json))
}

#[tokio::test]
async fn every_accepted_write_makes_the_next_revision() {
    let server = Server::start().await;
    let first = server.create(appeal("own")).await.unwrap();
    assert_eq!((first.revision, first.create_revision, first.etag.as_str()), (1, 1, "\"1\""));
    assert!(
        first.create_time.is_some() && first.create_time == first.update_time && first.delete_time.is_none()
    );
    // Nothing changes, and it is a revision all the same.
    let second = server.update(patch(json!({"jurisdiction": "KZ"})), None).await.unwrap();
    assert_eq!((second.revision, second.create_revision, second.uid.as_str()), (2, 1, first.uid.as_str()));
    let third = server.delete("records/own").await.unwrap();
    assert_eq!((third.revision, third.create_time), (3, first.create_time));
    assert_eq!(third.delete_time, third.update_time);
    let fourth = server.undelete("records/own").await.unwrap();
    assert_eq!((fourth.revision, fourth.delete_time), (4, None));
    assert_eq!(fourth.uid, first.uid);
    let fifth = server.commit(vec![update(patch(json!({"title": "x"}))), create(appeal("b"))]).await.unwrap();
    let revisions: Vec<i64> = fifth.records.iter().map(|record| record.revision).collect();
    assert_eq!((fifth.revision, revisions), (5, vec![5, 5]));
    assert_eq!(fifth.store_id, server.status().await.store_id);
    assert_eq!(server.head().await, 5);
}

#[tokio::test]
async fn the_server_names_what_has_no_name() {
    let server = Server::start().await;
    let nameless = record(&json!({"appeal": {}}));
    let a = server.create(nameless.clone()).await.unwrap();
    let b = server.create(nameless.clone()).await.unwrap();
    assert_ne!(a.name, b.name);
    assert_eq!(server.get(&a.name).await.unwrap(), a);
    let request =
        v1::CreateRecordRequest { record: Some(nameless), record_id: "mine".into(), ..Default::default() };
    let c = server.records().create_record(request).await.unwrap().into_inner();
    assert_eq!(c.name, "records/mine");
}

#[tokio::test]
async fn fields_of_the_server_are_ignored_on_input() {
    let server = Server::start().await;
    let claimed = json!({
        "uid": "x", "revision": "77", "createRevision": "77", "createTime": "2001-01-01T00:00:00Z", "updateTime":
        "2001-01-01T00:00:00Z", "deleteTime": "2001-01-01T00:00:00Z", "etag": "\"77\"", "findings": [{"rule": "x"}],
    });
    let created = server
        .create(record(&with(good("appeal"), &with(claimed, &json!({"citations": []})))))
        .await
        .unwrap();
    assert_eq!((created.revision, created.create_revision, created.etag.as_str()), (1, 1, "\"1\""));
    assert_ne!(created.uid, "x");
    assert!(created.findings.is_empty() && created.delete_time.is_none());
    assert!(created.create_time.unwrap().seconds > 1_600_000_000);
}

#[tokio::test]
async fn an_etag_must_match() {
    let server = Server::start().await;
    server.create(appeal("own")).await.unwrap();
    let stale = patch(json!({"title": "x", "etag": "\"9\""}));
    let mut client = server.records();
    let status = server.update(stale, None).await.unwrap_err();
    assert_eq!(metadata(&status, "etag").as_deref(), Some("\"1\""));
    assert_refused::<()>(Err(status), Code::Aborted, Reason::EtagMismatch, &[]);
    let request =
        v1::DeleteRecordRequest { name: "records/own".into(), etag: "\"9\"".into(), ..Default::default() };
    assert_refused(client.delete_record(request).await, Code::Aborted, Reason::EtagMismatch, &[]);
    assert_eq!(server.head().await, 1);

    let current = server.update(patch(json!({"title": "x", "etag": "\"1\""})), None).await.unwrap();
    assert_eq!(current.etag, "\"2\"");
    let request =
        v1::DeleteRecordRequest { name: "records/own".into(), etag: current.etag, ..Default::default() };
    client.delete_record(request).await.unwrap();
    let request =
        v1::UndeleteRecordRequest { name: "records/own".into(), etag: "\"2\"".into(), ..Default::default() };
    assert_refused(client.undelete_record(request.clone()).await, Code::Aborted, Reason::EtagMismatch, &[]);
    client.undelete_record(v1::UndeleteRecordRequest { etag: "\"3\"".into(), ..request }).await.unwrap();
}

#[tokio::test]
async fn a_mask_says_what_an_update_sets() {
    let server = Server::start().await;
    let whole = json!({
        "title": "old", "labels": {"a": "1", "b": "2"}, "citations": [{"source": "records/s"}],
        "appeal": {"channel": "online", "filedOn": {"year": 2023, "month": 5}},
    });
    server.create(record(&json!({"name": "records/s", "source": {}}))).await.unwrap();
    server.create(patch(whole.clone())).await.unwrap();
    let table: [(Mask, Value, Value); 6] = [
        // Absent: what is populated.
        (None, json!({"title": "new"}), with(whole.clone(), &json!({"title": "new"}))),
        (None, json!({"labels": {"c": "3"}}), {
            let mut expected = whole.clone();
            expected["labels"] = json!({"c": "3"});
            expected
        }),
        // Paths: those, and what is absent there is cleared.
        (Some(&["title", "appeal.channel"]), json!({"title": "new", "description": "no"}), {
            let mut expected = with(whole.clone(), &json!({"title": "new"}));
            expected["appeal"] = json!({"filedOn": {"year": 2023, "month": 5}});
            expected
        }),
        (Some(&["appeal.filed_on.month"]), json!({"appeal": {}}), {
            let mut expected = whole.clone();
            expected["appeal"] = json!({"channel": "online", "filedOn": {"year": 2023}});
            expected
        }),
        // Lists are replaced whole.
        (Some(&["citations"]), json!({}), with(whole.clone(), &json!({"citations": []}))),
        // Everything.
        (Some(&["*"]), json!({"appeal": {}}), json!({"appeal": {}})),
    ];
    for (mask, change, expected) in table {
        server.update(patch(whole.clone()), Some(&["*"])).await.unwrap();
        let answer = server.update(patch(change.clone()), mask).await.unwrap();
        assert_eq!(crate::records::plain(answer.clone()), patch(expected), "{mask:?} {change}");
        assert_eq!(server.get("records/own").await.unwrap(), answer);
    }
    let unknown = server.update(patch(json!({"title": "x"})), Some(&["titel"])).await;
    assert_violations(unknown, &["update_mask"]);
    let impossible = server.update(patch(json!({"appeal": {"closedOn": {"year": 0}}})), None).await;
    assert_violations(impossible, &["record.appeal.closed_on.year"]);
}

#[tokio::test]
async fn kind_and_jurisdiction_cannot_change() {
    let server = Server::start().await;
    server.create(appeal("own")).await.unwrap();
    let table: [(Value, &[&str], Mask); 4] = [
        (json!({"jurisdiction": "DE"}), &["record.jurisdiction"], None),
        (json!({"source": {}}), &["record.source"], None),
        (json!({"source": {}}), &["record.source", "record.jurisdiction"], Some(&["*"])),
        (json!({"appeal": {}}), &["record.jurisdiction"], Some(&["jurisdiction"])),
    ];
    for (change, paths, mask) in table {
        assert_violations(server.update(patch(change), mask).await, paths);
    }
    assert_eq!(server.head().await, 1);
}

#[tokio::test]
async fn deletion_is_soft() {
    let server = Server::start().await;
    server.create(appeal("own")).await.unwrap();
    assert_refused(server.undelete("records/own").await, Code::AlreadyExists, Reason::RecordExists, &[]);
    assert_refused(server.undelete("records/none").await, Code::NotFound, Reason::RecordNotFound, &[]);
    let deleted = server.delete("records/own").await.unwrap();
    assert_eq!(server.get("records/own").await.unwrap(), deleted);
    assert!(deleted.delete_time.is_some());
    assert_refused(server.delete("records/own").await, Code::NotFound, Reason::RecordNotFound, &[]);
    let changed = server.update(patch(json!({"title": "x"})), None).await;
    assert_refused(changed, Code::NotFound, Reason::RecordNotFound, &[]);
    assert_eq!(server.names("").await, [""; 0]);
    let all = v1::ListRecordsRequest { show_deleted: true, ..Default::default() };
    assert_eq!(server.list(all).await, [deleted]);
    assert_eq!(server.count(v1::CountRecordsRequest::default()).await.unwrap(), 0);
    let counted = v1::CountRecordsRequest { show_deleted: true, ..Default::default() };
    assert_eq!(server.count(counted).await.unwrap(), 1);
    assert_eq!(server.status().await.live_records.get("appeal"), None);
    server.undelete("records/own").await.unwrap();
    assert_eq!(server.names("").await, ["records/own"]);
    assert_eq!(server.status().await.live_records.get("appeal"), Some(&1));
}

#[tokio::test]
async fn an_update_may_make_what_is_missing() {
    let server = Server::start().await;
    let refused = server.update(appeal("own"), None).await;
    assert_refused(refused, Code::NotFound, Reason::RecordNotFound, &[]);
    let request = v1::UpdateRecordRequest { allow_missing: true, ..update_request(appeal("own"), None) };
    let made = server.records().update_record(request.clone()).await.unwrap().into_inner();
    assert_eq!((made.revision, made.create_revision), (1, 1));
    let again = server.records().update_record(request.clone()).await.unwrap().into_inner();
    assert_eq!((again.revision, again.create_revision), (2, 1));
    server.delete("records/own").await.unwrap();
    let deleted = server.records().update_record(request).await;
    assert_refused(deleted, Code::AlreadyExists, Reason::RecordExists, &[]);
}

#[tokio::test]
async fn what_is_only_validated_is_not_stored() {
    let server = Server::start().await;
    server.create(appeal("own")).await.unwrap();
    let mut client = server.records();
    let request =
        v1::CreateRecordRequest { record: Some(appeal("a")), validate_only: true, ..Default::default() };
    assert_eq!(client.create_record(request).await.unwrap().into_inner().name, "records/a");
    let request =
        v1::CreateRecordRequest { record: Some(appeal("own")), validate_only: true, ..Default::default() };
    assert_refused(client.create_record(request).await, Code::AlreadyExists, Reason::RecordExists, &[]);
    let mut request = update_request(patch(json!({"title": "x"})), None);
    request.validate_only = true;
    assert_eq!(client.update_record(request).await.unwrap().into_inner().title, "x");
    let request =
        v1::DeleteRecordRequest { name: "records/own".into(), validate_only: true, ..Default::default() };
    client.delete_record(request).await.unwrap();
    let mutations = vec![delete("records/own"), create(appeal("a"))];
    let request = v1::CommitRecordsRequest { mutations, validate_only: true, ..Default::default() };
    assert_eq!(client.commit_records(request).await.unwrap().into_inner().records.len(), 2);
    let back =
        v1::UndeleteRecordRequest { name: "records/own".into(), validate_only: true, ..Default::default() };
    let live = client.undelete_record(back.clone()).await;
    assert_refused(live, Code::AlreadyExists, Reason::RecordExists, &[]);
    assert_eq!(server.head().await, 1);
    assert_eq!(server.get("records/own").await.unwrap().title, "");
    server.delete("records/own").await.unwrap();
    assert!(client.undelete_record(back).await.unwrap().into_inner().delete_time.is_none());
    assert!(server.get("records/own").await.unwrap().delete_time.is_some());
    assert_eq!(server.head().await, 2);
    assert_refused(server.get("records/a").await, Code::NotFound, Reason::RecordNotFound, &[]);
}

#[tokio::test]
async fn the_history_says_who_wrote_and_why() {
    let server = Server::start().await;
    let mut request = Request::new(v1::CreateRecordRequest {
        record: Some(appeal("own")),
        reason: "the gazette of May".into(),
        ..Default::default()
    });
    request.metadata_mut().insert("reform-author", "ada".parse().unwrap());
    server.records().create_record(request).await.unwrap();
    server.create(appeal("b")).await.unwrap();
    let feed = server.replay(0, "").await;
    let told: Vec<(&str, &str)> =
        feed.iter().map(|message| (message.author.as_str(), message.reason.as_str())).collect();
    assert_eq!(told, [("unverified:ada", "the gazette of May"), ("unverified:anonymous", "")]);
}

#[tokio::test]
async fn every_answer_names_store_and_revision() {
    let server = Server::start().await;
    let store_id = server.status().await.store_id;
    let header = |metadata: &tonic::metadata::MetadataMap, key: &str| {
        metadata.get(key).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    let request = v1::CreateRecordRequest { record: Some(appeal("own")), ..Default::default() };
    let created = server.records().create_record(request.clone()).await.unwrap();
    assert_eq!(header(created.metadata(), "reform-store-id"), store_id);
    assert_eq!(header(created.metadata(), "reform-revision"), "1");
    let refused = server.records().create_record(request).await.unwrap_err();
    assert_eq!(header(refused.metadata(), "reform-store-id"), store_id);
    assert_eq!(header(refused.metadata(), "reform-revision"), "1");
}
