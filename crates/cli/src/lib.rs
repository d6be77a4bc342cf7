//! `reform`: the registry from a terminal.
//!
//! In reading order:
//! - `args`: what may be said on the command line;
//! - `commands`: one file for each command;
//! - `client`: how the services are reached; `failure`: how a failure reads, and the exit code;
//! - `input`: JSON Lines become batches; `table`: so does CSV, by a map;
//! - `shape`, `flat`, `civil` and `figure`: records, dates and points for a reader;
//! - `parsers`: what reads text of strangers, for trials;
//! - `out`: the only way to stdout; `progress`: bars and problems on stderr.

mod args;
mod civil;
mod client;
mod commands;
mod confirm;
mod failure;
mod figure;
mod flat;
mod input;
mod out;
#[doc(hidden)]
pub mod parsers;
mod progress;
mod shape;
mod table;

use std::process::ExitCode;

use clap::Parser;

/// Does what the command line says.
pub fn run() -> ExitCode {
    let args = args::Args::parse();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failure::Failure::from(error).report(),
    };
    let done = runtime.block_on(commands::run(args));
    // Reading from a terminal cannot be interrupted; the process does not wait for it.
    runtime.shutdown_background();
    done.unwrap_or_else(failure::Failure::report)
}
