//! The one JSON form of a message: canonical ProtoJSON, through the descriptors.

use prost::Message;
use prost_reflect::{DeserializeOptions, DynamicMessage, SerializeOptions};

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

/// Writes one message of `full_name` as a JSON value: proto field order, camelCase names, defaults left out.
pub fn value<M: Message>(full_name: &str, message: &M) -> Result<serde_json::Value, Error> {
    let dynamic =
        DynamicMessage::decode(descriptors::message(full_name), message.encode_to_vec().as_slice())?;
    let options = SerializeOptions::new();
    Ok(dynamic.serialize_with_options(serde_json::value::Serializer, &options)?)
}

/// Writes one message of `full_name` as one line of JSON.
pub fn line<M: Message>(full_name: &str, message: &M) -> Result<String, Error> {
    Ok(serde_json::to_string(&value(full_name, message)?)?)
}
