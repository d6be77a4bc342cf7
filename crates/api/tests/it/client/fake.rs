//! Both services by a script, over a connection in memory: nothing here waits for a real clock, so time may be paused.
#![expect(clippy::unwrap_used, reason = "a test fails where its helpers do")]

use std::collections::{HashMap, VecDeque};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use futures::stream::{self, Stream, StreamExt};
use hyper_util::rt::TokioIo;
use reform_api::analytics::v1 as analytics;
use reform_api::client::{AnalyticsClient, DataClient, Settings};
use reform_api::data::v1;
use reform_api::data::v1::change_service_server::{ChangeService, ChangeServiceServer};
use reform_api::data::v1::import_records_request::Message;
use reform_api::data::v1::record_service_server::{RecordService, RecordServiceServer};
use tokio::io::{DuplexStream, copy_bidirectional, duplex};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status, Streaming};

const PIPE_BYTES: usize = 64 * 1024;

pub(super) type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// What goes wrong, in order, and what was seen.
#[derive(Debug, Default)]
pub(super) struct Script {
    /// Answers to the next calls with one answer.
    pub(super) refusals: VecDeque<Status>,
    /// Request ids and authors of the calls, refused ones included.
    pub(super) called: Vec<(String, Option<String>)>,
    /// The records of lists, by page.
    pub(super) pages: Vec<v1::ListRecordsResponse>,
    /// The messages of the feed.
    pub(super) feed: Vec<v1::WatchChangesResponse>,
    /// How each opened feed ends: after how many messages, and with what. Without one it stays open.
    pub(super) cuts: VecDeque<(usize, Cut)>,
    /// How feeds were opened: store and revision.
    pub(super) opened: Vec<(String, i64)>,
    /// The messages of an export, and how it ends.
    pub(super) export: Vec<Result<v1::ExportRecordsResponse, Status>>,
    /// Batches that are stored, by request id, with the number of their revision.
    pub(super) stored: HashMap<String, i64>,
    /// For each import call: batches it stores, batches it answers, and how it ends then.
    pub(super) imports: VecDeque<(usize, usize, Status)>,
    /// Records of each batch in the order in which they came, repeats included.
    pub(super) batches: Vec<String>,
    /// The connections, to be cut.
    pub(super) connections: Vec<JoinHandle<()>>,
}

/// How a feed ends.
#[derive(Debug, Clone)]
pub(super) enum Cut {
    /// With a status.
    Status(Status),
    /// As if that was all.
    End,
    /// The connection goes.
    Connection,
    /// It says nothing any more.
    Silence,
}

/// A handle to the services.
#[derive(Debug, Clone, Default)]
pub(super) struct Fake(Arc<Mutex<Script>>);

impl Fake {
    pub(super) fn new(script: Script) -> Self {
        Self(Arc::new(Mutex::new(script)))
    }

    pub(super) fn script<T>(&self, with: impl FnOnce(&mut Script) -> T) -> T {
        with(&mut self.0.lock().unwrap())
    }

    pub(super) fn data(&self) -> DataClient {
        DataClient::new(self.channel())
    }

    pub(super) fn analytics(&self) -> AnalyticsClient {
        AnalyticsClient::new(self.channel())
    }

    /// Without patience: every failure comes out.
    pub(super) fn once(&self) -> DataClient {
        self.data().with_settings(Settings { retry_for: std::time::Duration::ZERO, ..Settings::default() })
    }

    fn channel(&self) -> Channel {
        let (connections, incoming) = mpsc::unbounded_channel::<io::Result<DuplexStream>>();
        let serving = Server::builder()
            .add_service(RecordServiceServer::new(self.clone()))
            .add_service(ChangeServiceServer::new(self.clone()))
            .add_service(super::lists::indicators())
            .serve_with_incoming(tokio_stream::wrappers::UnboundedReceiverStream::new(incoming));
        tokio::spawn(serving);
        let fake = self.clone();
        let connector = tower::service_fn(move |_| {
            let (ours, mut near) = duplex(PIPE_BYTES);
            let (theirs, mut far) = duplex(PIPE_BYTES);
            let accepted = connections.send(Ok(theirs)).map_err(|_| io::Error::other("the server is gone"));
            let connection = tokio::spawn(async move {
                let _ = copy_bidirectional(&mut near, &mut far).await;
            });
            fake.script(|script| script.connections.push(connection));
            std::future::ready(accepted.map(|()| TokioIo::new(ours)))
        });
        Endpoint::from_static("http://fake").connect_with_connector_lazy(connector)
    }

    /// Notes a call and takes the next refusal.
    fn call<T>(&self, request: &Request<T>, request_id: &str) -> Result<(), Status> {
        let author =
            request.metadata().get("reform-author").map(|author| author.to_str().unwrap().to_owned());
        self.script(|script| {
            script.called.push((request_id.to_owned(), author));
            script.refusals.pop_front().map_or(Ok(()), Err)
        })
    }

    /// Stores a batch once; its revision.
    fn store(&self, batch: &v1::ImportBatch) -> i64 {
        self.script(|script| {
            script.batches.push(batch.records[0].name.clone());
            let next = script.stored.len() as i64 + 1;
            *script.stored.entry(batch.request_id.clone()).or_insert(next)
        })
    }
}

#[tonic::async_trait]
impl ChangeService for Fake {
    type WatchChangesStream = Answers<v1::WatchChangesResponse>;

