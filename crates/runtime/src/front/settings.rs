//! The settings of every process that serves.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use http::Uri;

use super::Config;
use crate::access::{self, JwtConfig};
use crate::config::{Got, Setting, Settings};
use crate::connection::STALLED_MAX;
use crate::tls::Files;
use crate::{limits, traces, watched};

/// The settings that [`Config::read`] reads, beside `listen`, whose default differs.
pub const SETTINGS: &[Setting] = &[
    Setting::switch("insecure", "allow plaintext beyond this machine"),
    Setting::value("health-listen", "address to answer health on, and nothing else, in plaintext"),
    Setting::value(
        "admin-listen",
        "address to hand out /metrics on, in plaintext and to whoever asks; such as 127.0.0.1:9464",
    ),
    Setting::value("otlp-endpoint", "collector of traces by OTLP over gRPC, such as http://127.0.0.1:4317")
        .or_variable("OTEL_EXPORTER_OTLP_ENDPOINT"),
    Setting::value(
        "otlp-tls-ca",
        "certificates in PEM that sign that of the collector; for an https address",
    ),
    Setting::value("otlp-sample-percent", "how many of a hundred traces that begin here are kept")
        .default("100"),
    Setting::value("connections-max", "connections at the same time; more wait").default("512"),
    Setting::value("connection-age-max", "age at which a connection ends once its calls have").default("1h"),
    Setting::value(
        "calls-max",
        "calls at the same time; imports have a quarter, with writes half, with reads three quarters",
    )
    .default("4096"),
    Setting::value(
        "calls-per-caller-max",
        "those of one identity, or of one connection where nobody has a name",
    )
    .default("1024"),
    Setting::value("feeds-max", "watches, exports and backups among them").default("256"),
    Setting::value("imports-max", "imports among them").default("32"),
    Setting::value("requests-max", "memory for large requests that are under way; one caller has a quarter")
        .default("256 MiB"),
    Setting::value("answers-max", "memory for answers that are not read yet; one caller has a quarter")
        .default("256 MiB"),
    Setting::value("deadline", "how long a read or a write may take whose caller says nothing")
        .default("60s"),
    Setting::value("tls-cert", "certificate chain in PEM; with it connections are encrypted"),
    Setting::value("tls-key", "private key of the certificate, in PEM"),
    Setting::value("tls-ca", "certificates in PEM that sign the own one; for the subcommand `health` alone"),
    Setting::value(
        "tls-client-ca",
        "certificates in PEM that sign those of clients; a client must have one then",
    ),
    Setting::value("tls-client-crl", "revocation lists in PEM, one for each issuer of client certificates"),
    Setting::value("tokens", "file of hashed tokens, a line each: HASH IDENTITY ROLE,ROLE"),
    Setting::value("jwks", "file with the public keys of signed tokens (JWT), a JSON Web Key Set"),
    Setting::value("jwt-issuer", "who issues signed tokens; their `iss`"),
    Setting::value("jwt-audience", "whom signed tokens are for; in their `aud`"),
    Setting::value("roles", "TOML file with the roles of those whom a client certificate names"),
    Setting::switch("reflection", "describe services to whoever may read").default("true"),
];

impl Config {
    /// Reads `listen` and [`SETTINGS`].
    pub fn read(settings: &mut Settings) -> Got<Self> {
        let tls = files(settings);
        let access = access(settings, tls.as_ref());
        let listen = settings.listen("listen", tls.is_some());
        let insecure = settings.switch("insecure");
        let health_listen = settings.optional::<SocketAddr>("health-listen");
        let admin_listen = settings.optional::<SocketAddr>("admin-listen");
        let traces = traces(settings);
        let connections_max = settings.number("connections-max", 1..=1_000_000);
        let age_max = settings
            .duration("connection-age-max", Duration::from_secs(1)..=Duration::from_secs(30 * 86_400));
        let limits = limits(settings);
        let reflection = settings.switch("reflection");
        settings.all(|read| Self {
            listen: listen.take(read),
            insecure: insecure.take(read),
            health_listen: health_listen.take(read),
            admin_listen: admin_listen.take(read),
            traces: traces.take(read),
            connections_max: connections_max.take(read),
            age_max: age_max.take(read),
            stalled_max: STALLED_MAX,
            limits: limits.take(read),
            tls,
            access,
            reflection: reflection.take(read),
            poll: watched::POLL,
        })
    }
}

