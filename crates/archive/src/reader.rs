//! Reads an archive and believes nothing of it before its checksums hold.

use std::io::{self, Read};

use prost::Message;
use sha2::{Digest, Sha256};

use crate::frame::{self, HEADER_BYTES, Kind, START_BYTES};
use crate::{End, Entry, FORMAT, Head, MAGIC, PAYLOAD_BYTES_MAX};

/// Why an archive is refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Read(#[from] io::Error),
    /// It is something else.
    #[error("it is no archive of a store")]
    NoArchive,
    /// It was made by a newer program.
    #[error("it has format {found}, this program reads up to {FORMAT}: use the newer program")]
    Newer {
        /// Its format.
        found: u32,
    },
    /// It ends too early.
    #[error("it is cut off after {at} bytes")]
    Cut {
        /// Where it ends.
        at: u64,
    },
    /// Bytes are not those that were written.
    #[error("it is damaged: frame {frame}, which begins at byte {at}, {what}")]
    Frame {
        /// Which frame, from 0.
        frame: u64,
        /// Where it begins.
        at: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Each frame is as it was written, the whole is not.
    #[error("it is damaged: its digest does not match")]
    Digest,
    /// Something follows its end.
    #[error("it is damaged: something follows its end at byte {at}")]
    Extended {
        /// Where the archive should end.
        at: u64,
    },
}

/// What a whole archive says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// Its head.
    pub head: Head,
    /// Its end.
    pub end: End,
}

/// An archive while it is read. What it gives is proven only once [`Reader::next_entry`] has given the end.
#[derive(Debug)]
pub struct Reader<R> {
    input: Input<R>,
    head: Head,
    frames: u64,
    entries: u64,
    bytes: u64,
    end: Option<End>,
}

impl<R: Read> Reader<R> {
    /// Begins with the head. The input should be buffered.
    ///
    /// # Errors
    /// When it is no archive, a newer one, or its first bytes are damaged.
    pub fn new(input: R) -> Result<Self, Error> {
        let mut input = Input { input, digest: Sha256::new(), at: 0 };
        let start = input.take::<START_BYTES>()?;
        if !start.starts_with(&MAGIC) {
            return Err(Error::NoArchive);
        }
        let format = u32::from_le_bytes([start[8], start[9], start[10], start[11]]);
        if start != frame::start(format) {
            return Err(Error::Frame { frame: 0, at: 0, what: "does not follow an undamaged start" });
        }
        if format != FORMAT {
            return Err(Error::Newer { found: format });
        }
        let mut reader = Self { input, head: Head::default(), frames: 0, entries: 0, bytes: 0, end: None };
        let (frame, at) = (reader.frames, reader.input.at);
        match reader.frame()? {
            Frame::Head(head) => reader.head = head,
            Frame::Entry(_) | Frame::End(_) => {
                return Err(Error::Frame { frame, at, what: "is not the head" });
            }
        }
        Ok(reader)
    }

    /// What the archive begins with.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// How many bytes are read.
    pub fn position(&self) -> u64 {
        self.input.at
    }

    /// The next entry; none at the end, once counts and digest are proven and nothing follows.
    ///
    /// # Errors
    /// When the archive is damaged; the entries before it are then void too.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, Error> {
        if self.end.is_some() {
            return Ok(None);
        }
        let (frame, at) = (self.frames, self.input.at);
        match self.frame()? {
            Frame::Entry(entry) => {
                self.entries += 1;
                self.bytes += (entry.key.len() + entry.value.len()) as u64;
                Ok(Some(entry))
            }
            Frame::End(end) => {
                if (end.entries, end.bytes) != (self.entries, self.bytes) {
                    return Err(Error::Frame { frame, at, what: "counts other entries" });
                }
                self.input.prove()?;
                self.end = Some(end);
                Ok(None)
            }
            Frame::Head(_) => Err(Error::Frame { frame, at, what: "is a second head" }),
        }
    }

    /// What the archive says of itself, once it is read to its end.
    pub fn whole(self) -> Option<Whole> {
        let Self { head, end, .. } = self;
        end.map(|end| Whole { head, end })
    }

    fn frame(&mut self) -> Result<Frame, Error> {
        let (number, at) = (self.frames, self.input.at);
        let damaged = |what| Error::Frame { frame: number, at, what };
        let header = self.input.take::<HEADER_BYTES>()?;
        let length = u32::from_le_bytes([header[1], header[2], header[3], header[4]]);
        let length = usize::try_from(length).ok().filter(|length| *length <= PAYLOAD_BYTES_MAX);
        let payload = self.input.payload(length.ok_or(damaged("has a length that cannot be"))?)?;
        if header[5..] != frame::checksum(number, &header[..5], &payload).to_le_bytes() {
            return Err(damaged("has another checksum"));
        }
        self.frames += 1;
        let unreadable = |_| damaged("does not parse");
        match header[0] {
            kind if kind == Kind::Head as u8 => Head::decode(&*payload).map(Frame::Head).map_err(unreadable),
            kind if kind == Kind::Entry as u8 => {
                Entry::decode(&*payload).map(Frame::Entry).map_err(unreadable)
            }
            kind if kind == Kind::End as u8 => End::decode(&*payload).map(Frame::End).map_err(unreadable),
            _ => Err(damaged("is of no known kind")),
        }
    }
}

