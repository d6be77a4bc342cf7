//! What the audit says, and who the author of a change is.

use futures::TryStreamExt;
use reform_api::client::{Credentials, DataClient};
use reform_api::data::v1::{
    CommitRecordsRequest, CreateRecordRequest, DeleteRecordRequest, GetRecordRequest, ImportBatch,
    ImportOptions, ListRecordRevisionsRequest, Record,
};
use reform_api::json;

use super::pair::{Pair, call, static_token};
use super::signer::{Signer, claims};
use crate::lines::Lines;

const SOURCE: &str =
    r#"{"jurisdiction": "KZ", "title": "Law", "source": {"url": "https://example.org/law"}}"#;

#[tokio::test]
async fn an_import_tells_the_newest_revision_that_it_made() {
    let lines = Lines::default();
    let _default = lines.logged("audit=info");
    let pair = Pair::start(&[&Signer::ed25519("ed")]).await;
    std::fs::write(pair.path("importer"), static_token("importer")).unwrap();
    drop(lines.take());
    let credentials = Credentials { token: Some(pair.path("importer")), ..Credentials::default() };
    let data = DataClient::connect_with(format!("http://{}", pair.address()), &credentials).await.unwrap();
    let batches = [1, 2, 3].map(|n| {
        let mut record: Record = json::parse("reform.data.v1.Record", SOURCE).unwrap();
        record.name = format!("records/law-{n}");
        ImportBatch { records: vec![record], ..ImportBatch::default() }
    });
    let answers = data.import(ImportOptions::default(), futures::stream::iter(batches));
    let answers: Vec<_> = answers.try_collect().await.unwrap();
    // The answer is read to its end, but the service may not have heard of that.
    let told = loop {
        match lines.take().pop() {
            Some(line) => break line,
            None => tokio::task::yield_now().await,
        }
    };
    assert_eq!(told["fields"]["message"], "write");
    assert_eq!(told["fields"]["identity"], "static-importer");
    assert_eq!(told["fields"]["revision"], answers.last().unwrap().revision);
    pair.stop().await;
}

#[tokio::test]
async fn writes_and_refusals_are_told_and_the_author_is_the_identity() {
    let lines = Lines::default();
    let _default = lines.logged("audit=info");
    let signer = Signer::ed25519("ed");
    let pair = Pair::start(&[&signer]).await;
    let token = signer.sign(&claims("alice", &["writer"]));
    std::fs::write(pair.path("alice"), &token).unwrap();
    drop(lines.take());

    let credentials = Credentials { token: Some(pair.path("alice")), ..Credentials::default() };
    let url = format!("http://{}", pair.address());
    let data = DataClient::connect_with(url, &credentials).await.unwrap().with_author("mallory").unwrap();
    let record = json::parse("reform.data.v1.Record", SOURCE).unwrap();
    let request_id = "7a0a7a52-3c30-4f34-9c2e-5f0b2c8d1a11";
    let request = CreateRecordRequest {
        record: Some(record),
        record_id: "law".to_owned(),
        request_id: request_id.to_owned(),
        ..CreateRecordRequest::default()
    };
    let made = data.create_record(request).await.unwrap();
    let request = ListRecordRevisionsRequest { name: made.name.clone(), ..Default::default() };
    let past = data.list_record_revisions(request).await.unwrap();
    assert_eq!(past.revisions[0].author, "alice");

    let told = lines.take();
    let fields: Vec<_> = told.iter().map(|line| &line["fields"]).collect();
    assert_eq!(fields.len(), 1, "a read is not told: {told:?}");
    assert_eq!(told[0]["target"], "audit");
    assert_eq!(fields[0]["message"], "write");
    assert_eq!(fields[0]["identity"], "alice");
    assert_eq!(fields[0]["method"], "/reform.data.v1.RecordService/CreateRecord");
    assert_eq!(fields[0]["code"], "OK");
    assert_eq!(fields[0]["revision"], made.revision);
    assert_eq!(fields[0]["request_id"], request_id);

    // A write that failed, one that is not allowed, and one of nobody.
    data.delete_record(DeleteRecordRequest { name: "records/none".to_owned(), ..Default::default() })
        .await
        .unwrap_err();
    data.commit_records(CommitRecordsRequest::default()).await.unwrap_err();
    let reader = static_token("reader");
    call(&pair.data, "/reform.data.v1.RecordService/CreateRecord", Some(&reader)).await;
    call(&pair.data, "/reform.data.v1.RecordService/GetRecord", Some("secret-and-wrong")).await;
    data.get_record(GetRecordRequest { name: made.name, ..Default::default() }).await.unwrap();
    let told = lines.take();
    let told: Vec<_> = told
        .iter()
        .map(|line| &line["fields"])
        .map(|fields| {
            [&fields["message"], &fields["identity"], &fields["code"]].map(|text| text.as_str().unwrap_or(""))
        })
        .collect();
    assert_eq!(
        told,
        [
            ["write", "alice", "NOT_FOUND"],
            ["write", "alice", "INVALID_ARGUMENT"],
            ["refused", "static-reader", "PERMISSION_DENIED"],
            ["refused", "", "UNAUTHENTICATED"],
        ]
    );
    pair.stop().await;
}