    async fn watch_changes(
        &self,
        request: Request<v1::WatchChangesRequest>,
    ) -> Result<Response<Self::WatchChangesStream>, Status> {
        let v1::WatchChangesRequest { after_revision, store_id, .. } = request.into_inner();
        let (feed, cut, connection) = self.script(|script| {
            script.opened.push((store_id, after_revision));
            (script.feed.clone(), script.cuts.pop_front(), script.connections.pop())
        });
        let (count, cut) = cut.unwrap_or((usize::MAX, Cut::Silence));
        let messages = feed.into_iter().filter(move |message| message.revision > after_revision).take(count);
        let end = stream::once(async move {
            match cut {
                Cut::Status(status) => Some(Err(status)),
                Cut::End => None,
                Cut::Silence => std::future::pending().await,
                Cut::Connection => {
                    // Messages before it are on their way when the client sees the end.
                    tokio::task::yield_now().await;
                    connection.unwrap().abort();
                    std::future::pending().await
                }
            }
        });
        let messages = stream::iter(messages).map(Ok).chain(end.filter_map(std::future::ready));
        Ok(Response::new(Box::pin(messages)))
    }
}

macro_rules! record_service {
    ($($rpc:ident($request:ident) -> $answer:ident $($id:ident)?;)*) => {
        #[tonic::async_trait]
        impl RecordService for Fake {
            $(
                async fn $rpc(&self, request: Request<v1::$request>) -> Result<Response<v1::$answer>, Status> {
                    let id: &[&str] = &[$(&request.get_ref().$id)?];
                    self.call(&request, &id.concat())?;
                    Ok(Response::new(v1::$answer::default()))
                }
            )*

            async fn list_records(
                &self,
                request: Request<v1::ListRecordsRequest>,
            ) -> Result<Response<v1::ListRecordsResponse>, Status> {
                self.call(&request, "")?;
                let page = request.get_ref().page_token.parse().unwrap_or(0);
                Ok(Response::new(self.script(|script: &mut Script| script.pages[page].clone())))
            }

            type ImportRecordsStream = Answers<v1::ImportRecordsResponse>;

            async fn import_records(
                &self,
                request: Request<Streaming<v1::ImportRecordsRequest>>,
            ) -> Result<Response<Self::ImportRecordsStream>, Status> {
                self.call(&request, "")?;
                Ok(Response::new(import(self.clone(), request.into_inner())))
            }

            type ExportRecordsStream = Answers<v1::ExportRecordsResponse>;

            async fn export_records(
                &self,
                request: Request<v1::ExportRecordsRequest>,
            ) -> Result<Response<Self::ExportRecordsStream>, Status> {
                self.call(&request, "")?;
                let messages = self.script(|script| script.export.clone());
                Ok(Response::new(Box::pin(stream::iter(messages))))
            }
        }
    };
}

record_service! {
    create_record(CreateRecordRequest) -> Record request_id;
    get_record(GetRecordRequest) -> Record;
    batch_get_records(BatchGetRecordsRequest) -> BatchGetRecordsResponse;
    count_records(CountRecordsRequest) -> CountRecordsResponse;
    update_record(UpdateRecordRequest) -> Record request_id;
    delete_record(DeleteRecordRequest) -> Record request_id;
    undelete_record(UndeleteRecordRequest) -> Record request_id;
    purge_record(PurgeRecordRequest) -> PurgeRecordResponse request_id;
    commit_records(CommitRecordsRequest) -> CommitRecordsResponse request_id;
    list_record_revisions(ListRecordRevisionsRequest) -> ListRecordRevisionsResponse;
}

/// Stores and answers as the script says; a record named `bad` is a problem.
fn import(
    fake: Fake,
    mut requests: Streaming<v1::ImportRecordsRequest>,
) -> Answers<v1::ImportRecordsResponse> {
    let (answers, rx) = mpsc::channel(1);
    tokio::spawn(async move {
        let first = requests.message().await.unwrap().unwrap();
        assert!(matches!(first.message, Some(Message::Options(_))), "{first:?}");
        let plan = fake.script(|script| script.imports.pop_front());
        let mut number = 0;
        while plan.as_ref().is_none_or(|(stores, ..)| number != *stores) {
            let Ok(Some(request)) = requests.message().await else { break };
            let Some(Message::Batch(batch)) = request.message else { panic!("options twice") };
            let revision = fake.store(&batch);
            let problems_total = batch.records.iter().filter(|record| record.name == "bad").count() as i64;
            let answer = v1::ImportRecordsResponse {
                batch: number as i64,
                revision,
                problems_total,
                ..v1::ImportRecordsResponse::default()
            };
            let is_answered = plan.as_ref().is_none_or(|(_, answered, _)| number < *answered);
            if is_answered && answers.send(Ok(answer)).await.is_err() {
                return;
            }
            number += 1;
        }
        if let Some((.., status)) = plan {
            let _ = answers.send(Err(status)).await;
        }
    });
    Box::pin(tokio_stream::wrappers::ReceiverStream::new(rx))
}

/// A page of indicators with these ids, and the token of the next.
pub(super) fn indicators(ids: &[&str], next: &str) -> analytics::ListIndicatorsResponse {
    let indicators = ids.iter().map(|id| analytics::Indicator {
        name: format!("indicators/{id}"),
        ..analytics::Indicator::default()
    });
    analytics::ListIndicatorsResponse { indicators: indicators.collect(), next_page_token: next.to_owned() }
}
