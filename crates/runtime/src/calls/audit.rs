//! The lines of the log target `audit`: who wrote what, and who was refused. Never a token.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use reform_api::error::code_name;
use tonic::Code;
use uuid::Uuid;

use crate::access::{Admitted, Refused};
use crate::identity::Identity;

/// What a handler of a write says of itself, among the extensions of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// The revision that was made, or was there already; 0 when nothing was stored.
    pub revision: i64,
    /// The caller's id of the write.
    pub request_id: Option<Uuid>,
}

/// What a handler of a stream of writes says of itself, among the extensions of its answer: the newest revision that it
/// has made, told anew with each write.
#[derive(Debug, Clone, Default)]
pub struct Writing(Arc<AtomicI64>);

impl Writing {
    /// A write was stored.
    pub fn stored(&self, revision: i64) {
        self.0.fetch_max(revision, Ordering::Relaxed);
    }
}

/// A call as the audit sees it.
#[derive(Debug)]
pub(super) struct Audit {
    identity: Option<Identity>,
    /// Whether the call may change something.
    writes: bool,
    pub(super) written: Option<Written>,
    pub(super) writing: Option<Writing>,
}

impl Audit {
    /// By what was decided; only what is admitted can write.
    pub(super) fn of(decided: &Result<Option<Admitted>, Refused>) -> Self {
        let (identity, writes) = match decided {
            Ok(Some(admitted)) => (&admitted.identity, admitted.writes),
            Ok(None) => (&None, false),
            Err(refused) => (&refused.identity, false),
        };
        Self { identity: identity.clone(), writes, written: None, writing: None }
    }

    pub(super) fn identity(&self) -> Option<&str> {
        self.identity.as_ref().map(Identity::as_str)
    }

    pub(super) fn log(&self, method: &str, code: Code, call_id: &str) {
        let identity = self.identity();
        let so_far = self.writing.as_ref().map(|writing| writing.0.load(Ordering::Relaxed));
        let revision = self.written.map(|written| written.revision).or(so_far);
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
