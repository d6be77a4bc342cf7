//! The data service: who it takes the caller for, whether it writes, and how much room is left.

use reform_api::data::v1::{GetStatusRequest, GetStatusResponse};
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};
use tonic_health::pb::health_check_response::ServingStatus;

use super::finding::Finding;
use crate::client::{self, Peer, Service};
use crate::failure::describe;

const SERVICE: Service = Service::Data;
/// Less room than this is told, before writes end.
const FREE_BYTES: i64 = 2 << 30;

/// Asks the service; its state, if it tells.
pub(super) async fn findings(peer: &Peer, findings: &mut Vec<Finding>) -> Option<GetStatusResponse> {
    health(peer, SERVICE, findings).await;
    let answer = peer.maintenance().get_status(client::who(GetStatusRequest {})).await;
    let (status, metadata) = told(SERVICE, answer, findings)?;
    identity(SERVICE, &metadata, findings);
    findings.push(version(SERVICE, "reform.data.v1", &status.build));
    findings.push(if status.writable {
        Finding::ok(SERVICE, "writes", "accepted")
    } else {
        let advice = "make room on its disk, or give it a larger one; writes go on by themselves then";
        Finding::fail(SERVICE, "writes", format!("refused: {}", status.not_writable_reason), advice)
    });
    let free =
        format!("{} free, {} in use", client::size(status.bytes_free), client::size(status.bytes_on_disk));
    findings.push(if status.bytes_free < FREE_BYTES.max(status.bytes_on_disk / 4) {
        let advice = "make room soon: compaction and an offline `reform-data compact` need some, too";
        Finding::warn(SERVICE, "room", free, advice)
    } else {
        Finding::ok(SERVICE, "room", free)
    });
    Some(status)
}

/// What health says of the process as a whole.
pub(super) async fn health(peer: &Peer, service: Service, findings: &mut Vec<Finding>) {
    findings.push(match peer.health().await {
        Ok(ServingStatus::Serving) => Finding::ok(service, "health", "SERVING"),
        Ok(other) => {
            let advice = "its log says why; `reform status` shows how far it is";
            Finding::fail(service, "health", other.as_str_name(), advice)
        }
        Err(status) => Finding::fail(service, "health", describe(&status), "look at its log"),
    });
}

/// An answer with what came before it; a refusal becomes a finding.
pub(super) fn told<T>(
    service: Service,
    answer: Result<tonic::Response<T>, Status>,
    findings: &mut Vec<Finding>,
) -> Option<(T, MetadataMap)> {
    match answer {
        Ok(answer) => {
            let (metadata, message, _) = answer.into_parts();
            Some((message, metadata))
        }
        Err(status) => {
            let code = status.code();
            let advice = if code == Code::Unauthenticated {
                "show a certificate (--tls-cert) or a token (--token-file)"
            } else if code == Code::PermissionDenied {
                "the role reader is needed: in the service's --roles or --tokens"
            } else {
                "look at its log"
            };
            findings.push(Finding::fail(service, "status", describe(&status), advice));
            None
        }
    }
}

/// Whom the service takes the caller for.
pub(super) fn identity(service: Service, metadata: &MetadataMap, findings: &mut Vec<Finding>) {
    let text = |key| metadata.get(key).and_then(|value| value.to_str().ok());
    findings.push(match (text(reform_api::IDENTITY), text(reform_api::ROLES)) {
        (Some(identity), Some(roles)) => Finding::ok(service, "identity", format!("{identity} with {roles}")),
        _ => {
            let advice = "right on one machine; else give the service --tokens, --jwks or --roles";
            Finding::warn(service, "identity", "everybody may do everything", advice)
        }
    });
}

/// The contract that was answered, and what answered it.
pub(super) fn version(service: Service, contract: &str, build: &str) -> Finding {
    let found = format!("{contract}, {build}");
    let own = env!("CARGO_PKG_VERSION");
    if build.split_whitespace().last() == Some(own) {
        return Finding::ok(service, "version", found);
    }
    Finding::warn(service, "version", found, format!("this is reform {own}: use programs of one release"))
}
