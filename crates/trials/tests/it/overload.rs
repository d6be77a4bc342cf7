//! A short time, beside other tests: `reform-trials overload` is the real thing.

use std::time::Duration;

use reform_trials::overload::{self, Size};

#[tokio::test(flavor = "multi_thread")]
async fn three_times_the_peak_is_no_collapse() {
    let (peak, time) = (Duration::from_millis(1_500), Duration::from_secs(4));
    // Not optimized, and beside other tests.
    let (goodput_min, health_within) = (0.5, Duration::from_secs(15));
    let size = Size { peak, time, times: 3.0, goodput_min, health_within };
    overload::run(crate::trials(), size).await;
}
