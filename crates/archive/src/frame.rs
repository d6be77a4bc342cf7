//! What stands around every payload.

/// Bytes before the payload.
pub(crate) const HEADER_BYTES: usize = 9;
/// Bytes before the first frame.
pub(crate) const START_BYTES: usize = 16;

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// A [`crate::Head`].
    Head = b'h',
    /// An [`crate::Entry`].
    Entry = b'e',
    /// An [`crate::End`].
    End = b'z',
}

/// A frame's header, checksum included.
pub(crate) fn header(number: u64, kind: Kind, payload: &[u8]) -> [u8; HEADER_BYTES] {
    let length = u32::try_from(payload.len()).expect("a payload is below PAYLOAD_BYTES_MAX");
    let mut header = [kind as u8; HEADER_BYTES];
    header[1..5].copy_from_slice(&length.to_le_bytes());
    let checksum = checksum(number, &header[..5], payload);
    header[5..].copy_from_slice(&checksum.to_le_bytes());
    header
}

/// The checksum of a frame; `begin` is kind and length.
pub(crate) fn checksum(number: u64, begin: &[u8], payload: &[u8]) -> u32 {
    let number = crc32c::crc32c(&number.to_le_bytes());
    crc32c::crc32c_append(crc32c::crc32c_append(number, begin), payload)
}

/// The bytes before the first frame.
pub(crate) fn start(format: u32) -> [u8; START_BYTES] {
    let mut start = [0; START_BYTES];
    start[..8].copy_from_slice(&crate::MAGIC);
    start[8..12].copy_from_slice(&format.to_le_bytes());
    let checksum = crc32c::crc32c(&start[..12]);
    start[12..].copy_from_slice(&checksum.to_le_bytes());
    start
}
