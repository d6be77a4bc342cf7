//! What clients asked, when, and what they were told.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use reform_api::data::v1;
use reform_api::error::Reason;
use tokio::sync::watch;

/// What a name holds at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Version {
    /// It was never used.
    Absent,
    /// A record.
    Live {
        /// The commit that wrote it.
        revision: i64,
        /// The id of the write that gave it its title.
        value: String,
    },
    /// A record that was deleted.
    Deleted {
        /// The commit that deleted it.
        revision: i64,
        /// The id of the write that gave it its title.
        value: String,
    },
}

impl Version {
    /// The revision, which is also the etag.
    pub fn revision(&self) -> Option<i64> {
        match self {
            Self::Absent => None,
            Self::Live { revision, .. } | Self::Deleted { revision, .. } => Some(*revision),
        }
    }
}

impl From<&v1::Record> for Version {
    fn from(record: &v1::Record) -> Self {
        let (revision, value) = (record.revision, record.title.clone());
        match record.delete_time {
            None => Self::Live { revision, value },
            Some(_) => Self::Deleted { revision, value },
        }
    }
}

/// What is done to one name. An etag is the revision that the record must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// CreateRecord.
    Create,
    /// UpdateRecord of the title.
    Update {
        /// Absent: whatever is there.
        etag: Option<i64>,
    },
    /// DeleteRecord.
    Delete {
        /// Absent: whatever is there.
        etag: Option<i64>,
    },
    /// UndeleteRecord.
    Undelete,
}

impl Write {
    /// What the write with an id, committed at a revision, makes of a version.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn apply(self, before: &Version, id: &str, revision: i64) -> Result<Version, Reason> {
        let written = || Version::Live { revision, value: id.to_owned() };
        let matches = |etag: Option<i64>| etag.is_none_or(|etag| Some(etag) == before.revision());
        match (self, before) {
            (Self::Create, Version::Absent) => Ok(written()),
            (Self::Create, Version::Live { .. } | Version::Deleted { .. })
            | (Self::Undelete, Version::Live { .. }) => Err(Reason::RecordExists),
            (Self::Update { .. } | Self::Delete { .. }, Version::Absent | Version::Deleted { .. })
            | (Self::Undelete, Version::Absent) => Err(Reason::RecordNotFound),
            (Self::Update { etag } | Self::Delete { etag }, Version::Live { .. }) if !matches(etag) => {
                Err(Reason::EtagMismatch)
            }
            (Self::Update { .. }, Version::Live { .. }) => Ok(written()),
            (Self::Delete { .. }, Version::Live { value, .. }) => {
                Ok(Version::Deleted { revision, value: value.clone() })
            }
            (Self::Undelete, Version::Deleted { value, .. }) => {
                Ok(Version::Live { revision, value: value.clone() })
            }
        }
    }
}

/// What a client asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// One write, or several as a commit.
    Write {
        /// Tells the write from all others; its reason, and the title that it gives.
        id: String,
        /// By name, each name once.
        mutations: Vec<(String, Write)>,
    },
    /// GetRecord.
    Get {
        /// Which record.
        name: String,
        /// The revision at which it is read. Absent: the newest.
        at: Option<i64>,
    },
    /// BatchGetRecords of the newest versions.
    GetAll {
        /// Which records.
        names: Vec<String>,
    },
}

/// What a client is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A write is durable.
    Written {
        /// Its revision.
        revision: i64,
        /// What it made, in the order of its mutations.
        versions: Vec<Version>,
    },
    /// A record, or that there is none.
    Got(Version),
    /// Several records as of one revision.
    GotAll {
        /// The revision.
        revision: i64,
        /// In the order of the names.
        versions: Vec<Version>,
    },
    /// The call had no effect.
    Refused(Reason),
}

/// A call and its answer.
#[derive(Debug, Clone)]
pub struct Operation {
    /// What was asked.
    pub call: Call,
    /// When, on the clock of the history.
    pub invoked: u64,
    /// When it was answered, and what. Absent: the outcome is unknown, so that it may have its effect at any later time.
    pub returned: Option<(u64, Answer)>,
}

/// All operations of all clients, with one clock for all of them.
#[derive(Debug, Default)]
pub struct History {
    clock: AtomicU64,
    operations: Mutex<Vec<Operation>>,
    count: watch::Sender<usize>,
}

impl History {
    /// A moment after all moments before it.
    pub fn now(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    /// Keeps an operation that has ended; without an answer its outcome is unknown.
    pub fn ended(&self, call: Call, invoked: u64, answer: Option<Answer>) {
        let returned = answer.map(|answer| (self.now(), answer));
        self.operations.lock().push(Operation { call, invoked, returned });
        self.count.send_modify(|count| *count += 1);
    }

    /// As soon as so many operations have ended.
    pub async fn reaches(&self, operations: usize) {
        let mut count = self.count.subscribe();
        count.wait_for(|count| *count >= operations).await.expect("the sender is here");
    }

    /// The operations so far.
    pub fn take(&self) -> Vec<Operation> {
        std::mem::take(&mut self.operations.lock())
    }
}
