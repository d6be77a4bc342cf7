//! The model's closed lists are those of the contract.

use std::collections::BTreeSet;

use prost_reflect::{EnumDescriptor, Kind as FieldKind, MessageDescriptor};
use reform_api::descriptors;
use reform_model::Kind;
use reform_model::vocabulary as model;

/// The members of each list: the enum's name below the package, and number and name of every value.
fn lists() -> Vec<(&'static str, Vec<(i32, &'static str)>)> {
    macro_rules! lists {
        ($($full_name:literal => $list:ident,)*) => {
            vec![$((
                $full_name,
                model::$list::ALL
                    .iter()
                    .map(|member| {
                        assert_eq!(model::$list::from_number(member.number()), Some(*member));
                        (member.number(), member.as_str())
                    })
                    .collect(),
            ),)*]
        };
    }
    lists! {
        "Comparator" => Comparator,
        "Resolution" => Resolution,
        "Inference.How" => How,
        "Rank" => Rank,
        "Institution.Type" => InstitutionType,
        "LifecycleStep.Kind" => LifecycleKind,
        "Reform.Area" => Area,
        "Reform.Act" => Act,
        "Stage.Kind" => StageKind,
        "Stage.Status" => StageStatus,
        "ParameterChange.Direction" => ChangeDirection,
        "PartyEnd.Kind" => PartyEndKind,
        "Election.Level" => Level,
        "Election.Timing" => Timing,
        "Tier.System" => System,
        "Tier.Formula" => Formula,
        "Tier.ThresholdRule" => ThresholdRule,
        "VoteBase" => VoteBase,
        "Release" => Release,
        "Referendum.Outcome" => Outcome,
        "Petition.State" => PetitionState,
        "PetitionStage.Kind" => PetitionStageKind,
        "Variable.Direction" => Direction,
        "Variable.Aggregation" => Aggregation,
        "Basis" => Basis,
        "Observation.Method" => Method,
        "Target.Path" => Path,
        "Event.Type" => EventType,
    }
}

fn in_package(full_name: &str) -> String {
    full_name.strip_prefix("reform.data.v1.").expect("an enum of the package").to_owned()
}

#[test]
fn every_list_has_the_numbers_and_names_of_its_enum() {
    for (name, members) in lists() {
        let list = descriptors::pool().get_enum_by_name(&format!("reform.data.v1.{name}")).unwrap();
        let unspecified = list.get_value(0).unwrap();
        let prefix = unspecified.name().strip_suffix("UNSPECIFIED").unwrap();
        let expected: Vec<(i32, String)> =
            members.iter().map(|(number, text)| (*number, format!("{prefix}{text}"))).collect();
        let values = list.values().filter(|value| value.number() != 0);
        assert_eq!(
            values.map(|value| (value.number(), value.name().to_owned())).collect::<Vec<_>>(),
            expected,
            "{name}"
        );
    }
}

#[test]
fn every_enum_of_a_record_has_its_list() {
    let mut enums = BTreeSet::new();
    collect(&descriptors::record(), &mut BTreeSet::new(), &mut enums);
    let listed: BTreeSet<String> = lists().into_iter().map(|(name, _)| name.to_owned()).collect();
    assert_eq!(enums, listed);
}

fn collect(message: &MessageDescriptor, seen: &mut BTreeSet<String>, enums: &mut BTreeSet<String>) {
    if !seen.insert(message.full_name().to_owned()) {
        return;
    }
    for field in message.fields() {
        let kind: FieldKind = field.kind();
        if let Some(inner) = kind.as_message() {
            collect(inner, seen, enums);
        }
        enums.extend(kind.as_enum().map(EnumDescriptor::full_name).map(in_package));
    }
}

#[test]
fn every_kind_is_a_field_of_the_body() {
    let record = descriptors::record();
    let body = record.oneofs().find(|oneof| oneof.name() == "body").unwrap();
    let fields: BTreeSet<String> = body.fields().map(|field| field.name().to_owned()).collect();
    assert_eq!(fields, Kind::ALL.iter().map(|kind| kind.as_str().to_owned()).collect());
}
