//! What is exported can be imported, and is the same.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;
use reform_api::data::v1;
use reform_model::Kind;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::records::{appeal, good, large, party, plain, record, seed, with};
use crate::support::{Server, at, create, drain, import_batch, import_options};

/// The examples of the contract, in file order.
fn examples() -> Vec<v1::Record> {
    parse(include_str!("../../../../crates/api/tests/examples.jsonl").lines())
}

fn parse<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<v1::Record> {
    lines.map(|line| reform_api::json::parse("reform.data.v1.Record", line).unwrap()).collect()
}

async fn import(server: &Server, batches: Vec<Vec<v1::Record>>) {
    let options = import_options(v1::ImportOptions::default());
    let batches = batches.into_iter().map(|batch| import_batch(batch, ""));
    let (answers, ended) = server.import(std::iter::once(options).chain(batches).collect()).await;
    assert!(ended.is_none(), "{ended:?}");
    assert!(answers.iter().all(|answer| answer.problems_total == 0));
}

/// The export of a store, checked against its trailer, against a second export, and through another store.
pub(crate) async fn exported(server: &Server) -> Vec<v1::Record> {
    let (messages, trailer) = server.export(v1::ExportRecordsRequest::default()).await;
    let records = messages.concat();
    let encoded: Vec<u8> = records.iter().flat_map(Message::encode_to_vec).collect();
    assert_eq!(trailer.count, i64::try_from(records.len()).unwrap());
    assert_eq!(trailer.sha256, hex::encode(Sha256::digest(&encoded)));
    assert_eq!((trailer.revision, trailer.store_id), (server.head().await, server.status().await.store_id));
    assert_eq!(
        records,
        records.iter().cloned().map(plain).collect::<Vec<_>>(),
        "nothing that the server adds"
    );
    check_order(&records);

    let other = Server::start().await;
    import(&other, messages).await;
    let (again, proof) = other.export(v1::ExportRecordsRequest::default()).await;
    let bytes: Vec<u8> = again.concat().iter().flat_map(Message::encode_to_vec).collect();
    assert!(bytes == encoded, "the second export differs");
    assert_eq!(proof.sha256, trailer.sha256);
    records
}

/// Kinds in their order; within a kind a record after those that it refers to, unless they refer back, then by name.
fn check_order(records: &[v1::Record]) {
    let models: Vec<reform_model::Record> =
        records.iter().map(|record| reform_api::convert::record(record).unwrap()).collect();
    let kinds: Vec<Kind> = models.iter().map(reform_model::Record::kind).collect();
    let place = |kind: &Kind| Kind::ALL.iter().position(|of| of == kind);
    assert!(kinds.is_sorted_by_key(place), "{kinds:?}");
    let places: BTreeMap<&str, usize> =
        models.iter().enumerate().map(|(at, of)| (of.name.as_str(), at)).collect();
    let targets: Vec<Vec<usize>> = models
        .iter()
        .map(|model| {
            let references = model.references();
            let found =
                references.iter().filter_map(|reference| places.get(reference.target.as_str()).copied());
            found.filter(|target| kinds[*target] == model.kind()).collect()
        })
        .collect();
    let reaches = |from: usize, to: usize| {
        let (mut seen, mut open) = (vec![false; targets.len()], vec![from]);
        while let Some(at) = open.pop() {
            if !std::mem::replace(&mut seen[at], true) {
                open.extend(&targets[at]);
            }
        }
        seen[to]
    };
    for (at, of) in targets.iter().enumerate() {
        for target in of.iter().filter(|target| **target > at) {
            assert!(reaches(*target, at), "{} comes before {}", models[at].name, models[*target].name);
        }
    }
    // Where nothing refers to anything of its kind, the names decide.
    let free = |at: &usize| targets[*at].is_empty();
    let free: Vec<usize> = (0..models.len()).filter(free).collect();
    for pair in free.windows(2).filter(|pair| pair[1] == pair[0] + 1 && kinds[pair[0]] == kinds[pair[1]]) {
        assert!(models[pair[0]].name < models[pair[1]].name, "{}", models[pair[1]].name);
    }
}

/// Every record of an export equals its input.
fn check_same(exported: &[v1::Record], input: &[v1::Record]) {
    let by_name = |records: &[v1::Record]| -> BTreeMap<String, v1::Record> {
        records.iter().map(|record| (record.name.clone(), record.clone())).collect()
    };
    assert_eq!(exported.len(), input.len());
    for (name, record) in by_name(input) {
        assert_eq!(by_name(exported).get(&name), Some(&record));
    }
}

#[tokio::test]
async fn every_example_comes_back_identical() {
    let mut server = Server::start().await;
    import(&server, vec![examples()]).await;
    for _ in 0..2 {
        check_same(&exported(&server).await, &examples());
        server = server.restart().await;
    }
}

/// Cuts records into batches of about `size` in their order, none of which points beyond what came before and itself.
fn batches(records: Vec<v1::Record>, size: usize) -> Vec<Vec<v1::Record>> {
    let mut batches = vec![Vec::new()];
    let (mut known, mut wanted) = (BTreeSet::new(), BTreeSet::new());
    for record in records {
        if batches.last().is_some_and(|batch: &Vec<_>| batch.len() >= size) && wanted.is_subset(&known) {
            batches.push(Vec::new());
        }
        let model = reform_api::convert::record(&record).unwrap();
        wanted.extend(model.references().iter().map(|reference| reference.target.clone()));
        known.insert(model.name);
        batches.last_mut().unwrap().push(record);
    }
    batches
}

