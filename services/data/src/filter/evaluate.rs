//! Judging an expression over an encoded record.

use prost::Message;
use reform_api::data::v1;
use reform_model::date::Digits;
use reform_model::vocabulary::Comparator;
use reform_model::{Date, Decimal, Quantity};

use super::compare::{self, Truth};
use super::path::{Leaf, Path};
use super::wire::{self, Found, Raw};
use super::{Comparison, Literal, Term};

/// Clauses that an OR is made into; a search is not narrowed by further ones.
const CLAUSES_MAX: usize = 16;

/// A checked filter.
#[derive(Debug, Clone)]
pub(super) enum Expr {
    /// Empty: everything.
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    /// Title or description has this lower-case text.
    Words(String),
    Term(Box<Term>),
}

impl Expr {
    /// Whether it says nothing.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Expr::And(all) if all.is_empty())
    }

    /// What it says of an encoded record.
    pub(super) fn evaluate(&self, record: &[u8]) -> Truth {
        match self {
            Expr::And(all) => {
                let mut answer = Some(true);
                for expr in all {
                    match expr.evaluate(record) {
                        Some(false) => return Some(false),
                        Some(true) => {}
                        None => answer = None,
                    }
                }
                answer
            }
            Expr::Or(some) => {
                let mut answer = Some(false);
                for expr in some {
                    match expr.evaluate(record) {
                        Some(true) => return Some(true),
                        Some(false) => {}
                        None => answer = None,
                    }
                }
                answer
            }
            Expr::Not(expr) => expr.evaluate(record).map(|truth| !truth),
            Expr::Words(fragment) => words(record, fragment),
            Expr::Term(term) => term.evaluate(record),
        }
    }

    /// Whether it asks about a field that is not stored but added by the server.
    pub(super) fn reads_server_fields(&self) -> bool {
        match self {
            Expr::And(all) | Expr::Or(all) => all.iter().any(Expr::reads_server_fields),
            Expr::Not(expr) => expr.reads_server_fields(),
            Expr::Words(_) => false,
            Expr::Term(term) => term.path.is_added_by_server(),
        }
    }

    /// Alternatives of which one is true of every record that matches, as often as there are such.
    pub(super) fn clauses(&self) -> Vec<Vec<&Term>> {
        match self {
            Expr::And(all) => all.iter().flat_map(Expr::clauses).collect(),
            Expr::Or(some) => some.iter().map(Expr::clauses).reduce(either).unwrap_or_default(),
            Expr::Term(term) => vec![vec![term]],
            Expr::Not(_) | Expr::Words(_) => Vec::new(),
        }
    }
}

/// The clauses of `a OR b` from those of `a` and `b`: each with each, as far as they are few.
fn either<'a>(one: Vec<Vec<&'a Term>>, other: Vec<Vec<&'a Term>>) -> Vec<Vec<&'a Term>> {
    let pairs = one.iter().flat_map(|one| other.iter().map(move |other| [one.as_slice(), other].concat()));
    pairs.take(CLAUSES_MAX).collect()
}

/// A record without a description is not of unknown text: what is not set is not searched.
fn words(record: &[u8], fragment: &str) -> Truth {
    let record = [Raw::Bytes(record)];
    [wire::TITLE, wire::DESCRIPTION]
        .into_iter()
        .filter_map(|number| wire::text(&record, number))
        .map(|text| compare::contains(text, fragment))
        .reduce(|one, other| one || other)
}

impl Term {
    pub(super) fn comparison(&self) -> Comparison<'_> {
        Comparison { path: &self.path.text, op: self.op, value: &self.literal }
    }

    fn evaluate(&self, record: &[u8]) -> Truth {
        let steps = &self.path.steps;
        if steps.is_empty() {
            return self.judge(wire::kind(record).map(Value::Text));
        }
        let mut test = |found: Found<'_, '_>| self.judge(read(&self.path, found));
        let parts = [Raw::Bytes(record)];
        if self.path.is_below_body() {
            // Of a record of another kind nothing is known, not even that the field is unset.
            let body = wire::collect(&parts, &steps[0]);
            return if body.is_empty() { None } else { wire::any(&body, &steps[1..], &mut test) };
        }
        wire::any(&parts, steps, &mut test)
    }

    fn judge(&self, value: Option<Value<'_>>) -> Truth {
        match &self.literal {
            Literal::Anything => return Some(value.is_some()),
            Literal::Key(key) => {
                return Some(matches!(value, Some(Value::Entry(found)) if key.matches(found)));
            }
            Literal::Text(_)
            | Literal::Pattern(_)
            | Literal::Fragment(_)
            | Literal::Number(_)
            | Literal::Bool(_)
            | Literal::Enum(_)
            | Literal::Days(..)
            | Literal::Instants(..) => {}
        }
        match (value?, &self.literal) {
            (Value::Text(text), literal) => compare::text(self.op, text, literal),
            (Value::Number(value), Literal::Number(number)) => {
                Some(compare::ordered(self.op, Decimal::from(value).cmp(number)))
            }
            (Value::Bool(value), Literal::Bool(wanted)) => Some(value == *wanted),
            (Value::Enum(value), Literal::Enum(wanted)) => Some(value == *wanted),
            (Value::Date(date), Literal::Days(from, to)) => {
                compare::span(self.op, (date.first(), date.last()), (*from, *to))
            }
            (Value::Instant(at), Literal::Instants(from, to)) => {
                compare::span(self.op, (at, at), (*from, *to))
            }
            (Value::Quantity(quantity), Literal::Number(number)) => {
                compare::quantity(self.op, &quantity, *number)
            }
            // The parser pairs literals with fields; what it does not pair has no answer.
            _ => None,
        }
    }
}

