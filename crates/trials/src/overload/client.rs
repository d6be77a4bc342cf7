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
use reform_frames::{self as frame, Connection, Frame, HeaderBlocks};
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
    connection: Connection,
    decoder: loona_hpack::Decoder<'static>,
    numbers: Arc<AtomicU64>,
    /// Headers of the first call, and of the others.
    first: Vec<u8>,
    list: Vec<u8>,
    update: Vec<u8>,
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
        // One call at a time until the service says more.
        let mut connection = Connection::new();
        connection.streams_max = 1;
        let timeout = [("grpc-timeout", TIMEOUT)];
        Ok(Self {
            socket,
            input: BytesMut::with_capacity(READ_BYTES),
            connection,
            decoder: loona_hpack::Decoder::new(),
            numbers,
            first: HeaderBlocks::new(LIST, &address.to_string(), None)?.first,
            list: HeaderBlocks::of_other(LIST, &timeout)?,
            update: HeaderBlocks::of_other(UPDATE, &timeout)?,
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
            let ready = if self.connection.output.is_empty() {
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
        while self.connection.has_room(self.under_way.len()) {
            let Some(came) = self.waiting.pop_front() else { return Ok(()) };
            if now.duration_since(came) > DEADLINE {
                self.told.late += 1;
                continue;
            }
            let number = self.numbers.fetch_add(1, Relaxed);
            let (headers, message) = match number {
                _ if self.connection.is_new() => (&self.first, list()),
                _ if number.is_multiple_of(WRITE_OF) => (&self.update, update(number / WRITE_OF)),
                _ => (&self.list, list()),
            };
            let stream = self.connection.call(headers, &message)?;
            self.under_way.insert(stream, came);
        }
        Ok(())
    }

    fn write(&mut self) -> anyhow::Result<()> {
        let output = &mut self.connection.output;
        if !output.is_empty()
            && let Some(written) = unless_blocked(self.socket.try_write(output))?
        {
            output.drain(..written);
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
        self.connection.take(&frame)?;
        match frame.kind {
            frame::HEADERS if frame.flags & frame::END_STREAM != 0 => self.ended(frame, now)?,
            // Nobody looks at them, but the table must be kept.
            frame::HEADERS if !frame::keeps_table(frame.payload) => drop(self.decode(frame.payload)?),
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
