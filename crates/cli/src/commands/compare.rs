//! `reform compare`: what moved between two revisions, and who moved it.

use std::process::ExitCode;

use clap::Args;
use futures::TryStreamExt;
use reform_api::analytics::v1::{Cause, CompareRevisionsRequest, Estimate, PointChange};
use reform_api::json;

use crate::args::{Global, Output};
use crate::client::Service;
use crate::commands::query::{self, Ask};
use crate::failure::Failure;
use crate::{civil, out};

/// Changes of one page.
const PAGE_SIZE: i32 = 100;

/// Show the points of an indicator that differ between two revisions, and the changes behind each.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  reform compare registered-parties --from 12 --to 15
  reform compare appeals-per-year --from 12 --to 15 -j XX --group-by channel -o json")]
pub(crate) struct Compare {
    /// Name of the indicator; indicators/ may be left out
    indicator: String,
    /// The earlier revision; 0 is the empty store
    #[arg(long, value_name = "REVISION")]
    from: i64,
    /// The later revision
    #[arg(long, value_name = "REVISION")]
    to: i64,
    #[command(flatten)]
    ask: Ask,
}

pub(crate) async fn run(global: &Global, compare: Compare) -> Result<ExitCode, Failure> {
    let Compare { indicator, from, to, ask } = compare;
    let peer = global.connect(Service::Analytics).await?;
    let request = CompareRevisionsRequest {
        query: Some(ask.request(&indicator)),
        from_revision: from,
        to_revision: to,
        page_size: PAGE_SIZE,
        page_token: String::new(),
    };
    let changes = peer.analytics().compare(request).try_collect().await;
    let changes: Vec<PointChange> = changes.map_err(|status| peer.failed(status))?;
    match global.output {
        Output::Json => {
            for change in &changes {
                out::say(&json::line("reform.analytics.v1.PointChange", change)?)?;
            }
        }
        Output::Csv => out::csv(HEADER, changes.iter().flat_map(rows))?,
        Output::Table if changes.is_empty() => out::say(&format!("no figure moved from {from} to {to}"))?,
        Output::Table => out::say(&out::table(HEADER, changes.iter().flat_map(rows)))?,
    }
    Ok(ExitCode::SUCCESS)
}

const HEADER: &[&str] = &["labels", "when", "before", "after", "revision", "record", "author", "reason"];

/// One row for each cause; those that are not listed are counted in a last one.
fn rows(change: &PointChange) -> Vec<[String; 8]> {
    let PointChange { labels, period, before, after, causes, records_total, label } = change;
    let when = period.as_ref().map(civil::period).unwrap_or_default();
    let when = if label.is_empty() { when } else { format!("{label} ({when})") };
    let shown = |estimate: &Option<Estimate>| {
        estimate.as_ref().map_or_else(|| "none".to_owned(), |estimate| estimate.display.clone())
    };
    let row = |revision: String, record: &str, author: &str, reason: &str| {
        let text = [record, author, reason].map(ToOwned::to_owned);
        let [record, author, reason] = text;
        let point = (query::pairs(labels, ", "), when.clone(), shown(before), shown(after));
        [point.0, point.1, point.2, point.3, revision, record, author, reason]
    };
    let cause = |Cause { record, revision, author, reason }: &Cause| {
        row(revision.to_string(), record, author, reason)
    };
    let mut rows: Vec<_> = causes.iter().map(cause).collect();
    let mut records: Vec<&String> = causes.iter().map(|cause| &cause.record).collect();
    records.sort();
    records.dedup();
    let more = records_total.saturating_sub(i64::try_from(records.len()).unwrap_or(i64::MAX));
    if more > 0 || rows.is_empty() {
        let more = if more > 0 { format!("+{more} more records") } else { String::new() };
        rows.push(row(String::new(), &more, "", ""));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_listed_is_counted() {
        let cause = Cause { record: "records/a".to_owned(), revision: 3, ..Cause::default() };
        let change = PointChange { causes: vec![cause], records_total: 5, ..PointChange::default() };
        let rows = rows(&change);
        assert_eq!(
            (rows.len(), rows[0][5].as_str(), rows[1][5].as_str()),
            (2, "records/a", "+4 more records")
        );
        assert_eq!((rows[0][2].as_str(), super::rows(&PointChange::default()).len()), ("none", 1));
    }
}