/// The value of a field, as its type reads it.
enum Value<'a> {
    Text(&'a str),
    Number(i64),
    Bool(bool),
    Enum(i32),
    Date(Date),
    Instant(i128),
    Quantity(Quantity),
    /// An entry of a map, by its key.
    Entry(&'a str),
    /// A message that can only be there.
    Other,
}

/// Reads what was found; none when it is not set, or is no value of its type.
fn read<'a>(path: &Path, found: Found<'_, 'a>) -> Option<Value<'a>> {
    let parts = match found {
        Found::Set(parts) => parts,
        Found::Unset if path.implicit => return default(&path.leaf),
        Found::Unset | Found::Absent => return None,
    };
    let last = *parts.last()?;
    let number = match last {
        Raw::Number(number) => Some(number.cast_signed()),
        Raw::Bytes(_) | Raw::Fixed => None,
    };
    match path.leaf {
        Leaf::Kind => None,
        Leaf::Text => {
            let text = std::str::from_utf8(last.bytes()).ok()?;
            (!path.implicit || !text.is_empty()).then_some(Value::Text(text))
        }
        Leaf::Number => Some(Value::Number(number?)),
        Leaf::Bool => Some(Value::Bool(number? != 0)),
        Leaf::Enum(_) => i32::try_from(number?).ok().filter(|&number| number != 0).map(Value::Enum),
        Leaf::Date => date(parts).map(Value::Date),
        Leaf::Timestamp => Some(Value::Instant(instant(parts))),
        Leaf::Quantity => quantity(parts).map(Value::Quantity),
        Leaf::Map => wire::key(last).map(Value::Entry),
        Leaf::Other => Some(Value::Other),
    }
}

/// What absent means for a field that the contract does not call `optional`.
fn default(leaf: &Leaf) -> Option<Value<'static>> {
    match leaf {
        Leaf::Bool => Some(Value::Bool(false)),
        Leaf::Number => Some(Value::Number(0)),
        Leaf::Kind
        | Leaf::Text
        | Leaf::Enum(_)
        | Leaf::Date
        | Leaf::Timestamp
        | Leaf::Quantity
        | Leaf::Map
        | Leaf::Other => None,
    }
}

fn decode<M: Message + Default>(parts: &[Raw<'_>]) -> Option<M> {
    let mut message = M::default();
    for part in parts {
        message.merge(part.bytes()).ok()?;
    }
    Some(message)
}

fn date(parts: &[Raw<'_>]) -> Option<Date> {
    let message: v1::Date = decode(parts)?;
    // A part of a date that cannot be is no reason to read the rest of it as a date.
    let digits = |date: &v1::Date| match date.year {
        Some(year) => Digits::new(year, date.month, date.day).map(Some).ok(),
        None => (date.month.is_none() && date.day.is_none()).then_some(None),
    };
    let latest = match &message.latest {
        Some(latest) => digits(latest)?,
        None => None,
    };
    Date::new(digits(&message)?, latest).ok()
}

/// Field numbers of `google.protobuf.Timestamp`.
const SECONDS: u32 = 1;
const NANOS: u32 = 2;

/// Nanoseconds since 1970.
fn instant(parts: &[Raw<'_>]) -> i128 {
    let number = |field| match wire::last(parts, field) {
        Some(Raw::Number(number)) => i128::from(number.cast_signed()),
        Some(Raw::Bytes(_) | Raw::Fixed) | None => 0,
    };
    number(SECONDS) * 1_000_000_000 + number(NANOS)
}

fn quantity(parts: &[Raw<'_>]) -> Option<Quantity> {
    let v1::Quantity { decimal: lower, comparator, upper_decimal, unit, as_published: _ } = decode(parts)?;
    let upper = if upper_decimal.is_empty() { None } else { Some(decimal(&upper_decimal)?) };
    let comparator = match comparator {
        0 => Comparator::Exact,
        number => Comparator::from_number(number)?,
    };
    Quantity::new(decimal(&lower)?, comparator, upper, unit).ok()
}

/// A decimal number in plain digits.
pub(super) fn decimal(text: &str) -> Option<Decimal> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits(whole) && digits(fraction) { Decimal::from_str_exact(text).ok() } else { None }
}
