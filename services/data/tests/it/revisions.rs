//! ListRecordRevisions: what a record was, newest first.

use reform_api::data::v1;
use reform_api::error::Reason;
use tonic::Code;

use crate::records::{appeal, party};
use crate::support::{Server, assert_refused, assert_violations, metadata, update_request};

fn titled(id: &str, title: String) -> v1::Record {
    v1::Record { title, ..appeal(id) }
}

fn request(name: &str, page_size: i32, page_token: &str) -> v1::ListRecordRevisionsRequest {
    v1::ListRecordRevisionsRequest { name: name.into(), page_size, page_token: page_token.into() }
}

#[tokio::test]
async fn every_version_comes_newest_first_as_it_was() {
    let mut server = Server::start().await;
    let mut expected = vec![server.create(appeal("a")).await.unwrap()];
    server.create(appeal("other")).await.unwrap();
    let mut client = server.records();
    let mut update = tonic::Request::new(v1::UpdateRecordRequest {
        reason: "why".into(),
        ..update_request(titled("a", "x".into()), None)
    });
    update.metadata_mut().insert("reform-author", "somebody".parse().unwrap());
    expected.push(client.update_record(update).await.unwrap().into_inner());
    expected.push(server.delete("records/a").await.unwrap());
    expected.push(server.undelete("records/a").await.unwrap());
    expected.reverse();
    for page_size in [0, 1, 3, 1_000, 5_000] {
        let revisions = server.revisions("records/a", page_size).await.unwrap();
        let records: Vec<_> = revisions.iter().map(|revision| revision.record.clone().unwrap()).collect();
        assert_eq!(records, expected);
        let types = revisions.iter().map(v1::RecordRevision::r#type).collect::<Vec<_>>();
        use v1::ChangeType::{Created, Deleted, Undeleted, Updated};
        assert_eq!(types, [Undeleted, Deleted, Updated, Created]);
        assert_eq!(
            (revisions[2].author.as_str(), revisions[2].reason.as_str()),
            ("unverified:somebody", "why")
        );
        for (revision, record) in revisions.iter().zip(&records) {
            assert_eq!((revision.revision, revision.commit_time), (record.revision, record.update_time));
        }
        server = server.restart().await;
    }
    let refused = server.revisions("records/none", 0).await;
    assert_refused(refused, Code::NotFound, Reason::RecordNotFound, &[]);
    assert_violations(server.revisions("none", 0).await, &["name"]);
    assert_violations(server.revisions("records/a", -1).await, &["page_size"]);
}

#[tokio::test]
async fn a_page_goes_on_where_the_one_before_ended_whatever_is_written_meanwhile() {
    let mut server = Server::start().await;
    server.create(appeal("a")).await.unwrap();
    for n in 0..120 {
        server.update(titled("a", n.to_string()), None).await.unwrap();
    }
    let first =
        server.records().list_record_revisions(request("records/a", 0, "")).await.unwrap().into_inner();
    assert_eq!(first.revisions.len(), 100);
    server.update(titled("a", "later".into()), None).await.unwrap();
    server = server.restart().await;
    let next = request("records/a", 0, &first.next_page_token);
    let second = server.records().list_record_revisions(next.clone()).await.unwrap().into_inner();
    let numbers = second.revisions.iter().map(|revision| revision.revision).collect::<Vec<_>>();
    assert_eq!(numbers, (1..=21).rev().collect::<Vec<_>>());
    assert!(second.next_page_token.is_empty());
    server.create(appeal("b")).await.unwrap();
    for foreign in [request("records/b", 0, &first.next_page_token), request("records/a", 0, "00")] {
        let refused = server.records().list_record_revisions(foreign).await;
        assert_refused(refused, Code::InvalidArgument, Reason::PageTokenInvalid, &[]);
    }
    // The page after it is gone for good.
    server.compact(50).await.unwrap();
    let refused = server.records().list_record_revisions(next).await;
    assert_eq!(metadata(refused.as_ref().unwrap_err(), "oldest_revision").as_deref(), Some("50"));
    assert_refused(refused, Code::OutOfRange, Reason::Compacted, &[]);
}

#[tokio::test]
async fn the_version_that_the_oldest_revision_shows_is_the_last() {
    let mut server = Server::seeded().await;
    let first = server.create(party("a", &["p"])).await.unwrap();
    for title in ["x", "y"] {
        server.update(v1::Record { title: title.into(), ..party("a", &["p"]) }, None).await.unwrap();
    }
    server.create(appeal("between")).await.unwrap();
    let oldest = server.head().await;
    server.update(v1::Record { title: "z".into(), ..party("a", &["p"]) }, None).await.unwrap();
    server.compact(oldest).await.unwrap();
    for _ in 0..2 {
        let revisions = server.revisions("records/a", 1).await.unwrap();
        let seen: Vec<_> =
            revisions.iter().map(|revision| revision.record.as_ref().unwrap().title.as_str()).collect();
        assert_eq!(seen, ["z", "y"]);
        assert_eq!(revisions[1].record.as_ref().unwrap().create_revision, first.revision);
        server = server.restart().await;
    }
}
