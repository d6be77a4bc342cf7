//! The analytics service, and what lies between the two.

use std::time::Duration;

use reform_api::analytics::v1::{GetStatusRequest, GetStatusResponse};
use reform_api::data;
use tonic::metadata::MetadataMap;

use super::data::{health, identity, told, version};
use super::finding::Finding;
use crate::client::{self, Peer, Service};

const SERVICE: Service = Service::Analytics;
/// An older checkpoint is told: it is written every few minutes where something changes.
const CHECKPOINT_SECONDS: i64 = 86_400;
/// A lag below it is what following takes.
const LAG_MS: i64 = 1_000;

/// Asks the service; its state, if it tells.
pub(super) async fn findings(peer: &Peer, findings: &mut Vec<Finding>) -> Option<GetStatusResponse> {
    health(peer, SERVICE, findings).await;
    let answer = peer.indicators().get_status(client::who(GetStatusRequest {})).await;
    let (status, metadata) = told(SERVICE, answer, findings)?;
    identity(SERVICE, &metadata, findings);
    findings.push(version(SERVICE, "reform.analytics.v1", &status.build));
    findings.push(checkpoint(&metadata));
    findings.push(if status.quarantined > 0 {
        let found = format!("{} records are set aside", status.quarantined);
        Finding::warn(SERVICE, "records", found, "its log names them; `reform verify` checks the store")
    } else {
        Finding::ok(SERVICE, "records", "all are read")
    });
    Some(status)
}

fn checkpoint(metadata: &MetadataMap) -> Finding {
    let age = metadata.get(reform_api::CHECKPOINT_AGE).and_then(|age| age.to_str().ok());
    let check = "checkpoint";
    match age.and_then(|age| age.parse::<i64>().ok()) {
        None => {
            let advice = "--state-dir keeps some, which make a restart short";
            Finding::warn(SERVICE, check, "none are kept", advice)
        }
        Some(..0) => {
            Finding::warn(SERVICE, check, "none is written yet", "wait a few minutes, then look at its log")
        }
        Some(age) => {
            let found = format!("{:?} old", Duration::from_secs(age.unsigned_abs()));
            if age < CHECKPOINT_SECONDS {
                return Finding::ok(SERVICE, check, found);
            }
            Finding::warn(
                SERVICE,
                check,
                found,
                "right where nothing changes; else look at its log and its disk",
            )
        }
    }
}

/// Whether one follows the other, and how far behind it is.
pub(super) fn between(
    stored: &data::v1::GetStatusResponse,
    answered: &GetStatusResponse,
    findings: &mut Vec<Finding>,
) {
    if answered.store_id != stored.store_id {
        let found = format!("it follows store {:?}, this is {:?}", answered.store_id, stored.store_id);
        let advice = "look at its --data: it should name the same data service as yours";
        findings.push(Finding::fail(SERVICE, "follows", found, advice));
        return;
    }
    let behind = stored.head_revision - answered.applied_revision;
    let found = match behind {
        ..=0 => format!("at revision {}", answered.applied_revision),
        _ => format!("{behind} revisions and {} ms behind", answered.lag_ms),
    };
    findings.push(if answered.serving_stale {
        let advice = "its answers are old: look at its log, and at the way from it to the data service";
        Finding::fail(SERVICE, "follows", found, advice)
    } else if answered.lag_ms > LAG_MS {
        Finding::warn(SERVICE, "follows", found, "look again in a moment; if it grows, look at its log")
    } else {
        Finding::ok(SERVICE, "follows", found)
    });
}
