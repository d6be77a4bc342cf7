//! Log lines on stderr: lower-case fragments with fields, as text or one JSON object a line.

use std::io::{self, IsTerminal};
use std::panic::PanicHookInfo;
use std::str::FromStr;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry;
use tracing_subscriber::util::SubscriberInitExt;

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For a person; coloured on a terminal.
    Text,
    /// One JSON object a line.
    Json,
}

impl FromStr for Format {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("neither text nor json"),
        }
    }
}

/// What to log, and how.
#[derive(Debug)]
pub struct Config {
    /// A level, or a level for each target, such as `info,reform_data=debug`.
    pub filter: EnvFilter,
    /// How a line looks.
    pub format: Format,
}

/// Starts logging for the whole process, panics included; does nothing when somebody did so before.
pub fn init(Config { filter, format }: Config) {
    let lines = match format {
        Format::Text => layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal()).boxed(),
        Format::Json => layer().with_writer(io::stderr).json().boxed(),
    };
    if registry().with(lines).with(filter).try_init().is_ok() {
        std::panic::set_hook(Box::new(log_panic));
    }
}

/// Logs where a panic was, and its message only when that is a literal: a formatted one may hold stored text.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let literal = panic.payload().downcast_ref::<&str>().copied();
    let location = panic.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(location, literal, "panicked");
}
