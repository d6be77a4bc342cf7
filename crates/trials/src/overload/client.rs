//! One connection that asks more than is answered. It is written by hand because it must cost little: it sends several
//! times what the service can do, beside the service.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::ops::AddAssign;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail, ensure};
use bytes::{Buf, BytesMut};
use prost::Message;
use reform_api::data::v1;
use reform_frames::{self as frame, Frame, HeaderBlocks};
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval};
use tonic::Code;

use super::{RECORDS, name};
use crate::records::appeal;

/// How long a call may take to count as answered, and how the service is told.
pub(super) const DEADLINE: Duration = Duration::from_secs(5);
const TIMEOUT: &str = "5S";
/// Calls come in this rhythm.
const TICK: Duration = Duration::from_millis(5);
/// One call of so many is a write.
const WRITE_OF: u64 = 10;
/// Calls of a connection that are not answered yet. More are not sent: a client's memory has a bound, too.
const UNANSWERED_MAX: usize = 1_000;
const READ_BYTES: usize = 256 << 10;
/// Bytes of answers after which the service may send as many again.
const WINDOW_RENEWED: u32 = 1 << 30;
const LIST: &str = "/reform.data.v1.RecordService/ListRecords";
const UPDATE: &str = "/reform.data.v1.RecordService/UpdateRecord";

/// How calls come.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pace {
    /// The next one when one was answered: so many under way.
    Closed(usize),
    /// So many a second, whether those before are answered or not.
    Open(f64),
}

/// What became of calls.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Told {
    pub(super) answered: u64,
    pub(super) refused: u64,
    pub(super) late: u64,
    /// Too many waited for their answers already.
    pub(super) unsent: u64,
}

impl AddAssign for Told {
    fn add_assign(&mut self, other: Self) {
        let Self { answered, refused, late, unsent } = other;
        self.answered += answered;
        self.refused += refused;
        self.late += late;
        self.unsent += unsent;
    }
}

/// A connection.
pub(super) struct Client {
    socket: TcpStream,
    input: BytesMut,
    output: Vec<u8>,
    decoder: loona_hpack::Decoder<'static>,
    numbers: Arc<AtomicU64>,
    first: Option<HeaderBlocks>,
    list: Vec<u8>,
    update: Vec<u8>,
    next_stream: u32,
    /// Streams that the service takes, and bytes.
    streams_max: usize,
    window: i64,
    /// Bytes since the service's window was renewed.
    received: usize,
    /// When the calls came that are not sent yet, and those that are.
    waiting: VecDeque<Instant>,
    under_way: HashMap<u32, Instant>,
    told: Told,
}

