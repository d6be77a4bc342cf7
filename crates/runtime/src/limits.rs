//! How much may be under way at once, in all and of one caller, and what is refused when it is more.
//!
//! A call holds its `Place` until the last byte of its answer is with the transport, so that the number of places bounds
//! what calls hold in memory. When places run short, imports are refused first, then writes, then reads, then the feed;
//! questions about health have places of their own. The hot path is two counters. A `refusal` costs even less.

pub(crate) mod pace;
#[cfg(test)]
mod page;
pub(crate) mod refusal;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::HeaderMap;
use reform_api::error::Fault;
use reform_api::priority::{self, Class};

use self::pace::Pace;
use self::refusal::{Full, Refusals, Setting, Tally};
use crate::identity::Identity;

/// Questions about health at the same time.
pub const HEALTH_CALLS_MAX: usize = 1_024;

/// One caller may hold a quarter of what all may.
const PART_OF_CALLER: u64 = 4;

/// Bytes of one call's request that count: what it can have in memory before a message of it is whole.
const REQUEST_COUNTS_MAX: u64 = crate::server::REQUEST_BYTES_MAX as u64;

/// Identities that are remembered before those without a call are forgotten.
const IDENTITIES_KEPT: usize = 1_024;

/// How much may be under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Calls at the same time; see [`Config::bound`].
    pub calls_max: usize,
    /// Those of one caller: an identity, or without one a connection.
    pub calls_per_caller_max: usize,
    /// Long streams among them: watches, exports, backups.
    pub feeds_max: usize,
    /// Imports among them.
    pub imports_max: usize,
    /// Bytes of requests that are not answered yet; of one caller a quarter. Small ones do not count.
    pub requests_bytes_max: u64,
    /// Bytes of answers that their callers have not taken yet; a caller may hold a quarter.
    pub answers_bytes_max: u64,
    /// The deadline of a read or a write whose caller gave none.
    pub deadline: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            calls_max: 4_096,
            calls_per_caller_max: 1_024,
            feeds_max: 256,
            imports_max: 32,
            requests_bytes_max: 256 << 20,
            answers_bytes_max: 256 << 20,
            deadline: Duration::from_secs(60),
        }
    }
}

impl Config {
    /// How many calls there may be before one of a class is refused.
    pub const fn bound(&self, class: Class) -> usize {
        let quarters = match class {
            Class::Health => return HEALTH_CALLS_MAX,
            Class::Feed => 4,
            Class::Read => 3,
            Class::Write => 2,
            Class::Import => 1,
        };
        (self.calls_max * quarters).div_ceil(4)
    }
}

/// What one caller, or all of them, have under way.
#[derive(Debug, Default)]
pub(crate) struct Share {
    calls: AtomicUsize,
    /// Bytes of requests that are under way.
    requests: AtomicU64,
    /// Bytes of answers that are not taken yet.
    answers: AtomicU64,
    /// When a part of them was taken last, in milliseconds since the first connection of all.
    taken_ms: AtomicU64,
    pub(crate) refused: Tally,
    /// Whether a call was refused before its request was read, since somebody asked.
    unread: AtomicBool,
}

impl Share {
    /// A call was refused before its request was read to the end: what is left of it comes all the same.
    pub(crate) fn leave_unread(&self) {
        self.unread.store(true, Relaxed);
    }

    /// Whether that happened since the last time that this was asked.
    pub(crate) fn left_unread(&self) -> bool {
        self.unread.load(Relaxed) && self.unread.swap(false, Relaxed)
    }

    /// Whether its answers wait, and none of them was taken for that long.
    pub(crate) fn is_stalled(&self, limit: Duration, now_ms: u64) -> bool {
        let taken_ms = self.taken_ms.load(Relaxed);
        self.answers.load(Relaxed) > 0 && Duration::from_millis(now_ms.saturating_sub(taken_ms)) > limit
    }
}

/// The counters of a process that serves.
#[derive(Debug)]
pub(crate) struct Limits {
    config: Config,
    all: Share,
    health: AtomicUsize,
    feeds: AtomicUsize,
    imports: AtomicUsize,
    identities: Mutex<HashMap<Identity, Arc<Share>>>,
    /// Of large requests.
    pace: Pace,
    started: Instant,
    refusals: Refusals,
}

