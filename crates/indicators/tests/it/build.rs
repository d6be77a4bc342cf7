//! Short ways to write records.

use std::sync::Arc;

use reform_indicators::view::{Change, View};
use reform_indicators::{Answer, Query, Series, answer};
use reform_model::date::Digits;
use reform_model::institution::{Coverage, Source};
use reform_model::measure::{Observation, Reports, Variable};
use reform_model::participation::Appeal;
use reform_model::record::Citation;
use reform_model::vocabulary::{Aggregation, Basis, Comparator, Rank};
use reform_model::{Body, Date, Decimal, Kind, Name, Period, Quantity, Record};

pub(crate) fn name(id: &str) -> Name {
    Name::from_id(id).unwrap()
}

/// `2023`, `2023-03`, `2023-03-19`, or a window such as `2013-04-26..2016`, or `..2004`.
pub(crate) fn date(text: &str) -> Date {
    let digits = |text: &str| {
        let mut parts = text.split('-').map(|part| part.parse::<i32>().unwrap());
        let year = parts.next().unwrap();
        Digits::new(year, parts.next(), parts.next()).unwrap()
    };
    match text.split_once("..") {
        None => Date::new(Some(digits(text)), None).unwrap(),
        Some(("", latest)) => Date::new(None, Some(digits(latest))).unwrap(),
        Some((from, latest)) => Date::new(Some(digits(from)), Some(digits(latest))).unwrap(),
    }
}

/// `2023` is the whole year, `2023-01/2023-06` both ends, `/2023-11-05` an end alone.
pub(crate) fn period(text: &str) -> Period {
    let end = |text: &str| (!text.is_empty()).then(|| date(text));
    let (start, last) = text.split_once('/').unwrap_or((text, text));
    Period { start: end(start), end: end(last) }
}

/// `5300`, `> 5300`, `≥ 40`, `≤ 1700`, `< 3`, `≈ 1000`, `24–33`.
pub(crate) fn quantity(text: &str) -> Quantity {
    let decimal = |text: &str| text.parse::<Decimal>().unwrap();
    if let Some((low, high)) = text.split_once('–') {
        return Quantity::new(decimal(low), Comparator::Between, Some(decimal(high)), String::new()).unwrap();
    }
    let (comparator, number) = match text.split_once(' ') {
        None => (Comparator::Exact, text),
        Some((">", number)) => (Comparator::MoreThan, number),
        Some(("≥", number)) => (Comparator::AtLeast, number),
        Some(("<", number)) => (Comparator::LessThan, number),
        Some(("≤", number)) => (Comparator::AtMost, number),
        Some(("≈", number)) => (Comparator::Approximate, number),
        Some(other) => panic!("{other:?} is no comparator"),
    };
    Quantity::new(decimal(number), comparator, None, String::new()).unwrap()
}

/// A record of a made-up country that cites `src-{id}`.
pub(crate) fn record(id: &str, body: Body) -> Record {
    let source = name(&format!("src-{id}"));
    Record {
        name: name(id),
        jurisdiction: "XX".to_owned(),
        title: id.to_owned(),
        labels: Default::default(),
        citations: vec![Citation { source, locator: String::new(), field_paths: Vec::new() }],
        discrepancies: Vec::new(),
        inferences: Vec::new(),
        rank: None,
        waivers: Vec::new(),
        body,
    }
}

pub(crate) fn ranked(rank: Rank, record: Record) -> Record {
    Record { rank: Some(rank), ..record }
}

pub(crate) fn appeal(id: &str, filed_on: &str) -> Record {
    let filed_on = (!filed_on.is_empty()).then(|| date(filed_on));
    record(id, Body::Appeal(Appeal { filed_on, ..Appeal::default() }))
}

/// A variable that reports `indicator`; `part` after a dot, as in `unconstitutionality-rate.consistent`.
pub(crate) fn variable(id: &str, reports: &str, aggregation: Option<Aggregation>) -> Record {
    let (indicator, part) = reports.split_once('.').unwrap_or((reports, ""));
    let reports = Reports { indicator: indicator.to_owned(), part: part.to_owned() };
    let reports = (!reports.indicator.is_empty()).then_some(reports);
    record(id, Body::Variable(Variable { reports, aggregation, ..Variable::default() }))
}

pub(crate) fn observation(id: &str, variable: &str, basis: Basis, over: &str, value: &str) -> Record {
    record(id, Body::Observation(observed(variable, basis, over, value)))
}

pub(crate) fn observed(variable: &str, basis: Basis, over: &str, value: &str) -> Observation {
    Observation {
        variable: name(variable),
        subject: None,
        period: period(over),
        basis,
        quantity: quantity(value),
        method: None,
        release: None,
        published_on: None,
        derived_from: Vec::new(),
        dimensions: Default::default(),
    }
}

pub(crate) fn register(id: &str, kind: Kind, over: &str) -> Record {
    let period = if over.is_empty() { Period::default() } else { period(over) };
    let covers = vec![Coverage { kind, subject: None, period }];
    record(id, Body::Source(Source { covers, ..Source::default() }))
}

pub(crate) fn view(records: Vec<Record>) -> View {
    let mut view = View::new("store");
    for (revision, record) in (1..).zip(records) {
        view.apply(Change::Put(Arc::new(record), revision));
    }
    view
}

pub(crate) fn ask(records: Vec<Record>, query: &Query) -> Answer {
    answer(&view(records), query).unwrap()
}

/// Each point in one line: period, figure, caveats as `CODE:count`, and what was left out.
pub(crate) fn lines(series: &Series) -> Vec<String> {
    let line = |point: &reform_indicators::Point| {
        let figure = point.estimate.as_ref().map_or("none".to_owned(), |estimate| estimate.display());
        let mut line = format!("{} = {figure}", point.period);
        for caveat in &point.caveats {
            line.push_str(&format!(" {}:{}", caveat.code.as_str(), caveat.count));
        }
        for (what, count) in [("unknown", point.unknown), ("excluded", point.excluded)] {
            if count > 0 {
                line.push_str(&format!(" {what}:{count}"));
            }
        }
        line
    };
    series.points.iter().map(line).collect()
}

/// Series by their labels without the jurisdiction, in one line each.
pub(crate) fn keys(answer: &Answer) -> Vec<String> {
    let key = |series: &Series| {
        let pairs = series.labels.iter().filter(|(key, _)| *key != "jurisdiction");
        pairs.map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
    };
    answer.series.iter().map(key).collect()
}

/// The lines of the only series.
pub(crate) fn only(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.series.len(), 1, "{:?}", keys(answer));
    lines(&answer.series[0])
}
