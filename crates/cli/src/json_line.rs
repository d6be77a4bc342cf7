//! The JSON form of a message as one line, the same text each time: the entries of a map go by key.

use prost::Message;
use prost_reflect::{FieldDescriptor, MessageDescriptor};
use reform_api::{descriptors, json};
use serde_json::Value;

/// One message of `full_name` as a line.
pub(crate) fn json_line<M: Message>(full_name: &str, message: &M) -> Result<String, json::Error> {
    Ok(json_value(full_name, message)?.to_string())
}

/// One message of `full_name` as a value.
pub(crate) fn json_value<M: Message>(full_name: &str, message: &M) -> Result<Value, json::Error> {
    let mut value = json::value(full_name, message)?;
    sort(&descriptors::message(full_name), &mut value);
    Ok(value)
}

/// Fields keep the order of the contract; a map comes in no order of its own.
fn sort(message: &MessageDescriptor, value: &mut Value) {
    // Well-known messages such as timestamps are no objects here.
    let Value::Object(fields) = value else { return };
    for (name, value) in fields {
        if let Some(field) = message.get_field_by_json_name(name) {
            sort_field(&field, value);
        }
    }
}

fn sort_field(field: &FieldDescriptor, value: &mut Value) {
    let kind = field.kind();
    let inner = kind.as_message();
    match value {
        Value::Object(entries) if field.is_map() => {
            entries.sort_keys();
            let inner = inner.map(MessageDescriptor::map_entry_value_field).map(|field| field.kind());
            if let Some(inner) = inner.as_ref().and_then(|kind| kind.as_message()) {
                entries.values_mut().for_each(|value| sort(inner, value));
            }
        }
        Value::Array(items) => {
            if let Some(inner) = inner {
                items.iter_mut().for_each(|item| sort(inner, item));
            }
        }
        Value::Object(_) => {
            if let Some(inner) = inner {
                sort(inner, value);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use reform_api::data::v1::Record;

    use super::*;

    #[test]
    fn maps_go_by_key_and_fields_as_in_the_contract() {
        let text = r#"{"name":"records/a","title":"t","labels":{"a":"1","b":"2","c":"3","d":"4","e":"5"},"titles":{"kk":"x","ru":"y"}}"#;
        let record: Record = json::parse("reform.data.v1.Record", text).unwrap();
        for _ in 0..8 {
            assert_eq!(json_line("reform.data.v1.Record", &record).unwrap(), text);
        }
    }
}
