//! What every benchmark begins and ends with: a file for the JSON, a temporary folder, the table.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::Value;
use tempfile::TempDir;

use crate::report::{self, Report};

/// A run of a benchmark.
#[derive(Debug)]
pub(crate) struct Session {
    json: Option<File>,
    folder: TempDir,
}

impl Session {
    /// Opens the file to write to, if one is named, and makes a folder for the stores.
    ///
    /// # Errors
    /// When either cannot be made.
    pub(crate) fn begin(json: Option<&Path>, dir: Option<&Path>) -> anyhow::Result<Self> {
        // Better told now than after some minutes.
        let json =
            json.map(|path| File::create(path).with_context(|| format!("cannot write {}", path.display())));
        let json = json.transpose()?;
        if cfg!(debug_assertions) {
            report::progress("warning: this is no release build, the figures mean little");
        }
        let folder = match dir {
            Some(parent) => TempDir::with_prefix_in("reform-bench-", parent),
            None => TempDir::with_prefix("reform-bench-"),
        };
        Ok(Self { json, folder: folder.context("cannot make a temporary folder")? })
    }

    /// Where the stores go.
    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Prints the table, writes the JSON with what tells how it was run, and removes the folder.
    ///
    /// # Errors
    /// When nobody reads, or a file cannot be written or removed.
    pub(crate) fn end(self, report: &Report, mut run: Value) -> anyhow::Result<()> {
        report::print(report)?;
        run["version"] = env!("CARGO_PKG_VERSION").into();
        run["release"] = (!cfg!(debug_assertions)).into();
        run["processors"] = std::thread::available_parallelism().map_or(0, usize::from).into();
        if let Some(file) = self.json {
            serde_json::to_writer_pretty(file, &report.json(run))?;
        }
        self.folder.close().context("cannot remove the temporary folder")
    }
}
