//! HTTP/2 by hand: what no library would send.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADER_BYTES: usize = 9;

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;

const END_HEADERS: u8 = 4;
const CANCEL: [u8; 4] = [0, 0, 0, 8];

/// A frame.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = u32::try_from(payload.len()).expect("frames are small").to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A PING.
pub(super) fn ping() -> Vec<u8> {
    frame(PING, 0, 0, &[7; 8])
}

/// The beginning of a call of GetRecord, and its end before there is a message.
pub(super) fn call_and_reset(stream: u32) -> Vec<u8> {
    let text = |block: &mut Vec<u8>, text: &str| {
        block.push(u8::try_from(text.len()).expect("below 127"));
        block.extend(text.as_bytes());
    };
    // Names by their number in the static table: POST, http, :path, :authority; then one name in full.
    let mut block = vec![0x83, 0x86, 0x04];
    text(&mut block, "/reform.data.v1.RecordService/GetRecord");
    block.push(0x01);
    text(&mut block, "service");
    block.push(0x00);
    text(&mut block, "content-type");
    text(&mut block, "application/grpc");
    let mut frames = frame(HEADERS, END_HEADERS, stream, &block);
    frames.extend(frame(RST_STREAM, 0, stream, &CANCEL));
    frames
}

/// A connection that has said its preface.
pub(super) struct Peer {
    reading: OwnedReadHalf,
    writing: OwnedWriteHalf,
}

/// How the service ended a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It said so first, with this code.
    GoAway(u32),
    /// It only closed it.
    Closed,
    /// Not at all.
    Open,
}

impl Peer {
    pub(super) async fn connect(address: SocketAddr) -> std::io::Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(PREFACE).await?;
        stream.write_all(&frame(SETTINGS, 0, 0, &[])).await?;
        let (reading, writing) = stream.into_split();
        Ok(Self { reading, writing })
    }

    /// Sends what `next` makes until the service ends the connection, or until the time is over; how often, and how it
    /// ended. What comes back is read meanwhile.
    pub(super) async fn flood(self, time: Duration, mut next: impl FnMut(u32) -> Vec<u8>) -> (u32, End) {
        let Self { reading, mut writing } = self;
        let mut reading = tokio::spawn(read(reading));
        let mut sent = 0;
        let flood = async {
            loop {
                let mut bytes = Vec::new();
                for _ in 0..100 {
                    bytes.extend(next(sent));
                    sent += 1;
                }
                if writing.write_all(&bytes).await.is_err() {
                    break;
                }
            }
            std::future::pending::<()>().await;
        };
        let end = tokio::select! {
            ended = timeout(time, &mut reading) => ended.map_or(End::Open, |ended| ended.expect("it only reads")),
            () = flood => End::Open,
        };
        reading.abort();
        (sent, end)
    }
}

/// Reads to the end; how it ended.
async fn read(mut reading: OwnedReadHalf) -> End {
    let mut end = End::Closed;
    let mut header = [0; HEADER_BYTES];
    while reading.read_exact(&mut header).await.is_ok() {
        let [high, middle, low, kind, ..] = header;
        let mut payload = vec![0; usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low)];
        if reading.read_exact(&mut payload).await.is_err() {
            break;
        }
        if let (GOAWAY, Some(code)) = (kind, payload.get(4..8).and_then(|code| code.try_into().ok())) {
            end = End::GoAway(u32::from_be_bytes(code));
        }
    }
    end
}
