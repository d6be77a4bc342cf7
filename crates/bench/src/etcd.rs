//! etcd as its Debian package brings it, one member over a temporary folder, with its default durability.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bytes::Bytes;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use crate::contest::Target;
use crate::load::Calls;
use crate::{calls, load, programs};

/// How long a start, and a stop, may take.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How long to wait before asking again whether it is there.
const ASK_AGAIN: Duration = Duration::from_millis(50);
/// Starts, each of which may find one of its ports taken.
const STARTS: usize = 3;

/// `etcdserverpb.RangeRequest`, as far as it is used.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RangeRequest {
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) key: Bytes,
    #[prost(bool, tag = "7")]
    pub(crate) serializable: bool,
}

/// `etcdserverpb.PutRequest`, as far as it is used.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PutRequest {
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) key: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) value: Bytes,
}

/// A running etcd.
#[derive(Debug)]
pub(crate) struct Etcd {
    child: Child,
    /// Where clients are answered.
    pub(crate) address: SocketAddr,
}

impl Etcd {
    /// Starts etcd over a folder.
    ///
    /// # Errors
    /// When it is not installed or does not start.
    pub(crate) async fn start(folder: &Path) -> anyhow::Result<Self> {
        let missing = "etcd is missing: apt-get install etcd-server, or --without etcd";
        let program = programs::find("etcd").context(missing)?;
        let log = File::create(folder.with_extension("log"))?;
        for _ in 0..STARTS {
            // etcd cannot tell which port it took: ports that are free now are most likely free in a moment.
            let [clients, peers] = [free_address()?, free_address()?];
            let urls = [format!("http://{clients}"), format!("http://{peers}")];
            let child = Command::new(&program)
                .arg("--data-dir")
                .arg(folder)
                .args(["--listen-client-urls", &urls[0], "--advertise-client-urls", &urls[0]])
                .args(["--listen-peer-urls", &urls[1], "--initial-advertise-peer-urls", &urls[1]])
                .args(["--initial-cluster", &format!("default={}", urls[1])])
                .args(["--logger", "zap", "--log-level", "error"])
                .stdin(Stdio::null())
                .stdout(log.try_clone()?)
                .stderr(log.try_clone()?)
                .kill_on_drop(true)
                .spawn()
                .context("etcd does not start")?;
            if let Some(etcd) = (Self { child, address: clients }).ready().await? {
                return Ok(etcd);
            }
        }
        bail!("etcd ended before it answered, {STARTS} times")
    }

    /// Waits until it answers; none when it ended before.
    async fn ready(mut self) -> anyhow::Result<Option<Self>> {
        let started = Instant::now();
        let once = load::Shape { connections: 1, streams: 1 };
        while self.child.try_wait()?.is_none() {
            match load::to_the_end(self.address, once, calls::range_missing()).await {
                Ok(()) => return Ok(Some(self)),
                Err(error) if started.elapsed() > TIMEOUT => {
                    return Err(error.context("etcd does not answer"));
                }
                Err(_) => tokio::time::sleep(ASK_AGAIN).await,
            }
        }
        Ok(None)
    }

    /// These calls, of it.
    pub(crate) fn target(&self, calls: Calls) -> Target {
        Target::Grpc(self.address.into(), self.child.id(), calls)
    }

    /// Stops it and waits for its end.
    ///
    /// # Errors
    /// When it takes too long.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        kill_process(pid.context("etcd has ended")?, Signal::TERM)?;
        tokio::time::timeout(TIMEOUT, self.child.wait()).await.context("etcd does not stop")??;
        Ok(())
    }
}

fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?.local_addr()?)
}
