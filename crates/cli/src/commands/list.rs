//! `reform list`: records in pages that turn themselves.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;
use futures::TryStreamExt;
use reform_api::data::v1::{ListRecordsRequest, Record};
use reform_api::json;

use crate::args::{Global, Output};
use crate::client::Service;
use crate::commands::get::as_of;
use crate::failure::Failure;
use crate::{out, progress, shape};

/// Records of one page.
const PAGE_SIZE: i32 = 500;

/// List records.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  reform list --filter 'kind = \"party\"' --order-by name
  reform list --filter 'appeal.filed_on >= \"2023-03\"' --limit 20
  reform list -o json --as-of 5 > records.jsonl")]
pub(crate) struct List {
    /// Filter over field paths (AIP-160)
    #[arg(long, default_value = "", hide_default_value = true)]
    filter: String,
    /// main_date or name, each also with " desc"
    #[arg(long, default_value = "", hide_default_value = true)]
    order_by: String,
    /// Records wanted at most
    #[arg(long)]
    limit: Option<usize>,
    /// List as of this revision
    #[arg(long, value_name = "REVISION")]
    as_of: Option<i64>,
    /// List deleted records too
    #[arg(long)]
    show_deleted: bool,
}

pub(crate) async fn run(global: &Global, list: List) -> Result<ExitCode, Failure> {
    let peer = global.connect(Service::Data).await?;
    let mut left = list.limit.unwrap_or(usize::MAX);
    let mut pages = peer.data().list_pages(ListRecordsRequest {
        filter: list.filter,
        order_by: list.order_by,
        page_size: i32::try_from(left).map_or(PAGE_SIZE, |left| left.min(PAGE_SIZE)),
        page_token: String::new(),
        as_of: as_of(list.as_of),
        show_deleted: list.show_deleted,
    });
    let mut rows = Vec::new();
    let mut unreadable = Vec::new();
    while left > 0 {
        let page = pages.try_next().await.map_err(|status| peer.failed(status))?;
        let Some(mut page) = page else { break };
        page.records.truncate(left);
        left -= page.records.len();
        unreadable.append(&mut page.unreadable);
        match global.output {
            // Lines go out as they come; columns need all rows to know their widths.
            Output::Json => write_lines(&page.records)?,
            Output::Csv | Output::Table => rows.extend(page.records.iter().map(row)),
        }
    }
    let header = ["name", "kind", "main date", "title"];
    match global.output {
        Output::Json => {}
        Output::Csv => out::csv(&["name", "kind", "main_date", "title"], rows)?,
        Output::Table => out::say(&out::table(&header, rows))?,
    }
    for name in &unreadable {
        progress::note(&format!("{name}: the stored record is damaged and left out"));
    }
    Ok(if unreadable.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn write_lines(records: &[Record]) -> Result<(), Failure> {
    let mut out = out::stdout();
    for record in records {
        writeln!(out, "{}", json::line("reform.data.v1.Record", record)?)?;
    }
    out.flush()?;
    Ok(())
}

fn row(record: &Record) -> [String; 4] {
    let deleted = if record.delete_time.is_some() { " (deleted)" } else { "" };
    let title = format!("{}{deleted}", record.title);
    [record.name.clone(), shape::kind(record).to_owned(), shape::main_date(record), title]
}
