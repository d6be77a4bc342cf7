//! Both services with an admin port each.

use std::net::SocketAddr;

use reform_api::analytics::v1::QueryIndicatorRequest;
use reform_api::client::{AnalyticsClient, DataClient};
use reform_api::data::v1::{CreateRecordRequest, Record};
use reform_api::json;
use reform_runtime::front;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::services::Services;

pub(super) struct Pair {
    pub(super) data: DataClient,
    pub(super) analytics: AnalyticsClient,
    pub(super) data_admin: SocketAddr,
    pub(super) analytics_admin: SocketAddr,
    services: Services,
}

impl Pair {
    /// Starts both; `configure` is asked for their front.
    pub(super) async fn start(configure: impl FnOnce(&mut front::Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut front = front::Config::new(loopback);
        front.admin_listen = Some(loopback);
        configure(&mut front);
        let state = folder.path().join("state");
        let services = Services::start(folder, front, |config| config.state_dir = Some(state)).await;
        Self {
            data: DataClient::connect(services.data.url()).await.unwrap(),
            analytics: AnalyticsClient::connect(services.analytics.url()).await.unwrap(),
            data_admin: services.data.admin.unwrap(),
            analytics_admin: services.analytics.admin.unwrap(),
            services,
        }
    }

    /// Stores a record; its revision.
    pub(super) async fn create(&self, id: &str) -> i64 {
        let record = json::parse("reform.data.v1.Record", LAW).unwrap();
        let request = CreateRecordRequest {
            record: Some(Record { title: id.to_owned(), ..record }),
            record_id: id.to_owned(),
            ..CreateRecordRequest::default()
        };
        self.data.create_record(request).await.unwrap().revision
    }

    pub(super) async fn stop(self) {
        let Self { data, analytics, services, .. } = self;
        drop((data, analytics));
        services.stop().await;
    }
}

const LAW: &str = r#"{"jurisdiction": "KZ", "source": {"url": "https://example.org/law"}}"#;

/// A question about the view at or after a revision.
pub(super) fn question(min_revision: i64) -> QueryIndicatorRequest {
    let indicator = "indicators/appeals-per-year".to_owned();
    QueryIndicatorRequest { indicator, min_revision, ..QueryIndicatorRequest::default() }
}

/// One question by HTTP: the answer's head and body.
pub(super) async fn ask(address: SocketAddr, line: &str) -> (String, String) {
    let mut peer = TcpStream::connect(address).await.unwrap();
    peer.write_all(format!("{line} HTTP/1.1\r\nhost: admin\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    peer.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}
