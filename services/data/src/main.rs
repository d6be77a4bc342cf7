//! `reform-data`: reads its settings, listens, opens its store, serves until told to stop; or does what a
//! subcommand says.

use std::process::ExitCode;

use reform_data::config::Command;
use reform_runtime::{logging, shutdown};

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let process = match Command::from_args()? {
        Command::Check(checked) => return Ok(checked.report()),
        Command::Health(probe) => return Ok(probe.run().await),
        Command::Restore(restore) => return Ok(restore.run()?),
        Command::Verify(verify) => return verify.run().await,
        Command::Compact(compact) => return Ok(compact.run(shutdown::on_signals()?).await?),
        Command::Serve(process) => *process,
    };
    logging::init(process.logging);
    let stop = shutdown::on_signals()?;
    let front = process.front.open().await?;
    let exit = reform_data::run(front, process.service, stop).await?;
    Ok(exit.code())
}
