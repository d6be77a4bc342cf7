//! Encrypted connections, their certificates, and limits on connections.

use std::net::SocketAddr;
use std::time::Duration;

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, SanType, SerialNumber, date_time_ymd};
use reform_api::client::{Credentials, Link};
use reform_runtime::front::{Config, Front};
use reform_runtime::health::Health;
use reform_runtime::probe::Probe;
use reform_runtime::{server, tls};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tokio_util::sync::DropGuard;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::certificates::{Ca, named, replace};
use crate::stub::ask;

const WHO: &str = "spiffe://reform.test/who";
const LOOPBACK: &str = "127.0.0.1:0";
const PATIENT: Duration = Duration::from_secs(60);

/// Ends with its guard.
struct Running {
    address: SocketAddr,
    _stop: DropGuard,
}

fn serve(front: Front) -> Running {
    let address = front.address().unwrap();
    let health = Health::new([]);
    health.set_all(true);
    let stop = CancellationToken::new();
    let routes = front.routes(&health).unwrap();
    tokio::spawn(server::serve(front, routes, health, None, stop.clone(), server::DRAIN));
    Running { address, _stop: stop.drop_guard() }
}

fn config(tls: tls::Files) -> Config {
    let tls = Some(tls);
    Config { tls, poll: Duration::from_millis(5), ..Config::new(LOOPBACK.parse().unwrap()) }
}

async fn start(tls: tls::Files) -> Running {
    serve(config(tls).open().await.unwrap())
}

/// Makes a connection of its own and asks for health.
async fn passes(running: &Running, credentials: &Credentials) -> Result<(), String> {
    let url = format!("https://localhost:{}", running.address.port());
    let link = Link::connect(url, credentials).await.map_err(|error| format!("{error:?}"))?;
    let answer = HealthClient::new(link).check(ask("")).await;
    answer.map(drop).map_err(|error| format!("{error:?}"))
}

#[tokio::test]
async fn of_ten_client_certificates_only_the_right_one_passes() {
    let (ca, other) = (Ca::new(), Ca::new());
    let mut files = ca.server(1);
    files.client_crl = Some(ca.revoke(66));
    let running = start(files).await;

    let right = || named(&[WHO]);
    let mut expired = right();
    (expired.not_before, expired.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    let mut early = right();
    (early.not_before, early.not_after) = (date_time_ymd(2100, 1, 1), date_time_ymd(2101, 1, 1));
    let mut server_only = right();
    server_only.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let mut common_name = named(&[]);
    common_name.distinguished_name.push(DnType::CommonName, WHO);
    let mut wildcard = named(&[]);
    wildcard.subject_alt_names = vec![SanType::DnsName("*.reform.test".try_into().unwrap())];
    let mut two_kinds = right();
    two_kinds.subject_alt_names.push(SanType::DnsName("who.reform.test".try_into().unwrap()));
    let mut revoked = right();
    revoked.serial_number = Some(SerialNumber::from(vec![66]));
    let mut by_dns = named(&[]);
    by_dns.subject_alt_names = vec![SanType::DnsName("who.reform.test".try_into().unwrap())];

    let table: [(&str, CertificateParams, bool); 10] = [
        ("expired", expired, false),
        ("not yet valid", early, false),
        ("server only", server_only, false),
        ("common name only", common_name, false),
        ("two names", named(&[WHO, "spiffe://reform.test/else"]), false),
        ("two kinds of names", two_kinds, false),
        ("wildcard", wildcard, false),
        ("revoked", revoked, false),
        ("by dns", by_dns, true),
        ("right", right(), true),
    ];
    for (name, params, passing) in table {
        let outcome = passes(&running, &ca.client("client", &params)).await;
        assert_eq!(outcome.is_ok(), passing, "{name}: {outcome:?}");
    }
    assert!(passes(&running, &ca.stranger()).await.is_err(), "none");
    let wrong_ca = Credentials { ca: Some(ca.path("ca.pem")), ..other.client("client", &right()) };
    assert!(passes(&running, &wrong_ca).await.is_err(), "wrong CA");
    let mistrusting = Credentials { ca: Some(other.path("ca.pem")), ..ca.client("client", &right()) };
    assert!(passes(&running, &mistrusting).await.is_err(), "the client does not trust the server");
}

#[tokio::test]
async fn files_are_followed_and_wrong_ones_are_not() {
    let (old, new) = (Ca::new(), Ca::new());
    let files = old.server(1);
    let running = start(files.clone()).await;
    let (of_old, of_new) = (old.client("client", &named(&[WHO])), new.client("client", &named(&[WHO])));
    passes(&running, &of_old).await.unwrap();
    assert!(passes(&running, &of_new).await.is_err());

    // A certificate whose key has not come yet, and one that is none: the old one stays.
    let fresh = new.server(2);
    // Each handshake takes about as long as the files are unlooked at.
    replace(&fresh.cert, &files.cert);
    for _ in 0..10 {
        passes(&running, &of_old).await.unwrap();
    }
    std::fs::write(&files.cert, "no certificate").unwrap();
    for _ in 0..10 {
        passes(&running, &of_old).await.unwrap();
    }

    replace(&fresh.cert, &files.cert);
    replace(&fresh.key, &files.key);
    replace(&new.path("ca.pem"), &old.path("ca.pem"));
    let replaced = async { while passes(&running, &of_new).await.is_err() {} };
    tokio::time::timeout(PATIENT, replaced).await.unwrap();
    let of_old = Credentials { ca: of_new.ca.clone(), ..of_old };
    assert!(passes(&running, &of_old).await.is_err(), "the old CA is forgotten");
}

#[tokio::test]
async fn what_cannot_be_served_is_said_at_the_start() {
    let ca = Ca::new();
    let files = ca.server(1);
    let keyless =
        tls::Files { key: ca.client("client", &named(&[WHO])).identity.unwrap().1, ..files.clone() };
    let missing = tls::Files { cert: ca.path("nothing"), ..files.clone() };
    let crl = tls::Files { client_crl: Some(ca.path("ca.pem")), ..files };
    for files in [keyless, missing, crl] {
        assert!(matches!(config(files.clone()).open().await, Err(server::Error::File(_))), "{files:?}");
    }
}

#[tokio::test]
async fn health_is_told_in_plaintext_beside_tls() {
    let ca = Ca::new();
    let mut config = config(ca.server(1));
    config.health_listen = Some(LOOPBACK.parse().unwrap());
    let front = config.open().await.unwrap();
    let side = front.health_address().unwrap().unwrap();
    let running = serve(front);
    let probe = Probe { address: side, service: String::new(), ca: None };
    assert_eq!(probe.ask(PATIENT).await.unwrap(), ServingStatus::Serving);
    // Nothing else is there, and the other address speaks TLS only.
    let link = Link::connect(format!("http://{side}"), &Credentials::default()).await.unwrap();
    let mut client = tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient::new(link);
    let refused = client.server_reflection_info(tokio_stream::empty()).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unimplemented);
    let plain = Probe { address: running.address, ..probe };
    assert!(plain.ask(PATIENT).await.is_err());
}

