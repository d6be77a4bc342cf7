//! What is written and asked of the data service.

use std::time::Duration;

use reform_api::data::v1;
use reform_api::data::v1::maintenance_service_client::MaintenanceServiceClient;
use reform_api::data::v1::record_service_client::RecordServiceClient;
use reform_api::json;
use tonic::Request;
use tonic::transport::Channel;

/// A code that no country has: these records are nobody's.
pub const JURISDICTION: &str = "XA";

/// Longer than a service waits for a revision.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// A request that gives up.
pub fn call<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(CALL_TIMEOUT);
    request
}

/// A record from its JSON form.
pub fn record(text: &str) -> v1::Record {
    json::parse("reform.data.v1.Record", text).unwrap()
}

/// An appeal of that year to the court of [`base`].
pub fn appeal(id: &str, year: i32) -> v1::Record {
    record(&format!(
        r#"{{"name": "records/{id}", "jurisdiction": "{JURISDICTION}", "title": "{id}", "appeal":
            {{"institution": "records/court", "filedOn": {{"year": {year}, "month": 3, "day": 6}}}}}}"#
    ))
}

/// One new record.
pub fn create(record: v1::Record) -> v1::CreateRecordRequest {
    v1::CreateRecordRequest { record: Some(record), ..v1::CreateRecordRequest::default() }
}

/// Several new records as one commit.
pub fn creates(records: impl IntoIterator<Item = v1::Record>) -> v1::CommitRecordsRequest {
    let creates = records.into_iter().map(|record| v1::mutation::Mutation::Create(create(record)));
    let mutations = creates.map(|mutation| v1::Mutation { mutation: Some(mutation) });
    v1::CommitRecordsRequest { mutations: mutations.collect(), ..v1::CommitRecordsRequest::default() }
}

/// The court that appeals go to, and its source.
pub fn base() -> v1::CommitRecordsRequest {
    let source = r#"{"name": "records/source", "title": "Source", "source": {"title": "Source"}}"#;
    let court = format!(
        r#"{{"name": "records/court", "jurisdiction": "{JURISDICTION}", "title": "Court",
            "citations": [{{"source": "records/source"}}], "institution": {{}}}}"#
    );
    creates([record(source), record(&court)])
}

/// Commits, which must succeed; the revision.
pub async fn commit(channel: &Channel, request: v1::CommitRecordsRequest) -> i64 {
    let mut client = RecordServiceClient::new(channel.clone());
    client.commit_records(call(request)).await.unwrap().into_inner().revision
}

/// The store and its head.
pub async fn status(channel: &Channel) -> (String, i64) {
    let mut client = MaintenanceServiceClient::new(channel.clone());
    let status = client.get_status(call(v1::GetStatusRequest {})).await.unwrap().into_inner();
    (status.store_id, status.head_revision)
}
