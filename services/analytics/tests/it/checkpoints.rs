//! What is kept for the next start, and everything that can happen to it.

use std::fs;
use std::path::{Path, PathBuf};

use reform_api::data::v1::{ChangeType, Record};
use reform_api::error::Reason;
use tempfile::TempDir;

use crate::fake::{Fake, Script, bare, put};
use crate::pair::{Pair, appeal, appeals, assert_refused, impossible, record, store};

async fn start(data: &Fake, folder: &Path) -> Pair {
    let folder = folder.to_owned();
    Pair::beside(data.clone(), |config| config.state_dir = Some(folder)).await
}

/// Stops as a supervisor does: the last checkpoint is written before the end.
async fn stop(pair: Pair) {
    pair.stop.cancel();
    assert!(pair.ended.await.unwrap().is_ok());
}

/// The checkpoints, the oldest first.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// A data service with revisions 1 to 6, and two checkpoints: at 4 and at 6.
async fn two() -> (Fake, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let data = Fake::start(store("a", 3)).await;
    let mut pair = start(&data, folder.path()).await;
    assert_eq!(pair.count(4).await, "3");
    stop(pair).await;
    let mut pair = start(&data, folder.path()).await;
    data.commit(vec![put(appeal("late-1", 2023)), put(disputed("late-2")), put(impossible("bad"))]);
    data.commit(vec![bare(ChangeType::Deleted, "records/appeal-0"), put(record(SOURCE))]);
    assert_eq!(pair.count(6).await, "4");
    stop(pair).await;
    assert_eq!(files(folder.path()).len(), 2);
    (data, folder)
}

const SOURCE: &str = r#"{"name": "records/source", "title": "Register", "source": {"title": "Register"}}"#;

/// An appeal with a rival claim about it, which columns do not hold.
fn disputed(id: &str) -> Record {
    record(&format!(
        r#"{{"name": "records/{id}", "jurisdiction": "KZ", "title": "{id}", "discrepancies": [{{
            "fieldPath": "appeal.filed_on", "claimed": "2022", "resolution": "RESOLUTION_UNRESOLVED"}}],
            "appeal": {{"institution": "records/court", "filedOn": {{"year": 2023, "month": 3}}}}}}"#
    ))
}

async fn conflicts(pair: &mut Pair) -> usize {
    let request = reform_api::analytics::v1::ListConflictsRequest::default();
    pair.client.list_conflicts(request).await.unwrap().into_inner().conflicts.len()
}

#[tokio::test]
async fn a_restart_goes_on_from_the_newest() {
    let (data, folder) = two().await;
    let mut pair = start(&data, folder.path()).await;
    data.commit(vec![put(appeal("later", 2023)), put(appeal("appeal-1", 2022))]);
    assert_eq!(pair.count(7).await, "1 4");
    let status = pair.status().await;
    assert_eq!((status.rows["appeal"], status.rows["source"], status.quarantined), (5, 1, 1));
    assert_eq!(conflicts(&mut pair).await, 1);
    let script = data.until(|_| true).await;
    assert_eq!((script.exports, script.opened.last()), (1, Some(&("a".to_owned(), 6))));
    stop(pair).await;
    // Two are kept.
    assert_eq!(files(folder.path()).len(), 2);
}

#[tokio::test]
async fn it_answers_while_the_data_service_is_away() {
    let (data, folder) = two().await;
    let mut pair = start(&data, folder.path()).await;
    let before = pair.ask(6).await.unwrap();
    stop(pair).await;
    data.stop().await;
    let mut pair = start(&data, folder.path()).await;
    pair.until_serving(true).await;
    assert_eq!(pair.ask(0).await.unwrap(), before);
    // A clean stop without a change writes nothing.
    stop(pair).await;
    assert_eq!(files(folder.path()).len(), 2);
}

/// Starts over a damaged folder; the feed is opened where `expected` says, after so many exports.
async fn damaged(damage: impl Fn(&[PathBuf]), expected: Option<i64>) {
    let (data, folder) = two().await;
    let from = data.until(|_| true).await.opened.len();
    damage(&files(folder.path()));
    let mut pair = start(&data, folder.path()).await;
    assert_eq!(pair.count(6).await, "4");
    let status = pair.status().await;
    assert_eq!((status.rows["appeal"], status.quarantined, status.applied_revision), (4, 1, 6));
    let script = data.until(|script| script.opened.len() > from).await;
    let opened = script.opened[from].1;
    match expected {
        Some(revision) => assert_eq!((script.exports, opened), (1, revision)),
        None => assert_eq!(script.exports, 2),
    }
    stop(pair).await;
}

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn a_torn_one_is_passed_over_for_the_one_before() {
    damaged(|files| change(&files[1], |bytes| bytes.truncate(bytes.len() - 1)), Some(4)).await;
    damaged(|files| change(&files[1], |bytes| bytes.truncate(0)), Some(4)).await;
}

