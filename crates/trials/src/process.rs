//! One service as a process: started, waited for, told to stop, killed. It never outlives its value.

use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpSocket;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::timeout;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::usage::Usage;

/// How long anything may take that is expected to happen at once.
pub const SOON: Duration = Duration::from_secs(30);
/// How long a service may take to end after SIGTERM.
const DRAIN: Duration = Duration::from_secs(10);
/// How long a service that fails may take to say why.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Log lines that a failure shows.
const LINES_SHOWN: usize = 20;

/// Waits for what is expected within [`SOON`].
pub async fn soon<T>(what: &str, work: impl Future<Output = T>) -> T {
    timeout(SOON, work).await.unwrap_or_else(|_| panic!("{what}: not within {SOON:?}"))
}

/// A port of this machine that stays reserved while the service that listens on it is down: nobody else is given a
/// port to which a socket is bound, and a socket that does not listen keeps no service from listening.
#[derive(Debug)]
pub struct Port {
    _socket: TcpSocket,
    address: SocketAddr,
}

impl Port {
    /// Any that is free.
    pub fn reserve() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = socket.local_addr().unwrap();
        Self { _socket: socket, address }
    }

    /// Where whoever it is kept for listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// A service that can be started again and again.
#[derive(Debug, Clone)]
pub struct Program {
    name: &'static str,
    path: PathBuf,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
}

impl Program {
    /// A program by its file; `name` is what failures call it.
    pub fn new(name: &'static str, path: impl Into<PathBuf>) -> Self {
        Self { name, path: path.into(), args: Vec::new(), env: Vec::new() }
    }

    /// The data service over a folder, as a child of `reform-trials`, whose file is `trials`.
    pub fn data(trials: impl Into<PathBuf>, folder: &Path) -> Self {
        let program = Self::new("reform-data", trials).arg("serve-data");
        program.arg("--data-dir").arg(folder).args(["--free-space-min", "1 MiB", "--ballast", "0"])
    }

    /// The analytics service behind the data service at an address, as a child of `reform-trials`.
    pub fn analytics(trials: impl Into<PathBuf>, data: SocketAddr, state: &Path) -> Self {
        let program = Self::new("reform-analytics", trials).arg("serve-analytics");
        program.arg("--data").arg(format!("http://{data}")).arg("--state-dir").arg(state)
    }

    /// With one more argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// With more arguments.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// With a variable; it has no others.
    #[must_use]
    pub fn env(mut self, variable: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((variable.into(), value.into()));
        self
    }

    /// With so many open files at the most.
    #[must_use]
    pub fn with_descriptors(mut self, limit: u32) -> Self {
        let mut args =
            vec!["-c".into(), format!("ulimit -n {limit}; exec \"$0\" \"$@\"").into(), self.path.into()];
        args.append(&mut self.args);
        Self { path: "/bin/sh".into(), args, ..self }
    }

    /// Starts it on any port.
    pub fn start(&self) -> Process {
        self.listen(SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    /// Starts it on a port that is kept for it.
    pub fn start_on(&self, port: &Port) -> Process {
        self.listen(port.address)
    }

    fn listen(&self, address: SocketAddr) -> Process {
        let mut command = Command::new(&self.path);
        command.args(&self.args);
        command.args(["--listen", &address.to_string(), "--log", "info", "--log-format", "text"]);
        command.env_clear().envs(self.env.iter().map(|(variable, value)| (variable, value)));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (sender, log) = watch::channel(Vec::new());
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                sender.send_modify(|lines| lines.push(line));
            }
        });
        Process { program: self.name, child, log }
    }
}

/// A running service.
pub struct Process {
    program: &'static str,
    child: Child,
    log: watch::Receiver<Vec<String>>,
}

