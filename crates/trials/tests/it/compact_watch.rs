//! A watcher gets every revision, or is told that they were compacted.

use crate::trials;

const PAIRS: usize = 300;

#[tokio::test(flavor = "multi_thread")]
async fn no_watcher_misses_a_revision_silently() {
    reform_trials::compact_watch::run(trials(), PAIRS).await;
}
