//! The layer around every call, in process and with a clock that jumps.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use reform_api::error::{Reason, reason};
use reform_runtime::calls::{CallLayer, Calls, Stamp};
use tonic::{Code, Status};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::health_server::HealthServer;

use crate::stub::{Stub, ask};

fn client(stamp: Option<Stamp>) -> HealthClient<Calls<HealthServer<Stub>>> {
    let service = HealthServer::new(Stub::default()).max_decoding_message_size(64);
    HealthClient::new(CallLayer::new(stamp, None).around(service))
}

fn assert_refused(status: &Status, expected: Reason) {
    assert_eq!((status.code(), reason(status).as_deref()), (expected.code(), Some(expected.as_str())));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_outlives_its_deadline_is_deadline_exceeded() {
    let mut request = ask("never");
    request.set_timeout(Duration::from_secs(60));
    assert_refused(&client(None).check(request).await.unwrap_err(), Reason::Deadline);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_of_nothing_is_passed_at_once() {
    let mut request = ask("never");
    request.set_timeout(Duration::ZERO);
    assert_refused(&client(None).check(request).await.unwrap_err(), Reason::Deadline);
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_at_its_deadline_whether_silent_or_busy() {
    for what in ["never", "flood"] {
        let mut request = ask(what);
        request.set_timeout(Duration::from_secs(60));
        let mut answers = client(None).watch(request).await.unwrap().into_inner();
        assert_eq!(answers.message().await.unwrap().unwrap().status, 1);
        if what == "flood" {
            tokio::time::advance(Duration::from_secs(61)).await;
        }
        let end = loop {
            if let Err(status) = answers.message().await {
                break status;
            }
        };
        assert_refused(&end, Reason::Deadline);
    }
}

#[tokio::test]
async fn a_handler_reads_the_deadline_of_its_caller() {
    assert_eq!(client(None).check(ask("deadline")).await.unwrap_err().code(), Code::NotFound);
    let mut request = ask("deadline");
    request.set_timeout(Duration::from_secs(60));
    client(None).check(request).await.unwrap();
}

#[tokio::test]
async fn a_panic_is_internal_and_tells_nothing() {
    let mut client = client(None);
    let status = client.check(ask("panic")).await.unwrap_err();
    assert_refused(&status, Reason::Panic);
    assert!(!status.message().contains("secret"));
    client.check(ask("")).await.unwrap();
}

#[tokio::test]
async fn a_panic_within_a_stream_is_internal() {
    let mut answers = client(None).watch(ask("panic")).await.unwrap().into_inner();
    assert_refused(&answers.message().await.unwrap_err(), Reason::Panic);
}

#[tokio::test]
async fn a_request_over_its_limit_is_resource_exhausted() {
    let large = "x".repeat(65);
    assert_refused(&client(None).check(ask(&large)).await.unwrap_err(), Reason::MessageTooLarge);
}

#[tokio::test]
async fn an_answer_over_its_limit_is_resource_exhausted() {
    let service = HealthServer::new(Stub::default()).max_encoding_message_size(1);
    let mut client = HealthClient::new(CallLayer::new(None, None).around(service));
    assert_refused(&client.check(ask("")).await.unwrap_err(), Reason::AnswerTooLarge);
}

#[tokio::test]
async fn an_error_of_a_handler_stays_as_it_is() {
    let status = client(None).check(ask("refuse")).await.unwrap_err();
    assert_eq!((status.code(), status.message(), reason(&status)), (Code::OutOfRange, "mine", None));
}

#[tokio::test]
async fn answers_and_errors_carry_the_stamp() {
    let mut client = client(Some(Arc::new(|| Some((HeaderValue::from_static("store"), 7)))));
    let answered = client.check(ask("")).await.unwrap();
    let refused = client.check(ask("panic")).await.unwrap_err();
    let streamed = client.watch(ask("")).await.unwrap();
    for metadata in [answered.metadata(), refused.metadata(), streamed.metadata()] {
        assert_eq!(metadata.get("reform-store-id").unwrap(), "store");
        assert_eq!(metadata.get("reform-revision").unwrap(), "7");
    }
}

#[tokio::test]
async fn no_store_id_means_no_stamp() {
    let mut client = client(Some(Arc::new(|| None)));
    let answered = client.check(ask("")).await.unwrap();
    assert!(answered.metadata().get("reform-revision").is_none());
}
