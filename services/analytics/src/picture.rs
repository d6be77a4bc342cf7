//! What a picture of an answer shows: names of records become their titles, and sources are ordered by how much they carry.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use reform_chart::{Bound, Chart, Point, Series};
use reform_indicators::number::Number;
use reform_indicators::query::Query;
use reform_indicators::{Answer, View, catalogue, estimate};
use reform_model::Name;

use crate::answers::Question;
use crate::refusal::Refusal;

/// What comes before the id in the name of a record.
const RECORDS: &str = "records/";

/// The further figure of a step: what it left behind.
const BEFORE: &str = "before";

/// The picture of the answer to a question; `filter` is the filter of its query as it was given.
pub(crate) fn of(view: &View, question: &Question, filter: &str) -> Result<Chart, Refusal> {
    let answer = catalogue::answer(view, &question.query).map_err(|error| question.refusal(error))?;
    let Answer { indicator, formula_version, series } = answer;
    let (title, mut conditions) = heading(view, &indicator, &question.query);
    if !filter.is_empty() {
        conditions.push(format!("where {}", readable(view, filter)));
    }
    let (sources, sources_total) = sources(view, &series);
    let (store_id, revision) = (view.store_id(), view.revision());
    Ok(Chart {
        title,
        conditions,
        series: series.into_iter().map(|one| drawn(view, one)).collect(),
        sources,
        sources_total,
        state: format!("Revision {revision} of store {store_id}, formula version {formula_version}"),
    })
}

/// The indicator, the records that it was asked about, and what else was chosen.
fn heading(view: &View, indicator: &str, query: &Query) -> (String, Vec<String>) {
    let of_all = catalogue::get(indicator).map_or(indicator, |definition| definition.title);
    let (mut titles, mut conditions) = (vec![of_all.to_owned()], Vec::new());
    for (key, value) in &query.parameters {
        if value.starts_with(RECORDS) {
            titles.push(title(view, value));
        } else {
            conditions.push(format!("{}: {}", key.replace('_', " "), value.to_lowercase().replace('_', " ")));
        }
    }
    (titles.join(": "), conditions)
}

fn drawn(view: &View, series: reform_indicators::Series) -> Series {
    let reform_indicators::Series { labels, unit, points } = series;
    let labels = labels.into_iter().map(|(key, value)| {
        let value = if value.starts_with(RECORDS) { title(view, &value) } else { value };
        (key, value)
    });
    Series { labels: labels.collect(), unit, points: points.into_iter().map(point).collect() }
}

fn point(point: reform_indicators::Point) -> Point {
    let reform_indicators::Point {
        period,
        label,
        estimate,
        status,
        caveats,
        numerator,
        denominator,
        figures,
        ..
    } = point;
    let estimate = estimate.unwrap_or_default();
    let bound = |bound: &Option<estimate::Bound>| {
        bound.as_ref().map(|bound| Bound { at: bound.number.to_f64(), open: bound.open })
    };
    let known = estimate.value.is_some() || estimate.lower.is_some() || estimate.upper.is_some();
    Point {
        period,
        label,
        value: estimate.value.as_ref().map(Number::to_f64),
        lower: bound(&estimate.lower),
        upper: bound(&estimate.upper),
        approximate: estimate.approximate,
        // A point that has a status needs no figure.
        display: if known || status.is_none() { estimate.display() } else { String::new() },
        status: status.unwrap_or_default(),
        caveats: caveats.into_iter().map(|caveat| caveat.code.as_str().to_owned()).collect(),
        parts: numerator.zip(denominator),
        before: figures.get(BEFORE).and_then(|text| text.parse().ok()),
    }
}

/// Titles of the listed sources, those of most points first, and the number of all.
fn sources(view: &View, series: &[reform_indicators::Series]) -> (Vec<String>, usize) {
    let points = || series.iter().flat_map(|one| &one.points);
    let mut uses: BTreeMap<&Name, usize> = BTreeMap::new();
    for source in points().flat_map(|point| &point.sources) {
        *uses.entry(source).or_default() += 1;
    }
    let mut ordered: Vec<(&Name, usize)> = uses.into_iter().collect();
    ordered.sort_by_key(|(name, count)| (Reverse(*count), *name));
    // Points list some of their sources only, and nobody knows which of the others they share.
    let most = points().map(|point| usize::try_from(point.sources_total).unwrap_or(0)).max().unwrap_or(0);
    let total = most.max(ordered.len());
    (ordered.into_iter().map(|(name, _)| title(view, name.as_str())).collect(), total)
}

/// The filter with titles for names.
fn readable(view: &View, filter: &str) -> String {
    let part = |part: &str| if part.starts_with(RECORDS) { title(view, part) } else { part.to_owned() };
    filter.split('"').map(part).collect::<Vec<_>>().join("\"")
}

/// The title of a record, or its id where there is none.
fn title(view: &View, name: &str) -> String {
    let id = || name.trim_start_matches(RECORDS).to_owned();
    let found = view.find(name).map(|entry| entry.record.title.clone());
    found.filter(|title| !title.is_empty()).unwrap_or_else(id)
}
