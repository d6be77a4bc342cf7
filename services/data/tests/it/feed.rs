//! The feed: every commit in order, complete, from any revision on.

use std::time::Duration;

use reform_api::data::v1;
use reform_api::error::Reason;
use reform_data::Patience;
use serde_json::json;
use tonic::Code;

use crate::records::{appeal, large, record};
use crate::support::{Server, assert_refused, assert_violations, create, drain, metadata, update};

fn change_types(message: &v1::WatchChangesResponse) -> Vec<(v1::ChangeType, &str, i64)> {
    let changes = message.changes.iter();
    changes.map(|change| (change.r#type(), change.name.as_str(), change.previous_revision)).collect()
}

#[tokio::test]
async fn replays_everything_in_order() {
    use v1::ChangeType::{Created, Deleted, Undeleted, Updated};
    let mut server = Server::start().await;
    let a = server.create(appeal("a")).await.unwrap();
    let titled = record(&json!({"name": "records/a", "title": "x"}));
    let both = server.commit(vec![update(titled), create(appeal("b"))]).await.unwrap();
    let gone = server.delete("records/b").await.unwrap();
    let back = server.undelete("records/b").await.unwrap();
    let expected = [
        vec![(Created, "records/a", 0)],
        vec![(Updated, "records/a", 1), (Created, "records/b", 0)],
        vec![(Deleted, "records/b", 2)],
        vec![(Undeleted, "records/b", 3)],
    ];
    for _ in 0..2 {
        let feed = server.replay(0, "").await;
        assert_eq!(feed.iter().map(|message| message.revision).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!(feed.iter().map(change_types).collect::<Vec<_>>(), expected);
        assert!(feed.iter().all(|message| message.commit_complete && message.head_revision == 4));
        let told =
            feed.iter().flat_map(|message| &message.changes).map(|change| change.record.clone().unwrap());
        let written =
            [vec![a.clone()], both.records.clone(), vec![gone.clone()], vec![back.clone()]].concat();
        assert_eq!(told.collect::<Vec<_>>(), written);
        let store_id = server.status().await.store_id;
        assert!(feed.iter().all(|message| message.store_id == store_id));
        assert!(feed.iter().all(|message| message.changes.iter().all(|change| change.kind == "appeal")));
        for after in 1..4 {
            let rest = server.replay(after, "").await;
            assert_eq!(rest, feed[usize::try_from(after).unwrap()..], "after {after}");
        }
        server = server.restart().await;
    }
}

#[tokio::test]
async fn says_where_the_head_is() {
    let server = Server::start().await;
    let progress = |revision: i64| (revision, true, revision, 0);
    let told = |message: &v1::WatchChangesResponse| {
        (message.revision, message.commit_complete, message.head_revision, message.changes.len())
    };
    assert_eq!(server.replay(0, "").await.iter().map(told).collect::<Vec<_>>(), [progress(0)]);
    server.create(appeal("a")).await.unwrap();
    server.create(appeal("b")).await.unwrap();
    assert_eq!(server.replay(2, "").await.iter().map(told).collect::<Vec<_>>(), [progress(2)]);
    // What does not match is not sent; progress says that it was seen.
    assert_eq!(server.replay(0, "kind = party").await.iter().map(told).collect::<Vec<_>>(), [progress(2)]);
}

#[tokio::test]
async fn a_filter_uses_kind_jurisdiction_and_name() {
    let server = Server::start().await;
    let german = record(&json!({"name": "records/c", "jurisdiction": "DE", "appeal": {}}));
    let source = record(&json!({"name": "records/s", "source": {}}));
    server.commit(vec![create(appeal("a")), create(german), create(source)]).await.unwrap();
    server.create(appeal("b")).await.unwrap();
    server.delete("records/a").await.unwrap();
    let table: [(&str, &[(i64, &str)]); 6] = [
        ("kind = appeal", &[(1, "records/a"), (1, "records/c"), (2, "records/b"), (3, "records/a")]),
        ("kind = source", &[(1, "records/s")]),
        ("jurisdiction = KZ", &[(1, "records/a"), (2, "records/b"), (3, "records/a")]),
        ("name = \"records/a\"", &[(1, "records/a"), (3, "records/a")]),
        ("NOT kind = appeal", &[(1, "records/s")]),
        ("kind = party", &[]),
    ];
    for (filter, expected) in table {
        let feed = server.replay(0, filter).await;
        let told: Vec<(i64, &str)> = feed
            .iter()
            .flat_map(|message| message.changes.iter().map(|change| (message.revision, change.name.as_str())))
            .collect();
        assert_eq!(told, expected, "{filter}");
        assert_eq!(feed.last().unwrap().revision, 3, "{filter}");
    }
    for (filter, reason, key) in
        [("title = x", Reason::FilterUnknownField, "path"), ("kind = ", Reason::FilterSyntax, "position")]
    {
        let refused = server.watch(0, filter).await.map(|_| ());
        assert!(metadata(refused.as_ref().unwrap_err(), key).is_some());
        assert_refused(refused, Code::InvalidArgument, reason, &[]);
    }
}

#[tokio::test]
async fn a_place_that_is_none_is_refused() {
    let server = Server::start().await;
    server.create(appeal("a")).await.unwrap();
    let ahead = server.watch(2, "").await.map(|_| ());
    assert_eq!(metadata(ahead.as_ref().unwrap_err(), "head_revision").as_deref(), Some("1"));
    assert_refused(ahead, Code::OutOfRange, Reason::RevisionAhead, &[]);
    assert_violations(server.watch(-1, "").await.map(|_| ()), &["after_revision"]);
    let request = v1::WatchChangesRequest { store_id: "elsewhere".into(), ..Default::default() };
    let elsewhere = server.changes().watch_changes(request).await.map(|_| ());
    assert_refused(elsewhere, Code::FailedPrecondition, Reason::StoreChanged, &[]);
}

#[tokio::test]
async fn a_watcher_at_the_head_gets_each_commit() {
    let server = Server::start().await;
    let mut feeds = Vec::new();
    for _ in 0..3 {
        let mut feed = server.watch(0, "").await.unwrap();
        assert_eq!(feed.message().await.unwrap().unwrap().changes, []);
        feeds.push(feed);
    }
    for revision in 1..=20 {
        let created = server.create(appeal(&format!("a-{revision}"))).await.unwrap();
        for feed in &mut feeds {
            let message = feed.message().await.unwrap().unwrap();
            assert_eq!((message.revision, message.commit_complete), (revision, true));
            assert_eq!(message.changes[0].record.as_ref(), Some(&created));
        }
    }
}

#[tokio::test]
async fn a_large_commit_comes_in_parts() {
    let server = Server::start().await;
    server.create(appeal("first")).await.unwrap();
    let jurisdiction = |n: i32| if n == 3 { "DE" } else { "KZ" };
    let whole: Vec<v1::Mutation> = (0..50)
        .map(|n| v1::Record { jurisdiction: jurisdiction(n).into(), ..large(&format!("l-{n:02}"), 60 << 10) })
        .map(create)
        .collect();
    let committed = server.commit(whole).await.unwrap();
    server.delete("records/first").await.unwrap();
    let feed = server.replay(0, "").await;
    let parts: Vec<&v1::WatchChangesResponse> = feed.iter().filter(|message| message.revision == 2).collect();
    assert!(parts.len() > 1, "{} parts", parts.len());
    assert!(parts.iter().all(|part| prost::Message::encoded_len(*part) < 2 << 20));
    let complete: Vec<bool> = parts.iter().map(|part| part.commit_complete).collect();
    assert!(complete.iter().rev().skip(1).all(|complete| !complete) && complete.ends_with(&[true]));
    let told = parts.iter().flat_map(|part| &part.changes).map(|change| change.record.clone().unwrap());
    assert_eq!(told.collect::<Vec<_>>(), committed.records);
    assert_eq!((feed[0].revision, feed.last().unwrap().revision), (1, 3));
    // The one match is in the first part; the end of the commit is told all the same.
    let german = server.replay(0, "jurisdiction = DE").await;
    let told: Vec<(i64, bool, usize)> = german
        .iter()
        .map(|message| (message.revision, message.commit_complete, message.changes.len()))
        .collect();
    assert_eq!(told, [(2, false, 1), (2, true, 0), (3, true, 0)]);
}

#[tokio::test]
async fn ends_with_its_place_when_the_service_stops() {
    let server = Server::start().await;
    server.create(appeal("a")).await.unwrap();
    server.delete("records/a").await.unwrap();
    let mut feed = server.watch(0, "").await.unwrap();
    for revision in [1, 2] {
        assert_eq!(feed.message().await.unwrap().unwrap().revision, revision);
    }
    server.cancel();
    let status = feed.message().await.unwrap_err();
    assert_eq!(metadata(&status, "revision").as_deref(), Some("2"));
    assert_refused::<()>(Err(status), Code::Unavailable, Reason::ShuttingDown, &[]);
    server.stop().await;
}

/// More than the transport takes ahead of its reader.
async fn with_a_long_history(patience: Patience) -> Server {
    let server = Server::with_patience(patience).await;
    server.create(record(&json!({"name": "records/s", "source": {}}))).await.unwrap();
    for n in 0..40 {
        server.commit((0..4).map(|m| create(large(&format!("n-{n}-{m}"), 50_000))).collect()).await.unwrap();
    }
    server
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_ended_with_its_last_revision() {
    let reader_slow = Duration::from_millis(200);
    let server = with_a_long_history(Patience { reader_slow, ..Patience::default() }).await;
    let mut feed = server.watch(0, "").await.unwrap();
    assert_eq!(feed.message().await.unwrap().unwrap().revision, 1);
    // Not for something to happen: this is the reader that is slow.
    tokio::time::sleep(3 * reader_slow).await;
    let (messages, ended) = drain(feed).await;
    let status = ended.expect("it is ended");
    let last = messages.last().expect("what was on its way came").revision;
    assert!((2..41).contains(&last), "{last}");
    assert_eq!(metadata(&status, "revision").as_deref(), Some(last.to_string().as_str()));
    assert_refused::<()>(Err(status), Code::ResourceExhausted, Reason::SlowConsumer, &[]);
    assert_eq!(server.watch(last, "").await.unwrap().message().await.unwrap().unwrap().revision, last + 1);
}

#[tokio::test]
async fn a_long_history_without_a_match_is_not_silent() {
    let server =
        with_a_long_history(Patience { progress_interval: Duration::ZERO, ..Patience::default() }).await;
    let mut feed = server.watch(0, "kind = \"party\"").await.unwrap();
    let mut told = Vec::new();
    while told.last() != Some(&41) {
        let message = feed.message().await.unwrap().expect("the feed has no end");
        assert!(message.changes.is_empty() && message.commit_complete);
        told.push(message.revision);
    }
    assert!(told.len() > 3 && told.is_sorted(), "{told:?}");
}
