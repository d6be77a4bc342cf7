//! What the process can be told.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use http::Uri;
use reform_api::client::Credentials;
use reform_api::validity::Validity;
use reform_runtime::config::check::{self, Checked};
use reform_runtime::config::{self, Got, Program, Setting, Settings};
use reform_runtime::probe::{self, Probe};
use reform_runtime::{front, logging, server};

use crate::past::Limits;

/// How far behind the state may be before the service says NOT_SERVING.
pub const STALENESS_MAX: Duration = Duration::from_secs(60);

/// What the service needs.
#[derive(Debug, Clone)]
pub struct Config {
    /// The data service to follow.
    pub data: Uri,
    /// What is trusted and shown there.
    pub credentials: Credentials,
    /// Where checkpoints are kept, made when it is missing; none is none, and every start asks for everything again.
    pub state_dir: Option<PathBuf>,
    /// How far behind the state may be before the service says NOT_SERVING; it answers all the same.
    pub staleness_max: Duration,
    /// How many views of earlier revisions are kept.
    pub past: Limits,
    /// How long a drain lasts before what is left is cut off.
    pub drain: Duration,
}

impl Config {
    /// Follows `data`, with defaults for the rest and no folder.
    pub fn new(data: Uri) -> Self {
        Self {
            data,
            credentials: Credentials::default(),
            state_dir: None,
            staleness_max: STALENESS_MAX,
            past: Limits::default(),
            drain: server::DRAIN,
        }
    }
}

/// What the command line asks for.
#[derive(Debug)]
pub enum Command {
    /// To serve.
    Serve(Box<Process>),
    /// To read everything that serving would read, and to serve nothing.
    Check(Checked),
    /// To ask the service that runs already for its health.
    Health(Probe),
}

/// What the process needs beside the service.
#[derive(Debug)]
pub struct Process {
    /// How it is reached.
    pub front: front::Config,
    /// How to log.
    pub logging: logging::Config,
    /// The service.
    pub service: Config,
}

const SETTINGS: &[Setting] = &[
    Setting::value("listen", "address to listen on").default("127.0.0.1:50052"),
    Setting::value("data", "the data service to follow").default("http://127.0.0.1:50051"),
    Setting::value(
        "data-tls-ca",
        "certificates in PEM that sign that of the data service; for an https address",
    ),
    Setting::value("data-tls-cert", "own certificate in PEM for the data service, if it asks for one"),
    Setting::value("data-tls-key", "private key of that certificate, in PEM"),
    Setting::value("data-token-file", "file with the token for the data service"),
    Setting::value(
        "state-dir",
        "folder of the checkpoints, which make a restart short; none are kept without it",
    ),
    Setting::value("staleness-max", "how far behind the data service is still SERVING").default("60s"),
    Setting::value("past-views", "how many views of earlier revisions are kept").default("4"),
    Setting::value("past-bytes", "how much memory they may take together; the last two are kept beyond it")
        .default("256MiB"),
    Setting::value("drain", "how long calls under way may take to finish at the end").default("5s"),
];

impl Command {
    /// Reads the command line of this process, its environment and its file; `--help` and mistakes of the command
    /// line itself end the process.
    ///
    /// # Errors
    /// All mistakes at once.
    pub fn from_args() -> Result<Self, config::Error> {
        Self::read(std::env::args_os(), |variable| std::env::var(variable).ok())
    }

    /// As [`Command::from_args`], with arguments (the first is the program) and variables from elsewhere.
    ///
    /// # Errors
    /// All mistakes at once.
    pub fn read<A: Into<OsString> + Clone>(
        args: impl IntoIterator<Item = A>,
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, config::Error> {
        let about = "answers indicators over the records of a data service";
        let program = Program::new("reform-analytics", about, env!("CARGO_PKG_VERSION"), SETTINGS).serving();
        let matches = program.command().subcommand(probe::command()).get_matches_from(args);
        if let Some(probe) = Probe::read(&program, &matches, &env)? {
            return Ok(Self::Health(probe));
        }
        let settings = program.read(&matches, env);
        if check::is_asked(&matches) {
            return Ok(Self::Check(Process::check(settings)));
        }
        Process::from_settings(settings).map(|process| Self::Serve(Box::new(process)))
    }
}

impl Process {
    fn check(settings: Settings) -> Checked {
        let resolved = settings.resolved();
        let process = match Self::from_settings(settings) {
            Err(error) => return Checked::wrong(resolved, error),
            Ok(process) => process,
        };
        let mut checked = Checked { resolved, ..Checked::default() };
        process.front.check(&mut checked);
        let Config { data, credentials, state_dir, .. } = &process.service;
        let key = credentials.identity.as_ref().and_then(|(_, key)| checked.secret("data-tls-key", key));
        let files = [("data-tls-ca", &credentials.ca), ("data-token-file", &credentials.token)];
        let there =
            files.map(|(key, path)| path.as_ref().is_none_or(|path| checked.file(key, path).is_some()));
        if (key.is_some() || credentials.identity.is_none())
            && there == [true, true]
            && let Err(why) = credentials.check(data.scheme_str() == Some("https"))
        {
            checked.mistake("data-tls-ca, --data-tls-cert, --data-tls-key, --data-token-file", why);
        }
        if let Ok(Some(own)) = credentials.own_certificate() {
            checked.dates("data-tls-cert", Validity::of(&own));
        }
        if let Some(folder) = state_dir {
            checked.folder("state-dir", folder);
        }
        checked
    }

