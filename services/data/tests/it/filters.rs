//! Filters over the wire: what they find through each index, and how they are refused.

use reform_api::data::v1;
use reform_api::error::Reason;
use serde_json::json;
use tonic::Code;

use crate::records::{exact, record, with};
use crate::support::{Server, assert_refused, at, create, metadata};

async fn filled() -> Server {
    let server = Server::seeded().await;
    let appeal = |id: &str, patch: serde_json::Value| {
        record(&with(json!({"name": format!("records/{id}"), "jurisdiction": "KZ", "appeal": {}}), &patch))
    };
    let records = [
        appeal(
            "a-1",
            json!({"title": "Of Spring", "labels": {"x": "1"}, "appeal": {"filedOn": {"year": 2023, "month": 3, "day": 19}, "institution": "records/i"}}),
        ),
        appeal(
            "a-2",
            json!({"title": "Of autumn", "labels": {"x": "2"}, "appeal": {"filedOn": {"year": 2023, "month": 9}, "outcome": "returned"}}),
        ),
        appeal(
            "a-3",
            json!({"jurisdiction": "DE", "appeal": {"filedOn": {"year": 2024}, "institution": "records/i"}}),
        ),
        appeal("a-4", json!({"appeal": {"filedOn": {"latest": {"year": 2022}}}})),
        record(&with(
            crate::records::good("election"),
            &json!({"name": "records/e", "election": {
                "cast": "0", "level": "LEVEL_NATIONAL", "turnoutReported": exact("54.2"),
                "tiers": [{"results": [{"contender": {"party": "records/p"}, "seats": 3}]}],
            }}),
        )),
    ];
    server.commit(records.into_iter().map(create).collect()).await.unwrap();
    server
}

#[tokio::test]
async fn a_filter_finds_what_is_true() {
    let mut server = filled().await;
    let table: [(&str, &[&str]); 28] = [
        ("kind = \"appeal\"", &["a-1", "a-2", "a-3", "a-4"]),
        ("kind = appeal AND jurisdiction = KZ", &["a-1", "a-2", "a-4"]),
        ("jurisdiction = DE", &["a-3"]),
        ("kind = appeal AND NOT jurisdiction = KZ", &["a-3"]),
        ("appeal.filed_on >= \"2023-03\"", &["a-1", "a-2", "a-3"]),
        ("appeal.filed_on < 2023", &["a-4"]),
        ("appeal.filed_on = 2023", &["a-1", "a-2"]),
        ("appeal.filed_on > 2023-03-19", &["a-2", "a-3"]),
        ("appeal.filed_on <= 2023-09-15", &["a-1", "a-4"]),
        ("appeal.filed_on > 2022 AND appeal.filed_on < 2024", &["a-1", "a-2"]),
        ("appeal.institution = \"records/i\"", &["a-1", "a-3"]),
        ("appeal.institution = \"records/i\" AND jurisdiction = DE", &["a-3"]),
        ("appeal.institution:* AND appeal.filed_on:*", &["a-1", "a-3"]),
        ("NOT appeal.institution:*", &["a-2", "a-4"]),
        ("labels.x = \"1\"", &["a-1"]),
        ("labels.x = \"1\" OR labels.x = \"2\"", &["a-1", "a-2"]),
        ("labels:x", &["a-1", "a-2"]),
        ("title:spring", &["a-1"]),
        ("spring OR AUTUMN", &["a-1", "a-2"]),
        ("name = \"records/a-*\" AND title:of", &["a-1", "a-2"]),
        ("appeal.outcome = returned", &["a-2"]),
        ("election.cast = 0", &["e"]),
        ("election.level = NATIONAL", &["e"]),
        ("election.level = LEVEL_NATIONAL", &["e"]),
        ("election.turnout_reported > 54", &["e"]),
        ("election.tiers.results.contender.party = \"records/p\"", &["e"]),
        ("citations.source = \"records/s\" AND kind = election", &["e"]),
        ("appeal.filed_on > 2024 AND election.cast > 0", &[]),
    ];
    for _ in 0..2 {
        for (filter, expected) in table {
            let request = v1::ListRecordsRequest {
                filter: filter.into(),
                order_by: "name".into(),
                ..Default::default()
            };
            let listed = server.list(request.clone()).await;
            let ids: Vec<&str> = listed.iter().map(|record| &record.name["records/".len()..]).collect();
            assert_eq!(ids, expected, "{filter}");
            for order_by in ["", "main_date desc"] {
                let request =
                    v1::ListRecordsRequest { order_by: order_by.into(), page_size: 1, ..request.clone() };
                let walked = server.pages(request).await.concat();
                assert_eq!(walked.len(), expected.len(), "{filter} {order_by}");
            }
            let count = v1::CountRecordsRequest { filter: filter.into(), ..Default::default() };
            assert_eq!(
                server.count(count).await.unwrap(),
                i64::try_from(expected.len()).unwrap(),
                "{filter}"
            );
        }
        server = server.restart().await;
    }
}

