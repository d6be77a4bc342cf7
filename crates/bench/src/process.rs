//! What the system tells about a process, where it tells.

use std::fs::read_to_string;

/// Units of time in `/proc/PID/stat`, on every Linux that Rust runs on.
const TICKS_PER_SECOND: f64 = 100.0;
/// Fields after the name of the program before the time in user mode.
const BEFORE_TIMES: usize = 11;

/// Memory that a process holds at the moment, in MiB.
pub(crate) fn resident_mib(pid: u32) -> Option<f64> {
    let status = read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok().map(|kib| kib / 1024.0)
}

/// Processor time that a process took so far, of all its threads.
pub(crate) fn processor_seconds(pid: u32) -> Option<f64> {
    let stat = read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    let times = fields.split(' ').skip(BEFORE_TIMES).take(2);
    times.map(|ticks| ticks.parse::<f64>().ok()).sum::<Option<f64>>().map(|ticks| ticks / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_holds_memory_and_took_time() {
        assert!(resident_mib(std::process::id()).unwrap() > 1.0);
        while processor_seconds(std::process::id()).unwrap() == 0.0 {}
        assert!(processor_seconds(std::process::id()).unwrap() < 3_600.0);
    }
}
