//! One HTTP/2 connection with unary gRPC calls of one method: just what that takes, so that the load costs little beside
//! the service that bears it. A client for programs is tonic's.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Instant;

use anyhow::{Context, anyhow, bail, ensure};
use reform_frames::{self as frame, Connection as Frames, Frame, HeaderBlocks};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{Answers, Calls, Peer, Window};
use crate::synthetic::Draws;

/// Bytes that are read at once at most.
const READ_BYTES: usize = 256 << 10;

/// What a connection speaks through.
trait Socket: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Socket for S {}

/// A connection.
pub(super) struct Connection {
    socket: Box<dyn Socket>,
    calls: Calls,
    draws: Draws,
    headers: HeaderBlocks,
    frames: Frames,
    awaited: Awaited,
    answers: Answers,
}

/// What is awaited.
struct Awaited {
    under_way: HashMap<u32, UnderWay>,
    decoder: loona_hpack::Decoder<'static>,
    /// Headers that keep the table mean the same until others change it: the last ones that said OK.
    plain_ok: Vec<u8>,
    bytes_min: usize,
}

struct UnderWay {
    sent: Instant,
    bytes: usize,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens, or one does not trust the other.
    pub(super) async fn open(peer: &Peer, calls: Calls, draws: Draws) -> anyhow::Result<Self> {
        let Peer { address, tls, token } = peer;
        let socket = TcpStream::connect(address).await.context("cannot connect")?;
        socket.set_nodelay(true)?;
        let socket: Box<dyn Socket> = match tls {
            None => Box::new(socket),
            Some(config) => {
                let name = ServerName::IpAddress(address.ip().into());
                let shaken = TlsConnector::from(config.clone()).connect(name, socket).await;
                Box::new(shaken.context("the handshake failed")?)
            }
        };
        let awaited = Awaited {
            under_way: HashMap::new(),
            decoder: loona_hpack::Decoder::new(),
            plain_ok: Vec::new(),
            bytes_min: calls.answer_bytes_min,
        };
        let headers = HeaderBlocks::new(calls.path, &address.to_string(), token.as_deref())?;
        Ok(Self { socket, calls, draws, headers, frames: Frames::new(), awaited, answers: Answers::none() })
    }

    /// Keeps so many calls under way until the time is over or there is nothing left to ask, and waits for the last
    /// answers.
    ///
    /// # Errors
    /// When a call fails, or the other side does what this client does not know.
    pub(super) async fn run(mut self, streams: usize, window: Window) -> anyhow::Result<Answers> {
        let mut input = bytes::BytesMut::with_capacity(READ_BYTES);
        let mut request = Vec::new();
        let mut more = true;
        loop {
            let now = Instant::now();
            more = more && now < window.end;
            let mut under_way = self.awaited.under_way.len();
            while more && under_way < streams && self.frames.has_room(under_way) {
                more = self.start(&mut request, now)?;
                under_way = self.awaited.under_way.len();
            }
            self.socket.write_all(&self.frames.output).await.context("the connection is gone")?;
            // What is encrypted may wait otherwise.
            self.socket.flush().await.context("the connection is gone")?;
            self.frames.output.clear();
            if !more && self.awaited.under_way.is_empty() {
                return Ok(self.answers);
            }
            input.reserve(READ_BYTES / 4);
            let read = self.socket.read_buf(&mut input).await.context("the connection is gone")?;
            ensure!(read > 0, "the other side closed the connection");
            let now = Instant::now();
            let mut taken = 0;
            while let Some((frame, length)) = Frame::first(&input[taken..]) {
                taken += length;
                if let Some(sent) = self.take(frame)? {
                    self.answers.push(window, sent, now);
                }
            }
            bytes::Buf::advance(&mut input, taken);
        }
    }

    /// Writes one call, unless there is nothing left to ask.
    fn start(&mut self, request: &mut Vec<u8>, now: Instant) -> anyhow::Result<bool> {
        request.clear();
        if !(self.calls.write)(self.draws.next(), request) {
            return Ok(false);
        }
        let headers = if self.frames.is_new() { &self.headers.first } else { &self.headers.later };
        let stream = self.frames.call(headers, request)?;
        self.awaited.under_way.insert(stream, UnderWay { sent: now, bytes: 0 });
        Ok(true)
    }

    /// Takes one frame; when it was the last of a call, says when that was sent.
    fn take(&mut self, frame: Frame<'_>) -> anyhow::Result<Option<Instant>> {
        self.frames.take(&frame)?;
        match frame.kind {
            frame::DATA | frame::HEADERS => self.awaited.take(frame),
            // Some reset a call that they have answered already.
            frame::RST_STREAM if self.awaited.under_way.contains_key(&frame.stream) => {
                bail!("a call was reset with code {}", frame.number())
            }
            _ => Ok(None),
        }
    }
}

impl Awaited {
    fn take(&mut self, frame: Frame<'_>) -> anyhow::Result<Option<Instant>> {
        let Entry::Occupied(mut call) = self.under_way.entry(frame.stream) else {
            bail!("an answer to nothing");
        };
        if frame.kind == frame::DATA {
            call.get_mut().bytes += frame.payload.len();
            ensure!(frame.flags & frame::END_STREAM == 0, "an answer without a status");
            return Ok(None);
        }
        let ended = frame.flags & frame::END_STREAM != 0;
        if !ended {
            // Nobody looks at them, but the table must be kept.
            if !frame::keeps_table(frame.payload) {
                self.decode(frame.payload)?;
            }
            return Ok(None);
        }
        self.status(frame.payload)?;
        let UnderWay { sent, bytes } = self.under_way.remove(&frame.stream).context("it is there")?;
        ensure!(bytes >= self.bytes_min, "an answer of {bytes} bytes, not {}", self.bytes_min);
        Ok(Some(sent))
    }

    /// Fails unless trailers say that a call went well.
    fn status(&mut self, block: &[u8]) -> anyhow::Result<()> {
        if !block.is_empty() && block == self.plain_ok {
            return Ok(());
        }
        let headers = self.decode(block)?;
        let find = |wanted: &[u8]| headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value);
        if find(b"grpc-status").is_some_and(|status| status == b"0") {
            if frame::keeps_table(block) {
                self.plain_ok = block.to_vec();
            }
            return Ok(());
        }
        let shown = |value: Option<&Vec<u8>>| value.map(|value| value.escape_ascii().to_string());
        let (status, message) = (shown(find(b"grpc-status")), shown(find(b"grpc-message")));
        bail!("status {}: {}", status.unwrap_or_default(), message.unwrap_or_default())
    }

    fn decode(&mut self, block: &[u8]) -> anyhow::Result<Vec<(Vec<u8>, Vec<u8>)>> {
        if !frame::keeps_table(block) {
            self.plain_ok.clear();
        }
        self.decoder.decode(block).map_err(|error| anyhow!("headers that cannot be read: {error:?}"))
    }
}
