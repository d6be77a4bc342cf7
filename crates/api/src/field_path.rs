//! Paths of fields inside a record, such as `election.tiers[0].results[3].votes` or `titles.kk`.
//!
//! A path is proto names in snake_case, joined by dots. An element of a list is `name[index]`, an entry of a map is
//! `name.key`. A list or a map without index or key is the whole of it.

use prost_reflect::{DynamicMessage, MessageDescriptor, ReflectMessage};

/// Paths go no deeper than this; the deepest field of a record has half as many segments.
const SEGMENTS_MAX: usize = 16;
/// The oneof of a record of which only the chosen field resolves.
const BODY: &str = "body";

/// Why a path does not resolve in a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text is no path.
    #[error("'{0}' is no name, nor a name with an index such as name[0]")]
    Syntax(String),
    /// A path of more than 16 segments.
    #[error("the path is too deep")]
    TooDeep,
    /// The message has no field of that name; names are those of the protos.
    #[error("{message} has no field '{field}'")]
    UnknownField {
        /// The message, without its package.
        message: String,
        /// The segment that names nothing.
        field: String,
    },
    /// A body field of another kind than the record's.
    #[error("the record is no {0}")]
    OtherKind(String),
    /// An index on what is no list.
    #[error("'{0}' is no list")]
    NotAList(String),
    /// A list with something below it, but without an index.
    #[error("'{0}' is a list and needs an index")]
    IndexMissing(String),
    /// The list is shorter.
    #[error("'{field}' has {length} elements")]
    OutOfRange {
        /// The list.
        field: String,
        /// How long it is.
        length: usize,
    },
    /// Something below a field that has no fields.
    #[error("'{0}' has no fields")]
    NotAMessage(String),
}

/// Checks that `path` names a field of `record`.
///
/// The field need not be set, nor the messages above it; an element of a list has to be there, and a field of the body
/// has to be of the record's own kind.
pub fn resolve(record: &DynamicMessage, path: &str) -> Result<(), Error> {
    let segment = path.split('.').next().unwrap_or_default();
    let name = segment.split('[').next().unwrap_or_default();
    if let Some(field) = record.descriptor().get_field_by_name(name)
        && field.containing_oneof().is_some_and(|oneof| oneof.name() == BODY)
        && !record.has_field(&field)
    {
        return Err(Error::OtherKind(name.to_owned()));
    }
    walk(&record.descriptor(), Some(record), path, SEGMENTS_MAX)
}

fn walk(
    descriptor: &MessageDescriptor,
    message: Option<&DynamicMessage>,
    path: &str,
    segments_left: usize,
) -> Result<(), Error> {
    let segments_left = segments_left.checked_sub(1).ok_or(Error::TooDeep)?;
    let (segment, below) =
        path.split_once('.').map_or((path, None), |(segment, below)| (segment, Some(below)));
    let (name, index) = parse(segment)?;
    let field = descriptor.get_field_by_name(name).ok_or_else(|| Error::UnknownField {
        message: descriptor.name().to_owned(),
        field: name.to_owned(),
    })?;
    if index.is_some() && !field.is_list() {
        return Err(Error::NotAList(name.to_owned()));
    }
    if field.is_map() {
        // The values of the contract's maps are text, so everything below is the key; a key may hold dots.
        return if below == Some("") { Err(Error::Syntax(path.to_owned())) } else { Ok(()) };
    }
    let value = message.filter(|message| message.has_field(&field)).map(|message| message.get_field(&field));
    let value = match index {
        None => value.as_deref(),
        Some(index) => {
            let list = value.as_deref().and_then(|value| value.as_list()).unwrap_or_default();
            let out_of_range = || Error::OutOfRange { field: name.to_owned(), length: list.len() };
            Some(list.get(index).ok_or_else(out_of_range)?)
        }
    };
    let Some(below) = below else { return Ok(()) };
    if field.is_list() && index.is_none() {
        return Err(Error::IndexMissing(name.to_owned()));
    }
    let kind = field.kind();
    let inner = kind.as_message().ok_or_else(|| Error::NotAMessage(name.to_owned()))?;
    walk(inner, value.and_then(|value| value.as_message()), below, segments_left)
}

/// Splits `name` or `name[index]`.
fn parse(segment: &str) -> Result<(&str, Option<usize>), Error> {
    let syntax = || Error::Syntax(segment.to_owned());
    let Some((name, index)) = segment.split_once('[') else {
        return if segment.is_empty() { Err(syntax()) } else { Ok((segment, None)) };
    };
    let digits = index.strip_suffix(']').ok_or_else(syntax)?;
    // One spelling for one element: `+1` and `01` are not it.
    let index: usize = digits.parse().map_err(|_| syntax())?;
    if name.is_empty() || index.to_string() != digits {
        return Err(syntax());
    }
    Ok((name, Some(index)))
}
