//! The order of an export: kinds in their order, within a kind a record after those that it refers to, then by name.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet};

use prost::Message;
use reform_api::convert;
use reform_api::data::v1;
use reform_model::{Kind, Name};

use super::Revision;
use super::error::Error;
use super::index::Found;
use super::list::{Order, Query, Reader};
use super::read::{Snapshot, Stored, undecodable};
use crate::filter::Filter;

/// Records that are looked up in the index at a time.
const RECORDS_PER_HOLD: u32 = 4_096;

/// The numbers of all records of an export in its order, cut into groups: records that belong into one batch, because they
/// refer to each other or to one that comes later.
#[derive(Debug, Default)]
pub struct Ordered {
    records: Vec<u32>,
    /// Where each group ends.
    ends: Vec<usize>,
}

impl Ordered {
    /// How many groups there are.
    pub fn groups(&self) -> usize {
        self.ends.len()
    }

    /// The numbers of the records of a group.
    pub fn group(&self, place: usize) -> &[u32] {
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.records[start..self.ends[place]]
    }

    fn push(&mut self, group: impl IntoIterator<Item = u32>) {
        self.records.extend(group);
        self.ends.push(self.records.len());
    }

    /// Joins a group with all up to the later one that it points at, so that a batch never points beyond itself.
    fn join(&mut self, furthest: &HashMap<usize, usize>) {
        let (mut place, mut until) = (0, 0);
        self.ends.retain(|_| {
            until = until.max(furthest.get(&place).copied().unwrap_or_default());
            place += 1;
            until < place
        });
    }
}

impl Snapshot {
    /// The live records that match, in the order of an export; and the names of those that are damaged, which may match,
    /// unless the first of them is to be an error.
    pub fn export_order(&self, filter: &Filter, name_damaged: bool) -> Result<(Ordered, Vec<String>), Error> {
        let mut damaged = Vec::new();
        let mut kinds: BTreeMap<Kind, OfKind> = BTreeMap::new();
        self.each(filter, &mut |number, stored| {
            let added = stored.and_then(|stored| {
                let undecodable = || undecodable(stored.name().unwrap_or_default());
                add(&mut kinds, number, &stored.record).ok_or_else(undecodable)
            });
            match added {
                Ok(()) => {}
                Err(error) if name_damaged => damaged.push(error.damaged_record()?),
                Err(error) => return Err(error),
            }
            Ok(())
        })?;
        Ok((ordered(kinds), damaged))
    }

    /// Gives every live record that matches. All of them come as they lie in the log, which is read once from end to end.
    fn each(
        &self,
        filter: &Filter,
        visit: &mut dyn FnMut(u32, Result<Stored, Error>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if !filter.is_empty() {
            let query = Query { filter, order: Order::MainDate, show_deleted: false };
            let mut visit = |number, stored| visit(number, stored).map(|()| true);
            return self
                .walk(&query, None, false, &mut |posting, stored| visit(posting.record, stored))
                .map(drop);
        }
        let mut reader = Reader::new(self);
        let count = self.shared.index.read().record_count();
        for first in (0..count).step_by(RECORDS_PER_HOLD as usize) {
            let end = count.min(first.saturating_add(RECORDS_PER_HOLD));
            for found in self.live(first..end) {
                match reader.stored(found) {
                    Err(error @ Error::Corrupt { .. }) => visit(found.record, Err(error))?,
                    stored => visit(found.record, Ok(stored?))?,
                }
            }
        }
        Ok(())
    }

    /// What is live of these records.
    fn live(&self, numbers: impl IntoIterator<Item = u32>) -> Vec<Found> {
        let index = self.shared.index.read();
        let visible = numbers.into_iter().filter_map(|number| index.at(number, self.revision));
        visible.filter(|found| !found.deleted && !self.shared.is_purged(&index, found.record)).collect()
    }

    /// The records of a group as an export writes them, each with the revision that wrote it.
    pub fn export_records(&self, group: &[u32]) -> Result<Vec<(v1::Record, Revision)>, Error> {
        let mut reader = Reader::new(self);
        let record = |found: Found| {
            let stored = reader.stored(found)?;
            let record =
                Self::plain(&stored).ok_or_else(|| undecodable(stored.name().unwrap_or_default()))?;
            Ok((record, found.revision))
        };
        self.live(group.iter().copied()).into_iter().map(record).collect()
    }
}

/// The records of one kind, in the order in which they were found. They may be millions, so their ids lie one behind the
/// other.
#[derive(Debug, Default)]
struct OfKind {
    ids: String,
    rows: Vec<Row>,
    /// What a record refers to in the same kind or a later one, by its number; few do.
    targets: HashMap<u32, Vec<Name>>,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    start: usize,
    record: u32,
    length: u8,
}

impl OfKind {
    fn push(&mut self, record: u32, id: &str, targets: Vec<Name>) {
        let length = u8::try_from(id.len()).expect("an id has at most 80 bytes");
        self.rows.push(Row { start: self.ids.len(), record, length });
        self.ids.push_str(id);
        if !targets.is_empty() {
            self.targets.insert(record, targets);
        }
    }

