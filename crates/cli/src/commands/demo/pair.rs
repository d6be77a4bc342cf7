//! Both services in this process, on free ports of this machine.

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use reform_runtime::server::{self, Exit};
use tokio::net::TcpListener;
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;
use tonic::transport::Uri;

use crate::client::Service;
use crate::failure::Failure;

/// The demo writes while more than this is free.
const FREE_BYTES_MIN: u64 = 64 << 20;

/// The running services.
pub(super) struct Pair {
    data: Running,
    analytics: Running,
}

struct Running {
    service: Service,
    address: SocketAddr,
    stop: CancellationToken,
    /// Cancelled when the service has ended, for whatever reason.
    over: CancellationToken,
    task: JoinHandle<Result<Exit, String>>,
}

impl Pair {
    /// Binds two free ports and starts the services over `folder`: the store in `data`, the state in `analytics`.
    pub(super) async fn start(folder: &Path) -> Result<Self, Failure> {
        let data = listen().await?;
        let analytics = listen().await?;
        let (data_address, analytics_address) = (data.local_addr()?, analytics.local_addr()?);
        let url: Uri = url(data_address).parse().expect("an address makes a URI");

        // A tenth of the disk is more than the demo is worth.
        let free_bytes_min = Some(FREE_BYTES_MIN);
        let config = reform_data::Config { free_bytes_min, ..reform_data::Config::new(folder.join("data")) };
        let data = Running::spawn(Service::Data, data_address, |stop| async move {
            reform_data::run(data, config, stop).await.map_err(|error| error.to_string())
        });
        let mut config = reform_analytics::Config::new(url);
        config.state_dir = Some(folder.join("analytics"));
        let analytics = Running::spawn(Service::Analytics, analytics_address, |stop| async move {
            reform_analytics::run(analytics, config, stop).await.map_err(|error| error.to_string())
        });
        Ok(Self { data, analytics })
    }

    /// Where the data service listens.
    pub(super) fn data(&self) -> SocketAddr {
        self.data.address
    }

    /// Where the analytics service listens.
    pub(super) fn analytics(&self) -> SocketAddr {
        self.analytics.address
    }

    /// The data service as `--data` takes it.
    pub(super) fn data_url(&self) -> String {
        url(self.data.address)
    }

    /// The analytics service as `--analytics` takes it.
    pub(super) fn analytics_url(&self) -> String {
        url(self.analytics.address)
    }

    /// Waits for a service that ends by itself, which it never should.
    pub(super) async fn ended(&self) -> Failure {
        let service = tokio::select! {
            () = self.data.over.cancelled() => self.data.service,
            () = self.analytics.over.cancelled() => self.analytics.service,
        };
        Failure::Demo(format!("{} ended by itself", service.program()))
    }

    /// Drains the follower first, so that it does not lose the service that it follows, then the store.
    pub(super) async fn stop(self) -> Result<ExitCode, Failure> {
        let analytics = self.analytics.stop().await;
        let data = self.data.stop().await;
        let forced = [analytics?, data?].contains(&Exit::Forced);
        Ok(if forced { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

impl Running {
    fn spawn<F>(service: Service, address: SocketAddr, run: impl FnOnce(CancellationToken) -> F) -> Self
    where
        F: Future<Output = Result<Exit, String>> + Send + 'static,
    {
        let stop = CancellationToken::new();
        let over = CancellationToken::new();
        let end = over.clone().drop_guard();
        let running = run(stop.clone());
        let task = tokio::spawn(async move {
            let _end = end;
            running.await
        });
        Self { service, address, stop, over, task }
    }

    /// Drains the service and waits for its end; an error that ended it early comes out here.
    async fn stop(self) -> Result<Exit, Failure> {
        self.stop.cancel();
        let failed = |text: String| Failure::Demo(format!("{}: {text}", self.service.program()));
        let ended = self.task.await.map_err(|error: JoinError| failed(error.to_string()))?;
        ended.map_err(failed)
    }
}

async fn listen() -> Result<TcpListener, Failure> {
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    server::bind(free, false).await.map_err(|error| Failure::Demo(error.to_string()))
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}
