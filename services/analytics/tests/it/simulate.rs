//! Elections under other rules, over the shipped records.

use reform_api::analytics::v1;
use reform_api::analytics::v1::simulate_election_request::Election;
use reform_api::error::Reason;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::fake::{Script, put};
use crate::pair::{Pair, appeals, assert_refused, record, store};

/// A pair that has come to the end of the shipped records, and its revision.
async fn shipped() -> (Pair, i64) {
    let records = reform_dataset::lines().map(record).map(put).collect();
    let mut pair = Pair::start(Script::new("a", vec![records])).await;
    pair.query(v1::QueryIndicatorRequest { min_revision: 1, ..appeals() }).await.unwrap();
    (pair, 1)
}

fn stored(id: &str, rules: v1::ElectionRules) -> v1::SimulateElectionRequest {
    let election = Some(Election::Stored(format!("records/kz-election-mazhilis-{id}")));
    v1::SimulateElectionRequest { election, rules: Some(rules), ..v1::SimulateElectionRequest::default() }
}

fn threshold(percent: &str) -> v1::ElectionRules {
    v1::ElectionRules { threshold_percent: Some(percent.to_owned()), ..v1::ElectionRules::default() }
}

async fn simulate(
    pair: &mut Pair,
    request: v1::SimulateElectionRequest,
) -> Result<v1::SimulateElectionResponse, Status> {
    pair.client.simulate_election(request).await.map(tonic::Response::into_inner)
}

/// Who takes part: id, seats, seats in reality.
fn seated(answer: &v1::SimulateElectionResponse) -> Vec<(&str, i32, Option<i32>)> {
    let parties = answer.allocations.iter().filter(|list| list.above_threshold);
    parties
        .map(|list| (list.id.trim_start_matches("records/kz-party-"), list.seats, list.actual_seats))
        .collect()
}

fn displays(figures: &std::collections::BTreeMap<String, v1::Estimate>) -> Vec<(&str, &str)> {
    figures.iter().map(|(id, figure)| (id.as_str(), figure.display.as_str())).collect()
}

#[tokio::test]
async fn six_elections_come_out_as_they_were() {
    let (mut pair, revision) = shipped().await;
    for year in ["2004", "2007", "2012", "2016", "2021", "2023"] {
        let answer = simulate(&mut pair, stored(year, v1::ElectionRules::default())).await.unwrap();
        assert_eq!(answer.revision, revision);
        assert!(answer.ties.is_empty(), "{year}");
        for list in &answer.allocations {
            assert_eq!(Some(list.seats), list.actual_seats, "{year}: {}", list.id);
        }
        assert_eq!(answer.indices, answer.actual_indices, "{year}");
        assert_eq!(answer.indices.len(), 7, "{year}");
    }
}

#[tokio::test]
async fn the_election_of_2021_under_five_percent() {
    let (mut pair, _) = shipped().await;
    let answer = simulate(&mut pair, stored("2021", threshold("5"))).await.unwrap();
    let expected =
        [("amanat", 72, Some(76)), ("aq-jol", 11, Some(12)), ("peoples", 9, Some(10)), ("auyl", 6, Some(0))];
    assert_eq!(seated(&answer), expected);
    assert_eq!(answer.allocations[4].id, "records/kz-party-adal");
    assert!(!answer.allocations[4].above_threshold);
    assert_eq!(answer.allocations[3].vote_share, "0.0528923179833");
    let simulated = displays(&answer.indices);
    let actual = displays(&answer.actual_indices);
    assert!(simulated.contains(&("wasted-votes", "3.6 %")) && actual.contains(&("wasted-votes", "8.9 %")));
    assert!(actual.contains(&("disproportionality", "6.5334")), "{actual:?}");
    // The very figures of the indicator.
    let query = v1::QueryIndicatorRequest {
        indicator: "indicators/disproportionality".to_owned(),
        origin: v1::Origin::Counted.into(),
        ..v1::QueryIndicatorRequest::default()
    };
    let asked = pair.query(query).await.unwrap();
    let points = asked.series.iter().flat_map(|series| &series.points);
    let estimate =
        points.filter_map(|point| point.estimate.as_ref()).find(|estimate| estimate.display == "6.5334");
    assert_eq!(estimate, answer.actual_indices.get("disproportionality"));
}

