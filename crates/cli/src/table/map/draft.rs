//! The sections of a map, one after the other.

use reform_api::convert::OUTPUT_ONLY;
use reform_api::descriptors;
use toml::de::DeTable;

use super::super::ids::{From, Rule};
use super::super::mistakes::{Mistakes, list};
use super::super::rows::Dialect;
use super::super::template::Template;
use super::Skip;
use super::cells::{self, Flat};
use super::keys::{Columns, Keys};

const TOP: [&str; 6] = ["kind", "csv", "id", "fields", "rows", "skip"];

/// What the sections of a map say.
pub(super) struct Built {
    pub(super) dialect: Dialect,
    pub(super) header: bool,
    pub(super) empty: Vec<String>,
    pub(super) id: Rule,
    pub(super) skip: Vec<Skip>,
    pub(super) template: Template,
    pub(super) shared: Option<Vec<usize>>,
}

/// A map while it is read.
pub(super) struct Draft {
    pub(super) mistakes: Mistakes,
    pub(super) columns: Columns,
}

impl Draft {
    /// The whole map, as far as it can be understood.
    pub(super) fn map(&mut self, table: &DeTable<'_>, kind: Option<&str>) -> Built {
        let top = Keys::new(table, 0..0);
        top.check(&TOP, &mut self.mistakes);
        let kind = self.kind(&top, kind);
        let (dialect, header, empty) = self.csv(&top);
        self.columns.header = header;
        let id = self.id(&top);
        let skip = self.skip(&top);
        let mut template = Template::new(descriptors::record());
        self.fields(&top, kind.as_deref(), &mut template);
        let shared = self.rows(&top, kind.as_deref(), &mut template);
        if shared.is_some() && id.number {
            let what = "rows with one id are one record here, so none is a duplicate";
            self.mistakes.add(&top.span_of("rows"), what);
        }
        if let Err(what) = template.complete().and_then(|()| template.check()) {
            self.mistakes.add(&top.span_of("fields"), what);
        }
        Built { dialect, header, empty, id, skip, template, shared }
    }

    fn kind(&mut self, top: &Keys<'_>, asked: Option<&str>) -> Option<String> {
        let stated = top.text("kind", &mut self.mistakes);
        let place = top.span_of("kind");
        let kind = match (stated, asked) {
            (Some(stated), Some(asked)) if stated != asked => {
                self.mistakes
                    .add(&place, format!("this is a map for {stated} records, and --kind says {asked}"));
                return None;
            }
            (Some(kind), _) => kind,
            (None, Some(asked)) => asked.to_owned(),
            (None, None) => {
                self.mistakes.add(&place, "says no kind: write kind = \"appeal\" or pass --kind appeal");
                return None;
            }
        };
        let record = descriptors::record();
        let body = record.oneofs().find(|oneof| oneof.name() == "body").expect("a record has a body");
        let kinds: Vec<_> = body.fields().map(|field| field.name().to_owned()).collect();
        if kinds.contains(&kind) {
            return Some(kind);
        }
        let known = list(kinds.iter().map(String::as_str));
        self.mistakes.add(&place, format!("there is no kind {kind:?}; there is {known}"));
        None
    }

    fn csv(&mut self, top: &Keys<'_>) -> (Dialect, bool, Vec<String>) {
        let mut dialect = Dialect { delimiter: b',', quote: Some(b'"') };
        let Some(csv) = top.table("csv", &mut self.mistakes) else { return (dialect, true, Vec::new()) };
        csv.check(&["delimiter", "quote", "header", "encoding", "empty"], &mut self.mistakes);
        let byte = |text: &str| match *text.as_bytes() {
            [byte] if byte.is_ascii() && byte != b'\n' && byte != b'\r' => Some(byte),
            _ => None,
        };
        if let Some(text) = csv.text("delimiter", &mut self.mistakes) {
            match byte(&text) {
                Some(byte) => dialect.delimiter = byte,
                None => self.mistakes.add(&csv.span_of("delimiter"), "must be one character of ASCII"),
            }
        }
        if let Some(text) = csv.text("quote", &mut self.mistakes) {
            dialect.quote = byte(&text);
            if dialect.quote == Some(dialect.delimiter) || (dialect.quote.is_none() && !text.is_empty()) {
                let what = "must be one character of ASCII other than the delimiter, or empty for none";
                self.mistakes.add(&csv.span_of("quote"), what);
            }
        }
        if let Some(encoding) = csv.text("encoding", &mut self.mistakes)
            && !["utf-8", "utf8"].contains(&encoding.to_ascii_lowercase().as_str())
        {
            self.mistakes.add(&csv.span_of("encoding"), "only UTF-8 is read; save the file as that");
        }
        let header = csv.truth("header", &mut self.mistakes).unwrap_or(true);
        (dialect, header, csv.texts("empty", &mut self.mistakes).unwrap_or_default())
    }

