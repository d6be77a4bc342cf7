//! Imports that are cut.

use futures::stream;
use futures::{StreamExt, TryStreamExt};
use reform_api::data::v1::import_options::OnInvalid;
use reform_api::data::v1::{ImportBatch, ImportOptions, ImportRecordsResponse, Record};
use reform_api::error::Reason;
use tonic::{Code, Status};

use super::fake::{Fake, Script};
use super::{reason, status};

/// Batches of one record each.
fn batches(names: &[&str]) -> Vec<ImportBatch> {
    let batch = |name: &&str| ImportBatch {
        records: vec![Record { name: (*name).to_owned(), ..Record::default() }],
        request_id: String::new(),
    };
    names.iter().map(batch).collect()
}

fn many(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("r{number}")).collect()
}

fn fake(imports: impl IntoIterator<Item = (usize, usize, Status)>) -> Fake {
    Fake::new(Script { imports: imports.into_iter().collect(), ..Script::default() })
}

async fn import(
    fake: &Fake,
    names: &[&str],
    options: ImportOptions,
) -> Result<Vec<ImportRecordsResponse>, Status> {
    fake.data().import(options, stream::iter(batches(names))).try_collect().await
}

#[tokio::test(start_paused = true)]
async fn every_batch_is_answered_once_wherever_the_import_is_cut() {
    let names = many(20);
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    for stored in 0..=names.len() {
        for answered in stored.saturating_sub(8)..=stored {
            let fake = fake([(stored, answered, status(Reason::ShuttingDown))]);
            let answers = import(&fake, &names, ImportOptions::default()).await.unwrap();
            let numbers: Vec<_> = answers.iter().map(|answer| (answer.batch, answer.revision)).collect();
            let expected: Vec<_> = (0..20).map(|number| (number, number + 1)).collect();
            assert_eq!(numbers, expected, "{stored} stored, {answered} answered");
            // A repeat has the request id of the first: nothing is stored twice.
            assert_eq!(fake.script(|script| script.stored.len()), 20);
            assert_eq!(fake.script(|script| script.batches.len()), 20 + stored - answered);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_import_outlives_many_cuts() {
    let names = many(40);
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let cuts = [(3, 0), (5, 2), (0, 0), (8, 8), (1, 0), (9, 7)];
    let fake = fake(cuts.map(|(stored, answered)| (stored, answered, status(Reason::Overloaded))));
    let answers = import(&fake, &names, ImportOptions::default()).await.unwrap();
    assert!(answers.iter().map(|answer| answer.batch).eq(0..40));
    assert_eq!(fake.script(|script| script.stored.len()), 40);
}

#[tokio::test(start_paused = true)]
async fn a_given_request_id_is_kept_and_an_empty_import_is_one() {
    let fake = fake([]);
    let batch = ImportBatch { request_id: "mine".to_owned(), ..batches(&["a"]).remove(0) };
    let answers: Vec<_> = fake.data().import(ImportOptions::default(), stream::iter([batch])).collect().await;
    assert!(answers.iter().all(Result::is_ok) && answers.len() == 1, "{answers:?}");
    assert!(fake.script(|script| script.stored.contains_key("mine")));
    assert!(import(&fake, &[], ImportOptions::default()).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn no_more_than_the_window_is_read_ahead() {
    let fake = fake([(0, 0, status(Reason::FieldViolations))]);
    let (read, counted) = tokio::sync::watch::channel(0);
    let names = many(100);
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let batches = stream::iter(batches(&names)).inspect(move |_| read.send_modify(|count| *count += 1));
    let refused = fake.data().import(ImportOptions::default(), batches).try_collect::<Vec<_>>().await;
    assert_eq!(refused.unwrap_err().code(), Code::InvalidArgument);
    assert!(*counted.borrow() <= 8, "{}", *counted.borrow());
}

#[tokio::test(start_paused = true)]
async fn nothing_follows_a_batch_that_was_refused() {
    // The answer with the problems came, the error that ends the stream was lost.
    let fake = fake([(2, 2, status(Reason::ShuttingDown))]);
    let names = ["a", "bad", "c"];
    let mut answers = fake.data().import(ImportOptions::default(), stream::iter(batches(&names)));
    assert_eq!(answers.try_next().await.unwrap().unwrap().problems_total, 0);
    assert_eq!(answers.try_next().await.unwrap().unwrap().problems_total, 1);
    assert_eq!(answers.try_next().await.unwrap_err().code(), Code::Unavailable);
    assert!(answers.next().await.is_none());
    assert_eq!(fake.script(|script| script.batches.clone()), ["a", "bad"]);
}

#[tokio::test(start_paused = true)]
async fn an_import_that_leaves_bad_records_out_goes_on() {
    let fake = fake([(2, 2, status(Reason::ShuttingDown))]);
    let options = ImportOptions { on_invalid: OnInvalid::Skip.into(), ..ImportOptions::default() };
    assert_eq!(import(&fake, &["a", "bad", "c"], options).await.unwrap().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_does_not_go_on_in_a_stream_that_has_not_seen_its_start() {
    let dry = ImportOptions { dry_run: true, ..ImportOptions::default() };
    let cut = fake([(2, 1, status(Reason::ShuttingDown))]);
    let refused = import(&cut, &["a", "b", "c"], dry.clone()).await.unwrap_err();
    assert_eq!(reason(&refused).as_deref(), Some("SHUTTING_DOWN"));
    let at_first = fake([(0, 0, status(Reason::Starting))]);
    assert_eq!(import(&at_first, &["a", "b", "c"], dry).await.unwrap().len(), 3);
}
