//! Wire changes become changes of the view. What cannot be read is set aside, and the rest goes on.

use std::panic::catch_unwind;
use std::sync::Arc;

use bytes::Bytes;
use prost::Message;
use reform_api::convert::{self, PlainAppeal};
use reform_api::data::v1::{self, ChangeType};
use reform_api::encoded;
use reform_indicators::view::Filing;
use reform_indicators::{Change, View};
use reform_model::Name;

/// What a change does to the view.
#[derive(Debug, Clone)]
pub(crate) enum Folded {
    /// This; with the record as it came, where the image of a view does not hold all of it.
    Change(Change, Option<Bytes>),
    /// An appeal of that revision is put.
    Filed(PlainAppeal, i64),
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
            Self::Filed(appeal, _) => {
                let damaged = |name| Self::Change(Change::Damaged(name), None);
                Name::parse(appeal.name()).map_or(Self::Unnamed, damaged)
            }
            Self::Unnamed => Self::Unnamed,
        }
    }
}

/// What a view takes in of a plain appeal.
pub(crate) fn filing(appeal: &PlainAppeal) -> Filing<'_> {
    Filing {
        name: appeal.name(),
        jurisdiction: appeal.jurisdiction(),
        institution: appeal.institution(),
        channel: appeal.channel(),
        subject: appeal.subject(),
        outcome: appeal.outcome(),
        region: appeal.region(),
        appeal_type: appeal.appeal_type(),
        applicant_kind: appeal.applicant_kind(),
        filed_on: appeal.filed_on(),
        answered_on: appeal.answered_on(),
        closed_on: appeal.closed_on(),
        deadline_on: appeal.deadline_on(),
    }
}

/// A type of change that this program does not know. To go on would be to hold a state that nobody ever had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown change type {0}")]
pub(crate) struct UnknownType(pub(crate) i32);

/// A change of the feed, made by the commit of that revision.
pub(crate) fn change(wire: &encoded::Change, revision: i64) -> Result<Folded, UnknownType> {
    let encoded::Change { r#type, name, record, kind: _, previous_revision: _ } = wire;
    let change_type = ChangeType::try_from(*r#type).map_err(|_| UnknownType(*r#type))?;
    let remove =
        || Name::parse(name).map_or_else(|_| unnamed(), |name| Folded::Change(Change::Remove(name), None));
    match change_type {
        ChangeType::Unspecified => Err(UnknownType(*r#type)),
        ChangeType::Created | ChangeType::Updated | ChangeType::Undeleted => Ok(match record {
            Some(record) => put(name, record, revision),
            // Purged since: what it was is gone, and a later change says so.
            None => remove(),
        }),
        ChangeType::Deleted | ChangeType::Purged => Ok(remove()),
        ChangeType::Damaged => Ok(damaged(name)),
    }
}

/// A record of an export, written by the commit of that revision; 0: the data service did not say which.
pub(crate) fn exported(encoded: &Bytes, revision: i64) -> Folded {
    put("", encoded, revision)
}

/// A record that an export names and cannot send.
pub(crate) fn damaged(name: &str) -> Folded {
    Name::parse(name).map_or_else(|_| unnamed(), |name| Folded::Change(Change::Damaged(name), None))
}

/// A record of that name, if it is known already.
fn put(name: &str, encoded: &Bytes, revision: i64) -> Folded {
    if let Some(appeal) = PlainAppeal::read(encoded) {
        return Folded::Filed(appeal, revision);
    }
    // A record that makes the conversion panic is a defect, and no reason to stop at the same place for ever.
    let converted = catch_unwind(|| {
        let Ok(wire) = v1::Record::decode(encoded.clone()) else { return Err((name.to_owned(), None)) };
        convert::record(&wire).map_err(|violations| (wire.name, violations.0.into_iter().next()))
    });
    let (name, violation) = match converted.unwrap_or_else(|_panic| Err((name_in(encoded), None))) {
        Ok(record) => {
            // A copy of its own: one record is not to hold the memory of a whole message.
            let original = View::is_whole(&record).then(|| Bytes::copy_from_slice(encoded));
            return Folded::Change(Change::Put(Arc::new(record), revision), original);
        }
        Err(unreadable) => unreadable,
    };
    let Ok(name) = Name::parse(&name) else { return unnamed() };
    let field = violation.as_ref().map(|violation| violation.field_path.as_str());
    tracing::error!(record = name.as_str(), field, revision, "record set aside, it cannot be read");
    Folded::Change(Change::Damaged(name), None)
}

/// The name of a record that cannot be converted.
fn name_in(encoded: &Bytes) -> String {
    v1::Record::decode(encoded.clone()).map(|record| record.name).unwrap_or_default()
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
        // Every other one is plain.
        let day = (month % 2 == 0).then_some(7);
        let filed_on = v1::Date { year: Some(2023), month: Some(month), day, ..v1::Date::default() };
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

    fn wire(step: &Step) -> encoded::Change {
        let (change_type, id, record) = match step {
            Step::Put { id, month } => (ChangeType::Updated, id, Some(*month)),
            Step::Delete { id } => (ChangeType::Deleted, id, None),
            Step::Purge { id } => (ChangeType::Purged, id, None),
        };
        let name = format!("records/appeal-{id}");
        let record = record.map(|month| appeal(&name, month).encode_to_vec().into());
        encoded::Change { r#type: change_type.into(), name, record, ..encoded::Change::default() }
    }

    fn apply(view: &mut View, folded: Folded) {
        match folded {
            Folded::Change(change, _) => view.apply(change),
            Folded::Filed(appeal, revision) => view.file(filing(&appeal), revision),
            Folded::Unnamed => panic!("every name here can be read"),
        }
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
                apply(&mut exported_view, exported(record, *revision));
            }
            prop_assert_eq!(followed, exported_view);
        }
    }

    #[test]
    fn a_change_without_its_record_was_purged_since() {
        let wire = encoded::Change {
            r#type: ChangeType::Created.into(),
            name: "records/a".into(),
            ..encoded::Change::default()
        };
        assert!(matches!(change(&wire, 1), Ok(Folded::Change(Change::Remove(_), None))));
    }

    #[test]
    fn a_type_that_is_not_known_is_never_skipped() {
        for number in [0, 7, -1] {
            let wire =
                encoded::Change { r#type: number, name: "records/a".into(), ..encoded::Change::default() };
            assert_eq!(change(&wire, 1).unwrap_err(), UnknownType(number));
        }
    }
}