enum Frame {
    Head(Head),
    Entry(Entry),
    End(End),
}

/// Reads an archive to its end; `progress` is told how many bytes are read.
///
/// # Errors
/// When anything is wrong with it.
pub fn verify(input: impl Read, mut progress: impl FnMut(u64)) -> Result<Whole, Error> {
    let mut reader = Reader::new(input)?;
    while reader.next_entry()?.is_some() {
        progress(reader.position());
    }
    progress(reader.position());
    Ok(reader.whole().expect("no entry is left, so the end was read"))
}

/// The bytes, with their digest so far.
#[derive(Debug)]
struct Input<R> {
    input: R,
    digest: Sha256,
    at: u64,
}

impl<R: Read> Input<R> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        self.digest.update(bytes);
        Ok(bytes)
    }

    fn payload(&mut self, length: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; length];
        self.fill(&mut bytes)?;
        self.digest.update(&bytes);
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.input.read(rest) {
                Ok(0) => return Err(Error::Cut { at: self.at }),
                Ok(count) => {
                    filled += count;
                    self.at += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The digest comes next, and nothing after it.
    fn prove(&mut self) -> Result<(), Error> {
        let digest = std::mem::take(&mut self.digest).finalize();
        let mut stated = [0; 32];
        self.fill(&mut stated)?;
        if stated != *digest {
            return Err(Error::Digest);
        }
        let end = self.at;
        match self.fill(&mut [0]) {
            Err(Error::Cut { .. }) => Ok(()),
            Ok(()) => Err(Error::Extended { at: end }),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Encoder;

    fn head() -> Head {
        Head { store_id: "abc".into(), store_format: 1, revision: 7, uid_key: vec![1; 16] }
    }

    fn archive(entries: &[(&[u8], &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut encoder = Encoder::new(&head(), &mut out);
        for (key, value) in entries {
            encoder.entry(key, value, &mut out);
        }
        encoder.finish(3, &mut out);
        out
    }

    fn sample() -> Vec<u8> {
        archive(&[(b"a", b"first"), (b"b", b""), (b"c", b"third")])
    }

    #[test]
    fn entries_come_back_between_head_and_end() {
        let bytes = sample();
        let mut reader = Reader::new(&*bytes).unwrap();
        let mut entries = Vec::new();
        while let Some(Entry { key, value }) = reader.next_entry().unwrap() {
            entries.push((key, value));
        }
        let pair = |key: &[u8], value: &[u8]| (key.to_vec(), value.to_vec());
        assert_eq!(entries, [pair(b"a", b"first"), pair(b"b", b""), pair(b"c", b"third")]);
        assert_eq!(reader.position(), bytes.len() as u64);
        let end = End { entries: 3, bytes: 13, oldest_revision: 3 };
        assert_eq!(reader.whole(), Some(Whole { head: head(), end }));
        assert_eq!(verify(&*archive(&[]), |_| {}).unwrap().end.entries, 0);
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_refused() {
        let mut bytes = sample();
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(verify(&*bytes, |_| {}).is_err(), "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        for length in 0..bytes.len() {
            assert!(matches!(verify(&bytes[..length], |_| {}), Err(Error::Cut { .. })), "{length}");
        }
        bytes.push(0);
        assert!(matches!(verify(&*bytes, |_| {}), Err(Error::Extended { .. })));
    }

    #[test]
    fn frames_in_another_order_are_refused() {
        let bytes = archive(&[(b"a", b"one"), (b"b", b"two")]);
        let frame = HEADER_BYTES + 8;
        let second = bytes.len() - 32 - HEADER_BYTES - 6 - frame;
        let mut swapped = bytes.clone();
        swapped[second - frame..second + frame].rotate_left(frame);
        assert_ne!(swapped, bytes);
        assert!(matches!(verify(&*swapped, |_| {}), Err(Error::Frame { frame: 1, .. })));
        let mut without = bytes.clone();
        without.drain(second..second + frame);
        assert!(matches!(verify(&*without, |_| {}), Err(Error::Frame { frame: 2, .. })));
    }

    #[test]
    fn a_newer_archive_is_refused_by_number() {
        let mut bytes = sample();
        bytes[..START_BYTES].copy_from_slice(&frame::start(2));
        let error = verify(&*bytes, |_| {}).unwrap_err();
        assert!(matches!(error, Error::Newer { found: 2 }), "{error}");
        assert!(matches!(verify(&b"#!/bin/sh\necho hello"[..], |_| {}), Err(Error::NoArchive)));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), keep in 0usize..200) {
            let mut input = sample();
            input.truncate(keep);
            input.extend_from_slice(&bytes);
            let refused = verify(&*input, |_| ()).is_err();
            prop_assert!(refused || input == sample());
        }
    }
}
