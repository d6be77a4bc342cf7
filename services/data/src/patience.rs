//! How long the service waits before it draws a conclusion.

use std::time::Duration;

/// The defaults are what is meant; a trial shortens all of them alike.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Patience {
    /// How long opening may take, and how much longer for each GiB of the store: sled can wait for ever for a write that
    /// failed.
    pub open: Duration,
    /// See [`Patience::open`].
    pub open_per_gib: Duration,
    /// How often free space and the writer are looked at.
    pub look_interval: Duration,
    /// A writer that works this long on one group is NOT_SERVING.
    pub writer_slow: Duration,
    /// A writer that works this long on one group is stuck: the process ends, for its supervisor to start it again.
    pub writer_stuck: Duration,
    /// How long reads go on after the disk failed, before the process ends.
    pub reads_after_failure: Duration,
    /// A watcher hears at least this often how far the feed is, and a little oftener than was promised.
    pub progress_interval: Duration,
    /// A reader of a stream that takes longer for one message is ended.
    pub reader_slow: Duration,
    /// How long a failed store may take to let go of its last readers, after the drain.
    pub close_after_failure: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            open: Duration::from_secs(60),
            open_per_gib: Duration::from_secs(120),
            look_interval: Duration::from_secs(1),
            writer_slow: Duration::from_secs(10),
            writer_stuck: Duration::from_secs(30),
            reads_after_failure: Duration::from_secs(2),
            progress_interval: Duration::from_secs(4),
            reader_slow: Duration::from_secs(60),
            close_after_failure: Duration::from_secs(5),
        }
    }
}

impl Patience {
    /// A part of it, or a multiple.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        Self {
            open: self.open.mul_f64(factor),
            open_per_gib: self.open_per_gib.mul_f64(factor),
            look_interval: self.look_interval.mul_f64(factor),
            writer_slow: self.writer_slow.mul_f64(factor),
            writer_stuck: self.writer_stuck.mul_f64(factor),
            reads_after_failure: self.reads_after_failure.mul_f64(factor),
            progress_interval: self.progress_interval.mul_f64(factor),
            reader_slow: self.reader_slow.mul_f64(factor),
            close_after_failure: self.close_after_failure.mul_f64(factor),
        }
    }
}
