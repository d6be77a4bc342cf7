//! Keeps what was counted for earlier answers near the newest view, beside the fold and not in its way.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::state::State;

/// Between two times.
const INTERVAL: Duration = Duration::from_secs(1);

/// Goes on until `stop`.
pub(crate) async fn keep_up(state: Arc<State>, stop: CancellationToken) {
    let mut steps = state.subscribe();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            step = steps.changed() => if step.is_err() { return },
        }
        if let Some(view) = state.view()
            && let Err(error) = tokio::task::spawn_blocking(move || view.keep_up()).await
        {
            tracing::error!(%error, "what was counted is not brought along");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}
