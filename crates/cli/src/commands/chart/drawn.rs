//! An answer of the wire as the picture of the terminal.

use reform_api::analytics::v1::{Estimate, Point, QueryIndicatorRequest, QueryIndicatorResponse, Series};
use reform_api::convert;
use reform_chart::Bound;

/// What comes before the id in the name of a record.
const RECORDS: &str = "records/";

/// The further figure of a step: what it left behind.
const BEFORE: &str = "before";

/// The picture; records go by their ids.
pub(super) fn chart(
    title: &str,
    query: &QueryIndicatorRequest,
    answer: &QueryIndicatorResponse,
) -> reform_chart::Chart {
    let QueryIndicatorResponse { indicator: _, formula_version, store_id, revision, series: all } = answer;
    let parameters = query.parameters.iter().map(|(key, value)| format!("{key}: {}", short(value)));
    let filter = Some(&query.filter).filter(|filter| !filter.is_empty());
    let points = || all.iter().flat_map(|series| &series.points);
    let mut sources: Vec<String> =
        points().flat_map(|point| &point.sources).map(|name| short(name)).collect();
    sources.sort();
    sources.dedup();
    let total = points().map(|point| usize::try_from(point.sources_total).unwrap_or(0)).max().unwrap_or(0);
    reform_chart::Chart {
        title: title.to_owned(),
        conditions: parameters.chain(filter.map(|filter| format!("where {filter}"))).collect(),
        series: all.iter().map(series).collect(),
        sources_total: total.max(sources.len()),
        sources,
        state: format!("Revision {revision} of store {store_id}, formula version {formula_version}"),
    }
}

fn short(name: &str) -> String {
    name.strip_prefix(RECORDS).unwrap_or(name).to_owned()
}

fn series(Series { labels, unit, points }: &Series) -> reform_chart::Series {
    let labels = labels.iter().map(|(key, value)| (key.clone(), short(value)));
    reform_chart::Series {
        labels: labels.collect(),
        unit: unit.clone(),
        points: points.iter().map(point).collect(),
    }
}

fn point(point: &Point) -> reform_chart::Point {
    let estimate = point.estimate.clone().unwrap_or_default();
    let Estimate { value, lower, upper, lower_open, upper_open, approximate, display } = estimate;
    let number = |text: Option<String>| text.and_then(|text| text.parse::<f64>().ok());
    let bound = |text, open| number(text).map(|at| Bound { at, open });
    reform_chart::Point {
        // A period that no calendar has is shown without a date.
        period: point.period.as_ref().and_then(|wire| convert::period(wire).ok()).unwrap_or_default(),
        label: point.label.clone(),
        value: number(value),
        lower: bound(lower, lower_open),
        upper: bound(upper, upper_open),
        approximate,
        display,
        status: point.status.clone(),
        caveats: point.caveats.iter().map(|caveat| caveat.code.clone()).collect(),
        parts: point.numerator.zip(point.denominator),
        before: point.figures.get(BEFORE).and_then(|text| text.parse().ok()),
    }
}
