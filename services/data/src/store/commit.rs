//! What is asked of the writer, and what it answers.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use prost::Message;
use reform_api::convert::{self, Violations};
use reform_api::data::v1;
use reform_model::{Kind, Name, Record};
use tokio::sync::OwnedSemaphorePermit;

use super::chunk::{Operation, SlotHeader};
use super::error::Error;
use super::keys::Revision;
use super::read::Stored;
use super::terms;
use crate::mask::Mask;

/// Mutations of one commit.
pub const MUTATIONS_MAX: usize = 1_000;

/// A record that was checked and encoded, ready to be stored.
#[derive(Debug, Clone)]
pub struct Draft {
    /// What it means.
    pub record: Record,
    /// The encoded message without output-only fields.
    pub bytes: Vec<u8>,
    /// What it is found by.
    pub terms: Vec<u64>,
}

impl Draft {
    /// Checks a record by itself; its name is set.
    ///
    /// # Errors
    /// All violations, with field paths below the record.
    pub fn new(wire: v1::Record) -> Result<Self, Violations> {
        let wire = convert::without_output_only(wire);
        let record = convert::record(&wire)?;
        let terms = terms::of(&record);
        Ok(Self { record, bytes: wire.encode_to_vec(), terms })
    }
}

/// One change that is asked for.
#[derive(Debug, Clone)]
pub enum Mutation {
    /// A new record.
    Create(Box<Draft>),
    /// New values for some fields.
    Update(Box<Update>),
    /// Hide it.
    Delete {
        /// Which.
        name: Name,
        /// Must match when not empty.
        etag: String,
    },
    /// Show it again.
    Undelete {
        /// Which.
        name: Name,
        /// Must match when not empty.
        etag: String,
    },
    /// Erase it for good.
    Purge {
        /// Which.
        name: Name,
    },
    /// A record of an import.
    Import {
        /// The record.
        draft: Box<Draft>,
        /// What to do when it is there already.
        on_existing: OnExisting,
    },
}

impl Mutation {
    /// The record that it is about.
    pub fn name(&self) -> &Name {
        match self {
            Mutation::Create(draft) | Mutation::Import { draft, .. } => &draft.record.name,
            Mutation::Update(update) => &update.name,
            Mutation::Delete { name, .. } | Mutation::Undelete { name, .. } | Mutation::Purge { name } => {
                name
            }
        }
    }
}

/// New values for some fields of a record.
#[derive(Debug, Clone)]
pub struct Update {
    /// Which.
    pub name: Name,
    /// The values.
    pub patch: v1::Record,
    /// Which of them count.
    pub mask: Mask,
    /// Make it when it is not there.
    pub allow_missing: bool,
}

/// What an import does with a record that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnExisting {
    /// Refuse it.
    Fail,
    /// Leave what is there.
    Skip,
    /// Put it in its place.
    Replace,
}

/// A caller's request id and the hash of what it asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestId {
    /// The UUID.
    pub id: [u8; 16],
    /// A hash of the whole request.
    pub hash: [u8; 16],
}

/// How far a commit goes.
#[derive(Debug, Clone, Default)]
pub enum Mode {
    /// It is stored.
    #[default]
    Store,
    /// It is only checked; these names count as being there.
    Check(Arc<HashMap<Name, Kind>>),
}

/// What becomes of a commit of which a mutation is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Refusals {
    /// Nothing is stored; the first refusal is the answer.
    #[default]
    Fail,
    /// Nothing is stored; every refusal is reported.
    Report,
    /// The rest is stored.
    LeaveOut,
}

/// Commits of which none is stored once one before it was refused, although all may be queued already.
#[derive(Debug, Clone, Default)]
pub struct Chain(Arc<AtomicBool>);

