//! The order of an export: kinds in their order, within a kind a record after those that it refers to, then by name.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};

use prost::Message;
use reform_api::convert;
use reform_api::data::v1;
use reform_model::{Kind, Name};

use super::Revision;
use super::error::Error;
use super::index::Found;
use super::list::{Order, Query, Reader};
use super::postings::Posting;
use super::read::Snapshot;
use crate::filter::Filter;

/// Records that belong into one batch, because they refer to each other or to one that comes later.
pub type Group = Vec<Item>;

/// One record of an export.
#[derive(Debug, Clone)]
pub struct Item {
    found: Found,
    name: Name,
    kind: Kind,
    /// References that may point to the same kind or to a later one.
    targets: Vec<Name>,
}

impl Snapshot {
    /// The live records that match, in the order of an export, as groups that must not be cut; and the names of those
    /// that are damaged, which may match, unless the first of them is to be an error.
    pub fn export_groups(
        &self,
        filter: &Filter,
        name_damaged: bool,
    ) -> Result<(Vec<Group>, Vec<String>), Error> {
        let mut damaged = Vec::new();
        let mut by_kind: BTreeMap<Kind, Vec<Item>> = BTreeMap::new();
        let query = Query { filter, order: Order::MainDate, show_deleted: false };
        self.walk(&query, None, false, &mut |posting, stored| {
            let item = stored.and_then(|stored| {
                let undecodable = || super::read::undecodable(stored.name().unwrap_or_default());
                self.item(posting, &stored.record).ok_or_else(undecodable)
            });
            match item {
                Ok(item) => by_kind.entry(item.kind).or_default().push(item),
                Err(error) if name_damaged => damaged.push(error.damaged_record()?),
                Err(error) => return Err(error),
            }
            Ok(true)
        })?;
        let ordered = by_kind.into_values().flat_map(in_order).collect();
        Ok((join_forward(ordered), damaged))
    }

    fn item(&self, posting: Posting, bytes: &bytes::Bytes) -> Option<Item> {
        let found = self.visible(&self.shared.index.read(), posting)?;
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
        Some(Item { found, name: record.name, kind, targets })
    }

    /// The records of a group as an export writes them, each with the revision that wrote it.
    pub fn export_records(&self, group: &[Item]) -> Result<Vec<(v1::Record, Revision)>, Error> {
        let mut reader = Reader::new(self);
        group
            .iter()
            .map(|item| {
                let stored = reader.stored(item.found)?;
                let record =
                    Self::plain(&stored).ok_or_else(|| super::read::undecodable(item.name.as_str()))?;
                Ok((record, item.found.revision))
            })
            .collect()
    }
}

/// One kind: components of records that refer to each other, each after those it points at, then by name.
fn in_order(mut items: Vec<Item>) -> Vec<Group> {
    items.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    let places: HashMap<Name, usize> =
        items.iter().enumerate().map(|(place, item)| (item.name.clone(), place)).collect();
    let edges: Vec<Vec<usize>> = items
        .iter()
        .map(|item| item.targets.iter().filter_map(|target| places.get(target).copied()).collect())
        .collect();
    let component = components(&edges);
    let count = component.iter().max().map_or(0, |last| last + 1);
    let mut groups: Vec<Group> = vec![Vec::new(); count];
    let (mut waits_for, mut unblocks) = (vec![0_usize; count], vec![Vec::new(); count]);
    for (place, targets) in edges.iter().enumerate() {
        for target in targets {
            if component[*target] != component[place] {
                waits_for[component[place]] += 1;
                unblocks[component[*target]].push(component[place]);
            }
        }
    }
    // The place of a component's first member is its place by name.
    let mut first = vec![usize::MAX; count];
    for (place, item) in items.into_iter().enumerate() {
        first[component[place]] = first[component[place]].min(place);
        groups[component[place]].push(item);
    }
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

/// Joins a group with all up to the later one that it points at, so that a batch never points beyond itself.
fn join_forward(groups: Vec<Group>) -> Vec<Group> {
    let forward: HashMap<&Name, usize> = groups
        .iter()
        .enumerate()
        .flat_map(|(place, group)| group.iter().map(move |item| (&item.name, place)))
        .collect();
    let furthest: Vec<usize> = groups
        .iter()
        .enumerate()
        .map(|(place, group)| {
            let targets = group.iter().flat_map(|item| &item.targets);
            targets.filter_map(|target| forward.get(target).copied()).fold(place, usize::max)
        })
        .collect();
    let mut joined: Vec<Group> = Vec::with_capacity(groups.len());
    let mut until = None;
    for (place, group) in groups.into_iter().enumerate() {
        match (joined.last_mut(), until) {
            (Some(last), Some(end)) if place <= end => last.extend(group),
            _ => joined.push(group),
        }
        until = until.max(Some(furthest[place]));
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::index::Position;
    use crate::store::keys::ChunkId;

    fn item(name: &str, kind: Kind, targets: &[&str]) -> Item {
        let position = Position { chunk: ChunkId { revision: 1, part: 0 }, slot: 0 };
        let found = Found { record: 0, revision: 1, kind, deleted: false, position };
        let targets = targets.iter().map(|target| Name::from_id(target).unwrap()).collect();
        Item { found, name: Name::from_id(name).unwrap(), kind, targets }
    }

    fn names(groups: &[Group]) -> Vec<Vec<&str>> {
        groups.iter().map(|group| group.iter().map(|item| item.name.id()).collect()).collect()
    }

    #[test]
    fn a_record_comes_after_those_it_refers_to_then_by_name() {
        let items = vec![
            item("a", Kind::Party, &["z"]),
            item("z", Kind::Party, &[]),
            item("b", Kind::Party, &["missing"]),
            item("c", Kind::Party, &["d"]),
            item("d", Kind::Party, &["c", "z"]),
        ];
        assert_eq!(names(&in_order(items)), [vec!["b"], vec!["z"], vec!["a"], vec!["c", "d"]]);
    }

    #[test]
    fn a_batch_never_points_beyond_itself() {
        let groups = vec![
            vec![item("s", Kind::Source, &[])],
            vec![item("t", Kind::Source, &["i"])],
            vec![item("v", Kind::Variable, &[])],
            vec![item("i", Kind::Institution, &[])],
            vec![item("p", Kind::Party, &[])],
        ];
        assert_eq!(names(&join_forward(groups)), [vec!["s"], vec!["t", "v", "i"], vec!["p"]]);
    }
}
