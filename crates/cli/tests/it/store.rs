//! A data service in this process, over an empty store.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails here")]

use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Serves until it is dropped.
pub(crate) struct Store {
    /// What `--data` takes.
    pub(crate) url: String,
    /// Stops the service, then its threads end, then its folder goes.
    _stop: DropGuard,
    _running: JoinHandle<()>,
    _runtime: Runtime,
    _folder: TempDir,
}

impl Store {
    /// Starts the service on a free port.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        let config = reform_data::Config::new(folder.path().join("data"));
        let token = stop.clone();
        let running = runtime.spawn(async move {
            let _exit = reform_data::run(listener, config, token).await.unwrap();
        });
        Self { url, _stop: stop.drop_guard(), _running: running, _runtime: runtime, _folder: folder }
    }
}