#[tokio::test]
async fn a_flipped_one_is_passed_over_for_the_one_before() {
    damaged(|files| change(&files[1], |bytes| bytes[100] ^= 1), Some(4)).await;
    damaged(|files| change(&files[1], |bytes| bytes.push(0)), Some(4)).await;
}

#[tokio::test]
async fn one_of_another_formula_is_passed_over() {
    let other = |bytes: &mut Vec<u8>| {
        // Behind the magic, the start of the head and its format stands what the formulas are; the sum is made right.
        let (start, len) = (17, u32::from_le_bytes(bytes[9..13].try_into().unwrap()) as usize);
        let place = start + 8 + 5;
        bytes[place] ^= 1;
        let sum = crc32c::crc32c_append(crc32c::crc32c(&bytes[8..13]), &bytes[start..start + len]);
        bytes[13..17].copy_from_slice(&sum.to_le_bytes());
    };
    damaged(|files| change(&files[1], other), Some(4)).await;
    let all = |files: &[PathBuf]| files.iter().for_each(|file| change(file, other));
    damaged(all, None).await;
}

#[tokio::test]
async fn without_a_good_one_everything_is_asked_for_again() {
    let all = |files: &[PathBuf]| files.iter().for_each(|file| change(file, |bytes| bytes[40] ^= 0x80));
    damaged(all, None).await;
}

#[tokio::test]
async fn one_that_was_not_finished_is_no_checkpoint() {
    let aside = |files: &[PathBuf]| fs::rename(&files[1], files[1].with_extension("aside")).unwrap();
    damaged(aside, Some(4)).await;
}

#[tokio::test]
async fn one_of_another_store_is_forgotten() {
    let (data, folder) = two().await;
    data.change(|script| *script = Script { opened: Vec::new(), ..store("b", 1) });
    let mut pair = start(&data, folder.path()).await;
    data.until(|script| script.exports == 1).await;
    let asked = reform_api::analytics::v1::QueryIndicatorRequest {
        store_id: "b".to_owned(),
        min_revision: 2,
        ..appeals()
    };
    while pair.status().await.store_id != "b" {
        tokio::task::yield_now().await;
    }
    assert_eq!(crate::pair::counted(&pair.query(asked).await.unwrap()), "1");
    stop(pair).await;
    // What is kept now is of the new store alone.
    let mut pair = start(&data, folder.path()).await;
    assert_eq!((pair.count(2).await.as_str(), data.until(|_| true).await.exports), ("1", 1));
    let old = reform_api::analytics::v1::QueryIndicatorRequest { store_id: "a".to_owned(), ..appeals() };
    assert_refused(&pair.query(old).await.unwrap_err(), Reason::StoreChanged);
    stop(pair).await;
}

#[tokio::test]
async fn one_ahead_of_a_store_that_went_back_is_forgotten() {
    let (data, folder) = two().await;
    data.change(|script| *script = Script { opened: Vec::new(), ..store("a", 1) });
    let mut pair = start(&data, folder.path()).await;
    data.until(|script| script.exports == 1 && script.opened.contains(&("a".to_owned(), 2))).await;
    assert_eq!((pair.count(2).await.as_str(), pair.status().await.applied_revision), ("1", 2));
    stop(pair).await;
    assert_eq!(files(folder.path()).len(), 1);
}

#[tokio::test]
async fn one_from_before_a_compaction_answers_until_an_export_is_there() {
    let (data, folder) = two().await;
    data.change(|script| {
        script.commits.push(vec![put(appeal("later", 2023))]);
        script.released = script.commits.len();
        (script.oldest, script.void) = (7, true);
    });
    let mut pair = start(&data, folder.path()).await;
    data.until(|script| script.exports >= 2).await;
    let answer = pair.ask(0).await.unwrap();
    assert_eq!((answer.revision, pair.status().await.serving_stale), (6, true));
    data.change(|script| script.void = false);
    assert_eq!(pair.count(7).await, "5");
    stop(pair).await;
}
