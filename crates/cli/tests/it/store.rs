//! A data service in this process, over an empty store.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails here")]

use reform_runtime::server::Exit;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A service that serves until [`Store::stop`].
pub(crate) struct Store {
    /// What `--data` takes.
    pub(crate) url: String,
    stop: CancellationToken,
    running: JoinHandle<Result<Exit, reform_data::Error>>,
    runtime: Runtime,
    /// Goes with the store.
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
        let free_bytes_min = Some(1 << 20);
        let config =
            reform_data::Config { free_bytes_min, ..reform_data::Config::new(folder.path().join("data")) };
        let running = runtime.spawn(reform_data::run(listener, config, stop.clone()));
        Self { url, stop, running, runtime, _folder: folder }
    }

    /// Drains it.
    pub(crate) fn stop(self) {
        self.stop.cancel();
        assert_eq!(self.runtime.block_on(self.running).unwrap().unwrap(), Exit::Drained);
    }
}
