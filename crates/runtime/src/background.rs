//! Threads for what takes long, such as lists and computations: the threads that serve calls go before them, so that a short
//! call does not wait for its processor behind all the long ones.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::LazyLock;

use rustix::process::nice;
use tokio::runtime::{Builder, Runtime};

/// Threads for each processor, some of which wait for the disk. What is more than they can do waits.
pub const THREADS_PER_PROCESSOR: usize = 8;

/// By how much they step back: a thread that serves gets nine times the processor of one of them, when both have work.
const NICENESS: i32 = 10;

/// Only its threads for blocking work are used. They live as long as the process.
static THREADS: LazyLock<Runtime> = LazyLock::new(|| {
    let threads = Builder::new_current_thread()
        .thread_name("background")
        .max_blocking_threads(THREADS_PER_PROCESSOR * processors())
        .on_thread_start(|| {
            // Whoever may not step back does it all the same, in time.
            if let Err(error) = nice(NICENESS) {
                tracing::debug!(%error, "a thread of the background does not step back");
            }
        })
        .build();
    threads.expect("a runtime that drives nothing asks nothing of the system")
});

/// Among the extensions of an answer: what writes it out has so much to do that it belongs here, too.
#[derive(Debug, Clone, Copy)]
pub struct Large;

/// Processors on which this process may run.
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// Runs `work` there.
///
/// # Panics
/// When `work` does.
pub async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match THREADS.spawn_blocking(work).await {
        Ok(done) => done,
        // They are never shut down.
        Err(error) => resume_unwind(error.into_panic()),
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn work_steps_back_and_those_who_wait_do_not() {
        let here = nice(0).unwrap();
        // Nobody is further back than at 19.
        assert_eq!(run(|| nice(0).unwrap()).await, (here + NICENESS).min(19));
        assert_eq!(nice(0).unwrap(), here);
    }

    #[tokio::test]
    async fn a_panic_goes_on() {
        let work = std::panic::AssertUnwindSafe(run(|| panic!("work fails")));
        assert!(work.catch_unwind().await.is_err());
    }
}
