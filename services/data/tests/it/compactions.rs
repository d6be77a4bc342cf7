//! CompactHistory: below the oldest revision nothing is served, and from it on nothing changes.

use reform_api::data::v1;
use reform_api::error::Reason;
use tonic::{Code, Status};

use crate::records::{appeal, large};
use crate::support::{
    Server, assert_refused, assert_violations, at, create, delete, drain, import_batch, import_options,
    metadata, reason, update,
};

#[track_caller]
fn assert_compacted<T: std::fmt::Debug>(refused: Result<T, Status>, oldest: i64) {
    let status = refused.expect_err("it is compacted");
    assert_eq!(metadata(&status, "oldest_revision"), Some(oldest.to_string()), "{status:?}");
    assert_refused::<()>(Err(status), Code::OutOfRange, Reason::Compacted, &[]);
}

fn time(record: &v1::Record, offset_ms: i32) -> Option<v1::AsOf> {
    let time = record.update_time.unwrap();
    let nanos = i64::from(time.nanos) + i64::from(offset_ms) * 1_000_000;
    let time = prost_types::Timestamp {
        seconds: time.seconds + nanos.div_euclid(1_000_000_000),
        nanos: i32::try_from(nanos.rem_euclid(1_000_000_000)).unwrap(),
    };
    Some(v1::AsOf { point: Some(v1::as_of::Point::Time(time)), ..Default::default() })
}

/// Everything that can be read at a revision and after it.
pub(crate) async fn from(
    server: &Server,
    oldest: i64,
) -> (Vec<Vec<v1::Record>>, Vec<v1::WatchChangesResponse>) {
    let mut lists = Vec::new();
    for revision in oldest..=server.head().await {
        let list = v1::ListRecordsRequest { show_deleted: true, as_of: at(revision), ..Default::default() };
        lists.push(server.list(list).await);
    }
    (lists, whole(server.replay(oldest, "").await))
}

/// Each commit in one message: where a large one is cut depends on how it is stored.
fn whole(messages: Vec<v1::WatchChangesResponse>) -> Vec<v1::WatchChangesResponse> {
    let mut commits: Vec<v1::WatchChangesResponse> = Vec::new();
    for message in messages {
        match commits.last_mut().filter(|commit| !commit.commit_complete) {
            Some(commit) => {
                commit.changes.extend(message.changes);
                commit.commit_complete = message.commit_complete;
            }
            None => commits.push(message),
        }
    }
    commits
}

/// Every way to ask for an older revision is refused.
async fn check_refused(server: &Server, oldest: i64) {
    for revision in 0..oldest {
        assert_compacted(server.get_at("records/n-0-000", at(revision)).await, oldest);
        assert_compacted(server.watch(revision, "").await, oldest);
        let list = v1::ListRecordsRequest { as_of: at(revision), ..Default::default() };
        assert_compacted(server.page(list).await, oldest);
        let count = v1::CountRecordsRequest { as_of: at(revision), ..Default::default() };
        assert_compacted(server.count(count).await, oldest);
        let names = vec!["records/n-0-000".to_owned()];
        let batch = v1::BatchGetRecordsRequest { names, as_of: at(revision) };
        assert_compacted(server.records().batch_get_records(batch).await, oldest);
        let export = v1::ExportRecordsRequest { as_of: at(revision), ..Default::default() };
        assert_compacted(server.records().export_records(export).await.map(drop), oldest);
    }
}

/// Ten revisions: 3 × 500 appeals, most of them changed, some deleted, then single changes.
pub(crate) async fn filled() -> Server {
    let server = Server::start().await;
    let id = |n: usize, m: usize| format!("n-{n}-{m:03}");
    for n in 0..3 {
        server.commit((0..500).map(|m| create(appeal(&id(n, m)))).collect()).await.unwrap();
    }
    for n in 0..3 {
        let titled = |m| v1::Record { title: format!("title {m}"), ..appeal(&id(n, m)) };
        server.commit((0..400).map(|m| update(titled(m))).collect()).await.unwrap();
    }
    server.commit((0..100).map(|m| delete(&format!("records/{}", id(1, m)))).collect()).await.unwrap();
    for n in 0..3 {
        server.update(v1::Record { title: "last".into(), ..appeal(&id(n, 200)) }, None).await.unwrap();
    }
    server
}

#[tokio::test]
async fn history_below_the_oldest_revision_is_gone_and_nothing_else() {
    let mut server = filled().await;
    for oldest in [0, 2, 5, 8, 10] {
        let before = from(&server, oldest).await;
        server.compact(oldest).await.unwrap();
        for _ in 0..2 {
            assert_eq!(server.status().await.oldest_revision, oldest);
            check_refused(&server, oldest).await;
            let mut after = from(&server, oldest).await;
            // At the end of a feed progress tells the head.
            after.1.truncate(before.1.len());
            assert!(after == before, "from {oldest} on another answer");
            server = server.restart().await;
        }
        // Again, or further back: it is done already.
        server.compact(oldest).await.unwrap();
        server.compact(oldest / 2).await.unwrap();
    }
    let next = server.create(appeal("next")).await.unwrap();
    assert_eq!(next.revision, 11);
}

