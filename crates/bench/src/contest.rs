//! The same calls against this service and what stands beside it, by turns, so that whatever else the machine does
//! burdens all of them.

use std::path::PathBuf;

use anyhow::Context;

use crate::calls::Writes;
use crate::load::{self, Calls, Pace, Peer, Round, Shape};
use crate::report::{self, Beside, Row, Samples};
use crate::{postgres, process};

/// Sides in one shape; the first is this service.
pub(crate) struct Contest {
    /// What is measured, in keys: `get`.
    pub(crate) stem: &'static str,
    /// What tells it from others with the same stem, in keys: `_800`.
    pub(crate) suffix: &'static str,
    pub(crate) label: &'static str,
    pub(crate) shape: Shape,
    /// What the ratios are of.
    rated: Rated,
    sides: Vec<Side>,
}

/// What two sides are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rated {
    /// Calls per second.
    Rate,
    /// The median latency; its ratios have keys that end with `_p50`.
    Median,
    /// Processor time of a call; its ratios have keys that end with `_cpu`.
    Processor,
}

/// Who answers.
struct Side {
    /// In keys and on the screen.
    name: &'static str,
    target: Target,
    per_second: Samples,
    p50_ms: Samples,
    p99_ms: Samples,
    /// Processor time of a call on this side, where the system tells.
    processor_us: Samples,
}

/// Where and how to ask.
pub(crate) enum Target {
    /// A gRPC service, and its process.
    Grpc(Peer, Option<u32>, Calls),
    /// INSERT through a socket of PostgreSQL.
    Postgres(PathBuf, Writes),
}

impl Contest {
    /// A contest without sides.
    pub(crate) fn new(stem: &'static str, suffix: &'static str, label: &'static str, shape: Shape) -> Self {
        Self { stem, suffix, label, shape, rated: Rated::Rate, sides: Vec::new() }
    }

    /// Compares latencies instead of rates.
    pub(crate) fn by_latency(self) -> Self {
        Self { rated: Rated::Median, ..self }
    }

    /// Compares what calls cost instead of rates.
    pub(crate) fn by_processor(self) -> Self {
        Self { rated: Rated::Processor, ..self }
    }

    /// One more side.
    pub(crate) fn side(mut self, name: &'static str, target: Target) -> Self {
        let empty = Samples::default;
        let (per_second, p50_ms, p99_ms, processor_us) = (empty(), empty(), empty(), empty());
        self.sides.push(Side { name, target, per_second, p50_ms, p99_ms, processor_us });
        self
    }

    /// Measures every side once in each round.
    ///
    /// # Errors
    /// The first call that fails.
    pub(crate) async fn run(mut self, rounds: u32, pace: Pace) -> anyhow::Result<Vec<Row>> {
        for _ in 0..rounds {
            let mut said = String::new();
            for side in &mut self.sides {
                let before = side.target.processor_seconds();
                let round = side.target.round(self.shape, pace).await;
                let round = round.with_context(|| format!("{}, {}", self.label, side.name))?;
                said += &format!("  {} {:.0}/s", side.name, round.per_second);
                side.per_second.push(round.per_second);
                side.p50_ms.push(round.latency_ms(0.5));
                side.p99_ms.push(round.latency_ms(0.99));
                if let Some((before, after)) = before.zip(side.target.processor_seconds()) {
                    side.processor_us.push((after - before) * 1e6 / round.answers.count as f64);
                }
            }
            report::progress(&format!("{}:{said}", self.label));
        }
        Ok(self.rows())
    }

    fn rows(self) -> Vec<Row> {
        let Self { stem, suffix, label, shape: _, rated, sides } = self;
        let (mut rates, mut medians, mut tails, mut costs) = (None, None, None, None);
        for Side { name, target: _, per_second, p50_ms, p99_ms, processor_us } in sides {
            let by_rate = (rated == Rated::Rate).then(|| format!("{stem}_vs_{name}{suffix}"));
            let by_median = (rated == Rated::Median).then(|| format!("{stem}_vs_{name}{suffix}_p50"));
            let by_cost = (rated == Rated::Processor).then(|| format!("{stem}_vs_{name}{suffix}_cpu"));
            for (row, samples, unit, shown, ratio) in [
                (&mut rates, per_second, "per_s", "per second", by_rate),
                (&mut medians, p50_ms, "p50_ms", "p50 ms", by_median),
                (&mut tails, p99_ms, "p99_ms", "p99 ms", None),
                (&mut costs, processor_us, "cpu_us", "processor µs a call", by_cost),
            ] {
                if samples.median().is_none() {
                    continue;
                }
                *row = Some(match row.take() {
                    None => Row::new(format!("{stem}{suffix}_{unit}"), format!("{label}, {shown}"), samples),
                    Some(row) => {
                        let key = format!("{stem}{suffix}_{name}_{unit}");
                        Row::beside(row, Beside { name, ratio, key, samples })
                    }
                });
            }
        }
        [rates, medians, tails, costs].into_iter().flatten().collect()
    }
}

impl Target {
    fn processor_seconds(&self) -> Option<f64> {
        match self {
            Self::Grpc(_, pid, _) => pid.and_then(process::processor_seconds),
            // Every connection has a process of its own.
            Self::Postgres(..) => None,
        }
    }

    async fn round(&self, shape: Shape, pace: Pace) -> anyhow::Result<Round> {
        match self {
            Self::Grpc(peer, _, calls) => load::closed_loop(peer.clone(), shape, pace, calls.clone()).await,
            Self::Postgres(socket, writes) => {
                postgres::inserts(socket.clone(), shape, pace, writes.clone()).await
            }
        }
    }
}
