//! Calls by method and code. All numbers of a method are found by one look at its path, and counting is a handful of
//! additions without a lock: with one, as the library's histograms have, threads that answer would wait for each other.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use reform_api::error::code_name;
use reform_api::roles;
use tonic::Code;

use super::{Metric, SECONDS};

pub(super) const REQUESTS: Metric =
    Metric::counter("reform_requests_total", "Calls that ended").by(&["method", "code"]);

pub(super) const DURATION: Metric = Metric::histogram(
    "reform_request_duration_seconds",
    SECONDS,
    "How long calls took, from their headers to their last message; streams as long as they were open",
)
.by(&["method", "code"]);

pub(super) const IN_FLIGHT: Metric =
    Metric::gauge("reform_requests_in_flight", "Calls under way, open streams included").by(&["method"]);

/// The label of a method that no service has: what a caller makes up must not make metrics.
const OTHER: &str = "other";

/// Codes of gRPC, from 0 on.
const CODES: usize = 17;

/// The calls of a process.
#[derive(Debug)]
pub(crate) struct CallCounts {
    methods: HashMap<&'static str, Arc<Method>>,
    other: Arc<Method>,
}

#[derive(Debug)]
struct Method {
    name: &'static str,
    in_flight: AtomicI64,
    /// By code; made when the first call ends with it.
    ended: [OnceLock<Ended>; CODES],
}

/// The calls that ended with one code, by how long they took.
#[derive(Debug, Default)]
struct Ended {
    /// As many as were at most as long as each of [`SECONDS`] and longer than the one before it; the rest at the end.
    buckets: [AtomicU64; SECONDS.len() + 1],
    sum_ns: AtomicU64,
}

/// A call that is under way, until it is dropped.
#[derive(Debug)]
pub(crate) struct Counted(Arc<Method>);

impl CallCounts {
    pub(crate) fn new() -> Self {
        let method = |name| {
            let ended = std::array::from_fn(|_| OnceLock::new());
            Arc::new(Method { name, in_flight: AtomicI64::new(0), ended })
        };
        let named = |path: &'static str| (path, method(path.trim_start_matches('/')));
        let methods = roles::METHODS.iter().map(|(path, _)| named(path)).collect();
        Self { methods, other: method(OTHER) }
    }

    pub(crate) fn begin(&self, path: &str) -> Counted {
        let method = self.methods.get(path).unwrap_or(&self.other);
        method.in_flight.fetch_add(1, Ordering::Relaxed);
        Counted(method.clone())
    }

    /// Those that were called.
    fn methods(&self) -> Vec<&Method> {
        let all = self.methods.values().chain([&self.other]).map(Arc::as_ref);
        let mut called: Vec<_> = all.filter(|method| method.is_called()).collect();
        called.sort_by_key(|method| method.name);
        called
    }
}

impl Method {
    fn is_called(&self) -> bool {
        self.in_flight.load(Ordering::Relaxed) > 0 || self.ended().next().is_some()
    }

    fn ended(&self) -> impl Iterator<Item = (Code, &Ended)> {
        let codes = (0..).map(Code::from_i32);
        codes.zip(&self.ended).filter_map(|(code, ended)| Some((code, ended.get()?)))
    }
}

impl Ended {
    fn count(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = SECONDS.partition_point(|bound| *bound < seconds);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        let ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.sum_ns.fetch_add(ns, Ordering::Relaxed);
    }

    /// By upper bound, as the library wants it.
    fn buckets(&self) -> Vec<(f64, u64)> {
        let bounds = SECONDS.iter().copied().chain([f64::INFINITY]);
        bounds.zip(&self.buckets).map(|(bound, calls)| (bound, calls.load(Ordering::Relaxed))).collect()
    }
}

impl Counted {
    pub(crate) fn end(&self, code: Code, took: Duration) {
        let ended = usize::try_from(i32::from(code)).ok().and_then(|code| self.0.ended.get(code));
        ended.expect("there is a place for every code").get_or_init(Ended::default).count(took);
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// For a registry.
#[derive(Debug)]
pub(crate) struct Told(pub(crate) Arc<CallCounts>);

impl Collector for Told {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let methods = self.0.methods();
        for metric in [&REQUESTS, &DURATION] {
            let mut family =
                encoder.encode_descriptor(metric.stem(), metric.help, None, metric.metric_type())?;
            for method in &methods {
                for (code, ended) in method.ended() {
                    let labels = [("method", method.name), ("code", code_name(code))];
                    let mut one = family.encode_family(&labels)?;
                    // Read once, so that the parts of one answer agree.
                    let buckets = ended.buckets();
                    let calls = buckets.iter().map(|(_, calls)| calls).sum();
                    if std::ptr::eq(metric, &REQUESTS) {
                        ConstCounter::new(calls).encode(one)?;
                    } else {
                        let sum = ended.sum_ns.load(Ordering::Relaxed) as f64 / 1e9;
                        one.encode_histogram::<NoLabelSet>(sum, calls, &buckets, None)?;
                    }
                }
            }
        }
        let mut family =
            encoder.encode_descriptor(IN_FLIGHT.stem(), IN_FLIGHT.help, None, IN_FLIGHT.metric_type())?;
        for method in &methods {
            let one = [("method", method.name)];
            ConstGauge::new(method.in_flight.load(Ordering::Relaxed)).encode(family.encode_family(&one)?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;

    #[test]
    fn a_call_counts_in_every_bucket_that_it_fits() {
        let mut metrics = Metrics::default();
        let counts = metrics.count_calls();
        let call = counts.begin("/reform.data.v1.RecordService/GetRecord");
        for ms in [1, 2, 30_000] {
            call.end(Code::Ok, Duration::from_millis(ms));
        }
        counts.begin("/made.up/Method").end(Code::Unimplemented, Duration::ZERO);
        let text = metrics.text();
        let of = |series: &str| {
            let line = text.lines().find(|line| {
                let fits = |label| line.contains(label);
                line.starts_with(series.split('{').next().unwrap_or_default())
                    && series.split(['{', ',', '}']).skip(1).all(fits)
            });
            line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        };
        let get = "method=\"reform.data.v1.RecordService/GetRecord\",code=\"OK\"";
        for (series, value) in [
            (format!("reform_requests_total{{{get}}}"), 3.0),
            (format!("reform_request_duration_seconds_bucket{{le=\"0.0005\",{get}}}"), 0.0),
            (format!("reform_request_duration_seconds_bucket{{le=\"0.001\",{get}}}"), 1.0),
            (format!("reform_request_duration_seconds_bucket{{le=\"0.0025\",{get}}}"), 2.0),
            (format!("reform_request_duration_seconds_bucket{{le=\"10.0\",{get}}}"), 2.0),
            (format!("reform_request_duration_seconds_bucket{{le=\"+Inf\",{get}}}"), 3.0),
            (format!("reform_request_duration_seconds_count{{{get}}}"), 3.0),
            (format!("reform_request_duration_seconds_sum{{{get}}}"), 30.003),
            ("reform_requests_in_flight{method=\"reform.data.v1.RecordService/GetRecord\"}".to_owned(), 1.0),
            ("reform_requests_total{method=\"other\",code=\"UNIMPLEMENTED\"}".to_owned(), 1.0),
        ] {
            assert_eq!(of(&series), Some(value), "{series} in {text}");
        }
    }
}
