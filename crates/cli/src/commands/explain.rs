//! `reform explain`: the records behind one point.

mod choice;

use std::collections::HashMap;
use std::process::ExitCode;

use clap::Args;
use reform_api::analytics::v1::{ExplainPointRequest, ExplainPointResponse};
use reform_api::data::v1::{BatchGetRecordsRequest, Period};
use reform_api::json;

use crate::args::{Global, Output};
use crate::client::{Peer, Service};
use crate::commands::query::{self, Ask};
use crate::failure::Failure;
use crate::{civil, figure, out, progress};

/// Contributions and exclusions of one page.
const PAGE_SIZE: i32 = 1_000;

/// Names that one call may read.
const NAMES_MAX: usize = 1_000;

/// Show the records behind one point of an indicator, and those left out.
///
/// What tells the point from others may be left out where there is only one; else the points there are are listed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  reform explain registered-parties --at 2024
  reform explain appeals-per-year --label origin=COUNTED --at 2023 -o csv
  reform explain target-progress --at 2025 --title 'Target of the plan'")]
pub(crate) struct Explain {
    /// Name of the indicator; indicators/ may be left out
    indicator: String,
    #[command(flatten)]
    ask: Ask,
    /// Label of the series; may be repeated
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = query::parse_pair)]
    labels: Vec<(String, String)>,
    /// Period of the point, as the query shows it: a year, month or day, or START..END
    #[arg(long, value_name = "PERIOD", value_parser = civil::parse_period)]
    at: Option<Period>,
    /// Title of the point, where several share a period
    #[arg(long)]
    title: Option<String>,
}

pub(crate) async fn run(global: &Global, explain: Explain) -> Result<ExitCode, Failure> {
    let peer = global.connect(Service::Analytics).await?;
    let Explain { indicator, ask, labels, at, title } = explain;
    let query = ask.request(&indicator);
    let answer = peer.analytics().query_indicator(query.clone()).await;
    let answer = answer.map_err(|status| peer.failed(status))?;
    let wanted = choice::Wanted { labels, at, title };
    let (series, point) = wanted.only(&answer)?;
    let request = ExplainPointRequest {
        query: Some(query),
        labels: series.labels.clone(),
        period: point.period.clone(),
        label: point.label.clone(),
        page_size: PAGE_SIZE,
        page_token: String::new(),
    };
    let explained = whole(&peer, request).await?;
    match global.output {
        Output::Json => out::say(&json::line("reform.analytics.v1.ExplainPointResponse", &explained)?)?,
        Output::Csv => out::csv(&["role", "record", "revision", "contribution", "why"], rows(&explained))?,
        Output::Table => write(global, &answer.indicator, &explained).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// All pages as one answer.
async fn whole(peer: &Peer, mut request: ExplainPointRequest) -> Result<ExplainPointResponse, Failure> {
    let client = peer.analytics();
    let mut whole: Option<ExplainPointResponse> = None;
    loop {
        let page = client.explain_point(request.clone()).await.map_err(|status| peer.failed(status))?;
        request.page_token.clone_from(&page.next_page_token);
        match &mut whole {
            None => whole = Some(page),
            Some(whole) => {
                whole.contributions.extend(page.contributions);
                whole.exclusions.extend(page.exclusions);
            }
        }
        if request.page_token.is_empty()
            && let Some(mut whole) = whole.take()
        {
            whole.next_page_token.clear();
            return Ok(whole);
        }
    }
}

async fn write(global: &Global, indicator: &str, explained: &ExplainPointResponse) -> Result<(), Failure> {
    let ExplainPointResponse { point, revision, formula, formula_version, labels, .. } = explained;
    let point = point.clone().unwrap_or_default();
    out::say(&format!("{indicator} [{}]", query::pairs(labels, ", ")))?;
    let header = ["when", "figure", "bounds", "records", "caveats", "further figures"];
    let row = [
        figure::when(&point),
        figure::figure(&point),
        figure::bounds(&point),
        point.records.to_string(),
        figure::caveats(&point),
        query::pairs(&point.figures, ", "),
    ];
    out::say(&out::table(&header, [row]))?;
    out::say(&format!("formula version {formula_version}: {formula}\nrevision {revision}"))?;
    let (contributions, exclusions) = (explained.contributions.len(), explained.exclusions.len());
    out::say(&format!("\n{contributions} contributions, {exclusions} left out"))?;
    if contributions + exclusions > 0 {
        out::say(&out::table(&["role", "record", "revision", "contribution", "why"], rows(explained)))?;
    }
    out::say(&format!("\n{} sources", explained.sources.len()))?;
    if !explained.sources.is_empty() {
        let titles = titles(global, &explained.sources).await;
        let row = |name: &String| [titles.get(name).cloned().unwrap_or_default(), name.clone()];
        out::say(&out::table(&["title", "source"], explained.sources.iter().map(row)))?;
    }
    Ok(())
}

fn rows(explained: &ExplainPointResponse) -> Vec<[String; 5]> {
    let entered = explained.contributions.iter().map(|row| {
        let revision = row.revision.to_string();
        ["enters".to_owned(), row.record.clone(), revision, row.contribution.clone(), row.note.clone()]
    });
    let left_out = explained.exclusions.iter().map(|row| {
        let revision = row.revision.to_string();
        ["left out".to_owned(), row.record.clone(), revision, String::new(), row.reason.clone()]
    });
    entered.chain(left_out).collect()
}

/// Titles by name. The names alone say enough where the data service is away or one of them is gone.
async fn titles(global: &Global, names: &[String]) -> HashMap<String, String> {
    let mut titles = HashMap::new();
    let peer = match global.connect(Service::Data).await {
        Ok(peer) => peer,
        Err(failure) => {
            progress::note(&format!("sources without titles: {failure}"));
            return titles;
        }
    };
    for names in names.chunks(NAMES_MAX) {
        let request = BatchGetRecordsRequest { names: names.to_vec(), as_of: None };
        match peer.data().batch_get_records(request).await {
            Ok(page) => titles.extend(page.records.into_iter().map(|record| (record.name, record.title))),
            Err(status) => progress::note(&format!("sources without titles: {}", peer.failed(status))),
        }
    }
    titles
}
