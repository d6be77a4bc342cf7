//! `appeals-per-100k`: the numbers of appeals over the population of their year.

use reform_indicators::estimate::Bound;
use reform_indicators::{Query, QueryError, Series, answer};
use reform_model::measure::Variable;
use reform_model::vocabulary::Basis;
use reform_model::{Body, Record};

use crate::build::*;

const PART: &str = "appeals-per-100k.population";

fn per_100k(records: Vec<Record>) -> Vec<Series> {
    ask(records, &Query::new("appeals-per-100k")).series
}

fn appeals() -> Vec<Record> {
    vec![appeal("a", "2023-02"), appeal("b", "2023-06-30"), appeal("c", "2024-01-01")]
}

fn with(mut records: Vec<Record>, others: impl IntoIterator<Item = Record>) -> Vec<Record> {
    records.extend(others);
    records
}

#[test]
fn a_year_is_set_against_its_own_population() {
    let series = per_100k(with(
        appeals(),
        [variable("people", PART, None), observation("p", "people", Basis::StockAt, "2023-01-01", "40000")],
    ));
    // Two appeals of 40,000 inhabitants; 2024 has no population of its own.
    assert_eq!(lines(&series[0]), ["2023 = 5"]);
    assert_eq!(series[0].unit, "appeals per 100,000 inhabitants");
    let point = &series[0].points[0];
    assert_eq!((point.figures["appeals"].as_str(), point.figures["population"].as_str()), ("2", "40000"));
    assert_eq!((point.records, point.sources_total), (3, 3));
    assert!(per_100k(appeals()).is_empty());
    let nobody = observation("p", "people", Basis::StockAt, "2023-01-01", "0");
    assert!(per_100k(with(appeals(), [variable("people", PART, None), nobody])).is_empty());
}

#[test]
fn a_figure_of_the_year_wins_then_the_day_nearest_to_its_middle() {
    let people = |id: &str, basis, over: &str, value: &str| observation(id, "people", basis, over, value);
    let of = |others: Vec<Record>| {
        let records = with(appeals(), [variable("people", PART, None)]);
        lines(&per_100k(with(records, others))[0])
    };
    let first = || people("first", Basis::StockAt, "2023-01-01", "40000");
    let summer = || people("summer", Basis::StockAt, "2023-08-01", "50000");
    let average = || people("average", Basis::InPeriod, "2023", "100000");
    assert_eq!(of(vec![first(), summer(), average()]), ["2023 = 2"]);
    assert_eq!(of(vec![first(), summer()]), ["2023 = 4"]);
    // The first and the last day are as far from the middle; the earlier is taken.
    let last = people("last", Basis::StockAt, "2023-12-31", "80000");
    assert_eq!(of(vec![last, first()]), ["2023 = 5"]);
    // A subject, a dimension, a running total and half a year are not the whole of the year.
    let half = people("half", Basis::InPeriod, "2023-01/2023-06", "1");
    let total = people("total", Basis::CumulativeSince, "2023", "1");
    let mut town = observed("people", Basis::StockAt, "2023-07-02", "1");
    town.subject = Some(name("town"));
    let mut women = observed("people", Basis::StockAt, "2023-07-02", "1");
    women.dimensions.insert("sex".to_owned(), "female".to_owned());
    let others = [town, women].into_iter().zip(["town", "women"]);
    let others = others.map(|(body, id)| record(id, Body::Observation(body)));
    assert_eq!(of(with(vec![half, total, summer()], others)), ["2023 = 4"]);
}

#[test]
fn bounds_and_units_of_the_population_travel() {
    let of = |unit: &str, value: &str| {
        let reports = reform_model::measure::Reports {
            indicator: "appeals-per-100k".to_owned(),
            part: "population".to_owned(),
        };
        let unit = unit.to_owned();
        let people = record(
            "people",
            Body::Variable(Variable { reports: Some(reports), unit, ..Variable::default() }),
        );
        let value = observation("p", "people", Basis::StockAt, "2023-07-01", value);
        per_100k(with(appeals(), [people, value])).remove(0)
    };
    let shown = |unit: &str, value: &str| lines(&of(unit, value));
    assert_eq!(shown("people", "20000–50000"), ["2023 = 4–10"]);
    assert_eq!(shown("thousand people", "50"), ["2023 = 4"]);
    assert_eq!(shown("millions", "0.05"), ["2023 = 4"]);
    // Two of more than 50,000: less than four, and more than none.
    let estimate = of("people", "> 50000").points[0].estimate.clone().unwrap();
    let bound = |bound: Option<Bound>| bound.map(|bound| (bound.number.to_decimal_string(), bound.open));
    assert_eq!(bound(estimate.lower), Some(("0".to_owned(), true)));
    assert_eq!(bound(estimate.upper), Some(("4".to_owned(), true)));
}

#[test]
fn published_totals_have_a_series_and_running_totals_none() {
    let records = vec![
        variable("filed", "appeals-per-year", None),
        observation("f", "filed", Basis::InPeriod, "2023", "> 5300"),
        variable("so-far", "appeals-per-year", None),
        observation("s", "so-far", Basis::CumulativeSince, "2023", "9000"),
        variable("people", "", None),
        observation("p", "people", Basis::StockAt, "2023-07-01", "1000000"),
    ];
    assert!(per_100k(records.clone()).is_empty(), "nothing says that it is the population");
    let mut query = Query::new("appeals-per-100k");
    query.parameters.insert("population".to_owned(), "people".to_owned());
    let answered = ask(records.clone(), &query);
    let [series] = answered.series.as_slice() else { panic!("{:?}", keys(&answered)) };
    assert_eq!(lines(series), ["2023 = > 530"]);
    assert_eq!(series.labels["origin"], "REPORTED");
    for (wrong, path) in [("nobody", "parameters.population"), ("f", "parameters.population")] {
        query.parameters.insert("population".to_owned(), wrong.to_owned());
        let field = match answer(&view(records.clone()), &query) {
            Err(QueryError::NotFound { path, .. } | QueryError::Field { path, .. }) => path,
            other => panic!("{other:?}"),
        };
        assert_eq!(field, path);
    }
}

#[test]
fn a_point_is_explained_by_its_appeals_and_its_population() {
    let records = with(
        appeals(),
        [variable("people", PART, None), observation("p", "people", Basis::StockAt, "2023-01-01", "40000")],
    );
    let view = view(records);
    let query = Query::new("appeals-per-100k");
    let explained =
        reform_indicators::explain(&view, &query, &Default::default(), period("2023"), "").unwrap();
    let parts: Vec<(&str, &str)> =
        explained.contributions.iter().map(|part| (part.record.id(), part.contribution.as_str())).collect();
    assert_eq!(parts, [("a", "2.5"), ("b", "2.5"), ("p", "")]);
    assert!(explained.exclusions.iter().any(|one| one.record.id() == "c"));
}
