//! When a checkpoint is written: after so many changes, after some minutes with any, and at the end.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::Folder;
use crate::state::State;

/// As many changes as are followed again in some seconds.
const CHANGES: u64 = 1_000_000;
/// After a change no longer than this.
const INTERVAL: Duration = Duration::from_secs(300);

/// Writes checkpoints until `stop`, and a last one then.
pub(crate) async fn keep(folder: Folder, state: Arc<State>, stop: CancellationToken) {
    let mut steps = state.subscribe();
    let mut written = state.progress().changes;
    let mut due = None;
    loop {
        let progress = steps.borrow_and_update().clone();
        let changes = progress.changes.saturating_sub(written);
        if changes > 0 && due.is_none() {
            due = Some(Instant::now() + INTERVAL);
        }
        if changes >= CHANGES || due.is_some_and(|due| due <= Instant::now()) {
            (written, due) = (progress.changes, None);
            write(&folder, &state).await;
        }
        tokio::select! {
            () = stop.cancelled() => break,
            step = steps.changed() => if step.is_err() { break },
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
        }
    }
    if state.progress().changes > written {
        write(&folder, &state).await;
    }
}

/// Off the threads that answer.
async fn write(folder: &Folder, state: &State) {
    let Some(held) = state.held() else { return };
    let (folder, revision) = (folder.clone(), held.view.revision());
    let begun = Instant::now();
    match tokio::task::spawn_blocking(move || folder.write(&held)).await {
        Ok(Ok(())) => {
            state.counts.checkpoints.inc();
            state.counts.checkpoint.observe(begun.elapsed().as_secs_f64());
            let took_ms = begun.elapsed().as_millis();
            tracing::info!(revision, %took_ms, "checkpoint written");
        }
        Ok(Err(error)) => failed(state, revision, &error),
        Err(error) => failed(state, revision, &error),
    }
}

fn failed(state: &State, revision: i64, error: &dyn std::error::Error) {
    state.counts.checkpoint_failures.inc();
    tracing::error!(revision, error = %error, "checkpoint not written");
}
