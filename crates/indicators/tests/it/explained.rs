//! What is behind a point adds up to it, and nothing that matches is missing.

use std::collections::BTreeSet;

use proptest::prelude::*;
use reform_indicators::answer::Labels;
use reform_indicators::estimate::Estimate;
use reform_indicators::explain::Explanation;
use reform_indicators::number::Number;
use reform_indicators::query::QueryError;
use reform_indicators::{Point, Query, View, answer, catalogue, explain};
use reform_model::measure::Observation;
use reform_model::participation::{Appeal, Decision, Petition, PetitionStage};
use reform_model::party::{Party, PartyEnd};
use reform_model::reform::{Reform, Stage};
use reform_model::vocabulary::{
    Aggregation, Basis, Method, PartyEndKind, PetitionStageKind, Rank, StageKind, StageStatus,
};
use reform_model::{Body, Decimal, Kind, Record};

use crate::build::*;

/// The indicators whose points are counts, or sums of published figures.
const ADDITIVE: &[&str] = &[
    "appeal-backlog",
    "appeals-per-year",
    "congress-meetings-per-year",
    "court-decisions-per-year",
    "new-parliamentary-parties",
    "parliamentary-parties",
    "parties-ended-per-year",
    "parties-registered-per-year",
    "petitions-per-year",
    "reforms-per-year",
    "registered-parties",
];

/// Explains a point and checks what holds for every explanation.
fn explained(view: &View, query: &Query, labels: &Labels, point: &Point) -> Explanation {
    let found = explain(view, query, labels, point.period, &point.label).unwrap();
    assert_eq!(found.labels, *labels);
    let inside: BTreeSet<_> = found.contributions.iter().map(|one| &one.record).collect();
    let outside: BTreeSet<_> = found.exclusions.iter().map(|one| &one.record).collect();
    assert!(inside.is_disjoint(&outside), "{found:?}");
    assert_eq!(outside.len(), found.exclusions.len());
    for (record, revision) in found
        .contributions
        .iter()
        .map(|one| (&one.record, one.revision))
        .chain(found.exclusions.iter().map(|one| (&one.record, one.revision)))
    {
        assert_eq!(view.revision_of(record), Some(revision));
    }
    assert!(found.point.evidence.is_none());
    assert!(found.sources.is_sorted());
    found
}

fn figure(estimate: &Estimate) -> Option<Number> {
    let bound = [&estimate.lower, &estimate.upper].into_iter().flatten().next();
    estimate.value.clone().or_else(|| bound.map(|bound| bound.number.clone()))
}

fn check_sum(found: &Explanation) {
    let Some(figure) = found.point.estimate.as_ref().and_then(figure) else { return };
    let parts = found.contributions.iter();
    let parts = parts.map(|one| Number::from(one.contribution.parse::<Decimal>().unwrap()));
    assert_eq!(parts.sum::<Number>(), figure, "{found:?}");
}

/// The records of a kind that have these labels, as the query reads them.
fn matching(
    records: &[Record],
    kind: Kind,
    labels: &Labels,
    of: fn(&Record, &str) -> String,
) -> BTreeSet<String> {
    let same = |record: &Record| {
        labels.iter().filter(|(key, _)| *key != "origin").all(|(key, value)| {
            let own = if key == "jurisdiction" { record.jurisdiction.clone() } else { of(record, key) };
            own == *value
        })
    };
    let records = records.iter().filter(|record| record.kind() == kind && same(record));
    records.map(|record| record.name.to_string()).collect()
}

fn listed(found: &Explanation) -> BTreeSet<String> {
    let inside = found.contributions.iter().map(|one| &one.record);
    inside.chain(found.exclusions.iter().map(|one| &one.record)).map(ToString::to_string).collect()
}

fn some_date() -> impl Strategy<Value = String> {
    (2019..2024_i32, 1..=12_i32, 1..=28_i32, 0..6_u8).prop_map(|(year, month, day, form)| match form {
        0 => format!("{year}"),
        1 => format!("{year}-{month}"),
        2 | 3 => format!("{year}-{month}-{day}"),
        4 => format!("{year}..{}", year + 1),
        _ => String::new(),
    })
}

