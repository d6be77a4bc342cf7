//! From text to a checked expression: every path resolved, every literal read as its field's type asks.

use aip_160::{Arg, Comparable, Comparator, Expression, FilterError, Member, Restriction, Value};
use prost_reflect::EnumDescriptor;
use reform_model::Day;
use reform_model::date::Digits;

use super::evaluate::{Expr, decimal};
use super::path::{self, KIND, Leaf, Path};
use super::{DEPTH_MAX, Error, LENGTH_MAX, Literal, Op, Pattern, TERMS_MAX, Term};

/// What the filter is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// Whole records.
    Records,
    /// Changes, of which only the identity of the record is at hand.
    Feed,
}

/// The fields that a filter of the feed may use.
const FEED_FIELDS: [&str; 3] = [KIND, "jurisdiction", "name"];

/// Parses and checks a filter.
pub(super) fn parse(text: &str, scope: Scope) -> Result<Expr, Error> {
    if text.len() > LENGTH_MAX {
        return Err(syntax(LENGTH_MAX, format!("a filter has at most {LENGTH_MAX} bytes")));
    }
    // The parser recurses on parentheses only, and refuses them beyond this depth before it goes deeper.
    let filter =
        aip_160::parse_filter_with_max_depth(text, DEPTH_MAX).map_err(|error| refused(text, error))?;
    let mut checker = Checker { text, scope, terms: 0 };
    match filter.expression {
        Some(expression) => checker.expression(expression),
        None => Ok(Expr::And(Vec::new())),
    }
}

fn syntax(position: usize, message: impl Into<String>) -> Error {
    Error::Syntax { position, message: message.into() }
}

fn refused(text: &str, error: FilterError) -> Error {
    if let FilterError::Syntax { offset, message } = error {
        return syntax(offset, message);
    }
    syntax(deepest(text), format!("parentheses nest at most {DEPTH_MAX} deep"))
}

/// Where the first parenthesis beyond the depth stands.
fn deepest(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut quote = None;
    let mut escaped = false;
    for (position, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), b'\\') => escaped = true,
            (Some(open), _) if open == byte => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'(') if depth == DEPTH_MAX => return position,
            (None, b'(') => depth += 1,
            (None, b')') => depth = depth.saturating_sub(1),
            (None, _) => {}
        }
    }
    text.len()
}

struct Checker<'a> {
    text: &'a str,
    scope: Scope,
    terms: usize,
}

