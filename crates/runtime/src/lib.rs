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

use reform_api::error::{Fault, Reason};
use tonic::Status;

/// A call allocates some dozens of small values on one thread and frees some of them on another; the system's
/// allocator spends about a sixth of a durable write on that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The answer of an RPC that the contract has and this release does not.
pub fn unimplemented(rpc: &str) -> Status {
    Fault::new(Reason::NotImplemented, format!("{rpc} comes with a later release")).status()
}
