//! Which processor does what. A service that shares its processors with those who load it shows what is left of the
//! machine; on one of its own it shows what it can do.

use std::thread;

use rustix::process::nice;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use tokio::sync::oneshot;

/// The niceness of who goes last.
const LAST: i32 = 10;

/// Calls from a thread behind all others: what is left of the processors is for it. Those who share them with the service
/// here have machines of their own elsewhere.
pub async fn behind<T: Send + 'static>(calls: impl Future<Output = T> + Send + 'static) -> T {
    call(calls, || {
        nice(LAST).expect("a thread may step back");
    })
    .await
}

/// Calls from a thread that gets its place first.
async fn call<T: Send + 'static>(
    calls: impl Future<Output = T> + Send + 'static,
    place: impl FnOnce() + Send + 'static,
) -> T {
    let (sender, done) = oneshot::channel();
    thread::spawn(move || {
        place();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        // Nobody may want to know any more.
        drop(sender.send(runtime.block_on(calls)));
    });
    done.await.expect("the thread of the callers does not panic")
}

/// One for the service and another for those who call; none where there is only one.
#[derive(Debug, Clone, Copy)]
pub struct Apart(Option<(CpuSet, CpuSet)>);

impl Apart {
    /// The first two on which this program may run.
    pub fn new() -> Self {
        let allowed = sched_getaffinity(None).unwrap();
        let mut each = (0..CpuSet::MAX_CPU).filter(|processor| allowed.is_set(*processor)).map(|processor| {
            let mut one = CpuSet::new();
            one.set(processor);
            one
        });
        Self(each.next().zip(each.next()))
    }

    /// Whether there are two.
    pub fn is_apart(&self) -> bool {
        self.0.is_some()
    }

    /// Processes that are started in it run on the processor of the service.
    pub fn service<T>(&self, start: impl FnOnce() -> T) -> T {
        let Self(Some((service, _))) = self else { return start() };
        let before = sched_getaffinity(None).unwrap();
        sched_setaffinity(None, service).unwrap();
        let started = start();
        sched_setaffinity(None, &before).unwrap();
        started
    }

    /// Calls from a thread on the other processor.
    pub async fn callers<T: Send + 'static>(&self, calls: impl Future<Output = T> + Send + 'static) -> T {
        let Self(processors) = *self;
        let place = move || {
            if let Some((_, callers)) = processors {
                sched_setaffinity(None, &callers).unwrap();
            }
        };
        call(calls, place).await
    }
}

impl Default for Apart {
    fn default() -> Self {
        Self::new()
    }
}
