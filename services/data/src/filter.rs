//! The filter of List, Count, Export and Watch: AIP-160 text, checked against the contract's descriptors when it is
//! parsed, then judged over the encoded bytes of a record without decoding the record.
//!
//! | written | means |
//! |---|---|
//! | `a AND b`, `a b` | both |
//! | `a OR b` | either; binds tighter than AND |
//! | `NOT a`, `-a`, `( … )` | negation, grouping; keywords are upper case |
//! | `appeal.filed_on` | a field of the record by its proto path; through a list, any element counts |
//! | `kind` | the name of the body's field, such as `party` |
//! | `labels.facts` | the value of a label, or of any other map, under a key |
//! | `word`, `"some words"` | `title` or `description` has this text, in any case |
//!
//! | field | operators | literal |
//! |---|---|---|
//! | text | `= != < <= > >=`, `:` substring in any case | text; with `=`, `*` at an end of a quoted text is a wildcard |
//! | list of texts | the same, `:` membership | text |
//! | number | `= != < <= > >= :` | decimal |
//! | bool | `= != :` | `true`, `false` |
//! | enum | `= != :` | `MORE_THAN` or `COMPARATOR_MORE_THAN` |
//! | Date | `= != < <= > >= :` | `2023`, `2023-03`, `2023-03-19` |
//! | Timestamp | `= != < <= > >= :` | a date (UTC) or a quoted RFC 3339 time |
//! | Quantity | `= != < <= > >= :` | decimal, compared with the bounds that the source states |
//! | map | `:` has the key | text |
//! | every field | `:*` is set | |
//!
//! Where the table names no other meaning, `:` is `=`. `a != b` is `NOT a = b`, also on lists.
//!
//! Judgement is three-valued; only what is true matches. A comparison with a field that is not set is unknown: an
//! absent message, `optional` or list, an empty text, an UNSPECIFIED enum; a bool or number that the contract does
//! not call `optional` is false or 0 instead. A comparison that the stored digits cannot decide is unknown, and so is
//! NOT unknown. A list is true when one element is, else unknown when one element is, else false. `:*` and the key
//! test of a map are true or false; but whatever is asked about a field of another kind than the record's is unknown,
//! so `NOT appeal.closed_on:*` finds the open appeals and no parties.

mod compare;
mod evaluate;
mod parse;
mod path;
#[cfg(test)]
mod tests;
mod wire;

use reform_api::error::{Fault, Reason};
use reform_model::{Day, Decimal};

use self::evaluate::Expr;
use self::path::Path;

/// The longest filter, in bytes.
pub const LENGTH_MAX: usize = 4 * 1024;
/// The most comparisons and words in one filter.
pub const TERMS_MAX: usize = 100;
/// The deepest nesting of parentheses, and the longest path in segments.
pub const DEPTH_MAX: usize = 16;

/// Why a text is no filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text does not parse, or is over a limit.
    #[error("filter at byte {position}: {message}")]
    Syntax {
        /// Byte offset in the text, as near as it is known.
        position: usize,
        /// What is wrong there.
        message: String,
    },
    /// The path names no field, or one that this filter may not use.
    #[error("filter field {path}: {message}")]
    UnknownField {
        /// The path, as written.
        path: String,
        /// What there is instead.
        message: String,
    },
    /// The field cannot be compared that way, or not with that literal.
    #[error("filter field {path}: {message}")]
    Type {
        /// The path, as written.
        path: String,
        /// What it can be compared with.
        message: String,
    },
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Syntax { position, .. } => {
                Fault::new(Reason::FilterSyntax, message).with("position", position.to_string())
            }
            Error::UnknownField { path, .. } => {
                Fault::new(Reason::FilterUnknownField, message).with("path", path)
            }
            Error::Type { path, .. } => Fault::new(Reason::FilterType, message).with("path", path),
        }
    }
}

/// A parsed filter over records.
#[derive(Debug, Clone)]
pub struct Filter {
    root: Expr,
}

