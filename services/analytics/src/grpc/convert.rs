//! Domain → wire. Nothing here decides anything.

use std::ops::Range;

use reform_api::analytics::v1;
use reform_api::data::v1 as data;
use reform_indicators::answer::Caveat;
use reform_indicators::catalogue::{Definition, Parameter};
use reform_indicators::conflicts::Conflict;
use reform_indicators::estimate::{Bound, Estimate};
use reform_indicators::explain::{Contribution, Exclusion, Explanation};
use reform_indicators::parameter::lookup::{Stated, Told};
use reform_indicators::{Answer, Point, Series};
use reform_model::date::{Date, Digits, Period};
use reform_model::vocabulary::Comparator;
use reform_model::{Name, Quantity};

use crate::answers::Computed;
use crate::compare::{Change, Explained, Moved};
use crate::state::State;

pub(super) fn indicator(definition: &Definition) -> v1::Indicator {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    v1::Indicator {
        name: name(definition.id),
        title: definition.title.to_owned(),
        definition: definition.definition.to_owned(),
        formula: definition.formula.to_owned(),
        formula_source: definition.formula_source.to_owned(),
        formula_version: definition.formula_version,
        unit: definition.unit.to_owned(),
        dimensions: texts(definition.dimensions),
        parameters: definition.parameters.iter().map(parameter).collect(),
        kinds: definition.kinds.iter().map(|kind| kind.as_str().to_owned()).collect(),
    }
}

fn parameter(parameter: &Parameter) -> v1::Parameter {
    v1::Parameter {
        key: parameter.key.to_owned(),
        description: parameter.description.to_owned(),
        values: parameter.values.iter().map(|value| (*value).to_owned()).collect(),
        default_value: parameter.default_value.to_owned(),
        required: parameter.required,
    }
}

fn name(id: &str) -> String {
    format!("indicators/{id}")
}

pub(super) fn answers(computed: Computed) -> Vec<v1::QueryIndicatorResponse> {
    let Computed { store_id, revision, answers } = computed;
    let answer = |Answer { indicator, formula_version, series: all }| v1::QueryIndicatorResponse {
        indicator: name(&indicator),
        formula_version,
        store_id: store_id.clone(),
        revision,
        series: all.into_iter().map(series).collect(),
    };
    answers.into_iter().map(answer).collect()
}

fn series(Series { labels, unit, points }: Series) -> v1::Series {
    v1::Series { labels, unit, points: points.into_iter().map(point).collect() }
}

pub(super) fn point(point: Point) -> v1::Point {
    let Point {
        period: span,
        label,
        estimate: figure,
        records,
        numerator,
        denominator,
        unknown,
        excluded,
        caveats,
        sources,
        sources_total,
        status,
        figures,
        evidence: _,
    } = point;
    v1::Point {
        period: Some(period(span)),
        label,
        estimate: figure.map(estimate),
        records,
        numerator,
        denominator,
        unknown,
        excluded,
        caveats: caveats.into_iter().map(caveat).collect(),
        sources: sources.iter().map(|source| source.as_str().to_owned()).collect(),
        sources_total,
        status: status.unwrap_or_default(),
        figures,
    }
}

/// A page of an explanation: the places of contributions come first, then those of exclusions.
pub(super) fn explanation(explanation: Explanation, page: Range<usize>) -> v1::ExplainPointResponse {
    let Explanation { point: of, labels, formula, formula_version, contributions, exclusions, sources } =
        explanation;
    let (skipped, wanted) = (page.start, page.len());
    let before = contributions.len();
    let first = contributions.into_iter().skip(skipped).take(wanted);
    let first: Vec<v1::Contribution> = first.map(contribution).collect();
    let rest = exclusions.into_iter().skip(skipped.saturating_sub(before)).take(wanted - first.len());
    v1::ExplainPointResponse {
        point: Some(point(of)),
        labels,
        formula: formula.to_owned(),
        formula_version,
        contributions: first,
        exclusions: rest.map(exclusion).collect(),
        sources: sources.iter().map(|source| source.as_str().to_owned()).collect(),
        ..v1::ExplainPointResponse::default()
    }
}

fn contribution(one: Contribution) -> v1::Contribution {
    let Contribution { record, revision, contribution, note } = one;
    v1::Contribution { record: record.as_str().to_owned(), revision, contribution, note }
}

fn exclusion(Exclusion { record, revision, reason }: Exclusion) -> v1::Exclusion {
    v1::Exclusion { record: record.as_str().to_owned(), revision, reason: reason.as_str().to_owned() }
}

