//! A server on a free port over a folder of its own, and the calls that the tests make.

use std::net::SocketAddr;

use futures::StreamExt;
use reform_api::data::v1;
use reform_api::data::v1::change_service_client::ChangeServiceClient;
use reform_api::data::v1::import_records_request::Message as ImportMessage;
use reform_api::data::v1::maintenance_service_client::MaintenanceServiceClient;
use reform_api::data::v1::record_service_client::RecordServiceClient;
use reform_api::error::Reason;
use reform_data::{Config, Error, Patience};
use reform_runtime::server::Exit;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt;

/// A running service.
pub(crate) struct Server {
    folder: TempDir,
    channel: Channel,
    stop: CancellationToken,
    task: JoinHandle<Exit>,
}

impl Server {
    /// Over a new folder.
    pub(crate) async fn start() -> Self {
        Self::open(tempfile::tempdir().unwrap()).await
    }

    /// Over a new folder, with the records in it that others point at.
    pub(crate) async fn seeded() -> Self {
        let server = Self::start().await;
        server.commit(crate::records::seed().into_iter().map(create).collect()).await.unwrap();
        server
    }

    /// Over a new folder, with another patience.
    pub(crate) async fn with_patience(patience: Patience) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Config { patience, ..config(&folder) };
        Self::run(folder, config).await
    }

    /// Over a folder that may hold a store.
    pub(crate) async fn open(folder: TempDir) -> Self {
        let config = config(&folder);
        Self::run(folder, config).await
    }

    async fn run(folder: TempDir, config: Config) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let run = reform_data::run(listener, config, stop.clone());
        let task =
            tokio::spawn(async { run.await.unwrap_or_else(|error| panic!("the service ended: {error}")) });
        let channel = connect(address);
        Self { folder, channel, stop, task }
    }

    /// Tells the service to stop, and waits for nothing.
    pub(crate) fn cancel(&self) {
        self.stop.cancel();
    }

    /// Stops the service and leaves its folder.
    pub(crate) async fn stop(self) -> TempDir {
        let Self { folder, channel, stop, task } = self;
        drop(channel);
        stop.cancel();
        assert_eq!(task.await.unwrap(), Exit::Drained);
        folder
    }

    /// Stops the service and opens its folder again.
    pub(crate) async fn restart(self) -> Self {
        Self::open(self.stop().await).await
    }

    /// Where the store is.
    pub(crate) fn folder(&self) -> &TempDir {
        &self.folder
    }

    pub(crate) fn records(&self) -> RecordServiceClient<Channel> {
        RecordServiceClient::new(self.channel.clone())
    }

    pub(crate) fn changes(&self) -> ChangeServiceClient<Channel> {
        ChangeServiceClient::new(self.channel.clone())
    }

    pub(crate) fn maintenance(&self) -> MaintenanceServiceClient<Channel> {
        MaintenanceServiceClient::new(self.channel.clone())
    }

    pub(crate) async fn status(&self) -> v1::GetStatusResponse {
        self.maintenance().get_status(v1::GetStatusRequest {}).await.unwrap().into_inner()
    }

    /// Drops history below a revision, to the end.
    pub(crate) async fn compact(&self, revision: i64) -> Result<(), Status> {
        let request = v1::CompactHistoryRequest { revision };
        let (messages, ended) = drain(self.maintenance().compact_history(request).await?.into_inner()).await;
        assert!(ended.is_none(), "{ended:?}");
        let (last, before) = messages.split_last().expect("the end is told");
        assert_eq!((last.done_revision, last.done), (revision, true));
        assert!(before.iter().all(|message| !message.done));
        assert!(messages.is_sorted_by_key(|message| message.done_revision));
        Ok(())
    }

    pub(crate) async fn purge(&self, name: &str) -> Result<v1::PurgeRecordResponse, Status> {
        let request = v1::PurgeRecordRequest { name: name.into(), ..Default::default() };
        Ok(self.records().purge_record(request).await?.into_inner())
    }

    /// The whole history of a record, in pages of that size.
    pub(crate) async fn revisions(
        &self,
        name: &str,
        page_size: i32,
    ) -> Result<Vec<v1::RecordRevision>, Status> {
        let mut request =
            v1::ListRecordRevisionsRequest { name: name.into(), page_size, ..Default::default() };
        let mut revisions = Vec::new();
        loop {
            let page = self.records().list_record_revisions(request.clone()).await?.into_inner();
            assert!(page_size == 0 || page.revisions.len() <= usize::try_from(page_size).unwrap());
            revisions.extend(page.revisions);
            if page.next_page_token.is_empty() {
                return Ok(revisions);
            }
            request.page_token = page.next_page_token;
        }
    }

    /// The newest revision.
    pub(crate) async fn head(&self) -> i64 {
        self.status().await.head_revision
    }

    pub(crate) async fn create(&self, record: v1::Record) -> Result<v1::Record, Status> {
        let request = v1::CreateRecordRequest { record: Some(record), ..Default::default() };
        Ok(self.records().create_record(request).await?.into_inner())
    }

    pub(crate) async fn update(
        &self,
        record: v1::Record,
        paths: Option<&[&str]>,
    ) -> Result<v1::Record, Status> {
        let request = update_request(record, paths);
        Ok(self.records().update_record(request).await?.into_inner())
    }

    pub(crate) async fn delete(&self, name: &str) -> Result<v1::Record, Status> {
        let request = v1::DeleteRecordRequest { name: name.into(), ..Default::default() };
        Ok(self.records().delete_record(request).await?.into_inner())
    }

    pub(crate) async fn undelete(&self, name: &str) -> Result<v1::Record, Status> {
        let request = v1::UndeleteRecordRequest { name: name.into(), ..Default::default() };
        Ok(self.records().undelete_record(request).await?.into_inner())
    }

    pub(crate) async fn commit(
        &self,
        mutations: Vec<v1::Mutation>,
    ) -> Result<v1::CommitRecordsResponse, Status> {
        let request = v1::CommitRecordsRequest { mutations, ..Default::default() };
        Ok(self.records().commit_records(request).await?.into_inner())
    }

    pub(crate) async fn get(&self, name: &str) -> Result<v1::Record, Status> {
        self.get_at(name, None).await
    }

    pub(crate) async fn get_at(&self, name: &str, as_of: Option<v1::AsOf>) -> Result<v1::Record, Status> {
        let request = v1::GetRecordRequest { name: name.into(), as_of };
        Ok(self.records().get_record(request).await?.into_inner())
    }

    pub(crate) async fn page(
        &self,
        request: v1::ListRecordsRequest,
    ) -> Result<v1::ListRecordsResponse, Status> {
        Ok(self.records().list_records(request).await?.into_inner())
    }

    pub(crate) async fn count(&self, request: v1::CountRecordsRequest) -> Result<i64, Status> {
        Ok(self.records().count_records(request).await?.into_inner().count)
    }

    /// Every page of a list, `page_size` records each.
    pub(crate) async fn pages(&self, mut request: v1::ListRecordsRequest) -> Vec<Vec<v1::Record>> {
        let mut pages = Vec::new();
        loop {
            let page = self.page(request.clone()).await.unwrap();
            pages.push(page.records);
            if page.next_page_token.is_empty() {
                return pages;
            }
            request.page_token = page.next_page_token;
        }
    }

    /// A whole list.
    pub(crate) async fn list(&self, request: v1::ListRecordsRequest) -> Vec<v1::Record> {
        self.pages(v1::ListRecordsRequest { page_size: 1_000, ..request }).await.concat()
    }

    /// The names of a whole list.
    pub(crate) async fn names(&self, filter: &str) -> Vec<String> {
        let request = v1::ListRecordsRequest { filter: filter.into(), ..Default::default() };
        self.list(request).await.into_iter().map(|record| record.name).collect()
    }

    /// The answers to an import, and how it ended when it did not end well.
    pub(crate) async fn import(
        &self,
        messages: Vec<v1::ImportRecordsRequest>,
    ) -> (Vec<v1::ImportRecordsResponse>, Option<Status>) {
        let answers = self.records().import_records(futures::stream::iter(messages)).await;
        drain(answers.unwrap().into_inner()).await
    }

    /// Imports one batch into the store, which has to succeed.
    pub(crate) async fn import_batch(
        &self,
        options: v1::ImportOptions,
        records: Vec<v1::Record>,
    ) -> v1::ImportRecordsResponse {
        let (mut answers, ended) =
            self.import(vec![import_options(options), import_batch(records, "")]).await;
        assert!(ended.is_none(), "{ended:?}");
        assert_eq!(answers.len(), 1);
        answers.remove(0)
    }

    /// The records of every message of an export, and its trailer.
    pub(crate) async fn export(
        &self,
        request: v1::ExportRecordsRequest,
    ) -> (Vec<Vec<v1::Record>>, v1::ExportTrailer) {
        let answers = self.records().export_records(request).await.unwrap().into_inner();
        let (mut messages, ended) = drain(answers).await;
        assert!(ended.is_none(), "{ended:?}");
        let trailer = messages.pop().and_then(|last| last.trailer).expect("the last message has the trailer");
        assert!(messages.iter().all(|message| message.trailer.is_none()));
        (messages.into_iter().map(|message| message.records).collect(), trailer)
    }

    pub(crate) async fn watch(
        &self,
        after_revision: i64,
        filter: &str,
    ) -> Result<Streaming<v1::WatchChangesResponse>, Status> {
        let request = v1::WatchChangesRequest { after_revision, filter: filter.into(), ..Default::default() };
        Ok(self.changes().watch_changes(request).await?.into_inner())
    }

    /// The feed from a revision to the head, progress included.
    pub(crate) async fn replay(&self, after_revision: i64, filter: &str) -> Vec<v1::WatchChangesResponse> {
        let mut feed = self.watch(after_revision, filter).await.unwrap();
        let mut messages = Vec::new();
        loop {
            let message = feed.message().await.unwrap().expect("the feed has no end");
            let at_head = message.commit_complete && message.revision == message.head_revision;
            messages.push(message);
            if at_head {
                return messages;
            }
        }
    }
}