#[tokio::test]
async fn a_probe_asks_by_tls_when_no_client_certificate_is_wanted() {
    let ca = Ca::new();
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.subject_alt_names.push(SanType::IpAddress([127, 0, 0, 1].into()));
    let (cert, key) = ca.issue("both", &params);
    let running = start(tls::Files { cert, key, client_ca: None, client_crl: None }).await;
    let probe = Probe { address: running.address, service: String::new(), ca: Some(ca.path("ca.pem")) };
    assert_eq!(probe.ask(PATIENT).await.unwrap(), ServingStatus::Serving);
}

#[tokio::test]
async fn a_connection_beyond_the_limit_waits_for_a_place() {
    let config = Config { connections_max: 2, ..Config::new(LOOPBACK.parse().unwrap()) };
    let running = serve(config.open().await.unwrap());
    let url = || format!("http://{}", running.address);
    let mut held = Vec::new();
    for _ in 0..2 {
        let link = Link::connect(url(), &Credentials::default()).await.unwrap();
        let mut client = HealthClient::new(link);
        client.check(ask("")).await.unwrap();
        held.push(client);
    }
    // The system takes the connection, the service does not.
    let mut third = TcpStream::connect(running.address).await.unwrap();
    third.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    third.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
    let mut first = [0];
    let quick = Duration::from_millis(50);
    assert!(tokio::time::timeout(quick, third.read_exact(&mut first)).await.is_err());
    held.pop();
    tokio::time::timeout(PATIENT, third.read_exact(&mut first)).await.unwrap().unwrap();
}

#[tokio::test]
async fn plaintext_beyond_this_machine_has_to_be_meant_and_tls_has_not() {
    let open = Config::new("0.0.0.0:0".parse().unwrap());
    assert!(matches!(open.clone().open().await, Err(server::Error::Bind(_))));
    Config { insecure: true, ..open.clone() }.open().await.unwrap();
    Config { tls: Some(Ca::new().server(1)), ..open }.open().await.unwrap();
}
