//! One checkpoint: eight bytes that say what it is, then blocks.
//!
//! | part | bytes |
//! |---|---|
//! | what it is | `REFORMCP` |
//! | block | kind (1), length of the rest (4, little-endian), CRC32C of kind, length and rest (4), the rest |
//!
//! Blocks are one head, then those of the image of the columns, then whole records, then names of damaged ones, then one
//! end. The head says format, engine, store, revision and how many records not even a name is known of; the end how many
//! blocks came before it, and the CRC32C of all their checksums.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes};
use prost::Message;
use reform_api::convert;
use reform_api::data::v1;
use reform_indicators::view::{Malformed, Restoring};
use reform_indicators::{View, catalogue};
use reform_model::Name;

use crate::held::{Held, Original, Originals};

const MAGIC: &[u8; 8] = b"REFORMCP";
/// Of this file and of the image in it; another number is refused.
const FORMAT: u32 = 2;
/// The longest block; none that is written comes near it.
const BLOCK_MAX: u32 = 64 << 20;
/// Bytes of records in a block.
const RECORDS_BYTES: usize = 1 << 20;

const HEAD: u8 = 1;
const IMAGE: u8 = 2;
const RECORDS: u8 = 3;
const DAMAGED: u8 = 4;
const END: u8 = 5;

/// Why a checkpoint is not written or not used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("it is no checkpoint")]
    Unknown,
    #[error("it is of format {0}, not of {FORMAT}")]
    Format(u32),
    #[error("it is of other formulas")]
    Engine,
    #[error("block {0} is not as it was written")]
    Checksum(u64),
    #[error("block {0} makes no sense")]
    Block(u64),
    #[error("it ends before its end")]
    Torn,
}

/// Writes a checkpoint and syncs it.
pub(super) fn write(path: &Path, held: &Held) -> Result<(), Error> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    write_to(&mut file, held)?;
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    Ok(())
}

/// The same, into anything.
pub(crate) fn write_to(file: &mut impl Write, held: &Held) -> Result<(), Error> {
    let mut out = Out { file, blocks: 0, sums: 0 };
    out.file.write_all(MAGIC)?;
    out.block(HEAD, &head(held))?;
    for block in held.view.image() {
        out.block(IMAGE, &block)?;
    }
    let mut records = Vec::new();
    for (_, Original { encoded, revision }) in held.originals.iter() {
        records.put_i64_le(*revision);
        put(&mut records, encoded);
        if records.len() >= RECORDS_BYTES {
            out.block(RECORDS, &std::mem::take(&mut records))?;
        }
    }
    out.block(RECORDS, &records)?;
    let mut names = Vec::new();
    held.view.damaged_names().for_each(|name| put(&mut names, name.as_str().as_bytes()));
    out.block(DAMAGED, &names)?;
    let mut end = out.blocks.to_le_bytes().to_vec();
    end.put_u32_le(out.sums);
    out.block(END, &end)?;
    Ok(())
}

fn head(held: &Held) -> Vec<u8> {
    let mut head = FORMAT.to_le_bytes().to_vec();
    put(&mut head, catalogue::versions().as_bytes());
    put(&mut head, held.view.store_id().as_bytes());
    head.put_i64_le(held.view.revision());
    head.put_i64_le(held.unnamed);
    head
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.put_u32_le(u32::try_from(bytes.len()).expect("a record or a name is not that long"));
    out.extend(bytes);
}

struct Out<'a, W> {
    file: &'a mut W,
    blocks: u64,
    /// Of all checksums so far.
    sums: u32,
}

impl<W: Write> Out<'_, W> {
    fn block(&mut self, kind: u8, rest: &[u8]) -> io::Result<()> {
        let len = u32::try_from(rest.len()).map_err(|_| io::ErrorKind::InvalidData)?;
        let sum = checksum(kind, len, rest);
        self.file.write_all(&[kind])?;
        self.file.write_all(&len.to_le_bytes())?;
        self.file.write_all(&sum.to_le_bytes())?;
        self.file.write_all(rest)?;
        self.blocks += 1;
        self.sums = crc32c::crc32c_append(self.sums, &sum.to_le_bytes());
        Ok(())
    }
}

fn checksum(kind: u8, len: u32, rest: &[u8]) -> u32 {
    let start = crc32c::crc32c_append(crc32c::crc32c(&[kind]), &len.to_le_bytes());
    crc32c::crc32c_append(start, rest)
}

/// Reads a checkpoint; nothing of it may be used where that fails.
pub(super) fn read(path: &Path) -> Result<Held, Error> {
    read_from(BufReader::with_capacity(1 << 20, File::open(path)?))
}

