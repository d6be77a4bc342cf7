//! What may be said on the command line.

use clap::{Args as Arguments, Parser, Subcommand, ValueEnum};

use crate::commands::{demo, export, get, import, list, query};

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
  reform query --list                            every indicator and what it is
  reform export backup.jsonl                     every live record, checked against its trailer

Exit codes: 0 done, 1 refused or failed, 2 wrong usage.";

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
    /// How answers are written
    #[arg(short, long, global = true, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
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
    /// Ask for an indicator
    Query(query::Query),
    /// Show the state of both services
    Status,
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
