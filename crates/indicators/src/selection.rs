//! Which of several observations of one thing is used.
//!
//! PREFERRED before NORMAL, never DEPRECATED; counted or reported before estimated before derived, a forecast never;
//! then revised, final, unspecified, provisional; then the latest published; then the record name.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use reform_model::measure::Observation;
use reform_model::vocabulary::{Basis, Method, Rank, Release, Resolution};
use reform_model::{Date, Day, Name, Quantity, Record};

use crate::estimate::{Bound, Estimate};
use crate::number::Number;
use crate::view::View;

/// An observation and the record that it stands in.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// The record.
    pub record: &'a Record,
    /// Its body.
    pub observation: &'a Observation,
}

/// The observation that is used, and those that are not.
#[derive(Debug, Clone)]
pub struct Choice<'a> {
    /// The one that is used.
    pub chosen: Candidate<'a>,
    /// The others, the best first; deprecated ones and forecasts are among them.
    pub others: Vec<Candidate<'a>>,
}

/// What an observation is of: rivals agree in all of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Thing {
    /// Of what.
    pub variable: Name,
    /// Where.
    pub jurisdiction: String,
    /// Of whom.
    pub subject: Option<Name>,
    /// Over what span.
    pub basis: Basis,
    /// By what dimensions.
    pub dimensions: BTreeMap<String, String>,
    /// From when; a year and its first day are the same.
    pub first: Option<Day>,
    /// Until when.
    pub last: Option<Day>,
}

impl Thing {
    /// What the candidate is an observation of.
    pub fn of(candidate: Candidate<'_>) -> Self {
        let Candidate { record, observation } = candidate;
        Self {
            variable: observation.variable.clone(),
            jurisdiction: record.jurisdiction.clone(),
            subject: observation.subject.clone(),
            basis: observation.basis,
            dimensions: observation.dimensions.clone(),
            // A stock is of one day: where it starts says nothing.
            first: (observation.basis != Basis::StockAt || observation.period.end.is_none())
                .then_some(observation.period.start.map(Date::first))
                .flatten(),
            last: observation.period.end.map(Date::last),
        }
    }
}

/// The observations of a variable, rivals together, the one to use chosen; things without a usable one are left out.
pub fn choose_each<'a>(
    view: &View,
    candidates: impl IntoIterator<Item = Candidate<'a>>,
) -> BTreeMap<Thing, Choice<'a>> {
    let mut rivals: BTreeMap<Thing, Vec<Candidate<'a>>> = BTreeMap::new();
    for candidate in candidates {
        rivals.entry(Thing::of(candidate)).or_default().push(candidate);
    }
    rivals.into_iter().filter_map(|(thing, rivals)| Some((thing, choose(view, rivals)?))).collect()
}

/// The candidates for [`choose_each`]: the observations of a variable.
pub fn candidates<'a>(view: &'a View, variable: &'a Name) -> impl Iterator<Item = Candidate<'a>> {
    view.observations_of(variable).map(|(record, observation)| Candidate { record, observation })
}

/// Chooses among rivals; none when all are deprecated or forecasts.
pub fn choose<'a>(view: &View, rivals: impl IntoIterator<Item = Candidate<'a>>) -> Option<Choice<'a>> {
    let mut ordered = in_order(view, rivals);
    let chosen = ordered.first().copied().filter(|candidate| candidate.is_usable())?;
    Some(Choice { chosen, others: ordered.split_off(1) })
}

/// Rivals, the best first.
pub fn in_order<'a>(view: &View, rivals: impl IntoIterator<Item = Candidate<'a>>) -> Vec<Candidate<'a>> {
    let mut ordered: Vec<Candidate<'a>> = rivals.into_iter().collect();
    ordered.sort_by_cached_key(|candidate| preference(view, *candidate));
    ordered
}

/// The first rule by which one candidate stands before another.
pub fn rule(view: &View, better: Candidate<'_>, worse: Candidate<'_>) -> &'static str {
    let (better, worse) = (preference(view, better), preference(view, worse));
    if better.unusable != worse.unusable {
        "the other is deprecated or a forecast"
    } else if better.rank != worse.rank {
        "rank"
    } else if better.method != worse.method {
        "method"
    } else if better.release != worse.release {
        "release"
    } else if better.published != worse.published {
        "day of publication"
    } else {
        "name of the record"
    }
}

