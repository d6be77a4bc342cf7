//! The service as its callers see it: a real server on a free port, beside a data service that does as it is told.
#![allow(clippy::unwrap_used, reason = "tests")]

mod checkpoints;
mod compare;
mod contract;
mod explain;
mod fake;
mod follow;
mod network;
mod pair;
mod past;
mod pictures;
mod refusals;
mod simulate;
mod waits;
mod watches;
