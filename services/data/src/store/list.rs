//! Lists: which postings to walk, in which order, and how a page ends.

use std::collections::BTreeMap;

use reform_model::Kind;

use super::error::Error;
use super::index::{Found, Index};
use super::postings::{Posting, Walk};
use super::read::{Snapshot, Stored};
use super::summary::NO_DAY;
use super::terms;
use crate::filter::{Filter, Literal, Op};

/// Bytes of the records of one page, so that the message stays below 4 MiB.
pub const PAGE_BYTES_MAX: usize = 3 * 1024 * 1024;
/// Postings looked at under one hold of the index lock.
const POSTINGS_PER_HOLD: usize = 4_096;
/// Versions that one hold returns.
const FOUND_PER_HOLD: usize = 256;
/// What the server adds to a record on the wire, about.
const SERVER_FIELDS_BYTES: usize = 128;

/// Paths whose earliest day is the main date of their kind, whatever the record.
const MAIN_DATES: &[&str] = &[
    "appeal.filed_on",
    "decision.date",
    "event.date",
    "observation.period.start",
    "package.announced_on",
    "source.published_on",
    "target.deadline_on",
];

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
    /// Where the next page begins; none at the end.
    pub next: Option<Mark>,
}

/// The postings that hold every match, and the days that they may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    terms: Vec<u64>,
    first_day: i32,
    last_day: i32,
    undated: bool,
    index: &'static str,
}

impl Route {
    /// Chooses the shortest postings among those that the filter's conjuncts allow.
    pub(super) fn choose(index: &Index, filter: &Filter) -> Self {
        let (mut kind, mut jurisdiction) = (None, None);
        let mut single: Option<(u64, &'static str)> = None;
        let length = |term: u64| index.postings(term).map_or(0, super::postings::Postings::count);
        let mut days = (i32::MIN, NO_DAY - 1, true);
        for conjunct in filter.conjuncts() {
            let below = conjunct.path.split('.').next().and_then(Kind::parse);
            kind = kind.or(below);
            match (conjunct.path, conjunct.op, conjunct.value) {
                ("kind", Op::Equal, Literal::Text(text)) => kind = kind.or(Kind::parse(text)),
                ("jurisdiction", Op::Equal, Literal::Text(text)) => jurisdiction = Some(text.as_str()),
                (path, op, Literal::Days(first, last)) if MAIN_DATES.contains(&path) => {
                    narrow(&mut days, op, first.0, last.0);
                }
                (path, Op::Equal, Literal::Text(text)) => {
                    let term = match path.strip_prefix("labels.") {
                        Some(key) => Some((terms::label(key, text), "label")),
                        None if terms::REFERENCE_FIELDS.contains(&path) => {
                            Some((terms::reference(path, text), "reference"))
                        }
                        None => None,
                    };
                    if let Some((term, name)) = term
                        && single.is_none_or(|(best, _)| length(term) < length(best))
                    {
                        single = Some((term, name));
                    }
                }
                _ => {}
            }
        }
        let scopes = index.scopes(kind, jurisdiction);
        let scope_length: usize = scopes.iter().map(|term| length(*term)).sum();
        let (terms, index) = match single {
            Some((term, name)) if length(term) <= scope_length => (vec![term], name),
            Some(_) | None => (scopes, "kind and jurisdiction"),
        };
        Self { terms, first_day: days.0, last_day: days.1, undated: days.2, index }
    }

    /// The next visible versions after a posting, and the posting to go on from; none at the end.
    fn hold(
        &self,
        index: &Index,
        snapshot: &Snapshot,
        from: Option<Posting>,
        descending: bool,
    ) -> (Vec<(Posting, Found)>, Option<Posting>) {
        let mut found = Vec::new();
        let mut looked = 0;
        for posting in self.walk(index, from, descending) {
            looked += 1;
            if let Some(version) = snapshot.visible(index, posting) {
                found.push((posting, version));
            }
            if looked == POSTINGS_PER_HOLD || found.len() == FOUND_PER_HOLD {
                return (found, Some(posting));
            }
        }
        (found, None)
    }

    /// The postings of all terms in order; the undated ones last.
    fn walk<'a>(
        &'a self,
        index: &'a Index,
        from: Option<Posting>,
        descending: bool,
    ) -> impl Iterator<Item = Posting> + 'a {
        // The last place of the day before, because the walk begins after it: the first place of a day may be taken.
        let before = |day: i32| Posting { day: day.saturating_sub(1), ..Posting::MAX };
        let end = Posting { day: self.last_day.saturating_add(1), ..Posting::MIN };
        let lists = move || self.terms.iter().filter_map(|term| index.postings(*term));
        let in_tail = from.filter(|posting| posting.day == NO_DAY);
        let dated = in_tail.is_none().then(|| {
            let start = from.unwrap_or(if descending { end } else { before(self.first_day) });
            let days = self.first_day..=self.last_day;
            Walk::new(lists(), start, descending).take_while(move |posting| days.contains(&posting.day))
        });
        let undated = std::iter::once(()).filter(|()| self.undated).flat_map(move |()| {
            let start = in_tail.unwrap_or(if descending { Posting::MAX } else { before(NO_DAY) });
            Walk::new(lists(), start, descending).take_while(|posting| posting.day == NO_DAY)
        });
        dated.into_iter().flatten().chain(undated)
    }
}

