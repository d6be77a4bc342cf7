//! What comes back from a disk. Checksums keep most damage from being read at all, so here they are made to match.

use bytes::Bytes;
use reform_archive::{Encoder, Head};
use reform_data::store::chunk::{self, Chunk, CommitHeader, Operation, SlotHeader};
use reform_data::store::envelope;
use reform_data::store::keys::ChunkId;
use reform_data::store::meta::Meta;
use reform_data::store::summary::{self, Entry, NO_DAY, Summary};
use reform_model::Kind;

use super::{Form, Parser, texts};

const CHUNK: ChunkId = ChunkId { revision: 7, part: 0 };
/// The length of what a checkpoint begins with, and of what each of its blocks begins with.
const MAGIC: usize = 8;
const BLOCK: usize = 9;
/// The kind of its last block.
const END: u8 = 5;

/// Every parser of stored bytes.
pub(super) fn all() -> Vec<Parser<'static>> {
    let records: Vec<Bytes> = texts::records().into_iter().map(Bytes::from).collect();
    let checkpoint = reform_analytics::parsers::checkpoint(&records);
    let (archive, inner) = (archive(&records), inner(&checkpoint));
    let (chunk, start) = (chunk(&records), checkpoint[..MAGIC].to_vec());
    let payload = chunk[envelope::LENGTH..].to_vec();
    vec![
        Parser::new("archive", Form::Bytes, vec![archive], |bytes| {
            reform_archive::verify(bytes, |_| {}).is_ok()
        }),
        Parser::new("archive, with checksums", Form::Message, entries(&records), |bytes| {
            let mut out = Vec::new();
            let mut encoder = Encoder::new(&Head { revision: 1, ..Head::default() }, &mut out);
            let (key, value) = bytes.split_at(bytes.len().min(11));
            encoder.entry(key, value, &mut out);
            encoder.finish(1, &mut out);
            reform_archive::verify(out.as_slice(), |_| {}).is_ok()
        }),
        Parser::new("checkpoint", Form::Bytes, vec![checkpoint], reform_analytics::parsers::is_checkpoint),
        Parser::new("checkpoint, with checksums", Form::Bytes, vec![inner], move |bytes| {
            reform_analytics::parsers::is_checkpoint(&sealed(&start, bytes))
        }),
        Parser::new("chunk of the store", Form::Bytes, vec![payload], |bytes| {
            let value = under(&CHUNK.chunk_key(), bytes);
            Chunk::open(CHUNK, value.clone().into()).is_ok_and(|chunk| {
                (0..4).all(|slot| {
                    drop(chunk::read(CHUNK, &value.clone().into(), slot));
                    chunk.stored(slot).is_ok()
                })
            })
        }),
        Parser::new("summary of the store", Form::Bytes, vec![summary()], |bytes| {
            Summary::open(CHUNK, &under(&CHUNK.summary_key(), bytes)).is_ok_and(|summary| {
                let mut rows = summary.rows();
                while rows.read().is_some() {}
                summary.changes(CHUNK).is_some()
            })
        }),
        Parser::new(
            "facts of the store",
            Form::Bytes,
            vec![Meta::new().seal()[envelope::LENGTH..].to_vec()],
            |bytes| Meta::open(&under(&Meta::key(), bytes)).is_ok(),
        ),
    ]
}

/// A value of the store whose checksum is right.
fn under(key: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut value = vec![0; envelope::LENGTH];
    value.extend_from_slice(payload);
    envelope::seal(key, &mut value);
    value
}

fn chunk(records: &[Bytes]) -> Vec<u8> {
    let mut builder = chunk::Builder::default();
    builder.begin(CommitHeader { revision: 7, author: "a".into(), ..CommitHeader::default() });
    for record in &records[..3] {
        builder.push(&SlotHeader { operation: 1, kind: 10, ..SlotHeader::default() }, &[record]);
    }
    builder.complete();
    builder.begin(CommitHeader { revision: 8, reason: "b".into(), ..CommitHeader::default() });
    builder.push(&SlotHeader { operation: 2, previous_revision: 7, ..SlotHeader::default() }, &[&records[3]]);
    builder.finish(CHUNK)
}

fn summary() -> Vec<u8> {
    let entry = |id: &str, day| Entry {
        operation: Operation::Create,
        kind: Kind::Appeal,
        jurisdiction: "KZ".to_owned(),
        id: id.to_owned(),
        day,
        terms: vec![1, 2],
    };
    let mut builder = summary::Builder::after(None);
    builder.begin_chunk(CHUNK);
    builder.begin_commit(&CommitHeader { revision: 7, time_ms: 9, ..CommitHeader::default() });
    for (id, day) in [("appeal-1", 5), ("appeal-12", NO_DAY), ("b", -3)] {
        builder.push(&entry(id, day));
    }
    builder.finish().expect("it covers something").1[envelope::LENGTH..].to_vec()
}

/// An archive of entries that hold what a store holds.
fn archive(records: &[Bytes]) -> Vec<u8> {
    let mut out = Vec::new();
    let head = Head { store_id: "s".to_owned(), store_format: 2, revision: 8, uid_key: vec![7; 16] };
    let mut encoder = Encoder::new(&head, &mut out);
    encoder.entry(&CHUNK.chunk_key(), &chunk(records), &mut out);
    encoder.entry(&Meta::key(), &Meta::new().seal(), &mut out);
    encoder.finish(1, &mut out);
    out
}

/// Entries, each as its key and then its value.
fn entries(records: &[Bytes]) -> Vec<Vec<u8>> {
    vec![[&CHUNK.chunk_key()[..], &chunk(records)].concat(), [&Meta::key()[..], &Meta::new().seal()].concat()]
}

/// The blocks of a checkpoint without their checksums and without the last one.
fn inner(checkpoint: &[u8]) -> Vec<u8> {
    let (mut rest, mut inner) = (&checkpoint[MAGIC..], Vec::new());
    while rest.len() > BLOCK && rest[0] != END {
        let length = u32::from_le_bytes([rest[1], rest[2], rest[3], rest[4]]) as usize;
        inner.extend_from_slice(&rest[..BLOCK - 4]);
        inner.extend_from_slice(&rest[BLOCK..BLOCK + length]);
        rest = &rest[BLOCK + length..];
    }
    inner
}

/// A checkpoint of such blocks, whatever is in them, whose checksums are right.
fn sealed(start: &[u8], mut blocks: &[u8]) -> Vec<u8> {
    let (mut out, mut count, mut sums) = (start.to_vec(), 0_u64, 0);
    let mut block = |kind: u8, rest: &[u8]| {
        let length = u32::try_from(rest.len()).expect("an input is far smaller").to_le_bytes();
        let checksum = crc32c::crc32c_append(crc32c::crc32c_append(crc32c::crc32c(&[kind]), &length), rest);
        out.push(kind);
        out.extend([&length[..], &checksum.to_le_bytes(), rest].concat());
        checksum.to_le_bytes()
    };
    while let Some((&[kind, a, b, c, d], rest)) = blocks.split_first_chunk::<5>() {
        let length = rest.len().min(u32::from_le_bytes([a, b, c, d]) as usize);
        sums = crc32c::crc32c_append(sums, &block(kind, &rest[..length]));
        (count, blocks) = (count + 1, &rest[length..]);
    }
    let end = [&count.to_le_bytes()[..], &sums.to_le_bytes()].concat();
    block(END, &end);
    out
}
