//! A data service with a scripted history: the export, the feed and the status, and nothing else.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::stream::{self, Stream, StreamExt};
use prost::Message;
use reform_api::data::v1::change_service_server::{ChangeService, ChangeServiceServer};
use reform_api::data::v1::maintenance_service_server::{MaintenanceService, MaintenanceServiceServer};
use reform_api::data::v1::record_service_server::{RecordService, RecordServiceServer};
use reform_api::data::v1::{self, Change, ChangeType, Record};
use reform_api::error::{Fault, Reason};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};

/// What the data service holds and how it behaves.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    pub(crate) store_id: String,
    /// The changes of revision 1, 2, …
    pub(crate) commits: Vec<Vec<Change>>,
    /// The feed sends no commit after this one; the rest is there and not yet on its way.
    pub(crate) released: usize,
    /// The feed sends each change of a commit in a message of its own.
    pub(crate) split: bool,
    /// The smallest revision that the feed goes on from.
    pub(crate) oldest: i64,
    /// The feed leaves this revision out.
    pub(crate) left_out: usize,
    /// Exports are without their trailer.
    pub(crate) void: bool,
    /// Rises when open feeds are to be cut.
    pub(crate) cuts: u64,
    /// Feeds that were opened: store and revision.
    pub(crate) opened: Vec<(String, i64)>,
    /// Exports that were asked for.
    pub(crate) exports: usize,
    /// Exports of the past are not answered until this is false.
    pub(crate) holds_exports: bool,
    /// Live records that its status tells.
    pub(crate) live: i64,
    /// Commits that feeds have handed over to the connection.
    pub(crate) sent: Arc<AtomicUsize>,
}

impl Script {
    pub(crate) fn new(store_id: &str, commits: Vec<Vec<Change>>) -> Self {
        Self {
            store_id: store_id.to_owned(),
            released: commits.len(),
            commits,
            split: false,
            oldest: 0,
            left_out: 0,
            void: false,
            cuts: 0,
            opened: Vec::new(),
            exports: 0,
            holds_exports: false,
            live: 0,
            sent: Arc::default(),
        }
    }

    fn head(&self) -> i64 {
        self.commits.len() as i64
    }

    /// The revision of a point in history; the commit of revision n was made n seconds after 1970 began.
    fn revision(&self, as_of: Option<v1::AsOf>) -> Result<i64, Status> {
        let Some(v1::AsOf { store_id, point: Some(point) }) = as_of else { return Ok(self.head()) };
        if !store_id.is_empty() && store_id != self.store_id {
            return Err(Fault::new(Reason::StoreChanged, "another store").status());
        }
        let revision = match point {
            v1::as_of::Point::Revision(revision) => revision,
            v1::as_of::Point::Time(time) => time.seconds.clamp(0, self.head()),
        };
        if revision < self.oldest {
            let fault = Fault::new(Reason::Compacted, "compacted");
            return Err(fault.with("oldest_revision", self.oldest.to_string()).status());
        }
        if revision > self.head() {
            return Err(Fault::new(Reason::RevisionAhead, "ahead").status());
        }
        Ok(revision)
    }

    /// The live records at a revision, folded, each with the revision that wrote it.
    fn live(&self, at: i64) -> Vec<(Record, i64)> {
        let mut live = std::collections::BTreeMap::new();
        for (changes, revision) in self.commits.iter().zip(1..=at) {
            for change in changes {
                match &change.record {
                    Some(record) => live.insert(change.name.clone(), (record.clone(), revision)),
                    None => live.remove(&change.name),
                };
            }
        }
        live.into_values().collect()
    }
}

/// A change that creates the record.
pub(crate) fn put(record: Record) -> Change {
    Change {
        r#type: ChangeType::Created.into(),
        name: record.name.clone(),
        record: Some(record),
        ..Change::default()
    }
}

/// A change that has no record.
pub(crate) fn bare(change_type: ChangeType, name: &str) -> Change {
    Change { r#type: change_type.into(), name: name.to_owned(), ..Change::default() }
}

/// A handle to a running data service; it stops when the handle is dropped.
#[derive(Debug, Clone)]
pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    script: watch::Sender<Script>,
    stop: CancellationToken,
    ended: CancellationToken,
    _stopper: Arc<tokio_util::sync::DropGuard>,
}

impl Fake {
    pub(crate) async fn start(script: Script) -> Self {
        Self::serve(TcpListener::bind("127.0.0.1:0").await.unwrap(), watch::Sender::new(script))
    }