fn config(folder: &TempDir) -> Config {
    // sled's share of memory: dozens of servers run at once.
    // And the disk of the machine may be nearly full.
    let free_bytes_min = Some(1 << 20);
    Config { cache_bytes: 16 << 20, ballast_bytes: 0, free_bytes_min, ..Config::new(folder.path()) }
}

/// Opens a folder that cannot be served, and says why.
pub(crate) async fn open_error(folder: &TempDir) -> Error {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    reform_data::run(listener, config(folder), CancellationToken::new())
        .await
        .expect_err("it cannot be opened")
}

fn connect(address: SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy()
}

/// All messages of a stream, and the error that it ended with.
pub(crate) async fn drain<T>(mut answers: Streaming<T>) -> (Vec<T>, Option<Status>) {
    let mut messages = Vec::new();
    while let Some(message) = answers.next().await {
        match message {
            Ok(message) => messages.push(message),
            Err(status) => return (messages, Some(status)),
        }
    }
    (messages, None)
}

pub(crate) fn create(record: v1::Record) -> v1::Mutation {
    let request = v1::CreateRecordRequest { record: Some(record), ..Default::default() };
    v1::Mutation { mutation: Some(v1::mutation::Mutation::Create(request)) }
}

pub(crate) fn update(record: v1::Record) -> v1::Mutation {
    v1::Mutation { mutation: Some(v1::mutation::Mutation::Update(update_request(record, None))) }
}