fn on(text: &str) -> Option<reform_model::Date> {
    (!text.is_empty()).then(|| date(text))
}

fn elsewhere(place: bool, record: Record) -> Record {
    Record { jurisdiction: if place { "XX" } else { "YY" }.to_owned(), ..record }
}

type Drawn = (u8, String, String, u8, bool);

fn some_record(index: usize, (kind, first, second, choice, place): Drawn) -> Record {
    let id = format!("r{index}");
    let body = match kind {
        0 => Body::Appeal(Appeal {
            filed_on: on(&first),
            answered_on: on(&second),
            closed_on: on(&second),
            channel: ["", "post", "web"][usize::from(choice % 3)].to_owned(),
            ..Appeal::default()
        }),
        1 => {
            let planned = choice.is_multiple_of(3).then_some(StageStatus::Planned);
            let stage = |kind, text: &str, status| Stage { kind, date: on(text), status };
            let kinds = [StageKind::Adopted, StageKind::InForce, StageKind::Announced];
            let kind = |number: u8| kinds[usize::from(number % 3)];
            let stages = vec![stage(kind(choice), &first, planned), stage(kind(choice / 3), &second, None)];
            Body::Reform(Reform { stages, ..Reform::default() })
        }
        2 => {
            let end = PartyEnd { kind: PartyEndKind::Merged, date: on(&second) };
            Body::Party(Party {
                registered_on: on(&first),
                ended: choice.is_multiple_of(2).then_some(end),
                never_registered: choice == 5,
                ..Party::default()
            })
        }
        3 => Body::Decision(Decision {
            date: on(&first),
            norms_consistent: Some(i32::from(choice)),
            norms_inconsistent: (choice > 2).then_some(1),
            ..Decision::default()
        }),
        4 => {
            let kinds = [PetitionStageKind::Published, PetitionStageKind::ThresholdReached];
            let stage = |kind, text: &str| PetitionStage { kind, date: on(text) };
            let stages = vec![stage(kinds[0], &first), stage(kinds[usize::from(choice % 2)], &second)];
            Body::Petition(Petition { stages, ..Petition::default() })
        }
        _ => return some_observation(index, (kind, first, second, choice, place)),
    };
    elsewhere(place, record(&id, body))
}

fn some_observation(index: usize, (_, first, _, choice, place): Drawn) -> Record {
    let forms = ["5300", "> 5300", "≥ 40", "≤ 1700", "< 3", "24–33", "≈ 18.7", "0.25"];
    let year = if first.is_empty() { "2020".to_owned() } else { first };
    let basis = [Basis::InPeriod, Basis::InPeriod, Basis::CumulativeSince, Basis::StockAt];
    let over = if year.contains("..") { "2020-01/2021-06".to_owned() } else { year };
    let observation = Observation {
        method: (choice == 7).then_some(Method::Forecast),
        ..observed(
            if choice.is_multiple_of(5) { "v2" } else { "v1" },
            basis[usize::from(choice % 4)],
            &over,
            forms[usize::from(choice % 8)],
        )
    };
    let made = record(&format!("r{index}"), Body::Observation(observation));
    let made = if choice == 6 { ranked(Rank::Deprecated, made) } else { made };
    elsewhere(place, made)
}

fn records() -> impl Strategy<Value = Vec<Record>> {
    let drawn = (0..8_u8, some_date(), some_date(), 0..9_u8, prop::bool::weighted(0.8));
    prop::collection::vec(drawn, 0..24).prop_map(|drawn| {
        let mut all: Vec<Record> =
            drawn.into_iter().enumerate().map(|(index, one)| some_record(index, one)).collect();
        all.push(variable("v1", "appeals-per-year", Some(Aggregation::Sum)));
        all.push(variable("v2", "appeals-per-year", None));
        all.push(register("reg", Kind::Appeal, "2019/2022"));
        all
    })
}

