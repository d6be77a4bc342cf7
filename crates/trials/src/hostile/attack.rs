//! The sorts of harm, each with the memory that it may cost.

use std::pin::Pin;

use super::{Target, calls, connections, streams};

const MIB: u64 = 1 << 20;

/// One sort.
pub(super) struct Attack {
    pub(super) name: &'static str,
    /// What the service is told beside the usual.
    pub(super) settings: &'static [&'static str],
    /// Open files that it may have.
    pub(super) descriptors: Option<u32>,
    /// Bytes by which it may grow.
    pub(super) memory_max: u64,
    /// Does it; what they were told.
    pub(super) start: fn(Target) -> Pin<Box<dyn Future<Output = String> + Send>>,
}

macro_rules! attack {
    ($name:literal, $settings:expr, $descriptors:expr, $mib:literal, $start:path) => {
        Attack {
            name: $name,
            settings: $settings,
            descriptors: $descriptors,
            memory_max: $mib * MIB,
            start: |target| Box::pin($start(target)),
        }
    };
}

/// All of them.
pub(super) const ATTACKS: &[Attack] = &[
    attack!("silent sockets", &[], None, 16, connections::silent),
    attack!("half-open connections", &["--connections-max", "256"], None, 16, connections::half_open),
    attack!("descriptors exhausted", &["--connections-max", "10000"], Some(256), 16, connections::half_open),
    attack!("rapid resets", &[], None, 64, connections::rapid_resets),
    attack!("a PING flood", &[], None, 16, connections::pings),
    attack!("watchers that never read", &[], None, 64, streams::unread_watches),
    attack!("answers that nobody reads", &["--answers-max", "64 MiB"], None, 256, streams::unread_answers),
    attack!("an endless import", &[], None, 256, streams::endless_import),
    attack!("uploads that never end", &[], None, 512, streams::endless_messages),
    attack!("a filter of 100,000 terms", &[], None, 64, calls::long_filter),
    attack!("a gzip bomb", &[], None, 64, calls::gzip_bomb),
    attack!("4 MiB of empty submessages", &[], None, 512, calls::empty_submessages),
];
