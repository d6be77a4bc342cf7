//! What is asked of an indicator, and what may be wrong with it.

use std::collections::BTreeMap;

use reform_model::{Name, Period};

use crate::answer::{Labels, Point};
use crate::evidence::Evidence;
use crate::filter::{self, DimensionFilter};
use crate::span::Granularity;

/// Where a figure comes from. The two are separate series and never added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// Counted here from single records.
    Counted,
    /// Published as a total.
    Reported,
}

impl Origin {
    /// The short name of the contract, as the label `origin` carries it.
    pub fn as_str(self) -> &'static str {
        match self {
            Origin::Counted => "COUNTED",
            Origin::Reported => "REPORTED",
        }
    }
}

/// The one point of an answer that is explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// All labels of its series.
    pub labels: Labels,
    /// Its period, as the answer has it.
    pub period: Period,
}

/// A question to one indicator.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    /// The id of the indicator, without `indicators/`.
    pub indicator: String,
    /// Jurisdictions, matched exactly; none is all.
    pub jurisdictions: Vec<String>,
    /// The time to answer for; none is from the earliest to the latest date that is read.
    pub period: Option<Period>,
    /// Length of the periods; none is the indicator's own.
    pub granularity: Option<Granularity>,
    /// Dimensions to break the figures down by.
    pub group_by: Vec<String>,
    /// Over dimensions; none is all records.
    pub filter: Option<DimensionFilter>,
    /// Parameters by key, as they were given; defaults are not filled in.
    pub parameters: BTreeMap<String, String>,
    /// Counted or published; none is both.
    pub origin: Option<Origin>,
    /// The point that carries its evidence; none is no point. [`crate::explain()`] sets it.
    pub explain: Option<Explained>,
}

impl Query {
    /// A query that leaves everything else open.
    pub fn new(indicator: impl Into<String>) -> Self {
        Self { indicator: indicator.into(), ..Self::default() }
    }

    /// Whether a jurisdiction is asked for.
    pub fn wants_jurisdiction(&self, jurisdiction: &str) -> bool {
        self.jurisdictions.is_empty() || self.jurisdictions.iter().any(|wanted| wanted == jurisdiction)
    }

    /// Whether a series of that origin is asked for.
    pub fn wants(&self, origin: Origin) -> bool {
        self.origin.is_none_or(|wanted| wanted == origin)
    }

    /// The period of the point to explain, where it is one of the series with these labels.
    pub fn explains(&self, labels: &Labels) -> Option<Period> {
        let explained = self.explain.as_ref().filter(|explained| explained.labels == *labels)?;
        Some(explained.period)
    }

    /// Puts the evidence on a point of the series with these labels, if it is the one to explain.
    pub fn attach(&self, labels: &Labels, point: &mut Point, evidence: impl FnOnce(&Point) -> Evidence) {
        if self.explains(labels) == Some(point.period) {
            point.evidence = Some(Box::new(evidence(point)));
        }
    }

    /// A parameter that was given.
    pub fn parameter(&self, key: &str) -> Option<&str> {
        self.parameters.get(key).map(String::as_str)
    }

    /// A parameter that is the name of a record, with or without `records/`.
    pub fn record_parameter(&self, key: &str) -> Result<Option<Name>, QueryError> {
        let Some(text) = self.parameter(key) else { return Ok(None) };
        let name = Name::parse(text).or_else(|_| Name::from_id(text));
        name.map(Some).map_err(|error| QueryError::field(format!("parameters.{key}"), error.to_string()))
    }

    /// Whether the filter or the grouping names a dimension.
    pub fn mentions(&self, dimension: &str) -> bool {
        let filter = self.filter.as_ref().is_some_and(|filter| filter.dimensions().contains(&dimension));
        filter || self.group_by.iter().any(|name| name == dimension)
    }
}

/// Why a query has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// There is no indicator of that id.
    #[error("there is no indicator {0}")]
    UnknownIndicator(String),
    /// A field of the query is wrong.
    #[error("{path}: {message}")]
    Field {
        /// The field, such as `parameters.stage` or `group_by[0]`.
        path: String,
        /// What is wrong with it.
        message: String,
    },
    /// A record that the query names does not exist.
    #[error("there is no record {name}, named in {path}")]
    NotFound {
        /// The field that names it.
        path: String,
        /// The record.
        name: Name,
    },
    /// The question names no point of the answer.
    #[error("{path}: {message}")]
    NoPoint {
        /// What names none: `labels`, `period` or `label`.
        path: &'static str,
        /// What there is.
        message: String,
    },
    /// The filter is wrong.
    #[error(transparent)]
    Filter(#[from] filter::Error),
}

impl QueryError {
    /// A wrong field.
    pub fn field(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Field { path: path.into(), message: message.into() }
    }
}
