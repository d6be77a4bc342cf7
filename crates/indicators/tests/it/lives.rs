//! Reforms and their stages; the beginnings and the ends of parties; decisions; meetings.

use proptest::prelude::*;
use reform_indicators::filter::DimensionFilter;
use reform_indicators::span::Granularity;
use reform_indicators::{Query, QueryError, answer};
use reform_model::institution::{Coverage, Event, Institution, Source};
use reform_model::participation::Decision;
use reform_model::party::{Party, PartyEnd};
use reform_model::reform::{Reform, Stage};
use reform_model::vocabulary::{Basis, EventType, PartyEndKind, StageKind, StageStatus};
use reform_model::{Body, Day, Kind, Record};

use crate::build::*;

/// Stages in short: `announced 2020-01-05`, `in-force` without a day, `adopted? 2030` for a planned one.
fn reform(id: &str, stages: &[&str]) -> Record {
    let stage = |text: &&str| {
        let (kind, on) = text.split_once(' ').map_or((*text, None), |(kind, on)| (kind, Some(date(on))));
        let status = kind.ends_with('?').then_some(StageStatus::Planned);
        let kind = kind.trim_end_matches('?').to_uppercase().replace('-', "_");
        let kind = StageKind::ALL.iter().copied().find(|known| known.as_str() == kind).unwrap();
        Stage { kind, date: on, status }
    };
    record(id, Body::Reform(Reform { stages: stages.iter().map(stage).collect(), ..Reform::default() }))
}

fn published(id: &str, on: &str) -> Record {
    record(&format!("src-{id}"), Body::Source(Source { published_on: Some(date(on)), ..Source::default() }))
}

#[test]
fn lead_times_belong_to_the_period_of_the_second_stage() {
    let records = || {
        vec![
            reform("r1", &["announced 2020-01-01", "adopted 2020-01-11"]),
            reform("r2", &["announced 2019-12-01", "adopted 2020-01-01"]),
            // A month in which it was announced: 11 to 39 days, for 2020 is a leap year.
            reform("r3", &["announced 2020-02", "adopted 2020-03-11"]),
            reform("r4", &["announced 2020-02-01", "adopted? 2020-03-11"]),
            reform("r5", &["adopted 2020-05-01"]),
            reform("r6", &["announced 2020-06-01", "adopted 2020-05-01"]),
            reform("r7", &["announced 2020-06-01", "adopted"]),
            reform("r8", &["announced 2021-01-01", "adopted 2021-01-02"]),
        ]
    };
    let query = Query::new("reform-lead-time");
    // 10, 31, 11–39: the median lies between 11 and 31.
    let answer = ask(records(), &query);
    assert_eq!(only(&answer), ["2020 = 11–31 IMPRECISE_DATE:1 unknown:1 excluded:2", "2021 = 1 excluded:1"]);
    // numpy.percentile([10, 11, 31], 90) = 27.0, of [10, 31, 39] it is 37.4.
    let figures = &answer.series[0].points[0].figures;
    assert_eq!((figures["p90_lower"].as_str(), figures["p90_upper"].as_str()), ("27", "37.4"));
    assert_eq!(
        (figures["mean_lower"].as_str(), figures["mean_upper"].as_str()),
        ("17.3333333333", "26.6666666667")
    );
    let events = Query { granularity: Some(Granularity::Event), ..query.clone() };
    let coarse = reform("r", &["announced 2020-12-31", "adopted 2020-12..2021-01"]);
    assert_eq!(only(&ask(vec![coarse.clone()], &query)), ["2020-12/2021-01 = none IMPRECISE_DATE:1"]);
    assert_eq!(only(&ask(vec![coarse], &events)), ["2020-12/2021-01 = 0–31 IMPRECISE_DATE:1"]);
}

#[test]
fn the_two_stages_are_chosen_and_differ() {
    let mut query = Query::new("reform-lead-time");
    let reform = || vec![reform("r", &["adopted 2020-01-01", "in-force 2020-04-10", "first-applied 2023"])];
    query.parameters.insert("from".to_owned(), "ADOPTED".to_owned());
    let refused = answer(&view(reform()), &query);
    assert!(matches!(refused, Err(QueryError::Field { path, .. }) if path == "parameters.to"));
    query.parameters.insert("to".to_owned(), "IN_FORCE".to_owned());
    assert_eq!(only(&ask(reform(), &query)), ["2020 = 100"]);
    query.parameters.insert("to".to_owned(), "FIRST_APPLIED".to_owned());
    assert_eq!(only(&ask(reform(), &query)), ["2023 = 1,096–1,460 IMPRECISE_DATE:1"]);
}

