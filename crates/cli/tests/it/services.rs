//! Both services in this process, over a folder of their own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails here")]

use std::net::SocketAddr;

use reform_runtime::front::{self, Front};
use reform_runtime::server::Exit;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Where a service listens.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) address: SocketAddr,
    pub(crate) admin: Option<SocketAddr>,
}

impl Place {
    fn of(opened: &Front) -> Self {
        Self { address: opened.address().unwrap(), admin: opened.admin_address().unwrap() }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

pub(crate) struct Services {
    pub(crate) data: Place,
    pub(crate) analytics: Place,
    pub(crate) folder: TempDir,
    stop: CancellationToken,
    running: [JoinHandle<()>; 2],
}

impl Services {
    /// Starts both; `configure` is asked for analytics.
    pub(crate) async fn start(
        folder: TempDir,
        front: front::Config,
        configure: impl FnOnce(&mut reform_analytics::Config),
    ) -> Self {
        let stop = CancellationToken::new();
        let opened = front.clone().open().await.unwrap();
        let data = Place::of(&opened);
        let config = reform_data::Config {
            cache_bytes: 16 << 20,
            free_bytes_min: Some(1 << 20),
            ..reform_data::Config::new(folder.path().join("data"))
        };
        let run = reform_data::run(opened, config, stop.clone());
        let data_task = tokio::spawn(async move { assert_eq!(run.await.unwrap(), Exit::Drained) });
        let opened = front.open().await.unwrap();
        let analytics = Place::of(&opened);
        let mut config = reform_analytics::Config::new(data.url().parse().unwrap());
        configure(&mut config);
        let run = reform_analytics::run(opened, config, stop.clone());
        let analytics_task = tokio::spawn(async move { assert_eq!(run.await.unwrap(), Exit::Drained) });
        Self { data, analytics, folder, stop, running: [data_task, analytics_task] }
    }

    /// Stops both, whose callers are gone.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        for service in self.running {
            service.await.unwrap();
        }
    }
}
