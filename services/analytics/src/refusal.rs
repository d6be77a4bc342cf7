//! Why a question has no answer.

use reform_indicators::{QueryError, filter};

/// See the module. Which code each travels with is for `grpc` to say.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// There is nothing to answer from yet.
    #[error("the data service was not reached yet")]
    Starting,
    /// The service is stopping.
    #[error("the service is stopping")]
    ShuttingDown,
    /// The view did not reach the revision in time.
    #[error("revision {wanted} is not applied yet, revision {applied} is")]
    CatchingUp {
        /// The revision asked for.
        wanted: i64,
        /// The revision of the view.
        applied: i64,
        /// The newest revision of the data service, as last seen.
        head: i64,
    },
    /// The data service has no such revision.
    #[error("revision {wanted} is beyond the newest one, {head}")]
    RevisionAhead {
        /// The revision asked for.
        wanted: i64,
        /// The newest revision of the data service.
        head: i64,
    },
    /// The revisions belong to another store.
    #[error("the revision belongs to the store {asked}, and this is the store {followed}")]
    StoreChanged {
        /// The store asked for.
        asked: String,
        /// The store that is followed.
        followed: String,
    },
    /// The history of the revision is gone.
    #[error("revision {wanted} was compacted")]
    Compacted {
        /// The revision asked for.
        wanted: i64,
        /// The oldest one that is kept, where the data service said so.
        oldest: Option<i64>,
    },
    /// Too much is asked at once.
    #[error("{0}")]
    Overloaded(&'static str),
    /// Fields of the request are wrong: path and description.
    #[error("{} fields are wrong", .0.len())]
    Fields(Vec<(String, String)>),
    /// A filter is wrong.
    #[error("{error}")]
    Filter {
        /// The field that holds it.
        path: String,
        /// What is wrong.
        error: filter::Error,
    },
    /// There is no indicator of that name.
    #[error("there is no indicator {0}")]
    UnknownIndicator(String),
    /// The token was not made here.
    #[error("the page token was not made by this service")]
    PageToken,
    /// The indicator does not answer that.
    #[error("{error}")]
    Query {
        /// What stands before the paths of the fields: empty, or such as `queries[3].`.
        prefix: String,
        /// What is wrong.
        error: QueryError,
    },
    /// The answer is too large.
    #[error("the answer has {bytes} bytes: ask for a shorter period or fewer series")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// A task of the call was lost.
    #[error("a defect of the service ended this call")]
    Internal,
}
