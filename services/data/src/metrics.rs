//! What the service tells a monitoring system of its store and its watchers.

use std::time::Duration;

use reform_runtime::metrics::{Metric, Metrics, SECONDS};

use crate::store::{Durable, Store};
use crate::watchers::Watchers;

pub(crate) const GROUP: Metric = Metric::histogram(
    "reform_data_commit_group_size",
    &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0],
    "Commits that one sync of the disk made durable; the sum is all commits, refused ones included",
);

pub(crate) const FLUSH: Metric = Metric::histogram(
    "reform_data_flush_duration_seconds",
    SECONDS,
    "How long handing a group to the kernel took",
);

pub(crate) const SYNC: Metric =
    Metric::histogram("reform_data_sync_duration_seconds", SECONDS, "How long the disk took to keep a group");

const REVISION: Metric = Metric::gauge("reform_data_revision", "The newest durable revision");

const OLDEST: Metric = Metric::gauge("reform_data_oldest_revision", "The oldest revision that can be read");

const RECORDS: Metric = Metric::gauge("reform_data_live_records", "Live records").by(&["kind"]);

const QUEUED: Metric = Metric::gauge("reform_data_queued_commits", "Commits that wait for the writer");

const BUSY: Metric = Metric::gauge(
    "reform_data_writer_busy_seconds",
    "How long the writer has been at one group of commits; 0 while it waits",
);

const FAILED: Metric = Metric::gauge(
    "reform_data_failed",
    "1 once the disk has failed: nothing more is written and the process ends",
);

const WATCHERS: Metric = Metric::gauge("reform_data_watchers", "Open feeds of changes");

const LAG: Metric = Metric::gauge(
    "reform_data_watcher_lag_revisions",
    "Revisions that the slowest watcher has not taken yet; 0 without one",
);

const STORE_BYTES: Metric = Metric::gauge("reform_data_store_bytes", "What the store takes on disk");

const FREE_BYTES: Metric = Metric::gauge("reform_data_free_bytes", "What is free on its file system");

const FREE_BYTES_MIN: Metric =
    Metric::gauge("reform_data_free_bytes_min", "The store is read-only while less than this is free");

const READ_ONLY: Metric = Metric::gauge("reform_data_read_only", "1 while too little is free to write");

const CACHE_BYTES: Metric =
    Metric::gauge("reform_data_record_cache_bytes", "Memory of the records that were read lately");

const CACHE_HITS: Metric =
    Metric::counter("reform_data_record_cache_hits_total", "Reads of records that came from memory");

const CACHE_MISSES: Metric =
    Metric::counter("reform_data_record_cache_misses_total", "Reads of records that went to the log");

/// What the data service tells beside [`reform_runtime::metrics::METRICS`].
pub const METRICS: &[&Metric] = &[
    &REVISION,
    &OLDEST,
    &RECORDS,
    &GROUP,
    &FLUSH,
    &SYNC,
    &QUEUED,
    &BUSY,
    &FAILED,
    &WATCHERS,
    &LAG,
    &STORE_BYTES,
    &FREE_BYTES,
    &FREE_BYTES_MIN,
    &READ_ONLY,
    &CACHE_BYTES,
    &CACHE_HITS,
    &CACHE_MISSES,
];

pub(crate) fn of(store: &Store, watchers: &Watchers) -> Metrics {
    let mut metrics = Metrics::new("reform-data", env!("CARGO_PKG_VERSION"));
    let timings = store.timings();
    metrics.histogram(&GROUP, &timings.group);
    metrics.histogram(&FLUSH, &timings.flush);
    metrics.histogram(&SYNC, &timings.sync);
    let durable = of_store(store, Store::durable);
    metrics.read(&REVISION, move || Some(durable().revision as f64));
    let oldest = of_store(store, Store::oldest);
    metrics.read(&OLDEST, move || Some(oldest() as f64));
    let durable = of_store(store, Store::durable);
    metrics.read_by(&RECORDS, move || by_kind(&durable()));
    let queued = of_store(store, Store::queued);
    metrics.read(&QUEUED, move || Some(queued() as f64));
    let pulse = store.pulse();
    metrics.read(&BUSY, move || Some(pulse.busy_for().as_ref().map_or(0.0, Duration::as_secs_f64)));
    let failed = store.failed().clone();
    metrics.read(&FAILED, move || Some(f64::from(failed.is_cancelled())));
    let feeds = watchers.clone();
    metrics.read(&WATCHERS, move || Some(feeds.count() as f64));
    let (durable, feeds) = (of_store(store, Store::durable), watchers.clone());
    metrics.read(&LAG, move || {
        let slowest = feeds.slowest();
        // Read in this order, so that what is committed meanwhile counts as lag, and never the other way round.
        Some(slowest.map_or(0.0, |slowest| (durable().revision - slowest).max(0) as f64))
    });
    space(&mut metrics, store);
    cache(&mut metrics, store);
    metrics
}

fn space(metrics: &mut Metrics, store: &Store) {
    let space = of_store(store, Store::space);
    metrics.read(&STORE_BYTES, move || Some(space().ok()?.0 as f64));
    let room = store.file_system().clone();
    metrics.read(&FREE_BYTES, move || Some(room.room().ok()?.free as f64));
    let room = store.file_system().clone();
    metrics.read(&FREE_BYTES_MIN, move || Some(room.room().ok()?.needed as f64));
    let room = store.file_system().clone();
    metrics.read(&READ_ONLY, move || Some(f64::from(!room.room().ok()?.has(0))));
}

fn cache(metrics: &mut Metrics, store: &Store) {
    let cache = of_store(store, Store::cache);
    metrics.read(&CACHE_BYTES, move || Some(cache().bytes as f64));
    let cache = of_store(store, Store::cache);
    metrics.read(&CACHE_HITS, move || Some(cache().hits as f64));
    let cache = of_store(store, Store::cache);
    metrics.read(&CACHE_MISSES, move || Some(cache().misses as f64));
}

fn of_store<T>(store: &Store, told: fn(&Store) -> T) -> impl Fn() -> T + Send + Sync + 'static
where
    T: 'static,
{
    let store = store.clone();
    move || told(&store)
}

fn by_kind(durable: &Durable) -> Vec<(Vec<String>, f64)> {
    durable.live.iter().map(|(kind, live)| (vec![kind.as_str().to_owned()], *live as f64)).collect()
}
