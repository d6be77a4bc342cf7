//! Every indicator: what it is, what a query may set, and the function that answers.
//!
//! An indicator's module holds its `Definition` as a constant, next to the function; the list here is by id.

use reform_model::Kind;

use crate::answer::{Answer, Code};
use crate::appeals::{backlog, on_time, outcomes, per_inhabitants, response};
use crate::electoral::{approval, disproportionality, effective, parliamentary, turnout, volatility, wasted};
use crate::filter;
use crate::parties::events;
use crate::petitions::{success, threshold};
use crate::query::{Query, QueryError};
use crate::reforms::{lead_time, status};
use crate::span::Granularity;
use crate::view::View;
use crate::{
    appeals, congress, court, growth, norms, observed, parameter, parties, petitions, reforms, shares, target,
};

/// What an indicator is.
#[derive(Debug, Clone, Copy)]
pub struct Definition {
    /// The id, such as `appeals-per-year`.
    pub id: &'static str,
    /// For a reader.
    pub title: &'static str,
    /// What is measured, and the conventions.
    pub definition: &'static str,
    /// The formula, in words or signs.
    pub formula: &'static str,
    /// Where the formula was published; empty for a plain count or ratio.
    pub formula_source: &'static str,
    /// From 1; rises when an answer would change over the same records.
    pub formula_version: i32,
    /// The unit of the values; empty when it is that of the records.
    pub unit: &'static str,
    /// What `group_by` and `filter` may use.
    pub dimensions: &'static [&'static str],
    /// What a query may or must set.
    pub parameters: &'static [Parameter],
    /// The kinds of record that are read.
    pub kinds: &'static [Kind],
    /// The lengths of period that it has; the first is its own.
    pub granularities: &'static [Granularity],
    /// The function.
    pub compute: fn(&View, &Query) -> Result<Answer, QueryError>,
}

/// A choice that an indicator leaves to the caller.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// The key in a query.
    pub key: &'static str,
    /// What it chooses.
    pub description: &'static str,
    /// The values allowed; none is free text.
    pub values: &'static [&'static str],
    /// The value of a missing key; empty when there is none.
    pub default_value: &'static str,
    /// Whether a query must set it.
    pub required: bool,
}

/// Every indicator, by id.
pub fn all() -> &'static [&'static Definition] {
    ALL
}

const ALL: &[&Definition] = &[
    &backlog::DEFINITION,
    &outcomes::DEFINITION,
    &response::DEFINITION,
    &on_time::DEFINITION,
    &per_inhabitants::DEFINITION,
    &appeals::DEFINITION,
    &shares::APPOINTMENT,
    &congress::DEFINITION,
    &court::DEFINITION,
    &disproportionality::LEAST_SQUARES,
    &disproportionality::LOOSEMORE_HANBY,
    &disproportionality::RAE,
    &disproportionality::SAINTE_LAGUE,
    &effective::SEATS,
    &effective::VOTES,
    &growth::DEFINITION,
    &parliamentary::NEW,
    &observed::DEFINITION,
    &parameter::HISTORY,
    &parliamentary::ALL,
    &events::ENDED,
    &events::REGISTERED,
    &threshold::DEFINITION,
    &success::DEFINITION,
    &petitions::DEFINITION,
    &shares::QUOTA,
    &approval::DEFINITION,
    &lead_time::DEFINITION,
    &status::DEFINITION,
    &reforms::DEFINITION,
    &parties::DEFINITION,
    &target::PROGRESS,
    &turnout::DEFINITION,
    &norms::DEFINITION,
    &volatility::DEFINITION,
    &wasted::DEFINITION,
];

/// The indicator of that id, without `indicators/`.
pub fn get(id: &str) -> Option<&'static Definition> {
    ALL.iter().copied().find(|definition| definition.id == id)
}

/// The versions of all formulas, as text: two programs that agree on it answer alike.
pub fn versions() -> String {
    let all = ALL.iter().map(|definition| format!("{}={}", definition.id, definition.formula_version));
    all.collect::<Vec<_>>().join(" ")
}

/// Answers a query: checks it against the definition, then asks the function.
pub fn answer(view: &View, query: &Query) -> Result<Answer, QueryError> {
    let definition =
        get(&query.indicator).ok_or_else(|| QueryError::UnknownIndicator(query.indicator.clone()))?;
    definition.check(query)?;
    let mut answer = (definition.compute)(view, query)?;
    mark_quarantined(view, &mut answer);
    Ok(answer)
}

/// The kind of a record that cannot be read is unknown, so it may be missing from any point.
fn mark_quarantined(view: &View, answer: &mut Answer) {
    let count = i64::try_from(view.damaged()).unwrap_or(i64::MAX);
    if count == 0 {
        return;
    }
    for point in answer.series.iter_mut().flat_map(|series| &mut series.points) {
        point.warn(Code::Quarantined, "records that cannot be read are missing", count);
    }
}

impl Definition {
    /// The unit of the values when a query sets nothing.
    pub fn granularity(&self) -> Granularity {
        self.granularities.first().copied().unwrap_or(Granularity::Year)
    }

    /// The first thing wrong with a query.
    fn check(&self, query: &Query) -> Result<(), QueryError> {
        if let Some(granularity) = query.granularity
            && !self.granularities.contains(&granularity)
        {
            let allowed: Vec<&str> = self.granularities.iter().map(|known| known.as_str()).collect();
            let message = format!("{} has {}", self.id, allowed.join(", "));
            return Err(QueryError::field("granularity", message));
        }
        if let Some(period) = query.period
            && period.last() < period.first()
        {
            return Err(QueryError::field("period", "ends before it begins"));
        }
        self.check_dimensions(query)?;
        self.check_parameters(query)
    }

    fn check_dimensions(&self, query: &Query) -> Result<(), QueryError> {
        for (index, name) in query.group_by.iter().enumerate() {
            if !self.dimensions.contains(&name.as_str()) {
                let message = format!("{name} is no dimension of {}", self.id);
                return Err(QueryError::field(format!("group_by[{index}]"), message));
            }
        }
        for name in query.filter.iter().flat_map(|filter| filter.dimensions()) {
            if !self.dimensions.contains(&name) {
                return Err(filter::Error::UnknownDimension(name.to_owned()).into());
            }
        }
        Ok(())
    }

    fn check_parameters(&self, query: &Query) -> Result<(), QueryError> {
        for (key, value) in &query.parameters {
            let path = format!("parameters.{key}");
            let Some(known) = self.parameters.iter().find(|parameter| parameter.key == key) else {
                return Err(QueryError::field(path, format!("{} has no such parameter", self.id)));
            };
            if !known.values.is_empty() && !known.values.contains(&value.as_str()) {
                return Err(QueryError::field(path, format!("must be one of {}", known.values.join(", "))));
            }
        }
        for parameter in self.parameters.iter().filter(|parameter| parameter.required) {
            if query.parameter(parameter.key).is_none_or(str::is_empty) {
                let path = format!("parameters.{}", parameter.key);
                return Err(QueryError::field(path, "is required"));
            }
        }
        Ok(())
    }
}