impl Checker<'_> {
    fn expression(&mut self, expression: Expression) -> Result<Expr, Error> {
        match expression {
            Expression::And(all) | Expression::Sequence(all) => Ok(Expr::And(self.all(all)?)),
            Expression::Or(some) => Ok(Expr::Or(self.all(some)?)),
            Expression::Not(inner) => Ok(Expr::Not(Box::new(self.expression(*inner)?))),
            Expression::Restriction(restriction) => self.restriction(&restriction),
            Expression::Global(comparable) => self.words(&comparable),
        }
    }

    fn all(&mut self, expressions: Vec<Expression>) -> Result<Vec<Expr>, Error> {
        expressions.into_iter().map(|expression| self.expression(expression)).collect()
    }

    fn count(&mut self) -> Result<(), Error> {
        self.terms += 1;
        if self.terms > TERMS_MAX {
            return Err(syntax(self.text.len(), format!("a filter has at most {TERMS_MAX} terms")));
        }
        Ok(())
    }

    /// A syntax error at the first place where the text has `part`: the tree itself has no positions.
    fn near(&self, part: &str, message: impl Into<String>) -> Error {
        syntax(self.text.find(part).unwrap_or_default(), message)
    }

    fn member<'m>(&self, comparable: &'m Comparable) -> Result<&'m Member, Error> {
        match comparable {
            Comparable::Member(member) => Ok(member),
            Comparable::Function(function) => {
                let name = function.name.join(".");
                Err(self.near(&format!("{name}("), format!("there is no function {name}")))
            }
        }
    }

    fn words(&mut self, comparable: &Comparable) -> Result<Expr, Error> {
        self.count()?;
        let member = self.member(comparable)?;
        if let (Value::Text(word), []) = (&member.value, member.fields.as_slice())
            && matches!(word.as_str(), "and" | "or" | "not" | "And" | "Or" | "Not")
        {
            let message =
                format!("write {} in upper case, or in quotes to search for it", word.to_uppercase());
            return Err(self.near(word, message));
        }
        if self.scope == Scope::Feed {
            return Err(beyond_feed(&member.to_string()));
        }
        let (text, quoted) = self.literal_text(member)?;
        Ok(Expr::Words(fragment(&text, quoted)))
    }

    fn restriction(&mut self, restriction: &Restriction) -> Result<Expr, Error> {
        self.count()?;
        let Restriction { comparable, comparator, arg } = restriction;
        let member = self.member(comparable)?;
        if let Value::String(text) = &member.value {
            return Err(self.near(text, "a field is written without quotes"));
        }
        let path = self.path(member)?;
        let Arg::Comparable(arg) = arg else {
            let message = format!("{} is compared with one value, not with an expression", path.text);
            return Err(self.near("(", message));
        };
        let (text, quoted) = self.literal_text(self.member(arg)?)?;
        let (op, negated) = match comparator {
            Comparator::Equal => (Op::Equal, false),
            Comparator::NotEqual => (Op::Equal, true),
            Comparator::LessThan => (Op::Less, false),
            Comparator::LessThanOrEqual => (Op::LessOrEqual, false),
            Comparator::GreaterThan => (Op::Greater, false),
            Comparator::GreaterThanOrEqual => (Op::GreaterOrEqual, false),
            Comparator::Has => (Op::Has, false),
        };
        let term = Expr::Term(Box::new(term(path, op, &text, quoted)?));
        Ok(if negated { Expr::Not(Box::new(term)) } else { term })
    }

    fn path(&self, member: &Member) -> Result<Path, Error> {
        let segments: Vec<&str> =
            std::iter::once(&member.value).chain(&member.fields).map(Value::as_str).collect();
        let text = segments.join(".");
        if self.scope == Scope::Feed && !FEED_FIELDS.contains(&text.as_str()) {
            return Err(beyond_feed(&text));
        }
        path::resolve(&segments, &text)
    }

    /// The literal's text and whether it is quoted; unquoted text may have dots, which the grammar takes for a path.
    fn literal_text(&self, member: &Member) -> Result<(String, bool), Error> {
        if member.fields.is_empty() {
            return Ok((member.value.as_str().to_owned(), member.value.is_quoted()));
        }
        match member.field_path() {
            Some(text) => Ok((text, false)),
            None => Err(self.near("\".", "a value is quoted as a whole or not at all")),
        }
    }
}

fn beyond_feed(path: &str) -> Error {
    let message = "the feed filters by kind, jurisdiction and name only".to_owned();
    Error::UnknownField { path: path.to_owned(), message }
}

/// The lower-case text to search for; the wildcards of a quoted text say nothing more than a substring does.
fn fragment(text: &str, quoted: bool) -> String {
    let text = if quoted { pattern(text).text } else { text.to_owned() };
    text.to_lowercase()
}

/// The wildcards at the ends of a quoted text.
fn pattern(text: &str) -> Pattern {
    let (text, open_end) = text.strip_suffix('*').map_or((text, false), |text| (text, true));
    let (text, open_start) = text.strip_prefix('*').map_or((text, false), |text| (text, true));
    Pattern { text: text.to_owned(), open_start, open_end }
}

