//! How the services are reached.

use std::time::Duration;

use reform_api::analytics::v1::indicator_service_client::IndicatorServiceClient;
use reform_api::client::{AnalyticsClient, Credentials, DataClient, Link};
use reform_api::data::v1::maintenance_service_client::MaintenanceServiceClient;
use reform_api::data::v1::record_service_client::RecordServiceClient;
use tonic::Status;
use tonic::metadata::MetadataValue;
use tonic::transport::Uri;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::failure::Failure;

/// How long one answer may take; streams have no such limit.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Answers hold 3 MiB at most; the rest is room for what surrounds them.
const ANSWER_BYTES_MAX: usize = 8 << 20;

/// A service of the pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    /// Keeps the records.
    Data,
    /// Answers indicators.
    Analytics,
}

impl Service {
    /// The program that serves it.
    pub(crate) fn program(self) -> &'static str {
        match self {
            Self::Data => "reform-data",
            Self::Analytics => "reform-analytics",
        }
    }

    /// The flag that says where it is.
    pub(crate) fn flag(self) -> &'static str {
        match self {
            Self::Data => "--data",
            Self::Analytics => "--analytics",
        }
    }
}

/// A service and where it is.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    service: Service,
    url: String,
    channel: Link,
}

impl Peer {
    /// Connects, so that a service that is not there is told from one that refuses.
    pub(crate) async fn connect(
        service: Service,
        url: &str,
        credentials: &Credentials,
    ) -> Result<Self, Failure> {
        let usage = |why: &str| Failure::Usage(format!("{} {url}: {why}", service.flag()));
        let uri: Uri = url.parse().map_err(|error| usage(&format!("{error}")))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.authority().is_none() {
            return Err(usage("write it as http://HOST:PORT or https://HOST:PORT"));
        }
        let channel = Link::connect(url.to_owned(), credentials)
            .await
            .map_err(|source| Failure::Unreachable { service, url: url.to_owned(), source })?;
        Ok(Self { service, url: url.to_owned(), channel })
    }

    /// What health says of the process as a whole.
    pub(crate) async fn health(&self) -> Result<ServingStatus, Status> {
        let answer =
            HealthClient::new(self.channel.clone()).check(request(HealthCheckRequest::default())).await?;
        Ok(answer.get_ref().status())
    }

    /// Records.
    pub(crate) fn records(&self) -> RecordServiceClient<Link> {
        RecordServiceClient::new(self.channel.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    /// The state of the data service.
    pub(crate) fn maintenance(&self) -> MaintenanceServiceClient<Link> {
        MaintenanceServiceClient::new(self.channel.clone())
    }

    /// Indicators.
    pub(crate) fn indicators(&self) -> IndicatorServiceClient<Link> {
        IndicatorServiceClient::new(self.channel.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    /// The data service, patiently.
    pub(crate) fn data(&self) -> DataClient {
        DataClient::new(self.channel.clone())
    }

    /// The analytics service, patiently.
    pub(crate) fn analytics(&self) -> AnalyticsClient {
        AnalyticsClient::new(self.channel.clone())
    }

    /// What to say when this service answered with an error.
    pub(crate) fn failed(&self, status: Status) -> Failure {
        Failure::Call { service: self.service, url: self.url.clone(), status: Box::new(status) }
    }
}

/// A request that gives up after [`CALL_TIMEOUT`].
pub(crate) fn request<T>(message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.set_timeout(CALL_TIMEOUT);
    request
}

/// As [`request`], of somebody who asks whom the service takes him for.
pub(crate) fn who<T>(message: T) -> tonic::Request<T> {
    let mut request = request(message);
    request.metadata_mut().insert(reform_api::WHO, MetadataValue::from_static("?"));
    request
}

/// Bytes for a reader.
pub(crate) fn size(bytes: i64) -> String {
    indicatif::BinaryBytes(u64::try_from(bytes).unwrap_or(0)).to_string()
}