fn limits(settings: &mut Settings) -> Got<limits::Config> {
    let calls_max = settings.number("calls-max", 4..=1_000_000);
    let calls_per_caller_max = settings.number("calls-per-caller-max", 1..=1_000_000);
    let feeds_max = settings.number("feeds-max", 1..=1_000_000);
    let imports_max = settings.number("imports-max", 1..=1_000_000);
    let requests_bytes_max = settings.size("requests-max", (64 << 20)..=(1 << 40));
    let answers_bytes_max = settings.size("answers-max", (16 << 20)..=(1 << 40));
    let deadline = settings.duration("deadline", Duration::from_secs(1)..=Duration::from_secs(86_400));
    settings.all(|read| limits::Config {
        calls_max: calls_max.take(read),
        calls_per_caller_max: calls_per_caller_max.take(read),
        feeds_max: feeds_max.take(read),
        imports_max: imports_max.take(read),
        requests_bytes_max: requests_bytes_max.take(read),
        answers_bytes_max: answers_bytes_max.take(read),
        deadline: deadline.take(read),
    })
}

fn traces(settings: &mut Settings) -> Got<Option<traces::Config>> {
    let endpoint = settings.optional::<Collector>("otlp-endpoint");
    let ca = settings.optional::<PathBuf>("otlp-tls-ca");
    let sample_percent = settings.number("otlp-sample-percent", 0..=100);
    settings.all(|read| {
        let (ca, sample_percent) = (ca.take(read), sample_percent.take(read));
        endpoint.take(read).map(|Collector(endpoint)| traces::Config { endpoint, ca, sample_percent })
    })
}

/// The address of a collector.
struct Collector(String);

impl FromStr for Collector {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let uri = text.parse::<Uri>().ok();
        let scheme = uri.as_ref().filter(|uri| uri.authority().is_some()).and_then(Uri::scheme_str);
        match scheme {
            Some("http" | "https") => Ok(Self(text.to_owned())),
            Some(_) | None => Err("not an http or https address, such as http://127.0.0.1:4317"),
        }
    }
}

fn files(settings: &mut Settings) -> Option<Files> {
    let (cert, key) = (settings.optional("tls-cert"), settings.optional("tls-key"));
    let own: Option<(PathBuf, PathBuf)> = settings.both(("tls-cert", cert), ("tls-key", key));
    let client_ca = settings.optional("tls-client-ca").ok().flatten();
    let client_crl = settings.optional("tls-client-crl").ok().flatten();
    if client_crl.is_some() && client_ca.is_none() {
        settings.mistake("tls-client-crl", "needs --tls-client-ca");
    }
    if client_ca.is_some() && own.is_none() {
        settings.mistake("tls-client-ca", "needs --tls-cert and --tls-key");
    }
    let (cert, key) = own?;
    Some(Files { cert, key, client_ca, client_crl })
}

fn access(settings: &mut Settings, tls: Option<&Files>) -> access::Config {
    let mut path = |key| settings.optional::<PathBuf>(key).ok().flatten();
    let (tokens, jwks, roles) = (path("tokens"), path("jwks"), path("roles"));
    let mut text = |key| settings.optional::<String>(key).ok().flatten();
    let (issuer, audience) = (text("jwt-issuer"), text("jwt-audience"));
    let jwt = match (jwks, issuer, audience) {
        (Some(keys), Some(issuer), Some(audience)) => Some(JwtConfig { keys, issuer, audience }),
        (None, None, None) => None,
        _ => {
            settings.mistake("jwks", "goes with --jwt-issuer and --jwt-audience, and they with it");
            None
        }
    };
    let asks = tls.is_some_and(|tls| tls.client_ca.is_some());
    if roles.is_some() && !asks {
        settings.mistake("roles", "needs --tls-client-ca, because only certificates have roles there");
    }
    let config = access::Config { tokens, jwt, roles };
    if asks && config == access::Config::default() {
        settings.mistake("tls-client-ca", "nobody has a role: say --roles, --tokens or --jwks");
    }
    config
}
