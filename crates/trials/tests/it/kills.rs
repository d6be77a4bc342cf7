//! Nothing that was acknowledged is lost, whenever the service is killed.

use crate::trials;

const CYCLES: usize = 30;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_service_loses_nothing_acknowledged() {
    reform_trials::kills::run(trials(), CYCLES).await;
}
