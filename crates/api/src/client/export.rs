//! All live records, and the proof that they are all.

use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use prost::Message;
use sha2::{Digest, Sha256};
use tokio::time::timeout;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Status, Streaming};
use tonic_prost::ProstCodec;

use super::attempts::{broken, settled};
use super::caller::{Caller, STREAM_BYTES_MAX};
use crate::data::v1;

/// A service that sends nothing of an export for this long is gone; it may have to sort before it begins.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// An item of an export.
#[derive(Debug, Clone, PartialEq)]
pub enum Exported<R> {
    /// A record, not proven yet.
    Record {
        /// The record, without its output-only fields.
        record: R,
        /// The revision that wrote it; 0: the service did not say.
        revision: i64,
    },
    /// A live record that cannot be sent because its stored value is damaged; only when the request asks for such names.
    Damaged(String),
    /// The last item: all records came, and as they were sent.
    Whole(v1::ExportTrailer),
}

/// `v1::ExportRecordsResponse` with its records as they came: the proof is over these bytes, which a decoder of an older
/// contract would not give back.
#[derive(Clone, PartialEq, Message)]
struct Page {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    records: Vec<Bytes>,
    #[prost(message, optional, tag = "2")]
    trailer: Option<v1::ExportTrailer>,
    #[prost(int64, repeated, tag = "3")]
    revisions: Vec<i64>,
    #[prost(string, repeated, tag = "4")]
    damaged: Vec<String>,
}

/// What is left of a page.
type Items = std::vec::IntoIter<Exported<Bytes>>;

pub(super) fn encoded(
    caller: Caller,
    request: v1::ExportRecordsRequest,
) -> BoxStream<'static, Result<Exported<Bytes>, Status>> {
    let proof = Proof { digest: Sha256::new(), count: 0, damaged: 0, trailer: None };
    let export = Export { caller, request, pages: None, page: Vec::new().into_iter(), proof: Some(proof) };
    stream::try_unfold(
        export,
        |mut export| async move { Ok(export.next().await?.map(|item| (item, export))) },
    )
    .boxed()
}

pub(super) fn decoded(
    caller: Caller,
    request: v1::ExportRecordsRequest,
) -> BoxStream<'static, Result<Exported<v1::Record>, Status>> {
    let records = encoded(caller, request).map(|item| {
        Ok(match item? {
            Exported::Record { record, revision } => {
                let record = v1::Record::decode(record)
                    .map_err(|error| broken(format!("a record of the export is none: {error}")))?;
                Exported::Record { record, revision }
            }
            Exported::Damaged(name) => Exported::Damaged(name),
            Exported::Whole(trailer) => Exported::Whole(trailer),
        })
    });
    // A record that cannot be read ends the stream, as any other failure.
    records
        .scan(false, |failed, item| {
            let go_on = !std::mem::replace(failed, item.is_err());
            std::future::ready(go_on.then_some(item))
        })
        .boxed()
}

struct Export {
    caller: Caller,
    request: v1::ExportRecordsRequest,
    pages: Option<Streaming<Page>>,
    /// What is left of the page that came last.
    page: Items,
    /// None once it was given.
    proof: Option<Proof>,
}

impl Export {
    async fn next(&mut self) -> Result<Option<Exported<Bytes>>, Status> {
        loop {
            if let Some(item) = self.page.next() {
                return Ok(Some(item));
            }
            let Some(proof) = &mut self.proof else { return Ok(None) };
            let page = match &mut self.pages {
                Some(pages) => heard(pages.message()).await?,
                None => {
                    let (pages, first) = open(&self.caller, &self.request).await?;
                    self.pages = Some(pages);
                    first
                }
            };
            match page {
                Some(page) => self.page = proof.take(page)?,
                None => {
                    let trailer = self.proof.take().map(Proof::check).transpose()?;
                    return Ok(trailer.map(Exported::Whole));
                }
            }
        }
    }
}

/// The export and its first page; tried again, as nothing was handed out yet.
async fn open(
    caller: &Caller,
    request: &v1::ExportRecordsRequest,
) -> Result<(Streaming<Page>, Option<Page>), Status> {
    let mut attempts = caller.attempts();
    loop {
        let opened = async {
            let mut pages = call(caller, request.clone()).await?;
            let first = heard(pages.message()).await?;
            Ok((pages, first))
        };
        match opened.await {
            Ok(opened) => return Ok(opened),
            Err(status) => attempts.pause(status).await?,
        }
    }
}

async fn call(caller: &Caller, request: v1::ExportRecordsRequest) -> Result<Streaming<Page>, Status> {
    let mut grpc = Grpc::new(caller.channel.clone()).max_decoding_message_size(STREAM_BYTES_MAX);
    let path = PathAndQuery::from_static("/reform.data.v1.RecordService/ExportRecords");
    let codec = ProstCodec::<v1::ExportRecordsRequest, Page>::default();
    let request = caller.request(request);
    let answer = heard(async {
        grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        grpc.server_streaming(request, path, codec).await
    });
    Ok(answer.await?.into_inner())
}

/// What comes of `work`, or UNAVAILABLE when it takes too long.
async fn heard<T>(work: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
    let silent = || Status::unavailable(format!("nothing of the export came for {SILENCE_MAX:?}"));
    timeout(SILENCE_MAX, work).await.map_err(|_| silent())?.map_err(settled)
}

/// What the trailer is compared with.
struct Proof {
    digest: Sha256,
    count: i64,
    damaged: i64,
    trailer: Option<v1::ExportTrailer>,
}

impl Proof {
    fn take(&mut self, page: Page) -> Result<Items, Status> {
        let Page { records, trailer, mut revisions, damaged } = page;
        if self.trailer.is_some() {
            return Err(broken("the export went on after its trailer and is void"));
        }
        if revisions.is_empty() {
            revisions.resize(records.len(), 0);
        }
        if revisions.len() != records.len() {
            return Err(broken("the export is void: not every record of a message has its revision"));
        }
        for record in &records {
            self.digest.update(record);
            self.count += 1;
        }
        self.trailer = trailer;
        self.damaged += damaged.iter().map(|_| 1).sum::<i64>();
        let records = records.into_iter().zip(revisions);
        let records = records.map(|(record, revision)| Exported::Record { record, revision });
        let items: Vec<_> = records.chain(damaged.into_iter().map(Exported::Damaged)).collect();
        Ok(items.into_iter())
    }

    fn check(self) -> Result<v1::ExportTrailer, Status> {
        let Self { digest, count, damaged, trailer } = self;
        let trailer = trailer
            .ok_or_else(|| broken("the export ended without its trailer: it is incomplete and void"))?;
        if trailer.count != count {
            let stated = trailer.count;
            return Err(broken(format!(
                "the export is void: {count} records came, its trailer says {stated}"
            )));
        }
        if trailer.damaged != damaged {
            return Err(broken("the export is void: not every damaged record is named"));
        }
        if !hex::encode(digest.finalize()).eq_ignore_ascii_case(&trailer.sha256) {
            return Err(broken("the export is void: its records are not those of its trailer's digest"));
        }
        Ok(trailer)
    }
}
