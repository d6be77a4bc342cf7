//! What is written and asked.

use std::collections::BTreeMap;
use std::time::Duration;

use reform_api::analytics::v1 as analytics;
use reform_api::analytics::v1::indicator_service_client::IndicatorServiceClient;
use reform_api::data::v1;
use reform_api::data::v1::maintenance_service_client::MaintenanceServiceClient;
use reform_api::data::v1::record_service_client::RecordServiceClient;
use reform_api::json;
use tonic::transport::Channel;
use tonic::{Request, Status};

/// A code that no country has: these records are nobody's.
pub(crate) const JURISDICTION: &str = "XA";

/// Longer than a service waits for a revision.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// A request that gives up.
pub(crate) fn call<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(CALL_TIMEOUT);
    request
}

pub(crate) fn record(text: &str) -> v1::Record {
    json::parse("reform.data.v1.Record", text).unwrap()
}

/// An appeal of that year to the court of [`base`].
pub(crate) fn appeal(id: &str, year: i32) -> v1::Record {
    record(&format!(
        r#"{{"name": "records/{id}", "jurisdiction": "{JURISDICTION}", "title": "{id}", "appeal":
            {{"institution": "records/court", "filedOn": {{"year": {year}, "month": 3, "day": 6}}}}}}"#
    ))
}

pub(crate) fn create(record: v1::Record) -> v1::CreateRecordRequest {
    v1::CreateRecordRequest { record: Some(record), ..v1::CreateRecordRequest::default() }
}

/// Several new records as one commit.
pub(crate) fn creates(records: impl IntoIterator<Item = v1::Record>) -> v1::CommitRecordsRequest {
    let creates = records.into_iter().map(|record| v1::mutation::Mutation::Create(create(record)));
    let mutations = creates.map(|mutation| v1::Mutation { mutation: Some(mutation) });
    v1::CommitRecordsRequest { mutations: mutations.collect(), ..v1::CommitRecordsRequest::default() }
}

/// The court that appeals go to, and its source.
pub(crate) fn base() -> v1::CommitRecordsRequest {
    let source = r#"{"name": "records/source", "title": "Source", "source": {"title": "Source"}}"#;
    let court = format!(
        r#"{{"name": "records/court", "jurisdiction": "{JURISDICTION}", "title": "Court",
            "citations": [{{"source": "records/source"}}], "institution": {{}}}}"#
    );
    creates([record(source), record(&court)])
}

pub(crate) async fn commit(channel: &Channel, request: v1::CommitRecordsRequest) -> i64 {
    let mut client = RecordServiceClient::new(channel.clone());
    client.commit_records(call(request)).await.unwrap().into_inner().revision
}

/// The store and its head.
pub(crate) async fn status(channel: &Channel) -> (String, i64) {
    let mut client = MaintenanceServiceClient::new(channel.clone());
    let status = client.get_status(call(v1::GetStatusRequest {})).await.unwrap().into_inner();
    (status.store_id, status.head_revision)
}

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