/// Narrows the days that a main date may have: `first` and `last` are those that the literal allows.
fn narrow(days: &mut (i32, i32, bool), op: Op, first: i32, last: i32) {
    let (from, to) = match op {
        Op::Equal => (first, last),
        Op::GreaterOrEqual => (first, NO_DAY - 1),
        Op::Greater => (last.saturating_add(1), NO_DAY - 1),
        Op::LessOrEqual => (i32::MIN, last),
        Op::Less => (i32::MIN, first.saturating_sub(1)),
        Op::Has => (i32::MIN, NO_DAY - 1),
    };
    // "Not after" dates have no earliest day: they stand with the undated and can still lie before a day.
    *days = (days.0.max(from), days.1.min(to), days.2 && from == i32::MIN);
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
        self.walk(query, from, descending, &mut |posting, stored| {
            let cost = stored.record.len() + SERVER_FIELDS_BYTES;
            if page.items.len() == size || (bytes + cost > PAGE_BYTES_MAX && !page.items.is_empty()) {
                page.next = last.map(Mark::Posting);
                return false;
            }
            bytes += cost;
            last = Some(posting);
            page.items.push(stored);
            true
        })?;
        Ok(page)
    }

    /// Names are not indexed in order, so this reads all that the filter leaves and keeps the smallest names.
    fn list_by_name(&self, query: &Query<'_>, from: Option<String>, size: usize) -> Result<Page, Error> {
        let descending = query.order == Order::NameDescending;
        let mut kept: BTreeMap<String, Stored> = BTreeMap::new();
        let mut more = false;
        self.walk(query, None, false, &mut |_, stored| {
            let name = stored.name().unwrap_or_default().to_owned();
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
            true
        })?;
        let mut items: Vec<Stored> = kept.into_values().collect();
        if descending {
            items.reverse();
        }
        let mut bytes = 0;
        let fits = items.iter().take_while(|stored| {
            bytes += stored.record.len() + SERVER_FIELDS_BYTES;
            bytes <= PAGE_BYTES_MAX
        });
        let fits = fits.count().max(1);
        more |= items.len() > fits;
        items.truncate(fits);
        let last = items.last().and_then(Stored::name).map(|name| Mark::Name(name.to_owned()));
        Ok(Page { items, next: last.filter(|_| more) })
    }

    /// How many records a list would hold.
    pub fn count(&self, filter: &Filter, show_deleted: bool) -> Result<i64, Error> {
        let query = Query { filter, order: Order::MainDate, show_deleted };
        let mut count = 0;
        self.walk(&query, None, false, &mut |_, _| {
            count += 1;
            true
        })?;
        Ok(count)
    }

    /// Gives every match, in order, until the visitor has enough.
    pub(super) fn walk(
        &self,
        query: &Query<'_>,
        from: Option<Posting>,
        descending: bool,
        visit: &mut dyn FnMut(Posting, Stored) -> bool,
    ) -> Result<(), Error> {
        let route = Route::choose(&self.shared.index.read(), query.filter);
        let (mut from, mut read, mut returned) = (from, 0_usize, 0_usize);
        let mut reader = Reader::new(self);
        'walk: loop {
            let (found, next) = route.hold(&self.shared.index.read(), self, from, descending);
            for (posting, found) in found {
                if found.deleted && !query.show_deleted {
                    continue;
                }
                read += 1;
                let stored = reader.stored(found)?;
                if self.matches(query.filter, &stored)? {
                    returned += 1;
                    if !visit(posting, stored) {
                        break 'walk;
                    }
                }
            }
            match next {
                Some(next) => from = Some(next),
                None => break,
            }
        }
        tracing::trace!(index = route.index, read, returned, "listed");
        Ok(())
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
    open: Option<(super::keys::ChunkId, super::chunk::Chunk)>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(snapshot: &'a Snapshot) -> Self {
        Self { snapshot, open: None }
    }

    pub(super) fn stored(&mut self, found: Found) -> Result<Stored, Error> {
        let id = found.position.chunk;
        let shared = &self.snapshot.shared;
        if let Some((open, chunk)) = &self.open
            && *open == id
        {
            return shared.slot(chunk, id, found.position.slot.into());
        }
        let chunk = shared.disk.chunk(id)?;
        let stored = shared.slot(&chunk, id, found.position.slot.into());
        self.open = Some((id, chunk));
        stored
    }
}
