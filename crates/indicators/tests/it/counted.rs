//! Counted series: periods, dates that are not known to the day, zeros, groups.

use reform_indicators::filter::{DimensionFilter, Error};
use reform_indicators::query::Origin;
use reform_indicators::span::Granularity;
use reform_indicators::{Query, QueryError, answer};
use reform_model::participation::{Appeal, Decision};
use reform_model::party::{Party, PartyEnd};
use reform_model::reform::{Reform, Stage};
use reform_model::vocabulary::{Area, PartyEndKind, StageKind, StageStatus};
use reform_model::{Body, Kind, Record};

use crate::build::*;

fn filed(id: &str, institution: &str, filed_on: &str) -> Record {
    let appeal = Appeal {
        institution: Some(name(institution)),
        filed_on: Some(date(filed_on)),
        channel: "online".to_owned(),
        ..Appeal::default()
    };
    record(id, Body::Appeal(appeal))
}

#[test]
fn counts_what_certainly_lies_in_a_period() {
    let records = || {
        vec![
            appeal("a1", "2022-12-31"),
            appeal("a2", "2023-01-01"),
            appeal("a3", "2023"),
            appeal("a4", "2023-11..2024-02"),
            appeal("a5", ""),
        ]
    };
    let query = Query::new("appeals-per-year");
    // a4 may lie in 2023, where it is a caveat; a5 may lie anywhere.
    assert_eq!(
        only(&ask(records(), &query)),
        ["2022 = 1 excluded:1", "2023 = 2 IMPRECISE_DATE:1 excluded:1"]
    );
    let by_month = Query { granularity: Some(Granularity::Month), ..query };
    assert_eq!(
        only(&ask(records(), &by_month)),
        [
            "2022-12 = 1 excluded:1",
            "2023-01 = 1 IMPRECISE_DATE:1 excluded:1",
            "2023-11/2024-02 = none IMPRECISE_DATE:1 excluded:1",
        ]
    );
}

#[test]
fn a_period_of_the_query_cuts_and_says_so() {
    let records = vec![appeal("a1", "2023-02-28"), appeal("a2", "2023-03-01"), appeal("a3", "2023")];
    let query = Query { period: Some(period("2023-03/2024")), ..Query::new("appeals-per-year") };
    assert_eq!(only(&ask(records, &query)), ["2023-03-01/2023-12-31 = 1 IMPRECISE_DATE:1 PARTIAL_PERIOD:0"]);
}

#[test]
fn an_empty_period_is_zero_only_where_a_register_is_complete() {
    let appeals = || vec![appeal("a1", "2020-05-01"), appeal("a2", "2024-05-01")];
    let query = Query::new("appeals-per-year");
    assert_eq!(only(&ask(appeals(), &query)), ["2020 = 1", "2024 = 1"]);
    let mut covered = appeals();
    covered.push(register("r", Kind::Appeal, "2021-07/2023"));
    let answer = ask(covered, &query);
    // 2021 is covered by half only.
    assert_eq!(only(&answer), ["2020 = 1", "2022 = 0", "2023 = 0", "2024 = 1"]);
    assert_eq!(answer.series[0].points[1].sources, [name("r")]);
    let mut another_kind = appeals();
    another_kind.push(register("r", Kind::Petition, "2021/2023"));
    assert_eq!(only(&ask(another_kind, &query)), ["2020 = 1", "2024 = 1"]);
    assert_eq!(only(&ask(vec![register("r", Kind::Appeal, "2021/2022")], &query)), ["2021 = 0", "2022 = 0"]);
}

#[test]
fn groups_and_filters_by_dimension() {
    let records = || {
        vec![
            filed("a1", "court", "2023-01-01"),
            filed("a2", "court", "2023-01-02"),
            filed("a3", "ombudsperson", "2023-01-02"),
            appeal("a4", "2023-01-02"),
        ]
    };
    let query = Query { group_by: vec!["institution".to_owned()], ..Query::new("appeals-per-year") };
    let answer = ask(records(), &query);
    assert_eq!(
        keys(&answer),
        [
            "institution= origin=COUNTED",
            "institution=records/court origin=COUNTED",
            "institution=records/ombudsperson origin=COUNTED",
        ]
    );
    assert_eq!(lines(&answer.series[1]), ["2023 = 2"]);
    let filter = DimensionFilter::parse("channel = online AND NOT institution = \"records/court\"").unwrap();
    let query = Query { filter, ..Query::new("appeals-per-year") };
    assert_eq!(only(&ask(records(), &query)), ["2023 = 1"]);
}

#[test]
fn refuses_what_the_indicator_does_not_have() {
    let view = view(Vec::new());
    let check = |query: Query, path: &str| match answer(&view, &query) {
        Err(QueryError::Field { path: found, .. }) => assert_eq!(found, path),
        other => panic!("{other:?}"),
    };
    let query = || Query::new("appeals-per-year");
    check(Query { group_by: vec!["region".into(), "planet".into()], ..query() }, "group_by[1]");
    check(Query { parameters: [("foo".into(), "1".into())].into(), ..query() }, "parameters.foo");
    check(Query { granularity: Some(Granularity::Event), ..query() }, "granularity");
    check(Query { period: Some(period("2024/2023")), ..query() }, "period");
    check(Query::new("observation-series"), "parameters.variable");
    let stage = [("stage".into(), "DREAMT".into())].into();
    check(Query { parameters: stage, ..Query::new("reforms-per-year") }, "parameters.stage");
    let planet = Query { filter: DimensionFilter::parse("planet = x").unwrap(), ..query() };
    assert_eq!(answer(&view, &planet), Err(Error::UnknownDimension("planet".into()).into()));
    assert_eq!(answer(&view, &Query::new("nothing")), Err(QueryError::UnknownIndicator("nothing".into())));
    let missing = Query {
        parameters: [("variable".into(), "records/v".into())].into(),
        ..Query::new("observation-series")
    };
    assert!(matches!(answer(&view, &missing), Err(QueryError::NotFound { .. })));
}

