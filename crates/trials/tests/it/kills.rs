//! Nothing that was acknowledged is lost, whenever the service is killed.

use crate::trials;

const CYCLES: usize = 30;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_service_loses_nothing_acknowledged() {
    reform_trials::kills::run(trials(), CYCLES).await;
}

/// `reform-trials power-cuts` does 200.
#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_loses_nothing_acknowledged() {
    reform_trials::kills::cut_power(trials(), 20, false).await;
}

/// The trial itself is tried: without syncs it must fail.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_lies_is_found_out() {
    let cut = tokio::spawn(reform_trials::kills::cut_power(trials(), 20, true));
    let panic = cut.await.expect_err("acknowledged writes were lost").into_panic();
    let message = panic.downcast_ref::<String>().expect("a message");
    // A part of the log, or the store as a whole.
    let found = ["is lost", "was durable", "the store is another one"];
    assert!(found.iter().any(|found| message.contains(found)), "{message}");
}
