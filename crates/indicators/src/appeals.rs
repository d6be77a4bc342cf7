//! Appeals: how many are filed, how long they take, how they end.
//!
//! `appeals-per-year` is here: appeals filed per period, counted from records and as published. The others read single
//! appeals: [`response`]: how long an answer takes; [`on_time`]: whether it came by its deadline; [`backlog`]: what is
//! open; [`outcomes`]: how appeals end.

pub mod backlog;
pub mod on_time;
pub mod outcomes;
pub mod response;

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
const INSTITUTION: &str = "institution";
const OUTCOME: &str = "outcome";
/// What appeals are broken down by.
const DIMENSIONS: &[&str] = &[INSTITUTION, "channel", "subject", OUTCOME, "region", "type", "applicant_kind"];

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
    dimensions: DIMENSIONS,
    parameters: &[],
    kinds: &[Kind::Appeal, Kind::Observation, Kind::Variable, Kind::Source],
    granularities: Granularity::CALENDAR,
    compute: appeals_per_year,
};

/// An appeal, by the day of filing.
#[derive(Debug, Clone, Copy)]
struct Filed<'a> {
    record: &'a Record,
    appeal: &'a Appeal,
}

impl Filed<'_> {
    /// Whether the dates contradict each other: it was answered or closed before it was filed.
    fn is_reversed(self) -> bool {
        let ends = [self.appeal.answered_on, self.appeal.closed_on].into_iter().flatten();
        self.appeal.filed_on.is_some_and(|filed| ends.into_iter().any(|end| end.certainly_before(filed)))
    }
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
