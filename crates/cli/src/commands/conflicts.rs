//! `reform conflicts`: what contradicts what.

use std::process::ExitCode;

use clap::Args;
use futures::TryStreamExt;
use reform_api::analytics::v1::{Conflict, ListConflictsRequest};
use reform_api::json;

use crate::args::{Global, Output};
use crate::client::Service;
use crate::commands::get::full_name;
use crate::failure::Failure;
use crate::{civil, out};

/// Conflicts of one page.
const PAGE_SIZE: i32 = 500;

/// Show what contradicts what, and which figure is in use.
///
/// Several observations of one thing stand together, the one in use first, whether they agree or not. Rival claims that
/// a record keeps beside what it says stand with that record.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  reform conflicts
  reform conflicts -j XX --variable records/gdp
  reform conflicts -o json | jq .why")]
pub(crate) struct Conflicts {
    /// Jurisdiction code, matched exactly; may be repeated; absent is all
    #[arg(short, long, value_name = "CODE")]
    jurisdiction: Vec<String>,
    /// Only what observations of this variable say; records/ may be left out
    #[arg(long, value_name = "NAME")]
    variable: Option<String>,
}

pub(crate) async fn run(global: &Global, conflicts: Conflicts) -> Result<ExitCode, Failure> {
    let peer = global.connect(Service::Analytics).await?;
    let request = ListConflictsRequest {
        jurisdictions: conflicts.jurisdiction,
        variable: conflicts.variable.map(|name| full_name("records", &name)).unwrap_or_default(),
        page_size: PAGE_SIZE,
        page_token: String::new(),
    };
    let mut all = peer.analytics().conflicts(request);
    let mut rows = Vec::new();
    while let Some(conflict) = all.try_next().await.map_err(|status| peer.failed(status))? {
        match global.output {
            Output::Json => out::say(&json::line("reform.analytics.v1.Conflict", &conflict)?)?,
            Output::Csv | Output::Table => rows.push(row(&conflict)),
        }
    }
    let header = ["about", "subject", "period", "records", "gap", "why"];
    match global.output {
        Output::Json => {}
        Output::Csv => out::csv(&header, rows)?,
        Output::Table if rows.is_empty() => out::say("nothing contradicts")?,
        Output::Table => out::say(&out::table(&header, rows))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn row(conflict: &Conflict) -> [String; 6] {
    let Conflict { variable, subject, period, records, why, gap } = conflict;
    [
        if variable.is_empty() { "a record's own claims".to_owned() } else { variable.clone() },
        subject.clone(),
        period.as_ref().map(civil::period).unwrap_or_default(),
        records.join(" "),
        gap.as_ref().map(|gap| gap.display.clone()).unwrap_or_default(),
        why.clone(),
    ]
}
