//! The records of the tests, in their JSON form.

use reform_api::convert;
use reform_api::data::v1;
use serde_json::{Value, json};

/// A record from its JSON form.
pub(crate) fn record(json: &Value) -> v1::Record {
    let text = json.to_string();
    reform_api::json::parse("reform.data.v1.Record", &text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// `base` with the fields of `patch` laid over it, as deep as both are objects.
pub(crate) fn with(mut base: Value, patch: &Value) -> Value {
    lay_over(&mut base, patch);
    base
}

fn lay_over(base: &mut Value, patch: &Value) {
    match (base, patch) {
        (Value::Object(base), Value::Object(patch)) => {
            for (key, value) in patch {
                lay_over(base.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (base, patch) => *base = patch.clone(),
    }
}

/// One record of each kind that others point at: `records/s` a source, `records/v` a variable in USD, `records/i` an
/// institution, `records/k` a package, `records/p` a party, `records/r` a referendum, `records/t` a target.
pub(crate) fn seed() -> Vec<v1::Record> {
    let records = [
        json!({"name": "records/s", "source": {"url": "https://example.org/s"}}),
        json!({"name": "records/v", "variable": {"unit": "USD"}}),
        json!({"name": "records/i", "institution": {}, "citations": [{"source": "records/s"}]}),
        json!({"name": "records/k", "package": {}, "citations": [{"source": "records/s"}]}),
        json!({"name": "records/p", "party": {}, "citations": [{"source": "records/s"}]}),
        json!({"name": "records/r", "referendum": {}, "citations": [{"source": "records/s"}]}),
        with(good("target"), &json!({"name": "records/t"})),
    ];
    records.iter().map(record).collect()
}

/// The smallest good record of a kind over the seed, named `records/own`.
pub(crate) fn good(kind: &str) -> Value {
    let body = match kind {
        "election" => json!({"institution": "records/i"}),
        "observation" => json!({
            "variable": "records/v", "basis": "BASIS_STOCK_AT", "quantity": exact("5"),
            "period": {"start": {"year": 2023}},
        }),
        "target" => json!({"variable": "records/v", "quantity": exact("5")}),
        _ => json!({}),
    };
    json!({"name": "records/own", "citations": [{"source": "records/s"}], kind: body})
}

pub(crate) fn exact(decimal: &str) -> Value {
    json!({"decimal": decimal, "comparator": "COMPARATOR_EXACT"})
}

/// An appeal without references.
pub(crate) fn appeal(id: &str) -> v1::Record {
    record(&json!({"name": format!("records/{id}"), "jurisdiction": "KZ", "appeal": {}}))
}

/// An appeal that was filed on a day.
pub(crate) fn appeal_on(id: &str, year: i32, month: i32, day: i32) -> v1::Record {
    let filed = json!({"year": year, "month": month, "day": day});
    record(&json!({"name": format!("records/{id}"), "appeal": {"filedOn": filed}}))
}

/// An appeal whose description has that many bytes.
pub(crate) fn large(id: &str, bytes: usize) -> v1::Record {
    v1::Record { description: "x".repeat(bytes), ..appeal(id) }
}

/// A party with predecessors, over the seed's source.
pub(crate) fn party(id: &str, predecessors: &[&str]) -> v1::Record {
    let predecessors: Vec<String> = predecessors.iter().map(|id| format!("records/{id}")).collect();
    record(&json!({
        "name": format!("records/{id}"), "citations": [{"source": "records/s"}],
        "party": {"predecessors": predecessors},
    }))
}

/// A record without what the server derives.
pub(crate) fn plain(record: v1::Record) -> v1::Record {
    convert::without_output_only(record)
}

/// The names of records, in order.
pub(crate) fn names(records: &[v1::Record]) -> Vec<&str> {
    records.iter().map(|record| record.name.as_str()).collect()
}
