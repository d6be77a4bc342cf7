//! Several observations of one thing.

use reform_indicators::selection::{Candidate, choose, contradict};
use reform_indicators::{Query, View};
use reform_model::institution::Source;
use reform_model::measure::Observation;
use reform_model::vocabulary::{Basis, Method, Rank, Release};
use reform_model::{Body, Record};

use crate::build::*;

/// Asserts that the first is chosen before the second, in whatever order they come.
fn check(better: Record, worse: Record) {
    let view = view(vec![]);
    check_in(&view, better, worse);
}

fn check_in(view: &View, better: Record, worse: Record) {
    let candidates = |records: [&Record; 2]| {
        let chosen = choose(view, records.map(candidate)).unwrap().chosen.record.name.clone();
        assert_eq!(chosen, better.name);
    };
    candidates([&better, &worse]);
    candidates([&worse, &better]);
}

fn candidate(record: &Record) -> Candidate<'_> {
    let Body::Observation(observation) = &record.body else { panic!() };
    Candidate { record, observation }
}

fn made(id: &str, change: impl Fn(&mut Observation)) -> Record {
    let mut observation = observed("v", Basis::InPeriod, "2022", "18.7");
    change(&mut observation);
    record(id, Body::Observation(observation))
}

#[test]
fn rank_then_method_then_release_then_publication_then_name() {
    let plain = |id: &str| made(id, |_| {});
    let method = |id: &str, method| made(id, |one| one.method = Some(method));
    let release = |id: &str, release| made(id, |one| one.release = release);
    let published = |id: &str, on: &str| made(id, |one| one.published_on = Some(date(on)));
    check(ranked(Rank::Preferred, method("z", Method::Derived)), method("a", Method::Counted));
    check(method("z", Method::Reported), method("a", Method::Estimated));
    check(method("z", Method::Estimated), method("a", Method::Derived));
    check(release("z", Some(Release::Revised)), release("a", Some(Release::Final)));
    check(release("z", Some(Release::Final)), release("a", None));
    check(release("z", None), release("a", Some(Release::Provisional)));
    check(published("z", "2024-02"), published("a", "2024-01"));
    check(published("z", "2024"), plain("a"));
    check(plain("a"), plain("b"));
    check(method("z", Method::Derived), ranked(Rank::Deprecated, method("a", Method::Counted)));
}

#[test]
fn a_source_dates_what_does_not_say_when_it_was_published() {
    let source = |id: &str, on: &str| {
        record(id, Body::Source(Source { published_on: Some(date(on)), ..Source::default() }))
    };
    let view = view(vec![source("src-a", "2020"), source("src-b", "2021")]);
    check_in(&view, made("b", |_| {}), made("a", |_| {}));
}

#[test]
fn deprecated_ones_and_forecasts_are_never_used() {
    let view = view(vec![]);
    let deprecated = ranked(Rank::Deprecated, made("a", |_| {}));
    let forecast = ranked(Rank::Preferred, made("b", |one| one.method = Some(Method::Forecast)));
    assert!(choose(&view, [&deprecated, &forecast].map(candidate)).is_none());
}

#[test]
fn figures_contradict_when_their_printed_precision_keeps_them_apart() {
    for (a, b, expected) in [
        ("18.7", "18.78", true),
        ("18.8", "18.78", false),
        ("18.7", "18.7", false),
        ("6", "7", true),
        ("> 5000", "5300", false),
        ("> 5300", "5000", true),
        ("≈ 18.7", "25", false),
        ("24–33", "≥ 33", false),
        ("24–33", "40", true),
        ("≤ 1700", "≥ 1701", true),
    ] {
        assert_eq!(contradict(&quantity(a), &quantity(b)), expected, "{a} and {b}");
        assert_eq!(contradict(&quantity(b), &quantity(a)), expected, "{b} and {a}");
    }
}

#[test]
fn the_series_uses_the_best_and_tells_of_the_others() {
    let series = |id: &str, over: &str, value: &str| observation(id, "v", Basis::InPeriod, over, value);
    let records = vec![
        variable("v", "", None),
        ranked(Rank::Preferred, series("o1", "2022", "18.7")),
        series("o2", "2022-01-01/2022-12-31", "18.78"),
        ranked(Rank::Deprecated, series("o3", "2022", "30")),
        series("o4", "2021", "24–33"),
    ];
    let parameters = [("variable".to_owned(), "records/v".to_owned())].into();
    let query = Query { parameters, ..Query::new("observation-series") };
    let answer = ask(records, &query);
    assert_eq!(keys(&answer), ["basis=IN_PERIOD origin=REPORTED"]);
    assert_eq!(only(&answer), ["2021 = 24–33", "2022 = 18.7 CONFLICT:1 excluded:2"]);
    assert_eq!(answer.series[0].points[1].sources, [name("src-o1")]);
}
