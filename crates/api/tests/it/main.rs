//! Tests of the contract in Rust: conversion, field paths, vocabulary, clients.

mod client;
mod conversion;
mod examples;
mod field_paths;
mod never_panics;
mod refusals;
mod vocabulary;

use reform_api::convert::{self, Violations};
use reform_api::data::v1;
use reform_api::json;
use reform_model::Record;
use serde_json::Value;

/// A record from its JSON form.
fn wire(json: &Value) -> v1::Record {
    json::parse("reform.data.v1.Record", &json.to_string()).unwrap_or_else(|error| panic!("{error}: {json}"))
}

fn converted(json: &Value) -> Result<Record, Violations> {
    convert::record(&wire(json))
}

/// The field paths that are refused, in order.
fn refused(json: &Value) -> Vec<String> {
    let violations = converted(json).map_or_else(|violations| violations.0, |_| Vec::new());
    violations.into_iter().map(|violation| violation.field_path).collect()
}

/// `base` with the fields of `patch` laid over it, as deep as both are objects.
fn with(mut base: Value, patch: Value) -> Value {
    lay_over(&mut base, patch);
    base
}

fn lay_over(base: &mut Value, patch: Value) {
    match (base, patch) {
        (Value::Object(base), Value::Object(patch)) => {
            for (key, value) in patch {
                lay_over(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, patch) => *base = patch,
    }
}
