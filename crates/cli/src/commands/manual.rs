//! `reform manual`: manual pages.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory};

use crate::failure::Failure;
use crate::{args, out};

/// Write manual pages of all commands.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  reform manual ~/.local/share/man/man1 && man reform-explain")]
pub(crate) struct Manual {
    /// Folder to write to; it is made when it is missing
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

pub(crate) fn run(manual: &Manual) -> Result<ExitCode, Failure> {
    let failed = |source| Failure::File { path: manual.folder.display().to_string(), source };
    fs::create_dir_all(&manual.folder).map_err(failed)?;
    clap_mangen::generate_to(args::Args::command(), &manual.folder).map_err(failed)?;
    out::say(&format!("manual pages are in {}", manual.folder.display()))?;
    Ok(ExitCode::SUCCESS)
}
