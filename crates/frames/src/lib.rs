//! What of HTTP/2 a client of unary calls writes and reads (RFC 9113, RFC 7541): for load that costs little beside the
//! service that bears it, and for what no library would send. A client for programs is tonic's.

use anyhow::ensure;

pub use connection::Connection;

mod connection;

/// What a client says first.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The largest window that there can be.
pub const WINDOW_MAX: u32 = (1 << 31) - 1;
/// The window of a connection, and of a stream, before anybody says otherwise.
pub const WINDOW_DEFAULT: u32 = 65_535;
/// The largest payload that everybody takes.
pub const PAYLOAD_MAX: usize = 16_384;

/// A frame of a message.
pub const DATA: u8 = 0;
/// A frame of headers, or of trailers.
pub const HEADERS: u8 = 1;
/// The end of one stream, by an error.
pub const RST_STREAM: u8 = 3;
/// What its sender takes.
pub const SETTINGS: u8 = 4;
/// To be answered at once.
pub const PING: u8 = 6;
/// No further stream is taken.
pub const GOAWAY: u8 = 7;
/// More bytes are taken.
pub const WINDOW_UPDATE: u8 = 8;
/// More of the headers.
pub const CONTINUATION: u8 = 9;

/// Of SETTINGS and PING.
pub const ACK: u8 = 0x1;
/// Of DATA and HEADERS: nothing more comes on the stream.
pub const END_STREAM: u8 = 0x1;
/// Of HEADERS: they are whole.
pub const END_HEADERS: u8 = 0x4;
/// Of DATA and HEADERS.
pub const PADDED: u8 = 0x8;
/// Of HEADERS.
pub const PRIORITY: u8 = 0x20;

/// How large a table of headers the sender keeps.
pub const SETTING_TABLE_SIZE: u16 = 1;
/// Whether the sender takes pushed answers.
pub const SETTING_ENABLE_PUSH: u16 = 2;
/// How many streams at a time the sender takes.
pub const SETTING_STREAMS_MAX: u16 = 3;
/// How many bytes of a stream the sender takes at first.
pub const SETTING_INITIAL_WINDOW: u16 = 4;
/// The size of the header table that the blocks below rely on.
pub const TABLE_SIZE: u32 = 4_096;

/// What every frame begins with.
const HEADER_BYTES: usize = 9;

/// One frame as it was received.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// Such as [`DATA`].
    pub kind: u8,
    /// Such as [`END_STREAM`].
    pub flags: u8,
    /// 0 for the connection.
    pub stream: u32,
    /// What it carries.
    pub payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The first frame of what was read and the bytes that it takes; none while it is not there whole.
    pub fn first(read: &'a [u8]) -> Option<(Self, usize)> {
        let (&[high, middle, low, kind, flags, a, b, c, d], rest) =
            read.split_first_chunk::<HEADER_BYTES>()?;
        let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        let payload = rest.get(..length)?;
        let stream = u32::from_be_bytes([a, b, c, d]) & WINDOW_MAX;
        Some((Self { kind, flags, stream, payload }, HEADER_BYTES + length))
    }

    /// The number that a payload of four bytes and more begins with.
    pub fn number(&self) -> u32 {
        self.payload.first_chunk().copied().map_or(0, u32::from_be_bytes)
    }

    /// The settings of a SETTINGS frame.
    pub fn settings(&self) -> impl Iterator<Item = (u16, u32)> + 'a {
        self.payload.as_chunks().0.iter().map(|&[id_high, id_low, a, b, c, d]| {
            (u16::from_be_bytes([id_high, id_low]), u32::from_be_bytes([a, b, c, d]))
        })
    }
}

/// Writes one frame. Payloads of more than [`PAYLOAD_MAX`] are nobody's here.
pub fn put(output: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    header(output, payload.len(), kind, flags, stream);
    output.extend_from_slice(payload);
}

/// Writes the header of a frame whose payload follows.
pub fn header(output: &mut Vec<u8>, length: usize, kind: u8, flags: u8, stream: u32) {
    let [.., high, middle, low] = length.to_be_bytes();
    output.extend_from_slice(&[high, middle, low, kind, flags]);
    output.extend_from_slice(&stream.to_be_bytes());
}

/// The constant headers of all calls of one connection.
#[derive(Debug)]
pub struct HeaderBlocks {
    /// Of the first call: it enters every header in the table of the other side, but a credential.
    pub first: Vec<u8>,
    /// Of every other call: six places in the tables.
    pub later: Vec<u8>,
}

/// Of every call but the first of a connection: six places in the tables.
const LATER: [u8; 6] = [0x83, 0x86, 0xc1, 0xc0, 0xbf, 0xbe];

impl HeaderBlocks {
    /// The headers of a gRPC call.
    ///
    /// # Errors
    /// When one is too long.
    pub fn new(path: &str, authority: &str, token: Option<&str>) -> anyhow::Result<Self> {
        // POST and http, both of the static table; then, by the places of their names there, path, authority and
        // content type, and a name that is not there.
        let mut first = vec![0x83, 0x86];
        for (name, value) in [(0x44, path), (0x41, authority), (0x5f, "application/grpc")] {
            first.push(name);
            literal(&mut first, value)?;
        }
        first.push(0x40);
        literal(&mut first, "te")?;
        literal(&mut first, "trailers")?;
        let mut later = LATER.to_vec();
        if let Some(token) = token {
            for block in [&mut first, &mut later] {
                // Literal and never indexed, as clients write a secret; its name is place 23 of the static table.
                block.extend_from_slice(&[0x1f, 23 - 15]);
                literal(block, &format!("Bearer {token}"))?;
            }
        }
        Ok(Self { first, later })
    }

