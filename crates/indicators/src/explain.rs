//! What is behind one point of an answer.

use std::collections::BTreeSet;

use reform_model::{Name, Period};

use crate::answer::{Answer, Labels, Point, Series};
use crate::catalogue;
use crate::evidence::Reason;
use crate::query::{Explained, Query, QueryError};
use crate::view::View;

/// Choices that an error lists at most.
const LISTED_MAX: usize = 20;

/// A point and everything that was looked at for it.
///
/// For counts, and for sums of published figures, the contributions and exclusions together are all records of the kind
/// (all observations of the variable) that match the query's jurisdictions and filter and the labels of the series,
/// whatever their time; no record is in both. Contributions of other indicators are what enters the formula.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The point.
    pub point: Point,
    /// All labels of its series.
    pub labels: Labels,
    /// The formula, as in the definition.
    pub formula: &'static str,
    /// Version of the formula.
    pub formula_version: i32,
    /// What the records bring, by record; rows of one record follow each other.
    pub contributions: Vec<Contribution>,
    /// The records left out, by name.
    pub exclusions: Vec<Exclusion>,
    /// All sources behind the point, by name.
    pub sources: Vec<Name>,
}

/// What a record, or a row in it, brings to the point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contribution {
    /// The record.
    pub record: Name,
    /// The revision of it that was used.
    pub revision: i64,
    /// A decimal number; empty where no one number of the record enters. Where the indicator is additive these add up to
    /// the point's value, without one to its lower bound, without that to its upper one.
    pub contribution: String,
    /// How it entered, for a reader; empty when there is nothing to add.
    pub note: String,
}

/// A record that is not in the point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exclusion {
    /// The record.
    pub record: Name,
    /// The revision of it that was looked at.
    pub revision: i64,
    /// Why it was left out.
    pub reason: Reason,
}

/// Explains the point of the series that has these labels over this period: as many labels as tell the series from the
/// others. Of points that share both, such as undated steps, the first one with that title; an empty title is any.
///
/// # Errors
/// Whatever is wrong with the query; [`QueryError::NoPoint`] where labels, period or title name no point of its answer.
pub fn explain(
    view: &View,
    query: &Query,
    labels: &Labels,
    period: Period,
    label: &str,
) -> Result<Explanation, QueryError> {
    let answer = catalogue::answer(view, query)?;
    let (series, point) = find(&answer, labels, period, label)?;
    let found = &answer.series[series];
    let explained = Explained { labels: found.labels.clone(), period: found.points[point].period };
    let again = catalogue::answer(view, &Query { explain: Some(explained), ..query.clone() })?;
    // The same query over the same records: the point stands in the same place.
    let point = again.series.into_iter().nth(series).and_then(|series| series.points.into_iter().nth(point));
    let point = point.ok_or_else(|| no_point("period", "has no such point".to_owned()))?;
    let definition = catalogue::get(&query.indicator);
    let formula = definition.map_or("", |definition| definition.formula);
    Ok(told(view, point, found.labels.clone(), (formula, again.formula_version)))
}

fn told(
    view: &View,
    mut point: Point,
    labels: Labels,
    (formula, version): (&'static str, i32),
) -> Explanation {
    let evidence = point.evidence.take().unwrap_or_default();
    let revision = |name: &Name| view.revision_of(name).unwrap_or_default();
    let contributions = evidence.parts().map(|(name, part)| Contribution {
        record: name.clone(),
        revision: revision(name),
        contribution: part.number.as_ref().map(|number| number.to_decimal_string()).unwrap_or_default(),
        note: part.note.clone(),
    });
    let exclusions = evidence.left_out().map(|(name, reason)| Exclusion {
        record: name.clone(),
        revision: revision(name),
        reason,
    });
    let (contributions, exclusions) = (contributions.collect::<Vec<_>>(), exclusions.collect());
    let mut sources: BTreeSet<Name> = point.sources.iter().cloned().collect();
    for (_, cited) in contributions.iter().filter_map(|one| view.written(&one.record)) {
        sources.extend(cited.into_iter().cloned());
    }
    let sources = sources.into_iter().collect();
    Explanation { point, labels, formula, formula_version: version, contributions, exclusions, sources }
}

/// The place of the series, and of the point in it.
fn find(answer: &Answer, labels: &Labels, period: Period, label: &str) -> Result<(usize, usize), QueryError> {
    let has = |series: &Series| labels.iter().all(|pair| series.labels.get_key_value(pair.0) == Some(pair));
    let mut candidates: Vec<usize> =
        (0..answer.series.len()).filter(|place| has(&answer.series[*place])).collect();
    if candidates.iter().any(|place| answer.series[*place].labels == *labels) {
        candidates.retain(|place| answer.series[*place].labels == *labels);
    }
    if candidates.is_empty() {
        let all = answer.series.iter().map(|series| shown(&series.labels));
        return Err(no_point("labels", format!("no series has them; there is: {}", list(all))));
    }
    let same = |point: &Point| (point.period.first(), point.period.last()) == (period.first(), period.last());
    let mut found = Vec::new();
    for place in &candidates {
        let points = answer.series[*place].points.iter().enumerate();
        found.extend(points.filter(|(_, point)| same(point)).map(|(point, _)| (*place, point)));
    }
    if found.is_empty() {
        let points = candidates.iter().flat_map(|place| &answer.series[*place].points);
        let all: BTreeSet<String> = points.map(|point| point.period.to_string()).collect();
        let message = format!("no point has it; there is: {}", list(all.into_iter()));
        return Err(no_point("period", message));
    }
    let several: BTreeSet<&Labels> = found.iter().map(|(place, _)| &answer.series[*place].labels).collect();
    if several.len() > 1 {
        let all = several.into_iter().map(shown);
        return Err(no_point("labels", format!("several series have them: {}", list(all))));
    }
    let title = |(series, point): &(usize, usize)| &answer.series[*series].points[*point].label;
    let first = found.iter().find(|place| label.is_empty() || title(place) == label).copied();
    first.ok_or_else(|| {
        let all = found.iter().map(title).cloned();
        no_point("label", format!("no point of that period has it; there is: {}", list(all)))
    })
}

fn no_point(path: &'static str, message: String) -> QueryError {
    QueryError::NoPoint { path, message }
}

fn shown(labels: &Labels) -> String {
    let pairs = labels.iter().map(|(key, value)| format!("{key}={value}"));
    format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
}

fn list(all: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = all.collect();
    let mut text = all.iter().take(LISTED_MAX).cloned().collect::<Vec<_>>().join(", ");
    if all.len() > LISTED_MAX {
        text.push_str(", …");
    }
    if text.is_empty() { "nothing".to_owned() } else { text }
}
