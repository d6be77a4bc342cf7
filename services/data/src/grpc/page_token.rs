//! Page tokens: a place in a list, sealed so that only this store makes them and only for the query that they came from.

use std::hash::Hasher;

use prost::Message;
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::store::list::Mark;
use crate::store::postings::Posting;
use crate::store::{Revision, Store};

const SEAL_LENGTH: usize = 16;

/// Where a list goes on, and at which revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) revision: Revision,
    pub(super) mark: Mark,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Token {
    #[prost(int64, tag = "1")]
    revision: i64,
    #[prost(sint32, tag = "2")]
    day: i32,
    #[prost(uint32, tag = "3")]
    record: u32,
    #[prost(uint32, tag = "4")]
    ordinal: u32,
    #[prost(string, optional, tag = "5")]
    name: Option<String>,
}

/// The token of a place in the list that `query` describes.
pub(super) fn seal(store: &Store, query: &[u8], place: Place) -> String {
    let Place { revision, mark } = place;
    let token = match mark {
        Mark::Posting(Posting { day, record, ordinal }) => {
            Token { revision, day, record, ordinal: ordinal.into(), name: None }
        }
        Mark::Name(name) => Token { revision, name: Some(name), ..Token::default() },
    };
    let mut bytes = token.encode_to_vec();
    bytes.extend_from_slice(&self::hash(store, query, &bytes));
    hex::encode(bytes)
}

/// The place that a token names; none when this store did not make it for this query.
pub(super) fn open(store: &Store, query: &[u8], token: &str) -> Option<Place> {
    let bytes = hex::decode(token).ok()?;
    let (bytes, seal) = bytes.split_at_checked(bytes.len().checked_sub(SEAL_LENGTH)?)?;
    if seal != hash(store, query, bytes) {
        return None;
    }
    let Token { revision, day, record, ordinal, name } = Token::decode(bytes).ok()?;
    let mark = match name {
        Some(name) => Mark::Name(name),
        None => Mark::Posting(Posting { day, record, ordinal: u8::try_from(ordinal).unwrap_or(u8::MAX) }),
    };
    Some(Place { revision, mark })
}

fn hash(store: &Store, query: &[u8], token: &[u8]) -> [u8; SEAL_LENGTH] {
    let (key0, key1) = store.token_key();
    let mut hasher = SipHasher13::new_with_keys(key0, key1);
    for part in [store.id().as_bytes(), query, token] {
        hasher.write_usize(part.len());
        hasher.write(part);
    }
    hasher.finish128().as_bytes()
}