pub(super) fn moved(explained: Explained) -> v1::PointChange {
    let Explained { moved, suspects: _, suspects_total, causes } = explained;
    let Moved { labels, period: over, label, before, after } = moved;
    // A point without a figure is there all the same.
    let figure = |point: Point| estimate(point.estimate.unwrap_or_default());
    v1::PointChange {
        labels,
        period: Some(period(over)),
        before: before.map(figure),
        after: after.map(figure),
        causes: causes.into_iter().map(cause).collect(),
        records_total: number(suspects_total),
        label,
    }
}

fn cause(Change { record, revision, author, reason }: Change) -> v1::Cause {
    v1::Cause { record, revision, author, reason }
}

pub(super) fn conflict(conflict: Conflict) -> v1::Conflict {
    let Conflict { variable, subject, period: over, records, why, gap } = conflict;
    let name = |name: Option<Name>| name.map(|name| name.as_str().to_owned()).unwrap_or_default();
    v1::Conflict {
        variable: name(variable),
        subject: name(subject),
        period: Some(period(over)).filter(|_| over != Period::default()),
        records: records.into_iter().map(|record| record.as_str().to_owned()).collect(),
        why,
        gap: gap.map(estimate),
    }
}

pub(super) fn parameter_told(Told { valid, history }: Told, revision: i64) -> v1::GetParameterResponse {
    let history = history.into_iter().map(step).collect();
    v1::GetParameterResponse { valid: valid.map(step), history, revision }
}

fn step(Stated { value, from, reform, since, planned }: Stated) -> v1::ParameterStep {
    v1::ParameterStep {
        value: value.as_ref().map(quantity),
        from: from.map(date),
        reform: reform.map(|name| name.as_str().to_owned()).unwrap_or_default(),
        stage: since.map(|since| since.as_str().to_owned()).unwrap_or_default(),
        planned,
    }
}

fn quantity(quantity: &Quantity) -> data::Quantity {
    let between = quantity.comparator() == Comparator::Between;
    data::Quantity {
        decimal: quantity.decimal().to_string(),
        comparator: quantity.comparator().number(),
        upper_decimal: if between { quantity.extremes().1.to_string() } else { String::new() },
        unit: quantity.unit.clone(),
        as_published: String::new(),
    }
}

fn caveat(Caveat { code, message, count }: Caveat) -> v1::Caveat {
    v1::Caveat { code: code.as_str().to_owned(), message, count }
}

pub(super) fn estimate(estimate: Estimate) -> v1::Estimate {
    let display = estimate.display();
    let Estimate { value, lower, upper, approximate, style: _ } = estimate;
    let open = |bound: &Option<Bound>| bound.as_ref().is_some_and(|bound| bound.open);
    let text = |bound: &Option<Bound>| bound.as_ref().map(|bound| bound.number.to_decimal_string());
    v1::Estimate {
        value: value.map(|value| value.to_decimal_string()),
        lower: text(&lower),
        upper: text(&upper),
        lower_open: open(&lower),
        upper_open: open(&upper),
        approximate,
        display,
    }
}

fn period(Period { start, end }: Period) -> data::Period {
    data::Period { start: start.map(date), end: end.map(date) }
}

fn date(date: Date) -> data::Date {
    let digits = |digits: Digits| {
        let (year, month, day) = digits.parts();
        data::Date { year: Some(year), month, day, latest: None }
    };
    let from = date.digits().map(digits).unwrap_or_default();
    data::Date { latest: date.latest().map(|latest| Box::new(digits(latest))), ..from }
}

pub(super) fn status(state: &State) -> v1::GetStatusResponse {
    let (rows, bytes) = state.view().map(|view| (view.rows(), view.bytes())).unwrap_or_default();
    let rows = rows.into_iter().map(|(kind, rows)| (kind.as_str().to_owned(), number(rows))).collect();
    let progress = state.progress();
    v1::GetStatusResponse {
        store_id: progress.store_id.to_string(),
        applied_revision: progress.applied.unwrap_or_default(),
        head_revision: progress.head,
        lag_ms: i64::try_from(progress.lag().as_millis()).unwrap_or(i64::MAX),
        serving_stale: progress.is_stale(state.staleness_max),
        view_bytes: number(bytes),
        rows,
        quarantined: progress.quarantined(),
        build: format!("reform-analytics {}", env!("CARGO_PKG_VERSION")),
    }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
