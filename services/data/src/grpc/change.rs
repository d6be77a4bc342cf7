//! ChangeService: the log as a stream. A watcher reads history at its own pace and waits at its end; nothing is queued
//! for it, so writers never wait for a reader.

use std::time::{Duration, Instant};

use futures::Stream;
use prost::Message;
use reform_api::data::v1;
use reform_api::encoded;
use reform_api::encoded::change_service_server::ChangeService;
use reform_api::error::{Fault, Reason};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::record::{Answers, blocking};
use super::{fault, slow};
use crate::filter::{FeedFilter, Filter};
use crate::patience::Patience;
use crate::store::history::{Part, Place};
use crate::store::read::timestamp;
use crate::store::{Error, Revision, Snapshot, Store, Stored};
use crate::watchers::{Watcher, Watchers};

/// What is read at once, and about the largest message. A watcher that reads none of it holds as much, a few times over: as
/// changes, as messages, and as bytes that are with the transport.
const BYTES_AT_ONCE: usize = 128 * 1024;

/// The service over a store.
#[derive(Debug, Clone)]
pub(super) struct Changes {
    pub(super) store: Store,
    pub(super) stop: CancellationToken,
    pub(super) patience: Patience,
    pub(super) watchers: Watchers,
}

#[tonic::async_trait]
impl ChangeService for Changes {
    type WatchChangesStream = Answers<encoded::WatchChangesResponse>;

    async fn watch_changes(
        &self,
        request: Request<v1::WatchChangesRequest>,
    ) -> Result<Response<Self::WatchChangesStream>, Status> {
        let v1::WatchChangesRequest { after_revision, store_id, filter } = request.into_inner();
        if after_revision < 0 {
            return Err(Fault::violation("after_revision", "must not be negative").status());
        }
        let id = self.store.id();
        if !store_id.is_empty() && store_id != id {
            return Err(fault::of_record(Error::StoreChanged(id.to_owned())).status());
        }
        self.store.at(after_revision).map_err(fault::of_record)?;
        let filter = Filter::parse_for_feed(&filter).map_err(Fault::from)?;
        let Patience { progress_interval, reader_slow, .. } = self.patience;
        let filter = std::sync::Arc::new(filter);
        let watch = Watch { store: self.store.clone(), filter, progress_interval };
        let watcher = self.watchers.join(after_revision);
        let messages = watch.messages(after_revision, watcher, self.stop.clone());
        let revision =
            |message: &encoded::WatchChangesResponse| message.commit_complete.then_some(message.revision);
        Ok(Response::new(Box::pin(slow::ended(messages, reader_slow, revision))))
    }
}

#[derive(Debug, Clone)]
struct Watch {
    store: Store,
    filter: std::sync::Arc<FeedFilter>,
    /// A watcher hears at least this often how far the feed is.
    progress_interval: Duration,
}

impl Watch {
    fn messages(
        self,
        after_revision: Revision,
        watcher: Watcher,
        stop: CancellationToken,
    ) -> impl Stream<Item = Result<encoded::WatchChangesResponse, Status>> {
        async_stream::try_stream! {
            let mut durable = self.store.watch_durable();
            let mut place = Place { revision: after_revision, changes: 0 };
            // The first message at the end of the history says that this is the end.
            let mut announced = None;
            let mut told = Instant::now();
            loop {
                let snapshot = self.store.newest();
                durable.mark_unchanged();
                if stop.is_cancelled() {
                    Err(stopping(place.revision))?;
                }
                if place.revision < snapshot.revision {
                    let watch = self.clone();
                    let (messages, next) = blocking(move || watch.read(&snapshot, place)).await?;
                    place = next;
                    for message in messages {
                        announced = message.commit_complete.then_some(message.revision);
                        yield message;
                        // It comes back here when it wants the next one.
                        announced.into_iter().for_each(|revision| watcher.took(revision));
                        told = Instant::now();
                    }
                    watcher.took(place.revision);
                    // A long stretch without a match; within a commit there is nothing to tell.
                    if told.elapsed() >= self.progress_interval && place.changes == 0 {
                        announced = Some(place.revision);
                        yield self.progress(place.revision, self.store.durable().revision);
                        told = Instant::now();
                    }
                    continue;
                }
                if announced != Some(place.revision) {
                    announced = Some(place.revision);
                    yield self.progress(place.revision, snapshot.revision);
                    told = Instant::now();
                }
                let stopped = tokio::select! {
                    changed = durable.changed() => changed.is_err(),
                    () = stop.cancelled() => true,
                    () = tokio::time::sleep(self.progress_interval) => {
                        announced = None;
                        false
                    }
                };
                if stopped {
                    Err(stopping(place.revision))?;
                }
            }
        }
    }

