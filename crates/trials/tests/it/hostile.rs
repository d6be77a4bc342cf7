//! Few of each sort and a short time: `reform-trials hostile` is the real thing.

use std::time::Duration;

use reform_trials::hostile::{self, Size};

const SIZE: Size = Size { time: Duration::from_secs(2), scale: 0.05, short: Duration::from_secs(1) };

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_mean_harm_do_none() {
    let figures = hostile::run(crate::trials(), SIZE, "").await;
    assert_eq!(figures.len(), 12);
}
