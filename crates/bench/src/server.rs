//! A service in a process of its own: this program again, with a hidden command.
//!
//! The child prints its address and serves until its stdin ends, so that it never outlives whoever started it.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::ValueEnum;
use prost::Message;
use reform_api::data::v1;
use reform_api::data::v1::record_service_server::RecordServiceServer;
use reform_runtime::server::Exit;
use reform_runtime::{logging, shutdown};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};

use crate::contest::Target;
use crate::load::Calls;
use crate::secrets::{self, Asks};

/// How long a child may take to say its address.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a child may take to stop cleanly.
const STOP_TIMEOUT: Duration = Duration::from_secs(120);
/// Upload windows of the echo, the same as the service's.
const STREAM_WINDOW_BYTES: u32 = 1 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 4 << 20;

/// The hidden command line of the data service.
#[derive(Debug, clap::Args)]
pub(crate) struct DataArgs {
    /// Folder of the store.
    #[arg(long)]
    data_dir: PathBuf,
    /// What it asks of its callers.
    #[arg(long, default_value = "nothing")]
    asks: Asks,
    /// Folder of certificates and tokens.
    #[arg(long)]
    secrets: Option<PathBuf>,
}

/// The hidden command line of the echo.
#[derive(Debug, clap::Args)]
pub(crate) struct EchoArgs {
    /// The record that answers every read, encoded, in hexadecimal.
    #[arg(long)]
    answer: String,
    /// File with the messages of the bare stream, each encoded after its length.
    #[arg(long)]
    feed: Option<PathBuf>,
}

/// The hidden command line of the analytics service.
#[derive(Debug, clap::Args)]
pub(crate) struct AnalyticsArgs {
    /// The data service.
    #[arg(long)]
    data: http::Uri,
    /// Folder of the checkpoints.
    #[arg(long)]
    state_dir: PathBuf,
}

/// The hidden command line of the echo of one answer.
#[derive(Debug, clap::Args)]
pub(crate) struct AnswerArgs {
    /// File with the answer, encoded.
    #[arg(long)]
    answer: PathBuf,
}

/// A running child.
#[derive(Debug)]
pub(crate) struct Service {
    what: &'static str,
    child: Child,
    address: SocketAddr,
}

impl Service {
    /// Starts the data service over a folder.
    ///
    /// # Errors
    /// When the process does not start or does not say where it listens.
    pub(crate) async fn data(folder: &Path) -> anyhow::Result<Self> {
        let mut command = this_program("serve-data")?;
        command.arg("--data-dir").arg(folder);
        Self::start("the data service", command).await
    }

    /// As [`Service::data`], for callers who show what it asks for; `secrets` is the folder of that.
    ///
    /// # Errors
    /// As [`Service::data`].
    pub(crate) async fn data_asking(folder: &Path, asks: Asks, secrets: &Path) -> anyhow::Result<Self> {
        let mut command = this_program("serve-data")?;
        command.arg("--data-dir").arg(folder).arg("--secrets").arg(secrets).arg("--asks");
        command.arg(asks.to_possible_value().context("it has a name")?.get_name());
        Self::start("the data service", command).await
    }

    /// Starts the echo, which answers every read with `answer` and streams the messages of the file `feed`.
    ///
    /// # Errors
    /// As [`Service::data`].
    pub(crate) async fn echo(answer: &v1::Record, feed: Option<&Path>) -> anyhow::Result<Self> {
        let mut command = this_program("serve-echo")?;
        command.arg("--answer").arg(hex::encode(answer.encode_to_vec()));
        command.args(feed.map(|feed| [Path::new("--feed"), feed]).into_iter().flatten());
        Self::start("the echo", command).await
    }

    /// Starts the analytics service behind a data service, with its checkpoints in a folder.
    ///
    /// # Errors
    /// As [`Service::data`].
    pub(crate) async fn analytics(data: &Self, state: &Path) -> anyhow::Result<Self> {
        let mut command = this_program("serve-analytics")?;
        command.arg("--data").arg(format!("http://{}", data.address)).arg("--state-dir").arg(state);
        Self::start("the analytics service", command).await
    }

    /// Starts the echo that answers every query with the content of a file.
    ///
    /// # Errors
    /// As [`Service::data`].
    pub(crate) async fn answer(answer: &Path) -> anyhow::Result<Self> {
        let mut command = this_program("serve-answer")?;
        command.arg("--answer").arg(answer);
        Self::start("the echo", command).await
    }

    async fn start(what: &'static str, mut command: Command) -> anyhow::Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().with_context(|| format!("{what} does not start"))?;
        let stdout = child.stdout.take().context("a child without stdout")?;
        let mut line = String::new();
        let mut lines = BufReader::new(stdout);
        let said = tokio::time::timeout(START_TIMEOUT, lines.read_line(&mut line)).await;
        said.with_context(|| format!("{what} does not say where it listens"))??;
        let address = line.trim().parse().with_context(|| format!("{what} ended before it listened"))?;
        Ok(Self { what, child, address })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A new connection to the service, established.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) async fn channel(&self) -> anyhow::Result<Channel> {
        self.endpoint()?.connect().await.with_context(|| format!("cannot reach {}", self.what))
    }

