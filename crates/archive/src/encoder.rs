//! Makes an archive, frame by frame, into a buffer that the caller empties as it likes.

use prost::Message;
use sha2::{Digest, Sha256};

use crate::frame::{self, Kind};
use crate::{End, Entry, FORMAT, Head};

/// An archive while it is made. Each call appends to `out`; the bytes of all calls, in order, are the archive.
#[derive(Debug)]
pub struct Encoder {
    digest: Sha256,
    frames: u64,
    entries: u64,
    bytes: u64,
}

impl Encoder {
    /// Begins an archive.
    pub fn new(head: &Head, out: &mut Vec<u8>) -> Self {
        let mut encoder = Self { digest: Sha256::new(), frames: 0, entries: 0, bytes: 0 };
        encoder.append(&frame::start(FORMAT), out);
        encoder.frame(Kind::Head, head, out);
        encoder
    }

    /// Appends a stored value.
    pub fn entry(&mut self, key: &[u8], value: &[u8], out: &mut Vec<u8>) {
        self.entries += 1;
        self.bytes += (key.len() + value.len()) as u64;
        self.frame(Kind::Entry, &Entry { key: key.to_vec(), value: value.to_vec() }, out);
    }

    /// Ends the archive.
    pub fn finish(mut self, oldest_revision: i64, out: &mut Vec<u8>) {
        let end = End { entries: self.entries, bytes: self.bytes, oldest_revision };
        self.frame(Kind::End, &end, out);
        out.extend_from_slice(&self.digest.finalize());
    }

    fn frame(&mut self, kind: Kind, message: &impl Message, out: &mut Vec<u8>) {
        let payload = message.encode_to_vec();
        let header = frame::header(self.frames, kind, &payload);
        self.frames += 1;
        self.append(&header, out);
        self.append(&payload, out);
    }

    fn append(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.digest.update(bytes);
        out.extend_from_slice(bytes);
    }
}