impl Limits {
    pub(crate) fn new(config: Config) -> Arc<Self> {
        Arc::new(Self {
            config,
            all: Share::default(),
            health: AtomicUsize::new(0),
            feeds: AtomicUsize::new(0),
            imports: AtomicUsize::new(0),
            identities: Mutex::default(),
            pace: Pace::default(),
            started: Instant::now(),
            refusals: Refusals::default(),
        })
    }

    /// The moment, as [`Share`] notes it.
    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The deadline of a call whose caller gave none.
    pub(crate) fn deadline(&self, class: Class) -> Option<Duration> {
        matches!(class, Class::Read | Class::Write).then_some(self.config.deadline)
    }

    /// Whether calls of a class are refused whoever makes them: to be asked before anything is done for a call.
    pub(crate) fn room(&self, class: Class) -> Result<(), Full> {
        match class {
            Class::Health => Ok(()),
            Class::Feed | Class::Read | Class::Write | Class::Import => {
                within(Setting::Calls, self.all.calls.load(Relaxed), self.config.bound(class))
            }
        }
    }

    /// A place for a call, or why there is none.
    pub(crate) fn enter(
        self: &Arc<Self>,
        class: Class,
        identity: Option<&Identity>,
        connection: &Arc<Share>,
    ) -> Result<Place, Full> {
        let identity = identity.map(|identity| self.share(identity));
        let connection = connection.clone();
        let (answer, request) = (AtomicU64::new(0), AtomicU64::new(0));
        let held = Held { limits: self.clone(), class, connection, identity, answer, request };
        // Counted first: what does not fit is taken back when it is dropped.
        held.count()?;
        Ok(Place(Arc::new(held)))
    }

    /// One more of a caller's calls was refused; how many the log is to tell, if it is time.
    pub(crate) fn count_refused(&self, identity: Option<&Identity>, connection: &Share) -> Option<u64> {
        let now_ms = self.now_ms();
        match identity {
            Some(identity) => self.share(identity).refused.count(now_ms),
            None => connection.refused.count(now_ms),
        }
    }

    /// The headers that tell it.
    pub(crate) fn refusal(&self, full: Full, class: Class) -> HeaderMap {
        self.refusals.headers(full, class)
    }

    fn share(&self, identity: &Identity) -> Arc<Share> {
        let mut identities = self.identities.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = identities.get(identity) {
            return share.clone();
        }
        if identities.len() >= IDENTITIES_KEPT {
            identities.retain(|_, share| Arc::strong_count(share) > 1);
        }
        identities.entry(identity.clone()).or_default().clone()
    }
}

/// The place of one call; given back when the last of its parts is dropped.
#[derive(Debug, Clone)]
pub(crate) struct Place(Arc<Held>);

/// What a call has.
#[derive(Debug)]
struct Held {
    limits: Arc<Limits>,
    class: Class,
    connection: Arc<Share>,
    identity: Option<Arc<Share>>,
    /// Bytes of the answer that are not taken yet.
    answer: AtomicU64,
    /// Bytes of the request that count.
    request: AtomicU64,
}

impl Place {
    /// Counts an answer of so many bytes; whether there is room for it. A feed has other bounds.
    pub(crate) fn take_room(&self, bytes: usize) -> bool {
        let fits = |more| self.is_feed() || self.0.room_for_answers(more).is_ok();
        // What is over the bound is not counted even for a moment, in which others would be refused for it.
        let more = (bytes as u64).saturating_sub(self.0.answer.load(Relaxed));
        fits(more) && {
            self.hold(bytes);
            fits(0)
        }
    }

    /// Whether it is one of those that last long.
    pub(crate) fn is_feed(&self) -> bool {
        self.0.class == Class::Feed
    }

    /// So many bytes of the answer are made and not taken yet.
    pub(crate) fn hold(&self, bytes: usize) {
        self.0.hold(bytes as u64);
    }

    /// So many bytes of the request have come, in all.
    ///
    /// # Errors
    /// It is too much.
    pub(crate) fn receive(&self, bytes: u64) -> Result<(), Fault> {
        let Held { limits, request, .. } = &*self.0;
        let counts = bytes.min(REQUEST_COUNTS_MAX);
        let before = request.fetch_max(counts, Relaxed);
        if counts <= before {
            return Ok(());
        }
        let max = limits.config.requests_bytes_max;
        let add = |share: &Share| share.requests.fetch_add(counts - before, Relaxed) + counts - before;
        let (all, own) = (add(&limits.all), add(self.0.caller()));
        if all > max || own > max / PART_OF_CALLER {
            return Err(Full(Setting::Requests, max).fault(self.0.class));
        }
        Ok(())
    }

