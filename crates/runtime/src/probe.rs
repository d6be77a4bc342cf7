//! The subcommand `health`: asks the process that listens whether it serves, for supervisors that run commands.
//!
//! An image without a shell has nothing else to ask with. The probe reads the settings of the service beside it, so
//! it finds the address where the service does, and connects over loopback when the service listens on every address. It
//! asks in plaintext where `health-listen` says, else as everybody asks.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Arg, ArgMatches, Command};
use reform_api::client::{Credentials, Link};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::config::{self, Program};
use crate::health;

/// How long a probe waits, from the first packet to the answer.
pub const WITHIN: Duration = Duration::from_secs(2);

const NAME: &str = "health";
const SERVICE: &str = "service";

/// The subcommand, for [`Program::command`].
pub fn command() -> Command {
    let service = Arg::new(SERVICE)
        .long(SERVICE)
        .value_name("NAME")
        .default_value(health::OVERALL)
        .hide_default_value(true)
        .help("name to ask for, such as a full service name [default: the process as a whole]");
    Command::new(NAME)
        .about("asks the running service for its health; exit code 0 only when SERVING")
        .arg(service)
}

/// Whom to ask, and for which name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Where the service can be reached.
    pub address: SocketAddr,
    /// A name of `grpc.health.v1`; empty for the process as a whole.
    pub service: String,
    /// Who signs the certificate of the service; none in plaintext.
    pub ca: Option<PathBuf>,
}

/// Why there is no status.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody listens there, or it is no gRPC server.
    #[error("unreachable: {}", innermost(.0))]
    Unreachable(tonic::transport::Error),
    /// The server refused the question; NOT_FOUND for a name that it does not know.
    #[error("refused: {}: {}", .0.code(), .0.message())]
    Refused(tonic::Status),
    /// The time is over.
    #[error("no answer within {0:?}")]
    Late(Duration),
}

impl Probe {
    /// The probe that the command line asks for; `None` without the subcommand.
    ///
    /// Only what says where and how to ask is read, so that a probe needs nothing else to be right.
    ///
    /// # Errors
    /// Mistakes of the file and of the address.
    pub fn read(
        program: &Program,
        matches: &ArgMatches,
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, config::Error> {
        let Some(below) = matches.subcommand_matches(NAME) else { return Ok(None) };
        let service = below.get_one::<String>(SERVICE).cloned().unwrap_or_default();
        let mut settings = program.read(matches, env);
        let listen = settings.get::<SocketAddr>("listen");
        let plain = settings.optional::<SocketAddr>("health-listen").ok().flatten();
        let mut path = |key| settings.optional::<PathBuf>(key).ok().flatten();
        let (cert, client_ca, ca) = (path("tls-cert"), path("tls-client-ca"), path("tls-ca"));
        let encrypted = cert.is_some() && plain.is_none();
        if encrypted && client_ca.is_some() {
            settings.mistake("health-listen", "needed, because a probe has no client certificate");
        } else if encrypted && ca.is_none() {
            settings.mistake("health-listen", "needed to ask in plaintext, or --tls-ca to ask by TLS");
        }
        let read = settings.finish()?;
        let address = plain.unwrap_or_else(|| listen.take(&read));
        Ok(Some(Self { address: reachable(address), service, ca: ca.filter(|_| encrypted) }))
    }

    /// Asks once.
    ///
    /// # Errors
    /// [`Error`], after at most `within`.
    pub async fn ask(&self, within: Duration) -> Result<ServingStatus, Error> {
        let asked = async {
            let scheme = if self.ca.is_some() { "https" } else { "http" };
            let credentials = Credentials { ca: self.ca.clone(), ..Credentials::default() };
            let link = Link::connect(format!("{scheme}://{}", self.address), &credentials).await;
            let link = link.map_err(Error::Unreachable)?;
            let request = HealthCheckRequest { service: self.service.clone() };
            let answer = HealthClient::new(link).check(request).await.map_err(Error::Refused)?;
            Ok(answer.get_ref().status())
        };
        tokio::time::timeout(within, asked).await.unwrap_or(Err(Error::Late(within)))
    }

    /// Asks once, writes one line to stdout and says how to exit: 0 when SERVING, else 1.
    pub async fn run(&self) -> ExitCode {
        let answer = self.ask(WITHIN).await;
        let line = match &answer {
            Ok(status) => status.as_str_name().to_owned(),
            Err(error) => error.to_string(),
        };
        let name = if self.service.is_empty() { String::new() } else { format!(" {}", self.service) };
        // The exit code is the answer: a reader of the line who has left changes nothing.
        drop(writeln!(std::io::stdout(), "{line}{name} at {}", self.address));
        if matches!(answer, Ok(ServingStatus::Serving)) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// Loopback in place of an unspecified address, which can be listened on but is nobody's address.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip().to_canonical() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, listen.port())
}

/// The transport's own sentence is "transport error"; the cause is below.
fn innermost(error: &tonic::transport::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(below) = cause.source() {
        cause = below;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unspecified_address_is_asked_over_loopback() {
        for (listen, asked) in [
            ("0.0.0.0:50051", "127.0.0.1:50051"),
            ("[::]:1", "[::1]:1"),
            ("[::ffff:0.0.0.0]:1", "127.0.0.1:1"),
            ("127.0.0.1:7", "127.0.0.1:7"),
            ("10.1.2.3:7", "10.1.2.3:7"),
            ("[2001:db8::1]:7", "[2001:db8::1]:7"),
        ] {
            assert_eq!(reachable(listen.parse().unwrap()).to_string(), asked, "{listen}");
        }
    }
}
