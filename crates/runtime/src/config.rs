//! Configuration by flag, environment and one TOML file; a flag wins over the environment over the file over the
//! default, and all mistakes are reported together.
//!
//! A program declares its settings as a table. Each is the flag `--<key>`, the variable `REFORM_<KEY>` (dashes become
//! underscores; an empty one counts as unset) and the TOML key `<key>`. `config`, `log` and `log-format` are in every
//! program.
//!
//! ```
//! use std::net::SocketAddr;
//! use reform_runtime::config::{Program, Setting};
//!
//! let program = Program::new("reform-x", "does x", "1.0.0", &[
//!     Setting::value("listen", "address to listen on").default("127.0.0.1:0"),
//!     Setting::switch("insecure", "allow plaintext beyond this machine"),
//! ]);
//! let matches = program.command().get_matches_from(["reform-x", "--listen", "127.0.0.1:7"]);
//! let mut settings = program.read(&matches, |variable| std::env::var(variable).ok());
//! let listen = settings.get::<SocketAddr>("listen");
//! let insecure = settings.switch("insecure");
//! let read = settings.finish()?;
//! assert_eq!((listen.take(&read).port(), insecure.take(&read)), (7, false));
//! # Ok::<(), reform_runtime::config::Error>(())
//! ```

pub mod check;
mod depth;
mod file;
mod units;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command};
use tracing_subscriber::EnvFilter;

use crate::logging;

pub use depth::{TooDeep, check_depth};
pub use units::{parse_duration, parse_size};

/// All mistakes of a configuration, one a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} in the configuration:\n  {}", count(mistakes.len()), mistakes.join("\n  "))]
pub struct Error {
    /// Each names its place and says what is wrong there.
    pub mistakes: Vec<String>,
}

fn count(mistakes: usize) -> String {
    if mistakes == 1 { "1 mistake".to_owned() } else { format!("{mistakes} mistakes") }
}

/// Plaintext on an address that other machines reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a loopback address: traffic is plaintext, so say --insecure if that is meant")]
pub struct NotLoopback(pub SocketAddr);

/// Refuses an address that other machines reach, unless `insecure`.
///
/// # Errors
/// [`NotLoopback`].
pub fn check_bind(address: SocketAddr, insecure: bool) -> Result<(), NotLoopback> {
    if insecure || address.ip().to_canonical().is_loopback() { Ok(()) } else { Err(NotLoopback(address)) }
}

/// One setting of a program.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    key: &'static str,
    help: &'static str,
    default: Option<&'static str>,
    is_switch: bool,
    or_variable: Option<&'static str>,
}

impl Setting {
    /// A setting with a value; required where it is read by [`Settings::get`] and has no default.
    pub const fn value(key: &'static str, help: &'static str) -> Self {
        Self { key, help, default: None, is_switch: false, or_variable: None }
    }

    /// A setting that is on or off; off by default.
    pub const fn switch(key: &'static str, help: &'static str) -> Self {
        Self { key, help, default: Some("false"), is_switch: true, or_variable: None }
    }

    /// Its name.
    pub const fn key(&self) -> &'static str {
        self.key
    }

    /// With a default, in the form in which a person would write it.
    #[must_use]
    pub const fn default(mut self, text: &'static str) -> Self {
        self.default = Some(text);
        self
    }

    /// With a variable that others know it by, for where the own one is not set.
    #[must_use]
    pub const fn or_variable(mut self, name: &'static str) -> Self {
        self.or_variable = Some(name);
        self
    }

    fn arg(&self) -> Arg {
        let default = self.default.map(|text| format!(" [default: {text}]")).unwrap_or_default();
        let arg = Arg::new(self.key).long(self.key).global(true).help(format!(
            "{} [env: {}]{default}",
            self.help,
            variable(self.key)
        ));
        if !self.is_switch {
            return arg.value_name("VALUE");
        }
        // `--switch` alone means true; `--switch=false` overrides a file.
        arg.action(ArgAction::Set).num_args(0..=1).require_equals(true).default_missing_value("true")
    }
}

fn variable(key: &str) -> String {
    format!("REFORM_{}", key.to_ascii_uppercase().replace('-', "_"))
}

const EVERYWHERE: [Setting; 3] = [
    Setting::value("config", "TOML file with any of these settings"),
    Setting::value("log", "what to log: a level, or target=level pairs with commas").default("info"),
    Setting::value("log-format", "how to log: text or json").default("text"),
];

/// A program and its settings.
#[derive(Debug, Clone)]
pub struct Program {
    name: &'static str,
    about: &'static str,
    version: &'static str,
    settings: Vec<Setting>,
}

