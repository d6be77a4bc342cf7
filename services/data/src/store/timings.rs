//! What the writer and the disk count.

use reform_runtime::metrics::Histogram;

use crate::metrics::{FLUSH, GROUP, SYNC};

/// How long the disk takes.
#[derive(Debug)]
pub struct Timings {
    /// Seconds that sled took to hand a group to the kernel.
    pub flush: Histogram,
    /// Seconds that the kernel took to put it on disk.
    pub sync: Histogram,
    /// Commits that one sync made durable.
    pub group: Histogram,
}

impl Default for Timings {
    fn default() -> Self {
        Self { flush: FLUSH.observed(), sync: SYNC.observed(), group: GROUP.observed() }
    }
}
