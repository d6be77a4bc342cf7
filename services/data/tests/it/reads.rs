//! Reads: points in the history, order, pages and their tokens, and what the server derives.

use reform_api::data::v1;
use reform_api::error::Reason;
use serde_json::json;
use tonic::Code;

use crate::records::{appeal, appeal_on, large, names, party, record};
use crate::support::{Server, assert_refused, assert_violations, at, create, metadata, subjects};

#[tokio::test]
async fn a_read_sees_the_store_at_its_revision() {
    let server = Server::start().await;
    assert_eq!(server.list(v1::ListRecordsRequest { as_of: at(0), ..Default::default() }).await, []);
    let first = server.create(appeal("a")).await.unwrap();
    let mut changed = first.clone();
    changed.title = "changed".into();
    let second = server.update(changed, None).await.unwrap();
    let third = server.delete("records/a").await.unwrap();
    for (revision, expected) in [(1, &first), (2, &second), (3, &third)] {
        assert_eq!(server.get_at("records/a", at(revision)).await.unwrap(), *expected);
        // The end of a commit's millisecond is that revision or, when commits shared it, a later one.
        let time = Some(v1::AsOf {
            point: Some(v1::as_of::Point::Time(expected.update_time.unwrap())),
            ..Default::default()
        });
        let seen = server.get_at("records/a", time).await.unwrap();
        assert!(seen.revision >= revision && seen.update_time == expected.update_time, "{seen:?}");
    }
    let before = prost_types::Timestamp { seconds: first.create_time.unwrap().seconds - 1, nanos: 0 };
    let before = Some(v1::AsOf { point: Some(v1::as_of::Point::Time(before)), ..Default::default() });
    assert_refused(server.get_at("records/a", before).await, Code::NotFound, Reason::RecordNotFound, &[]);
    assert_refused(server.get_at("records/a", at(0)).await, Code::NotFound, Reason::RecordNotFound, &[]);
    for (revision, count) in [(0, 0), (1, 1), (2, 1), (3, 0)] {
        let request = v1::CountRecordsRequest { as_of: at(revision), ..Default::default() };
        assert_eq!(server.count(request).await.unwrap(), count, "{revision}");
    }
}

#[tokio::test]
async fn a_point_beyond_the_head_or_in_another_store_is_refused() {
    let server = Server::start().await;
    server.create(appeal("a")).await.unwrap();
    let store_id = server.status().await.store_id;
    let elsewhere = Some(v1::AsOf { store_id: "elsewhere".into(), ..Default::default() });
    let mut client = server.records();
    let list = |as_of| v1::ListRecordsRequest { as_of, ..Default::default() };
    let count = |as_of| v1::CountRecordsRequest { as_of, ..Default::default() };
    let batch = |as_of| v1::BatchGetRecordsRequest { names: vec!["records/a".into()], as_of };
    let export = |as_of| v1::ExportRecordsRequest { as_of, ..Default::default() };
    for (as_of, code, reason) in [
        (at(2), Code::OutOfRange, Reason::RevisionAhead),
        (elsewhere, Code::FailedPrecondition, Reason::StoreChanged),
    ] {
        let status = server.get_at("records/a", as_of.clone()).await.unwrap_err();
        if reason == Reason::RevisionAhead {
            assert_eq!(metadata(&status, "head_revision").as_deref(), Some("1"));
        } else {
            assert_eq!(metadata(&status, "store_id"), Some(store_id.clone()));
            assert_eq!(subjects(&status), ["store_id"]);
        }
        assert_refused::<()>(Err(status), code, reason, &[]);
        assert_refused(client.list_records(list(as_of.clone())).await, code, reason, &[]);
        assert_refused(client.count_records(count(as_of.clone())).await, code, reason, &[]);
        assert_refused(client.batch_get_records(batch(as_of.clone())).await, code, reason, &[]);
        let exported = client.export_records(export(as_of)).await;
        assert_refused(exported.map(|_| ()), code, reason, &[]);
    }
    assert_violations(server.get_at("records/a", at(-1)).await, &["as_of.revision"]);
    let here = Some(v1::AsOf { store_id, ..Default::default() });
    server.get_at("records/a", here).await.unwrap();
}