#[test]
fn a_reform_stands_at_the_furthest_stage_that_it_reached() {
    let records = vec![
        reform("r1", &["announced 2020-01-01", "adopted 2021-01-01", "in-force 2021-12-31"]),
        reform("r2", &["announced 2020-01-01", "adopted? 2021-01-01"]),
        reform("r3", &["passed-chamber 2021-05-01", "repealed 2022-05-01"]),
        // Adopted at the end of 2021 or in 2022; further on an unknown day; never dated.
        reform("r4", &["announced 2020-05-01", "adopted 2021-12..2022-01"]),
        reform("r5", &["adopted 2021-05-01", "in-force"]),
        reform("r6", &["adopted"]),
        // A plan, known since its source was published.
        reform("plan", &["adopted? 2030-01-01"]),
        published("plan", "2021-03-01"),
    ];
    let answer = ask(records, &Query::new("reform-status"));
    let found: Vec<String> = answer
        .series
        .iter()
        .flat_map(|series| lines(series).into_iter().map(|line| format!("{} {line}", series.labels["stage"])))
        .collect();
    assert_eq!(
        found,
        [
            "ADOPTED 2021 = 1 IMPRECISE_DATE:1 UNDATED:1 excluded:1",
            "ADOPTED 2022 = 2 UNDATED:1 excluded:1",
            "ANNOUNCED 2020 = 3 excluded:1",
            "ANNOUNCED 2021 = 1 IMPRECISE_DATE:1 excluded:1",
            "ANNOUNCED 2022 = 1 excluded:1",
            "IN_FORCE 2021 = 1 excluded:1",
            "IN_FORCE 2022 = 1 excluded:1",
            "PASSED_CHAMBER 2021 = 1 excluded:1",
            "PASSED_CHAMBER 2022 = 0 excluded:1",
            "PLANNED 2021 = 1 excluded:1",
            "PLANNED 2022 = 1 excluded:1",
            "REPEALED 2022 = 1 excluded:1",
        ]
    );
    let statuses: Vec<&str> = answer.series.iter().map(|series| series.labels["status"].as_str()).collect();
    assert_eq!(statuses, ["DECIDED", "PROPOSED", "DECIDED", "PROPOSED", "PLANNED", "DECIDED"]);
}

#[test]
fn parties_begin_and_end() {
    let party = |id: &str, registered: &str, end: Option<(PartyEndKind, &str)>| {
        let on = |text: &str| (!text.is_empty()).then(|| date(text));
        let party = Party {
            registered_on: on(registered),
            ended: end.map(|(kind, text)| PartyEnd { kind, date: on(text) }),
            re_registered_on: vec![date("2021-01-01")],
            never_registered: id == "never",
            ..Party::default()
        };
        record(id, Body::Party(party))
    };
    let records = || {
        vec![
            party("p1", "2020-01-01", None),
            party("p2", "2020-12-31", Some((PartyEndKind::Merged, "2021-05-01"))),
            party("p3", "", Some((PartyEndKind::Banned, "2021"))),
            party("p4", "2022..2023", Some((PartyEndKind::Merged, ""))),
            party("never", "", None),
        ]
    };
    assert_eq!(
        only(&ask(records(), &Query::new("parties-registered-per-year"))),
        ["2020 = 2 excluded:1", "2022/2023 = none IMPRECISE_DATE:1 excluded:1"]
    );
    let query = Query::new("parties-ended-per-year");
    assert_eq!(only(&ask(records(), &query)), ["2021 = 2 excluded:1"]);
    let grouped = ask(records(), &Query { group_by: vec!["end_kind".to_owned()], ..query.clone() });
    assert_eq!(keys(&grouped), ["end_kind=BANNED origin=COUNTED", "end_kind=MERGED origin=COUNTED"]);
    let merged = DimensionFilter::parse("end_kind = \"MERGED\"").unwrap();
    assert_eq!(only(&ask(records(), &Query { filter: merged, ..query })), ["2021 = 1 excluded:1"]);
}

