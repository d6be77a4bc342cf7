//! Both services together.

use reform_trials::feed::Reader;
use reform_trials::records::{appeal, base, call, commit, create, creates, status};

use reform_api::data::v1::record_service_client::RecordServiceClient;
use reform_api::error::{Reason, reason};

use crate::process::{analytics_service, data_service, soon};
use crate::records::{appeals_per_year, ask, counts};

#[tokio::test(flavor = "multi_thread")]
async fn an_appeal_created_through_one_is_counted_by_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let data_process = data_service(folder.path()).start();
    let data = data_process.until_serving().await;
    let before = commit(&data, base()).await;
    assert_eq!(before, 1);
    let before = commit(&data, creates([appeal("a", 2023), appeal("b", 2023), appeal("c", 2024)])).await;
    let analytics_process = analytics_service(data_process.address().await);
    let analytics = analytics_process.until_serving().await;
    let answer = ask(&analytics, appeals_per_year(before)).await.unwrap();
    assert_eq!(counts(&answer), [(2023, 2), (2024, 1)].into());

    let mut client = RecordServiceClient::new(data.clone());
    let created = client.create_record(call(create(appeal("d", 2024)))).await.unwrap().into_inner();
    let answer = ask(&analytics, appeals_per_year(created.revision)).await.unwrap();
    assert_eq!(counts(&answer), [(2023, 2), (2024, 2)].into());
    let (store_id, head) = status(&data).await;
    assert_eq!((answer.store_id, answer.revision), (store_id.clone(), head));

    let mut reader = Reader::new(&store_id);
    let mut stream = reader.open(&data).await.unwrap();
    while reader.revision < head {
        reader.take(stream.message().await.unwrap().unwrap());
    }
    data_process.terminate();
    analytics_process.terminate();
    let end = soon("the watch ends", async {
        loop {
            match stream.message().await {
                Ok(message) => assert_eq!(reader.take(message.expect("a watch ends with a status")), None),
                Err(status) => break status,
            }
        }
    });
    let end = end.await;
    let shutting_down = Reason::ShuttingDown;
    assert_eq!((end.code(), reason(&end).as_deref()), (shutting_down.code(), Some(shutting_down.as_str())));
    assert_eq!(data_process.exit().await.code(), Some(0));
    assert_eq!(analytics_process.exit().await.code(), Some(0));
}
