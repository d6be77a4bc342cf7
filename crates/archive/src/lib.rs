//! The archive of a store, as a backup makes it and a restore reads it: frames and checksums, and nothing of the store
//! itself, so that whoever receives an archive can tell that it is whole.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | [`MAGIC`] |
//! | 4 | format, [`FORMAT`], little-endian |
//! | 4 | CRC32C of the twelve before |
//! | … | frames: one [`Head`], the entries, one [`End`] |
//! | 32 | SHA-256 of everything before; nothing follows |
//!
//! A frame is its kind (1 byte), the length of its payload (4 bytes), a CRC32C (4 bytes, little-endian as all numbers)
//! over its number in the archive, kind, length and payload, and the payload. The checksums of the frames say where an
//! archive is damaged and keep a wrong length from being believed; the digest at the end proves the whole.
//!
//! In reading order: [`Encoder`] makes an archive, [`Reader`] reads one, [`verify`] reads one to its end.

mod encoder;
mod frame;
mod reader;

pub use encoder::Encoder;
pub use reader::{Error, Reader, Whole, verify};

/// The first bytes of every archive.
pub const MAGIC: [u8; 8] = *b"reform\x00\xa5";
/// The format that this program writes, and the newest that it reads.
pub const FORMAT: u32 = 1;
/// Bytes of a payload; a frame that says more is damaged.
pub const PAYLOAD_BYTES_MAX: usize = 16 << 20;

/// What an archive begins with.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Head {
    /// The store that it was made from; a restore makes another one.
    #[prost(string, tag = "1")]
    pub store_id: String,
    /// The layout of the entries.
    #[prost(uint32, tag = "2")]
    pub store_format: u32,
    /// The newest revision in it; 0 for an empty store.
    #[prost(int64, tag = "3")]
    pub revision: i64,
    /// Makes the `uid` of records, which a restore keeps.
    #[prost(bytes = "vec", tag = "4")]
    pub uid_key: Vec<u8>,
}

/// What an archive ends with.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct End {
    /// Entries between head and end.
    #[prost(uint64, tag = "1")]
    pub entries: u64,
    /// Bytes of their keys and values.
    #[prost(uint64, tag = "2")]
    pub bytes: u64,
    /// The smallest revision that reads of the restored store accept.
    #[prost(int64, tag = "3")]
    pub oldest_revision: i64,
}

/// A stored value under its key.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Entry {
    /// Where the store keeps it.
    #[prost(bytes = "vec", tag = "1")]
    pub key: Vec<u8>,
    /// What it keeps there.
    #[prost(bytes = "vec", tag = "2")]
    pub value: Vec<u8>,
}
