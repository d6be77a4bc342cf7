//! Records as rows: what a list shows, and every field of one record as path and value.

use prost::Message;
use prost_reflect::{DynamicMessage, FieldDescriptor, MapKey, ReflectMessage, Value};
use reform_api::convert;
use reform_api::data::v1::{Date, Period, Record};
use reform_api::descriptors;

use crate::civil;

/// The kind of a record; empty when it has none.
pub(crate) fn kind(record: &Record) -> &'static str {
    record.body.as_ref().map(|body| convert::kind(body).as_str()).unwrap_or_default()
}

/// The date that lists sort by, as far as it is known.
pub(crate) fn main_date(record: &Record) -> String {
    let date = convert::record(record).ok().and_then(|record| record.main_date());
    date.map(|date| date.to_string()).unwrap_or_default()
}

/// Every field that is set, as `path` and value; dates and periods are one value each.
pub(crate) fn fields(record: &Record) -> Result<Vec<(String, String)>, prost::DecodeError> {
    let bytes = record.encode_to_vec();
    let message = DynamicMessage::decode(descriptors::record(), bytes.as_slice())?;
    let mut fields = Vec::new();
    walk("", &message, &mut fields);
    Ok(fields)
}

fn walk(path: &str, message: &DynamicMessage, fields: &mut Vec<(String, String)>) {
    for (field, value) in message.fields() {
        let path = join(path, field.name());
        match value {
            Value::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    add(format!("{path}[{index}]"), &field, item, fields);
                }
            }
            Value::Map(entries) => {
                let mut entries: Vec<_> = entries.iter().map(|(key, value)| (key_text(key), value)).collect();
                entries.sort_by(|a, b| a.0.cmp(&b.0));
                for (key, value) in entries {
                    add(format!("{path}.{key}"), &field, value, fields);
                }
            }
            Value::Bool(_)
            | Value::I32(_)
            | Value::I64(_)
            | Value::U32(_)
            | Value::U64(_)
            | Value::F32(_)
            | Value::F64(_)
            | Value::String(_)
            | Value::Bytes(_)
            | Value::EnumNumber(_)
            | Value::Message(_) => add(path, &field, value, fields),
        }
    }
}

/// A value that is neither list nor map, as one text; empty for a message that has no such form.
pub(crate) fn value(field: &FieldDescriptor, value: &Value) -> String {
    match value.as_message() {
        Some(message) => known(message).unwrap_or_default(),
        None => scalar(field, value),
    }
}

fn add(path: String, field: &FieldDescriptor, value: &Value, fields: &mut Vec<(String, String)>) {
    if let Some(message) = value.as_message() {
        match known(message) {
            Some(text) => fields.push((path, text)),
            None => walk(&path, message, fields),
        }
        return;
    }
    fields.push((path, scalar(field, value)));
}

/// Messages that read as one value.
fn known(message: &DynamicMessage) -> Option<String> {
    match message.descriptor().full_name() {
        "reform.data.v1.Date" => message.transcode_to::<Date>().ok().map(|date| civil::date(&date)),
        "reform.data.v1.Period" => message.transcode_to::<Period>().ok().map(|period| civil::period(&period)),
        "google.protobuf.Timestamp" => serde_json::to_value(message).ok()?.as_str().map(ToOwned::to_owned),
        _ => None,
    }
}

fn scalar(field: &FieldDescriptor, value: &Value) -> String {
    let name_of = |number| Some(field.kind().as_enum()?.get_value(number)?.name().to_owned());
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(flag) => flag.to_string(),
        Value::I32(number) => number.to_string(),
        Value::I64(number) => number.to_string(),
        Value::U32(number) => number.to_string(),
        Value::U64(number) => number.to_string(),
        Value::F32(number) => number.to_string(),
        Value::F64(number) => number.to_string(),
        Value::EnumNumber(number) => name_of(*number).unwrap_or_else(|| number.to_string()),
        Value::Bytes(bytes) => format!("{} bytes", bytes.len()),
        Value::Message(_) | Value::List(_) | Value::Map(_) => String::new(),
    }
}

fn key_text(key: &MapKey) -> String {
    match key {
        MapKey::String(text) => text.clone(),
        MapKey::Bool(flag) => flag.to_string(),
        MapKey::I32(number) => number.to_string(),
        MapKey::I64(number) => number.to_string(),
        MapKey::U32(number) => number.to_string(),
        MapKey::U64(number) => number.to_string(),
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

#[cfg(test)]
mod tests {
    use reform_api::json;

    use super::*;

    #[test]
    fn every_field_has_its_path() {
        let text = r#"{"name": "records/a", "labels": {"b": "2", "a": "1"},
            "party": {"names": [{"name": "A", "used": {"start": {"year": 2001}}}],
                      "ended": {"kind": "KIND_MERGED", "date": {"year": 2006, "month": 7}}}}"#;
        let record: Record = json::parse("reform.data.v1.Record", text).unwrap();
        let fields = fields(&record).unwrap();
        let fields: Vec<_> = fields.iter().map(|(path, value)| format!("{path}={value}")).collect();
        assert_eq!(
            fields,
            [
                "name=records/a",
                "labels.a=1",
                "labels.b=2",
                "party.names[0].name=A",
                "party.names[0].used=from 2001",
                "party.ended.kind=KIND_MERGED",
                "party.ended.date=2006-07",
            ]
        );
        assert_eq!((kind(&record), main_date(&record).as_str()), ("party", ""));
    }
}
