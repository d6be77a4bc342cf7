//! Readers that are too slow. Nothing is queued for them: a stream makes its next message when the transport has taken the
//! last one. But a reader that takes none holds what its stream holds, so it is told where it was and ended.

use std::pin::pin;
use std::time::{Duration, Instant};

use futures::{Stream, TryStreamExt};
use reform_api::error::{Fault, Reason};
use tonic::Status;

use crate::store::Revision;

/// Ends a stream whose reader takes longer than `limit` for one message, with the revision up to which it has all;
/// `revision` tells what a message says of that.
pub(super) fn ended<T>(
    messages: impl Stream<Item = Result<T, Status>>,
    limit: Duration,
    revision: impl Fn(&T) -> Option<Revision>,
) -> impl Stream<Item = Result<T, Status>> {
    async_stream::try_stream! {
        let mut messages = pin!(messages);
        let mut last = None;
        while let Some(message) = messages.try_next().await? {
            last = revision(&message).or(last);
            let handed_out = Instant::now();
            yield message;
            let taken_after = handed_out.elapsed();
            if taken_after > limit {
                tracing::info!(?taken_after, last, "a reader is too slow");
                Err(too_slow(last).status())?;
            }
        }
    }
}

fn too_slow(last: Option<Revision>) -> Fault {
    let fault = Fault::new(Reason::SlowConsumer, "the reader took too long for a message");
    match last {
        Some(revision) => fault.with("revision", revision.to_string()),
        None => fault,
    }
}
