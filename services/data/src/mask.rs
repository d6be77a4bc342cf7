//! Which fields an update sets, and how.

use prost::Message;
use prost_reflect::{DynamicMessage, FieldDescriptor, MessageDescriptor, ReflectMessage};
use reform_api::data::v1;
use reform_api::descriptors;

/// The fields that an update sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mask {
    /// No mask was given: every populated field of the record and of its body. A date, a quantity or any other value
    /// inside the body is replaced whole, because half of one value and half of another is neither.
    Populated,
    /// `*`: the record is replaced.
    Whole,
    /// These paths; one that is absent in the patch is cleared.
    Paths(Vec<String>),
}

/// A path of a mask leads to no field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no field of a record")]
pub struct UnknownPath(pub String);

impl Mask {
    /// The mask of a request, checked against the descriptor of a record.
    pub fn new(paths: Option<Vec<String>>) -> Result<Self, UnknownPath> {
        let Some(paths) = paths.filter(|paths| !paths.is_empty()) else { return Ok(Mask::Populated) };
        if paths.iter().any(|path| path == "*") {
            return Ok(Mask::Whole);
        }
        for path in &paths {
            fields(&descriptors::record(), path).ok_or_else(|| UnknownPath(path.clone()))?;
        }
        Ok(Mask::Paths(paths))
    }

    /// The record with the patch's values in the fields of the mask.
    pub fn apply(&self, current: &v1::Record, patch: &v1::Record) -> v1::Record {
        match self {
            Mask::Whole => patch.clone(),
            Mask::Populated => merge(current, patch, |record, patch| {
                for (field, value) in patch.fields() {
                    match (field.containing_oneof(), value.as_message()) {
                        (Some(_), Some(body)) if record.has_field(&field) => {
                            let mut merged = record.get_field(&field).into_owned();
                            if let Some(merged) = merged.as_message_mut() {
                                body.fields()
                                    .for_each(|(field, value)| merged.set_field(&field, value.clone()));
                            }
                            record.set_field(&field, merged);
                        }
                        _ => record.set_field(&field, value.clone()),
                    }
                }
            }),
            Mask::Paths(paths) => merge(current, patch, |record, patch| {
                for path in paths {
                    if let Some(fields) = fields(&record.descriptor(), path) {
                        set(record, Some(patch), &fields);
                    }
                }
            }),
        }
    }
}

/// The fields along a path; none where it leads nowhere, through a list, or through a map.
fn fields(descriptor: &MessageDescriptor, path: &str) -> Option<Vec<FieldDescriptor>> {
    let mut message = Some(descriptor.clone());
    path.split('.')
        .map(|name| {
            let field = message.as_ref()?.get_field_by_name(name)?;
            message = field.kind().as_message().filter(|_| !field.is_list() && !field.is_map()).cloned();
            Some(field)
        })
        .collect()
}

fn set(target: &mut DynamicMessage, patch: Option<&DynamicMessage>, path: &[FieldDescriptor]) {
    let Some((field, rest)) = path.split_first() else { return };
    let value = patch.filter(|patch| patch.has_field(field)).map(|patch| patch.get_field(field).into_owned());
    if rest.is_empty() {
        match value {
            Some(value) => target.set_field(field, value),
            None => target.clear_field(field),
        }
        return;
    }
    let patch = value.as_ref().and_then(|value| value.as_message());
    if patch.is_none() && !target.has_field(field) {
        return;
    }
    if let Some(inner) = target.get_field_mut(field).as_message_mut() {
        set(inner, patch, rest);
    }
}

fn merge(
    current: &v1::Record,
    patch: &v1::Record,
    change: impl FnOnce(&mut DynamicMessage, &DynamicMessage),
) -> v1::Record {
    let dynamic = |record: &v1::Record| {
        DynamicMessage::decode(descriptors::record(), record.encode_to_vec().as_slice())
            .expect("the descriptor and the generated code come from one proto")
    };
    let mut record = dynamic(current);
    change(&mut record, &dynamic(patch));
    v1::Record::decode(record.encode_to_vec().as_slice())
        .expect("the descriptor and the generated code come from one proto")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(json: &str) -> v1::Record {
        reform_api::json::parse("reform.data.v1.Record", json).unwrap()
    }

    fn check(mask: Option<&[&str]>, patch: &str, expected: &str) {
        let current = record(
            r#"{"title":"old","labels":{"a":"1"},"party":{"foundedOn":{"year":2000,"month":5},"neverRegistered":true}}"#,
        );
        let paths = mask.map(|paths| paths.iter().map(|path| (*path).to_owned()).collect());
        let updated = Mask::new(paths).unwrap().apply(&current, &record(patch));
        assert_eq!(updated, record(expected), "{mask:?} {patch}");
    }

    #[test]
    fn sets_what_the_mask_names() {
        check(
            None,
            r#"{"title":"new","party":{"foundedOn":{"year":2001}}}"#,
            r#"{"title":"new","labels":{"a":"1"},"party":{"foundedOn":{"year":2001},"neverRegistered":true}}"#,
        );
        check(Some(&["*"]), r#"{"title":"new","party":{}}"#, r#"{"title":"new","party":{}}"#);
        check(
            Some(&["party.founded_on.month", "labels"]),
            r#"{"title":"new","party":{"foundedOn":{"year":2001}}}"#,
            r#"{"title":"old","party":{"foundedOn":{"year":2000},"neverRegistered":true}}"#,
        );
    }

    #[test]
    fn refuses_a_path_that_leads_nowhere() {
        for path in ["titel", "party.names.name", "labels.a", "party.", ""] {
            let mask = Mask::new(Some(vec!["title".into(), path.into()]));
            assert_eq!(mask, Err(UnknownPath(path.into())));
        }
    }
}