#[test]
fn decisions_are_counted_and_reported_apart() {
    let decision = |id: &str, on: &str| {
        record(id, Body::Decision(Decision { date: Some(date(on)), ..Decision::default() }))
    };
    let records = vec![
        decision("d1", "2023-01-01"),
        decision("d2", "2023-12-31"),
        variable("v", "court-decisions-per-year", None),
        observation("o", "v", Basis::InPeriod, "2023", "39"),
        register("r", Kind::Decision, "2022/2023"),
    ];
    let answer = ask(records, &Query::new("court-decisions-per-year"));
    assert_eq!(keys(&answer), ["basis=IN_PERIOD origin=REPORTED", "origin=COUNTED"]);
    assert_eq!(lines(&answer.series[1]), ["2022 = 0", "2023 = 2"]);
    assert_eq!(lines(&answer.series[0]), ["2023 = 39"]);
}

#[test]
fn meetings_are_the_events_of_a_series() {
    let event = |id: &str, on: &str, series: Option<&str>, kind: EventType| {
        let event = Event {
            event_type: Some(kind),
            date: Some(date(on)),
            series: series.map(name),
            ..Event::default()
        };
        record(id, Body::Event(event))
    };
    let institution = |id: &str| record(id, Body::Institution(Institution::default()));
    let covers = Coverage { kind: Kind::Event, subject: Some(name("one")), period: period("2021/2023") };
    let records = || {
        vec![
            institution("one"),
            institution("two"),
            event("e1", "2022-06-16", Some("one"), EventType::Meeting),
            event("e2", "2022-07-16", Some("one"), EventType::Congress),
            event("e3", "2022-07-17", Some("two"), EventType::Meeting),
            event("e4", "2022-07-18", None, EventType::Meeting),
            record("r", Body::Source(Source { covers: vec![covers.clone()], ..Source::default() })),
            variable("v", "congress-meetings-per-year", None),
            record(
                "o",
                Body::Observation(reform_model::measure::Observation {
                    subject: Some(name("two")),
                    ..observed("v", Basis::InPeriod, "2022", "1")
                }),
            ),
        ]
    };
    let mut query = Query::new("congress-meetings-per-year");
    assert_eq!(lines(&ask(records(), &query).series[1]), ["2022 = 3"]);
    query.parameters.insert("series".to_owned(), "records/one".to_owned());
    // The register is of that series, so its empty years are zero; the published total is of the other one.
    assert_eq!(only(&ask(records(), &query)), ["2021 = 0", "2022 = 2", "2023 = 0"]);
    query.parameters.insert("series".to_owned(), "records/two".to_owned());
    assert_eq!(
        keys(&ask(records(), &query)),
        ["basis=IN_PERIOD origin=REPORTED series=records/two", "origin=COUNTED"]
    );
    query.parameters.insert("series".to_owned(), "records/three".to_owned());
    assert!(matches!(answer(&view(records()), &query), Err(QueryError::NotFound { .. })));
}

/// A day, and what may be printed of it.
fn printed() -> impl Strategy<Value = (Day, String)> {
    (2019..2023_i32, 1..=12_i32, 1..=28_i32, 0..3_u8).prop_map(|(year, month, day, form)| {
        let text = match form {
            0 => format!("{year}"),
            1 => format!("{year}-{month}"),
            _ => format!("{year}-{month}-{day}"),
        };
        (Day::new(year, month, day).unwrap(), text)
    })
}

proptest! {
    #[test]
    fn the_true_median_lies_within_the_bounds(lives in prop::collection::vec((printed(), 0..500_i32), 1..12)) {
        // All are adopted in 2030, so that one point holds them; the length is what is not known.
        let adopted = Day::new(2030, 6, 1).unwrap();
        let records: Vec<Record> = lives
            .iter()
            .enumerate()
            .map(|(index, ((_, text), late))| {
                let (announced, adopted) = (format!("announced {text}"), Day(adopted.0 - late % 150));
                reform(&format!("r{index}"), &[&announced, &format!("adopted {adopted}")])
            })
            .collect();
        let answer = ask(records, &Query::new("reform-lead-time"));
        let mut days: Vec<i64> =
            lives.iter().map(|((day, _), late)| i64::from(adopted.0 - late % 150 - day.0)).collect();
        days.sort_unstable();
        let counted: Vec<(i64, i64)> = days.iter().map(|days| (*days, 1)).collect();
        let truth = reform_indicators::durations::percentile(&counted, 1, 2).unwrap();
        let estimate = answer.series[0].points[0].estimate.as_ref().unwrap();
        prop_assert!(estimate.lower.as_ref().unwrap().number <= truth);
        prop_assert!(truth <= estimate.upper.as_ref().unwrap().number);
    }
}
