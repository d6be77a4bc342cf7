//! Commits as lines that go out as they come.

use std::io::{self, Write};

use reform_api::data::v1::{Change, ChangeType, WatchChangesResponse};
use reform_api::json;

use crate::args::Output;
use crate::failure::Failure;
use crate::out;

const HEADER: [&str; 6] = ["revision", "time", "type", "name", "author", "reason"];

/// What stands before the first commit.
pub(super) fn begin(output: Output) -> io::Result<()> {
    match output {
        Output::Csv => out::csv::<[String; 6]>(&HEADER, []),
        Output::Json | Output::Table => Ok(()),
    }
}

/// One line for each change; in the JSON form one for the commit.
pub(super) fn write(commit: &WatchChangesResponse, output: Output) -> Result<(), Failure> {
    let rows = commit.changes.iter().map(|change| row(commit, change));
    match output {
        Output::Json => out::say(&json::line("reform.data.v1.WatchChangesResponse", commit)?)?,
        Output::Csv => {
            let mut writer = csv::Writer::from_writer(out::stdout());
            for row in rows {
                writer.write_record(row).map_err(out::plain)?;
            }
            writer.flush()?;
        }
        Output::Table => {
            let mut out = out::stdout();
            for [revision, time, kind, name, author, reason] in rows {
                // Columns would need widths of lines that are yet to come.
                let line = format!("{revision:>6}  {time:<20}  {kind:<9}  {name}  {author}  {reason}");
                writeln!(out, "{}", line.trim_end())?;
            }
            out.flush()?;
        }
    }
    Ok(())
}

fn row(commit: &WatchChangesResponse, change: &Change) -> [String; 6] {
    [
        commit.revision.to_string(),
        commit.commit_time.as_ref().map(time).unwrap_or_default(),
        verb(change.r#type()).to_owned(),
        change.name.clone(),
        commit.author.clone(),
        commit.reason.clone(),
    ]
}

/// To the second; the JSON form has it exactly.
pub(in crate::commands) fn time(time: &prost_types::Timestamp) -> String {
    jiff::Timestamp::from_second(time.seconds).map(|time| time.to_string()).unwrap_or_default()
}

/// What was done, in a word.
pub(in crate::commands) fn verb(kind: ChangeType) -> &'static str {
    match kind {
        ChangeType::Unspecified => "unknown",
        ChangeType::Created => "created",
        ChangeType::Updated => "updated",
        ChangeType::Deleted => "deleted",
        ChangeType::Undeleted => "undeleted",
        ChangeType::Purged => "purged",
        ChangeType::Damaged => "damaged",
    }
}
