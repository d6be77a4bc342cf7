//! How a call for which there is no place is told so. Under overload most calls are, so that it must cost next to nothing:
//! what is told is made once, and the log has a line a second for each caller, not one for each call.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use reform_api::error::{Fault, Reason};
use reform_api::priority::Class;
use tonic::metadata::GRPC_CONTENT_TYPE;

/// How often the log tells of a caller's calls that were refused, in milliseconds.
const TOLD_EVERY_MS: u64 = 1_000;

/// A limit that refuses calls, by its setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setting {
    Calls,
    CallsPerCaller,
    Feeds,
    Imports,
    Requests,
    Answers,
}

impl Setting {
    const COUNT: usize = 6;

    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Calls => "calls-max",
            Self::CallsPerCaller => "calls-per-caller-max",
            Self::Feeds => "feeds-max",
            Self::Imports => "imports-max",
            Self::Requests => "requests-max",
            Self::Answers => "answers-max",
        }
    }
}

/// Why a call has no place: a limit, and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full(pub(super) Setting, pub(super) u64);

impl Full {
    pub(crate) const fn setting(self) -> &'static str {
        self.0.key()
    }

    /// What a caller of a class is told.
    pub(crate) fn fault(self, class: Class) -> Fault {
        let (setting, max) = (self.setting(), self.1);
        Fault::new(Reason::Overloaded, format!("too much at once, --{setting} is {max}: try again later"))
            .with("limit", setting)
            .with("class", class.as_str())
    }
}

/// What callers are told, made when it is told first.
#[derive(Debug, Default)]
pub(super) struct Refusals([[OnceLock<HeaderMap>; Setting::COUNT]; Class::ALL.len()]);

impl Refusals {
    /// The headers of an answer that is nothing else. Each limit has one value for each class, in the life of a process.
    pub(super) fn headers(&self, full: Full, class: Class) -> HeaderMap {
        let made = self.0[class as usize][full.0 as usize].get_or_init(|| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, GRPC_CONTENT_TYPE);
            full.fault(class).status().add_header(&mut headers).expect("the message is text");
            headers
        });
        made.clone()
    }
}

/// The refused calls of one caller that the log does not tell yet.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    calls: AtomicU64,
    /// When they were told last.
    told_ms: AtomicU64,
}

impl Tally {
    /// One more; how many to tell, if it is time.
    pub(crate) fn count(&self, now_ms: u64) -> Option<u64> {
        self.calls.fetch_add(1, Relaxed);
        let told_ms = self.told_ms.load(Relaxed);
        // The first of all is told at once.
        let due = told_ms == 0 || now_ms.saturating_sub(told_ms) >= TOLD_EVERY_MS;
        let mine = due && self.told_ms.compare_exchange(told_ms, now_ms.max(1), Relaxed, Relaxed).is_ok();
        mine.then(|| self.calls.swap(0, Relaxed))
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        let calls = *self.calls.get_mut();
        if calls > 0 {
            tracing::info!(calls, "calls refused");
        }
    }
}

#[cfg(test)]
mod tests {
    use reform_api::error::{metadata, reason};
    use tonic::{Code, Status};

    use super::*;

    #[test]
    fn what_is_told_does_not_depend_on_what_was_told_before() {
        let refusals = Refusals::default();
        for (setting, max, class) in [
            (Setting::Calls, 4, Class::Read),
            (Setting::Calls, 2, Class::Write),
            (Setting::Feeds, 9, Class::Feed),
        ] {
            for _ in 0..2 {
                let told = Status::from_header_map(&refusals.headers(Full(setting, max), class)).unwrap();
                assert_eq!(
                    (told.code(), reason(&told).as_deref()),
                    (Code::ResourceExhausted, Some("OVERLOADED"))
                );
                assert_eq!(metadata(&told, "limit").as_deref(), Some(setting.key()));
                assert_eq!(metadata(&told, "class").as_deref(), Some(class.as_str()));
                assert!(told.message().contains(&max.to_string()), "{told:?}");
            }
        }
    }

    #[test]
    fn refused_calls_are_told_once_a_second() {
        let tally = Tally::default();
        assert_eq!(tally.count(5), Some(1));
        assert_eq!((tally.count(6), tally.count(1_004)), (None, None));
        assert_eq!(tally.count(1_005), Some(3));
        assert_eq!(tally.count(1_006), None);
    }
}
