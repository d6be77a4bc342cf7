//! `court-decisions-per-year`: decisions of courts about norms, counted from records and as published.

use std::borrow::Cow;

use reform_model::participation::Decision;
use reform_model::{Date, Kind, Record};

use crate::answer::{Answer, Builder};
use crate::catalogue::Definition;
use crate::counting::{Countable, Frame, Subject};
use crate::query::{Origin, Query, QueryError};
use crate::reported::Reading;
use crate::span::Granularity;
use crate::view::View;

const INSTITUTION: &str = "institution";

/// What it is.
pub const DEFINITION: Definition = Definition {
    id: "court-decisions-per-year",
    title: "Decisions of courts per period",
    definition: "Decisions in the period; another unit than the norms decided on, and never mixed with them. Counted: \
                 decision records. Reported: published totals, with their subject as the institution; a running total \
                 is a series of its own. A date too coarse for the period counts in none and is told (IMPRECISE_DATE); \
                 an empty period is zero only where a source is the complete register.",
    formula: "number of decisions with their date in the period",
    formula_source: "",
    formula_version: 1,
    unit: "decisions",
    dimensions: &[INSTITUTION],
    parameters: &[],
    kinds: &[Kind::Decision, Kind::Observation, Kind::Variable, Kind::Source],
    granularities: Granularity::CALENDAR,
    compute: court_decisions,
};

struct Decided<'a> {
    record: &'a Record,
    decision: &'a Decision,
}

impl<'a> Countable<'a> for Decided<'a> {
    fn subject(&self) -> Subject<'a> {
        Subject::Record(self.record)
    }

    fn date(&self) -> Option<Date> {
        self.decision.date
    }

    fn dimension(&self, name: &str) -> Option<Cow<'a, str>> {
        let institution = self.decision.institution.as_ref().filter(|_| name == INSTITUTION)?;
        Some(Cow::from(institution.as_str()))
    }
}

fn court_decisions(view: &View, query: &Query) -> Result<Answer, QueryError> {
    let mut builder = Builder::default();
    let granularity = DEFINITION.granularity();
    if query.wants(Origin::Counted) {
        let zero = Some(Kind::Decision);
        let frame = Frame { zero, subject: INSTITUTION, unit: DEFINITION.unit, granularity };
        let decided = view.decisions().map(|(record, decision)| Decided { record, decision });
        frame.count(view, query, decided, &mut builder)?;
    }
    if query.wants(Origin::Reported) {
        let reading = Reading { indicator: DEFINITION.id, subject: INSTITUTION, granularity };
        reading.add(view, query, &mut builder);
    }
    Ok(builder.finish(DEFINITION.id, DEFINITION.formula_version))
}
