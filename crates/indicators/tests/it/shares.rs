//! Growth over a year, and one published number as a share of another.

use reform_indicators::{Query, QueryError, answer};
use reform_model::measure::Variable;
use reform_model::vocabulary::{Basis, Rank};
use reform_model::{Body, Record};

use crate::build::*;

fn growth_of(records: Vec<Record>) -> reform_indicators::Answer {
    let mut query = Query::new("growth");
    query.parameters.insert("variable".to_owned(), "records/v".to_owned());
    let mut all = vec![variable("v", "", None)];
    all.extend(records);
    ask(all, &query)
}

#[test]
fn growth_is_over_the_same_period_a_year_before() {
    let value = |id: &str, over: &str, value: &str| observation(id, "v", Basis::InPeriod, over, value);
    let answer = growth_of(vec![
        value("o1", "2021", "100"),
        value("o2", "2022", "150"),
        value("o3", "2024", "200"),
        value("o4", "2023-01/2023-09", "4382"),
        value("o5", "2024-01/2024-09", "4859"),
        value("o6", "2023-02", "50"),
        value("o7", "2024-02", "40"),
    ]);
    // 4,859 / 4,382 is 1.108854…; a leap year's February is February. Over two years nothing is said.
    assert_eq!(only(&answer), ["2022 = 50.0", "2024-02 = -20.0", "2024-01/2024-09 = 10.9"]);
}

#[test]
fn growth_takes_the_extreme_corners_of_bounds() {
    for (before, now, expected) in [
        ("100–200", "200–300", "0.0–200.0"),
        ("> 100", "200", "-100.0–100.0"),
        ("100", "> 200", "> 100.0"),
        ("≈ 100", "150", "≈ 50.0"),
        // From nothing, or from less, there is no growth in percent.
        ("0", "10", "none MISSING:0"),
        ("-5", "10", "none MISSING:0"),
    ] {
        let answer = growth_of(vec![
            observation("o1", "v", Basis::InPeriod, "2022", before),
            observation("o2", "v", Basis::InPeriod, "2023", now),
        ]);
        assert_eq!(only(&answer), [format!("2023 = {expected}")], "{before} to {now}");
    }
}

#[test]
fn running_totals_of_unequal_length_are_refused() {
    let total = |id: &str, over: &str, value: &str| observation(id, "v", Basis::CumulativeSince, over, value);
    let unequal = growth_of(vec![total("o1", "2022/2022", "100"), total("o2", "2022/2023", "250")]);
    assert_eq!(only(&unequal), ["2022/2023 = none CUMULATIVE:1 excluded:1"]);
    let equal = growth_of(vec![total("o1", "2022/2022-06", "100"), total("o2", "2023/2023-06", "130")]);
    assert_eq!(only(&equal), ["2023/2023-06 = 30.0"]);
    // A total is never compared with the value of a period, nor one of an unknown start with anything.
    let mixed = vec![
        observation("o1", "v", Basis::InPeriod, "2022", "100"),
        total("o2", "2023/2023-12", "130"),
        total("o3", "/2021-05", "1"),
    ];
    assert_eq!(growth_of(mixed).series, []);
    let stocks = growth_of(vec![
        observation("o1", "v", Basis::StockAt, "2022-05-01/2022-05-01", "7"),
        observation("o2", "v", Basis::StockAt, "/2023-05-01", "8"),
    ]);
    assert_eq!(only(&stocks), ["../2023-05-01 = 14.3"]);
}

#[test]
fn published_growth_is_a_series_of_its_own() {
    let answer = growth_of(vec![
        variable("g", "growth.records/v", None),
        variable("h", "growth.records/other", None),
        observation("o1", "g", Basis::InPeriod, "2023", "65"),
        observation("o2", "h", Basis::InPeriod, "2023", "1"),
        observation("o3", "v", Basis::InPeriod, "2022", "100"),
        observation("o4", "v", Basis::InPeriod, "2023", "160"),
    ]);
    let methods: Vec<&str> = answer.series.iter().map(|series| series.labels["method"].as_str()).collect();
    assert_eq!(methods, ["DERIVED", "REPORTED"]);
    assert_eq!(lines(&answer.series[0]), ["2023 = 60.0"]);
    assert_eq!(lines(&answer.series[1]), ["2023 = 65"]);
}

