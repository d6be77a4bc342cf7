//! `reform-data`: reads its settings, listens, opens its store, serves until told to stop.

use std::process::ExitCode;

use reform_data::config::Process;
use reform_runtime::{logging, server, shutdown};

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let process = Process::from_args()?;
    logging::init(process.logging);
    let stop = shutdown::on_signals()?;
    let listener = server::bind(process.listen, process.insecure).await?;
    let exit = reform_data::run(listener, process.service, stop).await?;
    Ok(exit.code())
}