#[tokio::test]
async fn fields_that_the_server_adds_can_be_filtered() {
    let server = Server::seeded().await;
    let seeded = server.names("").await.len();
    let a = server.create(crate::records::party("a", &["p"])).await.unwrap();
    server.create(crate::records::appeal("b")).await.unwrap();
    server.delete("records/b").await.unwrap();
    let table = [
        (format!("revision = {}", a.revision), vec!["records/a"]),
        (format!("create_revision >= {}", a.revision), vec!["records/a", "records/b"]),
        (format!("uid = \"{}\"", a.uid), vec!["records/a"]),
        ("delete_time:*".to_owned(), vec!["records/b"]),
        ("create_time < \"2020-01-01T00:00:00Z\"".to_owned(), vec![]),
        ("party.successors = \"records/a\"".to_owned(), vec!["records/p"]),
        ("party.successors:*".to_owned(), vec!["records/p"]),
    ];
    for (filter, expected) in table {
        let request = v1::ListRecordsRequest {
            filter: filter.clone(),
            show_deleted: true,
            order_by: "name".into(),
            ..Default::default()
        };
        assert_eq!(crate::records::names(&server.list(request).await), expected, "{filter}");
        let count =
            v1::CountRecordsRequest { filter: filter.clone(), show_deleted: true, ..Default::default() };
        assert_eq!(server.count(count).await.unwrap(), i64::try_from(expected.len()).unwrap(), "{filter}");
    }
    let seeded_count = v1::CountRecordsRequest { filter: "revision = 1".into(), ..Default::default() };
    assert_eq!(server.count(seeded_count).await.unwrap(), i64::try_from(seeded).unwrap());
    // At an older revision they are those of that revision.
    let before = v1::CountRecordsRequest {
        filter: "party.successors:*".into(),
        as_of: at(a.revision - 1),
        ..Default::default()
    };
    assert_eq!(server.count(before).await.unwrap(), 0);
}

#[tokio::test]
async fn a_filter_that_is_none_is_refused_with_its_place() {
    let server = Server::start().await;
    let deep = format!("{}kind = party{}", "(".repeat(17), ")".repeat(17));
    let many = vec!["kind = party"; 101].join(" AND ");
    let long = format!("title = \"{}\"", "x".repeat(4_096));
    let table = [
        ("kind = \"party", Reason::FilterSyntax, "position", Some("7")),
        ("kind = party AND", Reason::FilterSyntax, "position", None),
        (deep.as_str(), Reason::FilterSyntax, "position", None),
        (many.as_str(), Reason::FilterSyntax, "position", None),
        (long.as_str(), Reason::FilterSyntax, "position", None),
        ("appeal.filed = 2023", Reason::FilterUnknownField, "path", Some("appeal.filed")),
        ("kind = party AND tittle = x", Reason::FilterUnknownField, "path", Some("tittle")),
        ("appeal.filed_on >= soon", Reason::FilterType, "path", Some("appeal.filed_on")),
        ("election.cast = many", Reason::FilterType, "path", Some("election.cast")),
        ("election.level = GALACTIC", Reason::FilterType, "path", Some("election.level")),
        ("party.ended = 3", Reason::FilterType, "path", Some("party.ended")),
    ];
    for (filter, reason, key, value) in table {
        let mut client = server.records();
        let filter = filter.to_owned();
        let list = v1::ListRecordsRequest { filter: filter.clone(), ..Default::default() };
        let count = v1::CountRecordsRequest { filter: filter.clone(), ..Default::default() };
        let export = v1::ExportRecordsRequest { filter: filter.clone(), ..Default::default() };
        let refusals = [
            client.list_records(list).await.map(|_| ()),
            client.count_records(count).await.map(|_| ()),
            client.export_records(export).await.map(|_| ()),
        ];
        for refused in refusals {
            let told = metadata(refused.as_ref().unwrap_err(), key);
            assert!(
                told.is_some() && value.is_none_or(|value| told.as_deref() == Some(value)),
                "{filter} {told:?}"
            );
            assert_refused(refused, Code::InvalidArgument, reason, &[]);
        }
    }
}
