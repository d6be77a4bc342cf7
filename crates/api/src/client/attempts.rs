//! What is tried again, when, and for how long.

use std::error::Error;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::time::{Instant, sleep};
use tonic::{Code, Status, TimeoutExpired};
use tonic_types::StatusExt;

use crate::error::{Fault, Reason, reason};

/// The first and the longest pause; jitter makes each up to twice as long.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(4);

/// The attempts at one piece of work.
#[derive(Debug)]
pub(super) struct Attempts {
    retry_for: Duration,
    /// When the first of the failures in a row was. None: there is none.
    failing_since: Option<Instant>,
    pauses: ExponentialBackoff,
}

impl Attempts {
    pub(super) fn new(retry_for: Duration) -> Self {
        Self { retry_for, failing_since: None, pauses: pauses() }
    }

    /// Forgets the failures so far: the work has moved on.
    pub(super) fn reset(&mut self) {
        *self = Self::new(self.retry_for);
    }

    /// Waits until the next attempt may begin.
    ///
    /// # Errors
    /// The status itself, when it is not one to try again or no time is left.
    pub(super) async fn pause(&mut self, status: Status) -> Result<(), Status> {
        let passing = is_passing(&status);
        self.pause_when(passing, status).await
    }

    /// As [`Attempts::pause`]; the caller knows whether the status is one to try again.
    pub(super) async fn pause_when(&mut self, passing: bool, status: Status) -> Result<(), Status> {
        if !passing {
            return Err(status);
        }
        // Added, not the longer of the two: callers that were all told the same delay must not come back in step.
        let asked = status.get_details_retry_info().and_then(|info| info.retry_delay).unwrap_or_default();
        let pause = asked.saturating_add(self.pauses.next().unwrap_or(PAUSE_MAX));
        let failing = self.failing_since.get_or_insert_with(Instant::now).elapsed();
        if failing.saturating_add(pause) > self.retry_for {
            return Err(status);
        }
        sleep(pause).await;
        Ok(())
    }
}

fn pauses() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(PAUSE_MIN)
        .with_max_delay(PAUSE_MAX)
        .with_jitter()
        .without_max_times()
        .build()
}

/// Whether the same request may succeed a moment later.
pub(super) fn is_passing(status: &Status) -> bool {
    status.code() == Code::Unavailable || is(status, Reason::Overloaded)
}

pub(super) fn is(status: &Status, expected: Reason) -> bool {
    reason(status).as_deref() == Some(expected.as_str())
}

/// A failure in the terms of the contract. The transport reports a connection that broke as UNKNOWN, INTERNAL or
/// CANCELLED, and a deadline that passed as CANCELLED; no service answers UNKNOWN.
pub(super) fn settled(status: Status) -> Status {
    if status.code() == Code::Unavailable {
        return status;
    }
    // Only what was made on this side has a source.
    let mut source = status.source();
    let is_local = source.is_some();
    while let Some(error) = source {
        if error.is::<TimeoutExpired>() {
            return deadline();
        }
        source = error.source();
    }
    if is_local || (status.code() == Code::Unknown && reason(&status).is_none()) {
        return Status::unavailable(status.message());
    }
    status
}

pub(super) fn deadline() -> Status {
    Fault::new(Reason::Deadline, "no answer came within the deadline").status()
}

/// What a service sent breaks the contract.
pub(super) fn broken(message: impl Into<String>) -> Status {
    Status::data_loss(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_and_respect_what_the_service_asks() {
        let mut attempts = Attempts::new(Duration::MAX);
        let mut pauses = Vec::new();
        for _ in 0..12 {
            let begun = Instant::now();
            attempts.pause(Status::unavailable("")).await.unwrap();
            pauses.push(begun.elapsed());
        }
        assert!(pauses[0] >= PAUSE_MIN && pauses[0] <= 3 * PAUSE_MIN, "{pauses:?}");
        assert!(pauses[11] >= PAUSE_MAX && pauses[11] <= 2 * PAUSE_MAX, "{pauses:?}");
        attempts.reset();
        let begun = Instant::now();
        attempts.pause(Fault::new(Reason::Overloaded, "").status()).await.unwrap();
        assert!(begun.elapsed() >= crate::error::RETRY_DELAY + PAUSE_MIN);
    }

    #[tokio::test(start_paused = true)]
    async fn no_attempt_begins_after_the_limit() {
        let begun = Instant::now();
        let mut attempts = Attempts::new(Duration::from_secs(10));
        while attempts.pause(Status::unavailable("")).await.is_ok() {}
        assert!(begun.elapsed() <= Duration::from_secs(10) && begun.elapsed() > Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn only_unavailable_and_overloaded_are_tried_again() {
        for reason in Reason::ALL {
            let passing = reason.code() == Code::Unavailable || *reason == Reason::Overloaded;
            let paused = Attempts::new(Duration::MAX).pause(Fault::new(*reason, "").status()).await;
            assert_eq!(paused.is_ok(), passing, "{reason:?}");
        }
    }
}
