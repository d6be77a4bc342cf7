//! Petitions: `petitions-per-year` is here; [`success`]: how many reach the signatures that they need; [`threshold`]:
//! how long that takes.

pub mod success;
pub mod threshold;

use std::borrow::Cow;
use std::cmp::Ordering;

use reform_model::participation::Petition;
use reform_model::vocabulary::{PetitionStageKind, PetitionState};
use reform_model::{Date, Kind, Quantity, Record};

use crate::answer::{Answer, Builder};
use crate::catalogue::Definition;
use crate::counting::{Countable, Frame, Subject};
use crate::estimate::Estimate;
use crate::query::{Origin, Query, QueryError};
use crate::reported::Reading;
use crate::span::Granularity;
use crate::view::View;

const INSTITUTION: &str = "institution";
const STATE: &str = "state";
/// What petitions are broken down by.
const DIMENSIONS: &[&str] = &[INSTITUTION, STATE];

/// What it is.
pub const DEFINITION: Definition = Definition {
    id: "petitions-per-year",
    title: "Petitions per period",
    definition: "Petitions published in the period; one of which no publication is recorded counts by its earliest \
                 stage, so that those stopped at moderation are among them and may be told apart by their state. One \
                 without any date is in no period and is counted as excluded. A date too coarse for the period counts \
                 in none and is told (IMPRECISE_DATE); an empty period is zero only where a source is the complete \
                 register.",
    formula: "number of petitions whose publication, else first stage, is dated in the period",
    formula_source: "",
    formula_version: 1,
    unit: "petitions",
    dimensions: DIMENSIONS,
    parameters: &[],
    kinds: &[Kind::Petition, Kind::Observation, Kind::Variable, Kind::Source],
    granularities: Granularity::CALENDAR,
    compute: petitions_per_year,
};

/// A petition, by the day of its publication.
#[derive(Debug, Clone, Copy)]
struct Launched<'a> {
    record: &'a Record,
    petition: &'a Petition,
}

impl<'a> Launched<'a> {
    fn stage(self, kind: PetitionStageKind) -> impl Iterator<Item = Option<Date>> + 'a {
        self.petition.stages.iter().filter(move |stage| stage.kind == kind).map(|stage| stage.date)
    }

    /// The earliest date of a stage.
    fn stage_date(self, kind: PetitionStageKind) -> Option<Date> {
        self.stage(kind).flatten().min_by_key(|date| (date.last(), date.first()))
    }

    /// It was stopped before anyone could sign it.
    fn is_moderated_out(self) -> bool {
        let rejected = self.stage(PetitionStageKind::Rejected).next().is_some();
        let published = self.stage(PetitionStageKind::Published).next().is_some();
        self.petition.state == Some(PetitionState::RejectedAtModeration) || rejected && !published
    }

    /// Whether it has the signatures that it needs: a recorded stage or state says so, or a count does.
    fn has_reached(self) -> bool {
        self.stage(PetitionStageKind::ThresholdReached).next().is_some()
            || matches!(self.petition.state, Some(PetitionState::ThresholdReached | PetitionState::Accepted))
            || self.counts().any(|(_, against)| against != Some(Ordering::Less) && against.is_some())
    }

    /// The counts of signatures by their dates, each against the threshold: certainly below it, certainly not, or
    /// neither.
    fn counts(self) -> impl Iterator<Item = (Option<Date>, Option<Ordering>)> + 'a {
        let threshold = self.petition.threshold.as_ref();
        self.petition
            .signatures
            .iter()
            .map(move |count| (count.as_of, threshold.and_then(|threshold| against(&count.count, threshold))))
    }
}

/// How a count lies to a threshold, where that is certain; at it and above it are [`Ordering::Greater`].
fn against(count: &Quantity, threshold: &Quantity) -> Option<Ordering> {
    let (count, threshold) = (Estimate::from(count), Estimate::from(threshold));
    let rest = count.sub(&threshold);
    let below =
        rest.upper.is_some_and(|upper| upper.number.is_negative() || upper.number.is_zero() && upper.open);
    let reached = rest.lower.is_some_and(|lower| !lower.number.is_negative());
    if below { Some(Ordering::Less) } else { reached.then_some(Ordering::Greater) }
}

impl<'a> Countable<'a> for Launched<'a> {
    fn subject(&self) -> Subject<'a> {
        Subject::Record(self.record)
    }

    fn date(&self) -> Option<Date> {
        let dated = self.petition.stages.iter().filter_map(|stage| stage.date);
        let first = dated.min_by_key(|date| (date.last(), date.first()));
        self.stage_date(PetitionStageKind::Published).or(first)
    }

    fn dimension(&self, name: &str) -> Option<Cow<'a, str>> {
        match name {
            INSTITUTION => self.petition.institution.as_ref().map(|name| Cow::from(name.as_str())),
            STATE => self.petition.state.map(|state| Cow::from(state.as_str())),
            _ => None,
        }
    }
}

fn petitions_per_year(view: &View, query: &Query) -> Result<Answer, QueryError> {
    let mut builder = Builder::default();
    let granularity = DEFINITION.granularity();
    if query.wants(Origin::Counted) {
        let zero = Some(Kind::Petition);
        let frame = Frame { zero, subject: INSTITUTION, unit: DEFINITION.unit, granularity };
        let launched = view.petitions().map(|(record, petition)| Launched { record, petition });
        frame.count(view, query, launched, &mut builder)?;
    }
    if query.wants(Origin::Reported) {
        let reading = Reading { indicator: DEFINITION.id, subject: INSTITUTION, granularity };
        reading.add(view, query, &mut builder);
    }
    Ok(builder.finish(DEFINITION.id, DEFINITION.formula_version))
}
