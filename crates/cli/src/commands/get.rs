//! `reform get`: single records.

use std::process::ExitCode;

use clap::Args;
use reform_api::data::v1::{AsOf, GetRecordRequest, Record, as_of};
use reform_api::json;

use crate::args::{Global, Output};
use crate::client::Service;
use crate::failure::Failure;
use crate::{out, shape};

/// Show single records.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  reform get records/election-2023
  reform get -o json party-a party-b      records/ may be left out")]
pub(crate) struct Get {
    /// Names of records; records/ may be left out
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
    /// Read as of this revision
    #[arg(long, value_name = "REVISION")]
    as_of: Option<i64>,
}

/// The contract's way to name a revision.
pub(crate) fn as_of(revision: Option<i64>) -> Option<AsOf> {
    revision.map(|revision| AsOf { store_id: String::new(), point: Some(as_of::Point::Revision(revision)) })
}

/// The full name of a resource that was named by its id alone.
pub(crate) fn full_name(collection: &str, name: &str) -> String {
    if name.contains('/') { name.to_owned() } else { format!("{collection}/{name}") }
}

/// Reports a missing record and goes on to the next, so that the exit code tells of any.
pub(crate) async fn run(global: &Global, get: Get) -> Result<ExitCode, Failure> {
    let peer = global.connect(Service::Data).await?;
    let client = peer.data();
    let mut found = Vec::new();
    let mut code = ExitCode::SUCCESS;
    for name in &get.names {
        let name = full_name("records", name);
        match client.get_record(GetRecordRequest { name, as_of: as_of(get.as_of) }).await {
            Ok(record) => found.push(record),
            Err(status) if status.code() == tonic::Code::NotFound => {
                code = peer.failed(status).report();
            }
            Err(status) => return Err(peer.failed(status)),
        }
    }
    write(&found, global.output)?;
    Ok(code)
}

fn write(records: &[Record], output: Output) -> Result<(), Failure> {
    let broken = |error: prost::DecodeError| Failure::Broken(error.to_string());
    match output {
        Output::Json => {
            for record in records {
                out::say(&json::line("reform.data.v1.Record", record)?)?;
            }
        }
        Output::Csv => {
            let mut rows = Vec::new();
            for record in records {
                let fields = shape::fields(record).map_err(broken)?;
                rows.extend(fields.into_iter().map(|(path, value)| [record.name.clone(), path, value]));
            }
            out::csv(&["record", "path", "value"], rows)?;
        }
        Output::Table => {
            for record in records {
                let fields = shape::fields(record).map_err(broken)?;
                out::say(&out::table(&["field", "value"], fields.into_iter().map(<[String; 2]>::from)))?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_id_is_completed() {
        assert_eq!(full_name("records", "a"), "records/a");
        assert_eq!(full_name("records", "records/a"), "records/a");
    }
}