#[tokio::test]
async fn a_batch_comes_in_the_order_asked() {
    let server = Server::start().await;
    for id in ["a", "b", "c"] {
        server.create(appeal(id)).await.unwrap();
    }
    let request = |asked: &[&str]| v1::BatchGetRecordsRequest {
        names: asked.iter().map(|id| format!("records/{id}")).collect(),
        as_of: None,
    };
    let mut client = server.records();
    let answer = client.batch_get_records(request(&["c", "a", "c"])).await.unwrap().into_inner();
    assert_eq!(names(&answer.records), ["records/c", "records/a", "records/c"]);
    assert_eq!(answer.revision, 3);
    let missing = client.batch_get_records(request(&["a", "x"])).await;
    assert_refused(missing, Code::NotFound, Reason::RecordNotFound, &[]);
    assert_violations(client.batch_get_records(request(&["a", "X"])).await, &["names[1]"]);
    assert_violations(client.batch_get_records(request(&["a"; 1_001])).await, &["names"]);
}

/// Five dated appeals and two undated ones, created in another order than that of their dates.
async fn dated() -> Server {
    let server = Server::start().await;
    let undated = |id: &str| record(&json!({"name": format!("records/{id}"), "appeal": {}}));
    let only_latest = json!({"name": "records/late", "appeal": {"filedOn": {"latest": {"year": 2001}}}});
    let year = json!({"name": "records/year", "appeal": {"filedOn": {"year": 2023}}});
    let records = [
        undated("z"),
        appeal_on("m", 2023, 5, 1),
        appeal_on("b", 2022, 5, 1),
        appeal_on("a", 2023, 5, 1),
        record(&only_latest),
        record(&year),
        undated("c"),
    ];
    for record in records {
        server.create(record).await.unwrap();
    }
    server
}

#[tokio::test]
async fn a_list_is_ordered_by_main_date_then_creation_or_by_name() {
    let server = dated().await;
    let table = [
        ("", ["b", "year", "m", "a", "z", "late", "c"]),
        ("main_date", ["b", "year", "m", "a", "z", "late", "c"]),
        ("main_date desc", ["a", "m", "year", "b", "c", "late", "z"]),
        ("name", ["a", "b", "c", "late", "m", "year", "z"]),
        ("name desc", ["z", "year", "m", "late", "c", "b", "a"]),
    ];
    for (order_by, expected) in table {
        let request = v1::ListRecordsRequest { order_by: order_by.into(), ..Default::default() };
        let listed = server.list(request.clone()).await;
        let ids: Vec<&str> = listed.iter().map(|record| &record.name["records/".len()..]).collect();
        assert_eq!(ids, expected, "{order_by}");
        for page_size in 1..=8 {
            let pages = server.pages(v1::ListRecordsRequest { page_size, ..request.clone() }).await;
            assert!(pages.iter().all(|page| page.len() <= usize::try_from(page_size).unwrap()));
            assert_eq!(pages.concat(), listed, "{order_by} by {page_size}");
        }
    }
    for order_by in ["title", "name down", "name, main_date", "desc"] {
        let request = v1::ListRecordsRequest { order_by: order_by.into(), ..Default::default() };
        assert_violations(server.page(request).await, &["order_by"]);
    }
    let negative = v1::ListRecordsRequest { page_size: -1, ..Default::default() };
    assert_violations(server.page(negative).await, &["page_size"]);
}

#[tokio::test]
async fn a_main_date_is_that_of_the_kind() {
    let server = Server::seeded().await;
    let day = |day: i32| json!({"year": 2023, "month": 5, "day": day});
    let bodies = [
        json!({"source": {"publishedOn": day(1)}}),
        json!({"institution": {"lifecycle": [{"kind": "KIND_ESTABLISHED", "date": day(2)}]}}),
        json!({"package": {"announcedOn": day(3)}}),
        json!({"reform": {"stages": [
            {"kind": "KIND_ANNOUNCED", "date": day(28), "status": "STATUS_PLANNED"},
            {"kind": "KIND_ADOPTED", "date": day(4), "status": "STATUS_ACTUAL"},
        ]}}),
        json!({"party": {"registeredOn": day(5), "foundedOn": day(4)}}),
        json!({"party": {"foundedOn": day(6)}}),
        json!({"election": {"institution": "records/i", "heldOn": [day(7), day(20)]}}),
        json!({"referendum": {"heldOn": day(8), "plannedOn": day(1)}}),
        json!({"referendum": {"plannedOn": day(9)}}),
        json!({"appeal": {"filedOn": day(10)}}),
        json!({"decision": {"date": day(11)}}),
        json!({"petition": {"stages": [{"kind": "KIND_SUBMITTED", "date": day(12)}]}}),
        json!({"observation": {
            "variable": "records/v", "basis": "BASIS_IN_PERIOD", "period": {"start": day(13)},
            "quantity": crate::records::exact("1"),
        }}),
        json!({"target": {"variable": "records/v", "quantity": crate::records::exact("1"), "deadlineOn": day(14)}}),
        json!({"event": {"date": day(15)}}),
    ];
    let named = bodies.iter().enumerate().rev().map(|(number, body)| {
        let own =
            json!({"name": format!("records/d-{:02}", number + 1), "citations": [{"source": "records/s"}]});
        create(record(&crate::records::with(own, body)))
    });
    server.commit(named.collect()).await.unwrap();
    let expected: Vec<String> = (1..=bodies.len()).map(|number| format!("records/d-{number:02}")).collect();
    assert_eq!(server.names("").await[..expected.len()], expected);
}