#[test]
fn growth_needs_a_variable() {
    let ask = |value: Option<&str>| {
        let mut query = Query::new("growth");
        query.parameters.extend(value.map(|value| ("variable".to_owned(), value.to_owned())));
        answer(&view(vec![appeal("a", "2023")]), &query)
    };
    assert!(matches!(ask(None), Err(QueryError::Field { path, .. }) if path == "parameters.variable"));
    assert!(matches!(ask(Some("records/a")), Err(QueryError::Field { .. })));
    assert!(matches!(ask(Some("records/b")), Err(QueryError::NotFound { .. })));
}

fn parts(indicator: &str) -> Vec<Record> {
    let part = |id: &str, part: &str| variable(id, &format!("{indicator}.{part}"), None);
    vec![part("chosen", "denominator"), part("in-post", "numerator"), part("share", "rate")]
}

#[test]
fn the_parts_of_a_rate_are_of_the_same_day() {
    let mut records = parts("appointment-rate");
    records.extend([
        observation("o1", "in-post", Basis::StockAt, "2023-02-22/2023-02-22", "262"),
        observation("o2", "chosen", Basis::CumulativeSince, "2019/2023-02-22", "350"),
        observation("o3", "chosen", Basis::CumulativeSince, "2019/2023", "400"),
        observation("o4", "chosen", Basis::InPeriod, "2023", "50"),
        observation("o5", "in-post", Basis::StockAt, "2024-03/2024-03", "300"),
    ]);
    let answer = ask(records, &Query::new("appointment-rate"));
    assert_eq!(only(&answer), ["2023-02-22 = 74.9 %"]);
    let point = &answer.series[0].points[0];
    assert_eq!((point.numerator, point.denominator, point.records), (Some(262), Some(350), 2));
    // Wilson by hand: p = 262/350, n = 350.
    let bound =
        |bound: &Option<reform_indicators::estimate::Bound>| bound.as_ref().unwrap().number.rounded(4);
    let estimate = point.estimate.as_ref().unwrap();
    assert_eq!((bound(&estimate.lower).as_str(), bound(&estimate.upper).as_str()), ("0.7006", "0.7912"));
}

#[test]
fn a_published_share_stands_beside_and_says_when_it_is_apart() {
    let records = |share: &str| {
        let mut records = parts("quota-share");
        let percent = Variable { unit: "percent".to_owned(), ..share_variable() };
        records.retain(|record| record.name != name("share"));
        records.push(record("share", Body::Variable(percent)));
        let on = |id: &str, variable: &str, value: &str| {
            observation(id, variable, Basis::StockAt, "2023-03-19/2023-03-19", value)
        };
        records.extend([on("o1", "in-post", "18"), on("o2", "chosen", "98"), on("o3", "share", share)]);
        records
    };
    // 18 of 98 is 18.37 %.
    for (share, expected) in [
        ("18.4", "2023-03-19 = 18.4 %"),
        ("18", "2023-03-19 = 18.0 %"),
        ("> 18", "2023-03-19 = > 18.0 %"),
        ("27", "2023-03-19 = 27.0 % CONFLICT:1"),
    ] {
        let answer = ask(records(share), &Query::new("quota-share"));
        assert_eq!(lines(&answer.series[0]), ["2023-03-19 = 18.4 %"]);
        assert_eq!(lines(&answer.series[1]), [expected]);
    }
}

fn share_variable() -> Variable {
    let Body::Variable(variable) = variable("share", "quota-share.rate", None).body else { unreachable!() };
    variable
}

#[test]
fn a_part_larger_than_its_whole_is_no_share() {
    let on = |id: &str, variable: &str, value: &str| {
        observation(id, variable, Basis::StockAt, "2023-03-19/2023-03-19", value)
    };
    let mut records = parts("quota-share");
    records.extend([on("o1", "in-post", "99"), on("o2", "chosen", "98")]);
    records.push(ranked(Rank::Deprecated, on("o3", "in-post", "18")));
    assert_eq!(only(&ask(records, &Query::new("quota-share"))), ["2023-03-19 = none CONFLICT:1 excluded:1"]);
}