    /// Of a later call of any method, without a credential, on a connection whose first call had [`HeaderBlocks::first`]; with further headers,
    /// which enter no table.
    ///
    /// # Errors
    /// When one is too long for a constant.
    pub fn of_other(path: &str, more: &[(&str, &str)]) -> anyhow::Result<Vec<u8>> {
        let [post, http, _path, rest @ ..] = LATER;
        let mut block = vec![post, http, 0x04];
        literal(&mut block, path)?;
        block.extend(rest);
        for (name, value) in more {
            block.push(0x00);
            literal(&mut block, name)?;
            literal(&mut block, value)?;
        }
        Ok(block)
    }
}

fn literal(block: &mut Vec<u8>, text: &str) -> anyhow::Result<()> {
    ensure!(text.len() < 127 + (1 << 14), "a header of {} bytes is too long", text.len());
    // An integer with a prefix of seven bits (RFC 7541, section 5.1), of three bytes at most.
    match u16::try_from(text.len())?.checked_sub(127) {
        None => block.push(text.len() as u8),
        Some(more @ ..128) => block.extend_from_slice(&[127, more as u8]),
        Some(more) => block.extend_from_slice(&[127, more as u8 & 127 | 128, (more >> 7) as u8]),
    }
    block.extend_from_slice(text.as_bytes());
    Ok(())
}

/// Whether headers leave the table as it is: places in it, and literals that are not put into it (RFC 7541, section 6).
/// Nobody need decode those to understand later ones.
pub fn keeps_table(block: &[u8]) -> bool {
    let mut rest = block;
    while let Some(&first) = rest.first() {
        let kept = match first {
            0x80.. => integer(&mut rest, 7).filter(|place| *place > 0).map(drop),
            0x20..0x80 => None,
            0..0x20 => past_literal(&mut rest),
        };
        if kept.is_none() {
            return false;
        }
    }
    true
}

/// Goes past a literal: its name, where that is no place in the table, and its value.
fn past_literal(rest: &mut &[u8]) -> Option<()> {
    let strings = if integer(rest, 4)? == 0 { 2 } else { 1 };
    for _ in 0..strings {
        let length = integer(rest, 7)?;
        *rest = rest.get(length..)?;
    }
    Some(())
}

/// Goes past a number that begins in the last bits of a byte (RFC 7541, section 5.1).
fn integer(rest: &mut &[u8], bits: u32) -> Option<usize> {
    let (first, mut more) = rest.split_first()?;
    let most = (1_usize << bits) - 1;
    let mut number = usize::from(*first) & most;
    if number == most {
        for shift in [0, 7, 14] {
            let (byte, behind) = more.split_first()?;
            more = behind;
            number += usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                *rest = more;
                return Some(number);
            }
        }
        return None;
    }
    *rest = more;
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_as_it_was_written() {
        let mut written = Vec::new();
        put(&mut written, PING, ACK, 77, b"12345678");
        for cut in 0..written.len() {
            assert!(Frame::first(&written[..cut]).is_none());
        }
        written.push(9);
        let (frame, length) = Frame::first(&written).unwrap();
        assert_eq!((frame.kind, frame.flags, frame.stream, frame.payload), (PING, ACK, 77, &b"12345678"[..]));
        assert_eq!(length, written.len() - 1);
    }

    #[test]
    fn later_headers_are_those_of_the_first_call() {
        for token in [None, Some(""), Some("short"), Some(&*"x".repeat(120)), Some(&*"x".repeat(2_000))] {
            let blocks = HeaderBlocks::new("/a.B/C", "here", token).unwrap();
            let mut decoder = loona_hpack::Decoder::new();
            let first = decoder.decode(&blocks.first).unwrap();
            let later = decoder.decode(&blocks.later).unwrap();
            assert_eq!(first, later);
            assert_eq!(first[2], (b":path".to_vec(), b"/a.B/C".to_vec()));
            assert_eq!(first[5], (b"te".to_vec(), b"trailers".to_vec()));
            let shown =
                token.map(|token| (b"authorization".to_vec(), format!("Bearer {token}").into_bytes()));
            assert_eq!(first.get(6), shown.as_ref());
        }
        assert!(HeaderBlocks::new("/a.B/C", "here", Some(&"x".repeat(20_000))).is_err());
    }

    #[test]
    fn another_method_has_the_same_headers() {
        let mut decoder = loona_hpack::Decoder::new();
        let first = decoder.decode(&HeaderBlocks::new("/a.B/C", "here", None).unwrap().first).unwrap();
        let other = decoder.decode(&HeaderBlocks::of_other("/a.B/D", &[("n", "v")]).unwrap()).unwrap();
        assert_eq!(other[2], (b":path".to_vec(), b"/a.B/D".to_vec()));
        assert_eq!((&other[3..6], &other[6]), (&first[3..], &(b"n".to_vec(), b"v".to_vec())));
    }

    #[test]
    fn what_changes_the_table_is_told_from_what_does_not() {
        let table: [(&[u8], bool); 10] = [
            (&[], true),
            (&[0x88, 0xc1], true),
            // A name in the table and one that is not, each with its value.
            (&[0x88, 0x1f, 0x0e, 0x02, b'a', b'b', 0x82], true),
            (&[0x10, 0x01, b'n', 0x81, 0xff, 0x00, 0x00, 0x00, 0xff, 0x01], true),
            // Put into the table, a new size of it, no place, cut off.
            (&[0x88, 0x41, 0x01, b'a'], false),
            (&[0x3f, 0x01], false),
            (&[0x80], false),
            (&[0x10, 0x05, b'n'], false),
            (&[0x1f], false),
            (&[0xff, 0xff, 0xff, 0xff, 0xff], false),
        ];
        for (block, keeps) in table {
            assert_eq!(keeps_table(block), keeps, "{block:x?}");
        }
    }
}
