//! Clients that read and write the same names at once see one order, and the checker finds what has none.

use reform_trials::chance::Chance;
use reform_trials::linearizable::broken::Broken;
use reform_trials::linearizable::calls::Bug;
use reform_trials::linearizable::{Round, round, run};

use crate::trials;

const ROUNDS: usize = 4;
const OPERATIONS: usize = 120;

#[tokio::test(flavor = "multi_thread")]
async fn eight_clients_see_one_order_while_the_service_is_killed() {
    run(trials(), ROUNDS, OPERATIONS).await;
}

/// A round with a bug and without anything else that goes wrong.
async fn planted(bug: Bug) -> Broken {
    let chance = Chance::new(&format!("planted {bug:?}"));
    let plan = Round { operations: OPERATIONS, faults: false, bug: Some(bug) };
    let (checked, _) = round(trials(), chance, plan).await;
    checked.expect_err("the bug is found")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_read_is_found() {
    let broken = planted(Bug::StaleRead).await;
    assert!(matches!(broken, Broken::Unplaced { .. }), "{broken}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_ignores_its_etag_is_found() {
    let broken = planted(Bug::EtagIgnored).await;
    assert!(matches!(broken, Broken::Impossible { .. }), "{broken}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledged_write_that_vanished_is_found() {
    let broken = planted(Bug::Vanished).await;
    assert!(matches!(broken, Broken::Vanished { .. }), "{broken}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_is_half_visible_is_found() {
    let broken = planted(Bug::HalfVisible).await;
    assert!(matches!(broken, Broken::Unplaced { .. }), "{broken}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_is_half_stored_is_found() {
    let broken = planted(Bug::HalfStored).await;
    // The half that is not stored may even have had to be refused.
    assert!(matches!(broken, Broken::Torn { .. } | Broken::Impossible { .. }), "{broken}");
}
