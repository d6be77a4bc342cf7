//! Ten minutes in half of one: `reform-trials soak` is the real thing. So short a time says nothing of the last megabyte.

use std::time::Duration;

use reform_trials::soak::{self, Rates};

const RATES: Rates = Rates { reads: 50, writes: 2, times: 20, growth_max: 24.0 };

#[tokio::test(flavor = "multi_thread")]
async fn nothing_grows_while_little_is_written() {
    soak::run(crate::trials(), Duration::from_secs(30), RATES).await;
}