impl Program {
    /// A program with `settings` and those of every program.
    pub fn new(name: &'static str, about: &'static str, version: &'static str, settings: &[Setting]) -> Self {
        let settings = settings.iter().chain(&EVERYWHERE).copied().collect();
        Self { name, about, version, settings }
    }

    /// With the settings of a process that serves: those of [`front`](crate::front).
    #[must_use]
    pub fn serving(mut self) -> Self {
        self.settings.extend_from_slice(crate::front::SETTINGS);
        self
    }

    /// The command line; subcommands can be added, and take the same flags.
    pub fn command(&self) -> Command {
        let args = self.settings.iter().map(Setting::arg);
        Command::new(self.name).about(self.about).version(self.version).args(args).arg(check::arg())
    }

    /// Gathers the values of all settings; `env` looks up a variable.
    pub fn read(&self, matches: &ArgMatches, env: impl Fn(&str) -> Option<String>) -> Settings {
        // A global flag behind a subcommand is seen there only, one before it in both places.
        let mut matches = matches;
        while let Some((_, below)) = matches.subcommand() {
            matches = below;
        }
        let given = |setting: &Setting| {
            let flag = matches.get_one::<String>(setting.key).cloned();
            let flag = flag.map(|text| Value { text, place: format!("--{}", setting.key) });
            flag.or_else(|| {
                let places = [variable(setting.key)].into_iter();
                places.chain(setting.or_variable.map(str::to_owned)).find_map(|place| {
                    let text = env(&place).filter(|text| !text.is_empty())?;
                    Some(Value { text, place })
                })
            })
        };
        let mut values: BTreeMap<_, _> =
            self.settings.iter().map(|setting| (setting.key, given(setting))).collect();
        let mut mistakes = Vec::new();
        if let Some(Some(path)) = values.get("config") {
            let file = file::read(&path.text, &self.settings, &mut mistakes);
            for (key, value) in file {
                values.entry(key).or_default().get_or_insert(value);
            }
        }
        for setting in &self.settings {
            let default =
                setting.default.map(|text| Value { text: text.to_owned(), place: "default".into() });
            let value = values.entry(setting.key).or_default();
            *value = value.take().or(default);
        }
        Settings { values, mistakes }
    }
}

/// A value as given, and where it was given.
#[derive(Debug, Clone)]
struct Value {
    text: String,
    place: String,
}

/// The values of a program's settings; getters note mistakes, [`Settings::finish`] reports them.
#[derive(Debug)]
pub struct Settings {
    values: BTreeMap<&'static str, Option<Value>>,
    mistakes: Vec<String>,
}

/// What a getter found; [`Got::take`] gives it out once all settings are known to be right.
#[derive(Debug)]
#[must_use]
pub struct Got<T>(Option<T>);

/// The proof that no getter noted a mistake.
#[derive(Debug)]
pub struct Read(());

impl<T> Got<T> {
    /// The value.
    ///
    /// # Panics
    /// When `_read` comes from other settings than this value.
    pub fn take(self, _read: &Read) -> T {
        self.0.expect("finish() reports every getter that found nothing")
    }
}

impl<T> Got<T> {
    /// The value, for a getter that is made of others.
    pub(crate) fn ok(self) -> Option<T> {
        self.0
    }
}

impl Settings {
    /// A required value.
    pub fn get<T: FromStr<Err: Display>>(&mut self, key: &str) -> Got<T> {
        self.required(key, |text| text.parse().map_err(|error: T::Err| error.to_string()))
    }

    /// A value that may be absent.
    pub fn optional<T: FromStr<Err: Display>>(&mut self, key: &str) -> Got<Option<T>> {
        if matches!(self.values.get(key), Some(None)) {
            Got(Some(None))
        } else {
            Got(self.get(key).0.map(Some))
        }
    }

    /// A number within bounds.
    pub fn number<T>(&mut self, key: &str, bounds: RangeInclusive<T>) -> Got<T>
    where
        T: FromStr<Err: Display> + PartialOrd + Display,
    {
        let parse = |text: &str| text.parse().map_err(|error: T::Err| error.to_string());
        self.required(key, |text| within(parse(text)?, &bounds, |bound| bound.to_string()))
    }

    /// A size in bytes within bounds, as [`parse_size`] reads it.
    pub fn size(&mut self, key: &str, bounds: RangeInclusive<u64>) -> Got<u64> {
        self.required(key, |text| within(parse_size(text)?, &bounds, |bound| format!("{bound} B")))
    }

