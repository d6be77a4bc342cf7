//! Whoever wrote sees it in the figures, at the revision of the write.

use std::time::Duration;

use crate::trials;

const WRITES: usize = 800;
const KILL_EVERY: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn who_wrote_sees_it_in_the_figures() {
    reform_trials::own_writes::run(trials(), WRITES, KILL_EVERY).await;
}
