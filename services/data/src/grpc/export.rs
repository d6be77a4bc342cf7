//! ExportRecords: live records in the contract's order, then a trailer that proves that they are all there.

use futures::Stream;
use prost::Message;
use reform_api::data::v1;
use reform_api::error::{Fault, Reason};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::fault;
use super::record::blocking;
use crate::store::Snapshot;
use crate::store::export::Ordered;
use crate::store::list::PAGE_BYTES_MAX;

/// Records of one message: what an import batch may hold.
const RECORDS_MAX: usize = 1_000;
/// What stands around a record in a message, at most, its revision included.
const FRAMING_BYTES: usize = 18;

/// Names of damaged records of one message.
const DAMAGED_MAX: usize = 10_000;

/// What is exported.
pub(super) struct Export {
    pub(super) snapshot: Snapshot,
    pub(super) store_id: String,
    pub(super) ordered: Ordered,
    /// Names of records that cannot be.
    pub(super) damaged: Vec<String>,
}

/// The messages of an export.
pub(super) fn answers(
    export: Export,
    stop: CancellationToken,
) -> impl Stream<Item = Result<v1::ExportRecordsResponse, Status>> {
    let Export { snapshot, store_id, ordered, damaged } = export;
    async_stream::try_stream! {
        let mut digest = Sha256::new();
        let mut count = 0;
        let mut place = 0;
        while place < ordered.groups() {
            let batch = batch(&ordered, place);
            place += batch.len();
            if stop.is_cancelled() {
                Err(Fault::new(Reason::ShuttingDown, "the service is stopping").status())?;
            }
            let snapshot = snapshot.clone();
            let messages = blocking(move || messages(&snapshot, &batch)).await?;
            for message in messages {
                for record in &message.records {
                    digest.update(record.encode_to_vec());
                }
                count += i64::try_from(message.records.len()).unwrap_or(i64::MAX);
                yield message;
            }
        }
        for names in damaged.chunks(DAMAGED_MAX) {
            yield v1::ExportRecordsResponse { damaged: names.to_vec(), ..v1::ExportRecordsResponse::default() };
        }
        let trailer = v1::ExportTrailer {
            damaged: i64::try_from(damaged.len()).unwrap_or(i64::MAX),
            count,
            sha256: hex::encode(digest.finalize()),
            revision: snapshot.revision,
            store_id,
        };
        yield v1::ExportRecordsResponse { trailer: Some(trailer), ..v1::ExportRecordsResponse::default() };
    }
}

/// Whole groups from one on, up to the number of records that a batch may hold; a larger group alone.
fn batch(ordered: &Ordered, first: usize) -> Vec<Vec<u32>> {
    let mut batch = Vec::new();
    let mut records = 0;
    for place in first..ordered.groups() {
        let group = ordered.group(place);
        records += group.len();
        if !batch.is_empty() && records > RECORDS_MAX {
            break;
        }
        batch.push(group.to_vec());
    }
    batch
}

/// The records of a batch, cut where a message would grow too large: between groups, and within one only when it is too
/// large for any message.
fn messages(snapshot: &Snapshot, batch: &[Vec<u32>]) -> Result<Vec<v1::ExportRecordsResponse>, Fault> {
    let mut messages = vec![v1::ExportRecordsResponse::default()];
    let mut bytes = 0;
    for group in batch {
        let records = snapshot.export_records(group).map_err(fault::of_record)?;
        let lengths: Vec<usize> =
            records.iter().map(|(record, _)| record.encoded_len() + FRAMING_BYTES).collect();
        if bytes > 0 && bytes + lengths.iter().sum::<usize>() > PAGE_BYTES_MAX {
            messages.push(v1::ExportRecordsResponse::default());
            bytes = 0;
        }
        for ((record, revision), length) in records.into_iter().zip(lengths) {
            if bytes > 0 && bytes + length > PAGE_BYTES_MAX {
                messages.push(v1::ExportRecordsResponse::default());
                bytes = 0;
            }
            bytes += length;
            let message = messages.last_mut().expect("there is always one");
            message.records.push(record);
            message.revisions.push(revision);
        }
    }
    Ok(messages)
}
