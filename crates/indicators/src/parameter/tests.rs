//! Against the decided values, and each way in which a step is dated.

use std::collections::BTreeMap;
use std::sync::Arc;

use reform_model::date::{Date, Day, Digits};
use reform_model::election::{Election, Tier};
use reform_model::measure::Variable;
use reform_model::reform::{ParameterChange, Reform, Stage};
use reform_model::vocabulary::{Area, Comparator, StageKind, StageStatus, System};
use reform_model::{Body, Name, Quantity, Record};

use crate::answer::{Answer, Code};
use crate::parameter::valid::value_at;
use crate::query::{Query, QueryError};
use crate::view::{Change, View};

fn name(id: &str) -> Name {
    Name::from_id(id).unwrap()
}

fn record(id: &str, body: Body) -> Record {
    Record {
        name: name(id),
        jurisdiction: "XX".to_owned(),
        title: id.to_owned(),
        labels: BTreeMap::new(),
        citations: Vec::new(),
        discrepancies: Vec::new(),
        inferences: Vec::new(),
        rank: None,
        waivers: Vec::new(),
        body,
    }
}

fn view(records: impl IntoIterator<Item = Record>) -> View {
    let mut view = View::new("store");
    for (revision, record) in (1..).zip(records) {
        view.apply(Change::Put(Arc::new(record), revision));
    }
    view
}

fn day(text: &str) -> Day {
    date(text).day().unwrap()
}

/// `2023-03-19`, `2021-01-11..2023-03-19`, `..2024-03`.
fn date(text: &str) -> Date {
    let digits = |text: &str| {
        let parts: Vec<i32> = text.split('-').map(|part| part.parse().unwrap()).collect();
        Digits::new(parts[0], parts.get(1).copied(), parts.get(2).copied()).unwrap()
    };
    let (from, latest) = text.split_once("..").map_or((text, None), |(from, latest)| (from, Some(latest)));
    Date::new((!from.is_empty()).then(|| digits(from)), latest.map(digits)).unwrap()
}

fn quantity(number: i64) -> Quantity {
    Quantity::new(number.into(), Comparator::Exact, None, "percent".to_owned()).unwrap()
}

fn variable(id: &str) -> Record {
    let body = Variable { unit: "percent".to_owned(), legal_parameter: true, ..Variable::default() };
    record(id, Body::Variable(body))
}

fn stage(kind: StageKind, on: Option<&str>, planned: bool) -> Stage {
    Stage { kind, date: on.map(date), status: planned.then_some(StageStatus::Planned) }
}

fn reform(id: &str, before: Option<i64>, after: i64, effective: Option<&str>, stages: Vec<Stage>) -> Record {
    let change = ParameterChange {
        parameter: name("threshold"),
        before: before.map(quantity),
        after: Some(quantity(after)),
        effective_on: effective.map(date),
        direction: None,
    };
    let body =
        Reform { area: Some(Area::Elections), stages, parameter_changes: vec![change], ..Reform::default() };
    record(id, Body::Reform(body))
}

fn election(id: &str, on: &str, threshold: i64) -> Record {
    let tier =
        Tier { system: Some(System::PartyList), threshold: Some(quantity(threshold)), ..Tier::default() };
    let body = Election {
        institution: Some(name("chamber")),
        held_on: vec![date(on)],
        tiers: vec![tier],
        ..Election::default()
    };
    record(id, Body::Election(body))
}

fn shown(view: &View, on: &str) -> String {
    let valid = value_at(view, &name("threshold"), "XX", day(on));
    valid.estimate.map_or("none".to_owned(), |estimate| estimate.display())
}

fn announced() -> Stage {
    stage(StageKind::Announced, Some("2021-01"), false)
}

#[test]
fn announced_is_not_in_force() {
    use StageKind::{FirstApplied, InForce};
    let applied = || stage(FirstApplied, Some("2023-03-19"), false);
    let in_force = |on: &str| stage(InForce, Some(on), false);
    let elections = || [election("e2021", "2021-01-10", 7), election("e2023", "2023-03-19", 5)];
    // Each row: how the step is dated, whether elections are on record, and what holds on four days.
    for (effective, stages, recorded, expected) in [
        (Some("2021-01-11..2023-03-19"), vec![announced(), applied()], false, ["7", "5–7", "5–7", "5"]),
        (Some("2021-01-11..2023-03-19"), vec![announced(), applied()], true, ["7", "5–7", "5–7", "5"]),
        (Some("2022-06-30"), vec![announced(), in_force("2022-01-01")], true, ["7", "7", "5", "5"]),
        (None, vec![announced(), in_force("2022-01-01"), applied()], true, ["7", "5", "5", "5"]),
        (None, vec![announced(), applied()], true, ["7", "5–7", "5–7", "5"]),
        (None, vec![announced(), applied()], false, ["5–7", "5–7", "5–7", "5"]),
        (None, vec![stage(StageKind::Adopted, None, false)], true, ["7", "5–7", "5–7", "5"]),
        (None, vec![announced()], true, ["none", "none", "none", "none"]),
    ] {
        let step = reform("lowered", Some(7), 5, effective, stages.clone());
        let records = [variable("threshold"), step].into_iter();
        let view = view(records.chain(elections().into_iter().filter(|_| recorded)));
        let found = ["2021-01-10", "2022-06-29", "2022-12-31", "2023-03-19"].map(|on| shown(&view, on));
        assert_eq!(found, expected, "{effective:?} {stages:?} {recorded}");
    }
}

