//! HTTP/2 by hand: what no library would send.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use reform_frames::{self as frame, Frame, HeaderBlocks};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

const CANCEL: u32 = 8;

/// A PING.
pub(super) fn ping() -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::put(&mut bytes, frame::PING, 0, 0, &[7; 8]);
    bytes
}

/// The beginning of a call of GetRecord, and its end before there is a message.
pub(super) fn call_and_reset(stream: u32) -> Vec<u8> {
    // Every call has its headers in full, as if it were the first.
    let call = HeaderBlocks::new("/reform.data.v1.RecordService/GetRecord", "service", None)
        .expect("they are short");
    let mut bytes = Vec::new();
    frame::put(&mut bytes, frame::HEADERS, frame::END_HEADERS, stream, &call.first);
    frame::put(&mut bytes, frame::RST_STREAM, 0, stream, &CANCEL.to_be_bytes());
    bytes
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
        let mut bytes = frame::PREFACE.to_vec();
        frame::put(&mut bytes, frame::SETTINGS, 0, 0, &[]);
        stream.write_all(&bytes).await?;
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
    let mut bytes = BytesMut::new();
    while reading.read_buf(&mut bytes).await.is_ok_and(|read| read > 0) {
        while let Some((frame, length)) = Frame::first(&bytes) {
            let code = frame.payload.get(4..8).and_then(|code| code.try_into().ok());
            if let (frame::GOAWAY, Some(code)) = (frame.kind, code) {
                end = End::GoAway(u32::from_be_bytes(code));
            }
            bytes.advance(length);
        }
    }
    end
}
