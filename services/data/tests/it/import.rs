//! Import: options, batches, what happens to names that are taken and records that are refused.

use reform_api::data::v1;
use reform_api::data::v1::import_options::{OnExisting, OnInvalid};
use reform_api::error::Reason;
use serde_json::json;
use tonic::{Code, Status};

use crate::records::{appeal, large, party, record};
use crate::support::{
    Server, assert_refused, assert_violations, delete, import_batch, import_options, paths, subjects,
};

fn options(on_existing: OnExisting, on_invalid: OnInvalid) -> v1::ImportOptions {
    let (on_existing, on_invalid) = (on_existing.into(), on_invalid.into());
    v1::ImportOptions { on_existing, on_invalid, ..Default::default() }
}

fn titled(id: &str, title: &str) -> v1::Record {
    v1::Record { title: title.into(), ..appeal(id) }
}

/// Revision, created, replaced, unchanged, skipped, problems.
fn counts(answer: &v1::ImportRecordsResponse) -> [i64; 6] {
    let v1::ImportRecordsResponse { revision, created, replaced, unchanged, skipped, problems_total, .. } =
        answer;
    [*revision, *created, *replaced, *unchanged, *skipped, *problems_total]
}

/// Index, name, path, reason.
fn problems(answer: &v1::ImportRecordsResponse) -> Vec<(i32, &str, &str, &str)> {
    let each = answer.problems.iter();
    each.map(|p| (p.index, p.name.as_str(), p.field_path.as_str(), p.reason.as_str())).collect()
}

async fn ended(server: &Server, messages: Vec<v1::ImportRecordsRequest>) -> Status {
    server.import(messages).await.1.expect("the stream is refused")
}

#[tokio::test]
async fn options_come_first_and_once() {
    let server = Server::start().await;
    let options = || import_options(v1::ImportOptions::default());
    let batch = || import_batch(vec![appeal("a")], "");
    assert_violations::<()>(Err(ended(&server, vec![batch()]).await), &["options"]);
    assert_violations::<()>(Err(ended(&server, vec![options(), options()]).await), &["options"]);
    assert_violations::<()>(
        Err(ended(&server, vec![v1::ImportRecordsRequest::default()]).await),
        &["message"],
    );
    assert_eq!(server.head().await, 0);
    let (answers, refused) = server.import(vec![options(), batch(), options()]).await;
    assert_eq!(counts(&answers[0]), [1, 1, 0, 0, 0, 0]);
    assert_violations::<()>(Err(refused.unwrap()), &["options"]);
    let (answers, refused) = server.import(vec![]).await;
    assert!(answers.is_empty() && refused.is_none());
}

#[tokio::test]
async fn a_taken_name_is_refused_skipped_or_replaced() {
    let server = Server::start().await;
    for id in ["same", "changed", "gone"] {
        server.create(titled(id, "old")).await.unwrap();
    }
    server.delete("records/gone").await.unwrap();
    let head = server.head().await;
    let batch =
        || vec![titled("same", "old"), titled("changed", "new"), titled("gone", "old"), titled("new", "")];

    let (answers, refused) =
        server.import(vec![import_options(v1::ImportOptions::default()), import_batch(batch(), "")]).await;
    assert_eq!(counts(&answers[0]), [0, 0, 0, 0, 0, 3]);
    assert_eq!(
        problems(&answers[0]),
        [
            (0, "records/same", "", "RECORD_EXISTS"),
            (1, "records/changed", "", "RECORD_EXISTS"),
            (2, "records/gone", "", "RECORD_EXISTS"),
        ]
    );
    assert_refused::<()>(Err(refused.unwrap()), Code::AlreadyExists, Reason::RecordExists, &[]);
    assert_eq!(server.head().await, head);

    let answer = server.import_batch(options(OnExisting::Replace, OnInvalid::Abort), batch()).await;
    assert_eq!(counts(&answer), [head + 1, 1, 2, 1, 0, 0]);
    assert_eq!(server.get("records/changed").await.unwrap().title, "new");
    assert_eq!(server.get("records/gone").await.unwrap().delete_time, None);
    assert_eq!(server.get("records/same").await.unwrap().revision, 1);

    let again = server.import_batch(options(OnExisting::Replace, OnInvalid::Abort), batch()).await;
    assert_eq!(counts(&again), [0, 0, 0, 4, 0, 0], "what is identical makes no revision");
    let more = [batch(), vec![appeal("newer")]].concat();
    let answer = server.import_batch(options(OnExisting::Skip, OnInvalid::Abort), more).await;
    assert_eq!(counts(&answer), [head + 2, 1, 0, 0, 4, 0]);
    assert_eq!(server.head().await, head + 2);
}

