//! `reform revert`: one commit undone by another.

use std::collections::HashMap;
use std::process::ExitCode;

use clap::Args;
use futures::TryStreamExt;
use reform_api::client::DataClient;
use reform_api::data::v1::mutation::Mutation as Write;
use reform_api::data::v1::{
    BatchGetRecordsRequest, Change, ChangeType, CommitRecordsRequest, CommitRecordsResponse,
    DeleteRecordRequest, GetStatusRequest, Mutation, Record, UndeleteRecordRequest, UpdateRecordRequest,
    WatchChangesRequest, WatchChangesResponse,
};
use reform_api::json;

use crate::args::{Global, Output};
use crate::client::{Peer, Service};
use crate::commands::get::as_of;
use crate::commands::watch::lines::verb;
use crate::failure::Failure;
use crate::out;

/// Names that one call reads; few, because an answer has a size.
const NAMES_MAX: usize = 100;

/// Undo one commit by another.
///
/// What the commit created is deleted, what it changed is as before, what it deleted comes back. All of it becomes one
/// new commit; nothing of the history is lost. Refused when a record was changed since.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  reform watch --after 0                         shows revisions and what they did
  reform revert --revision 17 --dry-run
  reform revert --revision 17 --reason 'imported the wrong file'")]
pub(crate) struct Revert {
    /// Revision of the commit
    #[arg(long, value_parser = clap::value_parser!(i64).range(1..))]
    revision: i64,
    /// Why; kept in the history; absent says which revision was reverted
    #[arg(long)]
    reason: Option<String>,
    /// Check everything and store nothing
    #[arg(long)]
    dry_run: bool,
    /// Who does it; kept in the history as unverified
    #[arg(long, env = "REFORM_AUTHOR")]
    author: Option<String>,
}

