//! The runtime as a service sees it.
#![allow(clippy::unwrap_used, reason = "tests")]

mod calls;
mod certificates;
mod config;
mod probe;
mod server;
mod stub;
mod tls;
