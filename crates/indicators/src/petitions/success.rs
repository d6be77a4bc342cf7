//! `petition-success-rate`: the share of petitions that reached the signatures that they need.

use std::borrow::Cow;

use reform_model::vocabulary::{PetitionStageKind, PetitionState};
use reform_model::{Date, Kind};

use super::{DIMENSIONS, Launched};
use crate::answer::{Answer, Builder, Code, Point};
use crate::catalogue::Definition;
use crate::counting::{Countable, Frame, Subject};
use crate::estimate::Estimate;
use crate::evidence::{Part, Reason};
use crate::query::{Origin, Query, QueryError};
use crate::span::Granularity;
use crate::view::View;
use crate::wilson;

/// Below this many petitions a share says little.
const PETITIONS_FEW: i64 = 10;

/// What it is.
pub const DEFINITION: Definition = Definition {
    id: "petition-success-rate",
    title: "Success of petitions",
    definition: "Of the petitions published in the period whose collecting of signatures has ended, the share that \
                 reached its threshold; what became of it afterwards does not matter, and one that reached the \
                 threshold has ended collecting. Petitions that are collecting, or of which nothing says how they \
                 ended, are unknown; those stopped at moderation never collected, and are excluded and counted.",
    formula: "threshold reached / collecting ended, with a 95 % Wilson interval",
    formula_source: wilson::SOURCE,
    formula_version: 1,
    unit: "share of petitions",
    dimensions: DIMENSIONS,
    parameters: &[],
    kinds: &[Kind::Petition],
    granularities: Granularity::CALENDAR,
    compute: success_rate,
};

/// How collecting went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    Reached,
    Failed,
    Unknown,
    ModeratedOut,
}

struct Collected<'a>(Launched<'a>);

impl Collected<'_> {
    fn course(&self) -> Course {
        let launched = self.0;
        let closed = launched.stage(PetitionStageKind::Closed).next().is_some();
        match launched.petition.state {
            _ if launched.is_moderated_out() => Course::ModeratedOut,
            _ if launched.has_reached() => Course::Reached,
            Some(PetitionState::Expired | PetitionState::Refused) => Course::Failed,
            Some(PetitionState::Collecting) => Course::Unknown,
            _ if closed => Course::Failed,
            _ => Course::Unknown,
        }
    }
}

impl<'a> Countable<'a> for Collected<'a> {
    fn subject(&self) -> Subject<'a> {
        Subject::Record(self.0.record)
    }

    fn date(&self) -> Option<Date> {
        // What is left out whatever its day is need not be placed in a period to be counted as that.
        let moderated_out = self.0.is_moderated_out();
        self.0.date().filter(|date| !moderated_out || date.day().is_some())
    }

    fn dimension(&self, name: &str) -> Option<Cow<'a, str>> {
        self.0.dimension(name)
    }

    fn part(&self) -> Result<Part, Reason> {
        match self.course() {
            Course::Reached => Ok(Part::of(1, "reached; these add up to the numerator")),
            Course::Failed => Ok(Part::of(0, "ended without reaching it")),
            Course::Unknown => Err(Reason::MissingValue),
            Course::ModeratedOut => Err(Reason::NotReached),
        }
    }
}

fn success_rate(view: &View, query: &Query) -> Result<Answer, QueryError> {
    let mut builder = Builder::default();
    if query.wants(Origin::Counted) {
        let frame = Frame { zero: None, subject: "", unit: DEFINITION.unit, granularity: Granularity::Year };
        let launched = view.petitions().map(|(record, petition)| Launched { record, petition });
        frame.fold(view, query, launched.map(Collected), &share, &mut builder)?;
    }
    Ok(builder.finish(DEFINITION.id, DEFINITION.formula_version))
}

fn share(items: &[Collected<'_>], point: &mut Point) {
    let count = |course: Course| {
        let found = items.iter().filter(|item| item.course() == course).count();
        i64::try_from(found).unwrap_or(i64::MAX)
    };
    let (reached, failed) = (count(Course::Reached), count(Course::Failed));
    point.records = reached + failed;
    point.unknown = count(Course::Unknown);
    point.excluded += count(Course::ModeratedOut);
    if reached + failed == 0 {
        point.warn(Code::Missing, "no petition of the period has ended collecting", 0);
        return;
    }
    (point.numerator, point.denominator) = (Some(reached), Some(reached + failed));
    point.estimate = wilson::rate(&Estimate::exact(reached), &Estimate::exact(failed));
    if reached + failed < PETITIONS_FEW {
        point.warn(Code::SmallN, "few petitions ended collecting", 0);
    }
}