#[tokio::test]
async fn a_revision_beyond_the_head_cannot_be_the_oldest() {
    let server = Server::start().await;
    server.create(appeal("a")).await.unwrap();
    assert_refused(server.compact(2).await, Code::OutOfRange, Reason::RevisionAhead, &[]);
    assert_violations(server.compact(-1).await, &["revision"]);
    server.get_at("records/a", at(0)).await.unwrap_err();
    assert_eq!(server.status().await.oldest_revision, 0);
}

#[tokio::test]
async fn a_page_token_of_an_older_revision_is_compacted() {
    let mut server = Server::start().await;
    for n in 0..5 {
        server.create(appeal(&format!("a-{n}"))).await.unwrap();
    }
    let list = v1::ListRecordsRequest { page_size: 2, ..Default::default() };
    let old = server.page(list.clone()).await.unwrap();
    server.create(appeal("b")).await.unwrap();
    let new = server.page(list.clone()).await.unwrap();
    server.compact(6).await.unwrap();
    for _ in 0..2 {
        let page = v1::ListRecordsRequest { page_token: old.next_page_token.clone(), ..list.clone() };
        assert_compacted(server.page(page).await, 6);
        let page = v1::ListRecordsRequest { page_token: new.next_page_token.clone(), ..list.clone() };
        let page = server.page(page).await.unwrap();
        assert_eq!(crate::records::names(&page.records), ["records/a-2", "records/a-3"]);
        server = server.restart().await;
    }
}

#[tokio::test]
async fn a_watcher_of_dropped_history_is_told_and_one_at_the_head_goes_on() {
    let server = Server::start().await;
    for n in 0..40 {
        server.create(large(&format!("a-{n}"), 60_000)).await.unwrap();
        server.update(large(&format!("a-{n}"), 50_000), None).await.unwrap();
    }
    // One that has read its first message only, of more than fits on the way; and one that has read all.
    let mut behind = server.watch(0, "").await.unwrap();
    assert_eq!(behind.message().await.unwrap().unwrap().revision, 1);
    let mut ahead = server.watch(80, "").await.unwrap();
    assert!(ahead.message().await.unwrap().unwrap().changes.is_empty());
    server.compact(80).await.unwrap();
    let (messages, ended) = drain(behind).await;
    let revisions: Vec<i64> = messages.iter().map(|message| message.revision).collect();
    assert_eq!(revisions, (2..).take(revisions.len()).collect::<Vec<_>>(), "a gap");
    assert_compacted(Err::<(), _>(ended.expect("it is not complete")), 80);
    server.create(appeal("next")).await.unwrap();
    loop {
        let message = ahead.message().await.unwrap().unwrap();
        if !message.changes.is_empty() {
            assert_eq!(message.revision, 81);
            break;
        }
    }
}

#[tokio::test]
async fn a_point_in_time_is_the_last_commit_at_or_before_it() {
    let mut server = Server::start().await;
    let mut records = Vec::new();
    for n in 0..6 {
        records.push(server.create(appeal(&format!("a-{n}"))).await.unwrap());
    }
    let at = async |server: &Server, as_of| {
        let count = v1::CountRecordsRequest { as_of, ..Default::default() };
        server.records().count_records(count).await.map(|answer| answer.into_inner().revision)
    };
    for oldest in [0, 4, 6] {
        server.compact(oldest).await.unwrap();
        for _ in 0..2 {
            for record in &records {
                for offset in [-1, 0] {
                    // Commits may share a time: the last of them counts.
                    let wanted = time(record, offset);
                    let Some(v1::as_of::Point::Time(wanted_time)) = wanted.as_ref().unwrap().point else {
                        panic!("it is a time");
                    };
                    let key = |time: prost_types::Timestamp| (time.seconds, time.nanos);
                    let until = |other: &&v1::Record| key(other.update_time.unwrap()) <= key(wanted_time);
                    let expected =
                        records.iter().take_while(until).last().map_or(0, |record| record.revision);
                    match at(&server, wanted).await {
                        Ok(revision) => assert_eq!((revision, revision >= oldest), (expected, true)),
                        refused @ Err(_) => {
                            assert!(expected < oldest);
                            assert_compacted(refused, oldest);
                        }
                    }
                }
            }
            let long_ago = time(&records[0], -100_000);
            if oldest == 0 {
                assert_eq!(at(&server, long_ago).await.unwrap(), 0);
            } else {
                assert_compacted(at(&server, long_ago).await, oldest);
            }
            server = server.restart().await;
        }
    }
}

