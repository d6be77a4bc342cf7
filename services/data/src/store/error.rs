//! Why the store does not do what it is asked.

use reform_api::convert::Violations;
use reform_model::Name;
use reform_model::record::COLLECTION;

use super::disk;
use super::keys::Revision;
use super::read::Stored;

/// One cause each; what code and reason a caller sees is decided in `grpc`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// One mutation of a commit is refused.
    #[error("mutation {index}: {error}")]
    At {
        /// Its place in the commit.
        index: usize,
        /// Why.
        error: Box<Error>,
    },
    /// No such record at that revision.
    #[error("there is no record {0}")]
    NotFound(Name),
    /// The record was erased for good.
    #[error("{0} was purged")]
    Purged(Name),
    /// Purge of a record that is not deleted.
    #[error("{0} is live: delete it first")]
    Live(Name),
    /// A record of that name is there, live or deleted.
    #[error("{name} is there already{}", if *deleted { ", deleted" } else { "" })]
    Exists {
        /// Which.
        name: Name,
        /// Whether it is deleted.
        deleted: bool,
    },
    /// Undelete of a record that is not deleted.
    #[error("{0} is not deleted")]
    NotDeleted(Name),
    /// The record has another etag.
    #[error("{name} has the etag {current}")]
    EtagMismatch {
        /// Which.
        name: Name,
        /// What it has.
        current: String,
    },
    /// Fields that cannot be, found where the state is known.
    #[error("the request has fields that cannot be")]
    Violations(Violations),
    /// References to records that are not there.
    #[error("{} points at {}, which is not there", missing.first().map_or("a field", |(path, _)| path), missing.first().map_or("a record", |(_, name)| name.as_str()))]
    ReferenceMissing {
        /// Field path and target of each.
        missing: Vec<(String, Name)>,
    },
    /// Others point at the record.
    #[error("{name} is used by {}", by.first().map_or("others", |name| name.as_str()))]
    InUse {
        /// The record to be deleted.
        name: Name,
        /// Some of those that point at it.
        by: Vec<Name>,
    },
    /// A commit before it in its chain was refused.
    #[error("an earlier commit that this one follows was refused")]
    ChainBroken,
    /// The request id belongs to another request.
    #[error("this request_id was used by another request")]
    RequestIdReused,
    /// The revision is not there yet.
    #[error("revision {asked} lies after {head}, the newest")]
    RevisionAhead {
        /// What was asked for.
        asked: Revision,
        /// The newest durable one.
        head: Revision,
    },
    /// The history of that revision was dropped.
    #[error("revision {asked} was compacted, {oldest} is the oldest")]
    Compacted {
        /// What was asked for.
        asked: Revision,
        /// The smallest revision that can be read.
        oldest: Revision,
    },
    /// The caller means another store.
    #[error("this store is {0}")]
    StoreChanged(String),
    /// A page token that this store did not make for this query.
    #[error("the page token belongs to another query or store")]
    PageToken,
    /// A stored value cannot be read.
    #[error("the stored value of {record} is damaged")]
    Corrupt {
        /// The record asked for, or the place in the log.
        record: String,
        /// How.
        #[source]
        source: disk::Error,
    },
    /// Too little free space.
    #[error("{free} bytes are free, {needed} are kept for recovery (free-space-min): the store is read-only")]
    DiskFull {
        /// Bytes free.
        free: u64,
        /// The watermark.
        needed: u64,
    },
    /// The record with what the server adds is over the limit.
    #[error("{name} would be {bytes} bytes")]
    TooLarge {
        /// Which.
        name: Name,
        /// Its size.
        bytes: usize,
    },
    /// The writer has stopped; what became of a write is unknown.
    #[error("the store has failed")]
    Failed,
    /// The store is closing.
    #[error("the store is closing")]
    Closing,
    /// sled or a file failed.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

impl Error {
    /// The record whose stored value is damaged.
    ///
    /// # Errors
    /// Itself, when it says something else.
    pub(super) fn damaged_record(self) -> Result<String, Error> {
        let Error::Corrupt { record, source } = self else { return Err(self) };
        tracing::error!(record, error = %source, "a stored value is damaged");
        Ok(record)
    }
}

/// A version that was read to see whether it is `records/{id}`; none when it is damaged and known to be another record's.
pub(super) fn of(id: &str, read: Result<Stored, Error>) -> Result<Option<Stored>, Error> {
    match read {
        Err(Error::Corrupt { record, .. }) if record.strip_prefix(COLLECTION) != Some(id) => Ok(None),
        Err(Error::Disk(source)) if source.is_damage() => {
            Err(Error::Corrupt { record: format!("{COLLECTION}{id}"), source })
        }
        read => read.map(Some),
    }
}
