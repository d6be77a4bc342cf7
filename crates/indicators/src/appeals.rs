//! `appeals-per-year`: appeals filed per period, counted from records and as published.

use std::borrow::Cow;

use reform_model::participation::Appeal;
use reform_model::{Date, Kind, Record};

use crate::answer::{Answer, Builder};
use crate::catalogue::Definition;
use crate::counting::{Countable, Frame};
use crate::query::{Origin, Query, QueryError};
use crate::reported::Reading;
use crate::span::Granularity;
use crate::view::View;

const ID: &str = "appeals-per-year";

/// What it is.
pub const DEFINITION: Definition = Definition {
    id: ID,
    title: "Appeals per period",
    definition: "Appeals filed in the period. Counted: appeal records, by the day of filing. Reported: published \
                 totals, with their subject as the institution; a running total is a series of its own and never a \
                 year's figure, but says how much it grew since the last one from the same start. A sum over parts \
                 of a year is marked.",
    formula: "number of appeals with filed_on in the period",
    formula_source: "",
    formula_version: 1,
    unit: "appeals",
    dimensions: &["institution", "channel", "subject", "outcome", "region", "type", "applicant_kind"],
    parameters: &[],
    kinds: &[Kind::Appeal, Kind::Observation, Kind::Variable, Kind::Source],
    granularities: Granularity::CALENDAR,
    compute: appeals_per_year,
};

struct Filed<'a> {
    record: &'a Record,
    appeal: &'a Appeal,
}

impl<'a> Countable<'a> for Filed<'a> {
    fn record(&self) -> &'a Record {
        self.record
    }

    fn date(&self) -> Option<Date> {
        self.appeal.filed_on
    }

    fn dimension(&self, name: &str) -> Option<Cow<'a, str>> {
        let appeal = self.appeal;
        let text = match name {
            "institution" => appeal.institution.as_ref()?.as_str(),
            "channel" => &appeal.channel,
            "subject" => &appeal.subject,
            "outcome" => &appeal.outcome,
            "region" => &appeal.region,
            "type" => &appeal.appeal_type,
            "applicant_kind" => &appeal.applicant_kind,
            _ => return None,
        };
        (!text.is_empty()).then_some(Cow::from(text))
    }
}

fn appeals_per_year(view: &View, query: &Query) -> Result<Answer, QueryError> {
    let mut builder = Builder::default();
    if query.wants(Origin::Counted) {
        let frame = Frame {
            zero: Some(Kind::Appeal),
            subject: "institution",
            unit: DEFINITION.unit,
            granularity: Granularity::Year,
        };
        let filed = view.appeals().map(|(record, appeal)| Filed { record, appeal });
        frame.count(view, query, filed, &mut builder)?;
    }
    if query.wants(Origin::Reported) {
        let reading = Reading { indicator: ID, subject: "institution", granularity: Granularity::Year };
        reading.add(view, query, &mut builder);
    }
    Ok(builder.finish(ID, DEFINITION.formula_version))
}