/// A query for every indicator that asks for no more than a variable.
fn queries(granularity: bool) -> Vec<Query> {
    let all = catalogue::all().iter().filter_map(|definition| {
        let mut query = Query::new(definition.id);
        for parameter in definition.parameters.iter().filter(|parameter| parameter.required) {
            if parameter.key != "variable" {
                return None;
            }
            query.parameters.insert("variable".to_owned(), "v1".to_owned());
        }
        query.granularity = definition.granularities.get(1).copied().filter(|_| granularity);
        Some(query)
    });
    all.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn contributions_add_up_and_nothing_that_matches_is_missing(records in records(), finer in any::<bool>()) {
        let view = view(records.clone());
        for mut query in queries(finer) {
            if query.indicator == "appeals-per-year" && finer {
                query.group_by.push("channel".to_owned());
            }
            let Ok(answer) = answer(&view, &query) else { continue };
            for series in &answer.series {
                for point in &series.points {
                    let found = explained(&view, &query, &series.labels, point);
                    if series.points.iter().filter(|one| one.period == point.period).count() == 1 {
                        prop_assert_eq!(&found.point, point);
                    }
                    if ADDITIVE.contains(&query.indicator.as_str()) {
                        check_sum(&found);
                    }
                    let counted = series.labels.get("origin").is_some_and(|origin| origin == "COUNTED");
                    let channel = |record: &Record, _: &str| {
                        if let Body::Appeal(appeal) = &record.body { appeal.channel.clone() } else { String::new() }
                    };
                    let kind = match query.indicator.as_str() {
                        "appeals-per-year" => Kind::Appeal,
                        "reforms-per-year" => Kind::Reform,
                        "registered-parties" => Kind::Party,
                        "unconstitutionality-rate" => Kind::Decision,
                        _ => continue,
                    };
                    if counted {
                        prop_assert_eq!(listed(&found), matching(&records, kind, &series.labels, channel));
                    }
                }
            }
        }
    }

    #[test]
    fn a_published_series_lists_every_observation_with_its_labels(records in records()) {
        let view = view(records);
        let query = Query {
            origin: Some(reform_indicators::query::Origin::Reported),
            ..Query::new("appeals-per-year")
        };
        for series in answer(&view, &query).unwrap().series {
            let place = &series.labels["jurisdiction"];
            let basis = &series.labels["basis"];
            let variable = series.labels.get("variable");
            for point in &series.points {
                let found = explained(&view, &query, &series.labels, point);
                check_sum(&found);
                let listed = listed(&found);
                for (record, observation) in view.observations() {
                    let same = record.jurisdiction == *place && observation.basis.as_str() == basis;
                    let own = variable.is_none_or(|name| *name == observation.variable.to_string());
                    if !same || !own {
                        prop_assert!(!listed.contains(record.name.as_str()));
                    } else if variable.is_some() {
                        prop_assert!(listed.contains(record.name.as_str()), "{}", record.name);
                    }
                }
            }
        }
    }
}

#[test]
fn every_record_says_what_it_brings_or_why_not() {
    let mut records = vec![
        appeal("a1", "2023-03-01"),
        appeal("a2", "2023"),
        appeal("a3", "2022-03-01"),
        appeal("a4", "2022..2023"),
        appeal("a5", ""),
    ];
    records.push(elsewhere(false, appeal("a6", "2023-03-01")));
    let view = view(records);
    let query = Query { jurisdictions: vec!["XX".to_owned()], ..Query::new("appeals-per-year") };
    let found = explain(&view, &query, &Labels::new(), period("2023"), "").unwrap();
    let contributions: Vec<_> = found
        .contributions
        .iter()
        .map(|one| (one.record.id(), one.contribution.as_str(), one.revision))
        .collect();
    assert_eq!(contributions, [("a1", "1", 1), ("a2", "1", 2)]);
    let exclusions: Vec<_> =
        found.exclusions.iter().map(|one| (one.record.id(), one.reason.as_str())).collect();
    assert_eq!(exclusions, [("a3", "OUTSIDE_PERIOD"), ("a4", "IMPRECISE_DATE"), ("a5", "UNDATED")]);
    assert_eq!(found.sources, [name("src-a1"), name("src-a2")]);
    assert_eq!(found.formula, "number of appeals with filed_on in the period");
}