#[tokio::test]
async fn a_replacement_keeps_kind_and_jurisdiction() {
    let server = Server::start().await;
    server.create(appeal("a")).await.unwrap();
    let batch = vec![record(&json!({"name": "records/a", "jurisdiction": "DE", "source": {}}))];
    let import =
        vec![import_options(options(OnExisting::Replace, OnInvalid::Abort)), import_batch(batch, "")];
    let (answers, refused) = server.import(import).await;
    assert_eq!(
        problems(&answers[0]),
        [
            (0, "records/a", "source", "FIELD_VIOLATIONS"),
            (0, "records/a", "jurisdiction", "FIELD_VIOLATIONS"),
        ]
    );
    assert_violations::<()>(
        Err(refused.unwrap()),
        &["batch.records[0].source", "batch.records[0].jurisdiction"],
    );
}

/// A good record, one that is impossible, one that points at nothing, one that is there twice, one that points at the
/// impossible one, and a good one that points at the first.
fn mixed() -> Vec<v1::Record> {
    vec![
        party("good", &[]),
        record(&json!({"name": "records/bad", "party": {"registeredOn": {"month": 1}}})),
        party("astray", &["nowhere"]),
        party("good", &[]),
        party("on-bad", &["bad"]),
        party("better", &["good"]),
    ]
}

#[tokio::test]
async fn a_bad_record_ends_the_stream_or_is_left_out() {
    let server = Server::seeded().await;
    let head = server.head().await;
    let abort = import_options(options(OnExisting::Fail, OnInvalid::Abort));
    let good = || import_batch(vec![appeal("first")], "");
    let (answers, refused) =
        server.import(vec![abort.clone(), good(), import_batch(mixed(), ""), good()]).await;
    assert_eq!(answers.len(), 2, "nothing after the bad batch is read");
    assert_eq!(counts(&answers[0]), [head + 1, 1, 0, 0, 0, 0]);
    assert_eq!(counts(&answers[1])[..5], [0; 5]);
    assert_eq!(answers[1].batch, 1);
    let status = refused.unwrap();
    assert_eq!(paths(&status)[0], "batch.records[1].citations");
    assert_eq!(server.head().await, head + 1, "earlier batches stand");

    let (answers, refused) =
        server.import(vec![abort.clone(), import_batch(vec![party("astray", &["nowhere"])], "")]).await;
    assert_eq!(problems(&answers[0]), [(0, "records/astray", "party.predecessors[0]", "REFERENCE_MISSING")]);
    let status = refused.unwrap();
    assert_eq!(subjects(&status), ["batch.records[0].party.predecessors[0]"]);
    assert_refused::<()>(Err(status), Code::FailedPrecondition, Reason::ReferenceMissing, &[]);

    let answer = server.import_batch(options(OnExisting::Fail, OnInvalid::Skip), mixed()).await;
    assert_eq!(
        problems(&answer),
        [
            (1, "records/bad", "citations", "FIELD_VIOLATIONS"),
            (1, "records/bad", "party.registered_on.year", "FIELD_VIOLATIONS"),
            (2, "records/astray", "party.predecessors[0]", "REFERENCE_MISSING"),
            (3, "records/good", "name", "FIELD_VIOLATIONS"),
            (4, "records/on-bad", "party.predecessors[0]", "REFERENCE_MISSING"),
        ]
    );
    assert_eq!(counts(&answer), [head + 2, 2, 0, 0, 4, 5], "refused records count as skipped");
    assert_eq!(server.names("kind = party").await.len(), 3);
}

#[tokio::test]
async fn at_most_100_problems_are_listed() {
    let server = Server::start().await;
    let bad =
        (0..150).map(|n| v1::Record { jurisdiction: "x".into(), ..appeal(&format!("a-{n}")) }).collect();
    let answer = server.import_batch(options(OnExisting::Fail, OnInvalid::Skip), bad).await;
    assert_eq!((answer.problems.len(), answer.problems_total, answer.revision), (100, 150, 0));
}

