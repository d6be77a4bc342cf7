//! Decides whether a history is linearizable.
//!
//! The service promises more than some order: the order of the revisions is the order of the writes. So the feed is the
//! witness, and nothing has to be searched for. Replayed one after the other, its commits must be what was asked, possible
//! where they stand, and as answered. Every other operation then needs a place between two revisions at which its answer
//! is right, such that operations that followed each other in time do so in the order of the revisions as well. Each is
//! given the earliest such place; if any placement exists, this one does, because an earlier place never keeps a later
//! operation from its own. All names are checked together, so that a commit of several is seen whole or not at all.

use std::collections::{BTreeMap, HashMap};

use reform_api::data::v1::ChangeType;
use reform_api::error::Reason;

use super::broken::Broken;
use super::history::{Answer, Call, Operation, Version, Write};
use crate::feed::Commit;

/// What a linearizable history was made of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checked {
    /// Operations whose place was found.
    pub placed: usize,
    /// Writes with an unknown outcome that had their effect.
    pub unknown_stored: usize,
    /// Operations with an unknown outcome and no effect.
    pub without_effect: usize,
}

/// Checks the operations of all clients against the whole feed after them.
///
/// # Errors
/// The first thing that no order explains.
pub fn check(operations: &[Operation], commits: &[Commit]) -> Result<Checked, Broken> {
    let states = States::replay(operations, commits)?;
    let mut checked = Checked::default();
    let mut events = Vec::new();
    for (number, operation) in operations.iter().enumerate() {
        let stored = states.stored.contains_key(&number);
        match &operation.returned {
            Some((returned, _)) => events.push((*returned, number, true)),
            None if stored => checked.unknown_stored += 1,
            None => {
                checked.without_effect += 1;
                continue;
            }
        }
        events.push((operation.invoked, number, false));
    }
    events.sort_unstable();
    let mut floor = 0;
    let mut places = HashMap::new();
    for (_, number, ended) in events {
        if ended {
            floor = floor.max(places[&number]);
            continue;
        }
        let operation = &operations[number];
        let place = states.place(number, operation, floor)?;
        let place =
            place.ok_or_else(|| Broken::Unplaced { floor, operation: Box::new(operation.clone()) })?;
        places.insert(number, place);
        checked.placed += 1;
    }
    Ok(checked)
}

/// Every version of every name.
#[derive(Debug, Default)]
struct States {
    versions: BTreeMap<String, Vec<(i64, Version)>>,
    /// The revisions of operations, by their number.
    stored: HashMap<usize, i64>,
    head: i64,
}

impl States {
    fn replay(operations: &[Operation], commits: &[Commit]) -> Result<Self, Broken> {
        let writes = operations.iter().enumerate().filter_map(|(number, operation)| match &operation.call {
            Call::Write { id, .. } => Some((id.as_str(), number)),
            Call::Get { .. } | Call::GetAll { .. } => None,
        });
        let mut waiting: HashMap<&str, usize> = writes.collect();
        let mut states = Self::default();
        for commit in commits {
            let (expected, found) = (states.head + 1, commit.revision);
            if found != expected {
                return Err(Broken::Gap { expected, found });
            }
            let number = waiting.remove(commit.reason.as_str()).ok_or_else(|| unasked(commit))?;
            states.apply(commit, &operations[number])?;
            states.stored.insert(number, found);
        }
        Ok(states)
    }

