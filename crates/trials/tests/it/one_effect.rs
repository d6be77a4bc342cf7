//! A write that is repeated because its answer was lost has one effect.

use crate::trials;

const WRITES: usize = 2_000;
const KILLS: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_write_has_one_effect() {
    reform_trials::one_effect::run(trials(), WRITES, KILLS).await;
}
