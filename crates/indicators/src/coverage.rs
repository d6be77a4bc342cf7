//! The licence to read an empty period as zero: a source that is the complete register of a kind.

use reform_model::{Kind, Name, Period, Record};

use crate::span::{Bucket, Extent};
use crate::view::View;

/// One register and the time for which it is complete.
#[derive(Debug, Clone, Copy)]
pub struct Register<'a> {
    /// The source.
    pub source: &'a Name,
    /// Where.
    pub jurisdiction: &'a str,
    /// Whose register; none is the whole jurisdiction.
    pub subject: Option<&'a Name>,
    /// When.
    pub period: Period,
}

/// The complete registers of a kind, by source.
pub fn registers(view: &View, kind: Kind) -> Vec<Register<'_>> {
    let mut found = Vec::new();
    for (record, source) in view.sources() {
        for coverage in source.covers.iter().filter(|coverage| coverage.kind == kind) {
            found.push(Register {
                source: &record.name,
                jurisdiction: jurisdiction(view, record, coverage.subject.as_ref()),
                subject: coverage.subject.as_ref(),
                period: coverage.period,
            });
        }
    }
    found
}

/// The source's own; a source that has none speaks of its subject's.
fn jurisdiction<'a>(view: &'a View, source: &'a Record, subject: Option<&Name>) -> &'a str {
    let subject = subject.filter(|_| source.jurisdiction.is_empty());
    subject.and_then(|name| view.jurisdiction_of(name)).unwrap_or(&source.jurisdiction)
}

impl Register<'_> {
    /// Whether it is complete for the jurisdiction, or for the one subject that is asked for.
    pub fn speaks_of(&self, jurisdiction: &str, subject: Option<&str>) -> bool {
        self.jurisdiction == jurisdiction
            && self.subject.is_none_or(|own| subject.is_some_and(|asked| asked == own.as_str()))
    }

    /// Whether it is complete for the whole period.
    pub fn covers(&self, bucket: Bucket) -> bool {
        // Only days that certainly belong to the coverage count.
        let starts =
            self.period.start.is_none_or(|start| start.last() <= bucket.first || is_stated(start, bucket));
        let ends = self.period.end.is_none_or(|end| certain_end(end) >= bucket.last);
        starts && ends
    }

    /// Adds the days that the coverage states.
    pub fn extend(&self, extent: &mut Extent) {
        for date in [self.period.start, self.period.end].into_iter().flatten() {
            extent.add(date);
        }
    }
}

/// A start such as "2023" means from its first day on; only a window leaves the start open.
fn is_stated(start: reform_model::Date, bucket: Bucket) -> bool {
    start.latest().is_none() && start.first() <= bucket.first
}

/// An end such as "2023" means to its last day; of a window only the first day is certain.
fn certain_end(end: reform_model::Date) -> reform_model::Day {
    if end.latest().is_some() { end.first() } else { end.last() }
}
