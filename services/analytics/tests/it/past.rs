//! `as_of` by revision and by time.

use std::time::Duration;

use prost::Message;
use reform_analytics::past::Limits;
use reform_api::analytics::v1::query_indicator_request::AsOf;
use reform_api::analytics::v1::{self, QueryIndicatorRequest};
use reform_api::data::v1::ChangeType;
use reform_api::error::Reason;
use tonic_types::StatusExt;

use crate::fake::{Fake, bare, put};
use crate::pair::{Pair, appeal, appeals, assert_refused, counted, store, within};
use crate::refusals::fields;

fn at(revision: i64) -> QueryIndicatorRequest {
    QueryIndicatorRequest { as_of: Some(AsOf::AsOfRevision(revision)), ..appeals() }
}

fn then(seconds: i64) -> QueryIndicatorRequest {
    let time = prost_types::Timestamp { seconds, nanos: 999 };
    QueryIndicatorRequest { as_of: Some(AsOf::AsOfTime(time)), ..appeals() }
}

fn exports(pair: &Pair) -> usize {
    let mut exports = 0;
    pair.data.change(|script| exports = script.exports);
    exports
}

/// Feeds that were opened, each for the revisions after one.
fn feeds(pair: &Pair) -> Vec<i64> {
    let mut feeds = Vec::new();
    pair.data.change(|script| feeds = script.opened.iter().map(|(_, after)| *after).collect());
    feeds
}

/// A store at revision `appeals + 1`, with `views` views of the past kept.
async fn keeping(views: usize, appeals: usize) -> Pair {
    let data = Fake::start(store("a", appeals)).await;
    let limits = Limits { views, ..Limits::default() };
    let mut pair = Pair::beside(data, |config| config.past = limits).await;
    pair.ask(i64::try_from(appeals).unwrap() + 1).await.unwrap();
    pair
}

#[tokio::test]
async fn an_answer_of_the_past_has_the_bytes_that_it_had_then() {
    let mut pair = Pair::start(store("a", 0)).await;
    let mut then_answered = vec![pair.ask(1).await.unwrap()];
    for id in 0..4 {
        pair.data.commit(vec![put(appeal(&format!("late-{id}"), 2020 + id))]);
        then_answered.push(pair.ask(i64::from(id) + 2).await.unwrap());
    }
    for (answer, revision) in then_answered.iter().zip(1..) {
        let again = pair.query(at(revision)).await.unwrap();
        assert_eq!(again.encode_to_vec(), answer.encode_to_vec(), "revision {revision}");
        let again = pair.query(then(revision)).await.unwrap();
        assert_eq!(again.encode_to_vec(), answer.encode_to_vec(), "second {revision}");
    }
    let empty = pair.query(at(0)).await.unwrap();
    assert_eq!((empty.revision, empty.series.len()), (0, 0));
    assert_eq!(pair.query(then(-5)).await.unwrap().revision, 0);
    assert_eq!(pair.query(then(1 << 40)).await.unwrap().revision, 5);
}

#[tokio::test]
async fn the_metadata_tell_how_far_the_service_is_and_the_answer_what_it_is_of() {
    let mut pair = keeping(2, 3).await;
    let answer = pair.client.query_indicator(at(2)).await.unwrap();
    assert_eq!(answer.metadata().get("reform-revision").unwrap(), "4");
    assert_eq!(answer.get_ref().revision, 2);
}

#[tokio::test]
async fn a_few_views_are_kept_and_the_present_needs_none() {
    let mut pair = keeping(2, 4).await;
    for (revision, expected) in [(5, 1), (2, 2), (3, 3), (2, 3), (4, 4), (2, 4), (3, 5)] {
        assert_eq!(pair.query(at(revision)).await.unwrap().revision, revision);
        // All but the feed that is followed.
        assert_eq!(exports(&pair) + feeds(&pair).len() - 1, expected, "revision {revision}");
    }
    let mut none = keeping(0, 2).await;
    for expected in [2, 3] {
        none.query(at(1)).await.unwrap();
        assert_eq!(exports(&none), expected);
    }
}

#[tokio::test]
async fn a_view_is_made_from_the_one_before_it_and_without_its_history_from_an_export() {
    let mut pair = keeping(4, 6).await;
    let mut fresh = keeping(4, 6).await;
    for (revision, feeds_expected, exports_expected) in
        [(2, vec![7], 2), (5, vec![7, 2], 2), (4, vec![7, 2, 2], 2)]
    {
        let answer = pair.query(at(revision)).await.unwrap();
        assert_eq!(answer, fresh.query(at(revision)).await.unwrap());
        assert_eq!((feeds(&pair), exports(&pair)), (feeds_expected, exports_expected), "revision {revision}");
    }
    pair.data.change(|script| script.oldest = 6);
    let answer = pair.query(at(6)).await.unwrap();
    assert_eq!((answer.revision, exports(&pair)), (6, 3));
    assert_eq!(feeds(&pair), [7, 2, 2, 5]);
}

