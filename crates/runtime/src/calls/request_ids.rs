//! Ids of calls whose callers gave none.

use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderMap;
use reform_api::request_id::RequestId;
use uuid::Uuid;

/// What makes neighbouring numbers look unlike each other, and no two of them the same, because it is odd.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Makes ids that no other process makes, as far as chance goes, and none twice.
#[derive(Debug)]
pub(super) struct RequestIds {
    of_process: u64,
    next: AtomicU64,
}

impl RequestIds {
    pub(super) fn new() -> Self {
        Self { of_process: Uuid::new_v4().as_u64_pair().0, next: AtomicU64::new(0) }
    }

    /// The caller's id, if it is one that can be logged, or a new one.
    pub(super) fn of(&self, headers: &HeaderMap) -> RequestId {
        RequestId::given(headers).unwrap_or_else(|| {
            let number = self.next.fetch_add(1, Ordering::Relaxed).wrapping_mul(SPREAD);
            RequestId::numbered(number ^ self.of_process)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_id_is_made_twice() {
        let ids = RequestIds::new();
        let made: HashSet<_> = (0..10_000).map(|_| ids.of(&HeaderMap::new()).as_str().to_owned()).collect();
        assert_eq!(made.len(), 10_000);
    }
}
