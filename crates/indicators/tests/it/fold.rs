//! A view folded change by change equals one folded from what is left in the end.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use reform_indicators::view::{Change, View};
use reform_indicators::{Query, answer, catalogue};
use reform_model::election::{Contender, Election, ElectionResult, Tier};
use reform_model::institution::Institution;
use reform_model::participation::Decision;
use reform_model::party::Party;
use reform_model::reform::{ParameterChange, Reform, Stage};
use reform_model::vocabulary::{Basis, InstitutionType, StageKind, System};
use reform_model::{Body, Record};

use crate::build::*;

fn some_record(id: u8, version: u8) -> Record {
    let year = format!("{}", 2018 + u32::from(version % 5));
    match id % 9 {
        0 => appeal(&format!("a{id}"), &format!("{year}-03-0{}", version % 9 + 1)),
        1 => {
            let reports = if version.is_multiple_of(2) { "appeals-per-year" } else { "" };
            variable(&format!("v{id}"), reports, None)
        }
        2 => {
            let of = format!("v{}", version % 3 * 9 + 1);
            observation(&format!("o{id}"), &of, Basis::InPeriod, &year, &version.to_string())
        }
        3 => register(&format!("r{id}"), reform_model::Kind::Appeal, &year),
        _ => political_record(id, version, &year),
    }
}

fn political_record(id: u8, version: u8, year: &str) -> Record {
    let body = match id % 9 {
        4 => {
            let predecessors = vec![name(&format!("k{}", version % 27))];
            Body::Party(Party { registered_on: Some(date(year)), predecessors, ..Party::default() })
        }
        5 => {
            let row = |seats: u8| ElectionResult {
                contender: Contender::Party(name(&format!("k{}", seats % 3 * 9 + 4))),
                label: String::new(),
                votes: Some(i64::from(seats) + 1),
                vote_share: None,
                seats: (!seats.is_multiple_of(5)).then_some(i32::from(seats % 5)),
            };
            let tier = Tier {
                system: Some(System::PartyList),
                results: vec![row(version), row(version.wrapping_mul(7))],
                ..Tier::default()
            };
            Body::Election(Election {
                institution: Some(name("k6")),
                held_on: vec![date(year)],
                valid: Some(1000),
                tiers: vec![tier],
                ..Election::default()
            })
        }
        6 => Body::Institution(Institution {
            institution_type: Some(if version.is_multiple_of(2) {
                InstitutionType::Chamber
            } else {
                InstitutionType::Court
            }),
            ..Institution::default()
        }),
        7 => Body::Reform(Reform {
            stages: vec![Stage { kind: StageKind::Adopted, date: Some(date(year)), status: None }],
            parameter_changes: vec![ParameterChange {
                parameter: name("v1"),
                before: None,
                after: Some(quantity(&version.to_string())),
                effective_on: None,
                direction: None,
            }],
            ..Reform::default()
        }),
        _ => Body::Decision(Decision {
            date: Some(date(year)),
            norms_consistent: Some(i32::from(version)),
            norms_inconsistent: (version > 9).then_some(1),
            ..Decision::default()
        }),
    };
    record(&format!("k{id}"), body)
}

#[derive(Debug, Clone)]
enum Step {
    Put(u8, u8),
    Remove(u8),
    Damage(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0_u8..27, any::<u8>()).prop_map(|(id, version)| Step::Put(id, version)),
        1 => (0_u8..27).prop_map(Step::Remove),
        1 => (0_u8..27).prop_map(Step::Damage),
    ];
    prop::collection::vec(step, 0..60)
}

proptest! {
    #[test]
    fn folding_changes_equals_folding_the_rest(steps in steps()) {
        let mut folded = View::new("store");
        let mut rest = BTreeMap::new();
        let mut revision = 0;
        for step in &steps {
            revision += 1;
            let change = match step {
                Step::Put(id, version) => Change::Put(Arc::new(some_record(*id, *version)), revision),
                Step::Remove(id) => Change::Remove(some_record(*id, 0).name),
                Step::Damage(id) => Change::Damaged(some_record(*id, 0).name),
            };
            let name = match &change {
                Change::Put(record, _) => record.name.clone(),
                Change::Remove(name) | Change::Damaged(name) => name.clone(),
            };
            folded.apply(change.clone());
            rest.insert(name, change);
        }
        folded.set_revision(revision);
        let mut scratch = View::new("store");
        for change in rest.into_values().rev() {
            if !matches!(change, Change::Remove(_)) {
                scratch.apply(change);
            }
        }
        scratch.set_revision(revision);
        prop_assert_eq!(&folded, &scratch);
        prop_assert!(folded.bytes() > 0 || folded.rows().is_empty());
        for definition in catalogue::all() {
            let mut query = Query::new(definition.id);
            if definition.id == "observation-series" {
                query.parameters.insert("variable".to_owned(), "v1".to_owned());
            }
            prop_assert_eq!(answer(&folded, &query), answer(&scratch, &query));
        }
    }
}

#[test]
fn the_catalogue_is_by_id_and_holds_together() {
    let ids: Vec<&str> = catalogue::all().iter().map(|definition| definition.id).collect();
    assert!(ids.is_sorted(), "{ids:?}");
    for definition in catalogue::all() {
        assert!(definition.formula_version >= 1 && !definition.granularities.is_empty());
        for parameter in definition.parameters {
            let default = parameter.default_value;
            let known = parameter.values.is_empty() || parameter.values.contains(&default);
            assert!(default.is_empty() || known, "{} {}", definition.id, parameter.key);
        }
    }
}