#[tokio::test]
async fn a_view_that_took_too_long_is_there_when_it_is_asked_for_again() {
    let data = Fake::start(store("a", 2)).await;
    let limits = Limits { bytes: 0, ..Limits::default() };
    let mut pair = Pair::beside(data, |config| config.past = limits).await;
    pair.ask(3).await.unwrap();
    pair.data.change(|script| script.holds_exports = true);
    let impatient = within(at(2), Duration::from_millis(300));
    assert_refused(&pair.client.query_indicator(impatient).await.unwrap_err(), Reason::CatchingUp);
    pair.data.change(|script| script.holds_exports = false);
    assert_eq!(pair.query(at(2)).await.unwrap().revision, 2);
    assert_eq!(exports(&pair), 2);
}

#[tokio::test]
async fn whoever_asks_at_once_shares_one_export_and_it_outlives_who_gives_up() {
    let mut pair = keeping(4, 2).await;
    pair.data.change(|script| script.holds_exports = true);
    let impatient = within(at(2), Duration::from_millis(300));
    let status = pair.client.query_indicator(impatient).await.unwrap_err();
    assert_refused(&status, Reason::CatchingUp);
    let asked = (0..8).map(|_| {
        let mut client = pair.client.clone();
        tokio::spawn(async move { client.query_indicator(at(2)).await })
    });
    let asked: Vec<_> = asked.collect();
    pair.data.until(|script| script.exports == 2).await;
    pair.data.change(|script| script.holds_exports = false);
    for answer in asked {
        assert_eq!(counted(answer.await.unwrap().unwrap().get_ref()), "1");
    }
    assert_eq!(exports(&pair), 2);
}

#[tokio::test]
async fn a_purge_changes_the_past_and_what_is_kept_of_it_goes() {
    let mut pair = keeping(4, 2).await;
    pair.query(at(2)).await.unwrap();
    pair.data.commit(vec![bare(ChangeType::Deleted, "records/appeal-0")]);
    pair.ask(4).await.unwrap();
    pair.query(at(2)).await.unwrap();
    assert_eq!(exports(&pair), 2);
    pair.data.commit(vec![bare(ChangeType::Purged, "records/appeal-0")]);
    pair.ask(5).await.unwrap();
    pair.query(at(2)).await.unwrap();
    assert_eq!(exports(&pair), 3);
}

#[tokio::test]
async fn a_revision_on_its_way_is_waited_for() {
    let mut pair = keeping(4, 1).await;
    pair.data.change(|script| script.commits.push(vec![put(appeal("held-back", 2023))]));
    let mut client = pair.client.clone();
    let waiting = tokio::spawn(async move { client.query_indicator(at(3)).await });
    while pair.status().await.head_revision < 3 {
        tokio::task::yield_now().await;
    }
    assert!(!waiting.is_finished());
    pair.data.change(|script| script.released = 3);
    assert_eq!(counted(waiting.await.unwrap().unwrap().get_ref()), "2");
    assert_refused(&pair.query(at(9)).await.unwrap_err(), Reason::RevisionAhead);
}

#[tokio::test]
async fn what_the_data_service_says_of_the_past_reaches_the_caller() {
    let mut pair = keeping(4, 3).await;
    pair.data.change(|script| script.oldest = 3);
    for query in [at(2), then(2)] {
        let status = pair.query(query).await.unwrap_err();
        assert_refused(&status, Reason::Compacted);
        assert_eq!(status.get_details_error_info().unwrap().metadata["oldest_revision"], "3");
    }
    assert_eq!(pair.query(at(3)).await.unwrap().revision, 3);
    assert_eq!(fields(&pair.query(at(-1)).await.unwrap_err()), ["as_of_revision"]);
    let elsewhere = QueryIndicatorRequest { store_id: "b".into(), ..at(3) };
    assert_refused(&pair.query(elsewhere).await.unwrap_err(), Reason::StoreChanged);
}

#[tokio::test]
async fn a_batch_is_of_one_point_in_history() {
    let mut pair = keeping(4, 3).await;
    let batch = |queries| v1::BatchQueryIndicatorsRequest { queries };
    let answers = pair.client.batch_query_indicators(batch(vec![at(2), at(2)])).await.unwrap().into_inner();
    assert_eq!(answers.answers.iter().map(|answer| answer.revision).collect::<Vec<_>>(), [2, 2]);
    let mixed = vec![at(2), at(3), appeals(), then(2)];
    let status = pair.client.batch_query_indicators(batch(mixed)).await.unwrap_err();
    let paths = ["queries[1].as_of_revision", "queries[2].as_of_revision", "queries[3].as_of_time"];
    assert_eq!(fields(&status), paths);
}

#[tokio::test]
async fn points_and_pictures_of_the_past_are_of_their_revision() {
    let mut pair = keeping(4, 3).await;
    let answer = pair.query(at(3)).await.unwrap();
    let point = v1::ExplainPointRequest {
        query: Some(at(3)),
        period: answer.series[0].points[0].period.clone(),
        ..Default::default()
    };
    let explained = pair.client.explain_point(point).await.unwrap().into_inner();
    assert_eq!((explained.revision, explained.contributions.len()), (3, 2));
    let drawn = v1::RenderChartRequest { query: Some(at(3)), ..Default::default() };
    assert_eq!(pair.client.render_chart(drawn).await.unwrap().into_inner().revision, 3);
}
