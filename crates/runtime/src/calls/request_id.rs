//! The id under which a call is found in the logs of everyone who had to do with it.

use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

/// The metadata with a call's id, in the request if the caller has one, and in every answer. Not the `request_id` of a
/// write, which is in the message.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longer ids of callers are not taken.
const BYTES_MAX: usize = 128;

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
    pub(super) fn of(&self, headers: &HeaderMap) -> HeaderValue {
        let given = headers.get(REQUEST_ID);
        let usable = |id: &&HeaderValue| !id.is_empty() && id.len() <= BYTES_MAX && id.to_str().is_ok();
        given.filter(usable).cloned().unwrap_or_else(|| self.make())
    }

    fn make(&self) -> HeaderValue {
        let number = self.next.fetch_add(1, Ordering::Relaxed).wrapping_mul(SPREAD) ^ self.of_process;
        let mut text = [0; 16];
        for (digit, shift) in text.iter_mut().zip((0..64).step_by(4).rev()) {
            *digit = b"0123456789abcdef"[(number >> shift & 0xf) as usize];
        }
        HeaderValue::from_bytes(&text).expect("digits are visible")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn an_id_is_taken_when_it_can_be_logged_and_made_otherwise() {
        let ids = RequestIds::new();
        let of = |id: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_bytes(id).unwrap());
            ids.of(&headers).to_str().unwrap().to_owned()
        };
        assert_eq!(of(b"mine"), "mine");
        for unusable in [&b""[..], b"\xff", &[b'x'; 129]] {
            let made = of(unusable);
            assert!(made.len() == 16 && made.bytes().all(|byte| byte.is_ascii_hexdigit()), "{made}");
        }
        let made: HashSet<_> = (0..10_000).map(|_| ids.of(&HeaderMap::new())).collect();
        assert_eq!(made.len(), 10_000);
    }
}
