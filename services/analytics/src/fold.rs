//! Wire changes become changes of the view. What cannot be read is set aside, and the rest goes on.

use std::panic::catch_unwind;
use std::sync::Arc;

use bytes::Bytes;
use prost::Message;
use reform_api::convert;
use reform_api::data::v1::{self, ChangeType};
use reform_indicators::{Change, View};
use reform_model::Name;

/// What a change does to the view.
#[derive(Debug, Clone)]
pub(crate) enum Folded {
    /// This; with the record as it came, where the image of a view does not hold all of it.
    Change(Change, Option<Bytes>),
    /// Nothing, for not even the name can be read; it is counted.
    Unnamed,
}

impl Folded {
    /// The same record as one that cannot be read.
    pub(crate) fn set_aside(&self) -> Self {
        match self {
            Self::Change(Change::Put(record, _), _) => {
                Self::Change(Change::Damaged(record.name.clone()), None)
            }
            Self::Change(Change::Remove(name) | Change::Damaged(name), _) => {
                Self::Change(Change::Damaged(name.clone()), None)
            }
            Self::Unnamed => Self::Unnamed,
        }
    }
}

/// A type of change that this program does not know. To go on would be to hold a state that nobody ever had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown change type {0}")]
pub(crate) struct UnknownType(pub(crate) i32);

/// A change of the feed, made by the commit of that revision.
pub(crate) fn change(wire: &v1::Change, revision: i64) -> Result<Folded, UnknownType> {
    let v1::Change { r#type, name, record, kind: _, previous_revision: _ } = wire;
    let change_type = ChangeType::try_from(*r#type).map_err(|_| UnknownType(*r#type))?;
    let remove =
        || Name::parse(name).map_or_else(|_| unnamed(), |name| Folded::Change(Change::Remove(name), None));
    match change_type {
        ChangeType::Unspecified => Err(UnknownType(*r#type)),
        ChangeType::Created | ChangeType::Updated | ChangeType::Undeleted => Ok(match record {
            Some(record) => put(record, None, revision),
            // Purged since: what it was is gone, and a later change says so.
            None => remove(),
        }),
        ChangeType::Deleted | ChangeType::Purged => Ok(remove()),
        ChangeType::Damaged => Ok(damaged(name)),
    }
}

/// A record of an export, written by the commit of that revision; 0: the data service did not say which.
pub(crate) fn exported(encoded: &[u8], revision: i64) -> Folded {
    v1::Record::decode(encoded).map_or_else(|_| unnamed(), |record| put(&record, Some(encoded), revision))
}

/// A record that an export names and cannot send.
pub(crate) fn damaged(name: &str) -> Folded {
    Name::parse(name).map_or_else(|_| unnamed(), |name| Folded::Change(Change::Damaged(name), None))
}

fn put(wire: &v1::Record, encoded: Option<&[u8]>, revision: i64) -> Folded {
    // A record that makes the conversion panic is a defect, and no reason to stop at the same place for ever.
    let violations = match catch_unwind(|| convert::record(wire)) {
        Ok(Ok(record)) => {
            let copy = || encoded.map_or_else(|| wire.encode_to_vec().into(), Bytes::copy_from_slice);
            let original = View::is_whole(&record).then(copy);
            return Folded::Change(Change::Put(Arc::new(record), revision), original);
        }
        Ok(Err(violations)) => Some(violations),
        Err(_panic) => None,
    };
    let Ok(name) = Name::parse(&wire.name) else { return unnamed() };
    let first = violations.as_ref().and_then(|violations| violations.0.first());
    let field = first.map(|violation| violation.field_path.as_str());
    tracing::error!(record = name.as_str(), field, revision, "record set aside, it cannot be read");
    Folded::Change(Change::Damaged(name), None)
}

fn unnamed() -> Folded {
    tracing::error!("record set aside, not even its name can be read");
    Folded::Unnamed
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// What happens to one of a few names.
    #[derive(Debug, Clone)]
    enum Step {
        Put { id: u8, month: i32 },
        Delete { id: u8 },
        Purge { id: u8 },
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let id = 0..6_u8;
        proptest::collection::vec(
            prop_oneof![
                // The thirteenth month makes a record that cannot be read.
                4 => (id.clone(), 1..=13).prop_map(|(id, month)| Step::Put { id, month }),
                1 => id.clone().prop_map(|id| Step::Delete { id }),
                1 => id.prop_map(|id| Step::Purge { id }),
            ],
            0..60,
        )
    }

    fn appeal(name: &str, month: i32) -> v1::Record {
        let filed_on = v1::Date { year: Some(2023), month: Some(month), ..v1::Date::default() };
        let appeal = v1::Appeal {
            institution: "records/court".into(),
            filed_on: Some(filed_on),
            ..v1::Appeal::default()
        };
        v1::Record {
            name: name.to_owned(),
            title: "an appeal".to_owned(),
            body: Some(v1::record::Body::Appeal(appeal)),
            ..v1::Record::default()
        }
    }

    fn wire(step: &Step) -> v1::Change {
        let (change_type, id, record) = match step {
            Step::Put { id, month } => (ChangeType::Updated, id, Some(*month)),
            Step::Delete { id } => (ChangeType::Deleted, id, None),
            Step::Purge { id } => (ChangeType::Purged, id, None),
        };
        let name = format!("records/appeal-{id}");
        let record = record.map(|month| appeal(&name, month));
        v1::Change { r#type: change_type.into(), name, record, ..v1::Change::default() }
    }

    fn apply(view: &mut View, folded: Folded) {
        let Folded::Change(change, _) = folded else { panic!("every name here can be read") };
        view.apply(change);
    }

    proptest! {
        #[test]
        fn following_and_exporting_end_in_the_same_view(steps in steps()) {
            let mut followed = View::new("a");
            let mut live = BTreeMap::new();
            for (revision, step) in (1..).zip(&steps) {
                let wire = wire(step);
                apply(&mut followed, change(&wire, revision).unwrap());
                match wire.record {
                    Some(record) => live.insert(wire.name, (record, revision)),
                    None => live.remove(&wire.name),
                };
            }
            let mut exported_view = View::new("a");
            for (record, revision) in live.values() {
                apply(&mut exported_view, exported(&record.encode_to_vec(), *revision));
            }
            prop_assert_eq!(followed, exported_view);
        }
    }

    #[test]
    fn a_change_without_its_record_was_purged_since() {
        let wire = v1::Change {
            r#type: ChangeType::Created.into(),
            name: "records/a".into(),
            ..v1::Change::default()
        };
        assert!(matches!(change(&wire, 1), Ok(Folded::Change(Change::Remove(_), None))));
    }

    #[test]
    fn a_type_that_is_not_known_is_never_skipped() {
        for number in [0, 7, -1] {
            let wire = v1::Change { r#type: number, name: "records/a".into(), ..v1::Change::default() };
            assert_eq!(change(&wire, 1).unwrap_err(), UnknownType(number));
        }
    }
}
