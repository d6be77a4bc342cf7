//! `min_revision` and `store_id`.

use std::time::Duration;

use reform_api::analytics::v1;
use reform_api::error::Reason;
use tonic_types::StatusExt;

use crate::fake::{Fake, put};
use crate::pair::{Pair, appeal, appeals, assert_refused, counted, store, within};

/// A commit that is durable in the store, and that the feed has not sent.
fn hold_back(data: &Fake) {
    data.change(|script| script.commits.push(vec![put(appeal("held-back", 2023))]));
}

#[tokio::test]
async fn waits_for_a_revision_that_is_on_its_way() {
    let mut pair = Pair::start(store("a", 1)).await;
    assert_eq!(pair.count(2).await, "1");
    hold_back(&pair.data);
    let mut client = pair.client.clone();
    let ask = v1::QueryIndicatorRequest { min_revision: 3, ..appeals() };
    let waiting = tokio::spawn(async move { client.query_indicator(ask).await });
    // The head was asked for: the call is waiting, and the answer at revision 2 goes on meanwhile.
    while pair.status().await.head_revision < 3 {
        tokio::task::yield_now().await;
    }
    assert_eq!(pair.count(2).await, "1");
    assert!(!waiting.is_finished());
    pair.data.change(|script| script.released = 3);
    let answer = waiting.await.unwrap().unwrap();
    let metadata = answer.metadata();
    assert_eq!(metadata.get("reform-store-id").unwrap(), "a");
    assert_eq!(metadata.get("reform-revision").unwrap(), "3");
    assert_eq!(counted(answer.get_ref()), "2");
    assert_eq!((answer.get_ref().revision, answer.get_ref().store_id.as_str()), (3, "a"));
}

#[tokio::test]
async fn says_catching_up_before_the_deadline() {
    let mut pair = Pair::start(store("a", 1)).await;
    pair.ask(2).await.unwrap();
    hold_back(&pair.data);
    let ask = v1::QueryIndicatorRequest { min_revision: 3, ..appeals() };
    let status = pair.client.query_indicator(within(ask, Duration::from_millis(400))).await.unwrap_err();
    assert_refused(&status, Reason::CatchingUp);
    let metadata = status.get_details_error_info().unwrap().metadata;
    assert_eq!((metadata["applied_revision"].as_str(), metadata["head_revision"].as_str()), ("2", "3"));
    assert!(status.get_details_retry_info().is_some());
}

#[tokio::test]
async fn waits_while_the_data_service_is_away() {
    let mut pair = Pair::start(store("a", 1)).await;
    pair.ask(2).await.unwrap();
    pair.data.stop().await;
    let ask = v1::QueryIndicatorRequest { min_revision: 3, ..appeals() };
    let status = pair.client.query_indicator(within(ask, Duration::from_millis(300))).await.unwrap_err();
    assert_refused(&status, Reason::CatchingUp);
}

#[tokio::test]
async fn a_revision_that_does_not_exist_is_ahead() {
    let mut pair = Pair::start(store("a", 1)).await;
    pair.ask(2).await.unwrap();
    let status = pair.ask(7).await.unwrap_err();
    assert_refused(&status, Reason::RevisionAhead);
    assert_eq!(status.get_details_error_info().unwrap().metadata["head_revision"], "2");
}

#[tokio::test]
async fn another_store_is_told_at_once() {
    let mut pair = Pair::start(store("a", 1)).await;
    pair.ask(2).await.unwrap();
    let ask = v1::QueryIndicatorRequest { store_id: "b".into(), min_revision: 9, ..appeals() };
    let status = pair.query(ask).await.unwrap_err();
    assert_refused(&status, Reason::StoreChanged);
    assert_eq!(status.get_details_error_info().unwrap().metadata["store_id"], "a");
    assert!(status.get_details_precondition_failure().is_some());
}

#[tokio::test]
async fn a_batch_waits_for_its_latest_and_answers_at_one_revision() {
    let mut pair = Pair::start(store("a", 2)).await;
    pair.ask(3).await.unwrap();
    let at = |min_revision| v1::QueryIndicatorRequest { min_revision, ..appeals() };
    let batch = v1::BatchQueryIndicatorsRequest { queries: vec![at(0), at(3), at(1)] };
    let answers = pair.client.batch_query_indicators(batch).await.unwrap().into_inner().answers;
    assert_eq!(answers.iter().map(|answer| answer.revision).collect::<Vec<_>>(), [3, 3, 3]);

    let ahead = v1::BatchQueryIndicatorsRequest { queries: vec![at(0), at(8)] };
    assert_refused(&pair.client.batch_query_indicators(ahead).await.unwrap_err(), Reason::RevisionAhead);
}
