//! The runtime as a service sees it.
#![allow(clippy::unwrap_used, reason = "tests")]

mod calls;
mod certificates;
mod config;
mod limits;
mod probe;
mod server;
mod stub;
mod tls;
