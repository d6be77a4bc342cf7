//! What conversion keeps, what it ignores, and how violations travel.

use prost::Message;
use reform_api::convert::{self, Violation, Violations};
use reform_api::error::Reason;
use reform_model::{Body, Kind, Name};
use serde_json::json;

use crate::{converted, refused, wire};

#[test]
fn collects_all_violations_in_one_answer() {
    let record = json!({
        "name": "records/own",
        "observation": {
            "period": {"start": {"year": 2023, "month": 13}}, "basis": "BASIS_STOCK_AT", "quantity": {"decimal": "many"},
        },
    });
    assert_eq!(
        refused(&record),
        [
            "citations",
            "observation.variable",
            "observation.period.start.month",
            "observation.quantity.decimal",
            "observation.quantity.comparator",
        ]
    );
}

#[test]
fn collects_across_messages_and_lists() {
    let record = json!({
        "name": "records/own", "jurisdiction": "kz", "citations": [{}],
        "election": {"cast": "-1", "tiers": [{"seats": -1}, {"results": [{"votes": "-1"}]}]},
    });
    assert_eq!(
        refused(&record),
        [
            "jurisdiction",
            "election.institution",
            "election.cast",
            "election.tiers[0].seats",
            "election.tiers[1].results[0].contender",
            "election.tiers[1].results[0].votes",
            "citations[0].source",
        ]
    );
}

#[test]
fn an_absent_value_is_none_and_a_zero_is_zero() {
    let record = json!({
        "name": "records/own", "citations": [{"source": "records/s"}],
        "election": {"institution": "records/i", "cast": "0"},
    });
    let record = converted(&record).unwrap();
    assert_eq!(record.kind(), Kind::Election);
    let Body::Election(election) = record.body else { panic!("an election") };
    assert_eq!((election.cast, election.valid, election.level), (Some(0), None, None));
    assert_eq!(election.institution, Some(Name::parse("records/i").unwrap()));
}

#[test]
fn a_contradiction_between_fields_is_stored() {
    let record = json!({
        "name": "records/own", "citations": [{"source": "records/s"}],
        "election": {"institution": "records/i", "cast": "10", "valid": "11", "heldOn": [{"year": 2023}, {"year": 2022}]},
    });
    assert_eq!(refused(&record), [""; 0]);
}

#[test]
fn output_only_fields_are_neither_checked_nor_stored() {
    let record = json!({
        "name": "records/own", "uid": "u", "revision": "7", "createRevision": "5", "etag": "\"7\"",
        "createTime": "2024-01-01T00:00:00Z", "updateTime": "2024-01-01T00:00:00Z", "deleteTime": "2024-01-01T00:00:00Z",
        "citations": [{"source": "records/s"}], "findings": [{"rule": "no-such-rule"}],
        "party": {"successors": ["no name"]},
    });
    assert_eq!(refused(&record), [""; 0]);
    let bare = json!({"name": "records/own", "citations": [{"source": "records/s"}], "party": {}});
    assert_eq!(convert::without_output_only(wire(&record)), wire(&bare));
    let institution = json!({"institution": {"successors": ["records/x"], "predecessors": ["records/y"]}});
    let bare = json!({"institution": {"predecessors": ["records/y"]}});
    assert_eq!(convert::without_output_only(wire(&institution)), wire(&bare));
}

#[test]
fn a_record_of_exactly_64_kib_is_accepted_whatever_the_server_adds() {
    let mut record = wire(&json!({"name": "records/own", "source": {}}));
    record.description = "x".repeat(convert::RECORD_BYTES_MAX);
    let excess = record.encoded_len() - convert::RECORD_BYTES_MAX;
    record.description.truncate(convert::RECORD_BYTES_MAX - excess);
    assert_eq!(record.encoded_len(), convert::RECORD_BYTES_MAX);
    record.etag = "\"123456\"".to_owned();
    assert!(convert::record(&record).is_ok());
    record.description.push('x');
    let violations = convert::record(&record).unwrap_err();
    assert_eq!(violations.0.len(), 1);
    assert_eq!(violations.below("record.").0[0].field_path, "record");
}

#[test]
fn violations_move_below_the_message_that_holds_the_record() {
    let violation = |path: &str| Violation { field_path: path.to_owned(), description: "x".to_owned() };
    let violations = || Violations(vec![violation("party.founded_on"), violation("")]);
    let below = violations().below("mutations[2].create.record.");
    let expected = ["mutations[2].create.record.party.founded_on", "mutations[2].create.record"];
    assert_eq!(below.0.iter().map(|violation| &*violation.field_path).collect::<Vec<_>>(), expected);
    assert_eq!(violations().below(""), violations());
    assert_eq!(violations().into_fault().reason(), Reason::FieldViolations);
}
