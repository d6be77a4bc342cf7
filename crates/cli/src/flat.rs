//! Records as rows of one width, for CSV: the columns follow from the contract alone.

use prost::Message;
use prost_reflect::{DynamicMessage, FieldDescriptor, MessageDescriptor};
use reform_api::convert::OUTPUT_ONLY;
use reform_api::data::v1::Record;
use reform_api::{descriptors, json};
use serde_json::Value as Json;

use crate::failure::Failure;
use crate::shape;

/// Messages inside messages, in one row, at most.
const DEPTH_MAX: usize = 8;

/// Fields of every kind that stand before those of the kind.
const FIRST: [&str; 3] = ["name", "jurisdiction", "title"];

/// The columns of one table.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
}

#[derive(Debug)]
struct Column {
    path: String,
    steps: Vec<FieldDescriptor>,
}

impl Table {
    /// The columns of one kind, or of all kinds together.
    pub(crate) fn new(kind: Option<&str>) -> Result<Self, String> {
        let record = descriptors::record();
        let is_body =
            |field: &FieldDescriptor| field.containing_oneof().is_some_and(|oneof| oneof.name() == "body");
        let kinds: Vec<_> = record.fields().filter(is_body).collect();
        let chosen: Vec<_> =
            kinds.iter().filter(|field| kind.is_none_or(|kind| kind == field.name())).collect();
        if chosen.is_empty() {
            let known: Vec<_> = kinds.iter().map(|field| field.name().to_owned()).collect();
            return Err(format!(
                "there is no kind {:?}; there is {}",
                kind.unwrap_or_default(),
                known.join(", ")
            ));
        }
        let common: Vec<_> = record.fields().filter(|field| !is_body(field)).collect();
        let (first, last): (Vec<_>, Vec<_>) = common.iter().partition(|field| FIRST.contains(&field.name()));
        let mut table = Self { columns: Vec::new() };
        for field in first.into_iter().chain(chosen).chain(last) {
            table.add(&mut Vec::new(), field);
        }
        Ok(table)
    }

    /// The columns of a field: one of a value or a list, several of a message.
    fn add(&mut self, above: &mut Vec<FieldDescriptor>, field: &FieldDescriptor) {
        above.push(field.clone());
        let path = above.iter().map(FieldDescriptor::name).collect::<Vec<_>>().join(".");
        match inner(field) {
            _ if OUTPUT_ONLY.contains(&path.as_str()) => {}
            Some(message) if above.len() < DEPTH_MAX => {
                message.fields().for_each(|field| self.add(above, &field));
            }
            Some(_) | None => self.columns.push(Column { path, steps: above.clone() }),
        }
        above.pop();
    }

    /// The titles: `name` and `kind`, then paths of the contract.
    pub(crate) fn header(&self) -> Vec<&str> {
        let mut header: Vec<_> = self.columns.iter().map(|column| column.path.as_str()).collect();
        header.insert(1, "kind");
        header
    }

    /// The cells of a record; what is not set is empty.
    pub(crate) fn row(&self, record: &Record) -> Result<Vec<String>, Failure> {
        let message = DynamicMessage::decode(descriptors::record(), record.encode_to_vec().as_slice())
            .map_err(json::Error::from)?;
        // Made only when a list or a map is there.
        let mut whole = None;
        let mut row = Vec::with_capacity(self.columns.len() + 1);
        for Column { steps, .. } in &self.columns {
            row.push(cell(record, &message, steps, &mut whole)?);
        }
        row.insert(1, shape::kind(record).to_owned());
        Ok(row)
    }
}

/// The message whose fields are columns of their own; dates are one value, lists and maps are JSON.
fn inner(field: &FieldDescriptor) -> Option<MessageDescriptor> {
    if field.is_list() || field.is_map() {
        return None;
    }
    let message = field.kind().as_message().cloned()?;
    let own = message.full_name() != "reform.data.v1.Date" && message.package_name() == "reform.data.v1";
    own.then_some(message)
}

fn cell(
    record: &Record,
    message: &DynamicMessage,
    steps: &[FieldDescriptor],
    whole: &mut Option<Json>,
) -> Result<String, Failure> {
    let Some((field, above)) = steps.split_last() else { return Ok(String::new()) };
    let mut message = message.clone();
    for step in above {
        if !message.has_field(step) {
            return Ok(String::new());
        }
        let Some(next) = message.get_field(step).as_message().cloned() else { return Ok(String::new()) };
        message = next;
    }
    if !message.has_field(field) {
        return Ok(String::new());
    }
    if !field.is_list() && !field.is_map() {
        return Ok(shape::value(field, &message.get_field(field)));
    }
    let mut value = match whole {
        Some(value) => &*value,
        None => whole.insert(json::value("reform.data.v1.Record", record)?),
    };
    for step in steps {
        value = &value[step.json_name()];
    }
    Ok(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(kind: &str, text: &str) -> Vec<(String, String)> {
        let table = Table::new(Some(kind)).unwrap();
        let record: Record = json::parse("reform.data.v1.Record", text).unwrap();
        let row = table.row(&record).unwrap();
        assert_eq!(row.len(), table.header().len());
        let pairs = table.header().into_iter().map(ToOwned::to_owned).zip(row);
        pairs.filter(|(_, cell)| !cell.is_empty()).collect()
    }

    #[test]
    fn the_header_follows_from_the_contract() {
        let table = Table::new(Some("appeal")).unwrap();
        let header = table.header();
        assert_eq!(
            header[..6],
            ["name", "kind", "jurisdiction", "title", "appeal.institution", "appeal.filed_on"]
        );
        assert!(header.iter().all(|path| !path.starts_with("party") && *path != "etag"), "{header:?}");
        assert!(Table::new(None).unwrap().header().len() > 100);
        assert!(Table::new(Some("appeals")).is_err());
    }

    #[test]
    fn values_dates_and_quantities_have_columns_and_lists_are_json() {
        let text = r#"{"name": "records/a", "labels": {"b": "2", "a": "1"}, "observation": {"variable": "records/v",
            "period": {"start": {"year": 2023, "month": 3}, "end": {"year": 2023, "latest": {"year": 2024}}},
            "quantity": {"decimal": "5300", "comparator": "COMPARATOR_MORE_THAN", "asPublished": "over, \"5\""}}}"#;
        let expected = [
            ("name", "records/a"),
            ("kind", "observation"),
            ("observation.variable", "records/v"),
            ("observation.period.start", "2023-03"),
            ("observation.period.end", "2023..2024"),
            ("observation.quantity.decimal", "5300"),
            ("observation.quantity.comparator", "COMPARATOR_MORE_THAN"),
            ("observation.quantity.as_published", "over, \"5\""),
            ("labels", r#"{"a":"1","b":"2"}"#),
        ];
        let expected = expected.map(|(path, cell)| (path.to_owned(), cell.to_owned()));
        assert_eq!(row("observation", text), expected);
    }
}
