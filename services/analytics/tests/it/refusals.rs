//! What is wrong with a request, told by code and field.

use reform_api::analytics::v1;
use reform_api::data;
use reform_api::error::Reason;
use tonic::Status;
use tonic_types::StatusExt;

use crate::pair::{Pair, appeals, assert_refused, store};

pub(crate) fn fields(status: &Status) -> Vec<String> {
    assert_refused(status, Reason::FieldViolations);
    let details = status.get_details_bad_request().unwrap();
    details.field_violations.into_iter().map(|violation| violation.field).collect()
}

fn month(month: i32) -> data::v1::Date {
    data::v1::Date { year: Some(2023), month: Some(month), ..Default::default() }
}

fn one_bad_field() -> Vec<(v1::QueryIndicatorRequest, &'static str)> {
    let parameter = |key: &str| [(key.to_owned(), "x".to_owned())].into();
    let period = data::v1::Period { start: Some(month(13)), end: None };
    vec![
        (v1::QueryIndicatorRequest { indicator: String::new(), ..appeals() }, "indicator"),
        (v1::QueryIndicatorRequest { indicator: "appeals-per-year".into(), ..appeals() }, "indicator"),
        (v1::QueryIndicatorRequest { parameters: parameter("foo"), ..appeals() }, "parameters.foo"),
        (v1::QueryIndicatorRequest { group_by: vec!["nothing".into()], ..appeals() }, "group_by[0]"),
        (v1::QueryIndicatorRequest { period: Some(period), ..appeals() }, "period.start.month"),
        (v1::QueryIndicatorRequest { granularity: 77, ..appeals() }, "granularity"),
        (v1::QueryIndicatorRequest { origin: 77, ..appeals() }, "origin"),
        (v1::QueryIndicatorRequest { min_revision: -1, ..appeals() }, "min_revision"),
    ]
}

#[tokio::test]
async fn a_bad_field_is_named() {
    let mut pair = Pair::start(store("a", 1)).await;
    pair.ask(2).await.unwrap();
    for (request, field) in one_bad_field() {
        assert_eq!(fields(&pair.query(request.clone()).await.unwrap_err()), [field]);
        let queries = vec![appeals(), request];
        let batch = v1::BatchQueryIndicatorsRequest { queries };
        let status = pair.client.batch_query_indicators(batch).await.unwrap_err();
        assert_eq!(fields(&status), [format!("queries[1].{field}")]);
    }
}

#[tokio::test]
async fn all_bad_fields_of_a_request_come_together() {
    let mut pair = Pair::start(store("a", 0)).await;
    pair.ask(1).await.unwrap();
    let request = v1::QueryIndicatorRequest { granularity: 77, origin: 77, ..Default::default() };
    assert_eq!(fields(&pair.query(request).await.unwrap_err()), ["indicator", "granularity", "origin"]);
}

#[tokio::test]
async fn a_batch_is_of_one_store_and_of_a_hundred_queries() {
    let mut pair = Pair::start(store("a", 0)).await;
    pair.ask(1).await.unwrap();
    let of = |store_id: &str| v1::QueryIndicatorRequest { store_id: store_id.into(), ..appeals() };
    let batch = v1::BatchQueryIndicatorsRequest { queries: vec![of("a"), of(""), of("b")] };
    let status = pair.client.batch_query_indicators(batch).await.unwrap_err();
    assert_eq!(fields(&status), ["queries[2].store_id"]);
    let batch = v1::BatchQueryIndicatorsRequest { queries: vec![appeals(); 101] };
    let status = pair.client.batch_query_indicators(batch).await.unwrap_err();
    assert_eq!(fields(&status), ["queries"]);
}

#[tokio::test]
async fn an_unknown_indicator_is_not_found() {
    let mut pair = Pair::start(store("a", 0)).await;
    pair.ask(1).await.unwrap();
    let name = "indicators/happiness";
    let query = v1::QueryIndicatorRequest { indicator: name.into(), ..Default::default() };
    let queried = pair.query(query).await.unwrap_err();
    let got = pair.client.get_indicator(v1::GetIndicatorRequest { name: name.into() }).await.unwrap_err();
    for status in [queried, got] {
        assert_refused(&status, Reason::IndicatorNotFound);
        assert_eq!(status.get_details_resource_info().unwrap().resource_name, name);
    }
}

#[tokio::test]
async fn a_bad_filter_says_where() {
    let mut pair = Pair::start(store("a", 0)).await;
    pair.ask(1).await.unwrap();
    for (filter, reason, key, value) in [
        ("channel = ", Reason::FilterSyntax, "position", None),
        ("nothing = \"x\"", Reason::FilterUnknownField, "path", Some("nothing")),
        ("channel > \"x\"", Reason::FilterType, "path", Some("channel")),
    ] {
        let query = v1::QueryIndicatorRequest { filter: filter.into(), ..appeals() };
        let status = pair.query(query).await.unwrap_err();
        assert_refused(&status, reason);
        let metadata = status.get_details_error_info().unwrap().metadata;
        assert_eq!(metadata["field"], "filter");
        let said = metadata.get(key).map(String::as_str);
        assert!(said.is_some() && (value.is_none() || said == value), "{filter}: {metadata:?}");
    }
}
