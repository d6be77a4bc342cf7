//! `reform purge`: a deleted record erased for good.

use std::process::ExitCode;

use clap::Args;
use reform_api::data::v1::{PurgeRecordRequest, PurgeRecordResponse};
use reform_api::json;

use crate::args::{Global, Output};
use crate::client::Service;
use crate::commands::get::full_name;
use crate::confirm::confirm;
use crate::failure::Failure;
use crate::out;

/// Erase a deleted record for good.
///
/// No read shows it any more, at whatever revision, and its name stays taken. Its bytes leave the files with the offline
/// `reform-data compact`; older backups still hold them.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  reform purge records/appeal-17 --reason 'holds a name'
  reform purge --yes appeal-17                 without being asked")]
pub(crate) struct Purge {
    /// Name of the record; records/ may be left out
    name: String,
    /// Why; kept in the history
    #[arg(long, default_value = "")]
    reason: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Who does it; kept in the history as unverified
    #[arg(long, env = "REFORM_AUTHOR")]
    author: Option<String>,
}

pub(crate) async fn run(global: &Global, purge: Purge) -> Result<ExitCode, Failure> {
    let peer = global.connect(Service::Data).await?;
    let mut client = peer.data();
    if let Some(author) = &purge.author {
        let bad = |_| Failure::Usage("--author: visible ASCII characters and blanks only".to_owned());
        client = client.with_author(author).map_err(bad)?;
    }
    let name = full_name("records", &purge.name);
    if !purge.yes {
        confirm(&format!("{name} is erased for good."))?;
    }
    let request = PurgeRecordRequest { name: name.clone(), request_id: String::new(), reason: purge.reason };
    let done = client.purge_record(request).await.map_err(|status| peer.failed(status))?;
    write(&name, &done, global.output)?;
    Ok(ExitCode::SUCCESS)
}

fn write(name: &str, done: &PurgeRecordResponse, output: Output) -> Result<(), Failure> {
    let PurgeRecordResponse { revision, versions_erased } = done;
    match output {
        Output::Json => out::say(&json::line("reform.data.v1.PurgeRecordResponse", done)?)?,
        Output::Csv => {
            let row = [name.to_owned(), revision.to_string(), versions_erased.to_string()];
            out::csv(&["record", "revision", "versions_erased"], [row])?;
        }
        Output::Table => {
            out::say(&format!("revision {revision} erased {versions_erased} versions of {name}"))?;
        }
    }
    Ok(())
}