#[tokio::test]
async fn a_token_is_bound_to_query_revision_and_store() {
    let mut server = dated().await;
    let query = v1::ListRecordsRequest { filter: "kind = appeal".into(), page_size: 2, ..Default::default() };
    let whole = server.list(query.clone()).await;
    let first = server.page(query.clone()).await.unwrap();
    let token = first.next_page_token.clone();
    // Writes go on, and the list stays what it was.
    server.create(appeal_on("new", 2022, 12, 1)).await.unwrap();
    server.delete("records/m").await.unwrap();
    for _ in 0..2 {
        for page_size in [1, 2, 3, 1_000] {
            let rest = v1::ListRecordsRequest { page_size, page_token: token.clone(), ..query.clone() };
            assert_eq!(server.page(rest.clone()).await.unwrap().revision, first.revision);
            assert_eq!([first.records.clone(), server.pages(rest).await.concat()].concat(), whole);
        }
        server = server.restart().await;
    }
    let with = |token: &str| v1::ListRecordsRequest { page_token: token.into(), ..query.clone() };
    let mut flipped = token.clone().into_bytes();
    flipped[3] = if flipped[3] == b'0' { b'1' } else { b'0' };
    let foreign = dated().await.page(query.clone()).await.unwrap().next_page_token;
    let table = [
        with("x"),
        with("00"),
        with(&String::from_utf8(flipped).unwrap()),
        with(&foreign),
        with(&token[2..]),
        v1::ListRecordsRequest { filter: "kind = party".into(), ..with(&token) },
        v1::ListRecordsRequest { order_by: "name".into(), ..with(&token) },
        v1::ListRecordsRequest { show_deleted: true, ..with(&token) },
        v1::ListRecordsRequest { as_of: at(1), ..with(&token) },
    ];
    for request in table {
        let refused = server.page(request).await;
        assert_refused(refused, Code::InvalidArgument, Reason::PageTokenInvalid, &[]);
    }
}

#[tokio::test]
async fn a_page_holds_at_most_3_mib() {
    let server = Server::start().await;
    for n in 0..4 {
        let batch = (0..30).map(|m| create(large(&format!("l-{n}-{m:02}"), 60 << 10)));
        server.commit(batch.collect()).await.unwrap();
    }
    for order_by in ["", "main_date desc", "name", "name desc"] {
        let request =
            v1::ListRecordsRequest { order_by: order_by.into(), page_size: 1_000, ..Default::default() };
        let pages = server.pages(request).await;
        assert_eq!(pages.len(), 3, "{order_by}");
        assert_eq!(pages.iter().map(Vec::len).sum::<usize>(), 120);
        for page in &pages {
            let bytes: usize = page.iter().map(prost::Message::encoded_len).sum();
            assert!(bytes <= 3 << 20, "{bytes}");
        }
    }
    let names = (0..60).map(|n| format!("records/l-{}-{:02}", n / 30, n % 30)).collect();
    let refused = server.records().batch_get_records(v1::BatchGetRecordsRequest { names, as_of: None }).await;
    assert_refused(refused, Code::ResourceExhausted, Reason::AnswerTooLarge, &[]);
}

#[tokio::test]
async fn successors_are_derived_at_every_revision() {
    let server = Server::seeded().await;
    let head = server.head().await;
    server.create(party("a", &[])).await.unwrap();
    server.create(party("c", &["a"])).await.unwrap();
    server.create(party("b", &["a"])).await.unwrap();
    server.delete("records/c").await.unwrap();
    let successors = |record: v1::Record| match record.body {
        Some(v1::record::Body::Party(party)) => party.successors,
        _ => Vec::new(),
    };
    let table: [&[&str]; 4] = [&[], &["records/c"], &["records/b", "records/c"], &["records/b"]];
    for (step, expected) in (1..).zip(table) {
        let seen = server.get_at("records/a", at(head + step)).await.unwrap();
        assert_eq!(successors(seen), expected, "{step}");
    }
    // Sent back, they are ignored.
    let seen = server.get("records/a").await.unwrap();
    server.update(seen, Some(&["*"])).await.unwrap();
    assert_eq!(successors(server.get("records/a").await.unwrap()), ["records/b"]);
}