#[test]
fn two_institutions_with_thresholds_show_nothing() {
    let mut other = election("council", "2022-06-30", 7);
    if let Body::Election(election) = &mut other.body {
        election.institution = Some(name("council"));
    }
    let applied = stage(StageKind::FirstApplied, Some("2023-03-19"), false);
    let records = [
        variable("threshold"),
        reform("lowered", Some(7), 5, None, vec![applied]),
        election("e2021", "2021-01-10", 7),
        other,
    ];
    assert_eq!(shown(&view(records), "2021-01-10"), "5–7");
}

#[test]
fn steps_follow_each_other_and_what_was_not_there_is_not_there() {
    let in_force = |on: &str| vec![stage(StageKind::InForce, Some(on), false)];
    let view = view([
        variable("threshold"),
        reform("b-lowered", Some(7), 5, None, in_force("2020-01-01")),
        reform("a-introduced", None, 7, None, in_force("2000-01-01")),
    ]);
    for (on, expected) in
        [("1999-12-31", "none"), ("2000-01-01", "7"), ("2019-12-31", "7"), ("2020-01-01", "5")]
    {
        assert_eq!(shown(&view, on), expected, "{on}");
    }
}

fn history() -> View {
    let in_force = |on: &str| vec![stage(StageKind::InForce, Some(on), false)];
    view([
        variable("threshold"),
        reform("undated", Some(5), 4, None, vec![stage(StageKind::Adopted, None, false)]),
        reform(
            "foreseen",
            Some(5),
            3,
            None,
            vec![announced(), stage(StageKind::InForce, Some("2030"), true)],
        ),
        reform("second", Some(20_000), 5_000, None, in_force("..2024-03")),
        reform("first", Some(10), 20_000, Some("2002-07-15"), in_force("2002-08-01")),
    ])
}

fn ask(view: &View, parameters: &[(&str, &str)]) -> Result<Answer, QueryError> {
    let mut query = Query::new("parameter-history");
    query.parameters =
        parameters.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    crate::answer(view, &query)
}

#[test]
fn undated_steps_come_last_and_planned_ones_apart() {
    let answer = ask(&history(), &[("parameter", "threshold")]).unwrap();
    let [actual, planned] = answer.series.as_slice() else { panic!("two series: {answer:?}") };
    assert_eq!((actual.labels["status"].as_str(), planned.labels["status"].as_str()), ("ACTUAL", "PLANNED"));
    let found: Vec<(&str, Option<String>, &str)> = actual
        .points
        .iter()
        .map(|point| {
            let from = point.period.start.map(|from| from.to_string());
            (point.label.as_str(), from, point.figures.get("stage").map_or("", String::as_str))
        })
        .collect();
    assert_eq!(
        found,
        [
            ("first", Some("2002-07-15".to_owned()), "EFFECTIVE"),
            ("second", Some("..2024-03".to_owned()), "IN_FORCE"),
            ("undated", None, ""),
        ]
    );
    let second = &actual.points[1];
    assert_eq!(second.estimate.as_ref().unwrap().display(), "5,000");
    assert_eq!((second.figures["before"].as_str(), second.figures["after"].as_str()), ("20000", "5000"));
    assert_eq!(second.figures["ratio"], "0.25", "a fourfold cut");
    assert_eq!(actual.points[2].caveats[0].code, Code::Undated);
    assert_eq!(planned.points[0].caveats.iter().map(|caveat| caveat.code).next_back(), Some(Code::Planned));
}

#[test]
fn the_value_on_a_day_is_one_point() {
    let view = view([variable("threshold"), reform("lowered", Some(7), 5, Some("2022-01-01"), Vec::new())]);
    let answer = ask(&view, &[("valid_at", "2022-01-01")]).unwrap();
    let point = &answer.series[0].points[0];
    assert_eq!(point.estimate.as_ref().unwrap().display(), "5");
    assert_eq!(point.label, "lowered");
    for (key, value) in [("valid_at", "2022-13-01"), ("valid_at", "2022"), ("parameter", "records/lowered")] {
        let path = format!("parameters.{key}");
        assert!(
            matches!(ask(&view, &[(key, value)]), Err(QueryError::Field { path: found, .. }) if found == path)
        );
    }
    assert!(matches!(ask(&view, &[("parameter", "none")]), Err(QueryError::NotFound { .. })));
}
