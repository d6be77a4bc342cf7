//! One file for each command.

pub(crate) mod backup;
pub(crate) mod certs;
pub(crate) mod chart;
pub(crate) mod compact;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod conflicts;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod get;
pub(crate) mod history;
pub(crate) mod import;
pub(crate) mod indicators;
pub(crate) mod list;
pub(crate) mod manual;
pub(crate) mod parameter;
pub(crate) mod purge;
pub(crate) mod query;
pub(crate) mod revert;
pub(crate) mod simulate;
pub(crate) mod status;
pub(crate) mod token;
pub(crate) mod verify;
pub(crate) mod watch;

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
        Command::Indicators(indicators) => indicators::run(&global, indicators).await,
        Command::Query(query) => query::run(&global, query).await,
        Command::Chart(chart) => chart::run(&global, chart).await,
        Command::Explain(explain) => explain::run(&global, explain).await,
        Command::Compare(compare) => compare::run(&global, compare).await,
        Command::Conflicts(conflicts) => conflicts::run(&global, conflicts).await,
        Command::Parameter(parameter) => parameter::run(&global, parameter).await,
        Command::Simulate(simulate) => simulate::run(&global, simulate).await,
        Command::Watch(watch) => watch::run(&global, watch).await,
        Command::Revert(revert) => revert::run(&global, revert).await,
        Command::History(history) => history::run(&global, history).await,
        Command::Purge(purge) => purge::run(&global, purge).await,
        Command::Compact(compact) => compact::run(&global, compact).await,
        Command::Backup(backup) => backup::run(&global, backup).await,
        Command::Verify => verify::run(&global).await,
        Command::Certs(certs) => certs::run(&certs),
        Command::Token(token) => token::run(&token),
        Command::Completions(completions) => completions::run(&completions),
        Command::Manual(manual) => manual::run(&manual),
        Command::Doctor(doctor) => doctor::run(&global, &doctor).await,
        Command::Status => status::run(&global).await,
    }
}
