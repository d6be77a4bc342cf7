//! What the system knows of a process: memory, open files, threads, time on a processor.

use std::fs;
use std::time::Duration;

/// The unit of times in `/proc`, which is the same on every Linux.
const TICKS_PER_SECOND: u64 = 100;

/// A process, as the system sees it.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    id: u32,
    /// Bytes in memory.
    pub resident: u64,
    /// The most that it ever was, or since [`Usage::forget_peak`].
    pub peak: u64,
    /// Open files.
    pub descriptors: usize,
    /// Threads.
    pub threads: usize,
    /// Time on a processor.
    pub processor: Duration,
}

impl Usage {
    /// Of a process that runs.
    pub fn of(id: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let number = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key)).expect("the kernel says it");
            line.trim_start_matches(':').split_whitespace().next().unwrap().parse::<u64>().unwrap()
        };
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
        // The name before it may have blanks.
        let fields: Vec<_> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let ticks = [11, 12].map(|field: usize| fields[field].parse::<u64>().unwrap()).iter().sum::<u64>();
        Self {
            id,
            resident: number("VmRSS") << 10,
            peak: number("VmHWM") << 10,
            descriptors: fs::read_dir(format!("/proc/{id}/fd")).unwrap().count(),
            threads: usize::try_from(number("Threads")).unwrap(),
            processor: Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND),
        }
    }

    /// The same process now.
    #[must_use]
    pub fn again(&self) -> Self {
        Self::of(self.id)
    }

    /// From now on the peak is that of what follows.
    pub fn forget_peak(&self) {
        fs::write(format!("/proc/{}/clear_refs", self.id), "5").unwrap();
    }
}

/// Bytes as a person reads them.
pub fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
