//! Reading at a revision: one record, the fields that the server adds, and single commits.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use prost::Message;
use reform_api::convert;
use reform_api::data::v1;
use reform_model::{Kind, Name};

use super::chunk::{Operation, SlotHeader};
use super::disk;
use super::envelope::Damage;
use super::error::Error;
use super::index::{Found, Index};
use super::keys::{ChunkId, Revision};
use super::meta::Meta;
use super::postings::Posting;
use super::{Shared, terms};

/// A version of a record as the log holds it.
#[derive(Debug, Clone)]
pub struct Stored {
    /// What the slot says beside the record.
    pub header: SlotHeader,
    /// The encoded record without the fields that the server adds.
    pub record: Bytes,
    /// The revision that wrote it.
    pub revision: Revision,
    /// When, in milliseconds since 1970.
    pub time_ms: i64,
}

impl Stored {
    /// What was done to the record.
    pub fn operation(&self) -> Option<Operation> {
        Operation::try_from(self.header.operation).ok()
    }

    /// The revision that created the record.
    pub fn create_revision(&self) -> Revision {
        if self.header.create_revision == 0 { self.revision } else { self.header.create_revision }
    }

    /// When the record was created, in milliseconds since 1970.
    pub fn create_time_ms(&self) -> i64 {
        if self.header.create_revision == 0 { self.time_ms } else { self.header.create_time_ms }
    }

    /// The record's kind.
    pub fn kind(&self) -> Option<Kind> {
        Kind::from_number(u8::try_from(self.header.kind).ok()?)
    }

    /// What is left of the record's bytes when its content goes: name and jurisdiction.
    pub fn bare(&self) -> Option<Vec<u8>> {
        let v1::Record { name, jurisdiction, .. } = v1::Record::decode(self.record.clone()).ok()?;
        Some(v1::Record { name, jurisdiction, ..v1::Record::default() }.encode_to_vec())
    }

    /// The record's name; none when the bytes do not begin with one.
    pub fn name(&self) -> Option<&str> {
        // Field 1, as text: prost writes fields in the order of their numbers.
        let (&tag, rest) = self.record.split_first()?;
        let (&length, rest) = rest.split_first()?;
        let name = rest.get(..usize::from(length)).filter(|_| tag == 0x0a && length < 0x80)?;
        std::str::from_utf8(name).ok()
    }
}

/// The etag of the version that a revision wrote.
pub fn etag(revision: Revision) -> String {
    format!("\"{revision}\"")
}

/// A stored record that does not decode although its checksum holds.
pub(super) fn undecodable(name: &str) -> Error {
    let id = ChunkId { revision: 0, part: 0 };
    Error::Corrupt { record: name.to_owned(), source: disk::Error::Chunk { id, damage: Damage::Content } }
}

/// A timestamp from milliseconds since 1970.
pub fn timestamp(time_ms: i64) -> prost_types::Timestamp {
    let nanos = i32::try_from(time_ms.rem_euclid(1_000) * 1_000_000).unwrap_or_default();
    prost_types::Timestamp { seconds: time_ms.div_euclid(1_000), nanos }
}

/// About as many bytes as the server adds to a record.
const ADDED_BYTES: usize = 128;

/// The store at one revision.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub(super) shared: Arc<Shared>,
    /// The revision; durable.
    pub revision: Revision,
}

impl Snapshot {
    /// The version of a record that is visible here, deleted or not.
    pub fn get(&self, name: &Name) -> Result<Stored, Error> {
        let stored = self.shared.stored_by_name(name, self.revision)?;
        stored.map(|(_, stored)| stored).ok_or_else(|| Error::NotFound(name.clone()))
    }

    /// The version of a posting, if it is the visible one of its record here; none of a purged record is.
    pub(super) fn visible(&self, index: &Index, posting: Posting) -> Option<Found> {
        let found = index.visible(posting, self.revision)?;
        (!self.shared.is_purged(index, found.record)).then_some(found)
    }

    /// The content of a version, with the record named in an error.
    pub(super) fn stored(&self, found: Found) -> Result<Stored, Error> {
        self.shared.stored(found)
    }

