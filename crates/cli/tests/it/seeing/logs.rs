//! Log lines of calls, and the id that goes from one service to the other.

use reform_api::analytics::v1::indicator_service_client::IndicatorServiceClient;
use reform_api::analytics::v1::query_indicator_request::AsOf;
use reform_api::analytics::v1::{GetStatusRequest, QueryIndicatorRequest};
use reform_api::data::v1::GetRecordRequest;
use reform_api::data::v1::record_service_client::RecordServiceClient;
use serde_json::Value;
use tonic::Request;

use super::pair::{Pair, question};
use crate::lines::Lines;

/// The fields of lines about calls of a method.
fn calls<'a>(lines: &'a [Value], method: &str) -> Vec<&'a Value> {
    let fields = lines.iter().map(|line| &line["fields"]);
    fields.filter(|fields| fields["message"] == "call" && fields["method"] == method).collect()
}

#[tokio::test]
async fn every_line_of_a_call_has_every_field() {
    let lines = Lines::default();
    let _default = lines.logged("reform_runtime=debug");
    let pair = Pair::start(|_| {}).await;
    let revision = pair.create("law").await;
    let mut records = RecordServiceClient::new(pair.data.channel());
    let get = GetRecordRequest { name: "records/none".to_owned(), ..Default::default() };
    let refused = records.get_record(get).await.unwrap_err();
    let made = refused.metadata().get("x-request-id").unwrap().to_str().unwrap().to_owned();
    pair.analytics.query_indicator(question(revision)).await.unwrap();
    pair.stop().await;

    let lines = lines.take();
    let about_calls: Vec<_> = lines.iter().filter(|line| line["fields"]["message"] == "call").collect();
    assert!(about_calls.len() >= 3, "{about_calls:?}");
    for line in &about_calls {
        let fields = &line["fields"];
        for field in ["method", "code", "request_id", "identity"] {
            assert!(fields[field].is_string(), "{field} of {line}");
        }
        assert!(fields["duration_ms"].as_f64().is_some_and(|took| took >= 0.0), "{line}");
        assert!(!fields["request_id"].as_str().unwrap().is_empty(), "{line}");
        assert!(line["timestamp"].is_string() && line["level"].is_string(), "{line}");
    }
    let [get] = calls(&lines, "/reform.data.v1.RecordService/GetRecord")[..] else { panic!("{lines:?}") };
    assert_eq!(get["code"], "NOT_FOUND");
    assert_eq!(get["request_id"], *made, "the caller was told the same");
}

#[tokio::test]
async fn the_id_of_a_call_goes_on_to_the_data_service_and_back_to_the_caller() {
    let lines = Lines::default();
    let _default = lines.logged("reform_runtime=debug");
    let pair = Pair::start(|_| {}).await;
    let revision = pair.create("law").await;
    pair.analytics.query_indicator(question(revision)).await.unwrap();
    let mut indicators = IndicatorServiceClient::new(pair.analytics.channel());

    // A time is asked of the data service.
    let time = prost_types::Timestamp { seconds: 4_000_000_000, nanos: 0 };
    let past = QueryIndicatorRequest { as_of: Some(AsOf::AsOfTime(time)), ..question(0) };
    let mut request = Request::new(past);
    request.metadata_mut().insert("x-request-id", "mine-1".parse().unwrap());
    let answered = indicators.query_indicator(request).await.unwrap();
    assert_eq!(answered.metadata().get("x-request-id").unwrap(), "mine-1");

    // A view of the past is exported for whoever asks first.
    pair.create("newer").await;
    pair.analytics.query_indicator(question(revision + 1)).await.unwrap();
    let past = QueryIndicatorRequest { as_of: Some(AsOf::AsOfRevision(revision)), ..question(0) };
    let mut request = Request::new(past);
    request.metadata_mut().insert("x-request-id", "mine-2".parse().unwrap());
    indicators.query_indicator(request).await.unwrap();

    // Without an id, each call has one of its own.
    let mut made = Vec::new();
    for _ in 0..2 {
        let answered = indicators.get_status(GetStatusRequest {}).await.unwrap();
        made.push(answered.metadata().get("x-request-id").unwrap().to_str().unwrap().to_owned());
    }
    assert!(made[0].len() == 16 && made[0] != made[1], "{made:?}");
    pair.stop().await;

    let lines = lines.take();
    let ids =
        |method| calls(&lines, method).iter().map(|fields| fields["request_id"].clone()).collect::<Vec<_>>();
    assert!(ids("/reform.analytics.v1.IndicatorService/QueryIndicator").contains(&"mine-1".into()));
    assert_eq!(ids("/reform.data.v1.RecordService/CountRecords"), ["mine-1"]);
    assert!(ids("/reform.data.v1.RecordService/ExportRecords").contains(&"mine-2".into()), "{lines:?}");
}