    fn from_settings(mut settings: Settings) -> Result<Self, config::Error> {
        let front = front::Config::read(&mut settings);
        let data = settings.get::<Source>("data");
        let credentials = credentials(&mut settings);
        let state_dir = settings.optional::<PathBuf>("state-dir");
        let second = Duration::from_secs(1);
        let staleness_max = settings.duration("staleness-max", second..=Duration::from_secs(86_400));
        let past = past(&mut settings);
        let drain = settings.duration("drain", Duration::ZERO..=Duration::from_secs(600));
        let logging = settings.logging();
        let read = settings.finish()?;
        let (Source(data), front) = (data.take(&read), front.take(&read));
        check_plaintext(&data, front.insecure)?;
        let service = Config {
            data,
            credentials: credentials.take(&read),
            state_dir: state_dir.take(&read),
            staleness_max: staleness_max.take(&read),
            past: past.take(&read),
            drain: drain.take(&read),
        };
        Ok(Self { front, logging: logging.take(&read), service })
    }
}

fn past(settings: &mut Settings) -> Got<Limits> {
    let views = settings.number::<usize>("past-views", 0..=1_000);
    let bytes = settings.size("past-bytes", 0..=1 << 40);
    settings.all(|read| {
        let bytes = usize::try_from(bytes.take(read)).unwrap_or(usize::MAX);
        Limits { views: views.take(read), bytes }
    })
}

fn credentials(settings: &mut Settings) -> Got<Credentials> {
    let ca = settings.optional::<PathBuf>("data-tls-ca");
    let cert = settings.optional::<PathBuf>("data-tls-cert");
    let key = settings.optional::<PathBuf>("data-tls-key");
    let token = settings.optional::<PathBuf>("data-token-file");
    let identity = settings.both(("data-tls-cert", cert), ("data-tls-key", key));
    settings.all(|read| Credentials { ca: ca.take(read), identity, token: token.take(read) })
}

/// The address of a data service.
struct Source(Uri);

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = "such as http://127.0.0.1:50051";
        let uri: Uri = text.parse().map_err(|error| format!("{error}, {expected}"))?;
        match (uri.scheme_str(), uri.authority()) {
            (Some("http" | "https"), Some(_)) => Ok(Self(uri)),
            (Some(_) | None, Some(_) | None) => Err(format!("not an http or https address, {expected}")),
        }
    }
}

/// The connection to the data service is plaintext too, so it needs the same word as an open listener.
fn check_plaintext(data: &Uri, insecure: bool) -> Result<(), config::Error> {
    let host = data.host().unwrap_or_default();
    let address: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    let loopback = address.map_or(host == "localhost", |ip| ip.to_canonical().is_loopback());
    if insecure || loopback || data.scheme_str() == Some("https") {
        return Ok(());
    }
    let mistake = format!(
        "--data: {data} is on another machine: traffic is plaintext, so say --insecure if that is meant"
    );
    Err(config::Error { mistakes: vec![mistake] })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: &[&str]) -> Result<Process, config::Error> {
        match Command::read(["reform-analytics"].iter().chain(args), |_| None)? {
            Command::Serve(process) => Ok(*process),
            Command::Check(_) | Command::Health(_) => panic!("it does not serve"),
        }
    }

    #[test]
    fn a_probe_needs_no_word_about_plaintext() {
        let open = ["reform-analytics", "health", "--listen", "0.0.0.0:1", "--data", "http://data:1"];
        let command = Command::read(open, |_| None).unwrap();
        assert!(matches!(command, Command::Health(probe) if probe.address.ip().is_loopback()));
    }

    #[test]
    fn says_nothing_more_than_it_must() {
        let process = read(&[]).unwrap();
        assert_eq!(process.front.listen.to_string(), "127.0.0.1:50052");
        assert_eq!(process.service.data, "http://127.0.0.1:50051");
        assert_eq!(process.service.state_dir, None);
    }

    #[test]
    fn the_deployed_file_says_the_defaults() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/reform-analytics.toml");
        let (process, defaults) = (read(&["--config", file]).unwrap(), read(&[]).unwrap());
        assert_eq!(format!("{:?}", process.service), format!("{:?}", defaults.service));
        assert_eq!(process.front, defaults.front);
    }

    #[test]
    fn reports_all_mistakes_together() {
        let error =
            read(&["--listen", "0.0.0.0:1", "--data", "ftp://x", "--staleness-max", "9"]).unwrap_err();
        assert_eq!(error.mistakes.len(), 3, "{error}");
    }

    #[test]
    fn plaintext_to_another_machine_has_to_be_meant() {
        for (data, allowed) in [
            ("http://127.0.0.1:1", true),
            ("http://[::1]:1", true),
            ("http://localhost:1", true),
            ("http://192.0.2.1:1", false),
            ("http://data:1", false),
            ("https://data:1", true),
        ] {
            assert_eq!(read(&["--data", data]).is_ok(), allowed, "{data}");
            assert!(read(&["--data", data, "--insecure"]).is_ok(), "{data}");
        }
    }
}
