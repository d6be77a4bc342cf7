//! One file for each command.

pub(crate) mod demo;
pub(crate) mod export;
pub(crate) mod get;
pub(crate) mod import;
pub(crate) mod list;
pub(crate) mod query;
pub(crate) mod status;

use std::process::ExitCode;

use crate::args::{Args, Command};
use crate::failure::Failure;

/// Runs the command; the exit code is that of a command that ended as it should, or found something refused.
pub(crate) async fn run(Args { global, command }: Args) -> Result<ExitCode, Failure> {
    match command {
        Command::Demo(demo) => demo::run(&global, demo).await,
        Command::Import(import) => import::run(&global, import).await,
        Command::Export(export) => export::run(&global, export).await,
        Command::Get(get) => get::run(&global, get).await,
        Command::List(list) => list::run(&global, list).await,
        Command::Query(query) => query::run(&global, query).await,
        Command::Status => status::run(&global).await,
    }
}
