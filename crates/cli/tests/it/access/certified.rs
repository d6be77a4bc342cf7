//! The pair by mutual TLS, with what `reform certs` and `reform token` made.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use reform_api::client::{AnalyticsClient, Credentials, DataClient};
use reform_api::error::reason;
use reform_api::{analytics, data};
use reform_runtime::server::Exit;
use reform_runtime::{access, front, tls};
use tokio_util::sync::CancellationToken;
use tonic::Code;

use crate::program::{reform, run, stderr, stdout};

/// A front of `service` over the certificates in a folder.
fn front(certs: &Path, service: &str) -> front::Config {
    let file = |name: &str| certs.join(name);
    let tls = tls::Files {
        cert: file(&format!("{service}.pem")),
        key: file(&format!("{service}.key")),
        client_ca: Some(file("ca.pem")),
        client_crl: None,
    };
    let access = access::Config {
        roles: Some(file("roles.toml")),
        tokens: Some(file("tokens")),
        ..access::Config::default()
    };
    front::Config { tls: Some(tls), access, ..front::Config::new(([127, 0, 0, 1], 0).into()) }
}

fn credentials(certs: &Path, name: &str) -> Credentials {
    let file = |name: String| certs.join(name);
    Credentials {
        ca: Some(file("ca.pem".to_owned())),
        identity: Some((file(format!("client-{name}.pem")), file(format!("client-{name}.key")))),
        token: None,
    }
}

#[tokio::test]
async fn a_pair_works_with_the_certificates_that_were_made_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let certs = &folder.path().join("certs");
    let dir = certs.to_str().unwrap();
    let made = run(&["certs", dir, "--name", "scribe=writer,importer", "--name", "nobody="]);
    assert_eq!(made.status.code(), Some(2), "no role is none: {}", stderr(&made));
    let made = run(&["certs", dir, "--name", "scribe=writer,importer"]);
    assert!(made.status.success(), "{}", stderr(&made));
    for entry in fs::read_dir(certs).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{entry:?}");
    }
    assert!(!certs.join("ca.key").exists());
    assert_eq!(run(&["certs", dir]).status.code(), Some(1), "nothing is written over");
    assert!(run(&["certs", dir, "--if-missing"]).status.success());
    let tokens = certs.join("tokens");
    let token = run(&["token", "bob", "reader", "--tokens", tokens.to_str().unwrap()]);
    fs::write(certs.join("bob"), stdout(&token)).unwrap();
    assert!(!fs::read_to_string(&tokens).unwrap().contains(stdout(&token).trim()));

    let stop = CancellationToken::new();
    let opened = front(certs, "data").open().await.unwrap();
    let data_url = format!("https://localhost:{}", opened.address().unwrap().port());
    let config = reform_data::Config {
        cache_bytes: 16 << 20,
        free_bytes_min: Some(1 << 20),
        ..reform_data::Config::new(folder.path().join("data"))
    };
    let data = tokio::spawn(reform_data::run(opened, config, stop.clone()));
    let opened = front(certs, "analytics").open().await.unwrap();
    let analytics_url = format!("https://localhost:{}", opened.address().unwrap().port());
    let mut config = reform_analytics::Config::new(data_url.parse().unwrap());
    config.credentials = credentials(certs, "analytics");
    let analytics = tokio::spawn(reform_analytics::run(opened, config, stop.clone()));

    let mut status = reform(&["status", "--data", &data_url, "--analytics", &analytics_url, "-o", "json"]);
    status
        .env("REFORM_TLS_CA", certs.join("ca.pem"))
        .env("REFORM_TLS_CERT", certs.join("client-admin.pem"))
        .env("REFORM_TLS_KEY", certs.join("client-admin.key"));
    // The services run on this thread, too.
    let status = tokio::task::spawn_blocking(move || status.output().unwrap()).await.unwrap();
    assert!(status.status.success(), "{}", stderr(&status));
    follows(certs, &data_url, &analytics_url).await;
    stop.cancel();
    assert_eq!(data.await.unwrap().unwrap(), Exit::Drained);
    assert_eq!(analytics.await.unwrap().unwrap(), Exit::Drained);
}

/// A write by one caller is seen through analytics by another, and who may not is told so.
async fn follows(certs: &Path, data_url: &str, analytics_url: &str) {
    let scribe = DataClient::connect_with(data_url, &credentials(certs, "scribe")).await.unwrap();
    let source = r#"{"name": "records/law", "jurisdiction": "KZ", "title": "Law", "source": {"url": "https://example.org"}}"#;
    let record = reform_api::json::parse("reform.data.v1.Record", source).unwrap();
    let request = data::v1::CreateRecordRequest { record: Some(record), ..Default::default() };
    let made = scribe.create_record(request).await.unwrap();
    let request = data::v1::ListRecordRevisionsRequest { name: made.name, ..Default::default() };
    let past = scribe.list_record_revisions(request).await.unwrap();
    assert_eq!(past.revisions[0].author, "spiffe://reform/scribe");
    let purge = data::v1::PurgeRecordRequest { name: "records/law".to_owned(), ..Default::default() };
    let refused = scribe.purge_record(purge.clone()).await.unwrap_err();
    assert_eq!(reason(&refused).as_deref(), Some("ROLE_REQUIRED"));

    // A token says more than a certificate, and the certificate of an admin does not help it.
    let mut bob = credentials(certs, "admin");
    bob.token = Some(certs.join("bob"));
    let bob = DataClient::connect_with(data_url, &bob).await.unwrap();
    assert_eq!(bob.purge_record(purge.clone()).await.unwrap_err().code(), Code::PermissionDenied);
    let admin = DataClient::connect_with(data_url, &credentials(certs, "admin")).await.unwrap();
    assert_eq!(admin.purge_record(purge).await.unwrap_err().code(), Code::FailedPrecondition);

    let reader =
        AnalyticsClient::connect_with(analytics_url, &credentials(certs, "analytics")).await.unwrap();
    let caught_up = async {
        while reader.get_status(analytics::v1::GetStatusRequest {}).await.unwrap().applied_revision
            < made.revision
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), caught_up).await.expect("analytics follows by TLS");

    // Who is in no table has a certificate and no role.
    fs::write(certs.join("roles.toml"), "").unwrap();
    let forgotten = async { while admin.get_status(data::v1::GetStatusRequest {}).await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(10), forgotten).await.expect("within ten seconds");
    let stranger = admin.get_status(data::v1::GetStatusRequest {}).await.unwrap_err();
    assert_eq!(reason(&stranger).as_deref(), Some("ROLE_REQUIRED"));
}
