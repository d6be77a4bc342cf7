//! The pair as two real processes: `reform-data` and `reform-analytics`, started, stopped, killed and restarted.
//!
//! In reading order:
//! - `process`: one service as a process; `chance`: seeded randomness;
//! - `records`: what is written and asked; `feed`: what the feed promises, checked message by message;
//! - `load`: writers, an importer and a watcher that outlive the service; `ledger`: what they were told;
//! - `together`, `data_kills`, `analytics_kills`, `replaced`, `grpcurl`: the tests.
//!
//! `REFORM_KILLS` says how often a service is killed (default 30), `REFORM_SEED` repeats a run.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod analytics_kills;
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
