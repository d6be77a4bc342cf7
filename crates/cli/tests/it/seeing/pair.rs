//! Both services with an admin port each.

use std::net::SocketAddr;

use reform_api::analytics::v1::QueryIndicatorRequest;
use reform_api::client::{AnalyticsClient, DataClient};
use reform_api::data::v1::{CreateRecordRequest, Record};
use reform_api::json;
use reform_runtime::front;
use reform_runtime::server::Exit;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(super) struct Pair {
    pub(super) data: DataClient,
    pub(super) analytics: AnalyticsClient,
    pub(super) data_admin: SocketAddr,
    pub(super) analytics_admin: SocketAddr,
    stop: CancellationToken,
    running: Vec<JoinHandle<()>>,
    _folder: TempDir,
}

impl Pair {
    /// Starts both; `configure` is asked for each.
    pub(super) async fn start(configure: impl Fn(&mut front::Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut front = front::Config::new(loopback);
        front.admin_listen = Some(loopback);
        configure(&mut front);
        let stop = CancellationToken::new();

        let opened = front.clone().open().await.unwrap();
        let data_url = format!("http://{}", opened.address().unwrap());
        let data_admin = opened.admin_address().unwrap().unwrap();
        let config = reform_data::Config {
            cache_bytes: 16 << 20,
            free_bytes_min: Some(1 << 20),
            ..reform_data::Config::new(folder.path().join("data"))
        };
        let run = reform_data::run(opened, config, stop.clone());
        let data = tokio::spawn(async move { assert_eq!(run.await.unwrap(), Exit::Drained) });

        let opened = front.open().await.unwrap();
        let analytics_url = format!("http://{}", opened.address().unwrap());
        let analytics_admin = opened.admin_address().unwrap().unwrap();
        let mut config = reform_analytics::Config::new(data_url.parse().unwrap());
        config.state_dir = Some(folder.path().join("state"));
        let run = reform_analytics::run(opened, config, stop.clone());
        let analytics = tokio::spawn(async move { assert_eq!(run.await.unwrap(), Exit::Drained) });
        Self {
            data: DataClient::connect(data_url).await.unwrap(),
            analytics: AnalyticsClient::connect(analytics_url).await.unwrap(),
            data_admin,
            analytics_admin,
            stop,
            running: vec![data, analytics],
            _folder: folder,
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
        let Self { data, analytics, stop, running, .. } = self;
        drop((data, analytics));
        stop.cancel();
        for service in running {
            service.await.unwrap();
        }
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
