//! Paths of the filter, resolved against the descriptor of the record.

use std::sync::LazyLock;

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind as Type};
use reform_api::descriptors;

use super::{DEPTH_MAX, Error};

/// The pseudo field that names the body's field.
pub(super) const KIND: &str = "kind";

/// Fields of a record that are not stored with it; `findings` are.
const SERVER_FIELDS: &[&str] =
    &["uid", "revision", "create_revision", "create_time", "update_time", "delete_time", "etag"];

/// Lists of a body that the server derives from other records.
const SUCCESSORS: &[&str] = &["institution.successors", "party.successors"];

/// The way from a record to the values of one field.
#[derive(Debug, Clone)]
pub(super) struct Path {
    /// As written.
    pub(super) text: String,
    /// From the record down; empty for `kind`.
    pub(super) steps: Vec<Step>,
    /// What stands at the end.
    pub(super) leaf: Leaf,
    /// Whether absent means false or 0 there: no list, no `optional`, no message.
    pub(super) implicit: bool,
}

impl Path {
    /// Whether the path leads into one of the bodies, so that it has no meaning for records of another kind.
    pub(super) fn is_below_body(&self) -> bool {
        self.steps.len() > 1 && self.steps[0].is_body()
    }

    /// Whether the server adds the field to what is stored.
    pub(super) fn is_added_by_server(&self) -> bool {
        SERVER_FIELDS.contains(&self.text.split('.').next().unwrap_or_default())
            || SUCCESSORS.contains(&self.text.as_str())
    }

    /// Whether the field itself is a list.
    pub(super) fn is_list(&self) -> bool {
        self.steps.last().is_some_and(|step| step.shape == Shape::Many)
    }
}

/// One field on the way.
#[derive(Debug, Clone)]
pub(super) struct Step {
    /// Its number.
    pub(super) number: u32,
    /// Whether its values are numbers on the wire, else bytes.
    pub(super) numeric: bool,
    /// The other members of its oneof, each of which clears it.
    pub(super) rivals: Vec<u32>,
    /// How often it occurs.
    pub(super) shape: Shape,
}

impl Step {
    fn new(field: &FieldDescriptor) -> Self {
        let rivals = field.containing_oneof().map(|oneof| {
            oneof.fields().map(|member| member.number()).filter(|&number| number != field.number()).collect()
        });
        Self {
            number: field.number(),
            numeric: matches!(field.kind(), Type::Int32 | Type::Int64 | Type::Bool | Type::Enum(_)),
            rivals: rivals.unwrap_or_default(),
            shape: if field.is_list() { Shape::Many } else { Shape::One },
        }
    }

    /// The first step of a path is a body when it excludes others: the record has no other oneof.
    fn is_body(&self) -> bool {
        !self.rivals.is_empty()
    }
}

/// How often a field occurs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    /// At most once; the parts of a message that is written in pieces are one message.
    One,
    /// A list, or a whole map.
    Many,
    /// The value of a map under this key.
    Entry(String),
}

/// What a path ends in.
#[derive(Debug, Clone)]
pub(super) enum Leaf {
    /// The pseudo field.
    Kind,
    /// string
    Text,
    /// int32, int64
    Number,
    /// bool
    Bool,
    /// An enum, with its names.
    Enum(EnumDescriptor),
    /// reform.data.v1.Date
    Date,
    /// google.protobuf.Timestamp
    Timestamp,
    /// reform.data.v1.Quantity
    Quantity,
    /// A map as a whole.
    Map,
    /// Any other type, which can only be set or not.
    Other,
}

impl Leaf {
    fn new(kind: &Type) -> Self {
        match kind {
            Type::String => Self::Text,
            Type::Bool => Self::Bool,
            Type::Int32 | Type::Int64 => Self::Number,
            Type::Enum(names) => Self::Enum(names.clone()),
            Type::Message(message) => match message.full_name() {
                "reform.data.v1.Date" => Self::Date,
                "reform.data.v1.Quantity" => Self::Quantity,
                "google.protobuf.Timestamp" => Self::Timestamp,
                _ => Self::Other,
            },
            // No field of the contract has these.
            Type::Double
            | Type::Float
            | Type::Uint32
            | Type::Uint64
            | Type::Sint32
            | Type::Sint64
            | Type::Fixed32
            | Type::Fixed64
            | Type::Sfixed32
            | Type::Sfixed64
            | Type::Bytes => Self::Other,
        }
    }
}

/// The kinds: number and name of every body field, in the order of the contract.
pub(super) static BODIES: LazyLock<Vec<(u32, String)>> = LazyLock::new(|| {
    let record = descriptors::record();
    let body = record.oneofs().find(|oneof| oneof.name() == "body").expect("a record has a body");
    body.fields().map(|field| (field.number(), field.name().to_owned())).collect()
});

/// Resolves a path over the record; `text` is the path as written.
pub(super) fn resolve(segments: &[&str], text: &str) -> Result<Path, Error> {
    if segments == [KIND] {
        let text = KIND.to_owned();
        return Ok(Path { text, steps: Vec::new(), leaf: Leaf::Kind, implicit: false });
    }
    let unknown = |message: String| Error::UnknownField { path: text.to_owned(), message };
    if segments.len() > DEPTH_MAX {
        return Err(unknown(format!("a path has at most {DEPTH_MAX} segments")));
    }
    let mut steps = Vec::with_capacity(segments.len());
    let mut last: Option<(Type, Leaf, bool)> = None;
    let mut rest = segments.iter();
    while let Some(name) = rest.next() {
        let message = match &last {
            None => descriptors::record(),
            Some((Type::Message(message), Leaf::Map, _)) => {
                return Err(unknown(format!("{} has no field {name}", message.name())));
            }
            Some((Type::Message(message), ..)) => message.clone(),
            Some(_) => return Err(unknown(format!("nothing lies below a value: {name}"))),
        };
        let field = message
            .get_field_by_name(name)
            .ok_or_else(|| unknown(format!("{} has no field {name}", message.name())))?;
        let mut step = Step::new(&field);
        let implicit = !field.is_list() && !field.is_map() && !field.supports_presence();
        let mut found = (field.kind(), Leaf::new(&field.kind()), implicit);
        if let (true, Type::Message(entry)) = (field.is_map(), field.kind()) {
            step.shape = Shape::Many;
            found.1 = Leaf::Map;
            if let Some(key) = rest.next() {
                step.shape = Shape::Entry((*key).to_owned());
                let value = entry.map_entry_value_field().kind();
                found = (value.clone(), Leaf::new(&value), false);
            }
        }
        steps.push(step);
        last = Some(found);
    }
    let (_, leaf, implicit) = last.ok_or_else(|| unknown("no field".to_owned()))?;
    Ok(Path { text: text.to_owned(), steps, leaf, implicit })
}
