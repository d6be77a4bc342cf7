//! Export, feed, and everything that can happen to them.

use std::time::Duration;

use reform_api::data::v1::{Change, ChangeType};
use reform_api::error::Reason;

use crate::fake::{Fake, Script, bare, put};
use crate::pair::{COURT, Pair, appeal, appeals, assert_refused, impossible, record, store};

#[tokio::test]
async fn exports_once_and_then_follows() {
    let mut pair = Pair::start(store("a", 2)).await;
    assert_eq!(pair.count(3).await, "2");
    pair.data.commit(vec![put(appeal("late-1", 2023)), put(appeal("late-2", 2023))]);
    assert_eq!(pair.count(4).await, "4");
    pair.data.commit(vec![bare(ChangeType::Deleted, "records/late-1")]);
    pair.data.commit(vec![bare(ChangeType::Purged, "records/late-1")]);
    assert_eq!(pair.count(6).await, "3");
    let status = pair.status().await;
    assert_eq!((status.store_id.as_str(), status.applied_revision, status.head_revision), ("a", 6, 6));
    assert_eq!((status.lag_ms, status.serving_stale, status.quarantined), (0, false, 0));
    assert_eq!(status.rows.get("appeal"), Some(&3));
    assert_eq!(pair.data.until(|_| true).await.exports, 1);
}

#[tokio::test]
async fn a_large_store_is_read_as_history_unless_that_was_dropped() {
    for (oldest, exports) in [(0, 0), (2, 1)] {
        let mut script = store("a", 2);
        (script.live, script.oldest) = (1_000_000, oldest);
        script.commits.push(vec![bare(ChangeType::Deleted, "records/appeal-1")]);
        script.released += 1;
        let mut pair = Pair::start(script).await;
        let counted = pair.count(4).await;
        pair.data.commit(vec![put(appeal("late", 2023))]);
        let later = pair.count(5).await;
        assert_eq!((counted.as_str(), later.as_str()), ("1", "2"), "oldest {oldest}");
        assert_eq!(pair.status().await.store_id, "a");
        assert_eq!(pair.data.until(|_| true).await.exports, exports);
    }
}

#[tokio::test]
async fn a_commit_in_parts_is_applied_whole() {
    let mut script = store("a", 0);
    script.split = true;
    let mut pair = Pair::start(script).await;
    pair.ask(1).await.unwrap();
    pair.data.commit((0..5).map(|index| put(appeal(&format!("part-{index}"), 2023))).collect());
    assert_eq!(pair.count(2).await, "5");
}

#[tokio::test]
async fn says_starting_until_the_first_export() {
    let mut script = store("a", 1);
    script.void = true;
    let mut pair = Pair::start(script).await;
    // A void export is asked for again.
    pair.data.until(|script| script.exports >= 2).await;
    assert_refused(&pair.ask(0).await.unwrap_err(), Reason::Starting);
    assert_eq!(pair.status().await.store_id, "");
    pair.until_serving(false).await;
    pair.data.change(|script| script.void = false);
    pair.until_serving(true).await;
    assert_eq!(pair.count(0).await, "1");
}

#[tokio::test]
async fn goes_on_after_a_restart_of_the_data_service_without_an_export() {
    let mut pair = Pair::start(store("a", 1)).await;
    assert_eq!(pair.count(2).await, "1");
    pair.data.stop().await;
    assert_eq!(pair.count(0).await, "1");
    let data = pair.data.restart().await;
    pair.data = data;
    pair.data.commit(vec![put(appeal("late", 2023))]);
    assert_eq!(pair.count(3).await, "2");
    let script = pair.data.until(|_| true).await;
    assert_eq!((script.exports, script.opened.last()), (1, Some(&("a".to_owned(), 2))));
}

#[tokio::test]
async fn too_old_a_state_answers_and_is_not_serving() {
    let data = Fake::start(store("a", 1)).await;
    let mut pair = Pair::beside(data, |config| config.staleness_max = Duration::from_millis(1)).await;
    assert_eq!(pair.count(2).await, "1");
    pair.until_serving(true).await;
    pair.data.stop().await;
    pair.until_serving(false).await;
    assert_eq!(pair.count(0).await, "1");
    let status = pair.status().await;
    assert!(status.serving_stale && status.lag_ms > 0, "{status:?}");
}

