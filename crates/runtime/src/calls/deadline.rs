//! The caller's deadline, from the `grpc-timeout` header.

use std::time::Duration;

use http::HeaderMap;
use reform_api::error::Reason;
use tokio::time::Instant;

/// The server ends a call this much before the caller's deadline. tonic has its own timer outside of every layer,
/// which answers CANCELLED; the margin of one tick sees to it that ours is first.
const MARGIN: Duration = Duration::from_millis(2);

/// When the caller stops waiting; handlers find it in the extensions of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(Instant);

impl Deadline {
    /// The deadline of a request; none when the caller gave none.
    pub fn of<T>(request: &tonic::Request<T>) -> Option<Self> {
        request.extensions().get::<Self>().copied()
    }

    /// A caller that waits for nothing; for trials.
    pub(crate) fn now() -> Self {
        Self(Instant::now())
    }

    /// The moment itself.
    pub fn instant(self) -> Instant {
        self.0
    }

    /// The moment `margin` before it, now at the earliest.
    pub fn before(self, margin: Duration) -> Instant {
        self.0.checked_sub(margin).map_or_else(Instant::now, |instant| instant.max(Instant::now()))
    }

    /// The deadline of a call that begins now.
    pub(super) fn after(limit: Duration) -> Option<Self> {
        Instant::now().checked_add(limit).map(Self)
    }

    pub(super) fn of_headers(headers: &HeaderMap) -> Option<Self> {
        let timeout = parse(headers.get("grpc-timeout")?.to_str().ok()?)?;
        Instant::now().checked_add(timeout.saturating_sub(MARGIN)).map(Self)
    }
}

/// What ends an answer from outside, however far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    pub(super) at: Instant,
    pub(super) reason: Reason,
}

impl End {
    /// What comes first: the deadline, or the end of the caller's credential.
    pub(super) fn first(deadline: Option<Deadline>, until: Option<Instant>) -> Option<Self> {
        let deadline = deadline.map(|Deadline(at)| Self { at, reason: Reason::Deadline });
        let until = until.map(|at| Self { at, reason: Reason::TokenInvalid });
        deadline.into_iter().chain(until).min_by_key(|end| end.at)
    }

    pub(super) fn is_reached(self) -> bool {
        self.at <= Instant::now()
    }
}

/// At most eight digits and a unit; anything else is no deadline, as in tonic.
fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3_600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

/// The output of `work`, or none when the deadline passed first.
pub(super) async fn within<F: Future>(deadline: Option<Deadline>, work: F) -> Option<F::Output> {
    match deadline {
        Some(Deadline(instant)) => tokio::time::timeout_at(instant, work).await.ok(),
        None => Some(work.await),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_unit_and_nothing_else() {
        let table = [
            ("2H", Some(7_200_000_000)),
            ("99999999H", Some(359_999_996_400_000_000)),
            ("3M", Some(180_000_000)),
            ("4S", Some(4_000_000)),
            ("5m", Some(5_000)),
            ("6u", Some(6)),
            ("7000n", Some(7)),
            ("", None),
            ("S", None),
            ("5", None),
            ("+5S", None),
            ("123456789S", None),
            ("5é", None),
        ];
        for (text, micros) in table {
            assert_eq!(parse(text), micros.map(Duration::from_micros), "{text}");
        }
    }
}
