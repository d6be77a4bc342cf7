//! `reform-bench`: what the services cost, as ratios against what stands beside them in the same run.
//!
//! In reading order:
//! - [`data`] and [`analytics`]: the benchmarks, lists of what is measured; [`contest`]: the same calls against everybody, by turns;
//! - [`server`]: a service in a process of its own, started, found and stopped; [`echo`]: the bare tonic echo;
//!   [`etcd`] and [`postgres`]: the same for what others made, found by [`programs`];
//! - [`secrets`]: certificates and tokens;
//! - [`load`]: closed loops of unary calls and their latencies; [`calls`]: what they ask; [`upload`]: one long import
//!   stream;
//! - [`synthetic`]: the appeals, each a function of its number; [`disk`]: bytes of a folder; [`process`]: of a
//!   process;
//! - [`session`]: how a run begins and ends; [`report`]: medians, spreads and ratios as a table and as JSON.

mod analytics;
mod calls;
mod contest;
mod data;
mod disk;
mod echo;
mod etcd;
mod load;
mod postgres;
mod process;
mod programs;
mod report;
mod secrets;
mod server;
mod session;
mod synthetic;
mod upload;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Measures the services against what stands beside them in the same run.
#[derive(Debug, Parser)]
#[command(name = "reform-bench", version)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The data service against a bare tonic echo, etcd and PostgreSQL.
    Data(data::Args),
    /// The analytics service against an echo of its answers and DuckDB.
    Analytics(analytics::Args),
    /// Of the first, what needs neither of the two nor ten million appeals.
    Quick(data::Args),
    /// The data service as a child of this program.
    #[command(hide = true)]
    ServeData(server::DataArgs),
    /// The analytics service as a child of this program.
    #[command(hide = true)]
    ServeAnalytics(server::AnalyticsArgs),
    /// The echo of an answer as a child of this program.
    #[command(hide = true)]
    ServeAnswer(server::AnswerArgs),
    /// The echo as a child of this program.
    #[command(hide = true)]
    ServeEcho(server::EchoArgs),
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Args::parse().command {
        Command::Data(args) => interruptible(data::run(args)).await,
        Command::Analytics(args) => interruptible(analytics::run(args)).await,
        Command::Quick(args) => interruptible(data::run(args.quick())).await,
        Command::ServeData(args) => server::serve_data(args).await,
        Command::ServeAnalytics(args) => server::serve_analytics(args).await,
        Command::ServeAnswer(args) => server::serve_answer(args).await,
        Command::ServeEcho(args) => server::serve_echo(args).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::progress(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs a benchmark until it ends or a signal comes. Dropped, it ends its child processes and removes its folder.
async fn interruptible(benchmark: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let stop = reform_runtime::shutdown::on_signals()?;
    tokio::select! {
        done = benchmark => done,
        () = stop.cancelled() => Err(anyhow::anyhow!("interrupted, nothing is reported")),
    }
}
