//! `reform-analytics`: reads its settings, listens, serves until told to stop; or asks, for `health`.

use std::process::ExitCode;

use reform_analytics::config::Command;
use reform_runtime::{logging, server, shutdown};

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let process = match Command::from_args()? {
        Command::Health(probe) => return Ok(probe.run().await),
        Command::Serve(process) => *process,
    };
    logging::init(process.logging);
    let stop = shutdown::on_signals()?;
    let listener = server::bind(process.listen, process.insecure).await?;
    let exit = reform_analytics::run(listener, process.service, stop).await?;
    Ok(exit.code())
}
