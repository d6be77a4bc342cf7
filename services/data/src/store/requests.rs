//! Which request ids were answered, and how: with which revision.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::commit::RequestId;
use super::error::Error;
use super::keys::Revision;

/// How many requests are remembered.
pub const REQUESTS_MAX: usize = 1_000_000;
/// How long a request is remembered. Counted on the monotonic clock, so that a jump of the wall clock empties nothing;
/// what was read at open counts from then.
pub const REQUEST_AGE_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// The requests that are remembered, the oldest first.
#[derive(Debug, Default)]
pub struct Requests {
    answered: HashMap<[u8; 16], ([u8; 16], Revision)>,
    order: VecDeque<(Instant, [u8; 16])>,
}

impl Requests {
    /// The revision that answered the same request before.
    ///
    /// # Errors
    /// [`Error::RequestIdReused`] when another request had this id.
    pub fn answer(&self, request: RequestId) -> Result<Option<Revision>, Error> {
        match self.answered.get(&request.id) {
            None => Ok(None),
            Some((hash, revision)) if *hash == request.hash => Ok(Some(*revision)),
            Some(_) => Err(Error::RequestIdReused),
        }
    }

    /// Remembers an answer and forgets what is too old or too much.
    pub fn remember(&mut self, request: RequestId, revision: Revision, now: Instant) {
        self.answered.insert(request.id, (request.hash, revision));
        self.order.push_back((now, request.id));
        let too_old = |at: Instant| now.saturating_duration_since(at) > REQUEST_AGE_MAX;
        while self.order.len() > REQUESTS_MAX || self.order.front().is_some_and(|(at, _)| too_old(*at)) {
            if let Some((_, id)) = self.order.pop_front() {
                self.answered.remove(&id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(id: u8, hash: u8) -> RequestId {
        RequestId { id: [id; 16], hash: [hash; 16] }
    }

    #[test]
    fn a_request_is_forgotten_after_a_day() {
        let start = Instant::now();
        let mut requests = Requests::default();
        requests.remember(request(1, 1), 5, start);
        assert_eq!(requests.answer(request(1, 1)).unwrap(), Some(5));
        assert!(matches!(requests.answer(request(1, 2)), Err(Error::RequestIdReused)));
        requests.remember(request(2, 1), 6, start + REQUEST_AGE_MAX + Duration::from_secs(1));
        assert_eq!(requests.answer(request(1, 1)).unwrap(), None);
        assert_eq!(requests.answer(request(2, 1)).unwrap(), Some(6));
    }
}
