//! Ten minutes in half of one: `reform-trials soak` is the real thing. In so short a time the saw of memory is larger than a
//! slow leak: this finds open files and threads that stay, and memory that every call keeps.

use std::time::Duration;

use reform_trials::soak::{self, Rates};

const RATES: Rates = Rates { reads: 50, writes: 2, times: 20, growth_max: 80.0 };

#[tokio::test(flavor = "multi_thread")]
async fn nothing_grows_while_little_is_written() {
    soak::run(crate::trials(), Duration::from_secs(30), RATES).await;
}