impl Process {
    /// The address that it listens on, as soon as it says so.
    pub async fn address(&self) -> SocketAddr {
        self.until_logged("listening address=", 1).await;
        let log = self.log.borrow();
        let line = log.iter().find_map(|line| line.split_once("listening address="));
        // Further fields may follow.
        line.unwrap().1.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// What the system knows of it.
    pub fn usage(&self) -> Usage {
        Usage::of(self.child.id().expect("it runs"))
    }

    /// Waits until its log has said something that often.
    pub async fn until_logged(&self, what: &str, times: usize) {
        let mut log = self.log.clone();
        let said = log.wait_for(|lines| lines.iter().filter(|line| line.contains(what)).count() >= times);
        match timeout(SOON, said).await {
            Ok(Ok(_)) => {}
            Ok(Err(_)) => panic!("ended before it said {what:?}: {self:?}"),
            Err(_) => panic!("did not say {what:?} within {SOON:?}: {self:?}"),
        }
    }

    /// How often its log has said something so far.
    pub fn logged(&self, what: &str) -> usize {
        self.log.borrow().iter().filter(|line| line.contains(what)).count()
    }

    /// A connection to it, once it says that it is SERVING.
    pub async fn until_serving(&self) -> Channel {
        let address = self.address().await;
        let serving = async {
            let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await;
            let channel = channel.map_err(|error| error.to_string())?;
            let watch = HealthClient::new(channel.clone()).watch(HealthCheckRequest::default()).await;
            let mut watch = watch.map_err(|status| status.to_string())?.into_inner();
            while let Some(answer) = watch.message().await.map_err(|status| status.to_string())? {
                if answer.status() == ServingStatus::Serving {
                    return Ok(channel);
                }
            }
            Err("health ended before SERVING".to_owned())
        };
        let failed = match timeout(SOON, serving).await {
            Ok(Ok(channel)) => return channel,
            Ok(Err(error)) => error,
            Err(_) => format!("is not SERVING within {SOON:?}"),
        };
        // What it says at its end may be yet to come.
        let mut log = self.log.clone();
        let rest = async { while log.changed().await.is_ok() {} };
        drop(timeout(LAST_WORDS, rest).await);
        panic!("{failed}: {self:?}")
    }

    /// As [`Process::until_serving`]; none when it ended before.
    pub async fn serving(&self) -> Option<Channel> {
        let mut log = self.log.clone();
        let said = log.wait_for(|lines| lines.iter().any(|line| line.contains("store is open")));
        soon("the store opens", said).await.ok()?;
        Some(self.until_serving().await)
    }

    /// Waits until it has ended by itself.
    pub async fn ends(&mut self) {
        self.child.wait().await.unwrap();
    }

    /// How it ended by itself, which must be soon, and its log.
    pub async fn ended(mut self) -> (ExitStatus, String) {
        let status = soon("the end of the service", self.child.wait()).await.unwrap();
        while soon("the end of the log", self.log.changed()).await.is_ok() {}
        (status, self.log.borrow().join("\n"))
    }

    /// Lets it live that long, then kills it; its log. A process that ended by itself is a failure.
    pub async fn kill_after(mut self, delay: Duration) -> String {
        if let Ok(ended) = timeout(delay, self.child.wait()).await {
            panic!("ended by itself, {ended:?}: {self:?}");
        }
        self.child.start_kill().unwrap();
        let status = self.child.wait().await.unwrap();
        assert_eq!(status.signal(), Some(Signal::KILL.as_raw()), "ended by itself: {self:?}");
        while soon("the end of the log", self.log.changed()).await.is_ok() {}
        self.log.borrow().join("\n")
    }

    /// Kills it at once.
    pub async fn kill_now(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// Asks it to stop.
    pub fn terminate(&self) {
        let id = i32::try_from(self.child.id().expect("it runs")).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), Signal::TERM).unwrap();
    }

    /// How it ended, which must be soon.
    pub async fn exit(mut self) -> ExitStatus {
        match timeout(DRAIN, self.child.wait()).await {
            Ok(status) => status.unwrap(),
            Err(_) => panic!("runs {DRAIN:?} after SIGTERM: {self:?}"),
        }
    }

    /// Asks it to stop and waits until it has, as it should.
    pub async fn stop(mut self) {
        self.terminate();
        let ended = timeout(SOON, self.child.wait()).await;
        let status = ended.unwrap_or_else(|_| panic!("runs {SOON:?} after SIGTERM: {self:?}")).unwrap();
        assert_eq!(status.code(), Some(0), "{self:?}");
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let log = self.log.borrow();
        let shown = &log[log.len().saturating_sub(LINES_SHOWN)..];
        write!(f, "{}, which said last:\n{}", self.program, shown.join("\n"))
    }
}
