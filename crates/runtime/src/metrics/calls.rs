//! Calls by method and code. All handles of a method are found by one look at its path, so that counting a call costs
//! about as much as telling the time.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;
use reform_api::error::code_name;
use reform_api::roles;
use tonic::Code;

use super::{Counter, Histogram, Metric, SECONDS};

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

#[derive(Debug)]
struct Ended {
    calls: Counter,
    seconds: Histogram,
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

impl Counted {
    pub(crate) fn end(&self, code: Code, took: Duration) {
        let ended = usize::try_from(i32::from(code)).ok().and_then(|code| self.0.ended.get(code));
        let make = || Ended { calls: Counter::default(), seconds: DURATION.observed() };
        let Ended { calls, seconds } = ended.expect("there is a place for every code").get_or_init(make);
        calls.inc();
        seconds.observe(took.as_secs_f64());
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
                    let one = family.encode_family(&labels)?;
                    if std::ptr::eq(metric, &REQUESTS) {
                        ended.calls.encode(one)?
                    } else {
                        ended.seconds.encode(one)?
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
