//! Numbers for a monitoring system, in the text format that Prometheus reads.
//!
//! Each is a [`Metric`] of a table, from which its name and help come and the documentation is made. What is counted on
//! the way of a call has a handle, made once; what is known anyway is read when somebody asks.
//!
//! `calls` counts calls; `process` tells of the process itself.

pub(crate) mod calls;
mod process;

use std::fmt::{self, Write};
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, text};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::{MetricType, TypedMetric};
use prometheus_client::registry::Registry;

pub use prometheus_client::metrics::counter::Counter;
pub use prometheus_client::metrics::histogram::Histogram;

use calls::{CallCounts, Told};

/// From 50 µs, below which a call on the same machine seldom is, to 10 s.
pub const SECONDS: &[f64] = &[
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0,
];

/// What is measured.
#[derive(Debug)]
pub struct Metric {
    name: &'static str,
    kind: Kind,
    labels: &'static [&'static str],
    help: &'static str,
}

/// How a number behaves.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// Only ever rises while the process lives.
    Counter,
    /// Rises and falls.
    Gauge,
    /// How many observations were at most so large.
    Histogram(&'static [f64]),
}

impl Metric {
    /// A number that only ever rises while the process lives; its name ends in `_total`. A help has no full stop.
    pub const fn counter(name: &'static str, help: &'static str) -> Self {
        Self { name, kind: Kind::Counter, labels: &[], help }
    }

    /// A number that rises and falls.
    pub const fn gauge(name: &'static str, help: &'static str) -> Self {
        Self { name, kind: Kind::Gauge, labels: &[], help }
    }

    /// How many observations were at most as large as each of `buckets`.
    pub const fn histogram(name: &'static str, buckets: &'static [f64], help: &'static str) -> Self {
        Self { name, kind: Kind::Histogram(buckets), labels: &[], help }
    }

    /// With labels.
    #[must_use]
    pub const fn by(mut self, labels: &'static [&'static str]) -> Self {
        self.labels = labels;
        self
    }

    /// The name of the whole, without what is appended for the parts of a histogram.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// A handle to observe with.
    ///
    /// # Panics
    /// When it is no histogram.
    pub fn observed(&self) -> Histogram {
        let Kind::Histogram(buckets) = self.kind else { panic!("{} is no histogram", self.name) };
        Histogram::new(buckets.iter().copied())
    }

    /// The library appends what a counter's name ends with.
    fn stem(&self) -> &'static str {
        match self.kind {
            Kind::Counter => self.name.strip_suffix("_total").expect("a counter's name ends in _total"),
            Kind::Gauge | Kind::Histogram(_) => self.name,
        }
    }

    fn encode(&self, value: f64, encoder: MetricEncoder<'_>) -> fmt::Result {
        match self.kind {
            Kind::Counter => ConstCounter::new(value).encode(encoder),
            Kind::Gauge | Kind::Histogram(_) => ConstGauge::new(value).encode(encoder),
        }
    }

    fn metric_type(&self) -> MetricType {
        match self.kind {
            Kind::Counter => Counter::<u64>::TYPE,
            Kind::Gauge => ConstGauge::<f64>::TYPE,
            Kind::Histogram(_) => Histogram::TYPE,
        }
    }
}

/// What every process that serves tells.
pub const METRICS: &[&Metric] = &[
    &calls::REQUESTS,
    &calls::DURATION,
    &calls::IN_FLIGHT,
    &process::BUILD,
    &process::MEMORY,
    &process::DESCRIPTORS,
];

/// The metrics of a process.
#[derive(Debug, Default)]
pub struct Metrics {
    registry: Registry,
}

impl Metrics {
    /// Those of the process itself.
    pub fn new(program: &'static str, version: &'static str) -> Self {
        let mut metrics = Self::default();
        process::register(&mut metrics, program, version);
        metrics
    }

    /// Adds a counter; the handle counts.
    pub fn counter(&mut self, metric: &Metric, handle: &Counter) {
        self.registry.register(metric.stem(), metric.help, handle.clone());
    }

    /// Adds a histogram; the handle, of [`Metric::observed`], observes.
    pub fn histogram(&mut self, metric: &Metric, handle: &Histogram) {
        self.registry.register(metric.stem(), metric.help, handle.clone());
    }

    /// Adds a counter or a gauge that is known anyway. It is read, off the threads that answer, when somebody asks; none
    /// is left out.
    pub fn read(&mut self, metric: &'static Metric, value: impl Fn() -> Option<f64> + Send + Sync + 'static) {
        self.read_by(metric, move || value().map(|value| (Vec::new(), value)).into_iter().collect());
    }

    /// As [`Metrics::read`], a value for each of several values of its labels.
    pub fn read_by(
        &mut self,
        metric: &'static Metric,
        values: impl Fn() -> Vec<(Vec<String>, f64)> + Send + Sync + 'static,
    ) {
        self.collect(Reading { metric, values: Box::new(values) });
    }

    /// Adds calls; the handle counts.
    pub(crate) fn count_calls(&mut self) -> Arc<CallCounts> {
        let counts = Arc::new(CallCounts::new());
        self.collect(Told(counts.clone()));
        counts
    }

    fn collect(&mut self, collector: impl Collector) {
        self.registry.register_collector(Box::new(collector));
    }

    /// All of them as they are now.
    pub fn text(&self) -> String {
        let mut text = String::new();
        text::encode(&mut text, &self.registry).expect("a string takes all");
        text
    }
}

type Values = dyn Fn() -> Vec<(Vec<String>, f64)> + Send + Sync;

struct Reading {
    metric: &'static Metric,
    values: Box<Values>,
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reading").field(&self.metric.name).finish()
    }
}

impl Collector for Reading {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Self { metric, values } = self;
        let values = values();
        if values.is_empty() {
            return Ok(());
        }
        let mut family = encoder.encode_descriptor(metric.stem(), metric.help, None, metric.metric_type())?;
        if metric.labels.is_empty() {
            return values.first().map_or(Ok(()), |(_, value)| metric.encode(*value, family));
        }
        for (labels, value) in &values {
            let labels: Vec<_> =
                metric.labels.iter().copied().zip(labels.iter().map(String::as_str)).collect();
            metric.encode(*value, family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

/// A table of metrics for people, in Markdown.
pub fn markdown(metrics: &[&Metric]) -> String {
    let mut text = String::from("| metric | kind | labels | what |\n|---|---|---|---|\n");
    for Metric { name, kind, labels, help } in metrics {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        };
        let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
        writeln!(text, "| `{name}` | {kind} | {} | {help} |", labels.join(", ")).expect("a string takes all");
    }
    text
}
