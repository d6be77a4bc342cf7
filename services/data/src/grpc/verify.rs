//! VerifyStore: the store checked while it serves, with a message now and then.

use std::ops::ControlFlow;

use futures::Stream;
use reform_api::data::v1;
use reform_api::error::{Fault, Reason};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::fault;
use crate::store::verify::Checked;
use crate::store::{Error, Store};

/// Values between two messages when nothing is wrong.
const VALUES_PER_MESSAGE: u64 = 4_096;
/// Problems of one message.
const PROBLEMS_PER_MESSAGE: usize = 1_000;
/// Messages that wait for a slow caller before the check does.
const QUEUE: usize = 4;

/// The messages of a check; it ends when nobody listens any more.
pub(super) fn answers(
    store: Store,
    stop: CancellationToken,
) -> impl Stream<Item = Result<v1::VerifyStoreResponse, Status>> {
    let (sender, mut receiver) = mpsc::channel(QUEUE);
    let stopped = stop.clone();
    let checking = tokio::task::spawn_blocking(move || check(&store, &stopped, &sender));
    async_stream::try_stream! {
        while let Some(message) = receiver.recv().await {
            yield message;
        }
        checking.await.map_err(|_| Fault::new(Reason::Internal, "the check broke off").status())?;
        if stop.is_cancelled() {
            Err(fault::of_record(Error::Closing).status())?;
        }
    }
}

fn check(store: &Store, stop: &CancellationToken, sender: &mpsc::Sender<v1::VerifyStoreResponse>) {
    let (mut checked, mut told, mut problems) = (0, 0, Vec::new());
    let message = |checked: u64, problems: Vec<String>, done| {
        let checked = i64::try_from(checked).unwrap_or(i64::MAX);
        v1::VerifyStoreResponse { checked, problems, done }
    };
    store.verify(&mut |report: Checked| {
        checked += report.values;
        problems.extend(report.problems);
        if stop.is_cancelled() || sender.is_closed() {
            return ControlFlow::Break(());
        }
        if checked - told < VALUES_PER_MESSAGE && problems.len() < PROBLEMS_PER_MESSAGE {
            return ControlFlow::Continue(());
        }
        told = checked;
        match sender.blocking_send(message(checked, std::mem::take(&mut problems), false)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    });
    if !stop.is_cancelled() {
        // A caller who has left wants no end either.
        sender.blocking_send(message(checked, problems, true)).ok();
    }
}
