//! Running the program.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails here")]

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Output, Stdio};

/// The program, without what the environment of the test says.
pub(crate) fn reform(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reform"));
    for variable in [
        "REFORM_DATA",
        "REFORM_ANALYTICS",
        "REFORM_AUTHOR",
        "REFORM_TLS_CA",
        "REFORM_TLS_CERT",
        "REFORM_TLS_KEY",
        "REFORM_TOKEN_FILE",
    ] {
        command.env_remove(variable);
    }
    command.args(args).stdin(Stdio::null());
    command
}

/// Runs it to its end.
pub(crate) fn run(args: &[&str]) -> Output {
    reform(args).output().unwrap()
}

/// What it wrote to stdout.
pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What it wrote to stderr.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A pair that serves until it is dropped.
pub(crate) struct Served {
    child: Child,
    /// Everything up to the last line of the report.
    pub(crate) report: String,
    /// The flags that lead to it.
    pub(crate) flags: [String; 4],
}

impl Served {
    /// Starts a demo and waits for its last line, which says where it serves.
    pub(crate) fn start() -> Self {
        let mut child = reform(&["demo"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut report = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let flags = loop {
            let mut line = String::new();
            assert!(lines.read_line(&mut line).unwrap() > 0, "the demo ended early:\n{report}");
            report.push_str(&line);
            if let Some(command) = line.strip_prefix("Or: reform ") {
                let mut words = command.split_whitespace().map(ToOwned::to_owned);
                break std::array::from_fn(|_| words.next().unwrap());
            }
        };
        Self { child, report, flags }
    }

    /// Runs a command against it.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        run(&self.with(args))
    }

    /// The arguments of a command against it.
    pub(crate) fn with<'a>(&'a self, args: &[&'a str]) -> Vec<&'a str> {
        self.flags.iter().map(String::as_str).chain(args.iter().copied()).collect()
    }

    /// Ends it as Ctrl-C does, and returns its exit code.
    pub(crate) fn interrupt(mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It has ended already when the test interrupted it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command that reads stdin, with that text.
pub(crate) fn pipe(args: &[&str], text: &str) -> Output {
    let mut command = reform(args);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// A command whose reader leaves after the first byte.
pub(crate) fn hang_up(args: &[&str]) -> Option<i32> {
    let mut child = reform(args).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    out.read_exact(&mut [0]).unwrap();
    drop(out);
    child.wait().unwrap().code()
}
