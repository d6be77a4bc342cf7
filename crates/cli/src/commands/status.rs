//! `reform status`: both services side by side.

use std::process::ExitCode;

use reform_api::json;
use reform_api::{analytics, data};

use crate::args::{Global, Output};
use crate::client::{self, Service};
use crate::failure::Failure;
use crate::out;

type Data = data::v1::GetStatusResponse;
type Analytics = analytics::v1::GetStatusResponse;

/// Shows what is there; a service that is not makes the exit code that of its failure.
pub(crate) async fn run(global: &Global) -> Result<ExitCode, Failure> {
    let (data, analytics) = tokio::join!(data(global), analytics(global));
    let mut code = ExitCode::SUCCESS;
    let mut rows = Vec::new();
    let mut answers = serde_json::Map::new();
    match data {
        Ok(status) => {
            answers.insert("data".to_owned(), json::value("reform.data.v1.GetStatusResponse", &status)?);
            rows.extend(data_rows(&status).map(|(key, value)| named("data", key, value)));
        }
        Err(failure) => code = failure.report(),
    }
    match analytics {
        Ok(status) => {
            let value = json::value("reform.analytics.v1.GetStatusResponse", &status)?;
            answers.insert("analytics".to_owned(), value);
            rows.extend(analytics_rows(&status).map(|(key, value)| named("analytics", key, value)));
        }
        Err(failure) => code = failure.report(),
    }
    if !rows.is_empty() {
        match global.output {
            Output::Json => out::say(&serde_json::Value::Object(answers).to_string())?,
            Output::Csv => out::csv(&["service", "key", "value"], rows)?,
            Output::Table => out::say(&out::table(&["service", "what", "now"], rows))?,
        }
    }
    Ok(code)
}

fn named(service: &str, key: &str, value: String) -> [String; 3] {
    [service.to_owned(), key.to_owned(), value]
}

async fn data(global: &Global) -> Result<Data, Failure> {
    let peer = global.connect(Service::Data).await?;
    let answer = peer.maintenance().get_status(client::request(data::v1::GetStatusRequest {})).await;
    Ok(answer.map_err(|status| peer.failed(status))?.into_inner())
}

async fn analytics(global: &Global) -> Result<Analytics, Failure> {
    let peer = global.connect(Service::Analytics).await?;
    let answer = peer.indicators().get_status(client::request(analytics::v1::GetStatusRequest {})).await;
    Ok(answer.map_err(|status| peer.failed(status))?.into_inner())
}

fn data_rows(status: &Data) -> impl Iterator<Item = (&'static str, String)> {
    let Data {
        store_id,
        head_revision,
        oldest_revision,
        live_records,
        engine,
        store_format,
        bytes_on_disk,
        bytes_free,
        writable,
        not_writable_reason,
        build,
    } = status;
    let writes = if *writable { "accepted".to_owned() } else { format!("refused ({not_writable_reason})") };
    [
        ("store", store_id.clone()),
        ("head revision", head_revision.to_string()),
        ("oldest revision", oldest_revision.to_string()),
        ("live records", counts(live_records)),
        ("writes", writes),
        ("engine", format!("{engine}, store format {store_format}")),
        ("on disk", client::size(*bytes_on_disk)),
        ("free", client::size(*bytes_free)),
        ("build", build.clone()),
    ]
    .into_iter()
}

fn analytics_rows(status: &Analytics) -> impl Iterator<Item = (&'static str, String)> {
    let Analytics {
        store_id,
        applied_revision,
        head_revision,
        lag_ms,
        serving_stale,
        view_bytes,
        rows,
        quarantined,
        build,
    } = status;
    let lag = match (lag_ms, serving_stale) {
        (0, false) => "up to date".to_owned(),
        (lag_ms, stale) => format!("{lag_ms} ms{}", if *stale { ", answers are stale" } else { "" }),
    };
    [
        ("store", store_id.clone()),
        ("applied revision", format!("{applied_revision} of {head_revision}")),
        ("behind", lag),
        ("rows", counts(rows)),
        ("quarantined", quarantined.to_string()),
        ("view", client::size(*view_bytes)),
        ("build", build.clone()),
    ]
    .into_iter()
}

/// The total, then each kind.
fn counts<'a>(by_kind: impl IntoIterator<Item = (&'a String, &'a i64)>) -> String {
    let parts: Vec<_> = by_kind.into_iter().collect();
    let total: i64 = parts.iter().map(|(_, count)| **count).sum();
    let parts: Vec<_> = parts.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    if parts.is_empty() { total.to_string() } else { format!("{total}: {}", parts.join(", ")) }
}