pub(crate) fn delete(name: &str) -> v1::Mutation {
    let request = v1::DeleteRecordRequest { name: name.into(), ..Default::default() };
    v1::Mutation { mutation: Some(v1::mutation::Mutation::Delete(request)) }
}

pub(crate) fn undelete(name: &str) -> v1::Mutation {
    let request = v1::UndeleteRecordRequest { name: name.into(), ..Default::default() };
    v1::Mutation { mutation: Some(v1::mutation::Mutation::Undelete(request)) }
}

pub(crate) fn update_request(record: v1::Record, paths: Option<&[&str]>) -> v1::UpdateRecordRequest {
    let paths = paths.map(|paths| paths.iter().map(|path| (*path).to_owned()).collect());
    let update_mask = paths.map(|paths| prost_types::FieldMask { paths });
    v1::UpdateRecordRequest { record: Some(record), update_mask, ..Default::default() }
}

pub(crate) fn import_options(options: v1::ImportOptions) -> v1::ImportRecordsRequest {
    v1::ImportRecordsRequest { message: Some(ImportMessage::Options(options)) }
}

pub(crate) fn import_batch(records: Vec<v1::Record>, request_id: &str) -> v1::ImportRecordsRequest {
    let batch = v1::ImportBatch { records, request_id: request_id.into() };
    v1::ImportRecordsRequest { message: Some(ImportMessage::Batch(batch)) }
}

pub(crate) fn at(revision: i64) -> Option<v1::AsOf> {
    Some(v1::AsOf { point: Some(v1::as_of::Point::Revision(revision)), ..Default::default() })
}

/// The reason of a status, whose code has to be the one that the reason travels with.
pub(crate) fn reason(status: &Status) -> Reason {
    let text = reform_api::error::reason(status).unwrap_or_else(|| panic!("no reason: {status:?}"));
    let reason = Reason::ALL.iter().copied().find(|reason| reason.as_str() == text).unwrap();
    assert_eq!(status.code(), reason.code(), "{status:?}");
    reason
}

/// The field paths of a status.
pub(crate) fn paths(status: &Status) -> Vec<String> {
    let request = status.get_details_bad_request().map(|request| request.field_violations);
    request.unwrap_or_default().into_iter().map(|violation| violation.field).collect()
}

/// What a status says beside its reason.
pub(crate) fn metadata(status: &Status, key: &str) -> Option<String> {
    status.get_details_error_info()?.metadata.get(key).cloned()
}

/// The subjects of the preconditions that failed.
pub(crate) fn subjects(status: &Status) -> Vec<String> {
    let failure = status.get_details_precondition_failure().map(|failure| failure.violations);
    failure.unwrap_or_default().into_iter().map(|violation| violation.subject).collect()
}

/// Asserts code, reason and field paths of a refusal.
#[track_caller]
pub(crate) fn assert_refused<T: std::fmt::Debug>(
    result: Result<T, Status>,
    code: Code,
    expected: Reason,
    at: &[&str],
) {
    let status = result.expect_err("it is refused");
    assert_eq!((status.code(), reason(&status)), (code, expected), "{status:?}");
    assert_eq!(paths(&status), at, "{status:?}");
}

/// Asserts a refusal with `FIELD_VIOLATIONS`.
#[track_caller]
pub(crate) fn assert_violations<T: std::fmt::Debug>(result: Result<T, Status>, at: &[&str]) {
    assert_refused(result, Code::InvalidArgument, Reason::FieldViolations, at);
}
