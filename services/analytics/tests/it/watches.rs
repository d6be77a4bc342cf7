//! WatchIndicator.

use reform_api::analytics::v1::query_indicator_request::AsOf;
use reform_api::analytics::v1::{self, WatchIndicatorRequest, WatchIndicatorResponse};
use reform_api::error::Reason;
use reform_runtime::server::Exit;
use tonic::{Status, Streaming};

use crate::fake::{Fake, bare, put};
use crate::pair::{COURT, Pair, appeal, appeals, assert_refused, counted, record, store};
use crate::refusals::fields;
use reform_api::data::v1::ChangeType;

async fn watch(
    pair: &Pair,
    query: v1::QueryIndicatorRequest,
) -> Result<Streaming<WatchIndicatorResponse>, Status> {
    let request = WatchIndicatorRequest { query: Some(query) };
    pair.client.clone().watch_indicator(request).await.map(tonic::Response::into_inner)
}

async fn next(watch: &mut Streaming<WatchIndicatorResponse>) -> (String, i64) {
    let answer = watch.message().await.unwrap().unwrap().answer.unwrap();
    (counted(&answer), answer.revision)
}

fn another(data: &Fake, id: usize) {
    data.commit(vec![put(appeal(&format!("another-{id}"), 2023))]);
}

#[tokio::test]
async fn an_answer_comes_at_once_and_again_only_when_it_has_changed() {
    let mut pair = Pair::start(store("a", 2)).await;
    pair.ask(3).await.unwrap();
    let mut watch = watch(&pair, appeals()).await.unwrap();
    assert_eq!(next(&mut watch).await, ("2".to_owned(), 3));
    // It touches the answer in nothing but the revision.
    pair.data.commit(vec![put(record(COURT))]);
    pair.ask(4).await.unwrap();
    another(&pair.data, 0);
    assert_eq!(next(&mut watch).await, ("3".to_owned(), 5));
    pair.data.commit(vec![bare(ChangeType::Deleted, "records/another-0")]);
    assert_eq!(next(&mut watch).await, ("2".to_owned(), 6));
}

#[tokio::test]
async fn a_slow_reader_gets_the_newest_and_not_what_lay_between() {
    const COMMITS: usize = 60;
    let mut pair = Pair::start(store("a", 1)).await;
    pair.ask(2).await.unwrap();
    let mut watch = watch(&pair, appeals()).await.unwrap();
    for id in 0..COMMITS {
        another(&pair.data, id);
        let revision = 3 + i64::try_from(id).unwrap();
        pair.ask(revision).await.unwrap();
    }
    let newest = (COMMITS + 1).to_string();
    let mut messages = 1;
    while next(&mut watch).await.0 != newest {
        messages += 1;
    }
    assert!(messages < COMMITS / 2, "{messages} messages");
}

#[tokio::test]
async fn a_watch_waits_while_the_data_service_is_away() {
    let mut pair = Pair::start(store("a", 1)).await;
    pair.ask(2).await.unwrap();
    let mut watch = watch(&pair, appeals()).await.unwrap();
    assert_eq!(next(&mut watch).await.0, "1");
    pair.data.stop().await;
    let data = pair.data.restart().await;
    another(&data, 0);
    assert_eq!(next(&mut watch).await, ("2".to_owned(), 3));
}

#[tokio::test]
async fn a_watch_ends_when_another_store_is_followed() {
    let mut pair = Pair::start(store("a", 1)).await;
    pair.ask(2).await.unwrap();
    let mut watch = watch(&pair, appeals()).await.unwrap();
    assert_eq!(next(&mut watch).await.0, "1");
    pair.data.change(|script| {
        *script = store("b", 4);
        script.cuts = 1;
    });
    assert_refused(&watch.message().await.unwrap_err(), Reason::StoreChanged);
}

#[tokio::test]
async fn the_end_of_the_service_ends_a_watch() {
    let mut pair = Pair::start(store("a", 1)).await;
    pair.ask(2).await.unwrap();
    let mut watch = watch(&pair, appeals()).await.unwrap();
    assert_eq!(next(&mut watch).await.0, "1");
    pair.stop.cancel();
    assert_refused(&watch.message().await.unwrap_err(), Reason::ShuttingDown);
    assert_eq!(pair.ended.await.unwrap().unwrap(), Exit::Drained);
}

#[tokio::test]
async fn a_bad_watch_is_refused_as_a_bad_query() {
    let mut pair = Pair::start(store("a", 1)).await;
    pair.ask(2).await.unwrap();
    let past = v1::QueryIndicatorRequest { as_of: Some(AsOf::AsOfRevision(1)), ..appeals() };
    assert_eq!(fields(&watch(&pair, past).await.unwrap_err()), ["query.as_of_revision"]);
    let unknown = v1::QueryIndicatorRequest { indicator: "indicators/happiness".into(), ..appeals() };
    assert_refused(&watch(&pair, unknown).await.unwrap_err(), Reason::IndicatorNotFound);
    let elsewhere = v1::QueryIndicatorRequest { store_id: "b".into(), ..appeals() };
    assert_refused(&watch(&pair, elsewhere).await.unwrap_err(), Reason::StoreChanged);
    let nothing = pair.client.watch_indicator(WatchIndicatorRequest::default()).await.unwrap_err();
    assert_eq!(fields(&nothing), ["query"]);
}
