//! What was written, and what a watcher saw of it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use prost::Message;
use reform_api::data::v1;

/// One change, as its writer was told it or as a watcher saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The record.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// Its jurisdiction.
    pub jurisdiction: String,
    /// What was done, as a number of the contract.
    pub r#type: i32,
    /// The revision of the version before; 0: there is none.
    pub previous_revision: i64,
    /// Tells its content apart.
    pub digest: u64,
}

/// Tells the content of records apart.
pub fn digest(record: Option<&v1::Record>) -> u64 {
    let mut hasher = DefaultHasher::new();
    record.map(Message::encode_to_vec).hash(&mut hasher);
    hasher.finish()
}

impl From<&v1::Change> for Change {
    fn from(change: &v1::Change) -> Self {
        let record = change.record.as_ref();
        Self {
            name: change.name.clone(),
            kind: change.kind.clone(),
            jurisdiction: record.map_or(String::new(), |record| record.jurisdiction.clone()),
            r#type: change.r#type,
            previous_revision: change.previous_revision,
            digest: digest(record),
        }
    }
}

/// Every commit that was acknowledged, from revision 1 on.
#[derive(Debug, Default)]
pub struct Truth(Vec<Option<Vec<Change>>>);

impl Truth {
    /// Notes a commit.
    ///
    /// # Panics
    /// When another one was acknowledged with its revision.
    pub fn note(&mut self, revision: i64, changes: Vec<Change>) {
        let place = usize::try_from(revision - 1).expect("revisions begin at 1");
        if self.0.len() <= place {
            self.0.resize(place + 1, None);
        }
        let before = self.0[place].replace(changes);
        assert!(before.is_none(), "revision {revision} was acknowledged twice");
    }

    /// The newest revision that was acknowledged.
    pub fn head(&self) -> i64 {
        i64::try_from(self.0.len()).expect("not that many")
    }

    /// The changes of a revision; none of one that nobody was told.
    pub fn at(&self, revision: i64) -> &[Change] {
        let place = usize::try_from(revision - 1).ok();
        place.and_then(|place| self.0.get(place)?.as_deref()).unwrap_or_default()
    }

    /// The first revision that nobody was told.
    pub fn gap(&self) -> Option<usize> {
        self.0.iter().position(Option::is_none).map(|place| place + 1)
    }
}

/// Which changes a watcher wants.
#[derive(Debug, Clone, Copy)]
pub struct Filter {
    /// As it is sent.
    pub text: &'static str,
    /// What it should mean.
    pub matches: fn(&Change) -> bool,
}

/// What happened to a watcher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// It opened a stream after a revision.
    Opened(i64),
    /// A change of a revision came.
    Change(i64, Change),
    /// All changes of a revision had come.
    Complete(i64),
    /// All up to a revision had come, without a change.
    Progress(i64),
    /// The stream was ended by either side.
    Ended,
    /// It was told that history begins at a revision, above its own.
    Compacted(i64),
}

/// What a watcher saw, in its order.
#[derive(Debug, Clone)]
pub struct Recording {
    /// What it asked for.
    pub filter: Filter,
    /// When, since the beginning of the trial, and what.
    pub events: Vec<(Duration, What)>,
}

impl Recording {
    /// Notes a message of the current stream.
    pub fn note(&mut self, at: Duration, message: &v1::WatchChangesResponse) {
        let v1::WatchChangesResponse { revision, changes, commit_complete, .. } = message;
        // The last part of a commit may hold nothing that matches, and ends it all the same.
        let begun = matches!(self.events.last(), Some((_, What::Change(begun, _))) if begun == revision);
        if changes.is_empty() && !begun {
            self.events.push((at, What::Progress(*revision)));
            return;
        }
        let changes = changes.iter().map(|change| (at, What::Change(*revision, Change::from(change))));
        self.events.extend(changes);
        if *commit_complete {
            self.events.push((at, What::Complete(*revision)));
        }
    }

    /// Changes that came.
    pub fn changes(&self) -> usize {
        self.events.iter().filter(|(_, what)| matches!(what, What::Change(..))).count()
    }

    /// The streams, each with the revision after which it was opened.
    pub fn streams(&self) -> impl Iterator<Item = (i64, &[(Duration, What)])> {
        let streams = self.events.chunk_by(|_, (_, next)| !matches!(next, What::Opened(_)));
        streams.filter_map(|stream| match stream {
            [(_, What::Opened(after)), events @ ..] => Some((*after, events)),
            _ => None,
        })
    }
}
