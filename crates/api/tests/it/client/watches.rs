//! A feed that is cut at every place and in every way.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use reform_api::client::Settings;
use reform_api::data::v1::{Change, WatchChangesRequest, WatchChangesResponse};
use reform_api::error::Reason;
use tonic::{Code, Status};

use super::fake::{Cut, Fake, Script};
use super::{reason, status};

/// The head of every feed here.
const HEAD: i64 = 5;

fn message(revision: i64, names: &[&str], commit_complete: bool) -> WatchChangesResponse {
    let change = |name: &&str| Change { name: (*name).to_owned(), ..Change::default() };
    WatchChangesResponse {
        store_id: "s".to_owned(),
        revision,
        changes: names.iter().map(change).collect(),
        commit_complete,
        head_revision: HEAD,
        ..WatchChangesResponse::default()
    }
}

/// Five commits in nine messages.
fn feed() -> Vec<WatchChangesResponse> {
    vec![
        message(1, &["a"], true),
        message(2, &["b"], false),
        message(2, &["c"], false),
        message(2, &["d"], true),
        message(3, &["e", "f"], true),
        message(4, &["g"], false),
        // The end of a commit of which nothing more matches.
        message(4, &[], true),
        message(5, &["h"], false),
        message(5, &["i"], true),
    ]
}

fn fake(feed: Vec<WatchChangesResponse>, cuts: impl IntoIterator<Item = (usize, Cut)>) -> Fake {
    Fake::new(Script { feed, cuts: cuts.into_iter().collect(), ..Script::default() })
}

/// Revision and names of every commit up to the head, or how it ended before.
async fn followed(fake: &Fake, request: WatchChangesRequest) -> Result<Vec<(i64, String)>, Status> {
    let patient = Settings { retry_for: Duration::MAX, ..Settings::default() };
    let mut feed = fake.data().with_settings(patient).watch(request);
    let mut commits = Vec::new();
    loop {
        let commit = feed.try_next().await?.expect("a feed has no end");
        assert!(commit.commit_complete);
        if !commit.changes.is_empty() {
            let names: String = commit.changes.iter().map(|change| change.name.as_str()).collect();
            commits.push((commit.revision, names));
        }
        if commit.revision == HEAD {
            return Ok(commits);
        }
    }
}

fn whole() -> Vec<(i64, String)> {
    [(1, "a"), (2, "bcd"), (3, "ef"), (4, "g"), (5, "hi")].map(|(r, names)| (r, names.to_owned())).into()
}

fn ways() -> Vec<Cut> {
    vec![
        Cut::Status(status(Reason::ShuttingDown)),
        Cut::Status(status(Reason::SlowConsumer)),
        Cut::Status(status(Reason::Overloaded)),
        Cut::End,
        Cut::Connection,
        Cut::Silence,
    ]
}

#[tokio::test(start_paused = true)]
async fn every_change_comes_once_wherever_the_feed_is_cut() {
    for cut in ways() {
        for at in 0..feed().len() {
            let fake = fake(feed(), [(at, cut.clone())]);
            let commits = followed(&fake, WatchChangesRequest::default()).await.unwrap();
            assert_eq!(commits, whole(), "{cut:?} after {at} messages");
            assert_eq!(fake.script(|script| script.opened.len()), 2, "{cut:?} after {at} messages");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_change_comes_once_over_many_cuts() {
    for cut in ways() {
        let cuts = [0, 1, 0, 2, 3, 1, 1, 0, 1].map(|at| (at, cut.clone()));
        let fake = fake(feed(), cuts);
        assert_eq!(followed(&fake, WatchChangesRequest::default()).await.unwrap(), whole(), "{cut:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_feed_goes_on_in_the_store_and_after_the_commit_that_came_last() {
    // Cut within the commit of revision 2, then after revision 3.
    let cuts = [(2, Cut::End), (4, Cut::End)];
    let fake = fake(feed(), cuts);
    followed(&fake, WatchChangesRequest::default()).await.unwrap();
    let opened = fake.script(|script| script.opened.clone());
    assert_eq!(opened, [(String::new(), 0), ("s".to_owned(), 1), ("s".to_owned(), 3)]);
}

#[tokio::test(start_paused = true)]
async fn progress_moves_the_place_of_a_filtered_feed() {
    let feed = vec![message(2, &["b"], true), message(4, &[], true), message(5, &["i"], true)];
    let fake = fake(feed, [(2, Cut::End)]);
    let request = WatchChangesRequest { filter: "kind = \"party\"".to_owned(), ..Default::default() };
    let commits = followed(&fake, request).await.unwrap();
    assert_eq!(commits, [(2, "b".to_owned()), (5, "i".to_owned())]);
    assert_eq!(fake.script(|script| script.opened[1].clone()), ("s".to_owned(), 4));
}

#[tokio::test(start_paused = true)]
async fn a_feed_ends_with_any_other_refusal() {
    for refusal in [Reason::Compacted, Reason::StoreChanged, Reason::RevisionAhead, Reason::FilterSyntax] {
        let fake = fake(feed(), [(3, Cut::Status(status(refusal)))]);
        let mut feed = fake.data().watch(WatchChangesRequest::default());
        assert_eq!(feed.try_next().await.unwrap().unwrap().revision, 1);
        assert_eq!(reason(&feed.try_next().await.unwrap_err()).as_deref(), Some(refusal.as_str()));
        assert!(feed.next().await.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn patience_ends_with_what_went_wrong_last() {
    let fake = fake(feed(), std::iter::repeat_n((1, Cut::Status(status(Reason::Starting))), 1_000));
    // A part of a commit is no progress.
    let mut feed = fake.data().watch(WatchChangesRequest { after_revision: 1, ..Default::default() });
    assert_eq!(reason(&feed.try_next().await.unwrap_err()).as_deref(), Some("STARTING"));
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_breaks_its_promises_is_not_followed() {
    let broken = [
        vec![message(1, &["a"], true), message(3, &["e"], true)],
        vec![message(2, &["b"], false), message(3, &["e"], true)],
        vec![message(6, &["x"], true)],
    ];
    for (feed, after_revision) in broken.into_iter().zip([0, 1, 5]) {
        let fake = fake(feed, []);
        let request = WatchChangesRequest { after_revision, ..Default::default() };
        let refused = fake.data().watch(request).try_collect::<Vec<_>>().await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused)), (Code::DataLoss, None), "{refused:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_was_changed_or_went_back_is_not_followed() {
    let other = WatchChangesResponse { store_id: "t".to_owned(), ..message(2, &["b"], true) };
    let back = WatchChangesResponse { head_revision: 0, ..message(2, &["b"], true) };
    for (second, expected) in [(other, "STORE_CHANGED"), (back, "REVISION_AHEAD")] {
        let fake = fake(vec![message(1, &["a"], true), second], []);
        let mut feed = fake.data().watch(WatchChangesRequest::default());
        feed.try_next().await.unwrap().unwrap();
        assert_eq!(reason(&feed.try_next().await.unwrap_err()).as_deref(), Some(expected));
    }
}
