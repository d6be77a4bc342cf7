//! Published totals: spans, parts, running totals.

use reform_indicators::span::Granularity;
use reform_indicators::{Query, query::Origin};
use reform_model::vocabulary::{Aggregation, Basis};
use reform_model::{Body, Record};

use crate::build::*;

const SUM: Option<Aggregation> = Some(Aggregation::Sum);

fn of(subject: &str, mut record: Record) -> Record {
    let Body::Observation(observation) = &mut record.body else { panic!() };
    observation.subject = Some(name(subject));
    record
}

fn by(key: &str, value: &str, mut record: Record) -> Record {
    let Body::Observation(observation) = &mut record.body else { panic!() };
    observation.dimensions.insert(key.to_owned(), value.to_owned());
    record
}

fn appeals(values: &[(&str, &str)], aggregation: Option<Aggregation>) -> Vec<Record> {
    let mut records = vec![variable("v", "appeals-per-year", aggregation)];
    for (over, value) in values {
        let id = format!("o-{}", over.replace('/', "-to-"));
        records.push(observation(&id, "v", Basis::InPeriod, over, value));
    }
    records
}

#[test]
fn a_running_total_is_a_series_of_its_own() {
    let records = vec![
        variable("v", "appeals-per-year", SUM),
        of("court", observation("o1", "v", Basis::InPeriod, "2023", "> 5000")),
        of("court", observation("o2", "v", Basis::CumulativeSince, "2023-01-01/2024-03", "> 5300")),
    ];
    let answer = ask(records, &Query::new("appeals-per-year"));
    assert_eq!(
        keys(&answer),
        [
            "basis=CUMULATIVE_SINCE institution=records/court origin=REPORTED",
            "basis=IN_PERIOD institution=records/court origin=REPORTED",
        ]
    );
    assert_eq!(lines(&answer.series[0]), ["2023-01-01/2024-03 = > 5,300 CUMULATIVE:0"]);
    assert_eq!(lines(&answer.series[1]), ["2023 = > 5,000"]);
}

#[test]
fn parts_of_a_year_add_up_and_are_marked() {
    let months = [("2023-02", "680"), ("2023-03", "536"), ("2023-04", "≈ 568")];
    let query = Query::new("appeals-per-year");
    assert_eq!(only(&ask(appeals(&months, SUM), &query)), ["2023 = ≈ 1,784 PARTIAL_PERIOD:3"]);
    // A whole year as published wins over its parts.
    let with_year = [&months[..], &[("2023", "≥ 5000")]].concat();
    assert_eq!(only(&ask(appeals(&with_year, SUM), &query)), ["2023 = ≥ 5,000 excluded:3"]);
    // Parts that overlap are never added: the longest cover is used.
    let overlapping = [("2024-01/2024-06", "10"), ("2024-06/2024-07", "4"), ("2024-07/2024-12", "> 7")];
    assert_eq!(only(&ask(appeals(&overlapping, SUM), &query)), ["2024 = > 17 excluded:1"]);
    // What does not add up stays apart.
    assert_eq!(
        only(&ask(appeals(&months[..2], Some(Aggregation::None)), &query)),
        ["2023-02 = 680 PARTIAL_PERIOD:0", "2023-03 = 536 PARTIAL_PERIOD:0"]
    );
    let by_quarter = Query { granularity: Some(Granularity::Quarter), ..query };
    assert_eq!(
        only(&ask(appeals(&with_year, SUM), &by_quarter)),
        [
            "2023-01/2023-03 = 1,216 IMPRECISE_DATE:1 PARTIAL_PERIOD:2",
            "2023-04/2023-06 = ≈ 568 IMPRECISE_DATE:1 PARTIAL_PERIOD:1"
        ]
    );
}

#[test]
fn a_total_over_several_years_is_not_shared_out() {
    let query = Query::new("appeals-per-year");
    let alone = [("2019/2021", "4")];
    assert_eq!(only(&ask(appeals(&alone, SUM), &query)), ["2019/2021 = 4 IMPRECISE_DATE:1"]);
    let beside = [("2019/2021", "4"), ("2021", "1"), ("2022", "2")];
    assert_eq!(only(&ask(appeals(&beside, SUM), &query)), ["2021 = 1 IMPRECISE_DATE:1", "2022 = 2"]);
}

