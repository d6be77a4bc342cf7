//! Filters over the dimensions of an indicator, in the syntax of AIP-160: `OR` binds tighter than `AND`.

use std::borrow::Cow;

use aip_160::{Comparator, Expression, Restriction, Value};

use crate::answer::Labels;

/// Longest filter, in bytes.
pub const LENGTH_MAX: usize = 4096;
/// Most comparisons in a filter.
pub const TERMS_MAX: usize = 100;
/// Deepest nesting of parentheses.
pub const DEPTH_MAX: usize = 16;

/// The value of a dimension, looked up.
type Lookup<'f, 'a> = &'f dyn Fn(&str) -> Option<Cow<'a, str>>;

/// A filter over labels such as `institution` or `channel`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DimensionFilter(Node);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Is { dimension: String, pattern: Pattern, equal: bool },
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    Exact(String),
    Prefix(String),
    Suffix(String),
    Contains(String),
}

/// Why a text is no filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is longer than [`LENGTH_MAX`].
    #[error("a filter is at most {LENGTH_MAX} bytes")]
    TooLong,
    /// It compares more often than [`TERMS_MAX`] times.
    #[error("a filter has at most {TERMS_MAX} terms")]
    TooManyTerms,
    /// It nests deeper than [`DEPTH_MAX`].
    #[error("a filter nests at most {DEPTH_MAX} deep")]
    TooDeep,
    /// It does not follow the grammar.
    #[error("invalid filter at byte {offset}: {message}")]
    Syntax {
        /// Where.
        offset: usize,
        /// What was expected.
        message: String,
    },
    /// A dimension that the indicator does not have.
    #[error("{0} is no dimension of this indicator")]
    UnknownDimension(String),
    /// An operator or form that dimensions do not have.
    #[error("{path}: {message}")]
    Type {
        /// The dimension.
        path: String,
        /// What is wrong.
        message: &'static str,
    },
}

impl DimensionFilter {
    /// Reads a filter; none when the text is empty.
    pub fn parse(text: &str) -> Result<Option<Self>, Error> {
        if text.len() > LENGTH_MAX {
            return Err(Error::TooLong);
        }
        // The parser recurses once for each parenthesis only, so its own limit guards the stack.
        let filter = aip_160::parse_filter_with_max_depth(text, DEPTH_MAX).map_err(|error| {
            if let aip_160::FilterError::Syntax { offset, message } = error {
                Error::Syntax { offset, message }
            } else {
                // The parser itself fails in no third way.
                Error::TooDeep
            }
        })?;
        let mut terms = 0;
        filter.expression.as_ref().map(|root| node(root, &mut terms, 0).map(Self)).transpose()
    }

    /// A filter that wants one value of a dimension, beside what another one wants.
    #[must_use]
    pub fn narrowed(other: Option<Self>, dimension: &str, value: &str) -> Self {
        let pattern = Pattern::Exact(value.to_owned());
        let own = Node::Is { dimension: dimension.to_owned(), pattern, equal: true };
        Self(Node::All(other.map(|other| other.0).into_iter().chain([own]).collect()))
    }

    /// The dimensions that it names, in order of appearance.
    pub fn dimensions(&self) -> Vec<&str> {
        let mut found = Vec::new();
        self.0.dimensions(&mut found);
        found
    }

    /// The one value that a dimension must have to match, where the filter says so outright.
    pub fn required(&self, dimension: &str) -> Option<&str> {
        self.0.required(dimension)
    }

    /// Whether the labels match; a dimension without a value makes a comparison unknown, and only true matches.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.matches_by(&|dimension| labels.get(dimension).map(|value| Cow::from(value.as_str())))
    }

    /// As [`DimensionFilter::matches`], for values that are looked up one by one.
    pub fn matches_by<'a>(&self, value_of: &dyn Fn(&str) -> Option<Cow<'a, str>>) -> bool {
        self.0.evaluate(value_of) == Some(true)
    }
}

impl Node {
    fn dimensions<'a>(&'a self, found: &mut Vec<&'a str>) {
        match self {
            Node::All(nodes) | Node::Any(nodes) => nodes.iter().for_each(|node| node.dimensions(found)),
            Node::Not(node) => node.dimensions(found),
            Node::Is { dimension, .. } => found.push(dimension),
        }
    }

    fn required(&self, wanted: &str) -> Option<&str> {
        match self {
            Node::All(nodes) => nodes.iter().find_map(|node| node.required(wanted)),
            Node::Any(nodes) => match nodes.as_slice() {
                [only] => only.required(wanted),
                _ => None,
            },
            Node::Is { dimension, pattern: Pattern::Exact(value), equal: true } if dimension == wanted => {
                Some(value)
            }
            Node::Not(_) | Node::Is { .. } => None,
        }
    }

    /// Three-valued, as the filters of the data service are.
    fn evaluate(&self, labels: Lookup<'_, '_>) -> Option<bool> {
        match self {
            Node::All(nodes) => join(nodes, labels, false),
            Node::Any(nodes) => join(nodes, labels, true),
            Node::Not(node) => node.evaluate(labels).map(|truth| !truth),
            Node::Is { dimension, pattern, equal } => {
                let value = labels(dimension).filter(|value| !value.is_empty())?;
                Some(pattern.matches(&value) == *equal)
            }
        }
    }
}