#[tokio::test]
async fn a_repeated_request_is_answered_while_its_answer_is_there() {
    let mut server = Server::start().await;
    let id = |last: u8| format!("0b7b5b1e-7c55-4e4b-8e39-6f2f5b0c9a{last:02}");
    let request = |record: &str, last| v1::CreateRecordRequest {
        record: Some(appeal(record)),
        request_id: id(last),
        ..Default::default()
    };
    let kept = server.records().create_record(request("kept", 1)).await.unwrap().into_inner();
    server.records().create_record(request("changed", 2)).await.unwrap();
    let batch =
        || vec![import_options(v1::ImportOptions::default()), import_batch(vec![appeal("i")], &id(3))];
    let (imported, _) = server.import(batch()).await;
    server.update(v1::Record { title: "x".into(), ..appeal("changed") }, None).await.unwrap();
    server.update(v1::Record { title: "x".into(), ..appeal("i") }, None).await.unwrap();
    server.compact(5).await.unwrap();
    for _ in 0..2 {
        assert_eq!(server.records().create_record(request("kept", 1)).await.unwrap().into_inner(), kept);
        assert_compacted(server.records().create_record(request("changed", 2)).await, 5);
        assert_eq!(server.import(batch()).await.0, imported);
        assert_eq!(server.head().await, 5);
        server = server.restart().await;
    }
}

#[tokio::test]
async fn a_compaction_goes_on_without_its_caller_and_after_a_restart() {
    let mut server = filled().await;
    let before = from(&server, 10).await;
    // The first message says that the revision is the oldest; nobody listens to the rest.
    let request = v1::CompactHistoryRequest { revision: 10 };
    let answers = server.maintenance().compact_history(request).await.unwrap();
    drop(answers);
    assert_eq!(server.status().await.oldest_revision, 10);
    // Before or after its end, here or after a restart: the answers are the same.
    for _ in 0..2 {
        check_refused(&server, 10).await;
        assert!(from(&server, 10).await == before);
        server = server.restart().await;
    }
    server.compact(10).await.unwrap();
    assert!(from(&server, 10).await == before);
}

/// Follows the feed to a revision, from the oldest one again whenever history was dropped; never a gap.
async fn follow(server: &Server, until: i64) {
    let mut place = 0;
    while place < until {
        let Ok(mut feed) = server.watch(place, "").await.inspect_err(|status| {
            assert_eq!(reason(status), Reason::Compacted);
            place = metadata(status, "oldest_revision").unwrap().parse().unwrap();
        }) else {
            continue;
        };
        loop {
            match feed.message().await {
                Ok(Some(message)) => {
                    assert!(
                        message.changes.is_empty() || message.revision == place + 1,
                        "a gap after {place}"
                    );
                    place = message.revision;
                    if place == until {
                        break;
                    }
                }
                Ok(None) => panic!("the feed has no end"),
                Err(status) => {
                    assert_eq!(reason(&status), Reason::Compacted);
                    break;
                }
            }
        }
    }
}

/// Writers, readers, and a compaction to the head again and again: the newest state is always read, and an older one is
/// answered rightly or COMPACTED.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn reads_beside_compactions_are_right_or_refused() {
    let server = Server::start().await;
    for n in 0..20 {
        server.create(large(&format!("a-{n:02}"), 3_000)).await.unwrap();
    }
    let writes = async {
        for n in 0..400 {
            let record = v1::Record { title: n.to_string(), ..large(&format!("a-{:02}", n % 20), 3_000) };
            server.update(record, None).await.unwrap();
            if n % 5 == 0 {
                let head = server.head().await;
                server.compact(head).await.unwrap();
            }
        }
    };
    let reads = async {
        let mut refused = 0;
        for n in 0..150 {
            let oldest = server.status().await.oldest_revision;
            // Overtaken, a read of the newest state begins again.
            let newest = server.page(v1::ListRecordsRequest::default()).await.unwrap();
            assert_eq!(newest.records.len(), 20);
            match server.page(v1::ListRecordsRequest { as_of: at(oldest), ..Default::default() }).await {
                Ok(page) => {
                    assert_eq!(page.records.len(), 20.min(usize::try_from(page.revision).unwrap()));
                }
                Err(status) => {
                    assert_eq!(reason(&status), Reason::Compacted);
                    refused += 1;
                }
            }
            let history = server.revisions(&format!("records/a-{:02}", n % 20), 3).await;
            match history {
                Ok(revisions) => {
                    assert!(!revisions.is_empty() && revisions.is_sorted_by_key(|r| -r.revision))
                }
                Err(status) => assert_eq!(reason(&status), Reason::Compacted),
            }
        }
        refused
    };
    let ((), refused, ()) = futures::join!(writes, reads, follow(&server, 420));
    assert!(refused < 150, "every read of an older state was refused");
}
