//! The data service.

use bytes::Bytes;
use futures::stream::{BoxStream, Stream};
use tonic::Status;

use super::caller::{ANSWER_BYTES_MAX, Caller, Settings, calls, handle};
use super::credentials::Credentials;
use super::export::{self, Exported};
use super::import;
use super::link::Link;
use super::pages::{self, Page, Paged, items, paged};
use super::watch;
use super::write::repeatable;
use crate::data::v1;
use crate::data::v1::maintenance_service_client::MaintenanceServiceClient;
use crate::data::v1::record_service_client::RecordServiceClient;
use crate::encoded;
use crate::error::{Fault, Reason};

/// Records, their changes, and the state of the store; see the [module](crate::client) for what every call keeps to.
#[derive(Debug, Clone)]
pub struct DataClient {
    caller: Caller,
}

handle!(DataClient);

fn records(channel: Link) -> RecordServiceClient<Link> {
    RecordServiceClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX)
}

fn maintenance(channel: Link) -> MaintenanceServiceClient<Link> {
    MaintenanceServiceClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX)
}

calls! { DataClient:
    /// Stores a new record.
    records.create_record(v1::CreateRecordRequest) -> v1::Record, with repeatable;
    /// Reads one record.
    records.get_record(v1::GetRecordRequest) -> v1::Record;
    /// Reads several records at one revision.
    records.batch_get_records(v1::BatchGetRecordsRequest) -> v1::BatchGetRecordsResponse;
    /// One page of records; [`DataClient::list`] reads all.
    records.list_records(v1::ListRecordsRequest) -> v1::ListRecordsResponse;
    /// Counts records.
    records.count_records(v1::CountRecordsRequest) -> v1::CountRecordsResponse;
    /// Changes fields of a record.
    records.update_record(v1::UpdateRecordRequest) -> v1::Record, with repeatable;
    /// Deletes a record softly.
    records.delete_record(v1::DeleteRecordRequest) -> v1::Record, with repeatable;
    /// Brings a deleted record back.
    records.undelete_record(v1::UndeleteRecordRequest) -> v1::Record, with repeatable;
    /// Erases a deleted record.
    records.purge_record(v1::PurgeRecordRequest) -> v1::PurgeRecordResponse, with repeatable;
    /// Applies several writes as one revision.
    records.commit_records(v1::CommitRecordsRequest) -> v1::CommitRecordsResponse, with repeatable;
    /// One page of the history of a record; [`DataClient::revisions`] reads all.
    records.list_record_revisions(v1::ListRecordRevisionsRequest) -> v1::ListRecordRevisionsResponse;
    /// The state of the store.
    maintenance.get_status(v1::GetStatusRequest) -> v1::GetStatusResponse;
}

impl DataClient {
    /// Every record of the list, all at the revision of the first page; `request.page_size` is how many are fetched at
    /// once. A page is held at a time.
    ///
    /// A record whose stored value is damaged ends the stream with DATA_LOSS / CORRUPT_RECORD after the others of its
    /// page; who wants to go on takes [`DataClient::list_pages`].
    pub fn list(&self, request: v1::ListRecordsRequest) -> BoxStream<'static, Result<v1::Record, Status>> {
        items(self.list_pages(request))
    }

    /// The pages of the list, which say their revision and which of their records are damaged.
    pub fn list_pages(
        &self,
        request: v1::ListRecordsRequest,
    ) -> BoxStream<'static, Result<v1::ListRecordsResponse, Status>> {
        let client = self.clone();
        pages::pages(request, move |request| {
            let client = client.clone();
            async move { client.list_records(request).await }
        })
    }

    /// The whole history of a record, newest first.
    pub fn revisions(
        &self,
        request: v1::ListRecordRevisionsRequest,
    ) -> BoxStream<'static, Result<v1::RecordRevision, Status>> {
        let client = self.clone();
        items(pages::pages(request, move |request| {
            let client = client.clone();
            async move { client.list_record_revisions(request).await }
        }))
    }

    /// The commits after a revision, then new ones, for ever. Each item is a whole commit, its parts put together, or
    /// progress.
    ///
    /// The feed is opened again after UNAVAILABLE, OVERLOADED, SLOW_CONSUMER, silence and its mere end, after the last
    /// revision that was handed out; a commit that was cut is read again whole. So no change comes twice and none is
    /// left out. Ends with the first other error, such as COMPACTED, STORE_CHANGED or REVISION_AHEAD, and with one of
    /// the former when [`Settings::retry_for`] went by without a whole commit or progress. One commit is held at a time.
    pub fn watch(
        &self,
        request: v1::WatchChangesRequest,
    ) -> BoxStream<'static, Result<v1::WatchChangesResponse, Status>> {
        watch::decoded(self.caller.clone(), request)
    }

    /// As [`DataClient::watch`], each record encoded as it came.
    pub fn watch_encoded(
        &self,
        request: v1::WatchChangesRequest,
    ) -> BoxStream<'static, Result<encoded::WatchChangesResponse, Status>> {
        watch::encoded(self.caller.clone(), request)
    }

    /// Stores batches, each as one commit, and says what became of each, in their order and numbered from 0.
    ///
    /// Up to eight batches are on their way; they are kept, encoded, until they are answered. After UNAVAILABLE or
    /// OVERLOADED those without an answer are sent again under their `request_id` on a new stream, so each is stored
    /// once. A dry run goes on only while nothing was answered: what the service has seen so far ends with the stream.
    /// Nothing is read from `batches` unless the answers are read.
    pub fn import(
        &self,
        options: v1::ImportOptions,
        batches: impl Stream<Item = v1::ImportBatch> + Send + 'static,
    ) -> BoxStream<'static, Result<v1::ImportRecordsResponse, Status>> {
        import::stream(self.caller.clone(), options, batches)
    }

    /// Every live record, then the trailer that proves them: [`Exported::Whole`] is the last item, and what came before
    /// is void without it.
    ///
    /// The call is tried again until something came; after that the first failure ends the stream, with DATA_LOSS when
    /// the trailer is missing or does not match.
    pub fn export(
        &self,
        request: v1::ExportRecordsRequest,
    ) -> BoxStream<'static, Result<Exported<v1::Record>, Status>> {
        export::decoded(self.caller.clone(), request)
    }

    /// As [`DataClient::export`], each record encoded as it came. Decoding and encoding again would lose the fields of
    /// a newer contract.
    pub fn export_encoded(
        &self,
        request: v1::ExportRecordsRequest,
    ) -> BoxStream<'static, Result<Exported<Bytes>, Status>> {
        export::encoded(self.caller.clone(), request)
    }
}

impl Paged for v1::ListRecordsRequest {
    fn set_page_token(&mut self, token: String) {
        self.page_token = token;
    }
}

impl Page for v1::ListRecordsResponse {
    type Item = v1::Record;

    fn next_page_token(&self) -> &str {
        &self.next_page_token
    }

    fn items(self) -> Vec<Result<v1::Record, Status>> {
        let damaged = self.unreadable.first().map(|name| {
            let fault = Fault::new(Reason::CorruptRecord, format!("{name} is damaged"));
            Err(fault.resource("reform.data.v1.Record", name).status())
        });
        self.records.into_iter().map(Ok).chain(damaged).collect()
    }
}

paged!(v1::ListRecordRevisionsRequest, v1::ListRecordRevisionsResponse, revisions: v1::RecordRevision);