#[tokio::test]
async fn the_election_of_2023_under_seven_percent() {
    let (mut pair, _) = shipped().await;
    let answer = simulate(&mut pair, stored("2023", threshold("7"))).await.unwrap();
    let expected =
        [("amanat", 46, Some(40)), ("auyl", 9, Some(8)), ("respublica", 7, Some(6)), ("aq-jol", 7, Some(6))];
    assert_eq!(seated(&answer), expected);
    // Against-all is no list, and its votes are in the base.
    assert_eq!(answer.allocations.len(), 7);
    assert_eq!(answer.allocations[0].vote_share, "0.538999733132");
    let actual = displays(&answer.actual_indices);
    for figure in [
        ("effective-parties-votes", "3.0797"),
        ("effective-parties-seats", "2.6792"),
        ("disproportionality", "3.3907"),
    ] {
        assert!(actual.contains(&figure), "{actual:?}");
    }
    assert!(displays(&answer.indices).contains(&("effective-parties-votes", "3.0797")));
}

#[tokio::test]
async fn given_votes_have_seats_ties_and_no_actual_figures() {
    let mut pair = Pair::start(store("a", 0)).await;
    pair.ask(1).await.unwrap();
    let contender =
        |(id, votes): (&str, i64)| v1::InlineContender { id: id.to_owned(), votes, ..Default::default() };
    let election = Some(Election::Inline(v1::InlineElection {
        seats: 5,
        contenders: [("c", 60), ("b", 150), ("a", 100), ("d", 100)].map(contender).to_vec(),
        threshold_base_votes: None,
    }));
    let rules = Some(v1::ElectionRules { formula: "D_HONDT".to_owned(), ..threshold("20") });
    let request = v1::SimulateElectionRequest { election, rules, ..v1::SimulateElectionRequest::default() };
    let answer = simulate(&mut pair, request).await.unwrap();
    let rows: Vec<_> =
        answer.allocations.iter().map(|list| (list.id.as_str(), list.seats, list.above_threshold)).collect();
    assert_eq!(rows, [("b", 2, true), ("a", 1, true), ("d", 1, true), ("c", 0, false)]);
    let tie = v1::Tie {
        ids: vec!["a".to_owned(), "b".to_owned(), "d".to_owned()],
        seats: 1,
        rule: "equal quotients".to_owned(),
    };
    assert_eq!(answer.ties, [tie]);
    assert!(answer.actual_indices.is_empty());
    assert!(answer.allocations.iter().all(|list| list.actual_seats.is_none()));
    assert_eq!(answer.indices["wasted-votes"].display, "14.6 %");
}

#[tokio::test]
async fn what_cannot_be_simulated_says_why() {
    let (mut pair, _) = shipped().await;
    let unknown = simulate(&mut pair, stored("1999", v1::ElectionRules::default())).await.unwrap_err();
    assert_refused(&unknown, Reason::RecordNotFound);
    assert_eq!(unknown.code(), Code::NotFound);
    let resource = unknown.get_details_resource_info().unwrap().resource_name;
    assert_eq!(resource, "records/kz-election-mazhilis-1999");
    let fields = |status: Status| -> Vec<String> {
        assert_refused(&status, Reason::FieldViolations);
        let details = status.get_details_bad_request().unwrap();
        details.field_violations.into_iter().map(|violation| violation.field).collect()
    };
    let party = Some(Election::Stored("records/kz-party-amanat".to_owned()));
    let party = v1::SimulateElectionRequest { election: party, ..Default::default() };
    assert_eq!(fields(simulate(&mut pair, party).await.unwrap_err()), ["stored"]);
    let districts =
        v1::SimulateElectionRequest { tier: "SINGLE_MEMBER".to_owned(), ..stored("2023", threshold("7")) };
    assert_eq!(fields(simulate(&mut pair, districts).await.unwrap_err()), ["rules.formula"]);
    let wrong = v1::ElectionRules { seats: Some(0), ..threshold("five") };
    assert_eq!(
        fields(simulate(&mut pair, stored("2023", wrong)).await.unwrap_err()),
        ["rules.threshold_percent", "rules.seats"]
    );
}
