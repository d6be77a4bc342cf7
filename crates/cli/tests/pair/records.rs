//! What is asked of the analytics service.

use std::collections::BTreeMap;

use reform_api::analytics::v1 as analytics;
use reform_api::analytics::v1::indicator_service_client::IndicatorServiceClient;
use reform_trials::records::{JURISDICTION, call};
use tonic::Status;
use tonic::transport::Channel;

/// Counted appeals by year of [`JURISDICTION`], at or after a revision.
pub(crate) fn appeals_per_year(min_revision: i64) -> analytics::QueryIndicatorRequest {
    analytics::QueryIndicatorRequest {
        indicator: "indicators/appeals-per-year".to_owned(),
        jurisdictions: vec![JURISDICTION.to_owned()],
        origin: analytics::Origin::Counted.into(),
        min_revision,
        ..analytics::QueryIndicatorRequest::default()
    }
}

pub(crate) async fn ask(
    channel: &Channel,
    query: analytics::QueryIndicatorRequest,
) -> Result<analytics::QueryIndicatorResponse, Status> {
    let mut client = IndicatorServiceClient::new(channel.clone());
    client.query_indicator(call(query)).await.map(tonic::Response::into_inner)
}

/// The figures of an answer to [`appeals_per_year`], by year.
pub(crate) fn counts(answer: &analytics::QueryIndicatorResponse) -> BTreeMap<i32, i64> {
    let points = answer.series.iter().flat_map(|series| &series.points);
    let counts = points.map(|point| {
        let year = point.period.as_ref().unwrap().start.as_ref().unwrap().year();
        let value = point.estimate.as_ref().unwrap().value.as_ref().unwrap();
        (year, value.parse().unwrap())
    });
    counts.collect()
}