    /// The encoded record as a caller sees it: the stored bytes, and behind them what the server adds.
    pub fn encoded(&self, stored: &Stored) -> Result<Bytes, Error> {
        let name = stored.name().unwrap_or_default();
        let deleted = stored.operation() == Some(Operation::Delete);
        let mut added = v1::Record {
            uid: uid(&self.shared.meta, name, stored.create_revision()),
            revision: stored.revision,
            create_revision: stored.create_revision(),
            create_time: Some(timestamp(stored.create_time_ms())),
            update_time: Some(timestamp(stored.time_ms)),
            delete_time: deleted.then(|| timestamp(stored.time_ms)),
            etag: etag(stored.revision),
            ..v1::Record::default()
        };
        added.body = match stored.kind() {
            Some(Kind::Party) => self
                .successors("party.predecessors", name)?
                .map(|successors| v1::record::Body::Party(v1::Party { successors, ..v1::Party::default() })),
            Some(Kind::Institution) => self.successors("institution.predecessors", name)?.map(|successors| {
                v1::record::Body::Institution(v1::Institution { successors, ..v1::Institution::default() })
            }),
            Some(_) | None => None,
        };
        if added.body.is_some() {
            return self.merged(stored, added);
        }
        let mut bytes = BytesMut::with_capacity(stored.record.len() + ADDED_BYTES);
        bytes.put_slice(&stored.record);
        added.encode_raw(&mut bytes);
        Ok(bytes.freeze())
    }

    /// The stored record and what is added to it, where both have a body: not every reader joins two of them.
    fn merged(&self, stored: &Stored, added: v1::Record) -> Result<Bytes, Error> {
        let undecodable = |_| undecodable(stored.name().unwrap_or_default());
        let mut record = v1::Record::decode(stored.record.clone()).map_err(undecodable)?;
        record.merge(added.encode_to_vec().as_slice()).map_err(undecodable)?;
        Ok(record.encode_to_vec().into())
    }

    /// The live records that name this one in a field, by name; none when there are none.
    fn successors(&self, field: &str, name: &str) -> Result<Option<Vec<String>>, Error> {
        let found: Vec<Found> = {
            let index = self.shared.index.read();
            let postings = index.postings(terms::reference(field, name));
            let postings = postings.into_iter().flat_map(|postings| postings.after(Posting::MIN));
            let visible = postings.filter_map(|posting| self.visible(&index, posting));
            visible.filter(|found| !found.deleted).collect()
        };
        let mut names = Vec::new();
        for found in found {
            let stored = match self.stored(found) {
                // The index says that it points here, and nothing else can be said of it.
                Err(Error::Corrupt { record, .. }) => {
                    names.push(record);
                    continue;
                }
                stored => stored?,
            };
            let record = v1::Record::decode(stored.record).unwrap_or_default();
            let predecessors = match &record.body {
                Some(v1::record::Body::Party(party)) => party.predecessors.as_slice(),
                Some(v1::record::Body::Institution(institution)) => institution.predecessors.as_slice(),
                _ => &[],
            };
            if predecessors.iter().any(|predecessor| predecessor == name) {
                names.push(record.name);
            }
        }
        names.sort_unstable();
        names.dedup();
        Ok(Some(names).filter(|names| !names.is_empty()))
    }

    /// The stored record without anything that the server adds, as an export writes it.
    pub fn plain(stored: &Stored) -> Option<v1::Record> {
        v1::Record::decode(stored.record.clone()).ok().map(convert::without_output_only)
    }
}

/// An identity that outlives renaming, restores and copies of the store: a keyed hash, in the form of a UUID.
fn uid(meta: &Meta, name: &str, create_revision: Revision) -> String {
    use siphasher::sip128::{Hasher128, SipHasher13};
    use std::hash::Hasher;
    let (key0, key1) = Meta::hash_key(&meta.uid_key);
    let mut hasher = SipHasher13::new_with_keys(key0, key1);
    hasher.write(name.as_bytes());
    hasher.write_i64(create_revision);
    uuid::Uuid::new_v8(hasher.finish128().as_bytes()).to_string()
}