pub(crate) async fn run(global: &Global, revert: Revert) -> Result<ExitCode, Failure> {
    let peer = global.connect(Service::Data).await?;
    let failed = |status| peer.failed(status);
    let mut client = peer.data();
    if let Some(author) = &revert.author {
        let bad = |_| Failure::Usage("--author: visible ASCII characters and blanks only".to_owned());
        client = client.with_author(author).map_err(bad)?;
    }
    let commit = commit(&peer, &client, revert.revision).await?;
    let names: Vec<_> = commit.changes.iter().map(|change| change.name.clone()).collect();
    let now = records(&client, names, None).await.map_err(failed)?;
    check(&commit, &now)?;
    let updated = commit.changes.iter().filter(|change| change.r#type() == ChangeType::Updated);
    let names = updated.map(|change| change.name.clone()).collect();
    let mut before = records(&client, names, Some(commit.revision - 1)).await.map_err(failed)?;
    let mut mutations = Vec::new();
    for change in &commit.changes {
        let write = inverse(change, &now, &mut before)?;
        mutations.push(Mutation { mutation: Some(write) });
    }
    let request = CommitRecordsRequest {
        mutations,
        request_id: String::new(),
        validate_only: revert.dry_run,
        reason: revert.reason.unwrap_or_else(|| format!("revert revision {}", commit.revision)),
    };
    let done = client.commit_records(request).await.map_err(failed)?;
    write(&commit, &done, global.output, revert.dry_run)?;
    Ok(ExitCode::SUCCESS)
}

/// The commit of a revision, whole.
async fn commit(peer: &Peer, client: &DataClient, revision: i64) -> Result<WatchChangesResponse, Failure> {
    let status = client.get_status(GetStatusRequest {}).await.map_err(|status| peer.failed(status))?;
    if revision > status.head_revision {
        let text = format!("there is no revision {revision}; the newest is {}", status.head_revision);
        return Err(Failure::Usage(text));
    }
    let request = WatchChangesRequest {
        after_revision: revision - 1,
        store_id: status.store_id,
        filter: String::new(),
    };
    let mut feed = client.watch(request);
    while let Some(commit) = feed.try_next().await.map_err(|status| peer.failed(status))? {
        if commit.revision == revision && !commit.changes.is_empty() {
            return Ok(commit);
        }
        if commit.revision >= revision {
            break;
        }
    }
    Err(Failure::Broken(format!("revision {revision} is missing from the feed")))
}

/// Records by name.
async fn records(
    client: &DataClient,
    names: Vec<String>,
    revision: Option<i64>,
) -> Result<HashMap<String, Record>, tonic::Status> {
    let mut records = HashMap::new();
    for names in names.chunks(NAMES_MAX) {
        let request = BatchGetRecordsRequest { names: names.to_vec(), as_of: as_of(revision) };
        let page = client.batch_get_records(request).await?;
        records.extend(page.records.into_iter().map(|record| (record.name.clone(), record)));
    }
    Ok(records)
}

/// Refuses what would also undo later work, and names it.
fn check(commit: &WatchChangesResponse, now: &HashMap<String, Record>) -> Result<(), Failure> {
    let changed: Vec<_> = commit
        .changes
        .iter()
        .filter_map(|change| now.get(&change.name))
        .filter(|record| record.revision != commit.revision)
        .map(|record| format!("\n  {} was changed in revision {}", record.name, record.revision))
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    let revision = commit.revision;
    Err(Failure::Conflict(format!(
        "revision {revision} cannot be reverted, because later work stands on it; nothing was stored:{}",
        changed.concat()
    )))
}

/// The write that undoes a change. The etag refuses it when somebody else was faster.
fn inverse(
    change: &Change,
    now: &HashMap<String, Record>,
    before: &mut HashMap<String, Record>,
) -> Result<Write, Failure> {
    let name = change.name.clone();
    let missing = || Failure::Broken(format!("the service did not send {name}"));
    let etag = now.get(&name).ok_or_else(missing)?.etag.clone();
    match change.r#type() {
        ChangeType::Created | ChangeType::Undeleted => {
            Ok(Write::Delete(DeleteRecordRequest { name, etag, ..DeleteRecordRequest::default() }))
        }
        ChangeType::Updated => {
            let mut record = before.remove(&name).ok_or_else(missing)?;
            record.etag = etag;
            Ok(Write::Update(UpdateRecordRequest {
                record: Some(record),
                update_mask: Some(prost_types::FieldMask { paths: vec!["*".to_owned()] }),
                ..UpdateRecordRequest::default()
            }))
        }
        ChangeType::Deleted => {
            Ok(Write::Undelete(UndeleteRecordRequest { name, etag, ..UndeleteRecordRequest::default() }))
        }
        kind @ (ChangeType::Unspecified | ChangeType::Purged | ChangeType::Damaged) => Err(
            Failure::Conflict(format!("{name} was {}, which nothing undoes; nothing was stored", verb(kind))),
        ),
    }
}

fn write(
    commit: &WatchChangesResponse,
    done: &CommitRecordsResponse,
    output: Output,
    dry_run: bool,
) -> Result<(), Failure> {
    let rows = commit.changes.iter().map(|change| {
        let now = match change.r#type() {
            ChangeType::Created | ChangeType::Undeleted => "deleted",
            ChangeType::Updated => "as before",
            ChangeType::Deleted => "back",
            ChangeType::Unspecified | ChangeType::Purged | ChangeType::Damaged => "",
        };
        [change.name.clone(), verb(change.r#type()).to_owned(), now.to_owned()]
    });
    match output {
        Output::Json => out::say(&json::line("reform.data.v1.CommitRecordsResponse", done)?)?,
        Output::Csv => out::csv(&["record", "was", "now"], rows)?,
        Output::Table => {
            out::say(&out::table(&["record", "was", "now"], rows))?;
            let count = commit.changes.len();
            out::say(&match dry_run {
                true => format!("{count} records of revision {} would be reverted", commit.revision),
                false => {
                    format!("revision {} reverted {count} records of {}", done.revision, commit.revision)
                }
            })?;
        }
    }
    Ok(())
}