impl Candidate<'_> {
    /// Whether it may be used at all.
    pub fn is_usable(self) -> bool {
        self.record.rank != Some(Rank::Deprecated) && self.observation.method != Some(Method::Forecast)
    }

    /// The day or the span that it answers for: a stock and a running total answer for their last day.
    pub fn answers_for(self) -> reform_model::Period {
        let period = self.observation.period;
        match self.observation.basis {
            Basis::InPeriod => period,
            Basis::CumulativeSince | Basis::StockAt => {
                let day = period.end.or(period.start);
                reform_model::Period { start: day, end: day }
            }
        }
    }

    /// The figure.
    pub fn estimate(self) -> Estimate {
        Estimate::from(&self.observation.quantity)
    }

    /// Rival claims about the figure, or about what it is a figure of, that nobody has settled.
    pub fn unresolved(self) -> usize {
        const FIELDS: [&str; 3] = ["observation.quantity", "observation.period", "observation.basis"];
        let about = |path: &str| path == "observation" || FIELDS.iter().any(|field| path.starts_with(field));
        let discrepancies = self.record.discrepancies.iter();
        discrepancies.filter(|one| one.resolution == Resolution::Unresolved && about(&one.field_path)).count()
    }
}

impl Choice<'_> {
    /// How many usable rivals contradict the chosen one.
    pub fn conflicts(&self) -> usize {
        let chosen = &self.chosen.observation.quantity;
        let rivals = self.others.iter().filter(|rival| rival.is_usable());
        rivals.filter(|rival| contradict(chosen, &rival.observation.quantity)).count()
    }
}

/// Whether two figures cannot both be right: their intervals stay apart after each was widened by half a unit of its
/// last printed digit. Widened intervals that only touch are apart, because a number rounds to one side.
pub fn contradict(a: &Quantity, b: &Quantity) -> bool {
    a.unit == b.unit && (lies_below(a, b) || lies_below(b, a))
}

fn lies_below(a: &Quantity, b: &Quantity) -> bool {
    let upper = a.upper().map(|(number, _)| Number::from(number) + half_unit(a));
    let lower = b.lower().map(|(number, _)| Number::from(number) - half_unit(b));
    match (upper, lower) {
        (Some(upper), Some(lower)) => upper <= lower,
        (None, _) | (_, None) => false,
    }
}

/// Half a unit of the last printed digit; what nothing is known about below it.
fn half_unit(quantity: &Quantity) -> Number {
    let (low, high) = quantity.extremes();
    Number::scaled(5, low.scale().max(high.scale()) + 1)
}

/// Smaller is better, field by field.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Preference {
    unusable: bool,
    rank: u8,
    method: u8,
    release: u8,
    published: Reverse<Option<Day>>,
    name: Name,
}

fn preference(view: &View, candidate: Candidate<'_>) -> Preference {
    let Candidate { record, observation } = candidate;
    let rank = match record.rank {
        Some(Rank::Preferred) => 0,
        Some(Rank::Normal) | None => 1,
        Some(Rank::Deprecated) => 2,
    };
    let method = match observation.method {
        // A figure whose making is not stated is a published one.
        Some(Method::Counted | Method::Reported) | None => 0,
        Some(Method::Estimated) => 1,
        Some(Method::Derived) => 2,
        Some(Method::Forecast) => 3,
    };
    let release = match observation.release {
        Some(Release::Revised) => 0,
        Some(Release::Final) => 1,
        None => 2,
        Some(Release::Provisional) => 3,
    };
    let published = observation.published_on.or_else(|| cited_publication(view, record)).map(Date::last);
    Preference {
        unusable: !candidate.is_usable(),
        rank,
        method,
        release,
        published: Reverse(published),
        name: record.name.clone(),
    }
}

/// The latest publication of a cited source, for figures that do not state their own.
fn cited_publication(view: &View, record: &Record) -> Option<Date> {
    let cited = record.sources().into_iter().filter_map(|name| view.source(name)?.1.published_on);
    cited.max_by_key(|date| date.last())
}

/// The bounds that a printed figure leaves the truth, widened by half a unit of its last digit.
pub fn widened(quantity: &Quantity) -> Estimate {
    let half = half_unit(quantity);
    let exact = Estimate::from(quantity);
    let shift = |bound: Option<Bound>, by: Number| {
        bound.map(|bound| Bound { number: bound.number + by, open: bound.open })
    };
    Estimate { lower: shift(exact.lower, -half.clone()), upper: shift(exact.upper, half), ..exact }
}
