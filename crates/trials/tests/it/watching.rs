//! The feed is ordered, unique, reliable, atomic, resumable, bookmarkable, filtered and durable.

use crate::trials;

const EVENTS: usize = 10_000;
const KILLS: usize = 2;

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_keeps_each_of_its_promises() {
    reform_trials::watching::run(trials(), EVENTS, KILLS).await;
}
