//! Programs of other packages.

use std::path::PathBuf;

/// Where Debian keeps the programs of PostgreSQL, below a folder for each version.
const POSTGRESQL: &str = "/usr/lib/postgresql";

/// Finds a program in PATH, or among those of the newest PostgreSQL.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut versions: Vec<PathBuf> = std::fs::read_dir(POSTGRESQL)
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    versions.sort();
    folders.extend(versions.into_iter().rev().map(|version| version.join("bin")));
    folders.into_iter().map(|folder| folder.join(name)).find(|program| program.is_file())
}
