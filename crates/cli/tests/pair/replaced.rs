//! The data service restarts, or gives way to another store, under a running analytics service.

use reform_trials::records::{appeal, base, commit, creates, status};

use std::path::Path;
use std::pin::pin;

use reform_api::analytics::v1::QueryIndicatorResponse as Answer;
use reform_api::error::{Reason, reason};
use tonic::Code;
use tonic::transport::Channel;

use crate::process::{Port, Process, analytics_service, data_service, soon};
use crate::records::{appeals_per_year, ask, counts};

/// What analytics logs for every export that it has applied.
const EXPORTED: &str = "export applied";

async fn start(port: &Port, folder: &Path) -> (Process, Channel) {
    let process = data_service(folder).start_on(port);
    let channel = process.until_serving().await;
    (process, channel)
}

#[tokio::test(flavor = "multi_thread")]
async fn analytics_resumes_after_a_restart_and_rebuilds_for_another_store() {
    let (port, folder) = (Port::reserve(), tempfile::tempdir().unwrap());
    let (data_process, data) = start(&port, folder.path()).await;
    commit(&data, base()).await;
    let head = commit(&data, creates([appeal("a", 2023), appeal("b", 2023)])).await;
    let (store_id, _) = status(&data).await;
    let analytics_process = analytics_service(data_process.address().await);
    let analytics = analytics_process.until_serving().await;
    let last = ask(&analytics, appeals_per_year(head)).await.unwrap();
    assert_eq!(counts(&last), [(2023, 2)].into());

    data_process.stop().await;
    assert_eq!(ask(&analytics, appeals_per_year(0)).await.unwrap(), last);
    assert_eq!(ask(&analytics, appeals_per_year(head)).await.unwrap(), last);
    let (data_process, data) = start(&port, folder.path()).await;
    assert_eq!(status(&data).await, (store_id.clone(), head));
    let head = commit(&data, creates([appeal("c", 2023)])).await;
    let last = ask(&analytics, appeals_per_year(head)).await.unwrap();
    assert_eq!((last.store_id.as_str(), counts(&last)), (store_id.as_str(), [(2023, 3)].into()));
    assert_eq!(analytics_process.logged(EXPORTED), 1, "a restart asks for no export: {analytics_process:?}");

    data_process.stop().await;
    let other = tempfile::tempdir().unwrap();
    // The other store is written before anybody follows it, and is longer than the first.
    let data_process = data_service(other.path()).start();
    let data = data_process.until_serving().await;
    commit(&data, base()).await;
    for id in ["x", "y", "z", "w", "v"] {
        commit(&data, creates([appeal(id, 2024)])).await;
    }
    let new = status(&data).await;
    data_process.stop().await;
    assert_eq!(ask(&analytics, appeals_per_year(0)).await.unwrap(), last);

    let exported = soon("a new export", analytics_process.until_logged(EXPORTED, 2));
    let asking = ask_until(exported, &analytics, &last, &new);
    let ((data_process, _), old_answers) = tokio::join!(start(&port, other.path()), asking);
    let answer = ask(&analytics, appeals_per_year(new.1)).await.unwrap();
    assert_new(&answer, &new);
    let mut gone = appeals_per_year(1);
    gone.store_id = store_id;
    let refused = ask(&analytics, gone).await.unwrap_err();
    assert_eq!(reason(&refused).as_deref(), Some(Reason::StoreChanged.as_str()));
    eprintln!("replaced: {old_answers} answers of the old store until the new one, none mixed");
    analytics_process.stop().await;
    data_process.stop().await;
}

/// Of the other store, as a whole.
fn assert_new(answer: &Answer, new: &(String, i64)) {
    assert_eq!((&answer.store_id, answer.revision), (&new.0, new.1));
    assert_eq!(counts(answer), [(2024, 5)].into());
}

/// Asks without a pause until something has happened; how many answers were of the old store. None is of both.
async fn ask_until(
    end: impl Future<Output = ()>,
    analytics: &Channel,
    old: &Answer,
    new: &(String, i64),
) -> usize {
    let mut end = pin!(end);
    let mut old_answers = 0;
    loop {
        let answer = tokio::select! {
            biased;
            () = &mut end => return old_answers,
            answer = ask(analytics, appeals_per_year(0)) => answer,
        };
        match answer {
            Ok(answer) if answer.store_id == old.store_id => {
                assert_eq!(answer, *old);
                old_answers += 1;
            }
            Ok(answer) => assert_new(&answer, new),
            Err(status) => {
                let starting = Some(Reason::Starting.as_str());
                assert_eq!((status.code(), reason(&status).as_deref()), (Code::Unavailable, starting));
            }
        }
    }
}
