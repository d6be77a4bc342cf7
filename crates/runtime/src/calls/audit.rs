//! The lines of the log target `audit`: who wrote what, and who was refused. Never a token.

use reform_api::error::code_name;
use tonic::Code;
use uuid::Uuid;

use crate::identity::Identity;

/// What a handler of a write says of itself, among the extensions of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// The revision that was made, or was there already; 0 when nothing was stored.
    pub revision: i64,
    /// The caller's id of the write.
    pub request_id: Option<Uuid>,
}

/// A call as the audit sees it.
#[derive(Debug)]
pub(super) struct Audit {
    identity: Option<Identity>,
    /// Whether the call may change something.
    writes: bool,
    pub(super) written: Option<Written>,
}

impl Audit {
    pub(super) fn new(identity: Option<Identity>, writes: bool) -> Self {
        Self { identity, writes, written: None }
    }

    pub(super) fn identity(&self) -> Option<&str> {
        self.identity.as_ref().map(Identity::as_str)
    }

    pub(super) fn log(&self, method: &str, code: Code, call_id: &str) {
        let identity = self.identity();
        let revision = self.written.map(|written| written.revision);
        let request_id = self.written.and_then(|written| written.request_id).map(tracing::field::display);
        let refused = matches!(code, Code::Unauthenticated | Code::PermissionDenied);
        let code = code_name(code);
        if refused {
            tracing::warn!(target: "audit", identity, method, code, call_id, "refused");
        } else if self.writes {
            tracing::info!(target: "audit", identity, method, code, revision, request_id, call_id, "write");
        }
    }
}