    fn apply(&mut self, commit: &Commit, operation: &Operation) -> Result<(), Broken> {
        let Call::Write { id, mutations } = &operation.call else { return Err(unasked(commit)) };
        let revision = commit.revision;
        let mut asked = Vec::with_capacity(mutations.len());
        for (name, write) in mutations {
            let version = write.apply(self.at(name, revision - 1), id, revision);
            let operation = || Box::new(operation.clone());
            let version =
                version.map_err(|reason| Broken::Impossible { revision, reason, operation: operation() })?;
            asked.push((name.clone(), change_type(*write), version));
        }
        let stored: Vec<_> = commit
            .changes
            .iter()
            .map(|change| {
                let version = change.record.as_ref().map_or(Version::Absent, Version::from);
                (change.name.clone(), change.r#type(), version)
            })
            .collect();
        if stored != asked {
            return Err(Broken::Torn { revision, stored, asked });
        }
        for (name, _, version) in asked {
            self.versions.entry(name).or_default().push((revision, version));
        }
        self.head = revision;
        Ok(())
    }

    /// What a name holds after a revision.
    fn at(&self, name: &str, revision: i64) -> &Version {
        let versions = self.versions.get(name).map_or(&[][..], Vec::as_slice);
        let older = versions.partition_point(|(first, _)| *first <= revision);
        older.checked_sub(1).map_or(&Version::Absent, |place| &versions[place].1)
    }

    /// The earliest revision, not before `floor`, after which an operation can have had its effect and its answer.
    fn place(&self, number: usize, operation: &Operation, floor: i64) -> Result<Option<i64>, Broken> {
        let vanished = || Broken::Vanished { operation: Box::new(operation.clone()) };
        let stored = self.stored.get(&number).copied();
        let answer = operation.returned.as_ref().map(|(_, answer)| answer);
        if let Call::Write { mutations, .. } = &operation.call {
            let as_stored = |revision: i64, versions: &[Version]| {
                let names = mutations.iter().map(|(name, _)| self.at(name, revision));
                stored == Some(revision) && names.eq(versions)
            };
            match (answer, stored) {
                (Some(Answer::Written { revision, versions }), _) if !as_stored(*revision, versions) => {
                    return Err(vanished());
                }
                (Some(Answer::Refused(_)), Some(_)) => return Err(vanished()),
                (_, Some(revision)) => return Ok(Some(revision).filter(|revision| *revision > floor)),
                (_, None) => {}
            }
        }
        let is_right =
            |place: &i64| answer.is_some_and(|answer| self.is_right(&operation.call, answer, *place));
        Ok(self.turns(&operation.call, floor).find(is_right))
    }

    /// The revisions from `floor` on at which the answer to a call may become another one, in their order.
    fn turns(&self, call: &Call, floor: i64) -> impl Iterator<Item = i64> {
        let (names, mut turns): (Vec<&String>, _) = match call {
            Call::Write { mutations, .. } => (mutations.iter().map(|(name, _)| name).collect(), vec![floor]),
            Call::Get { name, at: None } => (vec![name], vec![floor]),
            Call::Get { at: Some(at), .. } => (Vec::new(), vec![floor, floor.max(*at)]),
            Call::GetAll { names } => (names.iter().collect(), (floor..=self.head).collect()),
        };
        let versions = names.iter().filter_map(|name| self.versions.get(*name)).flatten();
        turns.extend(versions.map(|(revision, _)| *revision).filter(|revision| *revision > floor));
        turns.sort_unstable();
        turns.dedup();
        turns.into_iter()
    }

    /// Whether the answer is right when nothing after a revision has happened.
    fn is_right(&self, call: &Call, answer: &Answer, place: i64) -> bool {
        match (call, answer) {
            (Call::Write { id, mutations }, Answer::Refused(reason)) => mutations
                .iter()
                .any(|(name, write)| write.apply(self.at(name, place), id, place + 1).err() == Some(*reason)),
            (Call::Get { name, at: None }, Answer::Got(version)) => self.at(name, place) == version,
            (Call::Get { name, at: Some(at) }, Answer::Got(version)) => {
                *at <= place && self.at(name, *at) == version
            }
            (Call::Get { at: Some(at), .. }, Answer::Refused(Reason::RevisionAhead)) => place < *at,
            (Call::GetAll { names }, Answer::GotAll { revision, versions }) => {
                place == *revision && names.iter().map(|name| self.at(name, place)).eq(versions)
            }
            (Call::GetAll { names }, Answer::Refused(Reason::RecordNotFound)) => {
                names.iter().any(|name| *self.at(name, place) == Version::Absent)
            }
            (Call::Write { .. } | Call::Get { .. } | Call::GetAll { .. }, _) => false,
        }
    }
}

fn unasked(commit: &Commit) -> Broken {
    Broken::Unasked { revision: commit.revision, reason: commit.reason.clone() }
}

fn change_type(write: Write) -> ChangeType {
    match write {
        Write::Create => ChangeType::Created,
        Write::Update { .. } => ChangeType::Updated,
        Write::Delete { .. } => ChangeType::Deleted,
        Write::Undelete => ChangeType::Undeleted,
    }
}

#[cfg(test)]
mod tests {
    use reform_api::data::v1::{Change, Record};

    use super::*;

    const NAME: &str = "records/a";

    fn live(revision: i64, value: &str) -> Version {
        Version::Live { revision, value: value.to_owned() }
    }

    fn write(id: &str, write: Write, invoked: u64, returned: Option<(u64, i64)>) -> Operation {
        let answer = |revision| Answer::Written { revision, versions: vec![live(revision, id)] };
        Operation {
            call: Call::Write { id: id.to_owned(), mutations: vec![(NAME.to_owned(), write)] },
            invoked,
            returned: returned.map(|(time, revision)| (time, answer(revision))),
        }
    }

    fn read(version: Version, invoked: u64, returned: u64) -> Operation {
        let call = Call::Get { name: NAME.to_owned(), at: None };
        Operation { call, invoked, returned: Some((returned, Answer::Got(version))) }
    }

    /// A feed of writes to the one name; the first is a creation.
    fn feed(ids: &[&str]) -> Vec<Commit> {
        let commits = ids.iter().zip(1..).map(|(id, revision)| {
            let r#type = if revision == 1 { ChangeType::Created } else { ChangeType::Updated };
            let title = (*id).to_owned();
            let record = Record { name: NAME.to_owned(), title, revision, ..Record::default() };
            let change = Change {
                r#type: r#type.into(),
                name: NAME.to_owned(),
                record: Some(record),
                ..Change::default()
            };
            Commit { revision, reason: (*id).to_owned(), changes: vec![change] }
        });
        commits.collect()
    }

    /// One write after the other: the second is begun when the first is answered.
    fn two_writes() -> Vec<Operation> {
        let update = Write::Update { etag: None };
        vec![write("one", Write::Create, 0, Some((1, 1))), write("two", update, 2, Some((3, 2)))]
    }

