//! A feed that outlives its connections.

use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use prost::Message;
use tokio::time::timeout;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Status, Streaming};
use tonic_prost::ProstCodec;

use super::attempts::{Attempts, broken, is, is_passing, settled};
use super::caller::{Caller, STREAM_BYTES_MAX};
use crate::data::v1;
use crate::encoded::{self, WatchChangesResponse};
use crate::error::{Fault, Reason};

/// The feed says something at least every five seconds; one that is silent for this long is not there.
const SILENCE_MAX: Duration = Duration::from_secs(15);

/// A commit of the contract has at most 1,000 changes; this bounds what is held of one that does not end.
const COMMIT_CHANGES_MAX: usize = 10_000;

pub(super) fn encoded(
    caller: Caller,
    request: v1::WatchChangesRequest,
) -> BoxStream<'static, Result<WatchChangesResponse, Status>> {
    let attempts = caller.attempts();
    let watch = Watch { caller, request, attempts, feed: None, begun: None };
    stream::try_unfold(watch, |mut watch| async move {
        let message = watch.next().await?;
        Ok(Some((message, watch)))
    })
    .boxed()
}

pub(super) fn decoded(
    caller: Caller,
    request: v1::WatchChangesRequest,
) -> BoxStream<'static, Result<v1::WatchChangesResponse, Status>> {
    encoded(caller, request).and_then(|message| std::future::ready(decode(message))).boxed()
}

/// The same with its records taken apart.
fn decode(message: WatchChangesResponse) -> Result<v1::WatchChangesResponse, Status> {
    let WatchChangesResponse {
        store_id,
        revision,
        changes,
        commit_complete,
        head_revision,
        commit_time,
        author,
        reason,
    } = message;
    let change = |change: encoded::Change| {
        let encoded::Change { r#type, name, kind, record, previous_revision } = change;
        let record = record.map(v1::Record::decode).transpose();
        let record = record.map_err(|error| broken(format!("a record of the feed is none: {error}")))?;
        Ok(v1::Change { r#type, name, kind, record, previous_revision })
    };
    let changes = changes.into_iter().map(change).collect::<Result<_, Status>>()?;
    Ok(v1::WatchChangesResponse {
        store_id,
        revision,
        changes,
        commit_complete,
        head_revision,
        commit_time,
        author,
        reason,
    })
}

struct Watch {
    caller: Caller,
    /// As it would be sent now: after the last revision that was handed out, of the store that it came from.
    request: v1::WatchChangesRequest,
    attempts: Attempts,
    feed: Option<Streaming<WatchChangesResponse>>,
    /// The parts of a commit so far.
    begun: Option<WatchChangesResponse>,
}

impl Watch {
    /// The next whole commit, or progress.
    async fn next(&mut self) -> Result<WatchChangesResponse, Status> {
        loop {
            match self.message().await {
                Ok(message) => {
                    if let Some(whole) = self.take(message)? {
                        self.attempts.reset();
                        return Ok(whole);
                    }
                }
                Err(status) => {
                    // What came of a commit is given up with the stream: the next one sends it from its start.
                    self.begun = None;
                    self.feed = None;
                    let passing = is_passing(&status) || is(&status, Reason::SlowConsumer);
                    self.attempts.pause_when(passing, status).await?;
                }
            }
        }
    }

    /// The next message of the feed, which is opened when there is none.
    async fn message(&mut self) -> Result<WatchChangesResponse, Status> {
        if self.feed.is_none() {
            self.feed = Some(heard(call(&self.caller, self.request.clone())).await?);
        }
        let feed = self.feed.as_mut().expect("it was opened above");
        heard(feed.message()).await?.ok_or_else(|| Status::unavailable("the feed ended"))
    }

    /// Takes one message; a commit, or progress, once it is whole.
    ///
    /// # Errors
    /// The feed is not the one that was followed, or breaks its promises.
    fn take(&mut self, message: WatchChangesResponse) -> Result<Option<WatchChangesResponse>, Status> {
        self.check_store(&message)?;
        self.check_order(&message)?;
        let whole = match self.begun.take() {
            None => message,
            Some(mut begun) => {
                begun.changes.extend(message.changes);
                begun.commit_complete = message.commit_complete;
                begun.head_revision = message.head_revision;
                begun
            }
        };
        if whole.changes.len() > COMMIT_CHANGES_MAX {
            return Err(against("a commit without an end", whole.revision));
        }
        if !whole.commit_complete {
            self.begun = Some(whole);
            return Ok(None);
        }
        self.request.after_revision = whole.revision;
        Ok(Some(whole))
    }

    fn check_store(&mut self, message: &WatchChangesResponse) -> Result<(), Status> {
        if self.request.store_id.is_empty() {
            self.request.store_id.clone_from(&message.store_id);
        }
        if self.request.store_id != message.store_id {
            let text = format!("the store is {} now, not {}", message.store_id, self.request.store_id);
            return Err(Fault::new(Reason::StoreChanged, text).status());
        }
        let (last, head) = (self.request.after_revision, message.head_revision);
        if head < last {
            let fault = Fault::new(Reason::RevisionAhead, format!("revision {last} is not there any more"));
            return Err(fault.with("head_revision", head.to_string()).status());
        }
        Ok(())
    }

    /// Without a filter every commit comes, one after the other; progress goes at least as far as the last.
    fn check_order(&self, message: &WatchChangesResponse) -> Result<(), Status> {
        let (last, revision) = (self.request.after_revision, message.revision);
        let is_next = if self.request.filter.is_empty() { revision == last + 1 } else { revision > last };
        match &self.begun {
            Some(begun) if begun.revision != revision => Err(against("a commit inside another", revision)),
            Some(_) => Ok(()),
            None if revision > message.head_revision => Err(against("beyond the head", revision)),
            None if revision < last => Err(against("the feed goes back", revision)),
            None if message.changes.is_empty() => Ok(()),
            None if is_next => Ok(()),
            None if revision == last => Err(against("a commit came twice", revision)),
            None => Err(against("a commit was left out", revision)),
        }
    }
}

async fn call(
    caller: &Caller,
    request: v1::WatchChangesRequest,
) -> Result<Streaming<WatchChangesResponse>, Status> {
    let mut grpc = Grpc::new(caller.channel.clone()).max_decoding_message_size(STREAM_BYTES_MAX);
    let path = PathAndQuery::from_static("/reform.data.v1.ChangeService/WatchChanges");
    let codec = ProstCodec::<v1::WatchChangesRequest, WatchChangesResponse>::default();
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    Ok(grpc.server_streaming(caller.request(request), path, codec).await?.into_inner())
}

/// What comes of `work`, or UNAVAILABLE when it takes too long.
async fn heard<T>(work: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
    let silent = || Status::unavailable(format!("the feed said nothing for {SILENCE_MAX:?}"));
    timeout(SILENCE_MAX, work).await.map_err(|_| silent())?.map_err(settled)
}

fn against(what: &str, revision: i64) -> Status {
    broken(format!("the feed broke its promise at revision {revision}: {what}"))
}
