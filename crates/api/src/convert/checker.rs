//! The path to the field in hand, the violations so far, and the checks that every kind uses.
//!
//! A conversion returns `None` only after it refused something. It converts all fields before it gives up on one (`?`):
//! whoever gives up early loses violations.

use std::cell::OnceCell;
use std::fmt::Write;

use prost::Message;
use prost_reflect::DynamicMessage;
use reform_model::record::Name;

use super::{Violation, Violations};
use crate::data::v1;
use crate::{descriptors, field_path};

/// A step from a message to a field of it, or from a list to an element.
#[derive(Debug, Clone, Copy)]
enum Segment {
    Field(&'static str),
    Index(usize),
}

/// Collects what is wrong with one record.
#[derive(Debug)]
pub(super) struct Checker<'a> {
    record: &'a v1::Record,
    /// The record for field paths, made when the first path needs it.
    dynamic: OnceCell<Option<DynamicMessage>>,
    path: Vec<Segment>,
    violations: Vec<Violation>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(record: &'a v1::Record) -> Self {
        Self { record, dynamic: OnceCell::new(), path: Vec::new(), violations: Vec::new() }
    }

    /// What was converted, when nothing was refused.
    pub(super) fn finish<T>(self, converted: Option<T>) -> Result<T, Violations> {
        match converted {
            Some(converted) if self.violations.is_empty() => Ok(converted),
            Some(_) | None => Err(Violations(self.violations)),
        }
    }

    /// How much was refused so far.
    pub(super) fn refused(&self) -> usize {
        self.violations.len()
    }

    /// Refuses the field in hand.
    pub(super) fn refuse(&mut self, description: impl Into<String>) {
        let mut field_path = String::new();
        for segment in &self.path {
            let written = match segment {
                Segment::Field(name) if field_path.is_empty() => write!(field_path, "{name}"),
                Segment::Field(name) => write!(field_path, ".{name}"),
                Segment::Index(index) => write!(field_path, "[{index}]"),
            };
            written.expect("writing to a string does not fail");
        }
        self.violations.push(Violation { field_path, description: description.into() });
    }

    /// Refuses a field of the message in hand.
    pub(super) fn refuse_field(&mut self, field: &'static str, description: impl Into<String>) {
        self.within(field, |c| c.refuse(description));
    }

    /// Refuses a field unless it holds.
    pub(super) fn check(&mut self, field: &'static str, holds: bool, description: &str) {
        if !holds {
            self.refuse_field(field, description);
        }
    }

    /// Goes down to a field.
    pub(super) fn within<T>(&mut self, field: &'static str, convert: impl FnOnce(&mut Self) -> T) -> T {
        self.step(Segment::Field(field), convert)
    }

    fn step<T>(&mut self, segment: Segment, convert: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(segment);
        let converted = convert(self);
        self.path.pop();
        converted
    }

    /// A message that may be absent.
    pub(super) fn optional<W, T>(
        &mut self,
        field: &'static str,
        wire: Option<&W>,
        convert: impl FnOnce(&mut Self, &W) -> Option<T>,
    ) -> Option<T> {
        self.within(field, |c| convert(c, wire?))
    }

    /// A message that has to be there.
    pub(super) fn required<W, T>(
        &mut self,
        field: &'static str,
        wire: Option<&W>,
        convert: impl FnOnce(&mut Self, &W) -> Option<T>,
    ) -> Option<T> {
        if wire.is_none() {
            self.refuse_field(field, "required");
        }
        self.optional(field, wire, convert)
    }

    /// Every element of a list.
    pub(super) fn list<W, T>(
        &mut self,
        field: &'static str,
        wire: &[W],
        mut convert: impl FnMut(&mut Self, &W) -> Option<T>,
    ) -> Vec<T> {
        self.within(field, |c| {
            let elements = wire.iter().enumerate();
            elements
                .filter_map(|(index, element)| c.step(Segment::Index(index), |c| convert(c, element)))
                .collect()
        })
    }

    /// A member of a closed list, or nothing stated.
    pub(super) fn choice<E>(
        &mut self,
        field: &'static str,
        number: i32,
        member: fn(i32) -> Option<E>,
    ) -> Option<E> {
        if number == 0 { None } else { self.required_choice(field, number, member) }
    }

    /// A member of a closed list.
    pub(super) fn required_choice<E>(
        &mut self,
        field: &'static str,
        number: i32,
        member: fn(i32) -> Option<E>,
    ) -> Option<E> {
        self.within(field, |c| c.member(number, member))
    }

    /// The field in hand as a member of a closed list.
    pub(super) fn member<E>(&mut self, number: i32, member: fn(i32) -> Option<E>) -> Option<E> {
        let found = member(number);
        match (&found, number) {
            (Some(_), _) => {}
            (None, 0) => self.refuse("required"),
            (None, number) => self.refuse(format!("{number} is not in the list")),
        }
        found
    }

    /// A number that is never negative.
    pub(super) fn count<N: PartialOrd + Default>(
        &mut self,
        field: &'static str,
        count: Option<N>,
    ) -> Option<N> {
        let negative = count.as_ref().is_some_and(|count| *count < N::default());
        self.check(field, !negative, "must not be negative");
        count
    }

    /// Text that has to be there.
    pub(super) fn required_text(&mut self, field: &'static str, text: &str) -> String {
        self.check(field, !text.is_empty(), "required");
        text.to_owned()
    }

    /// The name of a record, or none.
    pub(super) fn reference(&mut self, field: &'static str, name: &str) -> Option<Name> {
        if name.is_empty() { None } else { self.required_reference(field, name) }
    }

    /// The name of a record.
    pub(super) fn required_reference(&mut self, field: &'static str, name: &str) -> Option<Name> {
        self.within(field, |c| c.name(name))
    }

    /// The name of a record other than this one, or none.
    pub(super) fn reference_to_another(&mut self, field: &'static str, name: &str) -> Option<Name> {
        if name.is_empty() { None } else { self.within(field, |c| c.other(name)) }
    }

    /// The field in hand as the name of a record.
    pub(super) fn name(&mut self, name: &str) -> Option<Name> {
        if name.is_empty() {
            self.refuse("required");
            return None;
        }
        Name::parse(name).map_err(|error| self.refuse(error.to_string())).ok()
    }

    /// The field in hand as the name of a record other than this one.
    pub(super) fn other(&mut self, name: &str) -> Option<Name> {
        let found = self.name(name)?;
        if found.as_str() == self.record.name {
            self.refuse("must not be the record itself");
        }
        Some(found)
    }

    /// The field in hand as the path of a field of this record.
    pub(super) fn field_path(&mut self, path: &str) -> Option<String> {
        if path.is_empty() {
            self.refuse("required");
            return None;
        }
        let resolved = match self.dynamic.get_or_init(|| dynamic(self.record)) {
            Some(record) => field_path::resolve(record, path).map_err(|error| error.to_string()),
            None => Err("the record nests too deep".to_owned()),
        };
        resolved.map_err(|description| self.refuse(description)).ok()?;
        Some(path.to_owned())
    }
}

/// The record as it will be stored: a path into a list that only the server fills would not resolve in an export.
/// None for messages that nest deeper than a decoder follows, which no decoder made.
fn dynamic(record: &v1::Record) -> Option<DynamicMessage> {
    let stored = super::without_output_only(record.clone());
    DynamicMessage::decode(descriptors::record(), stored.encode_to_vec().as_slice()).ok()
}