    #[test]
    fn reads_between_and_beside_writes_pass() {
        let mut operations = two_writes();
        operations.push(read(Version::Absent, 0, 9));
        operations.push(read(live(1, "one"), 2, 4));
        operations.push(read(live(2, "two"), 2, 3));
        operations.push(read(live(2, "two"), 5, 6));
        let checked = check(&operations, &feed(&["one", "two"])).unwrap();
        assert_eq!(checked, Checked { placed: 6, ..Checked::default() });
    }

    #[test]
    fn an_unknown_outcome_is_there_or_is_not() {
        let unknown = || write("three", Write::Update { etag: None }, 4, None);
        let operations = [two_writes(), vec![unknown(), read(live(3, "three"), 9, 10)]].concat();
        let checked = check(&operations, &feed(&["one", "two", "three"])).unwrap();
        assert_eq!(checked, Checked { placed: 4, unknown_stored: 1, without_effect: 0 });
        let operations = [two_writes(), vec![unknown(), read(live(2, "two"), 9, 10)]].concat();
        let checked = check(&operations, &feed(&["one", "two"])).unwrap();
        assert_eq!(checked, Checked { placed: 3, unknown_stored: 0, without_effect: 1 });
    }

    #[test]
    fn a_stale_read_is_found() {
        let mut operations = two_writes();
        operations.push(read(live(1, "one"), 4, 5));
        let broken = check(&operations, &feed(&["one", "two"])).unwrap_err();
        assert!(matches!(broken, Broken::Unplaced { floor: 2, .. }), "{broken}");
    }

    #[test]
    fn two_reads_that_go_back_are_found() {
        let mut operations = two_writes();
        operations[1].returned = None;
        operations.push(read(live(2, "two"), 3, 4));
        operations.push(read(live(1, "one"), 5, 6));
        let broken = check(&operations, &feed(&["one", "two"])).unwrap_err();
        assert!(matches!(broken, Broken::Unplaced { floor: 2, .. }), "{broken}");
    }

    #[test]
    fn a_read_before_its_write_is_found() {
        let mut operations = two_writes();
        operations[1].invoked = 8;
        operations[1].returned = None;
        operations.push(read(live(2, "two"), 4, 5));
        let broken = check(&operations, &feed(&["one", "two"])).unwrap_err();
        assert!(matches!(broken, Broken::Unplaced { floor: 2, .. }), "{broken}");
    }

    #[test]
    fn writes_against_the_order_of_time_are_found() {
        let mut operations = two_writes();
        operations[0].returned.as_mut().unwrap().0 = 9;
        let third = write("three", Write::Update { etag: None }, 4, Some((5, 3)));
        operations.push(third);
        let commits = feed(&["one", "three", "two"]);
        operations[1].returned = Some((3, Answer::Written { revision: 3, versions: vec![live(3, "two")] }));
        operations[2].returned = Some((5, Answer::Written { revision: 2, versions: vec![live(2, "three")] }));
        let broken = check(&operations, &commits).unwrap_err();
        assert!(matches!(broken, Broken::Unplaced { floor: 3, .. }), "{broken}");
    }

    #[test]
    fn an_ignored_etag_is_found() {
        let mut operations = two_writes();
        operations[1] = write("two", Write::Update { etag: Some(7) }, 2, Some((3, 2)));
        let broken = check(&operations, &feed(&["one", "two"])).unwrap_err();
        assert!(matches!(broken, Broken::Impossible { reason: Reason::EtagMismatch, .. }), "{broken}");
    }

    #[test]
    fn a_vanished_write_is_found() {
        let broken = check(&two_writes(), &feed(&["one"])).unwrap_err();
        assert!(matches!(broken, Broken::Vanished { .. }), "{broken}");
    }

    #[test]
    fn a_second_effect_is_found() {
        let broken = check(&two_writes(), &feed(&["one", "two", "two"])).unwrap_err();
        assert!(matches!(broken, Broken::Unasked { revision: 3, .. }), "{broken}");
    }

    #[test]
    fn half_a_commit_is_found() {
        let mut operations = two_writes();
        let Call::Write { mutations, .. } = &mut operations[0].call else { unreachable!() };
        mutations.push(("records/b".to_owned(), Write::Create));
        let broken = check(&operations, &feed(&["one", "two"])).unwrap_err();
        assert!(matches!(broken, Broken::Torn { revision: 1, .. }), "{broken}");
    }

    #[test]
    fn a_wrong_refusal_is_found() {
        let mut operations = two_writes();
        let refused = |reason| Operation {
            returned: Some((5, Answer::Refused(reason))),
            ..write("three", Write::Create, 4, None)
        };
        operations.push(refused(Reason::RecordExists));
        check(&operations, &feed(&["one", "two"])).unwrap();
        operations[2] = refused(Reason::RecordNotFound);
        let broken = check(&operations, &feed(&["one", "two"])).unwrap_err();
        assert!(matches!(broken, Broken::Unplaced { floor: 2, .. }), "{broken}");
    }
}
