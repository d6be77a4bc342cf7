//! Pages of what is computed anew for each call: a token says where to go on, and holds for one query at one revision.

use std::ops::Range;

use prost::Message;
use reform_indicators::View;
use sha2::{Digest, Sha256};

use crate::refusal::Refusal;

const SIZE_DEFAULT: usize = 100;
const SIZE_MAX: usize = 1_000;
/// Of the digest that binds a token to what it was made for.
const SEAL_BYTES: usize = 16;

/// Which page of which query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    size: usize,
    token: String,
    /// Stands for the query: its type and fields, without the fields of the page.
    query: [u8; 32],
}

/// The number of items wanted; a path and a description where it cannot be.
pub(super) fn size(wire: i32) -> Result<usize, (String, String)> {
    match usize::try_from(wire) {
        Ok(0) => Ok(SIZE_DEFAULT),
        Ok(size) => Ok(size.min(SIZE_MAX)),
        Err(_) => Err(("page_size".to_owned(), "must not be negative".to_owned())),
    }
}

impl Page {
    /// The page that a request asks for; `query` is the request without its page fields.
    pub(super) fn new(
        query: &impl Message,
        page_size: i32,
        page_token: &str,
    ) -> Result<Self, (String, String)> {
        let query = Sha256::digest(query.encode_to_vec()).into();
        Ok(Self { size: size(page_size)?, token: page_token.to_owned(), query })
    }

    /// The places of this page among `total` items, and the token of the next page.
    pub(super) fn of(&self, view: &View, total: usize) -> Result<(Range<usize>, String), Refusal> {
        let start = if self.token.is_empty() { 0 } else { self.start(view).ok_or(Refusal::PageToken)? };
        if start > total {
            return Err(Refusal::PageToken);
        }
        let end = total.min(start.saturating_add(self.size));
        let next = if end < total { self.seal(view, end) } else { String::new() };
        Ok((start..end, next))
    }

    fn seal(&self, view: &View, start: usize) -> String {
        let mut digest = Sha256::new();
        let place = u64::try_from(start).unwrap_or(u64::MAX).to_be_bytes();
        digest.update(view.revision().to_be_bytes());
        digest.update(self.query);
        digest.update(place);
        digest.update(view.store_id());
        let seal = digest.finalize();
        hex::encode([place.as_slice(), seal.get(..SEAL_BYTES).unwrap_or_default()].concat())
    }

    /// None when the token was made for something else.
    fn start(&self, view: &View) -> Option<usize> {
        let bytes = hex::decode(&self.token).ok()?;
        let place: [u8; 8] = bytes.get(..8)?.try_into().ok()?;
        let start = usize::try_from(u64::from_be_bytes(place)).ok()?;
        (self.seal(view, start) == self.token).then_some(start)
    }
}
