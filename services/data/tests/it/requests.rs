//! A write with a `request_id` can be repeated: the first answer comes again.

use reform_api::data::v1;
use reform_api::error::Reason;
use tonic::Code;

use crate::records::{appeal, record};
use crate::support::{
    Server, assert_refused, assert_violations, create, delete, import_batch, import_options, update_request,
};

const ID: &str = "0b7b5b1e-7c55-4e4b-8e39-6f2f5b0c9a01";

fn nameless() -> v1::CreateRecordRequest {
    let record = Some(record(&serde_json::json!({"appeal": {}})));
    v1::CreateRecordRequest { record, request_id: ID.into(), ..Default::default() }
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_also_after_a_restart() {
    let mut server = Server::start().await;
    let first = server.records().create_record(nameless()).await.unwrap().into_inner();
    // What came later does not show in it.
    let mut later = first.clone();
    later.title = "changed since".into();
    server.update(later, None).await.unwrap();
    for _ in 0..3 {
        let repeat = server.records().create_record(nameless()).await.unwrap().into_inner();
        assert_eq!(repeat, first);
        assert_eq!(server.head().await, 2);
        server = server.restart().await;
    }
}

#[tokio::test]
async fn another_request_under_the_same_id_is_refused() {
    let mut server = Server::start().await;
    server.records().create_record(nameless()).await.unwrap();
    for _ in 0..2 {
        let other = v1::CreateRecordRequest { reason: "another".into(), ..nameless() };
        let refused = server.records().create_record(other).await;
        assert_refused(refused, Code::AlreadyExists, Reason::RequestIdReused, &[]);
        let mutations = vec![create(appeal("a"))];
        let other = v1::CommitRecordsRequest { mutations, request_id: ID.into(), ..Default::default() };
        let refused = server.records().commit_records(other).await;
        assert_refused(refused, Code::AlreadyExists, Reason::RequestIdReused, &[]);
        assert_eq!(server.head().await, 1);
        server = server.restart().await;
    }
}

#[tokio::test]
async fn repeats_at_the_same_time_are_one_write() {
    let server = Server::start().await;
    let calls = (0..16).map(|_| {
        let mut client = server.records();
        async move { client.create_record(nameless()).await.unwrap().into_inner() }
    });
    let answers = futures::future::join_all(calls).await;
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(server.head().await, 1);
}

#[tokio::test]
async fn every_kind_of_write_can_be_repeated() {
    let server = Server::start().await;
    server.create(appeal("own")).await.unwrap();
    let mut client = server.records();
    let id = |last: u8| format!("0b7b5b1e-7c55-4e4b-8e39-6f2f5b0c9a{last:02}");
    let mut changed = appeal("own");
    changed.title = "x".into();
    let update = v1::UpdateRecordRequest { request_id: id(2), ..update_request(changed, None) };
    let first = client.update_record(update.clone()).await.unwrap().into_inner();
    let remove =
        v1::DeleteRecordRequest { name: "records/own".into(), request_id: id(3), ..Default::default() };
    let second = client.delete_record(remove.clone()).await.unwrap().into_inner();
    let back =
        v1::UndeleteRecordRequest { name: "records/own".into(), request_id: id(4), ..Default::default() };
    let third = client.undelete_record(back.clone()).await.unwrap().into_inner();
    let mutations = vec![create(appeal("b")), delete("records/own")];
    let commit = v1::CommitRecordsRequest { mutations, request_id: id(5), ..Default::default() };
    let fourth = client.commit_records(commit.clone()).await.unwrap().into_inner();
    assert_eq!(client.update_record(update).await.unwrap().into_inner(), first);
    assert_eq!(client.delete_record(remove).await.unwrap().into_inner(), second);
    assert_eq!(client.undelete_record(back).await.unwrap().into_inner(), third);
    assert_eq!(client.commit_records(commit).await.unwrap().into_inner(), fourth);
    assert_eq!(server.head().await, 5);
}

#[tokio::test]
async fn a_refused_write_leaves_its_id_free() {
    let server = Server::start().await;
    server.create(appeal("own")).await.unwrap();
    let request = |id: &str| v1::CreateRecordRequest {
        record: Some(appeal(id)),
        request_id: ID.into(),
        ..Default::default()
    };
    let refused = server.records().create_record(request("own")).await;
    assert_refused(refused, Code::AlreadyExists, Reason::RecordExists, &[]);
    server.records().create_record(request("other")).await.unwrap();
}

#[tokio::test]
async fn what_is_only_validated_leaves_its_id_free_also_across_restarts() {
    let mut server = Server::start().await;
    let check = || v1::CreateRecordRequest { validate_only: true, ..nameless() };
    for _ in 0..2 {
        server.records().create_record(check()).await.unwrap();
        let refused = server.delete("records/none").await;
        assert_refused(refused, Code::NotFound, Reason::RecordNotFound, &[]);
        server = server.restart().await;
    }
    let first = server.records().create_record(nameless()).await.unwrap().into_inner();
    for _ in 0..2 {
        assert_eq!(server.records().create_record(nameless()).await.unwrap().into_inner(), first);
        // Only to validate is another request.
        let refused = server.records().create_record(check()).await;
        assert_refused(refused, Code::AlreadyExists, Reason::RequestIdReused, &[]);
        assert_eq!(server.head().await, 1);
        server = server.restart().await;
    }
}

#[tokio::test]
async fn a_request_id_has_to_be_a_uuid() {
    let server = Server::start().await;
    let request = v1::CreateRecordRequest { request_id: "not-a-uuid".into(), ..nameless() };
    assert_violations(server.records().create_record(request).await, &["request_id"]);
    let request =
        v1::PurgeRecordRequest { name: "records/a".into(), request_id: "x".into(), ..Default::default() };
    assert_violations(server.records().purge_record(request).await, &["request_id"]);
    assert_eq!(server.head().await, 0);
}

#[tokio::test]
async fn a_repeated_batch_gets_the_same_counts() {
    let mut server = Server::start().await;
    server.create(appeal("b")).await.unwrap();
    let options = || {
        let (on_existing, on_invalid) =
            (v1::import_options::OnExisting::Skip.into(), v1::import_options::OnInvalid::Skip.into());
        import_options(v1::ImportOptions { on_existing, on_invalid, ..Default::default() })
    };
    let bad = v1::Record { name: "records/bad".into(), ..Default::default() };
    let batch = || import_batch(vec![appeal("a"), appeal("b"), bad.clone(), appeal("c")], ID);
    let (first, ended) = server.import(vec![options(), batch()]).await;
    assert!(ended.is_none(), "{ended:?}");
    assert_eq!((first[0].revision, first[0].created, first[0].problems_total), (2, 2, 1));
    for _ in 0..2 {
        let (again, ended) = server.import(vec![options(), batch()]).await;
        assert!(ended.is_none(), "{ended:?}");
        assert_eq!(again, first);
        // In another place of its stream it is the same batch.
        let (later, _) = server.import(vec![options(), import_batch(vec![], ""), batch()]).await;
        assert_eq!(later[1], v1::ImportRecordsResponse { batch: 1, ..first[0].clone() });
        let (_, ended) = server.import(vec![options(), import_batch(vec![appeal("z")], ID)]).await;
        assert_refused::<()>(Err(ended.unwrap()), Code::AlreadyExists, Reason::RequestIdReused, &[]);
        assert_eq!(server.head().await, 2);
        server = server.restart().await;
    }
}
