//! `reform certs`: certificates for a pair and its callers, from a CA made for them.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};
use reform_api::roles::Role;

use crate::failure::Failure;
use crate::out;

/// The services, and under which names each is reached besides those that were asked for.
const SERVICES: [&str; 2] = ["data", "analytics"];
const HOSTS: [&str; 4] = ["localhost", "127.0.0.1", "::1", "host.docker.internal"];

/// Callers that there always are: analytics follows the feed, and somebody has to look after it all.
const CALLERS: [&str; 2] = ["analytics=reader", "admin=admin"];

/// Make a CA, certificates for both services, and certificates for their callers.
///
/// The folder gets ca.pem, data.pem and analytics.pem for the services, client-NAME.pem for each caller, a .key beside each,
/// and roles.toml, which says what each caller may. Callers are known as spiffe://reform/NAME. The key of the CA is thrown
/// away, so nobody can make more, unless --ca-key is said.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  reform certs ./certs
  reform certs ./certs --name importer=importer --host registry.example
  reform-data --tls-cert certs/data.pem --tls-key certs/data.key --tls-client-ca certs/ca.pem --roles certs/roles.toml …
  reform status --data https://localhost:50051 --tls-ca certs/ca.pem \\
      --tls-cert certs/client-admin.pem --tls-key certs/client-admin.key")]
pub(crate) struct Certs {
    /// Folder to write to; made when it is not there
    dir: PathBuf,
    /// Another caller and its roles; reader when none is said
    #[arg(long = "name", value_name = "NAME[=ROLE,…]")]
    names: Vec<String>,
    /// Another name or address under which both services are reached
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<String>,
    /// For how many days from today they are good
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u16).range(1..=3_650))]
    days: u16,
    /// Write the key of the CA, too
    #[arg(long)]
    ca_key: bool,
    /// Do nothing when the folder has a CA already
    #[arg(long)]
    if_missing: bool,
}

/// A file to be written.
struct Part {
    name: String,
    text: String,
}

pub(crate) fn run(certs: &Certs) -> Result<ExitCode, Failure> {
    if certs.if_missing && certs.dir.join("ca.pem").exists() {
        out::say(&format!("{} has a CA already", certs.dir.display()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let callers = CALLERS.into_iter().chain(certs.names.iter().map(String::as_str)).map(caller);
    let callers: Vec<_> = callers.collect::<Result<_, _>>()?;
    let parts = make(certs, &callers).map_err(|error| Failure::Usage(error.to_string()))?;
    write(&certs.dir, &parts)?;
    for Part { name, .. } in &parts {
        out::say(&certs.dir.join(name).display().to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A name and its roles.
fn caller(text: &str) -> Result<(String, Vec<Role>), Failure> {
    let (name, roles) = text.split_once('=').unwrap_or((text, "reader"));
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || !name.chars().all(is_plain) {
        return Err(Failure::Usage(format!("--name {text}: a name has small letters, digits and dashes")));
    }
    let roles = roles.split(',').map(str::parse).collect::<Result<_, _>>();
    let roles = roles.map_err(|error| Failure::Usage(format!("--name {text}: {error}")))?;
    Ok((name.to_owned(), roles))
}

fn make(certs: &Certs, callers: &[(String, Vec<Role>)]) -> Result<Vec<Part>, rcgen::Error> {
    let mut params = params("reform CA", certs.days);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let mut parts = Vec::new();
    for service in SERVICES {
        let mut params = self::params(service, certs.days);
        let hosts = HOSTS.into_iter().chain(certs.hosts.iter().map(String::as_str));
        let hosts: Vec<_> = [service].into_iter().chain(hosts).map(str::to_owned).collect();
        params.subject_alt_names = CertificateParams::new(hosts)?.subject_alt_names;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        issue(&mut parts, service, &params, &ca)?;
    }
    let mut roles = String::from("# What callers may do whose certificate names them.\n");
    for (name, granted) in callers {
        let mut params = self::params(name, certs.days);
        let uri = format!("spiffe://reform/{name}");
        params.subject_alt_names = vec![SanType::URI(Ia5String::try_from(uri.as_str())?)];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        issue(&mut parts, &format!("client-{name}"), &params, &ca)?;
        let granted: Vec<_> = granted.iter().map(|role| format!("\"{role}\"")).collect();
        roles.push_str(&format!("\"{uri}\" = [{}]\n", granted.join(", ")));
    }
    parts.push(Part { name: "roles.toml".to_owned(), text: roles });
    if certs.ca_key {
        parts.push(Part { name: "ca.key".to_owned(), text: ca.key().serialize_pem() });
    }
    // The last one, for it says that all is there.
    parts.push(Part { name: "ca.pem".to_owned(), text: ca.pem() });
    Ok(parts)
}

/// Good from yesterday, for clocks that are behind.
fn params(name: &str, days: u16) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let moment = |date: Date| date_time_ymd(date.year().into(), date.month() as u8, date.day() as u8);
    params.not_before = moment(today.saturating_sub(Span::new().days(1)));
    params.not_after = moment(today.saturating_add(Span::new().days(i64::from(days))));
    params.use_authority_key_identifier_extension = true;
    params
}

fn issue(
    parts: &mut Vec<Part>,
    name: &str,
    params: &CertificateParams,
    ca: &CertifiedIssuer<'_, KeyPair>,
) -> Result<(), rcgen::Error> {
    let key = KeyPair::generate()?;
    let cert = params.signed_by(&key, ca)?;
    parts.push(Part { name: format!("{name}.key"), text: key.serialize_pem() });
    parts.push(Part { name: format!("{name}.pem"), text: cert.pem() });
    Ok(())
}

/// Nothing is written when anything is there.
fn write(dir: &Path, parts: &[Part]) -> Result<(), Failure> {
    let failed = |path: &Path, source| Failure::File { path: path.display().to_string(), source };
    fs::create_dir_all(dir).map_err(|source| failed(dir, source))?;
    for Part { name, .. } in parts {
        let path = dir.join(name);
        if path.exists() {
            return Err(failed(&path, std::io::ErrorKind::AlreadyExists.into()));
        }
    }
    for Part { name, text } in parts {
        let path = dir.join(name);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let written = file.and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
        written.map_err(|source| failed(&path, source))?;
    }
    Ok(())
}
