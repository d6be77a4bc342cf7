//! Strangers' files: CSV by a map, and CSV out.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails here")]

mod complaints;
mod resumed;
mod shapes;
mod wrong;

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A map that is shipped as an example.
pub(crate) fn shipped(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("maps").join(name);
    path.to_str().unwrap().to_owned()
}

/// A folder for the files of one test.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file and returns its path.
    pub(crate) fn file(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        fs::write(self.path(name), text).unwrap();
        self.path(name).to_str().unwrap().to_owned()
    }
}

/// A source and an institution for appeals, and a map of files with the columns `id`, `filed` and `channel`.
pub(crate) const RECORDS: &str = r#"{"name": "records/s", "title": "S", "source": {"title": "S"}}
{"name": "records/i", "title": "I", "citations": [{"source": "records/s"}], "institution": {"type": "TYPE_COURT"}}
"#;
pub(crate) const MAP: &str = r#"
kind = "appeal"
[id]
column = "id"
prefix = "a-"
[fields]
title = { constant = "Appeal" }
appeal.institution = { constant = "records/i" }
appeal.filed_on = { column = "filed" }
appeal.channel = { column = "channel", values = { Web = "online" }, other = "keep", lowercase = true }
"#;
