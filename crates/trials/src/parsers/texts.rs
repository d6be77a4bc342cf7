//! Short texts of a request or a record.

use prost::Message;
use prost_reflect::DynamicMessage;
use reform_api::data::v1;
use reform_api::{convert, field_path, json};
use reform_data::filter::Filter;
use reform_data::mask::Mask;
use reform_data::store::list::Order;
use reform_indicators::filter::DimensionFilter;
use reform_model::Name;

use super::{Form, Parser};

pub(super) const FILTERS: &[&str] = &[
    "kind = appeal AND appeal.filed_on >= 2023-03 AND NOT appeal.closed_on:*",
    "(kind = \"party\" OR kind = election) title:\"union\" -description:word",
    "election.tiers.results.vote_share > 5.5 AND labels.facts = \"S2-*\"",
    "party.names.name = \"*Omega*\" OR create_time < \"2026-01-02T03:04:05.5Z\"",
    "labels:facts AND observation.quantity.comparator = MORE_THAN AND election.level != LEVEL_NATIONAL",
    "name = records/a-1 jurisdiction = KZ",
    "((((kind = party))))",
];
const FEED_FILTERS: &[&str] =
    &["kind = party AND jurisdiction = \"KZ\"", "NOT (name = \"records/a*\" OR kind = appeal)"];
const DIMENSIONS: &[&str] = &[
    "channel = online AND NOT institution = \"records/*\"",
    "(outcome != \"granted\" OR region = x) channel != \"*b\"",
];
const DATES: &[&str] = &["2023", "2023-03", "2023-03-19", "2019..2024", "..2024-06-30", "2023-01-01.."];
const DECIMALS: &[&str] =
    &["0", "-12.50", "54.21", "79228162514264337593543950335", "0.0000000000000000000000000001"];
const PATHS: &[&str] = &["title", "observation.period.start.year", "citations[0].source", "labels"];
const NAMES: &[&str] = &["records/kz-party-amanat", "records/a-1"];

/// Every parser of a short text.
pub(super) fn all() -> Vec<Parser<'static>> {
    let record = record();
    let bytes = record.encode_to_vec();
    let mut dynamic = DynamicMessage::new(reform_api::descriptors::record());
    dynamic.merge(bytes.as_slice()).unwrap();
    vec![
        Parser::text("filter", FILTERS.iter().copied(), move |text| {
            let filter = Filter::parse(text).inspect(|filter| {
                filter.evaluate(&bytes);
                filter.clauses().for_each(drop);
            });
            filter.is_ok()
        }),
        Parser::text("filter of the feed", FEED_FILTERS.iter().copied(), |text| {
            Filter::parse_for_feed(text).is_ok_and(|filter| {
                filter.matches("party", "KZ", "records/a");
                true
            })
        }),
        Parser::text("filter of dimensions", DIMENSIONS.iter().copied(), |text| {
            DimensionFilter::parse(text).is_ok()
        }),
        Parser::text("order_by", ["main_date desc", "name", " name  asc "], |text| {
            Order::parse(text).is_some()
        }),
        Parser::text("field mask", ["title\nparty.founded_on.month", "*", "labels"], move |text| {
            let mask = Mask::new(Some(text.split('\n').map(str::to_owned).collect()));
            mask.is_ok_and(|mask| {
                mask.apply(&record, &record);
                true
            })
        }),
        Parser::text("field path", PATHS.iter().copied(), move |text| {
            field_path::resolve(&dynamic, text).is_ok()
        }),
        Parser::text("resource name", NAMES.iter().copied(), |text| {
            Name::parse(text).is_ok() | Name::from_id(text).is_ok()
        }),
        Parser::text("decimal", DECIMALS.iter().copied(), |text| convert::decimal(text).is_ok()),
        Parser::text("date and period of a text", DATES.iter().copied(), |text| {
            let (date, period) = reform_cli::parsers::civil(text);
            date || period
        }),
        partial_dates(),
        quantities(),
        Parser::new("record", Form::Message, records(), is_record),
    ]
}

fn is_record(bytes: &[u8]) -> bool {
    let Ok(wire) = v1::Record::decode(bytes) else { return false };
    let Ok(record) = convert::record(&wire) else { return false };
    // What is accepted can be written for a reader, and is accepted again.
    let line = json::line("reform.data.v1.Record", &wire).expect("a message has a JSON form");
    let again = json::parse("reform.data.v1.Record", &line).expect("its own JSON form is one");
    assert_eq!(convert::record(&again).as_ref(), Ok(&record), "{line}");
    true
}

fn partial_dates() -> Parser<'static> {
    let date = |text: &str| json::parse::<v1::Date>("reform.data.v1.Date", text).unwrap();
    let examples = [r#"{"year": 2023, "month": 2, "day": 28, "latest": {"year": 2024}}"#, r#"{"year": 1}"#];
    let examples: Vec<_> = examples.iter().map(|text| date(text).encode_to_vec()).collect();
    Parser::new("partial date", Form::Message, examples, |bytes| {
        let Ok(wire) = v1::Date::decode(bytes) else { return false };
        let period = v1::Period { start: Some(wire.clone()), end: None };
        let (date, period) = (convert::date(&wire), convert::period(&period));
        date.is_ok_and(|date| date.first() <= date.last()) & period.is_ok()
    })
}

/// Quantities within the least record that has one.
fn quantities() -> Parser<'static> {
    let wrapped = |quantity: Vec<u8>| {
        let mut record = json::parse::<v1::Record>("reform.data.v1.Record", OBSERVATION).unwrap();
        if let Some(v1::record::Body::Observation(observation)) = &mut record.body {
            observation.quantity = v1::Quantity::decode(quantity.as_slice()).ok();
        }
        record
    };
    let quantity =
        |text: &str| json::parse::<v1::Quantity>("reform.data.v1.Quantity", text).unwrap().encode_to_vec();
    let examples = [
        r#"{"decimal": "5300", "comparator": "COMPARATOR_MORE_THAN", "unit": "USD"}"#,
        r#"{"decimal": "-1.50", "comparator": "COMPARATOR_BETWEEN", "upperDecimal": "2", "unit": "USD"}"#,
    ];
    Parser::new("quantity", Form::Message, examples.map(quantity).to_vec(), move |bytes| {
        convert::record(&wrapped(bytes.to_vec())).is_ok()
    })
}

const OBSERVATION: &str = r#"{
    "name": "records/o-1", "jurisdiction": "KZ", "title": "Figure", "citations": [{"source": "records/s"}],
    "observation": {"variable": "records/v", "basis": "BASIS_IN_PERIOD",
        "period": {"start": {"year": 2023}, "end": {"year": 2023}}, "quantity": {"decimal": "1", "unit": "USD"}}}"#;

/// One record of each sort, as the contract's examples have them.
fn record() -> v1::Record {
    json::parse("reform.data.v1.Record", OBSERVATION).unwrap()
}

/// Records of every kind, encoded.
pub(super) fn records() -> Vec<Vec<u8>> {
    let examples = include_str!("../../../api/tests/examples.jsonl").lines();
    let parse = |line| json::parse::<v1::Record>("reform.data.v1.Record", line).unwrap().encode_to_vec();
    examples.map(parse).collect()
}
