//! `congress-meetings-per-year`: the events of a series, such as the meetings of a congress.

use std::borrow::Cow;

use reform_model::institution::Event;
use reform_model::{Date, Kind, Name, Record};

use crate::answer::{Answer, Builder};
use crate::catalogue::{Definition, Parameter};
use crate::counting::{Countable, Frame, Subject};
use crate::evidence::Reason;
use crate::filter::DimensionFilter;
use crate::query::{Origin, Query, QueryError};
use crate::reported::Reading;
use crate::span::Granularity;
use crate::view::View;

const SERIES: &str = "series";

/// What it is.
pub const DEFINITION: Definition = Definition {
    id: "congress-meetings-per-year",
    title: "Meetings of a congress per period",
    definition: "Events of a series in the period, whatever their type. An event that belongs to no series does not \
                 count. Reported: published totals, with their subject as the series. A date too coarse for the period \
                 counts in none and is told (IMPRECISE_DATE); an empty period is zero only where a source is the \
                 complete register.",
    formula: "number of events of the series with their date in the period",
    formula_source: "",
    formula_version: 1,
    unit: "events",
    dimensions: &[SERIES, "type", "region"],
    parameters: &[Parameter {
        key: SERIES,
        description: "Name of the record whose series is counted; without it every series.",
        values: &[],
        default_value: "",
        required: false,
    }],
    kinds: &[Kind::Event, Kind::Observation, Kind::Variable, Kind::Source],
    granularities: Granularity::CALENDAR,
    compute: meetings,
};

struct Held<'a> {
    record: &'a Record,
    event: &'a Event,
    series: Option<&'a Name>,
}

impl<'a> Countable<'a> for Held<'a> {
    fn subject(&self) -> Subject<'a> {
        Subject::Record(self.record)
    }

    fn date(&self) -> Option<Date> {
        self.event.date
    }

    fn dimension(&self, name: &str) -> Option<Cow<'a, str>> {
        let text = match name {
            SERIES => self.series?.as_str(),
            "type" => self.event.event_type?.as_str(),
            "region" => &self.event.region,
            _ => return None,
        };
        (!text.is_empty()).then_some(Cow::from(text))
    }

    fn exclusion(&self) -> Option<Reason> {
        self.series.is_none().then_some(Reason::MissingValue)
    }
}

fn meetings(view: &View, query: &Query) -> Result<Answer, QueryError> {
    let mut query = query.clone();
    if let Some(name) = query.record_parameter(SERIES)? {
        if !view.contains(&name) {
            return Err(QueryError::NotFound { path: format!("parameters.{SERIES}"), name });
        }
        query.filter = Some(DimensionFilter::narrowed(query.filter, SERIES, name.as_str()));
    }
    let mut builder = Builder::default();
    let granularity = DEFINITION.granularity();
    if query.wants(Origin::Counted) {
        let frame = Frame { zero: Some(Kind::Event), subject: SERIES, unit: DEFINITION.unit, granularity };
        let held = view.events().map(|(record, event)| Held { record, event, series: event.series.as_ref() });
        frame.count(view, &query, held, &mut builder)?;
    }
    if query.wants(Origin::Reported) {
        let reading = Reading { indicator: DEFINITION.id, subject: SERIES, granularity };
        reading.add(view, &query, &mut builder);
    }
    Ok(builder.finish(DEFINITION.id, DEFINITION.formula_version))
}
