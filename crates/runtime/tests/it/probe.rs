//! The `health` subcommand against real servers.

use std::net::SocketAddr;
use std::time::Duration;

use reform_runtime::config::{self, Program, Setting};
use reform_runtime::front::Front;
use reform_runtime::health::Health;
use reform_runtime::probe::{self, Error, Probe};
use reform_runtime::server;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tonic_health::pb::health_check_response::ServingStatus;

const SETTINGS: &[Setting] = &[
    Setting::value("listen", "address to listen on").default("127.0.0.1:50051"),
    Setting::value("data-dir", "folder of the store"),
];

/// Long enough for a busy machine; a test that waits for it has failed.
const PATIENT: Duration = Duration::from_secs(60);

fn read(args: &[&str], env: &[(&str, &str)]) -> Result<Option<Probe>, config::Error> {
    let program = Program::new("reform-test", "tests", "1.2.3", SETTINGS).serving();
    let command = program.command().subcommand(probe::command());
    let matches = command.get_matches_from([&["reform-test"], args].concat());
    Probe::read(&program, &matches, |variable| {
        env.iter().find(|(name, _)| *name == variable).map(|(_, value)| (*value).to_owned())
    })
}

fn probe(address: SocketAddr, service: &str) -> Probe {
    Probe { address, service: service.to_owned(), ca: None }
}

async fn start() -> (SocketAddr, Health, CancellationToken) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let health = Health::new(["writes"]);
    let stop = CancellationToken::new();
    let front = Front::from(listener);
    let routes = front.routes(&health).unwrap();
    tokio::spawn(server::serve(front, routes, health.clone(), None, stop.clone(), server::DRAIN));
    (address, health, stop)
}

#[tokio::test]
async fn tells_each_name_apart_and_follows_the_status() {
    let (address, health, stop) = start().await;
    assert_eq!(probe(address, "").ask(PATIENT).await.unwrap(), ServingStatus::NotServing);
    health.set("", true);
    assert_eq!(probe(address, "").ask(PATIENT).await.unwrap(), ServingStatus::Serving);
    assert_eq!(probe(address, "writes").ask(PATIENT).await.unwrap(), ServingStatus::NotServing);
    let unknown = probe(address, "nobody").ask(PATIENT).await.unwrap_err();
    assert!(matches!(&unknown, Error::Refused(status) if status.code() == Code::NotFound), "{unknown}");
    stop.cancel();
}

#[tokio::test]
async fn says_that_nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = probe(address, "").ask(PATIENT).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable(_)), "{error}");
    assert!(error.to_string().contains("refused"), "the cause is told: {error}");
}

#[tokio::test]
async fn waits_no_longer_than_its_limit_for_a_peer_that_says_nothing() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let error = probe(address, "").ask(Duration::from_millis(20)).await.unwrap_err();
    assert!(matches!(error, Error::Late(_)), "{error}");
}

#[test]
fn finds_the_address_where_the_service_finds_it() {
    let open = [("REFORM_LISTEN", "0.0.0.0:7")];
    assert_eq!(read(&["health"], &open).unwrap(), Some(probe("127.0.0.1:7".parse().unwrap(), "")));
    let flags = ["health", "--listen", "127.0.0.1:8", "--service", "writes"];
    assert_eq!(read(&flags, &open).unwrap(), Some(probe("127.0.0.1:8".parse().unwrap(), "writes")));
    let before = ["--listen", "127.0.0.1:8", "health"];
    assert_eq!(read(&before, &open).unwrap(), Some(probe("127.0.0.1:8".parse().unwrap(), "")));
    assert_eq!(read(&["health", "--listen", "nowhere"], &[]).unwrap_err().mistakes.len(), 1);
    assert_eq!(read(&["--data-dir", "d"], &open).unwrap(), None);
    let side = ["health", "--health-listen", "0.0.0.0:9", "--tls-cert", "c", "--tls-client-ca", "a"];
    assert_eq!(read(&side, &open).unwrap(), Some(probe("127.0.0.1:9".parse().unwrap(), "")));
    let encrypted = read(&["health", "--tls-cert", "c", "--tls-ca", "a"], &open).unwrap().unwrap();
    assert_eq!((encrypted.address.port(), encrypted.ca), (7, Some("a".into())));
    assert!(read(&["health", "--tls-cert", "c"], &open).is_err());
    assert!(read(&["health", "--tls-cert", "c", "--tls-ca", "a", "--tls-client-ca", "a"], &open).is_err());
}
