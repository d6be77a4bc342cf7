//! Every store error as code, reason and details.

use reform_api::error::{Fault, Reason};
use reform_model::Name;

use crate::store::{Error, disk};

/// The type of a record in `google.rpc.ResourceInfo`.
const RECORD: &str = "reform.data.v1.Record";

/// An error of a call about one record: field paths are below `record`.
pub(super) fn of_record(error: Error) -> Fault {
    below(error, &|_| "record".to_owned())
}

/// An error of a call whose field paths begin where `prefix` says, by the mutation's place.
pub(super) fn below(error: Error, prefix: &dyn Fn(usize) -> String) -> Fault {
    if let Error::At { index, error } = error {
        return at(*error, &prefix(index));
    }
    at(error, &prefix(0))
}

fn at(error: Error, prefix: &str) -> Fault {
    let message = error.to_string();
    let named = |reason, name: &Name| Fault::new(reason, message.clone()).resource(RECORD, name.as_str());
    match error {
        Error::At { index: _, error } => at(*error, prefix),
        Error::NotFound(name) => named(Reason::RecordNotFound, &name),
        Error::Purged(name) => named(Reason::RecordPurged, &name),
        Error::Live(name) => named(Reason::RecordInUse, &name)
            .preconditions([(name.as_str().to_owned(), "is not deleted".to_owned())]),
        Error::Exists { name, deleted: _ } | Error::NotDeleted(name) => named(Reason::RecordExists, &name),
        Error::EtagMismatch { name, current } => named(Reason::EtagMismatch, &name).with("etag", current),
        Error::Violations(violations) => violations.below(prefix).into_fault(),
        Error::ReferenceMissing { missing } => Fault::new(Reason::ReferenceMissing, message.clone())
            .preconditions(
                missing
                    .into_iter()
                    .map(|(path, target)| (format!("{prefix}.{path}"), format!("{target} is not there"))),
            ),
        Error::InUse { name, by } => named(Reason::RecordInUse, &name).preconditions(
            by.into_iter().map(|user| (user.as_str().to_owned(), format!("refers to {name}"))),
        ),
        // Nobody waits for it: its stream ended with the one that was refused.
        Error::ChainBroken => Fault::new(Reason::Internal, message),
        Error::RequestIdReused => Fault::new(Reason::RequestIdReused, message),
        Error::RevisionAhead { asked: _, head } => {
            Fault::new(Reason::RevisionAhead, message).with("head_revision", head.to_string())
        }
        Error::Compacted { asked: _, oldest } => {
            Fault::new(Reason::Compacted, message).with("oldest_revision", oldest.to_string())
        }
        Error::StoreChanged(ref id) => Fault::new(Reason::StoreChanged, message.clone())
            .with("store_id", id.clone())
            .preconditions([("store_id".to_owned(), message)]),
        Error::PageToken => Fault::new(Reason::PageTokenInvalid, message),
        Error::Corrupt { record, source } => {
            tracing::error!(record, error = %source, "a stored value is damaged");
            Fault::new(Reason::CorruptRecord, message).resource(RECORD, &record)
        }
        Error::DiskFull { free, needed: _ } => {
            Fault::new(Reason::DiskFull, message).with("bytes_free", free.to_string())
        }
        Error::TooLarge { name, bytes: _ } => named(Reason::MessageTooLarge, &name),
        Error::Failed => Fault::new(Reason::StoreFailed, message),
        Error::Closing => Fault::new(Reason::ShuttingDown, message),
        Error::Disk(error) => self::disk(&error),
    }
}

/// What the disk says stays in the log; the caller learns what it means for the call.
fn disk(error: &disk::Error) -> Fault {
    tracing::error!(%error, "the store failed to read or write");
    match error {
        disk::Error::Chunk { id, damage: _ } | disk::Error::Missing(id) => {
            let place = format!("revision {} and after, part {}", id.revision, id.part);
            Fault::new(Reason::CorruptRecord, format!("a stored value is damaged: {place}"))
        }
        disk::Error::Locked(_)
        | disk::Error::Full { .. }
        | disk::Error::File(..)
        | disk::Error::Sled(_)
        | disk::Error::Broke(_)
        | disk::Error::Unreadable(..)
        | disk::Error::Tail(..)
        | disk::Error::Lost { .. }
        | disk::Error::Gap { .. }
        | disk::Error::Torn(_)
        | disk::Error::Absent(_)
        | disk::Error::Summary { .. }
        | disk::Error::Restoring(_)
        | disk::Error::Newer { .. }
        | disk::Error::Meta(_) => Fault::new(Reason::StoreFailed, "the store failed"),
    }
}

/// The reason of an error within an import, and its problems: field path and description of each.
pub(super) fn problems(error: &Error) -> (Reason, Vec<(String, String)>) {
    match error {
        Error::At { index: _, error } => problems(error),
        Error::Violations(violations) => {
            let all = violations.0.iter();
            let pairs = all.map(|violation| (violation.field_path.clone(), violation.description.clone()));
            (Reason::FieldViolations, pairs.collect())
        }
        Error::ReferenceMissing { missing } => {
            let pairs = missing.iter().map(|(path, target)| (path.clone(), format!("{target} is not there")));
            (Reason::ReferenceMissing, pairs.collect())
        }
        Error::Purged(_) => (Reason::RecordPurged, vec![(String::new(), error.to_string())]),
        Error::Exists { .. } => (Reason::RecordExists, vec![(String::new(), error.to_string())]),
        Error::TooLarge { .. } => (Reason::MessageTooLarge, vec![(String::new(), error.to_string())]),
        Error::Corrupt { .. } => (Reason::CorruptRecord, vec![(String::new(), error.to_string())]),
        Error::NotFound(_)
        | Error::NotDeleted(_)
        | Error::Live(_)
        | Error::EtagMismatch { .. }
        | Error::InUse { .. }
        | Error::ChainBroken
        | Error::RequestIdReused
        | Error::RevisionAhead { .. }
        | Error::Compacted { .. }
        | Error::StoreChanged(_)
        | Error::PageToken
        | Error::DiskFull { .. }
        | Error::Failed
        | Error::Closing
        | Error::Disk(_) => (Reason::Internal, vec![(String::new(), "the record was refused".to_owned())]),
    }
}
