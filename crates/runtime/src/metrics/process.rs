//! The process itself, under the names that every exporter gives it.

use std::fs;

use super::{Metric, Metrics};

pub(super) const BUILD: Metric =
    Metric::gauge("reform_build_info", "1; which program this is and of which version")
        .by(&["program", "version"]);

pub(super) const MEMORY: Metric =
    Metric::gauge("process_resident_memory_bytes", "Memory of the process that is in use");

pub(super) const DESCRIPTORS: Metric =
    Metric::gauge("process_open_fds", "Open files and connections of the process");

pub(super) fn register(metrics: &mut Metrics, program: &'static str, version: &'static str) {
    metrics.read_by(&BUILD, move || vec![(vec![program.to_owned(), version.to_owned()], 1.0)]);
    metrics.read(&MEMORY, resident_bytes);
    metrics.read(&DESCRIPTORS, || Some(fs::read_dir("/proc/self/fd").ok()?.count() as f64));
}

/// As the kernel tells it, in its kB of 1,024 bytes; none where there is no such file.
fn resident_bytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024.0)
}