impl Chain {
    /// Refuses every commit that follows.
    pub fn break_off(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether one was refused.
    pub fn is_broken(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// What of an answer is kept: made from the revision and the outcomes, before they are stored.
pub type KeepAnswer = dyn FnOnce(Revision, &[Outcome]) -> Vec<u8> + Send;

/// Writes down what a batch is answered, so that a repeat of it gets the same.
pub struct Answer(pub Box<KeepAnswer>);

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answer")
    }
}

/// Mutations that become one revision, or nothing.
#[derive(Debug, Default)]
pub struct Commit {
    /// In order; a name at most once.
    pub mutations: Vec<Mutation>,
    /// Who asks.
    pub author: String,
    /// Why.
    pub reason: String,
    /// Makes it repeatable.
    pub request: Option<RequestId>,
    /// Stored or only checked.
    pub mode: Mode,
    /// What to do when a mutation is refused.
    pub refusals: Refusals,
    /// Whether the outcomes carry the records as they are stored now.
    pub returns: bool,
    /// The commits before and behind it that it stands and falls with.
    pub chain: Option<Chain>,
    /// What to keep of the answer, where the changes alone do not tell it.
    pub answer: Option<Answer>,
    /// Its part of what may wait for the writer, from when it waits until it was staged.
    pub queue_room: Option<OwnedSemaphorePermit>,
}

impl Commit {
    /// Encoded bytes of the records that it brings.
    pub fn bytes(&self) -> usize {
        let records = self.mutations.iter().map(|mutation| match mutation {
            Mutation::Create(draft) | Mutation::Import { draft, .. } => draft.bytes.len(),
            Mutation::Update(update) => update.patch.encoded_len(),
            Mutation::Delete { .. } | Mutation::Undelete { .. } | Mutation::Purge { .. } => 0,
        });
        records.sum()
    }
}

/// What became of one mutation.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It made a change, or would; boxed because most outcomes of an import carry nothing.
    Changed(Operation, Option<Box<Stored>>),
    /// The import found it there, identical.
    Unchanged,
    /// The import left what is there.
    Skipped,
    /// It was left out, because of this.
    Refused(Arc<Error>),
}

/// The answer to a commit.
#[derive(Debug, Clone)]
pub enum Committed {
    /// It is durable, or was only checked.
    Done {
        /// Its revision; 0 when nothing was stored.
        revision: Revision,
        /// One for each mutation, in order.
        outcomes: Vec<Outcome>,
    },
    /// The same request was answered before, with this revision.
    Repeat {
        /// The revision of the first.
        revision: Revision,
    },
}

/// A change that passed every check.
#[derive(Debug)]
pub(super) struct Change {
    /// For the index.
    pub(super) entry: super::summary::Entry,
    /// For the log.
    pub(super) header: SlotHeader,
    /// The encoded record.
    pub(super) bytes: Vec<u8>,
    /// The record's number, when it was there before.
    pub(super) record: Option<u32>,
}

/// What a commit would do, before it is done.
#[derive(Debug)]
pub(super) struct Plan {
    /// In the order of the mutations.
    pub(super) outcomes: Vec<Planned>,
}

impl Plan {
    /// Bytes of the records that it writes.
    pub(super) fn bytes(&self) -> usize {
        let changes = self.outcomes.iter().map(|planned| match planned {
            Planned::Change(change) => change.bytes.len(),
            Planned::Unchanged | Planned::Skipped | Planned::Refused(_) => 0,
        });
        changes.sum()
    }

    /// Whether it only takes records away, which goes on when space is short.
    pub(super) fn only_deletes(&self) -> bool {
        self.outcomes.iter().all(|planned| match planned {
            Planned::Change(change) => change.entry.operation.removes(),
            Planned::Unchanged | Planned::Skipped | Planned::Refused(_) => true,
        })
    }
}

/// What becomes of one mutation.
#[derive(Debug)]
pub(super) enum Planned {
    /// A change.
    Change(Box<Change>),
    /// Nothing to do.
    Unchanged,
    /// Left as it is.
    Skipped,
    /// Left out.
    Refused(Arc<Error>),
}

impl Planned {
    /// The same, without the content.
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Planned::Change(change) => Outcome::Changed(change.entry.operation, None),
            Planned::Unchanged => Outcome::Unchanged,
            Planned::Skipped => Outcome::Skipped,
            Planned::Refused(error) => Outcome::Refused(Arc::clone(error)),
        }
    }
}
