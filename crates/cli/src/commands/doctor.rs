//! `reform doctor`: what is wrong with a pair, or soon will be, and what to do about it.

mod analytics;
mod data;
mod finding;
mod transport;

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::args::{Global, Output};
use crate::client::{Peer, Service};
use crate::failure::Failure;
use crate::out;
use finding::{Finding, Health};

/// Check both services and what lies between them: reachability, TLS and certificates, who they take you for, versions, lag,
/// free space, checkpoints.
///
/// Each line is ok, warn or fail, and says what to do. Needs the role reader.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes:
  0  nothing has failed; there may be warnings
  1  something has failed")]
pub(crate) struct Doctor {
    /// Write the findings as one JSON object
    #[arg(long)]
    json: bool,
}

/// Looks at everything that can be looked at; what cannot be is a finding, too.
pub(crate) async fn run(global: &Global, doctor: &Doctor) -> Result<ExitCode, Failure> {
    let (data, analytics) = tokio::join!(look_at(global, Service::Data), look_at(global, Service::Analytics));
    let (mut findings, of_analytics) = (data.0, analytics.0);
    findings.extend(of_analytics);
    let (mut stored, mut answered) = (None, None);
    if let Some(peer) = data.1 {
        stored = data::findings(&peer, &mut findings).await;
    }
    if let Some(peer) = analytics.1 {
        answered = analytics::findings(&peer, &mut findings).await;
    }
    if let (Some(stored), Some(answered)) = (&stored, &answered) {
        analytics::between(stored, answered, &mut findings);
    }
    let worst = findings.iter().map(|finding| finding.health).max().unwrap_or(Health::Ok);
    if doctor.json || global.output == Output::Json {
        let findings: Vec<_> = findings.iter().map(Finding::json).collect();
        out::say(&json!({"worst": worst.as_str(), "findings": findings}).to_string())?;
    } else if global.output == Output::Csv {
        out::csv(&finding::COLUMNS, findings.into_iter().map(Finding::row))?;
    } else {
        out::say(&out::table(&finding::COLUMNS, findings.into_iter().map(Finding::row)))?;
    }
    Ok(if worst == Health::Fail { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// How a service is reached, and the way to it if there is one.
async fn look_at(global: &Global, service: Service) -> (Vec<Finding>, Option<Peer>) {
    let mut findings = transport::findings(global, service).await;
    match global.connect(service).await {
        Ok(peer) => {
            findings.insert(0, Finding::ok(service, "reachable", global.url(service)));
            (findings, Some(peer))
        }
        Err(failure) => {
            let advice =
                failure.hint().unwrap_or_else(|| "look at the address and at the certificates".to_owned());
            findings.insert(0, Finding::fail(service, "reachable", failure.to_string(), advice));
            (findings, None)
        }
    }
}
