//! What a client says and hears of a connection itself, whatever it calls there.

use anyhow::{bail, ensure};

use crate::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, Frame, GOAWAY, HEADERS, PADDED, PAYLOAD_MAX, PING,
    PREFACE, PRIORITY, SETTING_ENABLE_PUSH, SETTING_INITIAL_WINDOW, SETTING_STREAMS_MAX, SETTING_TABLE_SIZE,
    SETTINGS, TABLE_SIZE, WINDOW_DEFAULT, WINDOW_MAX, WINDOW_UPDATE, header, put,
};

/// Bytes of answers after which the other side may send as many again.
const WINDOW_RENEWED: u32 = 1 << 30;
/// What comes before a message: whether it is compressed, and its length.
const PREFIX_BYTES: usize = 5;

/// A connection of a client that takes answers of any size. It reads and writes nothing itself.
#[derive(Debug)]
pub struct Connection {
    /// What is to be written next.
    pub output: Vec<u8>,
    /// Calls at a time that the other side takes.
    pub streams_max: usize,
    /// Bytes of requests that it still takes.
    window: i64,
    /// Bytes of answers since its window was renewed.
    received: u32,
    next_stream: u32,
}

impl Connection {
    /// One that has said its preface.
    pub fn new() -> Self {
        let mut output = PREFACE.to_vec();
        let settings = [(SETTING_ENABLE_PUSH, 0), (SETTING_INITIAL_WINDOW, WINDOW_MAX)];
        let settings: Vec<u8> = settings
            .iter()
            .flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat())
            .collect();
        put(&mut output, SETTINGS, 0, 0, &settings);
        put(&mut output, WINDOW_UPDATE, 0, 0, &(WINDOW_MAX - WINDOW_DEFAULT).to_be_bytes());
        Self { output, streams_max: usize::MAX, window: WINDOW_DEFAULT.into(), received: 0, next_stream: 1 }
    }

    /// Whether it was never called.
    pub fn is_new(&self) -> bool {
        self.next_stream == 1
    }

    /// Whether the other side takes one more request, beside so many that it has not answered.
    pub fn has_room(&self, under_way: usize) -> bool {
        under_way < self.streams_max && self.window > PAYLOAD_MAX as i64
    }

    /// Writes a call with one message; its stream.
    ///
    /// # Errors
    /// When the message does not fit a frame.
    pub fn call(&mut self, headers: &[u8], message: &[u8]) -> anyhow::Result<u32> {
        let length = PREFIX_BYTES + message.len();
        ensure!(length <= PAYLOAD_MAX, "a request of {} bytes is too long", message.len());
        let stream = self.next_stream;
        self.next_stream += 2;
        put(&mut self.output, HEADERS, END_HEADERS, stream, headers);
        header(&mut self.output, length, DATA, END_STREAM, stream);
        self.output.push(0);
        self.output.extend_from_slice(&u32::try_from(message.len())?.to_be_bytes());
        self.output.extend_from_slice(message);
        self.window -= i64::try_from(length)?;
        Ok(stream)
    }

    /// Does what a frame asks of the connection, whatever it is for the call.
    ///
    /// # Errors
    /// When the other side goes away, or does what this client does not know.
    pub fn take(&mut self, frame: &Frame<'_>) -> anyhow::Result<()> {
        let is = |flag| frame.flags & flag != 0;
        match frame.kind {
            DATA => {
                ensure!(!is(PADDED), "padded frames are unknown here");
                self.received += u32::try_from(frame.payload.len())?;
                if self.received >= WINDOW_RENEWED {
                    let received = std::mem::take(&mut self.received);
                    put(&mut self.output, WINDOW_UPDATE, 0, 0, &received.to_be_bytes());
                }
            }
            HEADERS => ensure!(!is(PADDED) && !is(PRIORITY), "padding and priorities are unknown here"),
            WINDOW_UPDATE if frame.stream == 0 => self.window += i64::from(frame.number()),
            SETTINGS if !is(ACK) => {
                for (id, value) in frame.settings() {
                    let small = id == SETTING_TABLE_SIZE && value < TABLE_SIZE;
                    ensure!(!small, "a header table of {value} bytes is too small");
                    if id == SETTING_STREAMS_MAX {
                        self.streams_max = value as usize;
                    }
                }
                put(&mut self.output, SETTINGS, ACK, 0, &[]);
            }
            PING if !is(ACK) => put(&mut self.output, PING, ACK, 0, frame.payload),
            GOAWAY => bail!("the other side goes away: {}", frame.payload.escape_ascii()),
            CONTINUATION => bail!("headers of more than one frame"),
            _ => {}
        }
        Ok(())
    }
}

impl Default for Connection {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Frame<'_> {
        Frame { kind, flags, stream: 0, payload }
    }

    #[test]
    fn what_is_asked_of_the_connection_is_answered() {
        let mut connection = Connection::new();
        connection.output.clear();
        let settings = [0, 3, 0, 0, 0, 2, 0, 1, 0, 0, 16, 0];
        connection.take(&frame(SETTINGS, 0, &settings)).unwrap();
        connection.take(&frame(PING, 0, b"12345678")).unwrap();
        connection.take(&frame(PING, ACK, b"12345678")).unwrap();
        assert!(connection.has_room(1) && !connection.has_room(2));
        let (settings, length) = Frame::first(&connection.output).unwrap();
        assert_eq!((settings.kind, settings.flags), (SETTINGS, ACK));
        let (ping, more) = Frame::first(&connection.output[length..]).unwrap();
        assert_eq!((ping.kind, ping.flags, ping.payload), (PING, ACK, &b"12345678"[..]));
        assert_eq!(length + more, connection.output.len());
        for (kind, payload) in [(SETTINGS, &[0, 1, 0, 0, 0, 0][..]), (GOAWAY, &[0; 8]), (CONTINUATION, &[])] {
            assert!(connection.take(&frame(kind, 0, payload)).is_err());
        }
    }

    #[test]
    fn calls_stop_where_the_window_ends() {
        let mut connection = Connection::new();
        assert!(connection.is_new());
        let message = [0; 10_000];
        let mut calls = 0;
        while connection.has_room(0) {
            assert_eq!(connection.call(&[0x82], &message).unwrap(), 2 * calls + 1);
            calls += 1;
        }
        assert_eq!(calls, 5, "of 65,535 bytes");
        connection.take(&frame(WINDOW_UPDATE, 0, &10_005_u32.to_be_bytes())).unwrap();
        assert!(connection.has_room(0) && !connection.is_new());
        assert!(connection.call(&[], &[0; PAYLOAD_MAX]).is_err());
    }
}