    fn serve(listener: TcpListener, script: watch::Sender<Script>) -> Self {
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let stopper = Arc::new(stop.clone().drop_guard());
        let service = Service { script: script.clone(), stop: stop.clone() };
        let serving = Server::builder()
            .add_service(RecordServiceServer::new(service.clone()))
            .add_service(ChangeServiceServer::new(service.clone()))
            .add_service(MaintenanceServiceServer::new(service))
            .serve_with_incoming_shutdown(TcpListenerStream::new(listener), stop.clone().cancelled_owned());
        let ended = CancellationToken::new();
        let end = ended.clone().drop_guard();
        tokio::spawn(async move {
            serving.await.unwrap();
            drop(end);
        });
        Self { address, script, stop, ended, _stopper: stopper }
    }

    /// Goes away; nothing listens and no connection is open when this returns.
    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        self.ended.cancelled().await;
    }

    /// Comes back on the same address with the same script.
    pub(crate) async fn restart(&self) -> Self {
        let listener = TcpListener::bind(self.address).await.unwrap();
        Self::serve(listener, self.script.clone())
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Script)) {
        self.script.send_modify(change);
    }

    /// A commit that the feed sends at once.
    pub(crate) fn commit(&self, changes: Vec<Change>) {
        self.change(|script| {
            script.commits.push(changes);
            script.released = script.commits.len();
        });
    }

    /// Waits until the script is as wanted.
    pub(crate) async fn until(&self, wanted: impl FnMut(&Script) -> bool) -> Script {
        self.script.subscribe().wait_for(wanted).await.unwrap().clone()
    }
}

#[derive(Debug, Clone)]
struct Service {
    script: watch::Sender<Script>,
    stop: CancellationToken,
}

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl ChangeService for Service {
    type WatchChangesStream = Answers<v1::WatchChangesResponse>;

    async fn watch_changes(
        &self,
        request: Request<v1::WatchChangesRequest>,
    ) -> Result<Response<Self::WatchChangesStream>, Status> {
        let v1::WatchChangesRequest { after_revision, store_id, .. } = request.into_inner();
        self.script.send_modify(|script| script.opened.push((store_id.clone(), after_revision)));
        let script = self.script.borrow().clone();
        if store_id != script.store_id {
            return Err(Fault::new(Reason::StoreChanged, "another store").status());
        }
        if after_revision < script.oldest {
            return Err(Fault::new(Reason::Compacted, "compacted").status());
        }
        if after_revision > script.head() {
            return Err(Fault::new(Reason::RevisionAhead, "ahead").status());
        }
        let feed = Feed {
            script: self.script.subscribe(),
            cuts: script.cuts,
            sent: after_revision as usize,
            greeted: false,
        };
        let messages = stream::unfold(feed, Feed::next).flat_map(stream::iter);
        let last = Fault::new(Reason::ShuttingDown, "stopping").status();
        let until = messages.map(Ok).take_until(self.stop.clone().cancelled_owned());
        Ok(Response::new(Box::pin(until.chain(stream::iter([Err(last)])))))
    }
}

struct Feed {
    script: watch::Receiver<Script>,
    cuts: u64,
    sent: usize,
    greeted: bool,
}

impl Feed {
    /// The messages of the next commit, or one of progress at the very first.
    async fn next(mut self) -> Option<(Vec<v1::WatchChangesResponse>, Self)> {
        loop {
            let script = self.script.borrow_and_update().clone();
            if script.cuts != self.cuts {
                return None;
            }
            let message = |revision: usize, changes, commit_complete| v1::WatchChangesResponse {
                store_id: script.store_id.clone(),
                revision: revision as i64,
                changes,
                commit_complete,
                head_revision: script.head(),
                author: "unverified:tester".to_owned(),
                reason: format!("commit {revision}"),
                ..v1::WatchChangesResponse::default()
            };
            if self.sent < script.released && self.sent + 1 == script.left_out {
                self.sent += 1;
            }
            if self.sent < script.released {
                let changes = script.commits[self.sent].clone();
                self.sent += 1;
                script.sent.fetch_add(1, Ordering::Relaxed);
                let mut messages = vec![message(self.sent, changes.clone(), true)];
                if script.split {
                    let last = changes.len() - 1;
                    let parts = changes.into_iter().enumerate();
                    messages = parts.map(|(i, part)| message(self.sent, vec![part], i == last)).collect();
                }
                return Some((messages, self));
            }
            if !self.greeted {
                self.greeted = true;
                return Some((vec![message(self.sent, Vec::new(), true)], self));
            }
            self.script.changed().await.ok()?;
        }
    }
}

