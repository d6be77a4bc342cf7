//! What the service tells a monitoring system of its view and its answers.

use std::sync::Arc;

use reform_runtime::metrics::{Counter, Histogram, Metric, Metrics, SECONDS};

use crate::answers::Answers;
use crate::state::{Progress, State};

const REVISION: Metric = Metric::gauge("reform_analytics_view_revision", "The revision that answers are of");

const HEAD: Metric =
    Metric::gauge("reform_analytics_head_revision", "The newest revision of the data service, as last seen");

const LAG_REVISIONS: Metric = Metric::gauge(
    "reform_analytics_lag_revisions",
    "Revisions of the data service that are not in the view yet",
);

const LAG_SECONDS: Metric = Metric::gauge(
    "reform_analytics_lag_seconds",
    "How long the view has not been known to be the newest, a lost feed included; 0 while it is",
);

const FOLLOWING: Metric = Metric::gauge("reform_analytics_following", "1 while the feed of changes is open");

const FOLDED: Metric = Metric::counter(
    "reform_analytics_changes_folded_total",
    "Changes taken into the view, of the feed and of whole rebuilds; its rate is that of the fold",
);

const REBUILDS: Metric =
    Metric::counter("reform_analytics_rebuilds_total", "Views made from everything, the first included");

const QUARANTINED: Metric = Metric::gauge(
    "reform_analytics_quarantined_records",
    "Records that are in no answer because they cannot be read",
);

const CHECKPOINTS: Metric = Metric::counter("reform_analytics_checkpoints_total", "Checkpoints written");

const CHECKPOINT_FAILURES: Metric =
    Metric::counter("reform_analytics_checkpoint_failures_total", "Checkpoints that could not be written");

const CHECKPOINT: Metric = Metric::histogram(
    "reform_analytics_checkpoint_duration_seconds",
    &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0],
    "How long writing a checkpoint took",
);

const KEPT_HITS: Metric =
    Metric::counter("reform_analytics_kept_answers_hits_total", "Queries that a kept answer answered");

const KEPT_MISSES: Metric =
    Metric::counter("reform_analytics_kept_answers_misses_total", "Queries that had to be computed");

const KEPT_BYTES: Metric = Metric::gauge("reform_analytics_kept_answers_bytes", "Memory of kept answers");

const PAST_VIEWS: Metric =
    Metric::gauge("reform_analytics_past_views", "Views of earlier revisions that are kept");

const COMPUTE: Metric = Metric::histogram(
    "reform_analytics_compute_duration_seconds",
    SECONDS,
    "How long an answer was computed, once a processor was free for it",
);

/// What the analytics service tells beside [`reform_runtime::metrics::METRICS`].
pub const METRICS: &[&Metric] = &[
    &REVISION,
    &HEAD,
    &LAG_REVISIONS,
    &LAG_SECONDS,
    &FOLLOWING,
    &FOLDED,
    &REBUILDS,
    &QUARANTINED,
    &CHECKPOINTS,
    &CHECKPOINT_FAILURES,
    &CHECKPOINT,
    &COMPUTE,
    &KEPT_HITS,
    &KEPT_MISSES,
    &KEPT_BYTES,
    &PAST_VIEWS,
];

/// What is counted where it happens. Clones count together.
#[derive(Debug, Clone)]
pub(crate) struct Counts {
    pub(crate) rebuilds: Counter,
    pub(crate) checkpoint_failures: Counter,
    pub(crate) checkpoints: Counter,
    pub(crate) checkpoint: Histogram,
    pub(crate) compute: Histogram,
    pub(crate) kept_hits: Counter,
    pub(crate) kept_misses: Counter,
}

impl Counts {
    pub(crate) fn new() -> Self {
        Self {
            rebuilds: Counter::default(),
            checkpoint_failures: Counter::default(),
            checkpoints: Counter::default(),
            checkpoint: CHECKPOINT.observed(),
            compute: COMPUTE.observed(),
            kept_hits: Counter::default(),
            kept_misses: Counter::default(),
        }
    }
}

pub(crate) fn of(state: &Arc<State>, answers: &Answers) -> Metrics {
    let mut metrics = Metrics::new("reform-analytics", env!("CARGO_PKG_VERSION"));
    progress(&mut metrics, state);
    let counts = &state.counts;
    metrics.counter(&REBUILDS, &counts.rebuilds);
    metrics.counter(&CHECKPOINTS, &counts.checkpoints);
    metrics.counter(&CHECKPOINT_FAILURES, &counts.checkpoint_failures);
    metrics.histogram(&CHECKPOINT, &counts.checkpoint);
    metrics.histogram(&COMPUTE, &counts.compute);
    metrics.counter(&KEPT_HITS, &counts.kept_hits);
    metrics.counter(&KEPT_MISSES, &counts.kept_misses);
    let kept = answers.clone();
    metrics.read(&KEPT_BYTES, move || Some(kept.remembered_bytes() as f64));
    let kept = answers.clone();
    metrics.read(&PAST_VIEWS, move || Some(kept.past_views() as f64));
    metrics
}

fn progress(metrics: &mut Metrics, state: &Arc<State>) {
    let mut read = |metric, told: fn(&Progress) -> Option<f64>| {
        let state = state.clone();
        metrics.read(metric, move || told(&state.progress()));
    };
    read(&REVISION, |progress| Some(progress.applied? as f64));
    read(&HEAD, |progress| Some(progress.head as f64));
    read(&LAG_REVISIONS, |progress| Some((progress.head - progress.applied?).max(0) as f64));
    read(&LAG_SECONDS, |progress| Some(progress.lag().as_secs_f64()));
    read(&FOLLOWING, |progress| Some(f64::from(progress.following)));
    read(&FOLDED, |progress| Some(progress.changes as f64));
    read(&QUARANTINED, |progress| Some(progress.quarantined() as f64));
}
