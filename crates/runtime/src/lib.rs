//! How a process of the pair runs; both services and the demo share it.
//!
//! In reading order:
//! - [`config`]: settings by flag, environment and one TOML file, all mistakes reported together;
//! - [`logging`]: log lines on stderr, as text or JSON;
//! - [`shutdown`]: signals become a token;
//! - [`front`]: how the process is reached; [`tls`] over [`watched`] files; [`identity`]: who calls;
//! - [`access`]: who may do what, from certificates and tokens;
//! - [`server`]: bind, serve, drain; `connection`, `preface` and `flood`: one connection; [`routes`]: which service answers;
//! - [`limits`]: how much at once; [`queue`]: whose turn it is to compute;
//! - [`health`] and [`reflection`]: what every process serves beside its own RPCs; [`probe`] asks for the first;
//! - [`calls`]: what happens to every call: deadline, panic, size codes, stamp, request id, log line;
//! - [`metrics`]: numbers for a monitoring system, which `admin` hands out; [`traces`]: a span of each call for a collector.

pub mod access;
mod admin;
pub mod background;
pub mod calls;
pub mod config;
mod connection;
pub mod flood;
pub mod front;
pub mod health;
pub mod identity;
pub mod limits;
pub mod logging;
mod memory;
pub mod metrics;
#[doc(hidden)]
pub mod parsers;
mod preface;
pub mod probe;
pub mod queue;
pub mod reflection;
pub mod routes;
pub mod server;
pub mod shutdown;
pub mod tls;
pub mod traces;
pub mod watched;
