//! `reform-data`: the data service as a process.

use std::process::ExitCode;

use reform_data::config;
use reform_runtime::{logging, server, shutdown};

#[tokio::main]
async fn main() -> ExitCode {
    match start().await {
        Ok(exit) => exit.code(),
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn start() -> anyhow::Result<server::Exit> {
    let program = config::program();
    let matches = program.command().get_matches();
    let settings = program.read(&matches, |variable| std::env::var(variable).ok());
    let (logging, (address, insecure), config) = config::read(settings)
        .unwrap_or_else(|error| program.command().error(clap::error::ErrorKind::InvalidValue, error).exit());
    logging::init(logging);
    let shutdown = shutdown::on_signals()?;
    let listener = server::bind(address, insecure).await?;
    Ok(reform_data::run(listener, config, shutdown).await?)
}
