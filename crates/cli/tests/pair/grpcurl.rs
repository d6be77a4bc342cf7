//! The pair as `grpcurl` sees it: no code of this project on the caller's side.

use reform_trials::records::JURISDICTION;

use std::net::SocketAddr;
use std::process::Stdio;

use serde_json::{Deserializer, Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::process::{analytics_service, data_service, soon};

/// Calls a method, or lists services, with the messages on standard input; the messages that came back.
async fn grpcurl(address: SocketAddr, args: &[&str], messages: &[Value]) -> String {
    let mut command = Command::new("grpcurl");
    command.args(["-plaintext", "-max-time", "20", "-d", "@"]).arg(address.to_string()).args(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let input: String = messages.iter().map(Value::to_string).collect();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).await.unwrap();
    drop(stdin);
    let output = soon("grpcurl", child.wait_with_output()).await.unwrap();
    assert!(output.status.success(), "grpcurl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

async fn call(address: SocketAddr, method: &str, messages: &[Value]) -> Vec<Value> {
    let output = grpcurl(address, &[method], messages).await;
    Deserializer::from_str(&output).into_iter().map(Result::unwrap).collect()
}

async fn is_there() -> bool {
    let version =
        Command::new("grpcurl").arg("-version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.await.is_ok_and(|status| status.success())
}

/// The number of appeals of a year, from a revision on.
async fn count(analytics: SocketAddr, year: i32, min_revision: &Value) -> Value {
    let query = json!({
        "indicator": "indicators/appeals-per-year", "jurisdictions": [JURISDICTION], "origin": "ORIGIN_COUNTED",
        "period": {"start": {"year": year}, "end": {"year": year}}, "minRevision": min_revision,
    });
    let answers = call(analytics, "reform.analytics.v1.IndicatorService/QueryIndicator", &[query]).await;
    answers[0]["series"][0]["points"][0]["estimate"]["value"].clone()
}

fn appeal(id: &str) -> Value {
    json!({
        "name": format!("records/{id}"), "jurisdiction": JURISDICTION, "title": id,
        "appeal": {"institution": "records/court", "filedOn": {"year": 2024, "month": 3, "day": 6}},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn grpcurl_lists_writes_asks_and_imports() {
    if !is_there().await {
        eprintln!("grpcurl: skipped, it is not on the PATH");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let data_process = data_service(folder.path()).start();
    data_process.until_serving().await;
    let data = data_process.address().await;
    let analytics_process = analytics_service(data);
    analytics_process.until_serving().await;
    let analytics = analytics_process.address().await;

    let services = grpcurl(data, &["list"], &[]).await;
    for service in ["RecordService", "ChangeService", "MaintenanceService"] {
        assert!(services.lines().any(|line| line == format!("reform.data.v1.{service}")), "{services}");
    }
    let services = grpcurl(analytics, &["list"], &[]).await;
    assert!(services.contains("reform.analytics.v1.IndicatorService\n"), "{services}");

    let import = [
        json!({"options": {"onExisting": "ON_EXISTING_FAIL"}}),
        json!({"batch": {"records": [
            {"name": "records/source", "title": "Source", "source": {"title": "Source"}},
            {"name": "records/court", "jurisdiction": JURISDICTION, "title": "Court",
             "citations": [{"source": "records/source"}], "institution": {}},
        ]}}),
        json!({"batch": {"records": [appeal("imported-1"), appeal("imported-2")]}}),
    ];
    let answers = call(data, "reform.data.v1.RecordService/ImportRecords", &import).await;
    let created: Vec<&Value> = answers.iter().map(|answer| &answer["created"]).collect();
    assert_eq!(created, [&json!("2"), &json!("2")]);
    assert_eq!(count(analytics, 2024, &answers[1]["revision"]).await, json!("2"));

    let create = json!({"record": appeal("created"), "requestId": uuid::Uuid::new_v4().to_string()});
    let created = call(data, "reform.data.v1.RecordService/CreateRecord", &[create]).await;
    assert_eq!(created[0]["name"], json!("records/created"));
    assert_eq!(count(analytics, 2024, &created[0]["revision"]).await, json!("3"));
    analytics_process.stop().await;
    data_process.stop().await;
}
