//! The calls to the data service.

use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use http::uri::PathAndQuery;
use reform_api::data::v1;
use reform_api::data::v1::change_service_client::ChangeServiceClient;
use reform_api::data::v1::maintenance_service_client::MaintenanceServiceClient;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status, Streaming};
use tonic_prost::ProstCodec;

/// One message of the data service; a commit or a batch of records is far smaller.
const MESSAGE_BYTES_MAX: usize = 16 << 20;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A peer that answers no PING is gone, though the connection says nothing.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);
/// Question and answer about the head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(2);

/// `v1::ExportRecordsResponse` with its records as they came: the proof at the end is over these bytes, which a decoder
/// of an older contract would not give back.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ExportPage {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub(crate) records: Vec<Bytes>,
    #[prost(message, optional, tag = "2")]
    pub(crate) trailer: Option<v1::ExportTrailer>,
}

/// One data service. Its connection is made when it is needed, and again whenever it was lost.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    channel: Channel,
}

impl Source {
    /// Does not connect yet.
    pub(crate) fn new(uri: Uri) -> Self {
        let endpoint = Endpoint::from(uri)
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT)
            .keep_alive_while_idle(true);
        Self { channel: endpoint.connect_lazy() }
    }

    /// Every live record at the newest durable revision.
    pub(crate) async fn export(&self) -> Result<Streaming<ExportPage>, Status> {
        let mut grpc = Grpc::new(self.channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX);
        grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let request = Request::new(v1::ExportRecordsRequest::default());
        let path = PathAndQuery::from_static("/reform.data.v1.RecordService/ExportRecords");
        let codec = ProstCodec::<v1::ExportRecordsRequest, ExportPage>::default();
        Ok(grpc.server_streaming(request, path, codec).await?.into_inner())
    }

    /// The commits of a store after a revision.
    pub(crate) async fn changes(
        &self,
        store_id: &str,
        after_revision: i64,
    ) -> Result<Streaming<v1::WatchChangesResponse>, Status> {
        let mut client =
            ChangeServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX);
        let request =
            v1::WatchChangesRequest { after_revision, store_id: store_id.to_owned(), filter: String::new() };
        Ok(client.watch_changes(request).await?.into_inner())
    }

    /// The store and its newest durable revision.
    pub(crate) async fn head(&self) -> Result<(String, i64), Status> {
        let mut client = MaintenanceServiceClient::new(self.channel.clone());
        let mut request = Request::new(v1::GetStatusRequest {});
        request.set_timeout(HEAD_TIMEOUT);
        let answer = tokio::time::timeout(HEAD_TIMEOUT, client.get_status(request)).await;
        let status = answer.map_err(|_| Status::deadline_exceeded("no answer about the head"))??.into_inner();
        Ok((status.store_id, status.head_revision))
    }
}
