//! `/metrics` of both services, and the page about it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use reform_api::data::v1::GetRecordRequest;
use reform_runtime::metrics::{self, Metric, markdown};

use super::pair::{Pair, ask, question};

/// Every sample by its name with labels, and the names that have a type.
async fn scrape(admin: SocketAddr) -> (BTreeMap<String, f64>, BTreeSet<String>) {
    let (head, body) = ask(admin, "GET /metrics").await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0"), "{head}");
    assert!(body.ends_with("# EOF\n"), "{body}");
    let mut samples = BTreeMap::new();
    let mut typed = BTreeSet::new();
    for line in body.lines() {
        if let Some(line) = line.strip_prefix("# TYPE ") {
            let (name, kind) = line.split_once(' ').unwrap();
            typed.insert(if kind == "counter" { format!("{name}_total") } else { name.to_owned() });
        } else if !line.starts_with('#') {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert!(samples.insert(name.to_owned(), value.parse().unwrap()).is_none(), "{name} twice");
        }
    }
    (samples, typed)
}

fn names(tables: [&[&Metric]; 2]) -> BTreeSet<String> {
    tables.iter().flat_map(|table| table.iter()).map(|metric| metric.name().to_owned()).collect()
}

fn requests(method: &str, code: &str) -> String {
    format!("reform_requests_total{{method=\"{method}\",code=\"{code}\"}}")
}

#[tokio::test]
async fn metrics_tell_what_happened() {
    let pair = Pair::start(|_| {}).await;
    let revision = pair.create("law").await;
    let get = |name: &str| GetRecordRequest { name: name.to_owned(), ..Default::default() };
    for _ in 0..3 {
        pair.data.get_record(get("records/law")).await.unwrap();
    }
    pair.data.get_record(get("records/none")).await.unwrap_err();
    for _ in 0..3 {
        pair.analytics.query_indicator(question(revision)).await.unwrap();
    }

    let (data, typed) = scrape(pair.data_admin).await;
    assert_eq!(typed, names([metrics::METRICS, reform_data::metrics::METRICS]));
    let of_data = |method: &str, code| data[&requests(&format!("reform.data.v1.{method}"), code)];
    assert_eq!(of_data("RecordService/CreateRecord", "OK"), 1.0);
    assert_eq!(of_data("RecordService/GetRecord", "OK"), 3.0);
    assert_eq!(of_data("RecordService/GetRecord", "NOT_FOUND"), 1.0);
    let seconds = "{le=\"+Inf\",method=\"reform.data.v1.RecordService/GetRecord\",code=\"OK\"}";
    let labels_anyhow = |name: &String| {
        name.starts_with("reform_request_duration_seconds_bucket")
            && seconds.trim_matches(['{', '}']).split(',').all(|label| name.contains(label))
    };
    let (_, observed) = data.iter().find(|(name, _)| labels_anyhow(name)).unwrap();
    assert_eq!(*observed, 3.0);
    assert_eq!(data["reform_requests_in_flight{method=\"reform.data.v1.ChangeService/WatchChanges\"}"], 1.0);
    assert_eq!(data["reform_data_revision"], revision as f64);
    assert_eq!(data["reform_data_live_records{kind=\"source\"}"], 1.0);
    assert_eq!(data["reform_data_commit_group_size_sum"], 1.0);
    assert!(data["reform_data_sync_duration_seconds_count"] >= 1.0);
    assert_eq!(data["reform_data_watchers"], 1.0);
    assert_eq!(data["reform_data_watcher_lag_revisions"], 0.0);
    assert_eq!((data["reform_data_read_only"], data["reform_data_failed"]), (0.0, 0.0));
    assert!(data["reform_data_store_bytes"] > 0.0 && data["reform_data_free_bytes"] > 0.0);
    assert!(
        data["reform_data_record_cache_hits_total"] + data["reform_data_record_cache_misses_total"] >= 3.0
    );
    assert!(data["process_resident_memory_bytes"] > 1e6 && data["process_open_fds"] > 3.0);

    let (analytics, typed) = scrape(pair.analytics_admin).await;
    assert_eq!(typed, names([metrics::METRICS, reform_analytics::metrics::METRICS]));
    assert_eq!(analytics[&requests("reform.analytics.v1.IndicatorService/QueryIndicator", "OK")], 3.0);
    assert_eq!(analytics["reform_analytics_view_revision"], revision as f64);
    assert_eq!(analytics["reform_analytics_lag_revisions"], 0.0);
    assert_eq!(analytics["reform_analytics_rebuilds_total"], 1.0);
    assert!(analytics["reform_analytics_changes_folded_total"] >= 1.0);
    assert_eq!(analytics["reform_analytics_kept_answers_misses_total"], 1.0);
    assert_eq!(analytics["reform_analytics_kept_answers_hits_total"], 2.0);
    pair.stop().await;
}

#[tokio::test]
async fn the_admin_port_answers_nothing_else() {
    let pair = Pair::start(|_| {}).await;
    for (line, status) in [
        ("GET /", "404"),
        ("GET /metrics/more", "404"),
        ("POST /metrics", "405"),
        ("GET /metrics?name=x", "200"),
    ] {
        let (head, _) = ask(pair.data_admin, line).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{line}: {head}");
    }
    pair.stop().await;
}

#[test]
fn the_page_about_metrics_holds_the_tables() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/METRICS.md");
    let page = std::fs::read_to_string(path).unwrap();
    let mut made = String::new();
    for (heading, table) in [
        ("## Both services", metrics::METRICS),
        ("## The data service", reform_data::metrics::METRICS),
        ("## The analytics service", reform_analytics::metrics::METRICS),
    ] {
        made.push_str(&format!("\n{heading}\n\n{}", markdown(table)));
    }
    let (text, _) = page.split_once("\n## Both services").unwrap();
    let made = format!("{text}{made}");
    if std::env::var_os("REFORM_UPDATE").is_some() {
        std::fs::write(path, made).unwrap();
    } else {
        assert_eq!(page, made, "REFORM_UPDATE=1 writes it anew");
    }
}
