//! MaintenanceService: what an operator asks.

use futures::Stream;
use reform_api::data::v1;
use reform_api::data::v1::maintenance_service_server::MaintenanceService;
use reform_api::error::{Fault, Reason};
use reform_model::Kind;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::record::Answers;
use super::{fault, slow};
use crate::patience::Patience;
use crate::store::compaction::Stalled;
use crate::store::meta::STORE_FORMAT;
use crate::store::space::Room;
use crate::store::{Compaction, Error, Revision, Store};

/// The service over a store.
#[derive(Debug, Clone)]
pub(super) struct Maintenance {
    pub(super) store: Store,
    pub(super) stop: CancellationToken,
    pub(super) patience: Patience,
}

#[tonic::async_trait]
impl MaintenanceService for Maintenance {
    async fn get_status(
        &self,
        _: Request<v1::GetStatusRequest>,
    ) -> Result<Response<v1::GetStatusResponse>, Status> {
        let durable = self.store.durable();
        let (bytes_on_disk, bytes_free, free_min) = self.store.space().map_err(fault::of_record)?;
        let live =
            Kind::ALL.iter().filter_map(|kind| Some((kind.as_str().to_owned(), *durable.live.get(kind)?)));
        let not_writable_reason = if self.store.failed().is_cancelled() {
            "the store failed".to_owned()
        } else if bytes_free < free_min {
            format!("{bytes_free} bytes are free, {free_min} are kept for recovery (free-space-min)")
        } else {
            String::new()
        };
        Ok(Response::new(v1::GetStatusResponse {
            store_id: self.store.id().to_owned(),
            head_revision: durable.revision,
            oldest_revision: self.store.oldest(),
            live_records: live.filter(|(_, count)| *count > 0).collect(),
            engine: "sled 0.34".to_owned(),
            store_format: i32::try_from(STORE_FORMAT).unwrap_or(i32::MAX),
            bytes_on_disk: i64::try_from(bytes_on_disk).unwrap_or(i64::MAX),
            bytes_free: i64::try_from(bytes_free).unwrap_or(i64::MAX),
            writable: not_writable_reason.is_empty(),
            not_writable_reason,
            build: format!("reform-data {}", env!("CARGO_PKG_VERSION")),
        }))
    }

    type CreateBackupStream = Answers<v1::CreateBackupResponse>;

    async fn create_backup(
        &self,
        _: Request<v1::CreateBackupRequest>,
    ) -> Result<Response<Self::CreateBackupStream>, Status> {
        let answers = super::backup::answers(&self.store.newest(), self.stop.clone());
        // Half an archive holds no revision.
        Ok(Response::new(Box::pin(slow::ended(answers, self.patience.reader_slow, |_| None))))
    }

    type VerifyStoreStream = Answers<v1::VerifyStoreResponse>;

    async fn verify_store(
        &self,
        _: Request<v1::VerifyStoreRequest>,
    ) -> Result<Response<Self::VerifyStoreStream>, Status> {
        let answers = super::verify::answers(self.store.clone(), self.stop.clone());
        Ok(Response::new(Box::pin(answers)))
    }

    type CompactHistoryStream = Answers<v1::CompactHistoryResponse>;

    async fn compact_history(
        &self,
        request: Request<v1::CompactHistoryRequest>,
    ) -> Result<Response<Self::CompactHistoryStream>, Status> {
        let v1::CompactHistoryRequest { revision } = request.into_inner();
        if revision < 0 {
            return Err(Fault::violation("revision", "must not be negative").status());
        }
        self.store.compact(revision).await.map_err(fault::of_record)?;
        Ok(Response::new(Box::pin(compacting(self.store.clone(), revision, self.stop.clone()))))
    }
}

/// Tells how far history is dropped, until all below a revision is. The dropping goes on without a listener.
fn compacting(
    store: Store,
    revision: Revision,
    stop: CancellationToken,
) -> impl Stream<Item = Result<v1::CompactHistoryResponse, Status>> {
    async_stream::try_stream! {
        let mut compaction = store.watch_compaction();
        loop {
            let Compaction { dropped, at, stalled, .. } = *compaction.borrow_and_update();
            let done = dropped >= revision;
            match stalled.filter(|_| !done) {
                Some(Stalled::Full(Room { free, needed })) => {
                    Err(fault::of_record(Error::DiskFull { free, needed }).status())?;
                }
                Some(Stalled::Failed) => {
                    Err(Fault::new(Reason::Internal, "history is not dropped to the end").status())?;
                }
                None => {}
            }
            yield v1::CompactHistoryResponse { done_revision: at.max(dropped).min(revision), done };
            if done {
                break;
            }
            let ended = tokio::select! {
                _ = compaction.changed() => None,
                () = store.failed().cancelled() => Some(Error::Failed),
                () = stop.cancelled() => Some(Error::Closing),
            };
            if let Some(error) = ended {
                Err(fault::of_record(error).status())?;
            }
        }
    }
}
