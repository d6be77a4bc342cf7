//! The service beside its data service, and the records that the tests use.

use std::time::Duration;

use reform_analytics::{Config, Error};
use reform_api::analytics::v1;
use reform_api::analytics::v1::indicator_service_client::IndicatorServiceClient;
use reform_api::data::v1::Record;
use reform_api::error::{Reason, reason};
use reform_api::json;
use reform_runtime::server::Exit;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::fake::{Fake, Script, put};

pub(crate) const COURT: &str = r#"{"name": "records/court", "jurisdiction": "KZ", "title": "Court",
    "citations": [{"source": "records/source"}], "institution": {}}"#;

/// An appeal of that year.
pub(crate) fn appeal(id: &str, year: i32) -> Record {
    record(&format!(
        r#"{{"name": "records/{id}", "jurisdiction": "KZ", "title": "{id}", "appeal":
            {{"institution": "records/court", "filedOn": {{"year": {year}, "month": 3, "day": 6}}}}}}"#
    ))
}

/// An appeal that no calendar has.
pub(crate) fn impossible(id: &str) -> Record {
    let text = format!(
        r#"{{"name": "records/{id}", "jurisdiction": "KZ", "title": "{id}", "appeal":
            {{"institution": "records/court", "filedOn": {{"year": 2023, "month": 13}}}}}}"#
    );
    record(&text)
}

pub(crate) fn record(text: &str) -> Record {
    json::parse("reform.data.v1.Record", text).unwrap()
}

/// A store with `appeals` appeals, each a commit of its own after that of the court.
pub(crate) fn store(store_id: &str, appeals: usize) -> Script {
    let appeals = (0..appeals).map(|index| vec![put(appeal(&format!("appeal-{index}"), 2023))]);
    Script::new(store_id, std::iter::once(vec![put(record(COURT))]).chain(appeals).collect())
}

pub(crate) struct Pair {
    pub(crate) data: Fake,
    pub(crate) client: IndicatorServiceClient<Channel>,
    pub(crate) health: HealthClient<Channel>,
    pub(crate) stop: CancellationToken,
    pub(crate) ended: JoinHandle<Result<Exit, Error>>,
}

impl Pair {
    pub(crate) async fn start(script: Script) -> Self {
        Self::beside(Fake::start(script).await, |_| {}).await
    }

    pub(crate) async fn beside(data: Fake, configure: impl FnOnce(&mut Config)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = Channel::from_shared(format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let mut config = Config::new(format!("http://{}", data.address).parse().unwrap());
        configure(&mut config);
        let stop = CancellationToken::new();
        let ended = tokio::spawn(reform_analytics::run(listener, config, stop.clone()));
        let channel = endpoint.connect().await.unwrap();
        let client = IndicatorServiceClient::new(channel.clone());
        Self { data, client, health: HealthClient::new(channel), stop, ended }
    }

    /// Asks for appeals by year, at or after a revision.
    pub(crate) async fn ask(&mut self, min_revision: i64) -> Result<v1::QueryIndicatorResponse, Status> {
        self.query(v1::QueryIndicatorRequest { min_revision, ..appeals() }).await
    }

    pub(crate) async fn query(
        &mut self,
        request: v1::QueryIndicatorRequest,
    ) -> Result<v1::QueryIndicatorResponse, Status> {
        self.client.query_indicator(request).await.map(tonic::Response::into_inner)
    }

    /// The number of counted appeals, at or after a revision.
    pub(crate) async fn count(&mut self, min_revision: i64) -> String {
        counted(&self.ask(min_revision).await.unwrap())
    }

    pub(crate) async fn status(&mut self) -> v1::GetStatusResponse {
        self.client.get_status(v1::GetStatusRequest {}).await.unwrap().into_inner()
    }

    /// Waits until health says so.
    pub(crate) async fn until_serving(&mut self, wanted: bool) {
        let wanted = if wanted { ServingStatus::Serving } else { ServingStatus::NotServing };
        let service = "reform.analytics.v1.IndicatorService".to_owned();
        let mut changes = self.health.watch(HealthCheckRequest { service }).await.unwrap().into_inner();
        while changes.message().await.unwrap().unwrap().status() != wanted {}
    }
}

/// A query with a deadline.
pub(crate) fn within(
    message: v1::QueryIndicatorRequest,
    timeout: Duration,
) -> tonic::Request<v1::QueryIndicatorRequest> {
    let mut request = tonic::Request::new(message);
    request.set_timeout(timeout);
    request
}

pub(crate) fn appeals() -> v1::QueryIndicatorRequest {
    v1::QueryIndicatorRequest {
        indicator: "indicators/appeals-per-year".to_owned(),
        origin: v1::Origin::Counted.into(),
        ..v1::QueryIndicatorRequest::default()
    }
}

/// The values of all points; empty when there are none.
pub(crate) fn counted(answer: &v1::QueryIndicatorResponse) -> String {
    let points = answer.series.iter().flat_map(|series| &series.points);
    let values = points.filter_map(|point| point.estimate.as_ref()?.value.clone());
    values.collect::<Vec<_>>().join(" ")
}

pub(crate) fn assert_refused(status: &Status, expected: Reason) {
    assert_eq!(
        (status.code(), reason(status).as_deref()),
        (expected.code(), Some(expected.as_str())),
        "{status:?}"
    );
}