    /// How to connect to it.
    ///
    /// # Errors
    /// Never: its address is one.
    pub(crate) fn endpoint(&self) -> anyhow::Result<Endpoint> {
        Ok(Endpoint::from_shared(format!("http://{}", self.address))?.tcp_nodelay(true))
    }

    /// These calls, of it.
    pub(crate) fn target(&self, calls: Calls) -> Target {
        Target::Grpc(self.address.into(), self.child.id(), calls)
    }

    /// Its process, while it runs.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Kills the service and waits for its end.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub(crate) async fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().await.with_context(|| format!("{} cannot be killed", self.what))
    }

    /// Stops the service cleanly and waits for its end.
    ///
    /// # Errors
    /// When it takes too long or ends with a failure.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        drop(self.child.stdin.take());
        let ended = tokio::time::timeout(STOP_TIMEOUT, self.child.wait()).await;
        let status = ended.with_context(|| format!("{} does not stop", self.what))??;
        if !status.success() {
            bail!("{} ended with {status}", self.what);
        }
        Ok(())
    }
}

fn this_program(command: &str) -> anyhow::Result<Command> {
    let mut child = Command::new(std::env::current_exe().context("cannot find this program")?);
    child.arg(command);
    Ok(child)
}

/// Serves the data service until stdin ends.
///
/// # Errors
/// When the store does not open or the server fails.
pub(crate) async fn serve_data(DataArgs { data_dir, asks, secrets }: DataArgs) -> anyhow::Result<()> {
    log("warn");
    let front = secrets::front(asks, secrets).open().await?;
    let stop = announce(front.address()?)?;
    // The ballast would count as the store's; and what a run is worth is not a tenth of the disk.
    let (ballast_bytes, free_bytes_min) = (0, Some(1 << 30));
    let config = reform_data::Config { ballast_bytes, free_bytes_min, ..reform_data::Config::new(data_dir) };
    match reform_data::run(front, config, stop).await? {
        Exit::Drained => Ok(()),
        Exit::Forced => bail!("the drain took too long"),
    }
}

/// Serves the analytics service until stdin ends.
///
/// # Errors
/// When the server fails.
pub(crate) async fn serve_analytics(AnalyticsArgs { data, state_dir }: AnalyticsArgs) -> anyhow::Result<()> {
    // Until it is there it refuses, and says so.
    let (listener, stop) = child("error").await?;
    let config =
        reform_analytics::Config { state_dir: Some(state_dir), ..reform_analytics::Config::new(data) };
    match reform_analytics::run(listener, config, stop).await? {
        Exit::Drained => Ok(()),
        Exit::Forced => bail!("the drain took too long"),
    }
}

/// Serves the echo of one answer until stdin ends.
///
/// # Errors
/// When there is no answer or the server fails.
pub(crate) async fn serve_answer(AnswerArgs { answer }: AnswerArgs) -> anyhow::Result<()> {
    let answer = crate::echo::answer::Answer(std::fs::read(answer)?.into());
    let (listener, stop) = child("warn").await?;
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let serving = Server::builder().add_service(answer);
    Ok(serving.serve_with_incoming_shutdown(incoming, stop.cancelled_owned()).await?)
}

/// Serves the echo until stdin ends.
///
/// # Errors
/// When the answer is no record or the server fails.
pub(crate) async fn serve_echo(EchoArgs { answer, feed }: EchoArgs) -> anyhow::Result<()> {
    let answer = v1::Record::decode(hex::decode(answer)?.as_slice())?;
    let mut messages = Vec::new();
    if let Some(path) = feed {
        let mut bytes = bytes::Bytes::from(std::fs::read(path)?);
        while !bytes.is_empty() {
            messages.push(Arc::new(v1::WatchChangesResponse::decode_length_delimited(&mut bytes)?));
        }
    }
    let feed = crate::echo::feed::Feed { messages: Arc::new(messages) };
    let (listener, stop) = child("warn").await?;
    let echo = crate::echo::Echo { answer: Arc::new(answer) };
    Server::builder()
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .add_service(RecordServiceServer::new(echo))
        .add_service(feed)
        .serve_with_incoming_shutdown(
            TcpIncoming::from(listener).with_nodelay(Some(true)),
            stop.cancelled_owned(),
        )
        .await?;
    Ok(())
}

/// What every child does first: log what is wrong, listen, say where, and watch stdin.
async fn child(level: &str) -> anyhow::Result<(TcpListener, CancellationToken)> {
    log(level);
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let stop = announce(listener.local_addr()?)?;
    Ok((listener, stop))
}

fn log(level: &str) {
    let filter = tracing_subscriber::EnvFilter::new(level);
    logging::init(logging::Config { filter, format: logging::Format::Text });
}

/// Says where the child listens; what ends with its stdin.
fn announce(address: SocketAddr) -> anyhow::Result<CancellationToken> {
    let stop = shutdown::on_signals()?;
    let mut stdout = io::stdout();
    writeln!(stdout, "{address}")?;
    stdout.flush()?;
    let ended = stop.clone();
    // A thread and no task: a blocked read of stdin would hold up the end of the runtime.
    std::thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        let mut byte = [0];
        while io::stdin().read(&mut byte).is_ok_and(|read| read > 0) {}
        ended.cancel();
    })?;
    Ok(stop)
}
