//! Exports and their proof.

use futures::{StreamExt, TryStreamExt};
use prost::Message;
use reform_api::client::Exported;
use reform_api::data::v1::{ExportRecordsRequest, ExportRecordsResponse, ExportTrailer, Record};
use reform_api::error::Reason;
use sha2::{Digest, Sha256};
use tonic::{Code, Status};

use super::fake::{Fake, Script};
use super::{reason, status};

fn record(name: &str) -> Record {
    Record { name: format!("records/{name}"), ..Record::default() }
}

fn page(names: &[&str]) -> ExportRecordsResponse {
    let records = names.iter().map(|name| record(name)).collect();
    ExportRecordsResponse { records, ..ExportRecordsResponse::default() }
}

fn trailer(names: &[&str]) -> ExportTrailer {
    let bytes: Vec<u8> = names.iter().flat_map(|name| record(name).encode_to_vec()).collect();
    let sha256 = hex::encode(Sha256::digest(bytes));
    ExportTrailer { count: names.len() as i64, sha256, revision: 7, store_id: "s".to_owned(), damaged: 0 }
}

fn last(trailer: ExportTrailer) -> ExportRecordsResponse {
    ExportRecordsResponse { trailer: Some(trailer), ..ExportRecordsResponse::default() }
}

async fn exported(
    export: Vec<Result<ExportRecordsResponse, Status>>,
) -> Result<Vec<Exported<Record>>, Status> {
    let fake = Fake::new(Script { export, ..Script::default() });
    fake.data().export(ExportRecordsRequest::default()).try_collect().await
}

#[tokio::test(start_paused = true)]
async fn a_whole_export_ends_with_its_trailer() {
    let good = trailer(&["a", "b", "c"]);
    let expected: Vec<_> =
        ["a", "b", "c"].map(|name| Exported::Record { record: record(name), revision: 0 }).into();
    let expected: Vec<_> = expected.into_iter().chain([Exported::Whole(good.clone())]).collect();
    let pages = vec![Ok(page(&["a", "b"])), Ok(page(&["c"])), Ok(last(good.clone()))];
    assert_eq!(exported(pages).await.unwrap(), expected);
    let together = ExportRecordsResponse { trailer: Some(good), ..page(&["a", "b", "c"]) };
    assert_eq!(exported(vec![Ok(together)]).await.unwrap(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_record_comes_with_its_revision() {
    let with =
        |revisions: &[i64]| ExportRecordsResponse { revisions: revisions.to_vec(), ..page(&["a", "b"]) };
    let told = exported(vec![Ok(with(&[3, 5])), Ok(last(trailer(&["a", "b"])))]).await.unwrap();
    let revisions = told.iter().filter_map(|item| match item {
        Exported::Record { revision, .. } => Some(*revision),
        Exported::Damaged(_) | Exported::Whole(_) => None,
    });
    assert!(revisions.eq([3, 5]));
    let refused = exported(vec![Ok(with(&[3])), Ok(last(trailer(&["a", "b"])))]).await.unwrap_err();
    assert_eq!(refused.code(), Code::DataLoss);
}

#[tokio::test(start_paused = true)]
async fn an_export_without_its_proof_is_void() {
    let good = trailer(&["a", "b"]);
    let few = ExportTrailer { count: 3, ..good.clone() };
    let void = [
        vec![Ok(page(&["a", "b"]))],
        vec![],
        vec![Ok(page(&["a", "b"])), Ok(last(few))],
        vec![Ok(page(&["b", "a"])), Ok(last(good.clone()))],
        vec![Ok(last(good.clone())), Ok(page(&["a", "b"]))],
    ];
    for pages in void {
        let refused = exported(pages.clone()).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused)), (Code::DataLoss, None), "{pages:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_export_that_was_cut_fails_and_one_that_did_not_begin_is_tried_again() {
    let cut = vec![Ok(page(&["a"])), Err(status(Reason::ShuttingDown))];
    assert_eq!(exported(cut).await.unwrap_err().code(), Code::Unavailable);

    let refusals = [status(Reason::Starting)].into();
    let export = vec![Ok(last(trailer(&[])))];
    let fake = Fake::new(Script { refusals, export, ..Script::default() });
    let all: Vec<_> = fake.data().export_encoded(ExportRecordsRequest::default()).collect().await;
    assert!(matches!(all.as_slice(), [Ok(Exported::Whole(_))]), "{all:?}");
}
