//! Lists: what a filter leaves of the postings that it leads to, in which order, and how a page ends.

use std::collections::BTreeMap;

use super::error::Error;
use super::index::Found;
use super::postings::Posting;
use super::read::{Snapshot, Stored};
use super::route::Route;
use crate::filter::Filter;

/// Bytes of the records of one page, so that the message stays below 4 MiB.
pub const PAGE_BYTES_MAX: usize = 3 * 1024 * 1024;
/// Records that one reader puts into the cache: a scan of the store does not push everything out of it.
const CACHED_MAX: usize = 1_024;
/// What the server adds to a record on the wire, about.
const SERVER_FIELDS_BYTES: usize = 128;

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// By main date, then by creation; records without a date come last.
    MainDate,
    /// The same, latest first; records without a date still come last.
    MainDateDescending,
    /// By name.
    Name,
    /// By name, backwards.
    NameDescending,
}

impl Order {
    /// Reads an `order_by`; empty is the default.
    pub fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            [] | ["main_date"] | ["main_date", "asc"] => Some(Order::MainDate),
            ["main_date", "desc"] => Some(Order::MainDateDescending),
            ["name"] | ["name", "asc"] => Some(Order::Name),
            ["name", "desc"] => Some(Order::NameDescending),
            _ => None,
        }
    }
}

/// Where a page ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// After this posting.
    Posting(Posting),
    /// After this name.
    Name(String),
}

/// What is listed.
#[derive(Debug)]
pub struct Query<'a> {
    /// Which records.
    pub filter: &'a Filter,
    /// In which order.
    pub order: Order,
    /// Deleted ones too.
    pub show_deleted: bool,
}

/// One page.
#[derive(Debug, Default)]
pub struct Page {
    /// The records.
    pub items: Vec<Stored>,
    /// Names of those in the page's stretch whose stored value is damaged.
    pub unreadable: Vec<String>,
    /// Where the next page begins; none at the end.
    pub next: Option<Mark>,
    /// What was read for it.
    pub looked: Looked,
}

/// What a list cost.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Looked {
    /// The indexes that were used.
    pub index: String,
    /// Postings that were looked at.
    pub postings: usize,
    /// Records that were read.
    pub read: usize,
    /// Records that matched.
    pub returned: usize,
}

impl Snapshot {
    /// One page of a list, from a mark on.
    pub fn list(&self, query: &Query<'_>, from: Option<Mark>, size: usize) -> Result<Page, Error> {
        match query.order {
            Order::MainDate | Order::MainDateDescending => {
                let from = match from {
                    Some(Mark::Posting(posting)) => Some(posting),
                    Some(Mark::Name(_)) => return Err(Error::PageToken),
                    None => None,
                };
                self.list_by_date(query, from, size)
            }
            Order::Name | Order::NameDescending => {
                let from = match from {
                    Some(Mark::Name(name)) => Some(name),
                    Some(Mark::Posting(_)) => return Err(Error::PageToken),
                    None => None,
                };
                self.list_by_name(query, from, size)
            }
        }
    }

    fn list_by_date(&self, query: &Query<'_>, from: Option<Posting>, size: usize) -> Result<Page, Error> {
        let mut page = Page::default();
        let mut bytes = 0;
        let mut last = None;
        let descending = query.order == Order::MainDateDescending;
        let looked = self.walk(query, from, descending, &mut |posting, stored| {
            let cost = stored.as_ref().map_or(0, |stored| stored.record.len()) + SERVER_FIELDS_BYTES;
            let count = page.items.len() + page.unreadable.len();
            if count == size || (bytes + cost > PAGE_BYTES_MAX && count > 0) {
                page.next = last.map(Mark::Posting);
                return Ok(false);
            }
            bytes += cost;
            last = Some(posting);
            match stored {
                Ok(stored) => page.items.push(stored),
                Err(error) => page.unreadable.push(error.damaged_record()?),
            }
            Ok(true)
        })?;
        Ok(Page { looked, ..page })
    }

