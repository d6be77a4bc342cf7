//! `reform completions`: what a shell needs to complete commands.

use std::io::Write;
use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::failure::Failure;
use crate::{args, out};

/// Write a completion script for a shell.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  reform completions bash > ~/.local/share/bash-completion/completions/reform
  reform completions zsh > ~/.zfunc/_reform
  reform completions fish > ~/.config/fish/completions/reform.fish")]
pub(crate) struct Completions {
    /// Shell to write for
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(completions: &Completions) -> Result<ExitCode, Failure> {
    // The generator panics where writing fails, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(completions.shell, &mut args::Args::command(), "reform", &mut script);
    let mut out = out::stdout();
    out.write_all(&script)?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}