/// One comparison, checked against the type of its field.
fn term(path: Path, op: Op, text: &str, quoted: bool) -> Result<Term, Error> {
    let wrong = |message: &str| Error::Type { path: path.text.clone(), message: message.to_owned() };
    if op == Op::Has && text == "*" && !quoted {
        return Ok(Term { path, op, literal: Literal::Anything });
    }
    // `:` says more than `=` in two places only.
    let has = op == Op::Has;
    let op = if has { Op::Equal } else { op };
    let (op, literal) = match &path.leaf {
        Leaf::Kind | Leaf::Text if has && !path.is_list() => {
            (Op::Has, Literal::Fragment(fragment(text, quoted)))
        }
        Leaf::Kind | Leaf::Text => (op, text_literal(op, text, quoted)),
        Leaf::Map if has => (Op::Has, Literal::Key(key(text, quoted))),
        Leaf::Map => return Err(wrong("a map is compared by its keys, as in labels.key")),
        Leaf::Other => return Err(wrong("only whether it is set can be asked (:*), or its fields")),
        Leaf::Number | Leaf::Quantity => {
            (op, Literal::Number(decimal(text).ok_or_else(|| wrong("expects a number such as -0.5"))?))
        }
        Leaf::Bool | Leaf::Enum(_) if op != Op::Equal => return Err(wrong("is compared with = and != only")),
        Leaf::Bool => match text {
            "true" => (op, Literal::Bool(true)),
            "false" => (op, Literal::Bool(false)),
            _ => return Err(wrong("expects true or false")),
        },
        Leaf::Enum(names) => {
            (op, Literal::Enum(enum_number(names, text).map_err(|message| wrong(&message))?))
        }
        Leaf::Date => {
            let digits =
                digits(text).ok_or_else(|| wrong("expects a date such as 2023, 2023-03 or 2023-03-19"))?;
            (op, Literal::Days(digits.first(), digits.last()))
        }
        Leaf::Timestamp => {
            let (from, to) = instants(text)
                .ok_or_else(|| wrong("expects a date, or a quoted time such as \"2023-03-19T09:00:00Z\""))?;
            (op, Literal::Instants(from, to))
        }
    };
    Ok(Term { path, op, literal })
}

fn text_literal(op: Op, text: &str, quoted: bool) -> Literal {
    if quoted && op == Op::Equal {
        let pattern = pattern(text);
        if pattern.open_start || pattern.open_end {
            return Literal::Pattern(pattern);
        }
    }
    Literal::Text(text.to_owned())
}

fn key(text: &str, quoted: bool) -> Pattern {
    let exact = || Pattern { text: text.to_owned(), open_start: false, open_end: false };
    if quoted { pattern(text) } else { exact() }
}

/// The number of an enum value, by its full or its short name; else what the enum has.
fn enum_number(names: &EnumDescriptor, text: &str) -> Result<i32, String> {
    let zero = names.default_value();
    let prefix = zero.name().strip_suffix("UNSPECIFIED").unwrap_or_default();
    let short = |name: &str| name.strip_prefix(prefix).unwrap_or(name).to_owned();
    let known = || names.values().filter(|value| value.number() != 0);
    let found = known().find(|value| value.name() == text || short(value.name()) == text);
    found.map(|value| value.number()).ok_or_else(|| {
        let known: Vec<_> = known().map(|value| short(value.name())).collect();
        format!("expects one of {}", known.join(", "))
    })
}

/// A year, a month or a day.
fn digits(text: &str) -> Option<Digits> {
    let mut parts = text.split('-');
    let mut part = |length: usize| match parts.next() {
        None => Some(None),
        Some(part) if part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit()) => {
            part.parse::<i32>().ok().map(Some)
        }
        Some(_) => None,
    };
    let (year, month, day) = (part(4)??, part(2)?, part(2)?);
    if parts.next().is_some() {
        return None;
    }
    Digits::new(year, month, day).ok()
}

/// The nanoseconds since 1970 that a date or a time allows.
fn instants(text: &str) -> Option<(i128, i128)> {
    const DAY: i128 = 86_400_000_000_000;
    if let Some(digits) = digits(text) {
        let start = |day: Day| i128::from(day.0) * DAY;
        return Some((start(digits.first()), start(digits.last().next()) - 1));
    }
    let at = text.parse::<jiff::Timestamp>().ok()?.as_nanosecond();
    Some((at, at))
}
