//! `reform demo`: both services, the shipped records, and the headline figures.
//!
//! In reading order: [`pair`]: the services in this process; [`headlines`]: what is asked and which points are shown;
//! [`report`]: the figures with their sources; [`pictures`]: some of them drawn; [`tour`]: lines to paste.

mod headlines;
mod pair;
mod pictures;
mod report;
mod tour;

use std::future;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use reform_api::analytics::v1::{BatchQueryIndicatorsRequest, QueryIndicatorResponse};
use reform_api::client::Credentials;
use reform_api::data::v1::ImportOptions;
use reform_api::data::v1::import_options::{OnExisting, OnInvalid};
use reform_api::error;
use reform_api::json;
use reform_runtime::logging::{self, Format};
use reform_runtime::shutdown;
use tokio::time::Instant;
use tracing_subscriber::EnvFilter;

use crate::args::{Global, Output};
use crate::client::{self, Peer, Service};
use crate::commands::import::{self, Plan, Problems, Summary};
use crate::commands::query;
use crate::failure::Failure;
use crate::input::Source;
use crate::out;
use crate::progress::{self, Progress};
use headlines::Headlines;
use pair::Pair;

/// How long the analytics service may take to apply what was imported.
const CATCH_UP_MAX: Duration = Duration::from_secs(60);

/// How long the demo rests before it asks again.
const CATCH_UP_PAUSE: Duration = Duration::from_millis(100);

/// Start both services over a store of their own, load the shipped records, print the headline figures.
///
/// The services listen on free ports of this machine only, so a demo never meets another one. They serve until Ctrl-C.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  reform demo
  reform demo --exit
  reform demo --exit --charts ./charts   pictures of the shipped records as well
  reform demo --data-dir ./registry      keep the store; run it again and the records are there")]
pub(crate) struct Demo {
    /// Folder for the store, kept at the end; absent is a temporary one
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// End after printing instead of serving
    #[arg(long)]
    exit: bool,
    /// Folder for pictures of the shipped records
    #[arg(long, value_name = "DIR")]
    charts: Option<PathBuf>,
    /// What to log on stderr: a level, or a level for each target
    #[arg(long, value_name = "FILTER", default_value = "warn")]
    log: String,
}

pub(crate) async fn run(global: &Global, demo: Demo) -> Result<ExitCode, Failure> {
    let filter = EnvFilter::try_new(&demo.log).map_err(|error| Failure::Usage(format!("--log: {error}")))?;
    logging::init(logging::Config { filter, format: Format::Text });
    let headlines = Headlines::shipped()?;
    let stop = shutdown::on_signals()?;
    // A temporary folder goes when this function ends, after the services did.
    let temporary = match &demo.data_dir {
        Some(_) => None,
        None => Some(tempfile::Builder::new().prefix("reform-demo-").tempdir()?),
    };
    let folder = demo.data_dir.as_deref().or(temporary.as_ref().map(tempfile::TempDir::path));
    let folder = folder.expect("one of the two is there");

    let pair = Pair::start(folder).await?;
    let served = tokio::select! {
        served = serve(&pair, &headlines, global.output, &demo) => served,
        failure = pair.ended() => Err(failure),
        () = stop.cancelled() => Ok(()),
    };
    // An error of a service says more than the failure that it caused.
    let code = pair.stop().await?;
    served.map(|()| code)
}

/// Prints the figures, then lets the services serve until the caller drops this.
async fn serve(pair: &Pair, headlines: &Headlines, output: Output, demo: &Demo) -> Result<(), Failure> {
    let revision = show(pair, headlines, output).await?;
    if let Some(folder) = &demo.charts {
        let analytics =
            Peer::connect(Service::Analytics, &pair.analytics_url(), &Credentials::default()).await?;
        pictures::draw(&analytics, revision, folder).await?;
    }
    if demo.exit {
        return Ok(());
    }
    progress::note("serving until Ctrl-C");
    future::pending().await
}

/// Prints the figures and returns the revision that they were asked at.
async fn show(pair: &Pair, headlines: &Headlines, output: Output) -> Result<i64, Failure> {
    let data = Peer::connect(Service::Data, &pair.data_url(), &Credentials::default()).await?;
    let analytics = Peer::connect(Service::Analytics, &pair.analytics_url(), &Credentials::default()).await?;
    let imported = load(&data).await?;
    let revision = match imported.revision {
        // Nothing changed, as in the second run over the same folder: the newest revision is in the store.
        0 => head(&data).await?,
        revision => revision,
    };
    let answers = ask(&analytics, headlines, revision).await?;
    match output {
        Output::Table => {
            let text = report::text(&data, headlines, &answers).await?;
            let Summary { created, replaced, unchanged, .. } = imported;
            out::say(&format!(
                "{} shipped records: {created} new, {replaced} changed, {unchanged} already there\n\n{text}\n{}",
                created + replaced + unchanged,
                tour::text(pair, headlines, revision),
            ))?;
        }
        Output::Json => {
            for answer in &answers {
                out::say(&json::line("reform.analytics.v1.QueryIndicatorResponse", answer)?)?;
            }
        }
        Output::Csv => query::write_csv(&answers)?,
    }
    Ok(revision)
}

/// Imports the shipped records over whatever is there.
async fn load(data: &Peer) -> Result<Summary, Failure> {
    let files = reform_dataset::FILES;
    let bytes = files.iter().map(|(_, text)| text.len() as u64).sum();
    let sources = files.iter().map(|(name, text)| Source::text(name, text)).collect();
    let options = ImportOptions {
        on_existing: OnExisting::Replace.into(),
        on_invalid: OnInvalid::Abort.into(),
        dry_run: false,
        reason: "shipped records".to_owned(),
    };
    let plan = Plan { options, author: Some("reform demo".to_owned()), map: None };
    let progress = Arc::new(Progress::bytes("importing", Some(bytes)));
    let problems = Arc::new(Problems::new(progress.clone(), i64::MAX));
    let summary = import::send(data, sources, plan, progress, problems).await?;
    if summary.problems > 0 {
        return Err(Failure::Demo("the shipped records were refused, see above".to_owned()));
    }
    Ok(summary)
}

async fn head(data: &Peer) -> Result<i64, Failure> {
    let status = data.maintenance().get_status(client::request(Default::default())).await;
    Ok(status.map_err(|status| data.failed(status))?.into_inner().head_revision)
}

/// Asks all headlines at one revision, as soon as that is applied.
async fn ask(
    analytics: &Peer,
    headlines: &Headlines,
    revision: i64,
) -> Result<Vec<QueryIndicatorResponse>, Failure> {
    let give_up = Instant::now() + CATCH_UP_MAX;
    loop {
        let request = BatchQueryIndicatorsRequest { queries: headlines.queries(revision)? };
        let answer = analytics.indicators().batch_query_indicators(client::request(request)).await;
        match answer {
            Ok(answer) => return Ok(answer.into_inner().answers),
            Err(status) => {
                let wait = matches!(
                    error::reason(&status).as_deref(),
                    Some("STARTING" | "CATCHING_UP" | "REVISION_AHEAD")
                );
                if !wait || Instant::now() > give_up {
                    return Err(analytics.failed(status));
                }
                tokio::time::sleep(CATCH_UP_PAUSE).await;
            }
        }
    }
}