    /// Names are not indexed in order, so this reads all that the filter leaves and keeps the smallest names.
    fn list_by_name(&self, query: &Query<'_>, from: Option<String>, size: usize) -> Result<Page, Error> {
        let descending = query.order == Order::NameDescending;
        let mut kept: BTreeMap<String, Option<Stored>> = BTreeMap::new();
        let mut more = false;
        let looked = self.walk(query, None, false, &mut |_, stored| {
            let (name, stored) = match stored {
                Ok(stored) => (stored.name().unwrap_or_default().to_owned(), Some(stored)),
                Err(error) => (error.damaged_record()?, None),
            };
            let passed =
                from.as_ref().is_some_and(|from| if descending { name >= *from } else { name <= *from });
            if !passed {
                kept.insert(name, stored);
                if kept.len() > size {
                    more = true;
                    if descending {
                        kept.pop_first()
                    } else {
                        kept.pop_last()
                    };
                }
            }
            Ok(true)
        })?;
        let mut items: Vec<(String, Option<Stored>)> = kept.into_iter().collect();
        if descending {
            items.reverse();
        }
        let mut bytes = 0;
        let fits = items.iter().take_while(|(_, stored)| {
            bytes += stored.as_ref().map_or(0, |stored| stored.record.len()) + SERVER_FIELDS_BYTES;
            bytes <= PAGE_BYTES_MAX
        });
        let fits = fits.count().max(1);
        more |= items.len() > fits;
        items.truncate(fits);
        let next = items.last().map(|(name, _)| Mark::Name(name.clone())).filter(|_| more);
        let mut page = Page { next, looked, ..Page::default() };
        for (name, stored) in items {
            match stored {
                Some(stored) => page.items.push(stored),
                None => page.unreadable.push(name),
            }
        }
        Ok(page)
    }

    /// How many records a list would hold.
    pub fn count(&self, filter: &Filter, show_deleted: bool) -> Result<i64, Error> {
        let query = Query { filter, order: Order::MainDate, show_deleted };
        let mut count = 0;
        self.walk(&query, None, false, &mut |_, stored| {
            stored?;
            count += 1;
            Ok(true)
        })?;
        Ok(count)
    }

    /// Gives every match, in order, until the visitor has enough; a record that is damaged as the error that names it.
    pub(super) fn walk(
        &self,
        query: &Query<'_>,
        from: Option<Posting>,
        descending: bool,
        visit: &mut dyn FnMut(Posting, Result<Stored, Error>) -> Result<bool, Error>,
    ) -> Result<Looked, Error> {
        let route = Route::choose(&self.shared.index.read(), query.filter);
        let mut looked = Looked { index: route.index.clone(), ..Looked::default() };
        let mut from = from;
        let mut reader = Reader::new(self);
        'walk: loop {
            let (found, postings, next) = route.hold(&self.shared.index.read(), self, from, descending);
            looked.postings += postings;
            for (posting, found) in found {
                if found.deleted && !query.show_deleted {
                    continue;
                }
                looked.read += 1;
                let stored = match reader.stored(found) {
                    // It may match or not.
                    Err(error @ Error::Corrupt { .. }) => Err(error),
                    stored => Ok(stored?),
                };
                let listed = stored.as_ref().map_or(Ok(true), |stored| self.matches(query.filter, stored))?;
                if listed {
                    looked.returned += 1;
                    if !visit(posting, stored)? {
                        break 'walk;
                    }
                }
            }
            match next {
                Some(next) => from = Some(next),
                None => break,
            }
        }
        let Looked { index, postings, read, returned } = &looked;
        tracing::trace!(index, postings, read, returned, "listed");
        Ok(looked)
    }
}

impl Snapshot {
    /// Whether a filter is true of a record; what the server adds is made only for a filter that asks about it.
    fn matches(&self, filter: &Filter, stored: &Stored) -> Result<bool, Error> {
        if filter.reads_server_fields() {
            Ok(filter.matches(&self.encoded(stored)?))
        } else {
            Ok(filter.matches(&stored.record))
        }
    }
}

/// Reads slots, keeping the last chunk open: neighbours in a list are often neighbours in the log.
pub(super) struct Reader<'a> {
    snapshot: &'a Snapshot,
    /// Records that may still go into the cache.
    cached: usize,
    open: Option<(super::keys::ChunkId, super::chunk::Chunk)>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(snapshot: &'a Snapshot) -> Self {
        Self { snapshot, cached: CACHED_MAX, open: None }
    }

    pub(super) fn stored(&mut self, found: Found) -> Result<Stored, Error> {
        let shared = &self.snapshot.shared;
        if let Some(stored) = shared.cache.get(found.position) {
            return Ok(stored);
        }
        let stored = self.read(found).map_err(|error| shared.with_name(error, found.position))?;
        if let Some(left) = self.cached.checked_sub(1) {
            self.cached = left;
            shared.cache.put(found.position, &stored);
        }
        Ok(stored)
    }

    fn read(&mut self, found: Found) -> Result<Stored, Error> {
        let id = found.position.chunk;
        let shared = &self.snapshot.shared;
        if self.open.as_ref().is_none_or(|(open, _)| *open != id) {
            self.open = Some((id, shared.disk.chunk(id)?));
        }
        let (_, chunk) = self.open.as_ref().expect("it was just opened");
        shared.slot(chunk, id, found.position.slot.into())
    }
}