    /// The request is dropped before its end.
    pub(crate) fn leave_unread(&self) {
        self.0.connection.leave_unread();
    }

    /// So many bytes of a large request were taken; until when its sender has to wait before it sends more, if it has to.
    pub(crate) fn pace(&self, bytes: usize) -> Option<tokio::time::Instant> {
        self.0.limits.pace.take(bytes)
    }
}

impl Held {
    /// Whose share it takes from.
    fn caller(&self) -> &Share {
        self.identity.as_ref().unwrap_or(&self.connection)
    }

    /// Counts it everywhere, also where it is one too many.
    fn count(&self) -> Result<(), Full> {
        let Limits { config, all, health, feeds, imports, .. } = &*self.limits;
        if self.class == Class::Health {
            let before = health.fetch_add(1, Relaxed);
            return within(Setting::Calls, before, HEALTH_CALLS_MAX);
        }
        let (calls, own) = (all.calls.fetch_add(1, Relaxed), self.caller().calls.fetch_add(1, Relaxed));
        let long = match self.class {
            Class::Feed => feeds.fetch_add(1, Relaxed),
            Class::Import => imports.fetch_add(1, Relaxed),
            Class::Health | Class::Read | Class::Write => 0,
        };
        within(Setting::Calls, calls, config.bound(self.class))?;
        within(Setting::CallsPerCaller, own, config.calls_per_caller_max)?;
        match self.class {
            Class::Feed => within(Setting::Feeds, long, config.feeds_max)?,
            Class::Import => within(Setting::Imports, long, config.imports_max)?,
            Class::Health | Class::Read | Class::Write => {}
        }
        self.room_for_answers(0)
    }

    /// Whether answers may have so many bytes more, in all and of the caller.
    fn room_for_answers(&self, more: u64) -> Result<(), Full> {
        let max = self.limits.config.answers_bytes_max;
        let fits = |share: &Share, max: u64| match share.answers.load(Relaxed).saturating_add(more) {
            bytes if bytes > max => Err(Full(Setting::Answers, max)),
            _ => Ok(()),
        };
        fits(&self.limits.all, max)?;
        fits(self.caller(), max / PART_OF_CALLER)
    }

    fn hold(&self, bytes: u64) {
        let Some((before, of_connection)) = self.count_answer(bytes) else { return };
        // Something was taken, or this is the first that waits to be taken.
        if bytes < before || of_connection == 0 {
            self.connection.taken_ms.store(self.limits.now_ms(), Relaxed);
        }
    }

    /// What the answer and those of the connection were before, if that changes them.
    fn count_answer(&self, bytes: u64) -> Option<(u64, u64)> {
        let before = self.answer.swap(bytes, Relaxed);
        if bytes == before {
            return None;
        }
        let more = bytes.wrapping_sub(before);
        for share in [Some(&self.limits.all), self.identity.as_deref()].into_iter().flatten() {
            share.answers.fetch_add(more, Relaxed);
        }
        Some((before, self.connection.answers.fetch_add(more, Relaxed)))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Whoever leaves takes nothing.
        self.count_answer(0);
        let request = *self.request.get_mut();
        if request > 0 {
            self.limits.all.requests.fetch_sub(request, Relaxed);
            self.caller().requests.fetch_sub(request, Relaxed);
        }
        if self.class == Class::Health {
            self.limits.health.fetch_sub(1, Relaxed);
            return;
        }
        self.limits.all.calls.fetch_sub(1, Relaxed);
        self.caller().calls.fetch_sub(1, Relaxed);
        match self.class {
            Class::Feed => drop(self.limits.feeds.fetch_sub(1, Relaxed)),
            Class::Import => drop(self.limits.imports.fetch_sub(1, Relaxed)),
            Class::Health | Class::Read | Class::Write => {}
        }
    }
}

fn within(limit: Setting, before: usize, max: usize) -> Result<(), Full> {
    if before < max { Ok(()) } else { Err(Full(limit, max as u64)) }
}

/// The class of a call by its path.
pub(crate) fn class(path: &str) -> Class {
    priority::class(path)
}
