//! `reform-trials`: the data service as a process, while disks fail, power goes and it is killed.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use clap::{Parser, Subcommand};
use reform_runtime::{logging, shutdown};
use reform_trials::{
    compact_watch, full_disk, hostile, io_errors, kills, linearizable, one_effect, overload, own_writes,
    parsers, soak, watching,
};

/// Tries what the data service promises; each command is one sort of failure, as often as it is told.
#[derive(Debug, Parser)]
#[command(name = "reform-trials", version)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Random pairs of a compaction and a watch: no watcher misses a revision without being told.
    CompactWatch {
        /// Pairs.
        #[arg(long, default_value_t = 10_000)]
        pairs: usize,
    },
    /// Eight watchers with filters, compaction and kills: every promise of the feed over all that they saw.
    Watch {
        /// Changes that come to all of them together.
        #[arg(long, default_value_t = 1_000_000)]
        events: usize,
        /// Kills meanwhile.
        #[arg(long, default_value_t = 20)]
        kills: usize,
    },
    /// The service is killed under load, a fifth of the times while it opens its store.
    Kills {
        /// Kills.
        #[arg(long, default_value_t = 1_000)]
        cycles: usize,
    },
    /// The power is cut under load, a fifth of the times while the service opens its store: what was not synced is gone,
    /// all or in part.
    PowerCuts {
        /// Cuts.
        #[arg(long, default_value_t = 200)]
        count: usize,
    },
    /// A disk of 48 MiB is filled, by the store and under the store; needs the right to mount a tmpfs.
    FullDisk {
        /// Fills of each sort, half of them twice.
        #[arg(long, default_value_t = 20)]
        count: usize,
    },
    /// Writes through a proxy that cuts half of the answers, repeated under the same request id.
    OneEffect {
        /// Writes.
        #[arg(long, default_value_t = 100_000)]
        writes: usize,
        /// Kills between them.
        #[arg(long, default_value_t = 20)]
        kills: usize,
    },
    /// Eight clients on few names, with kills and cut connections: whether one order explains what they saw.
    Linearizable {
        /// Histories, each over a new store.
        #[arg(long, default_value_t = 100)]
        rounds: usize,
        /// Operations of each client in a history.
        #[arg(long, default_value_t = 400)]
        operations: usize,
    },
    /// One call to the disk fails: EIO, ENOSPC and a short write, each at every call of a range.
    IoErrors {
        /// The first call.
        #[arg(long, default_value_t = 1)]
        from: usize,
        /// The last call.
        #[arg(long, default_value_t = 300)]
        to: usize,
        /// Services at a time.
        #[arg(long, default_value_t = 4)]
        parallel: usize,
    },
    /// Writes, each read back from the analytics service at its revision while that is killed.
    OwnWrites {
        /// Writes.
        #[arg(long, default_value_t = 100_000)]
        writes: usize,
        /// Seconds between kills.
        #[arg(long, default_value_t = 10)]
        kill_every: u64,
    },
    /// Every parser of what comes from outside is handed examples with mistakes in them: no panic, nothing over a second.
    Parsers {
        /// Inputs of each parser.
        #[arg(long, default_value_t = 1_000_000)]
        inputs: usize,
        /// Only those whose name has this in it.
        #[arg(long, default_value = "")]
        only: String,
    },
    /// Clients that mean harm, one sort after the other, beside honest ones: memory, their waits, and what each is told.
    Hostile {
        /// Seconds of each, and as many before and after it without.
        #[arg(long, default_value_t = 10)]
        seconds: u64,
        /// The part of the silent, half-open and other clients that there are.
        #[arg(long, default_value_t = 1.0)]
        scale: f64,
        /// Milliseconds that an honest caller may wait in any case.
        #[arg(long, default_value_t = 0)]
        short_ms: u64,
        /// Only those whose name has this in it.
        #[arg(long, default_value = "")]
        only: String,
    },
    /// Three times as many calls as can be answered.
    Overload {
        /// Seconds of it.
        #[arg(long, default_value_t = 120)]
        seconds: u64,
        /// How many times the measured peak.
        #[arg(long, default_value_t = 3.0)]
        times: f64,
    },
    /// Both services for a long time: memory, open files and threads stay as they are.
    Soak {
        /// Minutes, of which the first third does not count.
        #[arg(long, default_value_t = 30)]
        minutes: u64,
        /// Reads in a second.
        #[arg(long, default_value_t = 200)]
        reads: u32,
        /// Updates in a second.
        #[arg(long, default_value_t = 2)]
        writes: u32,
        /// How many times faster all of it goes; a minute then counts for as many.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
        times: u32,
        /// MiB per ten minutes by which the memory of each may grow.
        #[arg(long, default_value_t = 1.0)]
        growth_max: f64,
        /// Another build of this program, which runs the services.
        #[arg(long)]
        services: Option<PathBuf>,
    },
    /// The analytics service as a child of this program: everything after it is the command line of `reform-analytics`.
    #[command(hide = true, disable_help_flag = true)]
    ServeAnalytics {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// The data service as a child of this program: everything after it is the command line of `reform-data`.
    #[command(hide = true, disable_help_flag = true)]
    ServeData {
        /// The part of its usual patience that the service has.
        #[arg(long, env = "TRIALS_PATIENCE", default_value_t = 1.0)]
        patience: f64,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let trials = std::env::current_exe()?;
    match Args::parse().command {
        Command::CompactWatch { pairs } => compact_watch::run(&trials, pairs).await,
        Command::Watch { events, kills } => watching::run(&trials, events, kills).await,
        Command::Kills { cycles } => kills::run(&trials, cycles).await,
        Command::PowerCuts { count } => kills::cut_power(&trials, count, false).await,
        Command::FullDisk { count } => {
            full_disk::run(&trials, count).await;
        }
        Command::OneEffect { writes, kills } => one_effect::run(&trials, writes, kills).await,
        Command::Linearizable { rounds, operations } => linearizable::run(&trials, rounds, operations).await,
        Command::IoErrors { from, to, parallel } => {
            io_errors::run(&trials, from..=to, &io_errors::FAULTS, parallel).await;
        }
        Command::OwnWrites { writes, kill_every } => {
            own_writes::run(&trials, writes, Duration::from_secs(kill_every)).await;
        }
        Command::Hostile { seconds, scale, short_ms, only } => {
            let (time, short) = (Duration::from_secs(seconds), Duration::from_millis(short_ms));
            let size = hostile::Size { time, scale, short };
            hostile::run(&trials, size, &only).await;
        }
        Command::Overload { seconds, times } => {
            let (peak, time) = (Duration::from_secs(5), Duration::from_secs(seconds));
            let (goodput_min, health_within) = (0.8, Duration::from_secs(2));
            let size = overload::Size { peak, time, times, goodput_min, health_within };
            overload::run(&trials, size).await;
        }
        Command::Soak { minutes, reads, writes, times, growth_max, services } => {
            let rates = soak::Rates { reads, writes, times, growth_max };
            soak::run(&services.unwrap_or(trials), Duration::from_secs(60 * minutes), rates).await;
        }
        Command::Parsers { inputs, only } => drop(parsers::run(inputs, &only).await),
        Command::ServeAnalytics { args } => return serve_analytics(args).await,
        Command::ServeData { patience, args } => return serve_data(patience, args).await,
    }
    Ok(ExitCode::SUCCESS)
}

/// As the program `reform-data` does it.
async fn serve_data(patience: f64, args: Vec<OsString>) -> anyhow::Result<ExitCode> {
    use reform_data::config::Command;

    let args = std::iter::once("reform-data".into()).chain(args);
    let Command::Serve(mut process) = Command::read(args, |variable| std::env::var(variable).ok())? else {
        bail!("only serving is tried");
    };
    process.service.patience = process.service.patience.scaled(patience);
    logging::init(process.logging);
    let stop = shutdown::on_signals()?;
    let front = process.front.open().await?;
    Ok(reform_data::run(front, process.service, stop).await?.code())
}

/// As the program `reform-analytics` does it.
async fn serve_analytics(args: Vec<OsString>) -> anyhow::Result<ExitCode> {
    use reform_analytics::config::Command;
    let args = std::iter::once("reform-analytics".into()).chain(args);
    let Command::Serve(process) = Command::read(args, |variable| std::env::var(variable).ok())? else {
        bail!("only serving is tried");
    };
    logging::init(process.logging);
    let stop = shutdown::on_signals()?;
    let front = process.front.open().await?;
    Ok(reform_analytics::run(front, process.service, stop).await?.code())
}