impl Filter {
    /// Parses a filter; an empty text matches every record.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Ok(Self { root: parse::parse(text, parse::Scope::Records)? })
    }

    /// Parses a filter of the change feed, which knows `kind`, `jurisdiction` and `name` only.
    pub fn parse_for_feed(text: &str) -> Result<FeedFilter, Error> {
        Ok(FeedFilter { root: parse::parse(text, parse::Scope::Feed)? })
    }

    /// Whether the filter lets every record through because its text was empty.
    pub fn is_empty(&self) -> bool {
        self.root.is_empty()
    }

    /// Whether the filter asks about a field that the server adds, so that it has to judge the record as it is answered.
    pub fn reads_server_fields(&self) -> bool {
        self.root.reads_server_fields()
    }

    /// Whether the filter is certainly true of an encoded `v1::Record`.
    pub fn matches(&self, record: &[u8]) -> bool {
        self.evaluate(record) == Some(true)
    }

    /// What the filter says of an encoded `v1::Record`: true, false, or none for unknown.
    pub fn evaluate(&self, record: &[u8]) -> Option<bool> {
        self.root.evaluate(record)
    }

    /// Alternatives of which at least one is true of every record that matches: one for what is joined by AND, several
    /// for what is joined by OR.
    ///
    /// They narrow a search and never replace [`Filter::matches`].
    pub fn clauses(&self) -> impl Iterator<Item = Vec<Comparison<'_>>> {
        self.root.clauses().into_iter().map(|clause| clause.into_iter().map(Term::comparison).collect())
    }
}

/// A parsed filter over changes.
#[derive(Debug, Clone)]
pub struct FeedFilter {
    root: Expr,
}

impl FeedFilter {
    /// Whether the filter lets every change through because its text was empty.
    pub fn is_empty(&self) -> bool {
        self.root.is_empty()
    }

    /// Whether the filter is certainly true of a change to the record of that kind, jurisdiction and name.
    pub fn matches(&self, kind: &str, jurisdiction: &str, name: &str) -> bool {
        self.is_empty() || self.root.evaluate(&wire::identity(kind, jurisdiction, name)) == Some(true)
    }
}

/// A comparison of a filter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison<'a> {
    /// The path: `kind`, `jurisdiction`, `appeal.institution`, `labels.facts`.
    pub path: &'a str,
    /// How the field is compared; never `!=`, which is a negation.
    pub op: Op,
    /// With what.
    pub value: &'a Literal,
}

/// How a field is compared with a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Op {
    /// `=`, and `:` where it means no more; true of a list when one element is equal.
    Equal,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `:` as a substring ([`Literal::Fragment`]), a key ([`Literal::Key`]) or presence ([`Literal::Anything`]).
    Has,
}

/// What a field is compared with, read as the field's type asks.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// Exactly this text.
    Text(String),
    /// A text with wildcards.
    Pattern(Pattern),
    /// A lower-case text that is part of the field's text, in any case.
    Fragment(String),
    /// A key of a map.
    Key(Pattern),
    /// `*`: any value.
    Anything,
    /// A number.
    Number(Decimal),
    /// A truth value.
    Bool(bool),
    /// The number of an enum value.
    Enum(i32),
    /// The days that a date allows, both inclusive.
    Days(Day, Day),
    /// Nanoseconds since 1970 in UTC, both inclusive.
    Instants(i128, i128),
}

/// A text whose ends may be open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// The text without its wildcards.
    pub text: String,
    /// Whether anything may stand before it.
    pub open_start: bool,
    /// Whether anything may stand after it.
    pub open_end: bool,
}

impl Pattern {
    fn matches(&self, text: &str) -> bool {
        match (self.open_start, self.open_end) {
            (false, false) => text == self.text,
            (false, true) => text.starts_with(&self.text),
            (true, false) => text.ends_with(&self.text),
            (true, true) => text.contains(&self.text),
        }
    }
}

/// One comparison of the filter.
#[derive(Debug, Clone)]
struct Term {
    path: Path,
    op: Op,
    literal: Literal,
}
