//! Streams that are not read, or do not end.

use bytes::Bytes;
use futures::{FutureExt, StreamExt, stream};
use http::Request;
use http_body_util::{BodyExt, StreamBody};
use prost::Message;
use reform_api::data::v1;
use reform_api::data::v1::change_service_client::ChangeServiceClient;
use reform_api::data::v1::import_options::OnExisting;
use reform_api::data::v1::import_records_request::Message as Import;
use reform_api::data::v1::record_service_client::RecordServiceClient;
use reform_api::error::{Reason, metadata};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tonic::Status;
use tonic::body::Body;
use tower::{Service, ServiceExt};

use super::Target;
use super::calls::said;
use crate::process::soon;
use crate::records::appeal;

const WATCHES: usize = 64;
const UNREAD: usize = 1_024;
const UNREAD_PER_CONNECTION: usize = 16;
const UPLOADS: usize = 64;
const UPLOAD_BYTES: usize = (4 << 20) - 64;
const BATCH: usize = 100;

pub(super) async fn unread_watches(target: Target) -> String {
    let mut watches = Vec::new();
    for _ in 0..target.size.of(WATCHES) {
        let channel = target.endpoint.connect().await.unwrap();
        let watch = v1::WatchChangesRequest::default();
        watches.push(ChangeServiceClient::new(channel).watch_changes(watch).await.unwrap().into_inner());
    }
    sleep(target.size.time).await;
    // Now they read after all.
    let mut ended = JoinSet::new();
    for mut watch in watches {
        ended.spawn(async move {
            loop {
                match soon("the end of a watch", watch.message()).await {
                    Ok(message) => assert!(message.is_some(), "a watch ends with a status"),
                    Err(status) => break status,
                }
            }
        });
    }
    let statuses: Vec<Status> = ended.join_all().await;
    for status in &statuses {
        assert!(said(status).ends_with(Reason::SlowConsumer.as_str()), "{status:?}");
        assert!(metadata(status, "revision").is_some(), "{status:?}");
    }
    format!("{} times {}", statuses.len(), said(&statuses[0]))
}

/// Pages of a list, asked for on connections whose windows are never opened again.
pub(super) async fn unread_answers(target: Target) -> String {
    let mut calls = JoinSet::new();
    for _ in 0..target.size.of(UNREAD / UNREAD_PER_CONNECTION) {
        let channel = target.endpoint.connect().await.unwrap();
        for _ in 0..UNREAD_PER_CONNECTION {
            let list = v1::ListRecordsRequest { page_size: 1_000, ..v1::ListRecordsRequest::default() };
            let (channel, list) = (channel.clone(), framed(list.encode_to_vec()));
            let path = "/reform.data.v1.RecordService/ListRecords";
            calls.spawn(async move { streamed(&channel, path, list).await });
        }
    }
    let (mut held, mut refused) = (Vec::new(), Vec::new());
    while let Some(answer) = calls.join_next().await {
        match answer.unwrap() {
            Ok(answer) => held.push(answer),
            Err(status) => refused.push(status),
        }
    }
    sleep(target.size.time).await;
    // Room for the end of a call is always there.
    held.retain_mut(|answer| match answer.body_mut().frame().now_or_never() {
        Some(Some(Ok(end))) if end.is_trailers() => {
            let end = end.trailers_ref().and_then(Status::from_header_map);
            refused.push(end.expect("an end has a status"));
            false
        }
        _ => true,
    });
    let told = refused.first().map(said).unwrap_or_default();
    assert!(refused.iter().all(|status| said(status).ends_with(Reason::Overloaded.as_str())), "{told}");
    format!("{} held, {} refused {told}", held.len(), refused.len())
}

/// The same batch again and again.
pub(super) async fn endless_import(target: Target) -> String {
    let options = v1::ImportOptions { on_existing: OnExisting::Skip.into(), ..v1::ImportOptions::default() };
    let records = (0..BATCH).map(|number| appeal(&format!("a{number}"), 2024)).collect();
    let batch = Import::Batch(v1::ImportBatch { records, ..v1::ImportBatch::default() });
    let messages = stream::iter([Import::Options(options)]).chain(stream::repeat(batch));
    let messages = messages.map(|message| v1::ImportRecordsRequest { message: Some(message) });
    let channel = target.endpoint.connect().await.unwrap();
    let mut answers = RecordServiceClient::new(channel).import_records(messages).await.unwrap().into_inner();
    let mut batches = 0;
    let served = timeout(target.size.time, async {
        while let Some(answer) = answers.message().await.unwrap() {
            batches = answer.batch;
        }
    });
    assert!(served.await.is_err(), "an import goes on as long as it sends");
    format!("{batches} batches were imported")
}

/// A message of 4 MiB that never comes to its end, on many streams.
pub(super) async fn endless_messages(target: Target) -> String {
    let mut uploads = JoinSet::new();
    for _ in 0..target.size.of(UPLOADS) {
        let channel = target.endpoint.connect().await.unwrap();
        let mut first = vec![0];
        first.extend(u32::try_from(UPLOAD_BYTES).unwrap().to_be_bytes());
        // Mutations of 60,000 bytes.
        let part = [&[0x0a, 0xe0, 0xd4, 0x03][..], &[0; 60_000]].concat();
        first.extend(part.repeat(UPLOAD_BYTES / 2 / part.len()));
        let first = Bytes::from(first);
        let body = Body::new(StreamBody::new(
            stream::iter([Ok::<_, Status>(http_body::Frame::data(first))]).chain(stream::pending()),
        ));
        let path = "/reform.data.v1.RecordService/CommitRecords";
        let limit = target.size.time;
        uploads.spawn(async move { timeout(limit, streamed(&channel, path, body)).await });
    }
    let ends = uploads.join_all().await;
    let told: Vec<_> = ends.iter().filter_map(|end| end.as_ref().ok()?.as_ref().err()).collect();
    let first = told.first().map(|status| said(status)).unwrap_or_default();
    format!("{} wait for their end, {} were refused {first}", ends.len() - told.len(), told.len())
}

fn framed(message: Vec<u8>) -> Body {
    let mut bytes = vec![0];
    bytes.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    bytes.extend(message);
    Body::new(http_body_util::Full::new(Bytes::from(bytes)))
}

/// The answer as soon as it begins.
async fn streamed(
    channel: &tonic::transport::Channel,
    path: &str,
    body: Body,
) -> Result<http::Response<Body>, Status> {
    let request = Request::post(format!("http://service{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(body)
        .expect("a request");
    let unavailable = |error: tonic::transport::Error| Status::from_error(Box::new(error));
    let mut channel = channel.clone();
    let answer = channel.ready().await.map_err(unavailable)?.call(request).await.map_err(unavailable)?;
    match Status::from_header_map(answer.headers()) {
        Some(status) if status.code() != tonic::Code::Ok => Err(status),
        Some(_) | None => Ok(answer),
    }
}
