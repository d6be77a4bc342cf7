//! The same calls against this service and what stands beside it, by turns, so that whatever else the machine does
//! burdens all of them.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;

use crate::calls::Writes;
use crate::load::{self, Calls, Pace, Round, Shape};
use crate::postgres;
use crate::report::{self, Beside, Row, Samples};

/// Sides in one shape; the first is this service.
pub(crate) struct Contest {
    /// What is measured, in keys: `get`.
    pub(crate) stem: &'static str,
    /// What tells it from others with the same stem, in keys: `_800`.
    pub(crate) suffix: &'static str,
    pub(crate) label: &'static str,
    pub(crate) shape: Shape,
    sides: Vec<Side>,
}

/// Who answers.
struct Side {
    /// In keys and on the screen.
    name: &'static str,
    target: Target,
    per_second: Samples,
    p50_ms: Samples,
    p99_ms: Samples,
}

/// Where and how to ask.
pub(crate) enum Target {
    /// A gRPC service.
    Grpc(SocketAddr, Calls),
    /// INSERT through a socket of PostgreSQL.
    Postgres(PathBuf, Writes),
}

impl Contest {
    /// A contest without sides.
    pub(crate) fn new(stem: &'static str, suffix: &'static str, label: &'static str, shape: Shape) -> Self {
        Self { stem, suffix, label, shape, sides: Vec::new() }
    }

    /// One more side.
    pub(crate) fn side(mut self, name: &'static str, target: Target) -> Self {
        let empty = Samples::default;
        self.sides.push(Side { name, target, per_second: empty(), p50_ms: empty(), p99_ms: empty() });
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
                let round = side.target.round(self.shape, pace).await;
                let round = round.with_context(|| format!("{}, {}", self.label, side.name))?;
                said += &format!("  {} {:.0}/s", side.name, round.per_second);
                side.per_second.push(round.per_second);
                side.p50_ms.push(round.latency_ms(0.5));
                side.p99_ms.push(round.latency_ms(0.99));
            }
            report::progress(&format!("{}:{said}", self.label));
        }
        Ok(self.rows())
    }

    fn rows(self) -> Vec<Row> {
        let Self { stem, suffix, label, shape: _, sides } = self;
        let (mut rates, mut medians, mut tails) = (None, None, None);
        for Side { name, target: _, per_second, p50_ms, p99_ms } in sides {
            let rated = Some(format!("{stem}_vs_{name}{suffix}"));
            for (row, samples, unit, shown, ratio) in [
                (&mut rates, per_second, "per_s", "per second", rated),
                (&mut medians, p50_ms, "p50_ms", "p50 ms", None),
                (&mut tails, p99_ms, "p99_ms", "p99 ms", None),
            ] {
                *row = Some(match row.take() {
                    None => Row::new(format!("{stem}{suffix}_{unit}"), format!("{label}, {shown}"), samples),
                    Some(row) => {
                        let key = format!("{stem}{suffix}_{name}_{unit}");
                        Row::beside(row, Beside { name, ratio, key, samples })
                    }
                });
            }
        }
        [rates, medians, tails].into_iter().flatten().collect()
    }
}

impl Target {
    async fn round(&self, shape: Shape, pace: Pace) -> anyhow::Result<Round> {
        match self {
            Self::Grpc(address, calls) => load::closed_loop(*address, shape, pace, calls.clone()).await,
            Self::Postgres(socket, writes) => {
                postgres::inserts(socket.clone(), shape, pace, writes.clone()).await
            }
        }
    }
}
