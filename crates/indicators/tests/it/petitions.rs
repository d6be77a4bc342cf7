//! Petitions: by year, how many succeed, how long that takes.

use reform_indicators::Query;
use reform_model::participation::{Petition, PetitionStage, SignatureCount};
use reform_model::vocabulary::{PetitionStageKind as Kind, PetitionState as State};
use reform_model::{Body, Record};

use crate::build::*;

/// Stages, counts of signatures by day, and a state; 50 signatures are needed.
fn petition(id: &str, stages: &[(Kind, &str)], counts: &[(&str, &str)], state: Option<State>) -> Record {
    let on = |text: &str| (!text.is_empty()).then(|| date(text));
    let petition = Petition {
        stages: stages.iter().map(|(kind, text)| PetitionStage { kind: *kind, date: on(text) }).collect(),
        threshold: Some(quantity("50")),
        signatures: counts
            .iter()
            .map(|(day, count)| SignatureCount { as_of: on(day), count: quantity(count) })
            .collect(),
        state,
        ..Petition::default()
    };
    record(id, Body::Petition(petition))
}

#[test]
fn a_petition_counts_when_it_is_published_else_by_its_first_stage() {
    let records = vec![
        petition("p1", &[(Kind::Submitted, "2023-12-20"), (Kind::Published, "2024-01-05")], &[], None),
        petition("p2", &[(Kind::Submitted, "2023-12-20"), (Kind::Rejected, "2024-01-02")], &[], None),
        petition("p3", &[(Kind::Published, ""), (Kind::Closed, "2024-03-01")], &[], None),
        petition("p4", &[(Kind::Rejected, "..2024-10-07")], &[], None),
        petition("p5", &[], &[], None),
    ];
    assert_eq!(
        only(&ask(records, &Query::new("petitions-per-year"))),
        ["2023 = 1 IMPRECISE_DATE:1 excluded:1", "2024 = 2 IMPRECISE_DATE:1 excluded:1"]
    );
}

#[test]
fn success_is_of_those_whose_collecting_has_ended() {
    let published = (Kind::Published, "2024-04-20");
    let records = vec![
        petition("p1", &[published, (Kind::ThresholdReached, "")], &[], None),
        // What became of it afterwards does not matter.
        petition("p2", &[published, (Kind::ThresholdReached, "2024-05-01")], &[], Some(State::Refused)),
        petition("p3", &[published], &[("2024-06-01", "≥ 50")], None),
        petition("p4", &[published], &[("2024-06-01", "49")], Some(State::Expired)),
        petition("p5", &[published, (Kind::Closed, "2024-07-01")], &[("2024-06-01", "> 10")], None),
        // Collecting; nothing says how it ended; stopped at moderation, on a day and on an unclear one.
        petition("p6", &[published], &[("2024-06-01", "49")], Some(State::Collecting)),
        petition("p7", &[published], &[], None),
        petition("p8", &[(Kind::Rejected, "2024-05-01")], &[], None),
        petition("p9", &[(Kind::Rejected, "..2024-10-07")], &[], Some(State::RejectedAtModeration)),
    ];
    let answer = ask(records, &Query::new("petition-success-rate"));
    assert_eq!(only(&answer), ["2024 = 60.0 % SMALL_N:0 unknown:2 excluded:2"]);
    let point = &answer.series[0].points[0];
    assert_eq!((point.numerator, point.denominator), (Some(3), Some(5)));
}

#[test]
fn the_days_to_the_threshold_are_bounded_by_the_counts_around_it() {
    let published = (Kind::Published, "2024-05-01");
    let reached = |date| (Kind::ThresholdReached, date);
    for (stages, counts, expected) in [
        (vec![published, reached("2024-05-11")], vec![("2024-05-30", "60")], "= 10"),
        (vec![published, reached("2024-05-01..2024-05-21")], vec![], "= 0–20 IMPRECISE_DATE:0"),
        // Below the threshold after 9 days, and not after 14.
        (
            vec![published, reached("2024-05-01..2024-05-21")],
            vec![("2024-05-04", "20"), ("2024-05-10", "< 50"), ("2024-05-15", "≥ 50"), ("2024-05-16", "90")],
            "= 9–14 IMPRECISE_DATE:0",
        ),
        (vec![published], vec![("2024-05-10", "49"), ("2024-05-15", "50")], "= 9–14 IMPRECISE_DATE:0"),
        (vec![published, reached("")], vec![("2024-05-10", "49")], "= ≥ 9 IMPRECISE_DATE:0"),
        // A count that is not clearly below or above says nothing.
        (vec![published, reached("")], vec![("2024-05-10", "≈ 50")], "= ≥ 0 IMPRECISE_DATE:0"),
        (vec![published, reached("2024-04-30")], vec![], "= none CONFLICT:1"),
    ] {
        let answer =
            ask(vec![petition("p", &stages, &counts, None)], &Query::new("petition-days-to-threshold"));
        assert_eq!(only(&answer), [format!("2024-05-01 {expected}")], "{stages:?} {counts:?}");
    }
    let unpublished = petition("p", &[reached("2024-05-11")], &[], None);
    let query = Query::new("petition-days-to-threshold");
    assert_eq!(only(&ask(vec![unpublished], &query)), ["2024-05-11 = none UNDATED:1"]);
    let short = petition("p", &[published], &[("2024-05-10", "49")], Some(State::Collecting));
    assert_eq!(ask(vec![short], &query).series, []);
}
