//! `reform doctor` beside real processes.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use reform_trials::process::Program;
use reform_trials::records::{base, commit};
use serde_json::Value;
use tokio::process::Command;

use crate::process::{data_service, sibling, soon};

/// What the doctor says of a pair, and his exit code. The variables are those of a caller with a certificate.
async fn examined(data: &str, analytics: &str, certs: Option<&Path>) -> (Value, Option<i32>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reform"));
    command
        .args(["doctor", "--json", "--data", data, "--analytics", analytics])
        .env_clear()
        .stdin(Stdio::null());
    if let Some(certs) = certs {
        command.env("REFORM_TLS_CA", certs.join("ca.pem"));
        command.env("REFORM_TLS_CERT", certs.join("client-admin.pem"));
        command.env("REFORM_TLS_KEY", certs.join("client-admin.key"));
    }
    let output = soon("the doctor", command.output()).await.unwrap();
    let found = serde_json::from_slice(&output.stdout).expect("one JSON object");
    (found, output.status.code())
}

/// Health, what was found, and what to do, of one check.
fn finding<'a>(found: &'a Value, service: &str, check: &str) -> [&'a str; 3] {
    let findings = found["findings"].as_array().unwrap().iter();
    let mut of_check = findings.filter(|one| one["service"] == service && one["check"] == check);
    let one = of_check.next().unwrap_or_else(|| panic!("no {check} of {service}: {found}"));
    ["health", "found", "advice"].map(|key| one[key].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pair_on_one_machine_is_well_and_one_that_is_gone_is_not() {
    let (folder, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let data = data_service(folder.path()).start();
    let head = commit(&data.until_serving().await, base()).await;
    let address = data.address().await;
    let analytics = Program::new("reform-analytics", sibling("reform-analytics"));
    let analytics =
        analytics.arg("--data").arg(format!("http://{address}")).arg("--state-dir").arg(state.path()).start();
    analytics.until_serving().await;
    let url = |address: SocketAddr| format!("http://{address}");
    let (data_url, analytics_url) = (url(address), url(analytics.address().await));
    let (found, code) = examined(&data_url, &analytics_url, None).await;
    assert_eq!((found["worst"].as_str(), code), (Some("warn"), Some(0)), "{found}");
    for (service, check, health) in [
        ("reform-data", "reachable", "ok"),
        ("reform-data", "tls", "ok"),
        ("reform-data", "health", "ok"),
        ("reform-data", "identity", "warn"),
        ("reform-data", "version", "ok"),
        ("reform-data", "writes", "ok"),
        ("reform-analytics", "identity", "warn"),
        ("reform-analytics", "version", "ok"),
        ("reform-analytics", "records", "ok"),
        ("reform-analytics", "follows", "ok"),
    ] {
        let [is, what, advice] = finding(&found, service, check);
        assert_eq!(is, health, "{service} {check}: {what}");
        assert_eq!(advice.is_empty(), health == "ok", "{service} {check}: what is not right says what to do");
    }
    assert_eq!(finding(&found, "reform-analytics", "follows")[1], format!("at revision {head}"));
    finding(&found, "reform-analytics", "checkpoint");
    finding(&found, "reform-data", "room");

    analytics.stop().await;
    let (found, code) = examined(&data_url, &analytics_url, None).await;
    assert_eq!((found["worst"].as_str(), code), (Some("fail"), Some(1)), "{found}");
    let [health, _, advice] = finding(&found, "reform-analytics", "reachable");
    assert_eq!((health, advice.contains("is it running?")), ("fail", true), "{advice}");
    assert_eq!(finding(&found, "reform-data", "reachable")[0], "ok");
    data.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_certificates_it_says_how_long_they_are_good_and_who_the_caller_is() {
    let (folder, certs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let made = Command::new(env!("CARGO_BIN_EXE_reform"))
        .arg("certs")
        .arg(certs.path())
        .args(["--days", "20"])
        .status();
    assert!(made.await.unwrap().success());
    let file = |name: &str| certs.path().join(name);
    let of = |program: Program, service: &str| {
        let program = program.arg("--tls-cert").arg(file(&format!("{service}.pem")));
        let program = program.arg("--tls-key").arg(file(&format!("{service}.key")));
        program.arg("--tls-client-ca").arg(file("ca.pem")).arg("--roles").arg(file("roles.toml"))
    };
    let data = of(data_service(folder.path()), "data").start();
    let data_url = format!("https://localhost:{}", data.address().await.port());
    let analytics = of(Program::new("reform-analytics", sibling("reform-analytics")), "analytics");
    let analytics = analytics.args(["--data", data_url.as_str()]).arg("--data-tls-ca").arg(file("ca.pem"));
    let analytics = analytics.arg("--data-tls-cert").arg(file("client-analytics.pem"));
    let analytics = analytics.arg("--data-tls-key").arg(file("client-analytics.key")).start();
    let analytics_url = format!("https://localhost:{}", analytics.address().await.port());
    // Both listen before they serve.
    let well = async {
        loop {
            let (found, code) = examined(&data_url, &analytics_url, Some(certs.path())).await;
            if code == Some(0) {
                return found;
            }
        }
    };
    let found = soon("the pair is well", well).await;
    for service in ["reform-data", "reform-analytics"] {
        assert_eq!(finding(&found, service, "tls")[..2], ["ok", "TLSv1_3"]);
        let [health, what, advice] = finding(&found, service, "certificate");
        assert!(
            health == "warn" && what.starts_with("ends in ") && advice.contains("reform certs"),
            "{what}: {advice}"
        );
        assert_eq!(finding(&found, service, "own certificate")[0], "warn");
        assert_eq!(finding(&found, service, "identity")[..2], ["ok", "spiffe://reform/admin with admin"]);
    }
    data.stop().await;
    analytics.stop().await;
}