impl Client {
    /// Connects. `numbers` tells the calls of all connections apart.
    pub(super) async fn connect(address: SocketAddr, numbers: Arc<AtomicU64>) -> anyhow::Result<Self> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        let mut settings = frame::SETTING_INITIAL_WINDOW.to_be_bytes().to_vec();
        settings.extend(frame::WINDOW_MAX.to_be_bytes());
        let mut output = frame::PREFACE.to_vec();
        frame::put(&mut output, frame::SETTINGS, 0, 0, &settings);
        let more = frame::WINDOW_MAX - frame::WINDOW_DEFAULT;
        frame::put(&mut output, frame::WINDOW_UPDATE, 0, 0, &more.to_be_bytes());
        let timeout = [("grpc-timeout", TIMEOUT)];
        Ok(Self {
            socket,
            input: BytesMut::with_capacity(READ_BYTES),
            output,
            decoder: loona_hpack::Decoder::new(),
            numbers,
            first: Some(HeaderBlocks::new(LIST, &address.to_string(), None)?),
            list: HeaderBlocks::of_other(LIST, &timeout)?,
            update: HeaderBlocks::of_other(UPDATE, &timeout)?,
            next_stream: 1,
            streams_max: 1,
            window: frame::WINDOW_DEFAULT.into(),
            received: 0,
            waiting: VecDeque::new(),
            under_way: HashMap::new(),
            told: Told::default(),
        })
    }

    /// Calls for that long; what became of the calls that ended in it.
    ///
    /// # Errors
    /// The service says anything but that a call is answered, refused or late.
    pub(super) async fn run(&mut self, pace: Pace, time: Duration) -> anyhow::Result<Told> {
        let began = Instant::now();
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut come = 0;
        loop {
            let now = Instant::now();
            let elapsed = now.duration_since(began);
            if elapsed >= time {
                return Ok(std::mem::take(&mut self.told));
            }
            come = self.come(pace, elapsed, come, now);
            self.start(now)?;
            let ready = if self.output.is_empty() {
                Interest::READABLE
            } else {
                Interest::READABLE | Interest::WRITABLE
            };
            tokio::select! {
                ready = self.socket.ready(ready) => {
                    let ready = ready?;
                    if ready.is_writable() {
                        self.write()?;
                    }
                    if ready.is_readable() {
                        self.read()?;
                    }
                }
                _ = ticks.tick() => {}
            }
        }
    }

    /// The calls that are due; how many have come in all.
    fn come(&mut self, pace: Pace, elapsed: Duration, before: u64, now: Instant) -> u64 {
        let unanswered = self.waiting.len() + self.under_way.len();
        let (come, more, room) = match pace {
            Pace::Closed(calls) => (0, calls.saturating_sub(unanswered), usize::MAX),
            Pace::Open(rate) => {
                let come = (elapsed.as_secs_f64() * rate) as u64;
                (come, (come - before) as usize, UNANSWERED_MAX.saturating_sub(unanswered))
            }
        };
        self.waiting.extend(std::iter::repeat_n(now, more.min(room)));
        self.told.unsent += more.saturating_sub(room) as u64;
        come
    }

    /// Writes calls that wait, as many as the service takes.
    fn start(&mut self, now: Instant) -> anyhow::Result<()> {
        while self.under_way.len() < self.streams_max && self.window > frame::PAYLOAD_MAX as i64 {
            let Some(came) = self.waiting.pop_front() else { return Ok(()) };
            if now.duration_since(came) > DEADLINE {
                self.told.late += 1;
                continue;
            }
            let number = self.numbers.fetch_add(1, Relaxed);
            let first = self.first.take();
            let (block, message) = match &first {
                Some(first) => (&first.first, list()),
                None if number.is_multiple_of(WRITE_OF) => (&self.update, update(number / WRITE_OF)),
                None => (&self.list, list()),
            };
            let stream = self.next_stream;
            self.next_stream += 2;
            frame::put(&mut self.output, frame::HEADERS, frame::END_HEADERS, stream, block);
            let length = 5 + message.len();
            frame::header(&mut self.output, length, frame::DATA, frame::END_STREAM, stream);
            self.output.push(0);
            self.output.extend(u32::try_from(message.len())?.to_be_bytes());
            self.output.extend(message);
            self.window -= i64::try_from(length)?;
            self.under_way.insert(stream, came);
        }
        Ok(())
    }

    fn write(&mut self) -> anyhow::Result<()> {
        if !self.output.is_empty()
            && let Some(written) = unless_blocked(self.socket.try_write(&self.output))?
        {
            self.output.drain(..written);
        }
        Ok(())
    }

    fn read(&mut self) -> anyhow::Result<()> {
        self.input.reserve(READ_BYTES);
        let Some(read) = unless_blocked(self.socket.try_read_buf(&mut self.input))? else { return Ok(()) };
        ensure!(read > 0, "the service closed the connection");
        let (mut input, now) = (self.input.split(), Instant::now());
        while let Some((frame, length)) = Frame::first(&input) {
            self.take(frame, now)?;
            input.advance(length);
        }
        // What is left of a frame goes to the front again.
        input.unsplit(std::mem::take(&mut self.input));
        self.input = input;
        Ok(())
    }

    fn take(&mut self, frame: Frame<'_>, now: Instant) -> anyhow::Result<()> {
        match frame.kind {
            frame::DATA => {
                self.received += frame.payload.len();
                if let Ok(received @ WINDOW_RENEWED..) = u32::try_from(self.received) {
                    self.received = 0;
                    frame::put(&mut self.output, frame::WINDOW_UPDATE, 0, 0, &received.to_be_bytes());
                }
            }
            frame::HEADERS if frame.flags & frame::END_STREAM != 0 => self.ended(frame, now)?,
            // Nobody looks at them, but the table must be kept.
            frame::HEADERS if !frame::keeps_table(frame.payload) => drop(self.decode(frame.payload)?),
            frame::WINDOW_UPDATE if frame.stream == 0 => self.window += i64::from(frame.number()),
            frame::SETTINGS if frame.flags & frame::ACK == 0 => {
                let streams = frame.settings().find(|(id, _)| *id == frame::SETTING_STREAMS_MAX);
                self.streams_max = streams.map_or(usize::MAX, |(_, streams)| streams as usize);
                frame::put(&mut self.output, frame::SETTINGS, frame::ACK, 0, &[]);
            }
            frame::PING if frame.flags & frame::ACK == 0 => {
                frame::put(&mut self.output, frame::PING, frame::ACK, 0, frame.payload);
            }
            frame::GOAWAY => bail!("the service goes away: {}", frame.payload.escape_ascii()),
            frame::RST_STREAM if self.under_way.contains_key(&frame.stream) => {
                bail!("a call was reset with code {}", frame.number())
            }
            _ => {}
        }
        Ok(())
    }

    /// A call ended with these headers.
    fn ended(&mut self, frame: Frame<'_>, now: Instant) -> anyhow::Result<()> {
        let came = self.under_way.remove(&frame.stream).context("an answer to nothing")?;
        let headers = self.decode(frame.payload)?;
        let find = |wanted: &[u8]| headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value);
        let status = find(b"grpc-status").context("an end without a status")?;
        let (code, late) = (Code::from_bytes(status), now.duration_since(came) > DEADLINE);
        let counter = if code == Code::ResourceExhausted {
            &mut self.told.refused
        } else if late || code == Code::DeadlineExceeded {
            &mut self.told.late
        } else {
            let text = find(b"grpc-message").map(|text| text.escape_ascii().to_string());
            ensure!(code == Code::Ok, "{code:?}: {}", text.unwrap_or_default());
            &mut self.told.answered
        };
        *counter += 1;
        Ok(())
    }

    fn decode(&mut self, block: &[u8]) -> anyhow::Result<Vec<(Vec<u8>, Vec<u8>)>> {
        self.decoder.decode(block).map_err(|error| anyhow!("headers that cannot be read: {error:?}"))
    }
}

/// A page of a list.
fn list() -> Vec<u8> {
    let filter = r#"kind = "appeal""#.to_owned();
    v1::ListRecordsRequest { filter, ..v1::ListRecordsRequest::default() }.encode_to_vec()
}

/// A change of a record that is there, so that the service has no more to do in the end than at first.
fn update(number: u64) -> Vec<u8> {
    let appeal = appeal(&name(number % RECORDS), 2023);
    let record = v1::Record { title: format!("Appeal, version {number}"), ..appeal };
    v1::UpdateRecordRequest { record: Some(record), ..v1::UpdateRecordRequest::default() }.encode_to_vec()
}

fn unless_blocked(done: std::io::Result<usize>) -> std::io::Result<Option<usize>> {
    match done {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}