    fn sort(&mut self) {
        let ids = &self.ids;
        self.rows.sort_unstable_by_key(|row| id(ids, row));
    }
}

fn id<'a>(ids: &'a str, row: &Row) -> &'a str {
    &ids[row.start..row.start + usize::from(row.length)]
}

/// None when it cannot be read.
fn add(kinds: &mut BTreeMap<Kind, OfKind>, number: u32, bytes: &bytes::Bytes) -> Option<()> {
    let wire = v1::Record::decode(bytes.clone()).ok()?;
    let record = convert::record(&wire).ok()?;
    let kind = record.kind();
    // Citations point at sources, which come first; appeals and the like are many and point only back.
    let inward = |name: &&Name| record.name != **name;
    let references = record.references();
    let targets = references.iter().filter(|reference| {
        reference.kinds.is_empty() || reference.kinds.iter().any(|target| *target >= kind)
    });
    let targets = targets.map(|reference| reference.target).filter(inward).cloned().collect();
    kinds.entry(kind).or_default().push(number, record.name.id(), targets);
    Some(())
}

/// Kinds in their order, groups in theirs, and joined where one points at a later one.
fn ordered(mut kinds: BTreeMap<Kind, OfKind>) -> Ordered {
    kinds.values_mut().for_each(OfKind::sort);
    let pointed_at: HashSet<&str> =
        kinds.values().flat_map(|kind| kind.targets.values().flatten().map(Name::id)).collect();
    let mut ordered = Ordered::default();
    let mut places = HashMap::new();
    for kind in kinds.values() {
        for group in groups(kind) {
            if !pointed_at.is_empty() {
                let ids = group.iter().map(|row| id(&kind.ids, row)).filter(|id| pointed_at.contains(id));
                places.extend(ids.map(|id| (id, ordered.groups())));
            }
            ordered.push(group.iter().map(|row| row.record));
        }
    }
    let targets: HashMap<u32, &Vec<Name>> =
        kinds.values().flat_map(|kind| &kind.targets).map(|(record, targets)| (*record, targets)).collect();
    let furthest = |place: usize| {
        let targets = ordered.group(place).iter().filter_map(|record| targets.get(record));
        targets.flat_map(|targets| targets.iter()).filter_map(|target| places.get(target.id()).copied()).max()
    };
    let furthest = if targets.is_empty() {
        HashMap::new()
    } else {
        (0..ordered.groups()).filter_map(|place| Some((place, furthest(place)?))).collect()
    };
    ordered.join(&furthest);
    ordered
}

/// The groups of one kind whose rows are sorted: components of records that refer to each other, each after those it points
/// at, then by name.
fn groups(kind: &OfKind) -> Box<dyn Iterator<Item = Vec<Row>> + '_> {
    if kind.targets.is_empty() {
        return Box::new(kind.rows.iter().map(|row| vec![*row]));
    }
    let places: HashMap<&str, usize> =
        kind.rows.iter().enumerate().map(|(place, row)| (id(&kind.ids, row), place)).collect();
    let targets = |row: &Row| kind.targets.get(&row.record).into_iter().flatten();
    let edges: Vec<Vec<usize>> = kind
        .rows
        .iter()
        .map(|row| targets(row).filter_map(|target| places.get(target.id()).copied()).collect())
        .collect();
    Box::new(
        in_order(&edges).into_iter().map(|group| group.into_iter().map(|place| kind.rows[place]).collect()),
    )
}

