//! Which paths resolve in a record.

use prost::Message;
use prost_reflect::DynamicMessage;
use reform_api::descriptors;
use reform_api::field_path::{Error, resolve};
use serde_json::{Value, json};

use crate::{refused, wire};

fn dynamic(json: &Value) -> DynamicMessage {
    DynamicMessage::decode(descriptors::record(), wire(json).encode_to_vec().as_slice())
        .expect("the encoding of a record")
}

fn election() -> DynamicMessage {
    dynamic(&json!({
        "labels": {"facts": "S1"},
        "election": {"tiers": [{"results": [{}, {"voteShare": {}}, {}, {}]}, {}]},
    }))
}

#[test]
fn a_field_resolves_whether_it_is_set_or_not() {
    let record = election();
    for path in [
        "title",
        "labels",
        "labels.facts",
        "titles.kk",
        "labels.a.b",
        "election",
        "election.cast",
        "election.held_on",
        "election.tiers",
        "election.tiers[1]",
        "election.tiers[0].threshold.decimal",
        "election.turnout_reported.unit",
        "election.tiers[0].results[3].votes",
        "election.tiers[0].results[1].vote_share.upper_decimal",
        "election.tiers[0].results[0].contender.candidate.name",
        "etag",
        "update_time.seconds",
        "findings",
    ] {
        assert_eq!(resolve(&record, path), Ok(()), "{path}");
    }
    let institution = dynamic(&json!({"institution": {"lifecycle": [{}, {}, {}]}}));
    assert_eq!(resolve(&institution, "institution.lifecycle[2].kind"), Ok(()));
    let party = dynamic(&json!({"party": {}}));
    assert_eq!(resolve(&party, "party.ended.date"), Ok(()));
    let observation = dynamic(&json!({"observation": {}}));
    assert_eq!(resolve(&observation, "observation.dimensions.type"), Ok(()));
}

#[test]
fn a_path_that_names_nothing_does_not() {
    let text = str::to_owned;
    let unknown =
        |message: &str, field: &str| Error::UnknownField { message: text(message), field: text(field) };
    let out_of_range = |field: &str, length| Error::OutOfRange { field: text(field), length };
    let record = election();
    for (path, error) in [
        ("", Error::Syntax(text(""))),
        ("election.", Error::Syntax(text(""))),
        ("labels.", Error::Syntax(text("labels."))),
        ("election.tiers[0", Error::Syntax(text("tiers[0"))),
        ("election.tiers[]", Error::Syntax(text("tiers[]"))),
        ("election.tiers[-1]", Error::Syntax(text("tiers[-1]"))),
        ("election.tiers[+1]", Error::Syntax(text("tiers[+1]"))),
        ("election.tiers[01]", Error::Syntax(text("tiers[01]"))),
        ("election.tiers[0][0]", Error::Syntax(text("tiers[0][0]"))),
        ("body", unknown("Record", "body")),
        ("election.heldOn", unknown("Election", "heldOn")),
        ("election.tiers[0].result", unknown("Tier", "result")),
        ("election .cast", unknown("Record", "election ")),
        ("referendum", Error::OtherKind(text("referendum"))),
        ("referendum.cast", Error::OtherKind(text("referendum"))),
        ("election.cast[0]", Error::NotAList(text("cast"))),
        ("labels[0]", Error::NotAList(text("labels"))),
        ("election.tiers.results", Error::IndexMissing(text("tiers"))),
        ("election.tiers[2]", out_of_range("tiers", 2)),
        ("election.tiers[1].results[0]", out_of_range("results", 0)),
        ("election.held_on[0].year", out_of_range("held_on", 0)),
        ("election.cast.value", Error::NotAMessage(text("cast"))),
    ] {
        assert_eq!(resolve(&record, path), Err(error), "{path}");
    }
}

#[test]
fn a_path_as_deep_as_its_text_is_long_ends_early() {
    let path = format!("election.turnout_reported.{}", "latest.".repeat(10_000));
    assert!(resolve(&election(), &path).is_err());
    let party = dynamic(&json!({"party": {}}));
    let path = format!("party.founded_on.{}year", "latest.".repeat(10_000));
    assert_eq!(resolve(&party, &path), Err(Error::TooDeep));
}

#[test]
fn a_path_into_what_only_the_server_fills_would_not_survive_an_export() {
    let record = json!({
        "name": "records/own", "citations": [{"source": "records/s"}],
        "party": {"successors": ["records/x"]},
        "inferences": [
            {"fieldPath": "party.successors[0]", "how": "HOW_INFERRED"},
            {"fieldPath": "party.successors", "how": "HOW_INFERRED"},
        ],
    });
    assert_eq!(refused(&record), ["inferences[0].field_path"]);
}
