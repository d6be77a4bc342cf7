//! `reform compact`: history dropped below a revision.

use std::process::ExitCode;

use clap::Args;
use reform_api::data::v1::{CompactHistoryRequest, CompactHistoryResponse};

use crate::args::Global;
use crate::client::Service;
use crate::confirm::confirm;
use crate::failure::Failure;
use crate::progress::{self, Progress};

/// Drop the history below a revision.
///
/// Nothing can be read as of an older revision any more; every record's newest version stays. The space is used again by
/// the store; the files shrink with the offline `reform-data compact`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  reform status                       shows the head and the oldest revision
  reform compact 10000
  reform compact --yes 10000          without being asked")]
pub(crate) struct Compact {
    /// The revision that becomes the oldest
    #[arg(value_parser = clap::value_parser!(i64).range(0..))]
    revision: i64,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub(crate) async fn run(global: &Global, compact: Compact) -> Result<ExitCode, Failure> {
    let peer = global.connect(Service::Data).await?;
    let Compact { revision, yes } = compact;
    if !yes {
        confirm(&format!("The history below revision {revision} is dropped for good."))?;
    }
    let request = CompactHistoryRequest { revision };
    let answer = peer.maintenance().compact_history(request).await;
    let mut messages = answer.map_err(|status| peer.failed(status))?.into_inner();
    let progress = Progress::count("compact");
    let mut at = 0;
    while let Some(message) = messages.message().await.map_err(|status| peer.failed(status))? {
        let CompactHistoryResponse { done_revision, done } = message;
        progress.advance(u64::try_from(done_revision - at).unwrap_or_default());
        at = done_revision;
        if done {
            drop(progress);
            progress::note(&format!("history is dropped below revision {revision}"));
            return Ok(ExitCode::SUCCESS);
        }
    }
    Err(Failure::Broken("the service ended before it was done; ask again to see the end".to_owned()))
}
