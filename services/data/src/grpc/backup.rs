//! CreateBackup: an archive in pieces, each read when the caller is ready for it.

use bytes::Bytes;
use futures::Stream;
use reform_api::data::v1;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::fault;
use super::record::blocking;
use crate::store::{Error, Snapshot};

/// The messages of a backup.
pub(super) fn answers(
    snapshot: &Snapshot,
    stop: CancellationToken,
) -> impl Stream<Item = Result<v1::CreateBackupResponse, Status>> + use<> {
    let mut backup = snapshot.backup();
    async_stream::try_stream! {
        let revision = backup.revision();
        tracing::info!(revision, "a backup begins");
        loop {
            if stop.is_cancelled() {
                Err(fault::of_record(Error::Closing).status())?;
            }
            let piece;
            (backup, piece) = blocking(move || {
                let piece = backup.next_piece().map_err(fault::of_record)?;
                Ok((backup, piece))
            })
            .await?;
            let Some(piece) = piece else { break };
            yield v1::CreateBackupResponse { chunk: Bytes::from(piece), revision };
        }
        tracing::info!(revision, "a backup is sent");
    }
}
