//! The pair as two real processes: `reform-data` and `reform-analytics`, started, stopped, killed and restarted.
//!
//! In reading order:
//! - `process`: one service as a process; `chance`: seeded randomness;
//! - `records`: what is written and asked; `feed`: what the feed promises, checked message by message;
//! - `load`: callers that outlive the service; `callers`: writers, an importer and a watcher; `ledger`: what they were
//!   told, and whether the store agrees;
//! - `together`, `data_kills`, `analytics_kills`, `replaced`, `grpcurl`: the tests.
//!
//! The programs are those beside `reform` in the target folder: `cargo test --workspace` builds all three, a test of this
//! package alone takes the other two as they are.
//!
//! `REFORM_KILLS` says how often a service is killed (default 30), `REFORM_SEED` repeats a run.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod analytics_kills;
mod callers;
mod chance;
mod data_kills;
mod feed;
mod grpcurl;
mod ledger;
mod load;
mod process;
mod records;
mod replaced;
mod together;
