//! When the state is too old to be SERVING.

use std::sync::Arc;

use reform_runtime::health::Health;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::state::State;

/// Keeps the health of every name: SERVING from the first view on, while it is not too far behind.
pub(crate) async fn report(state: Arc<State>, health: Health, stop: CancellationToken) {
    let mut steps = state.subscribe();
    loop {
        let progress = steps.borrow_and_update().clone();
        let fresh = progress.is_fresh(state.staleness_max);
        health.set_all(fresh);
        // Nothing but time makes a fresh state stale.
        let stale_from = progress.stale_from(state.staleness_max).filter(|_| fresh);
        tokio::select! {
            () = stop.cancelled() => return,
            step = steps.changed() => if step.is_err() { return },
            () = sleep_until(stale_from.unwrap_or_else(Instant::now)), if stale_from.is_some() => {
                tracing::warn!(applied = progress.applied, "too far behind to be serving, answers go on");
            }
        }
    }
}
