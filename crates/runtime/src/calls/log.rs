//! One line a call, when it is over.

use std::time::Instant;

use http::{Request, Uri};
use reform_api::error::code_name;
use reform_api::request_id::RequestId;
use tonic::Code;

use super::audit::{Audit, Writing, Written};
use crate::metrics::calls::Counted;
use crate::traces::Traced;

/// Logs and counts when dropped, so that a call whose caller left early has its line too, as cancelled.
#[derive(Debug)]
pub(super) struct CallLog {
    uri: Uri,
    request_id: RequestId,
    started: Instant,
    code: Code,
    audit: Option<Audit>,
    counted: Option<Counted>,
    traced: Option<Traced>,
}

impl CallLog {
    pub(super) fn new<B>(
        request: &Request<B>,
        (started, request_id): (Instant, RequestId),
        audit: Option<Audit>,
        counted: Option<Counted>,
        traced: Option<Traced>,
    ) -> Self {
        Self {
            uri: request.uri().clone(),
            request_id,
            started,
            code: Code::Cancelled,
            audit,
            counted,
            traced,
        }
    }

    pub(super) fn wrote(&mut self, written: Written) {
        if let Some(audit) = &mut self.audit {
            audit.written = Some(written);
        }
    }

    pub(super) fn writes(&mut self, writing: Writing) {
        if let Some(audit) = &mut self.audit {
            audit.writing = Some(writing);
        }
    }

    pub(super) fn end(&mut self, code: Code) {
        self.code = code;
    }
}

impl Drop for CallLog {
    fn drop(&mut self) {
        let took = self.started.elapsed();
        if let Some(counted) = &self.counted {
            counted.end(self.code, took);
        }
        let method = self.uri.path();
        let request_id = self.request_id.as_str();
        if let Some(audit) = &self.audit {
            audit.log(method, self.code, request_id);
        }
        let trace_id = self.traced.as_ref().and_then(Traced::id).map(tracing::field::display);
        let code = code_name(self.code);
        let duration_ms = took.as_micros() as f64 / 1e3;
        // Empty for nobody: every line has every field.
        let identity = self.audit.as_ref().and_then(Audit::identity).unwrap_or_default();
        let ours = matches!(self.code, Code::Internal | Code::Unknown | Code::DataLoss | Code::Unavailable);
        if self.code == Code::Ok {
            tracing::debug!(method, code, duration_ms, request_id, identity, trace_id, "call");
        } else if ours {
            tracing::warn!(method, code, duration_ms, request_id, identity, trace_id, "call");
        } else {
            tracing::info!(method, code, duration_ms, request_id, identity, trace_id, "call");
        }
        if let Some(traced) = &mut self.traced {
            traced.end(self.code, request_id, identity);
        }
    }
}