    /// The messages of the next stretch of history, and where it ends.
    fn read(
        &self,
        snapshot: &Snapshot,
        place: Place,
    ) -> Result<(Vec<encoded::WatchChangesResponse>, Place), Fault> {
        let parts = snapshot.history(place, BYTES_AT_ONCE).map_err(fault::of_record)?;
        let mut messages = Vec::with_capacity(parts.len());
        let mut next = place;
        for part in parts {
            let continued = if next.revision + 1 == part.commit.revision { next.changes } else { 0 };
            next = if part.complete {
                Place { revision: part.commit.revision, changes: 0 }
            } else {
                Place { revision: part.commit.revision - 1, changes: continued + part.changes.len() }
            };
            let (revision, complete) = (part.commit.revision, part.complete);
            match self.message(snapshot, part)? {
                Some(message) => messages.push(message),
                // The end of a commit of which an earlier part was sent is told even when nothing in it matches.
                None if continued > 0 && complete => {
                    messages.push(self.progress(revision, snapshot.revision))
                }
                None => {}
            }
        }
        Ok((messages, next))
    }

    /// A commit as a message; none when nothing in it matches.
    fn message(
        &self,
        snapshot: &Snapshot,
        part: Part,
    ) -> Result<Option<encoded::WatchChangesResponse>, Fault> {
        let Part { commit, changes, complete } = part;
        let at = self.store.at(commit.revision).map_err(fault::of_record)?;
        let mut matching = Vec::with_capacity(changes.len());
        for stored in &changes {
            let (kind, name) =
                (stored.kind().map_or("", |kind| kind.as_str()), stored.name().unwrap_or_default());
            if self.filter.is_empty() || self.filter.matches(kind, &jurisdiction(stored), name) {
                let record = if stored.header.bare { None } else { Some(at.encoded(stored)) };
                matching.push(encoded::Change {
                    r#type: stored.header.operation,
                    name: name.to_owned(),
                    kind: kind.to_owned(),
                    record: record.transpose().map_err(fault::of_record)?,
                    previous_revision: stored.header.previous_revision,
                });
            }
        }
        if matching.is_empty() {
            return Ok(None);
        }
        Ok(Some(encoded::WatchChangesResponse {
            store_id: self.store.id().to_owned(),
            revision: commit.revision,
            changes: matching,
            commit_complete: complete,
            head_revision: snapshot.revision,
            commit_time: Some(timestamp(commit.time_ms)),
            author: commit.author,
            reason: commit.reason,
        }))
    }

    fn progress(&self, revision: Revision, head_revision: Revision) -> encoded::WatchChangesResponse {
        encoded::WatchChangesResponse {
            store_id: self.store.id().to_owned(),
            revision,
            commit_complete: true,
            head_revision,
            ..encoded::WatchChangesResponse::default()
        }
    }
}

fn jurisdiction(stored: &Stored) -> String {
    v1::Record::decode(stored.record.clone()).map(|record| record.jurisdiction).unwrap_or_default()
}

fn stopping(revision: Revision) -> Status {
    Fault::new(Reason::ShuttingDown, "the service is stopping")
        .with("revision", revision.to_string())
        .status()
}
