//! A bare tonic echo that speaks the record service, and a bare stream of changes: what an answer costs when nothing is
//! stored or looked up.

pub(crate) mod answer;
pub(crate) mod feed;

use std::pin::Pin;
use std::sync::Arc;

use futures::stream::Stream;
use reform_api::data::v1;
use reform_api::data::v1::record_service_server::RecordService;
use tonic::{Request, Response, Status, Streaming};

/// Answers every read with one record and every creation with its own record.
#[derive(Debug, Clone)]
pub(crate) struct Echo {
    /// The answer to every read.
    pub(crate) answer: Arc<v1::Record>,
}

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl RecordService for Echo {
    async fn create_record(
        &self,
        request: Request<v1::CreateRecordRequest>,
    ) -> Result<Response<v1::Record>, Status> {
        let record = request.into_inner().record;
        record.map(Response::new).ok_or_else(|| Status::invalid_argument("record is required"))
    }

    async fn get_record(&self, _: Request<v1::GetRecordRequest>) -> Result<Response<v1::Record>, Status> {
        Ok(Response::new(v1::Record::clone(&self.answer)))
    }

    type ImportRecordsStream = Answers<v1::ImportRecordsResponse>;

    async fn import_records(
        &self,
        _: Request<Streaming<v1::ImportRecordsRequest>>,
    ) -> Result<Response<Self::ImportRecordsStream>, Status> {
        Err(Status::unimplemented("ImportRecords"))
    }

    async fn batch_get_records(
        &self,
        _: Request<v1::BatchGetRecordsRequest>,
    ) -> Result<Response<v1::BatchGetRecordsResponse>, Status> {
        Err(Status::unimplemented("BatchGetRecords"))
    }

    async fn list_records(
        &self,
        _: Request<v1::ListRecordsRequest>,
    ) -> Result<Response<v1::ListRecordsResponse>, Status> {
        Err(Status::unimplemented("ListRecords"))
    }

    async fn count_records(
        &self,
        _: Request<v1::CountRecordsRequest>,
    ) -> Result<Response<v1::CountRecordsResponse>, Status> {
        Err(Status::unimplemented("CountRecords"))
    }

    async fn update_record(
        &self,
        _: Request<v1::UpdateRecordRequest>,
    ) -> Result<Response<v1::Record>, Status> {
        Err(Status::unimplemented("UpdateRecord"))
    }

    async fn delete_record(
        &self,
        _: Request<v1::DeleteRecordRequest>,
    ) -> Result<Response<v1::Record>, Status> {
        Err(Status::unimplemented("DeleteRecord"))
    }

    async fn undelete_record(
        &self,
        _: Request<v1::UndeleteRecordRequest>,
    ) -> Result<Response<v1::Record>, Status> {
        Err(Status::unimplemented("UndeleteRecord"))
    }

    async fn purge_record(
        &self,
        _: Request<v1::PurgeRecordRequest>,
    ) -> Result<Response<v1::PurgeRecordResponse>, Status> {
        Err(Status::unimplemented("PurgeRecord"))
    }

    async fn commit_records(
        &self,
        _: Request<v1::CommitRecordsRequest>,
    ) -> Result<Response<v1::CommitRecordsResponse>, Status> {
        Err(Status::unimplemented("CommitRecords"))
    }

    async fn list_record_revisions(
        &self,
        _: Request<v1::ListRecordRevisionsRequest>,
    ) -> Result<Response<v1::ListRecordRevisionsResponse>, Status> {
        Err(Status::unimplemented("ListRecordRevisions"))
    }

    type ExportRecordsStream = Answers<v1::ExportRecordsResponse>;

    async fn export_records(
        &self,
        _: Request<v1::ExportRecordsRequest>,
    ) -> Result<Response<Self::ExportRecordsStream>, Status> {
        Err(Status::unimplemented("ExportRecords"))
    }
}
