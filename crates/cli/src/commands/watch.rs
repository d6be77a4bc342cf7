//! `reform watch`: changes as they are made, or an answer as it changes.

pub(in crate::commands) mod lines;

use std::process::ExitCode;

use clap::Args;
use futures::TryStreamExt;
use reform_api::analytics::v1::{QueryIndicatorRequest, WatchIndicatorRequest};
use reform_api::client::DataClient;
use reform_api::data::v1::{GetStatusRequest, WatchChangesRequest};

use crate::args::Global;
use crate::client::{Peer, Service};
use crate::commands::query::{self, Ask};
use crate::failure::Failure;

/// Follow changes, or the answer of an indicator.
///
/// Goes on across restarts of the services and ends at Ctrl-C. In the JSON form each line is a whole commit, or the
/// whole answer.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  reform watch
  reform watch --after 0 --filter 'kind = \"election\"' -o json
  reform watch registered-parties --period 2019..2024

The filter of changes is over kind, jurisdiction and name; with an indicator it is over its dimensions.")]
pub(crate) struct Watch {
    /// Show the answer of this indicator now and whenever it changed; absent is the changes themselves
    indicator: Option<String>,
    /// Begin after this revision; absent is now
    #[arg(long, value_name = "REVISION", conflicts_with = "indicator")]
    after: Option<i64>,
    #[command(flatten)]
    ask: Ask,
}

pub(crate) async fn run(global: &Global, watch: Watch) -> Result<ExitCode, Failure> {
    tokio::select! {
        // A person who has seen enough is the way this ends.
        interrupted = tokio::signal::ctrl_c() => interrupted.map(|()| ExitCode::SUCCESS).map_err(Failure::from),
        ended = follow(global, watch) => ended,
    }
}

async fn follow(global: &Global, watch: Watch) -> Result<ExitCode, Failure> {
    match watch.indicator {
        Some(indicator) => follow_answer(global, watch.ask.request(&indicator)).await?,
        None => {
            let filter = watch.ask.only_filter().ok_or_else(|| {
                Failure::Usage("options of a query need an indicator: reform watch INDICATOR …".to_owned())
            })?;
            let data = global.connect(Service::Data).await?;
            follow_changes(global, &data, watch.after, filter).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn follow_changes(
    global: &Global,
    data: &Peer,
    after: Option<i64>,
    filter: String,
) -> Result<(), Failure> {
    let client = data.data();
    let after_revision = match after {
        Some(after) => after,
        None => head(&client).await.map_err(|status| data.failed(status))?,
    };
    let request = WatchChangesRequest { after_revision, filter, ..WatchChangesRequest::default() };
    let mut feed = client.watch(request);
    lines::begin(global.output)?;
    while let Some(commit) = feed.try_next().await.map_err(|status| data.failed(status))? {
        if !commit.changes.is_empty() {
            lines::write(&commit, global.output)?;
        }
    }
    Ok(())
}

/// The newest revision of the store.
async fn head(client: &DataClient) -> Result<i64, tonic::Status> {
    Ok(client.get_status(GetStatusRequest {}).await?.head_revision)
}

/// Shows the answer now and whenever it has changed.
async fn follow_answer(global: &Global, query: QueryIndicatorRequest) -> Result<(), Failure> {
    let peer = global.connect(Service::Analytics).await?;
    let mut answers = peer.analytics().watch_indicator(WatchIndicatorRequest { query: Some(query) });
    while let Some(answer) = answers.try_next().await.map_err(|status| peer.failed(status))? {
        query::write(&answer, global.output)?;
    }
    Ok(())
}