#[test]
fn losers_of_a_choice_are_told_with_the_reason() {
    let of = |id: &str, over: &str, value: &str| observation(id, "v", Basis::InPeriod, over, value);
    let records = vec![
        variable("v", "", None),
        ranked(Rank::Preferred, of("o1", "2022", "18.7")),
        of("o2", "2022", "18.78"),
        ranked(Rank::Deprecated, of("o3", "2022", "30")),
        of("o4", "2021", "24–33"),
    ];
    let parameters = [("variable".to_owned(), "records/v".to_owned())].into();
    let query = Query { parameters, ..Query::new("observation-series") };
    let found = explain(&view(records), &query, &Labels::new(), period("2022"), "").unwrap();
    let reasons: Vec<_> = found.exclusions.iter().map(|one| (one.record.id(), one.reason.as_str())).collect();
    assert_eq!(reasons, [("o2", "NOT_PREFERRED"), ("o3", "DEPRECATED"), ("o4", "OUTSIDE_PERIOD")]);
    assert_eq!(found.contributions[0].contribution, "18.7");
}

#[test]
fn what_names_no_point_says_what_there_is() {
    let records = vec![appeal("a1", "2023-03-01"), elsewhere(false, appeal("a2", "2023-03-01"))];
    let view = view(records);
    let query = Query::new("appeals-per-year");
    let refused = |labels: &[(&str, &str)], over: &str| {
        let labels = reform_indicators::answer::labels(labels.iter().copied());
        let error = explain(&view, &query, &labels, period(over), "").unwrap_err();
        let QueryError::NoPoint { path, message } = error else { panic!("{error}") };
        (path, message)
    };
    let (path, message) = refused(&[], "2023");
    assert_eq!(path, "labels");
    assert!(message.contains("jurisdiction=XX") && message.contains("jurisdiction=YY"), "{message}");
    assert_eq!(refused(&[("jurisdiction", "ZZ")], "2023").0, "labels");
    let (path, message) = refused(&[("jurisdiction", "XX")], "2022");
    assert_eq!((path, message.as_str()), ("period", "no point has it; there is: 2023"));
}

/// The shipped records.
fn shipped() -> View {
    let record = |line| {
        let wire: reform_api::data::v1::Record =
            reform_api::json::parse("reform.data.v1.Record", line).unwrap();
        reform_api::convert::record(&wire).unwrap()
    };
    view(reform_dataset::lines().map(record).collect())
}

#[test]
fn every_point_of_the_shipped_records_has_something_behind_it() {
    let view = shipped();
    let mut bare = BTreeSet::new();
    for definition in catalogue::all() {
        let needs = definition.parameters.iter().any(|parameter| parameter.required);
        let variables = view.variables().map(|(record, _)| record.name.to_string());
        let variables: Vec<String> = if needs { variables.collect() } else { vec![String::new()] };
        for variable in variables {
            let mut query = Query::new(definition.id);
            let required = definition.parameters.iter().filter(|parameter| parameter.required);
            query.parameters.extend(required.map(|parameter| (parameter.key.to_owned(), variable.clone())));
            let Ok(answer) = answer(&view, &query) else { continue };
            for series in &answer.series {
                for point in &series.points {
                    let found = explained(&view, &query, &series.labels, point);
                    if point.records > 0 && found.contributions.is_empty() {
                        bare.insert(definition.id);
                    }
                    if ADDITIVE.contains(&definition.id) {
                        check_sum(&found);
                    }
                    // Those of earlier elections are behind a first seat too.
                    assert!(found.sources.len() as i64 >= point.sources_total, "{found:?}");
                }
            }
        }
    }
    assert!(bare.is_empty(), "nothing is behind points of {bare:?}");
}