#[tokio::test]
async fn another_store_is_never_mixed_with_the_one_before() {
    let mut pair = Pair::start(store("a", 1)).await;
    assert_eq!(pair.count(2).await, "1");
    pair.data.change(|script| *script = Script { cuts: 1, ..store("b", 3) });
    let answer = pair.ask(4).await.unwrap();
    assert_eq!((answer.store_id.as_str(), answer.revision), ("b", 4));
    assert_eq!(pair.status().await.rows.get("appeal"), Some(&3));

    let mut old = appeals();
    old.store_id = "a".to_owned();
    old.min_revision = 2;
    assert_refused(&pair.query(old.clone()).await.unwrap_err(), Reason::StoreChanged);
    old.store_id = "b".to_owned();
    assert_eq!(pair.query(old).await.unwrap().revision, 4);
}

#[tokio::test]
async fn a_store_that_went_back_is_rebuilt() {
    let mut pair = Pair::start(store("a", 3)).await;
    assert_eq!(pair.count(4).await, "3");
    pair.data.change(|script| *script = Script { cuts: 1, ..store("a", 1) });
    pair.data.until(|script| script.opened.contains(&("a".to_owned(), 2))).await;
    assert_eq!(pair.count(0).await, "1");
    assert_eq!(pair.status().await.applied_revision, 2);
}

#[tokio::test]
async fn compacted_history_is_replaced_by_an_export() {
    let mut pair = Pair::start(store("a", 1)).await;
    assert_eq!(pair.count(2).await, "1");
    pair.data.stop().await;
    pair.data.change(|script| {
        script.oldest = 4;
        script.void = true;
        *script = Script { commits: store("a", 3).commits, released: 4, ..script.clone() };
    });
    let data = pair.data.restart().await;
    pair.data = data;
    // The old state answers until the new one is there.
    pair.data.until(|script| script.exports >= 3).await;
    let answer = pair.ask(0).await.unwrap();
    assert_eq!((answer.revision, pair.status().await.serving_stale), (2, true));
    pair.data.change(|script| script.void = false);
    assert_eq!(pair.count(4).await, "3");
    assert!(!pair.status().await.serving_stale);
}

#[tokio::test]
async fn a_commit_that_was_left_out_is_noticed() {
    let mut pair = Pair::start(store("a", 1)).await;
    assert_eq!(pair.count(2).await, "1");
    pair.data.change(|script| *script = Script { left_out: 3, ..script.clone() });
    pair.data.commit(vec![put(appeal("left-out", 2023))]);
    pair.data.commit(vec![put(appeal("sent", 2023))]);
    assert_eq!(pair.count(4).await, "3");
    assert_eq!(pair.data.until(|_| true).await.exports, 2);
}

#[tokio::test]
async fn what_cannot_be_read_is_set_aside_and_the_rest_goes_on() {
    let mut script = store("a", 2);
    script.commits.push(vec![put(impossible("exported"))]);
    script.released = 4;
    let mut pair = Pair::start(script).await;
    assert_eq!(pair.count(4).await, "2");
    pair.data.commit(vec![put(impossible("followed")), put(appeal("good", 2023))]);
    pair.data.commit(vec![bare(ChangeType::Damaged, "records/appeal-0")]);
    let answer = pair.ask(6).await.unwrap();
    let points: Vec<_> = answer.series.iter().flat_map(|series| &series.points).collect();
    assert_eq!(crate::pair::counted(&answer), "2");
    let caveat = points[0].caveats.iter().find(|caveat| caveat.code == "QUARANTINED").unwrap();
    assert_eq!((caveat.count, pair.status().await.quarantined), (3, 3));

    // Mended, it counts.
    pair.data.commit(vec![put(appeal("exported", 2023)), put(appeal("followed", 2023))]);
    assert_eq!(pair.count(7).await, "4");
    assert_eq!(pair.status().await.quarantined, 1);
}

#[tokio::test]
async fn an_unknown_type_of_change_stops_the_state_before_it() {
    let mut pair = Pair::start(store("a", 1)).await;
    assert_eq!(pair.count(2).await, "1");
    let unknown = Change { r#type: 99, ..put(appeal("strange", 2023)) };
    pair.data.commit(vec![put(appeal("before", 2023)), unknown]);
    pair.data.commit(vec![put(appeal("after", 2023))]);
    while pair.status().await.lag_ms == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(pair.count(0).await, "1");
    let status = pair.status().await;
    assert_eq!((status.applied_revision, status.quarantined), (2, 0));
}

#[tokio::test]
async fn an_empty_store_is_answered_and_followed() {
    let mut pair = Pair::start(Script::new("a", Vec::new())).await;
    pair.until_serving(true).await;
    assert_eq!(pair.count(0).await, "");
    pair.data.commit(vec![put(record(COURT))]);
    pair.data.commit(vec![put(appeal("first", 2023))]);
    assert_eq!(pair.count(2).await, "1");
}
