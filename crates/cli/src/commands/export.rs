//! `reform export`: every live record as JSON Lines or CSV, checked against the trailer.

use std::fs::Permissions;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use futures::TryStreamExt;
use reform_api::client::Exported;
use reform_api::data::v1::{ExportRecordsRequest, ExportTrailer, Record};
use reform_api::json;
use tempfile::NamedTempFile;

use crate::args::{Global, Output};
use crate::client::{Peer, Service};
use crate::commands::get::as_of;
use crate::failure::Failure;
use crate::flat::Table;
use crate::{out, progress};

/// Write every live record as JSON Lines, or with -o csv as CSV.
///
/// The order is that of an import: what a record refers to comes before it. The end of the export proves that it is
/// complete; without that proof the command fails, and FILE is left as it was.
///
/// CSV has the columns of the kind, or of all kinds: field paths of the contract. A date is one cell, a quantity one cell
/// for each of its fields, and a list or a map one cell of JSON. An empty cell is a field that is not set.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  reform export backup.jsonl
  reform export --filter 'kind = \"appeal\"' | wc -l
  reform export -o csv --kind appeal appeals.csv")]
pub(crate) struct Export {
    /// Filter over field paths (AIP-160)
    #[arg(long, default_value = "", hide_default_value = true)]
    filter: String,
    /// Export records of this kind only, such as appeal
    #[arg(long)]
    kind: Option<String>,
    /// Export as of this revision
    #[arg(long, value_name = "REVISION")]
    as_of: Option<i64>,
    /// Leave out records whose stored value is damaged; they are named on stderr, and the exit code is 1
    #[arg(long)]
    skip_damaged: bool,
    /// File to write, put in place only when complete; absent is stdout
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

pub(crate) async fn run(global: &Global, export: Export) -> Result<ExitCode, Failure> {
    let Export { filter, kind, as_of: revision, skip_damaged, file } = export;
    let table = Table::new(kind.as_deref()).map_err(|what| Failure::Usage(format!("--kind: {what}")))?;
    let table = (global.output == Output::Csv).then_some(table);
    let peer = global.connect(Service::Data).await?;
    let (filter, as_of) = (narrowed(filter, kind), as_of(revision));
    let request = ExportRecordsRequest { filter, as_of, name_damaged: skip_damaged };
    let damaged = match file {
        None => copy(&peer, request, Form::new(table, out::stdout()), "stdout").await?.damaged,
        Some(path) => {
            let shown = path.display().to_string();
            let failed = |source| Failure::File { path: path.display().to_string(), source };
            let file = beside(&path).map_err(failed)?;
            let out = BufWriter::new(file.as_file().try_clone().map_err(failed)?);
            let trailer = copy(&peer, request, Form::new(table, out), &shown).await?;
            file.as_file().sync_all().map_err(failed)?;
            file.persist(&path).map_err(|error| failed(error.error))?;
            let ExportTrailer { count, revision, damaged, .. } = trailer;
            progress::note(&format!("{count} records of revision {revision} in {shown}"));
            damaged
        }
    };
    Ok(if damaged == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The filter with the kind.
fn narrowed(filter: String, kind: Option<String>) -> String {
    match kind {
        None => filter,
        Some(kind) if filter.trim().is_empty() => format!("kind = \"{kind}\""),
        Some(kind) => format!("kind = \"{kind}\" AND ({filter})"),
    }
}

/// How records are written.
enum Form<W: Write> {
    Lines(W),
    Csv(Box<csv::Writer<W>>, Table),
}

impl<W: Write> Form<W> {
    fn new(table: Option<Table>, out: W) -> Self {
        match table {
            None => Self::Lines(out),
            Some(table) => Self::Csv(Box::new(csv::Writer::from_writer(out)), table),
        }
    }

    /// Writes the header, where there is one.
    fn begin(&mut self) -> io::Result<()> {
        match self {
            Self::Lines(_) => Ok(()),
            Self::Csv(out, table) => out.write_record(table.header()).map_err(out::plain),
        }
    }

    fn write(&mut self, record: &Record, failed: impl Fn(io::Error) -> Failure) -> Result<(), Failure> {
        match self {
            Self::Lines(out) => {
                writeln!(out, "{}", json::line("reform.data.v1.Record", record)?).map_err(failed)
            }
            Self::Csv(out, table) => {
                out.write_record(table.row(record)?).map_err(|error| failed(out::plain(error)))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Lines(out) => out.flush(),
            Self::Csv(out, _) => out.flush(),
        }
    }
}

/// A file in the same folder, with the rights a new file would have, that disappears unless it is put in place.
fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    tempfile::Builder::new()
        .prefix(".reform-export-")
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder.unwrap_or(Path::new(".")))
}

async fn copy(
    peer: &Peer,
    request: ExportRecordsRequest,
    mut out: Form<impl Write>,
    shown: &str,
) -> Result<ExportTrailer, Failure> {
    // A reader of stdout that left keeps its own kind of error; one of a file names the file.
    let failed = |source: io::Error| match shown {
        "stdout" => Failure::Io(source),
        path => Failure::File { path: path.to_owned(), source },
    };
    let mut items = peer.data().export(request);
    out.begin().map_err(failed)?;
    while let Some(item) = items.try_next().await.map_err(|status| peer.failed(status))? {
        match item {
            Exported::Record { record, .. } => out.write(&record, failed)?,
            Exported::Damaged(name) => progress::note(&format!("left out, damaged: {name}")),
            Exported::Whole(trailer) => {
                out.flush().map_err(failed)?;
                return Ok(trailer);
            }
        }
    }
    Err(Failure::Broken("the export ended without its trailer; it is incomplete and void".to_owned()))
}
