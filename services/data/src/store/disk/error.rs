//! Why the store cannot be opened, read or written.

use std::io;
use std::path::{Path, PathBuf};

use crate::store::envelope::Damage;
use crate::store::keys::{ChunkId, Revision};
use crate::store::meta::STORE_FORMAT;

/// Why a store cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process has it.
    #[error("{0} is in use by another process")]
    Locked(PathBuf),
    /// There is too little room to open the store.
    #[error("{folder}: {free} bytes are free, {needed} are needed to open the store")]
    Full {
        /// The store's folder.
        folder: PathBuf,
        /// Bytes free.
        free: u64,
        /// Bytes that opening may write.
        needed: u64,
    },
    /// A file could not be made, read, locked or synced.
    #[error("{0}: {1}")]
    File(PathBuf, #[source] io::Error),
    /// sled failed.
    #[error("the store failed: {0}")]
    Sled(#[from] sled::Error),
    /// sled's files are damaged.
    #[error("{0} cannot be read: {1}; restore a backup")]
    Unreadable(PathBuf, #[source] sled::Error),
    /// A chunk is damaged that opening needs.
    #[error("{0}: {1}, and no summary tells what it held; restore a backup")]
    Tail(PathBuf, #[source] Box<Error>),
    /// sled broke off, which it does on some damage.
    #[error("{0} cannot be read: sled broke off; restore a backup")]
    Broke(PathBuf),
    /// The log does not reach as far as it once did.
    #[error(
        "{file} says that revision {noted} of store {store_id} was durable, and {}: restore a backup, or accept the loss \
         with `reform-data verify --accept-loss`",
        found(*head)
    )]
    Lost {
        /// Which file says so.
        file: PathBuf,
        /// The store that it speaks of.
        store_id: String,
        /// The revision that was durable.
        noted: Revision,
        /// The newest revision in the log; none when that store is not there at all.
        head: Option<Revision>,
    },
    /// The log has a hole.
    #[error(
        "the change log breaks off after revision {after}: chunk {}.{} comes next; restore a backup",
        next.revision,
        next.part
    )]
    Gap {
        /// The last revision before the hole.
        after: Revision,
        /// The chunk behind it.
        next: ChunkId,
    },
    /// The log ends before its last commit does.
    #[error("the change log ends within revision {0}; restore a backup")]
    Torn(Revision),
    /// There is no store in the folder.
    #[error("there is no store in {0}")]
    Absent(PathBuf),
    /// A restore into the folder was interrupted.
    #[error("{0} holds an interrupted restore: run it again")]
    Restoring(PathBuf),
    /// The store was written by a newer program.
    #[error("the store has format {found}, this program knows up to {STORE_FORMAT}: run the newer program")]
    Newer {
        /// The store's format.
        found: u32,
    },
    /// The value that says which store this is cannot be read.
    #[error("the store's own description is damaged: {0}; restore a backup")]
    Meta(Damage),
    /// A chunk of the log cannot be read.
    #[error("chunk {}.{} of the change log is damaged: {damage}", id.revision, id.part)]
    Chunk {
        /// Which.
        id: ChunkId,
        /// How.
        damage: Damage,
    },
    /// A summary of chunks cannot be read.
    #[error("summary {}.{} of the change log is damaged: {damage}", id.revision, id.part)]
    Summary {
        /// Which.
        id: ChunkId,
        /// How.
        damage: Damage,
    },
    /// A chunk that the index knows is not there.
    #[error("chunk {}.{} of the change log is missing", .0.revision, .0.part)]
    Missing(ChunkId),
}

fn found(head: Option<Revision>) -> String {
    head.map_or("that store is not there".to_owned(), |head| format!("the log ends at {head}"))
}

/// What sled says of its files: damage, or a failing system.
pub(super) fn unreadable(folder: &Path, error: sled::Error) -> Error {
    let is_damage = match &error {
        sled::Error::Io(error) => error.kind() == io::ErrorKind::UnexpectedEof,
        sled::Error::CollectionNotFound(_)
        | sled::Error::Unsupported(_)
        | sled::Error::ReportableBug(_)
        | sled::Error::Corruption { .. } => true,
    };
    if is_damage { Error::Unreadable(folder.to_owned(), error) } else { error.into() }
}
