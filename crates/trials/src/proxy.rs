//! A TCP proxy in this process that cuts connections: all at once, or instead of passing an answer on.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use rand::Rng;
use rand::rngs::StdRng;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

/// The head of an HTTP/2 frame: three bytes of length, then its type, flags and stream.
const FRAME_HEAD_BYTES: usize = 9;
/// The type of a frame that carries a part of a message.
const FRAME_DATA: u8 = 0;

/// What went through a [`Proxy`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passed {
    /// Answers that the service gave.
    pub answers: u64,
    /// Those of them that were cut.
    pub cut: u64,
}

#[derive(Debug)]
struct State {
    service: SocketAddr,
    /// The share of answers that are cut.
    share: f64,
    random: Mutex<StdRng>,
    answers: AtomicU64,
    cut: AtomicU64,
}

/// Stands between callers and the service. A cut answer is one that the service has given: the request had its effect,
/// and the caller does not learn it.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
    all: watch::Sender<()>,
    _accepting: AbortOnDropHandle<()>,
}

impl Proxy {
    /// A proxy before the service at an address, which cuts a share of the answers.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn start(service: SocketAddr, share: f64, random: StdRng) -> io::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let address = listener.local_addr()?;
        let (answers, cut) = (AtomicU64::new(0), AtomicU64::new(0));
        let state = Arc::new(State { service, share, random: Mutex::new(random), answers, cut });
        let (all, cut_all) = watch::channel(());
        let accepting = tokio::spawn(accept(listener, state.clone(), cut_all));
        Ok(Self { address, state, all, _accepting: AbortOnDropHandle::new(accepting) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts every connection that is there now.
    pub fn cut_all(&self) {
        self.all.send_replace(());
    }

    /// What went through so far.
    pub fn passed(&self) -> Passed {
        let State { answers, cut, .. } = &*self.state;
        Passed { answers: answers.load(Ordering::Relaxed), cut: cut.load(Ordering::Relaxed) }
    }
}

async fn accept(listener: TcpListener, state: Arc<State>, cut_all: watch::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (state, mut cut_all) = (state.clone(), cut_all.clone());
                cut_all.mark_unchanged();
                connections.spawn(async move {
                    // Whatever ends a connection ends it for both sides; the caller sees it.
                    let Ok((caller, _)) = accepted else { return };
                    tokio::select! {
                        _ = pass(caller, &state) => {}
                        _ = cut_all.changed() => {}
                    }
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Passes bytes both ways until either side ends or an answer is cut.
async fn pass(mut caller: TcpStream, state: &State) -> io::Result<()> {
    let mut service = TcpStream::connect(state.service).await?;
    caller.set_nodelay(true)?;
    service.set_nodelay(true)?;
    let (mut requests, mut answered) = caller.split();
    let (answers, mut asked) = service.split();
    tokio::select! {
        ended = tokio::io::copy(&mut requests, &mut asked) => ended.map(drop),
        ended = pass_answers(BufReader::new(answers), &mut answered, state) => ended,
    }
}

async fn pass_answers(
    mut answers: impl AsyncReadExt + Unpin,
    caller: &mut (impl AsyncWriteExt + Unpin),
    state: &State,
) -> io::Result<()> {
    let mut frame = vec![0; FRAME_HEAD_BYTES];
    loop {
        answers.read_exact(&mut frame).await?;
        let length = u32::from_be_bytes([0, frame[0], frame[1], frame[2]]);
        if frame[3] == FRAME_DATA && length > 0 {
            state.answers.fetch_add(1, Ordering::Relaxed);
            if state.random.lock().random_bool(state.share) {
                state.cut.fetch_add(1, Ordering::Relaxed);
                return Ok(());
            }
        }
        frame.resize(FRAME_HEAD_BYTES + usize::try_from(length).expect("24 bits"), 0);
        answers.read_exact(&mut frame[FRAME_HEAD_BYTES..]).await?;
        caller.write_all(&frame).await?;
        frame.truncate(FRAME_HEAD_BYTES);
    }
}
