//! The one JSON form of a message: canonical ProtoJSON, through the descriptors.

use prost::Message;
use prost_reflect::{
    DeserializeOptions, DynamicMessage, FieldDescriptor, MessageDescriptor, SerializeOptions,
};
use serde_json::Value;

use crate::descriptors;

/// Why a text is not the JSON form of a message.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is not JSON, or not of that message.
    #[error("{0}")]
    Parse(#[from] serde_json::Error),
    /// The dynamic message does not encode as the generated one; the descriptors and the code differ.
    #[error("{0}")]
    Decode(#[from] prost::DecodeError),
}

/// Reads one message of `full_name` from JSON; unknown fields are refused, field names may be snake_case.
pub fn parse<M: Message + Default>(full_name: &str, text: &str) -> Result<M, Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let dynamic = DynamicMessage::deserialize_with_options(
        descriptors::message(full_name),
        &mut deserializer,
        &DeserializeOptions::new(),
    )?;
    deserializer.end()?;
    Ok(M::decode(dynamic.encode_to_vec().as_slice())?)
}

/// Writes one message of `full_name` as a JSON value: proto field order, entries of a map by key, camelCase names,
/// defaults left out. The same message gives the same text each time.
pub fn value<M: Message>(full_name: &str, message: &M) -> Result<Value, Error> {
    let dynamic =
        DynamicMessage::decode(descriptors::message(full_name), message.encode_to_vec().as_slice())?;
    let options = SerializeOptions::new();
    let mut value = dynamic.serialize_with_options(serde_json::value::Serializer, &options)?;
    sort(&descriptors::message(full_name), &mut value);
    Ok(value)
}

/// Writes one message of `full_name` as one line of JSON.
pub fn line<M: Message>(full_name: &str, message: &M) -> Result<String, Error> {
    Ok(serde_json::to_string(&value(full_name, message)?)?)
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
    use crate::data::v1::Record;

    use super::*;

    #[test]
    fn maps_go_by_key_and_fields_as_in_the_contract() {
        let text = r#"{"name":"records/a","title":"t","labels":{"a":"1","b":"2","c":"3","d":"4","e":"5"},"titles":{"kk":"x","ru":"y"}}"#;
        let record: Record = parse("reform.data.v1.Record", text).unwrap();
        for _ in 0..8 {
            assert_eq!(line("reform.data.v1.Record", &record).unwrap(), text);
        }
    }
}
