//! How fast large requests are taken, all of them together. What comes faster waits with who sends it: the bytes of those who
//! send most leave the processors to those whose calls are short.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::Instant;

use crate::background::processors;

/// Bytes of large requests that are taken in a second, for each processor.
pub(crate) const BYTES_PER_SECOND: u64 = 32 << 20;

/// By how much they may be ahead of that.
const AHEAD: Duration = Duration::from_millis(4);

/// A generic cell rate algorithm (ITU-T I.371): what is taken moves a moment in time, which may be ahead of now by so much.
#[derive(Debug)]
pub(crate) struct Pace {
    began: Instant,
    bytes_per_second: u64,
    /// Until when what was taken lasts at the rate, in nanoseconds since it began.
    until_ns: AtomicU64,
}

impl Pace {
    pub(crate) fn new(bytes_per_second: u64) -> Self {
        Self { began: Instant::now(), bytes_per_second, until_ns: AtomicU64::new(0) }
    }

    /// So many bytes were taken; until when whoever sends more has to wait, if it has to.
    pub(crate) fn take(&self, bytes: usize) -> Option<Instant> {
        let now = Instant::now();
        let now_ns = u64::try_from(now.duration_since(self.began).as_nanos()).unwrap_or(u64::MAX);
        let lasts_ns = (bytes as u64).saturating_mul(1_000_000_000) / self.bytes_per_second;
        let after = |until_ns: u64| until_ns.max(now_ns).saturating_add(lasts_ns);
        let before = self.until_ns.fetch_update(Relaxed, Relaxed, |until_ns| Some(after(until_ns)));
        let until = Duration::from_nanos(after(before.unwrap_or_default()));
        let resume = self.began + until.saturating_sub(AHEAD);
        (resume > now).then_some(resume)
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self::new(BYTES_PER_SECOND * processors() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn many_bytes_take_their_time_and_few_take_none() {
        let pace = Pace::new(1 << 20);
        assert_eq!(pace.take(1 << 12), None, "3.9 ms of what may be 4 ahead");
        let began = Instant::now();
        for _ in 0..64 {
            if let Some(until) = pace.take(1 << 16) {
                tokio::time::sleep_until(until).await;
            }
        }
        let took = began.elapsed();
        assert!((3.99..4.01).contains(&took.as_secs_f64()), "4 MiB at 1 MiB a second: {took:?}");
        // What was not taken in time is not taken later.
        tokio::time::sleep(Duration::from_secs(100)).await;
        assert!(pace.take(1 << 16).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn all_wait_for_the_bytes_of_all() {
        let pace = Pace::new(1 << 20);
        let began = Instant::now();
        let until = (0..8).filter_map(|_| pace.take(1 << 17)).max().unwrap();
        assert_eq!(until - began, Duration::from_secs(1) - AHEAD);
    }
}