/// The same, from anything.
pub(crate) fn read_from(file: impl Read) -> Result<Held, Error> {
    let mut input = Input { file, blocks: 0, sums: 0 };
    let mut magic = [0; MAGIC.len()];
    input.exactly(&mut magic)?;
    if magic != *MAGIC {
        return Err(Error::Unknown);
    }
    let (HEAD, head) = input.block()? else { return Err(Error::Block(0)) };
    let Head { store_id, revision, unnamed } = Head::read(&head)?;
    let mut restored = Restored { view: Restoring::new(store_id), originals: Default::default() };
    loop {
        let (before, sums) = (input.blocks, input.sums);
        let (kind, rest) = input.block()?;
        let taken = match kind {
            IMAGE => restored.view.take_in(&rest),
            RECORDS => restored.records(rest.into()),
            DAMAGED => restored.damaged(&rest),
            END => {
                let mut end = before.to_le_bytes().to_vec();
                end.put_u32_le(sums);
                if end != rest || input.file.read(&mut [0])? != 0 {
                    return Err(Error::Torn);
                }
                let view = Arc::new(restored.view.finish(revision));
                return Ok(Held { view, originals: restored.originals, unnamed });
            }
            _ => Err(Malformed),
        };
        taken.map_err(|Malformed| Error::Block(before))?;
    }
}

struct Input<R> {
    file: R,
    blocks: u64,
    sums: u32,
}

impl<R: Read> Input<R> {
    fn exactly(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        let is_end = |error: &io::Error| error.kind() == io::ErrorKind::UnexpectedEof;
        self.file
            .read_exact(bytes)
            .map_err(|error| if is_end(&error) { Error::Torn } else { Error::Io(error) })
    }

    fn block(&mut self) -> Result<(u8, Vec<u8>), Error> {
        let mut start = [0; 9];
        self.exactly(&mut start)?;
        let mut start = &start[..];
        let (kind, len, sum) = (start.get_u8(), start.get_u32_le(), start.get_u32_le());
        if len > BLOCK_MAX {
            return Err(Error::Checksum(self.blocks));
        }
        let mut rest = vec![0; len as usize];
        self.exactly(&mut rest)?;
        if checksum(kind, len, &rest) != sum {
            return Err(Error::Checksum(self.blocks));
        }
        self.blocks += 1;
        self.sums = crc32c::crc32c_append(self.sums, &sum.to_le_bytes());
        Ok((kind, rest))
    }
}

struct Head {
    store_id: String,
    revision: i64,
    unnamed: i64,
}

impl Head {
    fn read(mut bytes: &[u8]) -> Result<Self, Error> {
        let format = bytes.try_get_u32_le().map_err(|_| Error::Block(0))?;
        if format != FORMAT {
            return Err(Error::Format(format));
        }
        let malformed = |_| Error::Block(0);
        let engine = part(&mut bytes).map_err(malformed)?;
        if engine != catalogue::versions().as_bytes() {
            return Err(Error::Engine);
        }
        let store_id = String::from_utf8(part(&mut bytes).map_err(malformed)?.to_vec());
        let revision = bytes.try_get_i64_le().map_err(|_| Error::Block(0))?;
        let unnamed = bytes.try_get_i64_le().map_err(|_| Error::Block(0))?;
        Ok(Self { store_id: store_id.map_err(|_| Error::Block(0))?, revision, unnamed })
    }
}

fn part<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8], Malformed> {
    let len = bytes.try_get_u32_le().map_err(|_| Malformed)?;
    let (part, rest) = bytes.split_at_checked(len as usize).ok_or(Malformed)?;
    *bytes = rest;
    Ok(part)
}

struct Restored {
    view: Restoring,
    originals: Originals,
}

impl Restored {
    fn records(&mut self, mut block: Bytes) -> Result<(), Malformed> {
        while block.has_remaining() {
            let revision = block.try_get_i64_le().map_err(|_| Malformed)?;
            let len = block.try_get_u32_le().map_err(|_| Malformed)? as usize;
            if len > block.len() {
                return Err(Malformed);
            }
            // A copy of its own: one record is not to hold the memory of a whole block.
            let encoded = Bytes::copy_from_slice(&block.split_to(len));
            let wire = v1::Record::decode(encoded.clone()).map_err(|_| Malformed)?;
            let record = convert::record(&wire).map_err(|_| Malformed)?;
            if !View::is_whole(&record) {
                return Err(Malformed);
            }
            self.originals.insert_mut(record.name.clone(), Original { encoded, revision });
            self.view.put(Arc::new(record), revision);
        }
        Ok(())
    }

    fn damaged(&mut self, mut block: &[u8]) -> Result<(), Malformed> {
        while !block.is_empty() {
            let name = std::str::from_utf8(part(&mut block)?).map_err(|_| Malformed)?;
            self.view.damaged(Name::parse(name).map_err(|_| Malformed)?);
        }
        Ok(())
    }
}
