//! Reforms: `reforms-per-year`, those that reached a stage in the period, is here; [`lead_time`]: days from one stage to
//! another; [`status`]: the stages that all reforms have come to.

pub mod lead_time;
pub mod status;

use std::borrow::Cow;

use reform_model::reform::{Reform, Stage};
use reform_model::vocabulary::StageKind;
use reform_model::{Date, Kind, Record};

use crate::answer::{Answer, Builder};
use crate::catalogue::{Definition, Parameter};
use crate::counting::{Countable, Frame, Subject};
use crate::evidence::Reason;
use crate::query::{Origin, Query, QueryError};
use crate::reported::Reading;
use crate::span::Granularity;
use crate::view::View;

const ID: &str = "reforms-per-year";
const STAGE: &str = "stage";

/// What it is.
pub const DEFINITION: Definition = Definition {
    id: ID,
    title: "Reforms per period",
    definition: "Reforms that reached a stage in the period, the first time that they did. Planned stages never count; \
                 a stage that was reached on an unknown day is in no period and is counted as excluded. When the \
                 grouping or the filter names the stage, every stage counts unless the parameter picks one. A date too \
                 coarse for the period counts in none and is told (IMPRECISE_DATE); an empty period is zero only where \
                 a source is the complete register.",
    formula: "number of reforms whose stage is dated in the period",
    formula_source: "",
    formula_version: 1,
    unit: "reforms",
    dimensions: &["area", "package", STAGE, "act"],
    parameters: &[Parameter {
        key: STAGE,
        description: "The stage that a reform must have reached.",
        values: &[
            "ANNOUNCED",
            "ADOPTED",
            "IN_FORCE",
            "FIRST_APPLIED",
            "REPEALED",
            "EXPIRED",
            "PASSED_CHAMBER",
        ],
        default_value: "ADOPTED",
        required: false,
    }],
    kinds: &[Kind::Reform, Kind::Observation, Kind::Variable, Kind::Source],
    granularities: Granularity::CALENDAR,
    compute: reforms_per_year,
};

struct Reached<'a> {
    record: &'a Record,
    reform: &'a Reform,
    stage: Result<&'a Stage, Missed<'a>>,
}

/// Why a reform is not among those that reached a stage.
enum Missed<'a> {
    /// The stage is only foreseen.
    Planned(&'a Stage),
    /// It has no such stage.
    Never,
}

impl<'a> Countable<'a> for Reached<'a> {
    fn subject(&self) -> Subject<'a> {
        Subject::Record(self.record)
    }

    fn date(&self) -> Option<Date> {
        self.stage.as_ref().ok()?.date
    }

    fn dimension(&self, name: &str) -> Option<Cow<'a, str>> {
        match self.stage {
            Ok(stage) | Err(Missed::Planned(stage)) if name == STAGE => Some(Cow::from(stage.kind.as_str())),
            Ok(_) | Err(_) => dimension(self.reform, name),
        }
    }

    fn exclusion(&self) -> Option<Reason> {
        match self.stage {
            Ok(_) => None,
            Err(Missed::Planned(_)) => Some(Reason::Planned),
            Err(Missed::Never) => Some(Reason::NotReached),
        }
    }
}

fn reforms_per_year(view: &View, query: &Query) -> Result<Answer, QueryError> {
    let mut builder = Builder::default();
    if query.wants(Origin::Counted) {
        let picked = query.parameter(STAGE);
        let every = picked.is_none() && query.mentions(STAGE);
        let wanted = picked.unwrap_or(StageKind::Adopted.as_str());
        let kinds: Vec<StageKind> =
            StageKind::ALL.iter().copied().filter(|kind| every || kind.as_str() == wanted).collect();
        let reached = view.reforms().flat_map(|(record, reform)| {
            let stages = kinds.iter().filter_map(|kind| first_reached(reform, *kind)).map(Ok);
            // Nobody but the reader of an explanation wants to hear of the others.
            let missed = query.explain.iter().flat_map(|_| missed(reform, &kinds)).map(Err);
            let stages = stages.chain(missed);
            stages.map(|stage| Reached { record, reform, stage }).collect::<Vec<_>>()
        });
        let frame = Frame {
            zero: Some(Kind::Reform),
            subject: "",
            unit: DEFINITION.unit,
            granularity: Granularity::Year,
        };
        frame.count(view, query, reached, &mut builder)?;
    }
    if query.wants(Origin::Reported) {
        let reading = Reading { indicator: ID, subject: "", granularity: Granularity::Year };
        reading.add(view, query, &mut builder);
    }
    Ok(builder.finish(ID, DEFINITION.formula_version))
}

/// The stages of these kinds that are only foreseen, and that there is none at all.
fn missed<'a>(reform: &'a Reform, kinds: &[StageKind]) -> Vec<Missed<'a>> {
    let planned = reform.stages.iter().filter(|stage| stage.is_planned() && kinds.contains(&stage.kind));
    planned.map(Missed::Planned).chain([Missed::Never]).collect()
}

/// The value of a dimension that every reform has.
fn dimension<'a>(reform: &'a Reform, name: &str) -> Option<Cow<'a, str>> {
    match name {
        "area" => reform.area.map(|area| Cow::from(area.as_str())),
        "package" => reform.package.as_ref().map(|package| Cow::from(package.as_str())),
        "act" => reform.legal_act.map(|act| Cow::from(act.as_str())),
        _ => None,
    }
}

/// The stage as it was first reached: the earliest dated one, else the undated one.
fn first_reached(reform: &Reform, kind: StageKind) -> Option<&Stage> {
    let reached = reform.stages.iter().filter(|stage| stage.kind == kind && !stage.is_planned());
    reached.min_by_key(|stage| {
        stage.date.map_or((true, None), |date| (false, Some((date.last(), date.first()))))
    })
}
