//! Compiles the library that is preloaded into the service under trial, with the compiler that Rust links with.

use std::path::Path;
use std::process::Command;
use std::{env, error::Error};

const SHIM: &str = "src/disk/shim.c";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={SHIM}");
    println!("cargo:rerun-if-env-changed=CC");
    let library = Path::new(&env::var("OUT_DIR")?).join("libtrials_disk.so");
    let source = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join(SHIM);
    let compiler = env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let mut command = Command::new(&compiler);
    command.args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-pthread", "-o"]);
    let ended = command.arg(&library).arg(&source).arg("-ldl").status()?;
    if !ended.success() {
        return Err(format!("{compiler} does not compile {SHIM}").into());
    }
    println!("cargo:rustc-env=TRIALS_DISK={}", library.display());
    Ok(())
}