    fn id(&mut self, top: &Keys<'_>) -> Rule {
        let mut rule = Rule { from: From::HashRow, prefix: String::new(), number: false };
        let Some(id) = top.table("id", &mut self.mistakes) else {
            if !top.has("id") {
                self.mistakes.add(
                    &(0..0),
                    "says no [id]: write column = \"…\", or hash = [\"…\"] for a file without ids",
                );
            }
            return rule;
        };
        id.check(&["column", "columns", "hash", "prefix", "duplicates"], &mut self.mistakes);
        rule.prefix = id.text("prefix", &mut self.mistakes).unwrap_or_default();
        if !rule.prefix.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        {
            self.mistakes
                .add(&id.span_of("prefix"), "an id has small letters of ASCII, digits and hyphens only");
        }
        let given = ["column", "columns", "hash"].iter().filter(|key| id.has(key)).count();
        if given != 1 {
            self.mistakes.add(&top.span_of("id"), "needs column, columns or hash, one of them");
        } else if id.has("column") {
            rule.from =
                From::Columns(self.columns.one(&id, "column", &mut self.mistakes).into_iter().collect());
        } else if id.has("columns") {
            rule.from = From::Columns(self.columns.several(&id, "columns", &mut self.mistakes));
        } else if id.value("hash").and_then(|value| value.get_ref().as_str()) != Some("row") {
            rule.from = From::Hash(self.columns.several(&id, "hash", &mut self.mistakes));
        }
        match id.text("duplicates", &mut self.mistakes).as_deref() {
            None | Some("refuse") => {}
            Some("number") => rule.number = true,
            Some(_) => self.mistakes.add(&id.span_of("duplicates"), "is \"refuse\" or \"number\""),
        }
        rule
    }

    fn skip(&mut self, top: &Keys<'_>) -> Vec<Skip> {
        let mut skips = Vec::new();
        for rule in top.tables("skip", &mut self.mistakes) {
            rule.check(&["column", "is"], &mut self.mistakes);
            let column = self.columns.one(&rule, "column", &mut self.mistakes);
            match (column, rule.texts("is", &mut self.mistakes)) {
                (Some(column), Some(is)) => skips.push(Skip { column, is }),
                _ => self.mistakes.add(&rule.span, "a [[skip]] has column = \"…\" and is = [\"…\"]"),
            }
        }
        skips
    }

    fn fields(&mut self, top: &Keys<'_>, kind: Option<&str>, template: &mut Template) {
        let Some(fields) = top.table("fields", &mut self.mistakes) else {
            if !top.has("fields") {
                self.mistakes.add(&(0..0), "says no [fields]");
            }
            return;
        };
        for Flat { path, place, origin } in cells::flatten(&fields, &mut self.columns, &mut self.mistakes) {
            if let Err(what) = allowed(&path, kind).and_then(|()| template.put(&path, &path, &origin)) {
                self.mistakes.add(&place, format!("{path}: {what}"));
            }
        }
        if let Some(kind) = kind
            && template.put_body(kind).is_err()
        {
            self.mistakes.add(&top.span_of("fields"), format!("no field of {kind} can be filled"));
        }
    }

    /// The columns that all rows of a record share, where a record has several rows.
    fn rows(&mut self, top: &Keys<'_>, kind: Option<&str>, template: &mut Template) -> Option<Vec<usize>> {
        let rows = top.table("rows", &mut self.mistakes)?;
        let mut shared: Vec<_> = template.columns().into_iter().map(|(_, column)| column).collect();
        shared.sort_unstable();
        shared.dedup();
        rows.check(&["path", "fields"], &mut self.mistakes);
        let path = rows.text("path", &mut self.mistakes);
        let fields = rows.table("fields", &mut self.mistakes);
        let (Some(path), Some(fields)) = (path, fields) else {
            self.mistakes.add(&rows.span, "has path = \"election.tiers[0].results\" and [rows.fields]");
            return Some(shared);
        };
        let element = match allowed(&path, kind).and_then(|()| template.rows(&path)) {
            Ok(element) => element,
            Err(what) => {
                self.mistakes.add(&rows.span_of("path"), format!("{path}: {what}"));
                return Some(shared);
            }
        };
        for Flat { path: field, place, origin } in
            cells::flatten(&fields, &mut self.columns, &mut self.mistakes)
        {
            let whole = format!("{path}[*].{field}");
            if let Err(what) = element.put(&field, &whole, &origin) {
                self.mistakes.add(&place, format!("{field}: {what}"));
            }
        }
        Some(shared)
    }
}

/// Whether a map may fill this field in records of the kind.
fn allowed(path: &str, kind: Option<&str>) -> Result<(), String> {
    let below = |field: &&&str| {
        path == **field || path.strip_prefix(**field).is_some_and(|rest| rest.starts_with('.'))
    };
    match std::iter::once(&"name").chain(OUTPUT_ONLY).find(below) {
        Some(&"name") => return Err("the name comes from [id]".to_owned()),
        Some(_) => return Err("is made by the server".to_owned()),
        None => {}
    }
    let head = path.split(['.', '[']).next().unwrap_or_default();
    let field = descriptors::record().get_field_by_name(head);
    let body =
        field.as_ref().and_then(|field| field.containing_oneof()).is_some_and(|oneof| oneof.name() == "body");
    match kind {
        Some(kind) if body && kind != head => Err(format!("this is a map for {kind} records")),
        _ => Ok(()),
    }
}