fn reform(id: &str, stages: &[(StageKind, &str, bool)]) -> Record {
    let stages = stages.iter().map(|(kind, on, planned)| Stage {
        kind: *kind,
        date: (!on.is_empty()).then(|| date(on)),
        status: planned.then_some(StageStatus::Planned),
    });
    let reform = Reform { area: Some(Area::Elections), stages: stages.collect(), ..Reform::default() };
    record(id, Body::Reform(reform))
}

#[test]
fn a_reform_counts_when_its_stage_was_reached() {
    use StageKind::{Adopted, Announced, InForce};
    let records = || {
        vec![
            reform("r1", &[(Announced, "2019-12", false), (Adopted, "2020-05-25", false)]),
            reform("r2", &[(Adopted, "2020-09", false), (Adopted, "2021-01", false)]),
            reform("r3", &[(Adopted, "2020", true)]),
            reform("r4", &[(Adopted, "", false)]),
            reform("r5", &[(InForce, "2021-01-01", false)]),
        ]
    };
    let query = Query::new("reforms-per-year");
    // r2 counts once, r3 is planned, r4 is undated, r5 has no adoption.
    assert_eq!(only(&ask(records(), &query)), ["2020 = 2 excluded:1"]);
    let by_stage = Query { group_by: vec!["stage".into()], ..query.clone() };
    let answer = ask(records(), &by_stage);
    assert_eq!(
        keys(&answer),
        ["origin=COUNTED stage=ADOPTED", "origin=COUNTED stage=ANNOUNCED", "origin=COUNTED stage=IN_FORCE"]
    );
    let in_force = Query { parameters: [("stage".into(), "IN_FORCE".into())].into(), ..query };
    assert_eq!(only(&ask(records(), &in_force)), ["2021 = 1"]);
}

fn party(id: &str, registered: &str, ended: Option<&str>) -> Record {
    let on = |text: &str| (!text.is_empty()).then(|| date(text));
    let ended = ended.map(|text| PartyEnd { kind: PartyEndKind::Merged, date: on(text) });
    record(id, Body::Party(Party { registered_on: on(registered), ended, ..Party::default() }))
}

#[test]
fn parties_are_counted_at_the_end_of_each_period() {
    let mut records = vec![
        party("p1", "2019-05-01", None),
        party("p2", "2019-05-01", Some("2020-12-31")),
        party("p3", "2019-06..2021-02", None),
        party("p4", "", None),
    ];
    let Body::Party(never) = &mut records[3].body else { panic!() };
    never.never_registered = true;
    let query = Query::new("registered-parties");
    assert_eq!(
        only(&ask(records.clone(), &query)),
        [
            "2019 = 2–3 IMPRECISE_DATE:1 unknown:1 excluded:1",
            "2020 = 1–2 IMPRECISE_DATE:1 unknown:1 excluded:1",
            "2021 = 2 excluded:1",
        ]
    );
    let answer = ask(records.clone(), &query);
    assert_eq!(answer.series[0].points[0].estimate.as_ref().unwrap().value, None);
    // On the last day but one of the second party it still counts.
    let day = Query { period: Some(period("2020-12-30")), ..query };
    assert_eq!(only(&ask(records, &day)), ["2020-12-30 = 2–3 IMPRECISE_DATE:1 unknown:1 excluded:1"]);
}

#[test]
fn a_rate_counts_norms_and_never_decisions() {
    let decision = |id: &str, on: &str, consistent: Option<i32>, inconsistent: Option<i32>| {
        let decision = Decision {
            date: Some(date(on)),
            norms_consistent: consistent,
            norms_inconsistent: inconsistent,
            ..Decision::default()
        };
        record(id, Body::Decision(decision))
    };
    let records = vec![
        decision("d1", "2023-03-01", Some(20), Some(8)),
        decision("d2", "2023-05-01", Some(4), Some(0)),
        decision("d3", "2023-06-01", None, Some(1)),
        decision("d4", "2024-06-01", None, None),
    ];
    let query = Query { origin: Some(Origin::Counted), ..Query::new("unconstitutionality-rate") };
    let answer = ask(records, &query);
    assert_eq!(only(&answer), ["2023 = 25.0 % unknown:1", "2024 = none unknown:1"]);
    let point = &answer.series[0].points[0];
    assert_eq!((point.numerator, point.denominator, point.records), (Some(8), Some(32), 2));
    let estimate = point.estimate.as_ref().unwrap();
    // Computed apart with 40 decimal places.
    assert_eq!(estimate.lower.as_ref().unwrap().number.rounded(4), "0.1325");
    assert_eq!(estimate.upper.as_ref().unwrap().number.rounded(4), "0.4211");
}

#[test]
fn records_that_cannot_be_read_are_told_on_every_point() {
    use reform_indicators::view::Change;
    let mut view = view(vec![appeal("a1", "2023-01-01"), appeal("a2", "2023-01-01")]);
    view.apply(Change::Damaged(name("a2")));
    let answer = answer(&view, &Query::new("appeals-per-year")).unwrap();
    assert_eq!(only(&answer), ["2023 = 1 QUARANTINED:1"]);
}
