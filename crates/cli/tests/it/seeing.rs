//! What an operator sees of both services as they run: metrics, log lines, traces.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails here")]

mod logs;
mod metrics;
mod pair;
mod traces;
