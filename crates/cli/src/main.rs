//! `reform`: see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    reform_cli::run()
}
