//! The fields of a map: paths, and what fills each.

use std::ops::Range;

use toml::de::DeValue;

use super::super::cell::{Cell, Number, Other};
use super::super::mistakes::Mistakes;
use super::super::template::Origin;
use super::super::typed::check_format;
use super::keys::{Columns, Keys};

/// What a field may be told; any other key with a table is a field below it.
const WORDS: [&str; 11] = [
    "constant",
    "column",
    "values",
    "other",
    "lowercase",
    "slug",
    "prefix",
    "date",
    "number",
    "required",
    "default",
];

/// What to do about a field that nothing fills.
const UNFILLED: &str = "write { column = \"…\" } or { constant = \"…\" }";

/// A field and what fills it.
#[derive(Debug)]
pub(super) struct Flat {
    pub(super) path: String,
    pub(super) place: Range<usize>,
    pub(super) origin: Origin,
}

/// Every field below a table, whether its path is written with dots or as tables in tables.
pub(super) fn flatten(keys: &Keys<'_>, columns: &mut Columns, mistakes: &mut Mistakes) -> Vec<Flat> {
    let mut found = Vec::new();
    below("", keys, columns, mistakes, &mut found);
    found
}

fn below(path: &str, keys: &Keys<'_>, columns: &mut Columns, mistakes: &mut Mistakes, found: &mut Vec<Flat>) {
    // A table of the field `date` or `number` is no word of the language.
    let is_cell = |keys: &Keys<'_>| {
        ["constant", "column"]
            .iter()
            .any(|key| keys.value(key).is_some_and(|value| !value.get_ref().is_table()))
    };
    let cell = is_cell(keys);
    for (key, place, value) in keys.entries() {
        if cell && WORDS.contains(&key) {
            continue;
        }
        let path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        match value.get_ref().as_table() {
            Some(table) => below(&path, &Keys::new(table, place), columns, mistakes, found),
            None if cell => {
                mistakes.add(&place, format!("there is no {key:?} here; there is {}", WORDS.join(", ")));
            }
            None => mistakes.add(&place, format!("{path}: {UNFILLED}")),
        }
    }
    if cell && let Some(origin) = origin(keys, columns, mistakes) {
        found.push(Flat { path: path.to_owned(), place: keys.span.clone(), origin });
    }
    if !cell && !path.is_empty() && keys.entries().next().is_none() {
        mistakes.add(&keys.span, format!("{path}: {UNFILLED}"));
    }
}

fn origin(keys: &Keys<'_>, columns: &mut Columns, mistakes: &mut Mistakes) -> Option<Origin> {
    if keys.has("constant") {
        for word in
            WORDS.iter().skip(1).filter(|word| keys.value(word).is_some_and(|v| !v.get_ref().is_table()))
        {
            mistakes.add(&keys.span_of(word), format!("{word} says nothing about a constant"));
        }
        let text = plain(keys.value("constant")?.get_ref());
        if text.is_none() {
            mistakes.add(&keys.span_of("constant"), "constant must be a text, a number, true or false");
        }
        return text.map(Origin::Constant);
    }
    let column = columns.one(keys, "column", mistakes)?;
    let mut cell = Cell { column, ..Cell::default() };
    cell.values = keys.table("values", mistakes).map(|values| {
        let pairs = values.entries().filter_map(|(key, place, value)| {
            let meant = plain(value.get_ref());
            if meant.is_none() {
                mistakes.add(&place, "must be a text, a number, true or false");
            }
            Some((key.trim().to_owned(), meant?))
        });
        pairs.collect()
    });
    cell.other = other(keys, mistakes);
    cell.lowercase = keys.truth("lowercase", mistakes).unwrap_or_default();
    cell.slug = keys.truth("slug", mistakes).unwrap_or_default();
    cell.prefix = keys.text("prefix", mistakes).unwrap_or_default();
    cell.required = keys.truth("required", mistakes).unwrap_or_default();
    cell.default = keys.value("default").and_then(|value| plain(value.get_ref()));
    cell.dates = dates(keys, mistakes);
    cell.number = number(keys, mistakes);
    Some(Origin::Cell(Box::new(cell)))
}

fn other(keys: &Keys<'_>, mistakes: &mut Mistakes) -> Other {
    let Some(value) = keys.value("other") else { return Other::Refuse };
    if !keys.has("values") {
        mistakes.add(&keys.span_of("other"), "other says what to do with a text that is not in values");
    }
    match value.get_ref().as_str() {
        Some("refuse") => return Other::Refuse,
        Some("keep") => return Other::Keep,
        Some("leave") => return Other::Leave,
        Some(_) | None => {}
    }
    let table = value.get_ref().as_table().map(|table| Keys::new(table, value.span()));
    let constant = table.as_ref().and_then(|table| plain(table.value("constant")?.get_ref()));
    match constant {
        Some(constant) => Other::Constant(constant),
        None => {
            mistakes.add(&value.span(), "is \"refuse\", \"keep\", \"leave\" or { constant = \"…\" }");
            Other::Refuse
        }
    }
}

/// One form or several.
fn dates(keys: &Keys<'_>, mistakes: &mut Mistakes) -> Vec<String> {
    let Some(value) = keys.value("date") else { return Vec::new() };
    let formats = match value.get_ref().as_str() {
        Some(format) => vec![format.to_owned()],
        None => keys.texts("date", mistakes).unwrap_or_default(),
    };
    for format in &formats {
        if let Err(what) = check_format(format) {
            mistakes.add(&value.span(), what);
        }
    }
    formats
}

fn number(keys: &Keys<'_>, mistakes: &mut Mistakes) -> Number {
    let mut number = Number::default();
    let Some(table) = keys.table("number", mistakes) else { return number };
    table.check(&["point", "grouping"], mistakes);
    let mut letter = |key: &str| {
        let text = table.text(key, mistakes)?;
        let mut letters = text.chars();
        let one = letters.next().filter(|letter| letters.next().is_none() && !letter.is_ascii_digit());
        if one.is_none() {
            mistakes.add(&table.span_of(key), "must be one character");
        }
        one
    };
    number.point = letter("point").unwrap_or(number.point);
    number.grouping = letter("grouping");
    if number.grouping == Some(number.point) {
        mistakes.add(&table.span, "point and grouping must differ; say what the point is");
    }
    number
}

/// The text of a value that is neither list nor table.
fn plain(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.as_str().to_owned()),
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        DeValue::Boolean(truth) => Some(truth.to_string()),
        DeValue::Datetime(date) => Some(date.to_string()),
        DeValue::Array(_) | DeValue::Table(_) => None,
    }
}
