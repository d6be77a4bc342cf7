//! Turns at something of which there is little, such as processors: whoever would wait too long is told at once to come
//! back later, instead of being answered when nobody waits any more.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a call waits for its turn.
pub const WAIT_MAX: Duration = Duration::from_secs(2);

/// See the module; clones share it.
#[derive(Debug, Clone)]
pub struct Queue {
    turns: Arc<Semaphore>,
    wait_max: Duration,
}

/// It was not one's turn in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too much at once: it was not this call's turn within {0:?}")]
pub struct Late(pub Duration);

impl Queue {
    /// So many at a time, each waiting for [`WAIT_MAX`] at most.
    pub fn new(at_once: usize) -> Self {
        Self { turns: Arc::new(Semaphore::new(at_once)), wait_max: WAIT_MAX }
    }

    /// Waits for a turn, first come, first served. It lasts until it is dropped.
    ///
    /// # Errors
    /// [`Late`].
    pub async fn turn(&self) -> Result<OwnedSemaphorePermit, Late> {
        let turn = tokio::time::timeout(self.wait_max, self.turns.clone().acquire_owned()).await;
        turn.map_err(|_| Late(self.wait_max)).map(|turn| turn.expect("it is never closed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_waits_too_long_is_told() {
        let queue = Queue::new(1);
        let turn = queue.turn().await.unwrap();
        assert_eq!(queue.turn().await.unwrap_err(), Late(WAIT_MAX));
        drop(turn);
        drop(queue.turn().await.unwrap());
    }
}