#[tokio::test]
async fn the_order_within_a_batch_is_free() {
    let server = Server::start().await;
    let source = record(&json!({"name": "records/s", "source": {}}));
    let batch = vec![party("c", &["b"]), party("b", &["a", "c"]), party("a", &[]), source];
    let answer = server.import_batch(v1::ImportOptions::default(), batch).await;
    assert_eq!(counts(&answer), [1, 4, 0, 0, 0, 0]);
    let names: Vec<String> =
        server.replay(0, "").await[0].changes.iter().map(|change| change.name.clone()).collect();
    assert_eq!(names, ["records/c", "records/b", "records/a", "records/s"]);
}

#[tokio::test]
async fn a_batch_holds_a_thousand_records_and_3_mib() {
    let server = Server::start().await;
    let options = || import_options(v1::ImportOptions { reason: "yearly".into(), ..Default::default() });
    let many: Vec<v1::Record> = (0..1_001).map(|n| appeal(&format!("a-{n}"))).collect();
    let refused = ended(&server, vec![options(), import_batch(many.clone(), "")]).await;
    assert_violations::<()>(Err(refused), &["batch.records"]);
    let heavy = (0..60).map(|n| large(&format!("l-{n}"), 60 << 10)).collect();
    let refused = ended(&server, vec![options(), import_batch(heavy, "")]).await;
    assert_refused::<()>(Err(refused), Code::ResourceExhausted, Reason::MessageTooLarge, &[]);
    assert_eq!(server.head().await, 0);
    let answer = server
        .import_batch(
            v1::ImportOptions { reason: "yearly".into(), ..Default::default() },
            many[..1_000].to_vec(),
        )
        .await;
    assert_eq!(counts(&answer), [1, 1_000, 0, 0, 0, 0]);
    let feed = server.replay(0, "").await;
    assert!(
        feed.iter().all(|message| message.reason == "yearly" && message.author == "unverified:anonymous")
    );
    let long = v1::ImportOptions { reason: "x".repeat(1_001), ..Default::default() };
    let refused = ended(&server, vec![import_options(long), import_batch(vec![appeal("x")], "")]).await;
    assert_violations::<()>(Err(refused), &["options.reason"]);
}

#[tokio::test]
async fn a_dry_run_stores_nothing_and_knows_what_came_before() {
    let server = Server::seeded().await;
    let head = server.head().await;
    let dry = |on_existing| {
        import_options(v1::ImportOptions { dry_run: true, ..options(on_existing, OnInvalid::Skip) })
    };
    let batches = |first| {
        vec![
            first,
            import_batch(vec![party("a", &[])], ""),
            import_batch(vec![party("b", &["a"]), party("c", &["nowhere"])], ""),
            import_batch(vec![party("a", &[]), party("p", &[])], ""),
        ]
    };
    let (answers, refused) = server.import(batches(dry(OnExisting::Fail))).await;
    assert!(refused.is_none(), "{refused:?}");
    assert_eq!(counts(&answers[0]), [0, 1, 0, 0, 0, 0]);
    assert_eq!(counts(&answers[1]), [0, 1, 0, 0, 1, 1]);
    assert_eq!(problems(&answers[1]), [(1, "records/c", "party.predecessors[0]", "REFERENCE_MISSING")]);
    assert_eq!(
        problems(&answers[2]),
        [(0, "records/a", "", "RECORD_EXISTS"), (1, "records/p", "", "RECORD_EXISTS")]
    );
    assert_eq!(server.head().await, head);
    // The same for real.
    let real = import_options(options(OnExisting::Fail, OnInvalid::Skip));
    let (stored, _) = server.import(batches(real)).await;
    for (dry, stored) in answers.iter().zip(&stored) {
        assert_eq!(counts(dry)[1..], counts(stored)[1..]);
        assert_eq!(problems(dry), problems(stored));
    }
    server.commit(vec![delete("records/a"), delete("records/b")]).await.unwrap();
}

#[tokio::test]
async fn a_batch_is_answered_before_the_next_is_sent() {
    let server = Server::start().await;
    let (send, messages) = tokio::sync::mpsc::channel(1);
    let stream = tokio_stream::wrappers::ReceiverStream::new(messages);
    send.send(import_options(v1::ImportOptions::default())).await.unwrap();
    let mut answers = server.records().import_records(stream).await.unwrap().into_inner();
    for number in 0..5 {
        send.send(import_batch(vec![appeal(&format!("a-{number}"))], "")).await.unwrap();
        let answer = answers.message().await.unwrap().unwrap();
        assert_eq!((answer.batch, answer.revision), (number, number + 1));
        server.get(&format!("records/a-{number}")).await.unwrap();
    }
    drop(send);
    assert!(answers.message().await.unwrap().is_none());
}
