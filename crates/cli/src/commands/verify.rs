//! `reform verify`: the store checked while it serves.

use std::process::ExitCode;

use reform_api::data::v1::{VerifyStoreRequest, VerifyStoreResponse};

use crate::args::Global;
use crate::client::Service;
use crate::failure::Failure;
use crate::out;
use crate::progress::{self, Progress};

/// Each problem is a line on stdout; with any, the exit code is 1.
pub(crate) async fn run(global: &Global) -> Result<ExitCode, Failure> {
    let peer = global.connect(Service::Data).await?;
    let answer = peer.maintenance().verify_store(VerifyStoreRequest {}).await;
    let mut messages = answer.map_err(|status| peer.failed(status))?.into_inner();
    let progress = Progress::count("verify");
    let (mut values, mut count) = (0, 0);
    while let Some(message) = messages.message().await.map_err(|status| peer.failed(status))? {
        let VerifyStoreResponse { checked, problems, done } = message;
        progress.advance(u64::try_from(checked - values).unwrap_or_default());
        values = checked;
        count += problems.len();
        for problem in problems {
            out::say(&problem)?;
        }
        if done {
            drop(progress);
            progress::note(&format!("{values} values checked, {count} problems"));
            return Ok(if count == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
    }
    Err(Failure::Broken("the check ended without its last message; it is incomplete and void".to_owned()))
}
