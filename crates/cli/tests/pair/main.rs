//! The pair as two real processes: `reform-data` and `reform-analytics`, started, stopped, killed and restarted.
//!
//! In reading order:
//! - `process`: the two programs; `records`: what analytics is asked;
//! - `together`, `analytics_kills`, `replaced`, `rolling`, `doctor`, `checked`, `grpcurl`: the tests.
//!
//! The programs are those beside `reform` in the target folder: `cargo test --workspace` builds all three, a test of this
//! package alone takes the other two as they are.
//!
//! Callers, feed and ledger are those of `reform-trials`.
//!
//! `REFORM_KILLS` says how often a service is killed (default 30), `REFORM_SEED` repeats a run.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

use std::env;

mod analytics_kills;
mod checked;
mod doctor;
mod grpcurl;
mod process;
mod records;
mod replaced;
mod rolling;
mod together;

const KILLS: usize = 30;

/// How often a service is killed.
pub(crate) fn kills() -> usize {
    env::var("REFORM_KILLS").map_or(KILLS, |text| text.parse().expect("REFORM_KILLS is a number"))
}