#[tokio::test]
async fn the_examples_are_accepted_in_file_order_in_batches_of_any_size() {
    for size in [1, 7, 33] {
        let server = Server::start().await;
        import(&server, batches(examples(), size)).await;
        check_same(&exported(&server).await, &examples());
    }
}

#[tokio::test]
async fn the_shipped_records_come_back_identical() {
    let mut server = Server::start().await;
    let input = parse(reform_dataset::lines());
    let files = reform_dataset::FILES
        .iter()
        .map(|(_, text)| parse(text.lines().filter(|line| !line.trim().is_empty())));
    let batches: Vec<Vec<v1::Record>> = files
        .flat_map(|records| records.chunks(1_000).map(<[v1::Record]>::to_vec).collect::<Vec<_>>())
        .collect();
    import(&server, batches).await;
    for _ in 0..2 {
        check_same(&exported(&server).await, &input);
        server = server.restart().await;
    }
}

#[tokio::test]
async fn cycles_stay_in_one_message() {
    let server = Server::seeded().await;
    // Pairs that refer to each other, and singles between them, so that a message of 3 MiB ends within a pair.
    let mut mutations = Vec::new();
    for n in 0..60 {
        let (a, b) = (format!("c-{n:02}-a"), format!("c-{n:02}-b"));
        for (own, other) in [(&a, &b), (&b, &a)] {
            let filled = v1::Record { description: "x".repeat(40_000 + n * 97), ..party(own, &[other]) };
            mutations.push(create(filled));
        }
        if n % 7 == 0 {
            mutations.push(create(v1::Record {
                description: "x".repeat(30_000),
                ..party(&format!("c-{n:02}-c"), &[])
            }));
        }
        if mutations.len() > 20 {
            server.commit(std::mem::take(&mut mutations)).await.unwrap();
        }
    }
    if !mutations.is_empty() {
        server.commit(mutations).await.unwrap();
    }
    let (messages, _) = server.export(v1::ExportRecordsRequest::default()).await;
    assert!(messages.len() > 1);
    for message in &messages {
        let bytes: usize = message.iter().map(Message::encoded_len).sum();
        assert!(bytes <= 3 << 20, "{bytes}");
        let pairs =
            message.iter().filter(|record| record.name.ends_with("-a") || record.name.ends_with("-b"));
        assert_eq!(pairs.count() % 2, 0, "a pair is cut");
    }
    exported(&server).await;
}

#[tokio::test]
async fn a_batch_never_points_beyond_itself() {
    let server = Server::seeded().await;
    let covers = json!({"source": {"covers": [{"kind": "appeal", "subject": "records/zz"}]}});
    server.create(appeal("zz")).await.unwrap();
    server.create(record(&with(good("source"), &covers))).await.unwrap();
    let many =
        (0..1_200).map(|n| create(record(&json!({"name": format!("records/w-{n:04}"), "source": {}}))));
    let many: Vec<v1::Mutation> = many.collect();
    for chunk in many.chunks(600) {
        server.commit(chunk.to_vec()).await.unwrap();
    }
    let (messages, _) = server.export(v1::ExportRecordsRequest::default()).await;
    let mut known: Vec<String> = Vec::new();
    for message in messages {
        known.extend(message.iter().map(|record| record.name.clone()));
        for record in &message {
            let model = reform_api::convert::record(record).unwrap();
            let missing =
                model.references().iter().any(|to| !known.iter().any(|name| name == to.target.as_str()));
            assert!(!missing, "{} points beyond its batch", record.name);
        }
    }
}

#[tokio::test]
async fn an_export_says_which_revision_wrote_each_record() {
    let server = Server::seeded().await;
    server.create(large("a", 10)).await.unwrap();
    server.delete("records/t").await.unwrap();
    server.undelete("records/t").await.unwrap();
    let answers = server.records().export_records(v1::ExportRecordsRequest::default()).await.unwrap();
    let (messages, ended) = drain(answers.into_inner()).await;
    assert!(ended.is_none(), "{ended:?}");
    for message in messages {
        assert_eq!(message.records.len(), message.revisions.len());
        for (record, revision) in message.records.iter().zip(message.revisions) {
            assert_eq!(server.get(&record.name).await.unwrap().revision, revision, "{}", record.name);
        }
    }
}

#[tokio::test]
async fn an_export_is_of_its_filter_and_revision() {
    let server = Server::seeded().await;
    let head = server.head().await;
    server.create(large("a", 10)).await.unwrap();
    server.delete("records/t").await.unwrap();
    let at_head = v1::ExportRecordsRequest { as_of: at(head), ..Default::default() };
    let (messages, trailer) = server.export(at_head).await;
    check_same(&messages.concat(), &seed());
    assert_eq!(trailer.revision, head);
    let filtered =
        v1::ExportRecordsRequest { filter: "kind = appeal OR kind = target".into(), ..Default::default() };
    let (messages, trailer) = server.export(filtered).await;
    assert_eq!(messages.concat(), [large("a", 10)]);
    assert_eq!(trailer.count, 1);
    let nothing = v1::ExportRecordsRequest { as_of: at(0), ..Default::default() };
    let (messages, trailer) = server.export(nothing).await;
    assert_eq!((messages.concat().len(), trailer.count), (0, 0));
    assert_eq!(trailer.sha256, hex::encode(Sha256::digest(b"")));
}