#[test]
fn a_part_by_a_dimension_is_not_the_whole() {
    let records = || {
        vec![
            variable("v", "appeals-per-year", SUM),
            observation("o1", "v", Basis::InPeriod, "2024", "≈ 4400000"),
            by("type", "complaint", observation("o2", "v", Basis::InPeriod, "2024", "≈ 268000")),
        ]
    };
    let query = Query::new("appeals-per-year");
    assert_eq!(only(&ask(records(), &query)), ["2024 = ≈ 4,400,000"]);
    let by_type = Query { group_by: vec!["type".into()], ..query };
    let answer = ask(records(), &by_type);
    assert_eq!(keys(&answer), ["basis=IN_PERIOD origin=REPORTED type=complaint"]);
    assert_eq!(only(&answer), ["2024 = ≈ 268,000"]);
}

#[test]
fn counted_and_reported_stand_side_by_side() {
    let mut records = appeals(&[("2023", "≤ 1700")], SUM);
    records.push(appeal("a", "2023-05-05"));
    let query = Query::new("appeals-per-year");
    let answer = ask(records.clone(), &query);
    assert_eq!(keys(&answer), ["basis=IN_PERIOD origin=REPORTED", "origin=COUNTED"]);
    assert_eq!(lines(&answer.series[0]), ["2023 = ≤ 1,700"]);
    for (origin, line) in [(Origin::Counted, "2023 = 1"), (Origin::Reported, "2023 = ≤ 1,700")] {
        assert_eq!(only(&ask(records.clone(), &Query { origin: Some(origin), ..query.clone() })), [line]);
    }
}

#[test]
fn two_variables_of_one_figure_are_told_apart() {
    let mut records = appeals(&[("2023", "1")], SUM);
    records.push(variable("w", "appeals-per-year", SUM));
    records.push(observation("x", "w", Basis::InPeriod, "2023", "2"));
    let answer = ask(records, &Query::new("appeals-per-year"));
    assert_eq!(
        keys(&answer),
        [
            "basis=IN_PERIOD origin=REPORTED variable=records/v",
            "basis=IN_PERIOD origin=REPORTED variable=records/w",
        ]
    );
}

#[test]
fn a_stock_is_a_point_on_its_own_day() {
    let records = vec![
        variable("v", "registered-parties", Some(Aggregation::Last)),
        observation("o1", "v", Basis::StockAt, "/2022-03-16", "6"),
        observation("o2", "v", Basis::StockAt, "/2023-11-05", "7"),
    ];
    let query = Query::new("registered-parties");
    assert_eq!(only(&ask(records.clone(), &query)), ["../2022-03-16 = 6", "../2023-11-05 = 7"]);
    let query = Query { period: Some(period("2023")), ..query };
    assert_eq!(only(&ask(records, &query)), ["../2023-11-05 = 7"]);
}

#[test]
fn a_published_rate_takes_parts_of_one_subject_and_span() {
    let part = |id: &str, variable: &str, over: &str, value: &str| {
        of("court", observation(id, variable, Basis::InPeriod, over, value))
    };
    let records = vec![
        variable("good", "unconstitutionality-rate.consistent", SUM),
        variable("bad", "unconstitutionality-rate.inconsistent", SUM),
        part("o1", "good", "2023", "24"),
        part("o2", "bad", "2023-01-01/2023-12-31", "8"),
        part("o3", "bad", "2024", "20"),
    ];
    let answer = ask(records, &Query::new("unconstitutionality-rate"));
    assert_eq!(keys(&answer), ["basis=IN_PERIOD institution=records/court origin=REPORTED"]);
    let point = &answer.series[0].points[0];
    assert_eq!((point.numerator, point.denominator), (Some(8), Some(32)));
    assert_eq!(answer.series[0].points.len(), 1);
    assert_eq!(point.estimate.as_ref().unwrap().display(), "25.0 %");
}
