//! What may be said on the command line.

use std::path::PathBuf;

use clap::{Args as Arguments, Parser, Subcommand, ValueEnum};

use reform_api::client::Credentials;

use crate::client::{Peer, Service};
use crate::commands::{
    backup, certs, chart, compact, compare, completions, conflicts, demo, doctor, explain, export, get,
    history, import, indicators, list, manual, parameter, purge, query, revert, simulate, token, watch,
};
use crate::failure::Failure;

/// Sourced records of a country's reforms, and the indicators over them.
#[derive(Debug, Parser)]
#[command(name = "reform", version, max_term_width = 110, after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  reform demo                                    services, records and headline figures at once
  reform import records.jsonl                    store records, one JSON object a line
  reform list --filter 'kind = \"election\"'       records by their main date
  reform query registered-parties --period 2019..2024
  reform indicators                              every indicator; with a name, one in full
  reform chart registered-parties parties.svg    the same as a picture; without a file in the terminal
  reform explain registered-parties --at 2024    the records behind a figure
  reform export records.jsonl                    every live record, checked against its trailer
  reform doctor                                  what is wrong, and what to do
  reform backup registry.archive                 the whole store with its history, checked

Exit codes:
  0  done
  1  some of the work was refused, or a file, the terminal or the machine failed
  2  wrong usage
  3  there is no such thing (NOT_FOUND)
  4  a service does not accept what was asked (INVALID_ARGUMENT, OUT_OF_RANGE)
  5  the state forbids it (ALREADY_EXISTS, FAILED_PRECONDITION, ABORTED)
  6  a service is not there or took too long (UNAVAILABLE, DEADLINE_EXCEEDED); a repeat may help
  7  a service is at fault (INTERNAL, DATA_LOSS and the like)
  8  too much was asked (RESOURCE_EXHAUSTED)
  9  not allowed (UNAUTHENTICATED, PERMISSION_DENIED)";

/// What every command takes.
#[derive(Debug, Arguments)]
pub(crate) struct Global {
    /// Address of the data service
    #[arg(
        long,
        global = true,
        env = "REFORM_DATA",
        default_value = "http://127.0.0.1:50051",
        value_name = "URL"
    )]
    pub(crate) data: String,
    /// Address of the analytics service
    #[arg(
        long,
        global = true,
        env = "REFORM_ANALYTICS",
        default_value = "http://127.0.0.1:50052",
        value_name = "URL"
    )]
    pub(crate) analytics: String,
    /// Certificates in PEM that sign those of the services; for https addresses
    #[arg(long, global = true, env = "REFORM_TLS_CA", value_name = "FILE")]
    pub(crate) tls_ca: Option<PathBuf>,
    /// Your own certificate in PEM, for services that ask for one
    #[arg(long, global = true, env = "REFORM_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The private key of your certificate, in PEM
    #[arg(long, global = true, env = "REFORM_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// File with the token that says who you are
    #[arg(long, global = true, env = "REFORM_TOKEN_FILE", value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// How answers are written
    #[arg(short, long, global = true, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

impl Global {
    /// Connects to a service of the pair.
    pub(crate) async fn connect(&self, service: Service) -> Result<Peer, Failure> {
        Peer::connect(service, self.url(service), &self.credentials()).await
    }

    /// Where a service is.
    pub(crate) fn url(&self, service: Service) -> &str {
        match service {
            Service::Data => &self.data,
            Service::Analytics => &self.analytics,
        }
    }

    /// What is trusted and shown there.
    pub(crate) fn credentials(&self) -> Credentials {
        Credentials {
            ca: self.tls_ca.clone(),
            identity: self.tls_cert.clone().zip(self.tls_key.clone()),
            token: self.token_file.clone(),
        }
    }
}

/// How answers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For a person.
    Table,
    /// The JSON form of the contract, one message a line.
    Json,
    /// Comma-separated, with a header.
    Csv,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start both services over a store of their own, load the shipped records, print the headline figures
    Demo(demo::Demo),
    /// Store records from JSON Lines
    Import(import::Import),
    /// Write every live record as JSON Lines
    Export(export::Export),
    /// Show single records
    Get(get::Get),
    /// List records
    List(list::List),
    /// Show what indicators there are, or one in full
    Indicators(indicators::Indicators),
    /// Ask for an indicator
    Query(query::Query),
    /// Draw the answer of an indicator, as a file or in the terminal
    Chart(chart::Chart),
    /// Show the records behind one point of an indicator, and those left out
    Explain(explain::Explain),
    /// Show which figures moved between two revisions, and the changes behind them
    Compare(compare::Compare),
    /// Show what contradicts what, and which figure is in use
    Conflicts(conflicts::Conflicts),
    /// Show a legal parameter on a day, and its steps
    Parameter(parameter::Parameter),
    /// Turn votes into seats, under an election's own rules or others
    Simulate(simulate::Simulate),
    /// Follow changes, or the answer of an indicator
    Watch(watch::Watch),
    /// Undo one commit by another
    Revert(revert::Revert),
    /// Show the state of both services
    Status,
    /// Say what is wrong with both services, or soon will be, and what to do
    Doctor(doctor::Doctor),
    /// Show what a record was, the newest revision first
    History(history::History),
    /// Erase a deleted record for good
    Purge(purge::Purge),
    /// Drop the history below a revision
    Compact(compact::Compact),
    /// Write an archive of the whole store
    Backup(backup::Backup),
    /// Check every stored value and index of the data service while it runs; exit code 1 when anything is wrong
    Verify,
    /// Make certificates for a pair and its callers
    Certs(certs::Certs),
    /// Make a token for a caller
    Token(token::Token),
    /// Write a completion script for a shell
    Completions(completions::Completions),
    /// Write manual pages of all commands
    Manual(manual::Manual),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }
}
