//! Why a history is not linearizable.

use reform_api::data::v1::ChangeType;
use reform_api::error::Reason;

use super::history::{Operation, Version};

/// Why a history is not linearizable.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// A revision is missing from the feed, or comes twice.
    #[error("the feed has revision {found} in the place of {expected}")]
    Gap {
        /// The next revision.
        expected: i64,
        /// What came.
        found: i64,
    },
    /// A commit that nobody asked for, or one that was stored twice or after it was refused.
    #[error("revision {revision} is no single effect of a write: {reason}")]
    Unasked {
        /// Its revision.
        revision: i64,
        /// Its reason.
        reason: String,
    },
    /// A commit holds something else than was asked.
    #[error("revision {revision} is not what was asked: {stored:?} instead of {asked:?}")]
    Torn {
        /// Its revision.
        revision: i64,
        /// By name, with the version.
        stored: Vec<(String, ChangeType, Version)>,
        /// The same, as it should be.
        asked: Vec<(String, ChangeType, Version)>,
    },
    /// A commit that should have been refused where it stands.
    #[error("revision {revision} should have been refused as {reason:?}: {operation:?}")]
    Impossible {
        /// Its revision.
        revision: i64,
        /// Why.
        reason: Reason,
        /// What was asked.
        operation: Box<Operation>,
    },
    /// A write that was acknowledged is not in the feed as it was acknowledged.
    #[error("an acknowledged write is lost: {operation:?}")]
    Vanished {
        /// The write.
        operation: Box<Operation>,
    },
    /// An operation whose answer is right nowhere after what had ended before it.
    #[error("right at no revision from {floor} on: {operation:?}")]
    Unplaced {
        /// The newest place of an operation that had ended before.
        floor: i64,
        /// The operation.
        operation: Box<Operation>,
    },
}