/// `decisive` is the truth that settles it: false for AND, true for OR.
fn join(nodes: &[Node], labels: Lookup<'_, '_>, decisive: bool) -> Option<bool> {
    let mut outcome = Some(!decisive);
    for node in nodes {
        match node.evaluate(labels) {
            Some(truth) if truth == decisive => return Some(decisive),
            Some(_) => {}
            None => outcome = None,
        }
    }
    outcome
}

impl Pattern {
    fn matches(&self, value: &str) -> bool {
        match self {
            Pattern::Exact(text) => value == text,
            Pattern::Prefix(text) => value.starts_with(text),
            Pattern::Suffix(text) => value.ends_with(text),
            Pattern::Contains(text) => value.contains(text),
        }
    }

    fn of(value: &Value) -> Self {
        match value.string_match() {
            None => Pattern::Exact(value.as_str().to_owned()),
            Some(aip_160::StringMatch::Exact(text)) => Pattern::Exact(text.to_owned()),
            Some(aip_160::StringMatch::Prefix(text)) => Pattern::Prefix(text.to_owned()),
            Some(aip_160::StringMatch::Suffix(text)) => Pattern::Suffix(text.to_owned()),
            Some(aip_160::StringMatch::Contains(text)) => Pattern::Contains(text.to_owned()),
        }
    }
}

fn node(expression: &Expression, terms: &mut usize, depth: usize) -> Result<Node, Error> {
    // Negations nest without parentheses, which the parser does not count.
    if depth > DEPTH_MAX * 4 {
        return Err(Error::TooDeep);
    }
    let mut each = |parts: &[Expression]| -> Result<Vec<Node>, Error> {
        parts.iter().map(|part| node(part, terms, depth + 1)).collect()
    };
    match expression {
        Expression::And(parts) | Expression::Sequence(parts) => each(parts).map(Node::All),
        Expression::Or(parts) => each(parts).map(Node::Any),
        Expression::Not(part) => Ok(Node::Not(Box::new(node(part, terms, depth + 1)?))),
        Expression::Restriction(restriction) => comparison(restriction, terms),
        Expression::Global(comparable) => Err(Error::Type {
            path: comparable.field_path().unwrap_or_default(),
            message: "a dimension is compared with = or !=",
        }),
    }
}

fn comparison(restriction: &Restriction, terms: &mut usize) -> Result<Node, Error> {
    *terms += 1;
    if *terms > TERMS_MAX {
        return Err(Error::TooManyTerms);
    }
    let Some(dimension) = restriction.comparable.field_path() else {
        return Err(Error::Type { path: String::new(), message: "the left side is a dimension" });
    };
    let equal = match restriction.comparator {
        Comparator::Equal => true,
        Comparator::NotEqual => false,
        Comparator::GreaterThan
        | Comparator::GreaterThanOrEqual
        | Comparator::LessThan
        | Comparator::LessThanOrEqual
        | Comparator::Has => {
            return Err(Error::Type { path: dimension, message: "a dimension is compared with = or !=" });
        }
    };
    match restriction.arg.as_value() {
        Some(value) => Ok(Node::Is { dimension, pattern: Pattern::of(value), equal }),
        None => Err(Error::Type { path: dimension, message: "the right side is a text" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(filter: &str, labels: &[(&str, &str)], expected: bool) {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let filter = DimensionFilter::parse(filter).unwrap().unwrap();
        assert_eq!(filter.matches(&labels), expected, "{filter:?}");
    }

    #[test]
    fn or_binds_tighter_than_and() {
        let labels = [("a", "1"), ("b", "2"), ("c", "3")];
        check("a = 0 AND b = 2 OR c = 3", &labels, false);
        check("(a = 0 AND b = 2) OR c = 3", &labels, true);
        check("NOT a = 0 AND c != 4", &labels, true);
    }

    #[test]
    fn a_missing_value_is_unknown_even_when_negated() {
        check("a = x", &[("a", "")], false);
        check("NOT a = x", &[("a", "")], false);
        check("a != x OR b = y", &[("b", "y")], true);
    }

    #[test]
    fn a_star_is_a_wildcard_in_quotes() {
        check("a = \"records/*\"", &[("a", "records/x")], true);
        check("a = \"*y\"", &[("a", "records/x")], false);
    }

    #[test]
    fn refuses_what_is_no_filter_over_dimensions() {
        let parse = |text: &str| DimensionFilter::parse(text).unwrap_err();
        assert!(matches!(parse("a > 1"), Error::Type { .. }));
        assert!(matches!(parse("a"), Error::Type { .. }));
        assert!(matches!(parse("a = (b"), Error::Syntax { .. }));
        assert_eq!(parse(&"a".repeat(4097)), Error::TooLong);
        assert_eq!(parse(&vec!["a = b"; 101].join(" AND ")), Error::TooManyTerms);
        assert_eq!(parse(&format!("{}a = b{}", "(".repeat(17), ")".repeat(17))), Error::TooDeep);
        assert_eq!(DimensionFilter::parse(" ").unwrap(), None);
    }

    #[test]
    fn what_is_nested_without_parentheses_is_no_danger() {
        for text in ["NOT ".repeat(1000), "f(".repeat(2000), "a (".repeat(1000)] {
            assert!(DimensionFilter::parse(&format!("{text}a = b")).is_err(), "{text}");
        }
    }
}