#[tonic::async_trait]
impl MaintenanceService for Service {
    async fn get_status(
        &self,
        _: Request<v1::GetStatusRequest>,
    ) -> Result<Response<v1::GetStatusResponse>, Status> {
        let script = self.script.borrow();
        Ok(Response::new(v1::GetStatusResponse {
            store_id: script.store_id.clone(),
            head_revision: script.head(),
            oldest_revision: script.oldest,
            live_records: [("appeal".to_owned(), script.live)].into(),
            ..v1::GetStatusResponse::default()
        }))
    }

    type CreateBackupStream = Answers<v1::CreateBackupResponse>;

    async fn create_backup(
        &self,
        _: Request<v1::CreateBackupRequest>,
    ) -> Result<Response<Self::CreateBackupStream>, Status> {
        Err(Status::unimplemented("CreateBackup"))
    }

    type VerifyStoreStream = Answers<v1::VerifyStoreResponse>;

    async fn verify_store(
        &self,
        _: Request<v1::VerifyStoreRequest>,
    ) -> Result<Response<Self::VerifyStoreStream>, Status> {
        Err(Status::unimplemented("VerifyStore"))
    }

    type CompactHistoryStream = Answers<v1::CompactHistoryResponse>;

    async fn compact_history(
        &self,
        _: Request<v1::CompactHistoryRequest>,
    ) -> Result<Response<Self::CompactHistoryStream>, Status> {
        Err(Status::unimplemented("CompactHistory"))
    }
}

macro_rules! nothing_else {
    ($($rpc:ident($request:ident) -> $response:ident;)*) => {
        #[tonic::async_trait]
        impl RecordService for Service {
            $(
                async fn $rpc(&self, _: Request<v1::$request>) -> Result<Response<v1::$response>, Status> {
                    Err(Status::unimplemented(stringify!($rpc)))
                }
            )*

            type ImportRecordsStream = Answers<v1::ImportRecordsResponse>;

            async fn import_records(
                &self,
                _: Request<Streaming<v1::ImportRecordsRequest>>,
            ) -> Result<Response<Self::ImportRecordsStream>, Status> {
                Err(Status::unimplemented("import_records"))
            }

            type ExportRecordsStream = Answers<v1::ExportRecordsResponse>;

            async fn count_records(
                &self,
                request: Request<v1::CountRecordsRequest>,
            ) -> Result<Response<v1::CountRecordsResponse>, Status> {
                let revision = self.script.borrow().revision(request.into_inner().as_of)?;
                Ok(Response::new(v1::CountRecordsResponse { count: 0, revision }))
            }

            async fn export_records(
                &self,
                request: Request<v1::ExportRecordsRequest>,
            ) -> Result<Response<Self::ExportRecordsStream>, Status> {
                let as_of = request.into_inner().as_of;
                self.script.send_modify(|script| script.exports += 1);
                if as_of.is_some() {
                    let mut script = self.script.subscribe();
                    script.wait_for(|script| !script.holds_exports).await.unwrap();
                }
                let script = self.script.borrow().clone();
                let revision = script.revision(as_of)?;
                Ok(Response::new(export(&script, revision)))
            }
        }
    };
}

nothing_else! {
    create_record(CreateRecordRequest) -> Record;
    get_record(GetRecordRequest) -> Record;
    batch_get_records(BatchGetRecordsRequest) -> BatchGetRecordsResponse;
    list_records(ListRecordsRequest) -> ListRecordsResponse;
    update_record(UpdateRecordRequest) -> Record;
    delete_record(DeleteRecordRequest) -> Record;
    undelete_record(UndeleteRecordRequest) -> Record;
    purge_record(PurgeRecordRequest) -> PurgeRecordResponse;
    commit_records(CommitRecordsRequest) -> CommitRecordsResponse;
    list_record_revisions(ListRecordRevisionsRequest) -> ListRecordRevisionsResponse;
}

/// One record a message, then the trailer.
fn export(script: &Script, revision: i64) -> Answers<v1::ExportRecordsResponse> {
    let records = script.live(revision);
    let mut digest = Sha256::new();
    for (record, _) in &records {
        digest.update(record.encode_to_vec());
    }
    let trailer = v1::ExportTrailer {
        count: records.len() as i64,
        sha256: hex::encode(digest.finalize()),
        revision,
        store_id: script.store_id.clone(),
        damaged: 0,
    };
    let record = |(record, revision)| v1::ExportRecordsResponse {
        records: vec![record],
        revisions: vec![revision],
        ..Default::default()
    };
    let mut messages: Vec<_> = records.into_iter().map(record).collect();
    if !script.void {
        messages.push(v1::ExportRecordsResponse { trailer: Some(trailer), ..Default::default() });
    }
    Box::pin(stream::iter(messages.into_iter().map(Ok)))
}
