//! One line a call, when it is over.

use std::time::Instant;

use http::{HeaderValue, Request, Uri};
use tonic::Code;

use super::audit::{Audit, Written};

/// A caller's own id of a call, for its log and ours; not the `request_id` of a write, which is in the message.
const REQUEST_ID: &str = "x-request-id";

/// Longer ids are not logged.
const REQUEST_ID_BYTES_MAX: usize = 128;

/// Logs when dropped, so that a call whose caller left early has its line too, as cancelled.
#[derive(Debug)]
pub(super) struct CallLog {
    uri: Uri,
    request_id: Option<HeaderValue>,
    started: Instant,
    code: Code,
    audit: Option<Audit>,
}

impl CallLog {
    pub(super) fn new<B>(request: &Request<B>) -> Self {
        let request_id = request.headers().get(REQUEST_ID).filter(|id| id.len() <= REQUEST_ID_BYTES_MAX);
        Self {
            uri: request.uri().clone(),
            request_id: request_id.cloned(),
            started: Instant::now(),
            code: Code::Cancelled,
            audit: None,
        }
    }

    pub(super) fn audit(&mut self, audit: Audit) {
        self.audit = Some(audit);
    }

    pub(super) fn wrote(&mut self, written: Written) {
        if let Some(audit) = &mut self.audit {
            audit.written = Some(written);
        }
    }

    pub(super) fn end(&mut self, code: Code) {
        self.code = code;
    }
}

impl Drop for CallLog {
    fn drop(&mut self) {
        let rpc = self.uri.path();
        let code = self.code;
        let request_id = self.request_id.as_ref().and_then(|id| id.to_str().ok());
        let duration_ms = self.started.elapsed().as_micros() as f64 / 1e3;
        let identity = self.audit.as_ref().and_then(Audit::identity);
        if let Some(audit) = &self.audit {
            audit.log(rpc, code, request_id);
        }
        let ours = matches!(code, Code::Internal | Code::Unknown | Code::DataLoss | Code::Unavailable);
        if code == Code::Ok {
            tracing::debug!(rpc, ?code, duration_ms, request_id, identity, "call");
        } else if ours {
            tracing::warn!(rpc, ?code, duration_ms, request_id, identity, "call");
        } else {
            tracing::info!(rpc, ?code, duration_ms, request_id, identity, "call");
        }
    }
}
