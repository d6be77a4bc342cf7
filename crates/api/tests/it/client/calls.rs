//! Calls with one answer.

use std::time::Duration;

use reform_api::client::{DataClient, Settings};
use reform_api::data::v1;
use reform_api::error::Reason;
use tokio::time::Instant;
use tonic::{Code, Status};

use super::fake::{Fake, Script};
use super::{reason, status};

fn refusing(refusals: impl IntoIterator<Item = Status>) -> Fake {
    Fake::new(Script { refusals: refusals.into_iter().collect(), ..Script::default() })
}

/// The request ids that were seen, and how often each.
fn ids(fake: &Fake) -> Vec<String> {
    fake.script(|script| script.called.iter().map(|(id, _)| id.clone()).collect())
}

#[tokio::test(start_paused = true)]
async fn every_write_is_repeated_under_one_request_id() {
    macro_rules! check {
        ($($rpc:ident($request:ident);)*) => {$(
            let fake = refusing([status(Reason::StoreFailed), status(Reason::Overloaded), status(Reason::Starting)]);
            fake.data().$rpc(v1::$request::default()).await.unwrap();
            let seen = ids(&fake);
            assert_eq!(seen.len(), 4, "{}", stringify!($rpc));
            assert!(seen.iter().all(|id| *id == seen[0]), "{seen:?}");
            assert_eq!(uuid(&seen[0]), Some(4), "{seen:?}");
        )*};
    }
    check! {
        create_record(CreateRecordRequest);
        update_record(UpdateRecordRequest);
        delete_record(DeleteRecordRequest);
        undelete_record(UndeleteRecordRequest);
        purge_record(PurgeRecordRequest);
        commit_records(CommitRecordsRequest);
    }
}

/// The version of a UUID.
fn uuid(id: &str) -> Option<u32> {
    let groups: Vec<&str> = id.split('-').collect();
    let shape = groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]);
    shape.then(|| groups[2].chars().next()?.to_digit(16)).flatten()
}

#[tokio::test(start_paused = true)]
async fn two_writes_have_two_request_ids_and_a_given_one_is_kept() {
    let fake = refusing([]);
    let data = fake.data();
    data.create_record(v1::CreateRecordRequest::default()).await.unwrap();
    data.create_record(v1::CreateRecordRequest::default()).await.unwrap();
    let given = v1::CreateRecordRequest { request_id: "mine".to_owned(), ..Default::default() };
    data.create_record(given).await.unwrap();
    let ids = ids(&fake);
    assert_ne!(ids[0], ids[1]);
    assert_eq!(ids[2], "mine");
}

#[tokio::test(start_paused = true)]
async fn any_other_refusal_is_returned_at_once() {
    let passing = |reason: &&Reason| reason.code() == Code::Unavailable || **reason == Reason::Overloaded;
    for refusal in Reason::ALL.iter().filter(|reason| !passing(reason)) {
        let fake = refusing([status(*refusal)]);
        let refused = fake.data().commit_records(v1::CommitRecordsRequest::default()).await.unwrap_err();
        assert_eq!(reason(&refused).as_deref(), Some(refusal.as_str()));
        assert_eq!(ids(&fake).len(), 1, "{refusal:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn patience_ends() {
    let fake = refusing(std::iter::repeat_n(status(Reason::Starting), 1_000));
    let settings = Settings { retry_for: Duration::from_secs(20), ..Settings::default() };
    let begun = Instant::now();
    let refused = fake.data().with_settings(settings).get_record(v1::GetRecordRequest::default()).await;
    assert_eq!(reason(&refused.unwrap_err()).as_deref(), Some("STARTING"));
    let waited = begun.elapsed();
    assert!(waited > Duration::from_secs(10) && waited <= Duration::from_secs(20), "{waited:?}");

    let fake = refusing(std::iter::repeat_n(status(Reason::Starting), 2));
    fake.once().get_record(v1::GetRecordRequest::default()).await.unwrap_err();
    assert_eq!(ids(&fake).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_author_goes_with_every_call() {
    let fake = refusing([status(Reason::Starting)]);
    let data = fake.data().with_author("someone").unwrap();
    data.create_record(v1::CreateRecordRequest::default()).await.unwrap();
    let authors: Vec<_> =
        fake.script(|script| script.called.iter().map(|(_, author)| author.clone()).collect());
    assert_eq!(authors, [Some("someone".to_owned()), Some("someone".to_owned())]);
    assert!(fake.data().with_author("line\nbreak").is_err());
}

/// Nothing is listening on the port of a listener that is gone.
#[tokio::test]
async fn a_service_that_is_not_there_is_unavailable() {
    let address = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let url = format!("http://{address}");
    assert!(DataClient::connect(&url).await.is_err());
    let settings = Settings { retry_for: Duration::ZERO, ..Settings::default() };
    let data = DataClient::lazy(&url).unwrap().with_settings(settings);
    let refused = data.get_status(v1::GetStatusRequest {}).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    assert!(DataClient::lazy("not a url").is_err());
}

/// A listener that never accepts: the connection is made and nothing answers.
#[tokio::test]
async fn a_deadline_that_passed_is_said_by_its_name() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let settings = Settings { deadline: Duration::from_millis(20), ..Settings::default() };
    let data = DataClient::lazy(&url).unwrap().with_settings(settings);
    let refused = data.get_status(v1::GetStatusRequest {}).await.unwrap_err();
    assert_eq!(refused.code(), Code::DeadlineExceeded);
    assert_eq!(reason(&refused).as_deref(), Some("DEADLINE"));
}