/// Components of a graph, each after those it points at, otherwise by their first member.
fn in_order(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let component = components(edges);
    let count = component.iter().max().map_or(0, |last| last + 1);
    let mut groups: Vec<Vec<usize>> = vec![Vec::new(); count];
    let (mut waits_for, mut unblocks) = (vec![0_usize; count], vec![Vec::new(); count]);
    for (place, targets) in edges.iter().enumerate() {
        groups[component[place]].push(place);
        for target in targets {
            if component[*target] != component[place] {
                waits_for[component[place]] += 1;
                unblocks[component[*target]].push(component[place]);
            }
        }
    }
    let first: Vec<usize> = groups.iter().map(|group| group[0]).collect();
    let mut ready: BinaryHeap<Reverse<(usize, usize)>> = (0..count)
        .filter(|number| waits_for[*number] == 0)
        .map(|number| Reverse((first[number], number)))
        .collect();
    let mut ordered = Vec::with_capacity(count);
    while let Some(Reverse((_, number))) = ready.pop() {
        ordered.push(std::mem::take(&mut groups[number]));
        for waiting in std::mem::take(&mut unblocks[number]) {
            waits_for[waiting] -= 1;
            if waits_for[waiting] == 0 {
                ready.push(Reverse((first[waiting], waiting)));
            }
        }
    }
    ordered
}

/// Strongly connected components, numbered: Tarjan's algorithm without recursion (SIAM J. Comput. 1, 1972).
fn components(edges: &[Vec<usize>]) -> Vec<usize> {
    const NEW: usize = usize::MAX;
    let mut order = vec![NEW; edges.len()];
    let mut low = vec![NEW; edges.len()];
    let mut component = vec![NEW; edges.len()];
    let (mut open, mut calls) = (Vec::new(), Vec::new());
    let (mut next, mut count) = (0, 0);
    for root in 0..edges.len() {
        if order[root] == NEW {
            calls.push((root, 0));
        }
        while let Some((node, edge)) = calls.pop() {
            if edge == 0 {
                order[node] = next;
                low[node] = next;
                next += 1;
                open.push(node);
            }
            match edges[node].get(edge) {
                Some(&target) => {
                    calls.push((node, edge + 1));
                    if order[target] == NEW {
                        calls.push((target, 0));
                    } else if component[target] == NEW {
                        low[node] = low[node].min(order[target]);
                    }
                }
                None => {
                    if low[node] == order[node] {
                        while let Some(member) = open.pop() {
                            component[member] = count;
                            if member == node {
                                break;
                            }
                        }
                        count += 1;
                    }
                    if let Some((parent, _)) = calls.last() {
                        low[*parent] = low[*parent].min(low[node]);
                    }
                }
            }
        }
    }
    component
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exported(records: &[(Kind, &str, &[&str])]) -> Vec<Vec<String>> {
        let mut kinds: BTreeMap<Kind, OfKind> = BTreeMap::new();
        for (number, (kind, id, targets)) in (0..).zip(records) {
            let targets = targets.iter().map(|target| Name::from_id(target).unwrap()).collect();
            kinds.entry(*kind).or_default().push(number, id, targets);
        }
        let ordered = ordered(kinds);
        let name = |number: &u32| records[*number as usize].1.to_owned();
        (0..ordered.groups()).map(|place| ordered.group(place).iter().map(name).collect()).collect()
    }

    #[test]
    fn a_record_comes_after_those_it_refers_to_then_by_name() {
        let records: [(_, _, &[_]); 5] = [
            (Kind::Party, "a", &["z"]),
            (Kind::Party, "z", &[]),
            (Kind::Party, "b", &["missing"]),
            (Kind::Party, "c", &["d"]),
            (Kind::Party, "d", &["c", "z"]),
        ];
        assert_eq!(exported(&records), [vec!["b"], vec!["z"], vec!["a"], vec!["c", "d"]]);
    }

    #[test]
    fn a_batch_never_points_beyond_itself() {
        let records: [(_, _, &[_]); 6] = [
            (Kind::Party, "q", &[]),
            (Kind::Institution, "i", &[]),
            (Kind::Source, "t", &["i"]),
            (Kind::Source, "s", &[]),
            (Kind::Variable, "v", &[]),
            (Kind::Party, "p", &[]),
        ];
        assert_eq!(exported(&records), [vec!["s"], vec!["t", "v", "i"], vec!["p"], vec!["q"]]);
        assert!(exported(&[]).is_empty());
    }
}