    /// As [`Settings::size`], of a value that may be absent.
    pub fn optional_size(&mut self, key: &str, bounds: RangeInclusive<u64>) -> Got<Option<u64>> {
        if matches!(self.values.get(key), Some(None)) {
            Got(Some(None))
        } else {
            Got(self.size(key, bounds).0.map(Some))
        }
    }

    /// A duration within bounds, as [`parse_duration`] reads it.
    pub fn duration(&mut self, key: &str, bounds: RangeInclusive<Duration>) -> Got<Duration> {
        self.required(key, |text| within(parse_duration(text)?, &bounds, |bound| format!("{bound:?}")))
    }

    /// Whether a switch is on.
    pub fn switch(&mut self, key: &str) -> Got<bool> {
        self.required(key, |text| match text {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err("neither true nor false".to_owned()),
        })
    }

    /// An address to listen on: [`check_bind`] on `key`, with the switch `insecure`, unless it is `encrypted`.
    pub fn listen(&mut self, key: &str, encrypted: bool) -> Got<SocketAddr> {
        let insecure = self.switch("insecure").0.unwrap_or(false);
        self.required(key, |text| {
            let address = text.parse().map_err(|error| format!("{error}, such as 127.0.0.1:50051"))?;
            check_bind(address, insecure || encrypted).map_err(|error| error.to_string())?;
            Ok(address)
        })
    }

    /// How to log, for [`logging::init`].
    pub fn logging(&mut self) -> Got<logging::Config> {
        let filter = self.get::<EnvFilter>("log").0;
        let format = self.get::<logging::Format>("log-format").0;
        Got(filter.zip(format).map(|(filter, format)| logging::Config { filter, format }))
    }

    /// What several getters make together.
    pub fn all<T>(&self, make: impl FnOnce(&Read) -> T) -> Got<T> {
        Got(self.mistakes.is_empty().then(|| make(&Read(()))))
    }

    /// Two optional values of which none goes without the other.
    pub fn both<A, B>(
        &mut self,
        (one, a): (&str, Got<Option<A>>),
        (other, b): (&str, Got<Option<B>>),
    ) -> Option<(A, B)> {
        match (a.0?, b.0?) {
            (Some(a), Some(b)) => return Some((a, b)),
            (None, None) => {}
            (Some(_), None) => self.mistake(one, format!("needs --{other}")),
            (None, Some(_)) => self.mistake(other, format!("needs --{one}")),
        }
        None
    }

    /// Notes a mistake that no getter sees, such as two values that exclude each other.
    pub fn mistake(&mut self, key: &str, what: impl Display) {
        self.mistakes.push(format!("--{key}: {what}"));
    }

    /// Every setting with its value and where it was given, as TOML. There are no secrets among them: those are in files,
    /// but a password in an address would be, and is left out.
    pub fn resolved(&self) -> String {
        let lines = self.values.iter().map(|(key, value)| match value {
            Some(Value { text, place }) => format!("{key} = {:?} # {place}\n", without_password(text)),
            None => format!("# {key} is not set\n"),
        });
        lines.collect()
    }

    /// Proves that all is right.
    ///
    /// # Errors
    /// Every mistake of the file and of every getter called before.
    pub fn finish(self) -> Result<Read, Error> {
        let mut mistakes = self.mistakes;
        // `listen` reads the switch `insecure`, which the program may read again.
        let mut seen = std::collections::BTreeSet::new();
        mistakes.retain(|mistake| seen.insert(mistake.clone()));
        if mistakes.is_empty() { Ok(Read(())) } else { Err(Error { mistakes }) }
    }

    fn required<T>(&mut self, key: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Got<T> {
        let value = self.values.get(key).expect("getters name settings of the program's table");
        let Some(Value { text, place }) = value else {
            let missing = format!("--{key}: required, here, as {} or in the TOML file", variable(key));
            self.mistakes.push(missing);
            return Got(None);
        };
        match parse(text) {
            Ok(value) => Got(Some(value)),
            Err(why) => {
                self.mistakes.push(format!("{place}: {text:?}: {why}"));
                Got(None)
            }
        }
    }
}

/// An address without who logs in there.
fn without_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let host = rest.split_once('@').map_or(rest, |(_, host)| host);
    format!("{scheme}://{host}")
}

fn within<T: PartialOrd>(
    value: T,
    bounds: &RangeInclusive<T>,
    show: impl Fn(&T) -> String,
) -> Result<T, String> {
    if bounds.contains(&value) {
        return Ok(value);
    }
    Err(format!("not between {} and {}", show(bounds.start()), show(bounds.end())))
}
