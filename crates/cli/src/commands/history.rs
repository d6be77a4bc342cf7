//! `reform history`: what a record was, commit by commit.

use std::process::ExitCode;

use clap::Args;
use futures::{StreamExt, TryStreamExt};
use reform_api::data::v1::{ListRecordRevisionsRequest, RecordRevision};
use reform_api::json;

use crate::args::{Global, Output};
use crate::client::Service;
use crate::commands::get::full_name;
use crate::commands::watch::lines::{time, verb};
use crate::failure::Failure;
use crate::out;

/// Show what a record was, the newest revision first.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  reform history party-a
  reform history -o json party-a      with the record as it was
  reform get party-a --as-of 17       the record at one of its revisions")]
pub(crate) struct History {
    /// Name of the record; records/ may be left out
    name: String,
    /// Show at most so many revisions
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
}

pub(crate) async fn run(global: &Global, history: History) -> Result<ExitCode, Failure> {
    let peer = global.connect(Service::Data).await?;
    let name = full_name("records", &history.name);
    let request = ListRecordRevisionsRequest { name, ..ListRecordRevisionsRequest::default() };
    let revisions = peer.data().revisions(request).take(history.limit.unwrap_or(usize::MAX));
    let revisions: Vec<_> = revisions.try_collect().await.map_err(|status| peer.failed(status))?;
    write(&revisions, global.output)?;
    Ok(ExitCode::SUCCESS)
}

fn write(revisions: &[RecordRevision], output: Output) -> Result<(), Failure> {
    const HEADER: [&str; 6] = ["revision", "time", "what", "title", "author", "reason"];
    let rows = revisions.iter().map(|revision| {
        [
            revision.revision.to_string(),
            revision.commit_time.as_ref().map(time).unwrap_or_default(),
            verb(revision.r#type()).to_owned(),
            revision.record.as_ref().map(|record| record.title.clone()).unwrap_or_default(),
            revision.author.clone(),
            revision.reason.clone(),
        ]
    });
    match output {
        Output::Json => {
            for revision in revisions {
                out::say(&json::line("reform.data.v1.RecordRevision", revision)?)?;
            }
        }
        Output::Csv => out::csv(&HEADER, rows)?,
        Output::Table => out::say(&out::table(&HEADER, rows))?,
    }
    Ok(())
}
