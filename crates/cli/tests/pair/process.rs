//! The programs beside `reform` in the target folder.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use reform_trials::process::Program;
pub(crate) use reform_trials::process::{Port, Process, soon};

/// A data service over a folder.
pub(crate) fn data_service(folder: &Path) -> Program {
    let program = Program::new("reform-data", sibling("reform-data")).arg("--data-dir").arg(folder);
    program.arg("--free-space-min").arg("1 MiB")
}

/// An analytics service that follows a data service.
pub(crate) fn analytics_service(data: SocketAddr) -> Process {
    let program = Program::new("reform-analytics", sibling("reform-analytics"));
    program.arg("--data").arg(format!("http://{data}")).start()
}

/// A program beside the one under test.
pub(crate) fn sibling(program: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_reform")).with_file_name(program);
    assert!(path.exists(), "{} is not there: cargo build --workspace --bins", path.display());
    path
}
