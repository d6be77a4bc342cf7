//! CompareRevisions.

use reform_api::analytics::v1::{
    self, Cause, CompareRevisionsRequest, CompareRevisionsResponse, PointChange,
};
use reform_api::data::v1::ChangeType;
use reform_api::error::Reason;
use tonic::Status;

use crate::fake::{bare, put};
use crate::pair::{COURT, Pair, appeal, appeals, assert_refused, record, store};
use crate::refusals::fields;

async fn compare(
    pair: &mut Pair,
    request: CompareRevisionsRequest,
) -> Result<CompareRevisionsResponse, Status> {
    pair.client.compare_revisions(request).await.map(tonic::Response::into_inner)
}

fn between(from_revision: i64, to_revision: i64) -> CompareRevisionsRequest {
    CompareRevisionsRequest { query: Some(appeals()), from_revision, to_revision, ..Default::default() }
}

fn year(change: &PointChange) -> i32 {
    change.period.as_ref().unwrap().start.as_ref().unwrap().year.unwrap()
}

/// Year, value before and after, and the revisions and records of the causes.
fn told(change: &PointChange) -> (i32, String, String, Vec<(i64, &str)>) {
    let value = |estimate: &Option<v1::Estimate>| {
        estimate.clone().and_then(|estimate| estimate.value).unwrap_or_else(|| "none".to_owned())
    };
    let causes = change.causes.iter().map(|cause| (cause.revision, cause.record.as_str()));
    (year(change), value(&change.before), value(&change.after), causes.collect())
}

/// Two appeals of 2023, then changes at revisions 4 to 7.
async fn changed() -> Pair {
    let mut pair = Pair::start(store("a", 2)).await;
    pair.data.commit(vec![put(appeal("new", 2023)), put(appeal("early", 2021))]);
    pair.data.commit(vec![put(record(COURT))]);
    pair.data.commit(vec![put(appeal("early", 2022))]);
    pair.data.commit(vec![bare(ChangeType::Deleted, "records/appeal-0")]);
    pair.ask(7).await.unwrap();
    pair
}

#[tokio::test]
async fn each_moved_point_names_the_changes_behind_it() {
    let mut pair = changed().await;
    let compared = compare(&mut pair, between(3, 7)).await.unwrap();
    let told: Vec<_> = compared.changes.iter().map(told).collect();
    // The three of 2023 were two again in the end.
    let early = vec![(4, "records/early"), (6, "records/early")];
    assert_eq!(told, [(2022, "none".to_owned(), "1".to_owned(), early)]);
    let compared = compare(&mut pair, between(3, 6)).await.unwrap();
    let told: Vec<_> = compared.changes.iter().map(self::told).collect();
    assert_eq!(told[1], (2023, "2".to_owned(), "3".to_owned(), vec![(4, "records/new")]));
    let expected = Cause {
        record: "records/new".into(),
        revision: 4,
        author: "unverified:tester".into(),
        reason: "commit 4".into(),
    };
    assert_eq!((compared.changes[1].causes[0].clone(), compared.changes[1].records_total), (expected, 1));
    assert_eq!(compared.changes[1].labels["jurisdiction"], "KZ");

    let compared = compare(&mut pair, between(4, 6)).await.unwrap();
    let told: Vec<_> = compared.changes.iter().map(self::told).collect();
    assert_eq!(
        told,
        [
            (2021, "1".to_owned(), "none".to_owned(), vec![(6, "records/early")]),
            (2022, "none".to_owned(), "1".to_owned(), vec![(6, "records/early")]),
        ]
    );
    let deleted = compare(&mut pair, between(6, 7)).await.unwrap();
    assert_eq!(self::told(&deleted.changes[0]).3, [(7, "records/appeal-0")]);
}

#[tokio::test]
async fn a_revision_compared_with_itself_or_without_effect_moved_nothing() {
    let mut pair = changed().await;
    for (from, to) in [(3, 3), (4, 5), (0, 0)] {
        assert_eq!(compare(&mut pair, between(from, to)).await.unwrap(), Default::default(), "{from} {to}");
    }
    // From the empty store everything is new.
    let all = compare(&mut pair, between(0, 7)).await.unwrap();
    assert!(all.changes.iter().all(|change| change.before.is_none()) && all.changes.len() == 2);
}

#[tokio::test]
async fn pages_walk_through_all_that_moved() {
    let mut pair = changed().await;
    let whole = compare(&mut pair, between(0, 6)).await.unwrap();
    assert_eq!((whole.changes.len(), whole.next_page_token.as_str()), (2, ""));
    let page = |page_token| CompareRevisionsRequest { page_size: 1, page_token, ..between(0, 6) };
    let first = compare(&mut pair, page(String::new())).await.unwrap();
    let second = compare(&mut pair, page(first.next_page_token.clone())).await.unwrap();
    assert_eq!(second.next_page_token, "");
    assert_eq!([first.changes, second.changes].concat(), whole.changes);
    let other = CompareRevisionsRequest { page_token: first.next_page_token, ..between(1, 6) };
    assert_refused(&compare(&mut pair, other).await.unwrap_err(), Reason::PageTokenInvalid);
}

#[tokio::test]
async fn a_wrong_comparison_is_refused() {
    let mut pair = changed().await;
    let wrong = CompareRevisionsRequest { query: None, page_size: -1, ..between(5, -2) };
    let status = compare(&mut pair, wrong).await.unwrap_err();
    assert_eq!(fields(&status), ["page_size", "query", "to_revision", "from_revision"]);
    assert_refused(&compare(&mut pair, between(3, 99)).await.unwrap_err(), Reason::RevisionAhead);
    pair.data.change(|script| script.oldest = 4);
    assert_refused(&compare(&mut pair, between(3, 7)).await.unwrap_err(), Reason::Compacted);
}
