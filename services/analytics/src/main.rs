//! `reform-analytics`: reads its settings, listens, serves until told to stop; or asks, for `health`.

use std::process::ExitCode;

use reform_analytics::config::Command;
use reform_runtime::{logging, shutdown};

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let process = match Command::from_args()? {
        Command::Check(checked) => return Ok(checked.report()),
        Command::Health(probe) => return Ok(probe.run().await),
        Command::Serve(process) => *process,
    };
    logging::init(process.logging);
    let stop = shutdown::on_signals()?;
    let front = process.front.open().await?;
    let exit = reform_analytics::run(front, process.service, stop).await?;
    Ok(exit.code())
}
