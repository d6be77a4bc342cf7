//! What is behind one point, record by record: what each brings to it, or why it brings nothing.
//!
//! A query that explains ([`crate::query::Explained`]) names one point. Whoever makes that point hangs its [`Evidence`]
//! on it; every other point costs what it always did.
//!
//! Where an indicator is additive the numbers add up to the point's value; where it has none to its lower bound, and
//! where it has no lower bound either to its upper one. A record that brings something is never excluded as well.

use std::collections::{BTreeMap, BTreeSet};

use reform_model::vocabulary::{Basis, Method, Rank};
use reform_model::{Name, Period};

use crate::answer::Point;
use crate::estimate::Estimate;
use crate::number::Number;
use crate::selection::{Candidate, Thing};

/// What a record, or a row in it, brings to a point.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Part {
    /// The number that enters; none where it is not one number that enters.
    pub number: Option<Number>,
    /// How it entered, for a reader; empty when there is nothing to add.
    pub note: String,
}

impl Part {
    /// One of a count.
    pub fn one() -> Self {
        Self::of(Number::one(), "")
    }

    /// A number, and how it enters.
    pub fn of(number: impl Into<Number>, note: impl Into<String>) -> Self {
        Self { number: Some(number.into()), note: note.into() }
    }

    /// What enters otherwise than by a number of its own.
    pub fn noted(note: impl Into<String>) -> Self {
        Self { number: None, note: note.into() }
    }
}

/// Why a record brings nothing to a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Another observation of the same thing is used.
    NotPreferred,
    /// Its rank says never to use it.
    Deprecated,
    /// A forecast is no observation.
    Forecast,
    /// It is of another time.
    OutsidePeriod,
    /// Its date is too coarse to say whether it belongs to the period.
    ImpreciseDate,
    /// It says nothing about when.
    Undated,
    /// It is foreseen and has not happened.
    Planned,
    /// It has not come to what is counted.
    NotReached,
    /// It does not state the value.
    MissingValue,
    /// It was closed before it was filed.
    ClosedBeforeFiled,
    /// It is no contender.
    NotAContender,
    /// It covers more than the period and is not shared out.
    LongerPeriod,
    /// Another figure already covers its time.
    Overlapping,
    /// Its figure is in another unit.
    OtherUnit,
    /// Something later took its place.
    Superseded,
    /// It was over before.
    Ended,
    /// It never was registered.
    NeverRegistered,
}

impl Reason {
    /// As the contract writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::NotPreferred => "NOT_PREFERRED",
            Reason::Deprecated => "DEPRECATED",
            Reason::Forecast => "FORECAST",
            Reason::OutsidePeriod => "OUTSIDE_PERIOD",
            Reason::ImpreciseDate => "IMPRECISE_DATE",
            Reason::Undated => "UNDATED",
            Reason::Planned => "PLANNED",
            Reason::NotReached => "NOT_REACHED",
            Reason::MissingValue => "MISSING_VALUE",
            Reason::ClosedBeforeFiled => "CLOSED_BEFORE_FILED",
            Reason::NotAContender => "NOT_A_CONTENDER",
            Reason::LongerPeriod => "LONGER_PERIOD",
            Reason::Overlapping => "OVERLAPPING",
            Reason::OtherUnit => "OTHER_UNIT",
            Reason::Superseded => "SUPERSEDED",
            Reason::Ended => "ENDED",
            Reason::NeverRegistered => "NEVER_REGISTERED",
        }
    }
}

/// The records behind a point and those left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evidence {
    parts: BTreeMap<Name, Vec<Part>>,
    left_out: BTreeMap<Name, Reason>,
}

impl Evidence {
    /// Something that a record brings; rows of one record add up.
    pub fn add(&mut self, record: impl Into<Name>, part: Part) {
        let name = record.into();
        self.left_out.remove(&name);
        self.parts.entry(name).or_default().push(part);
    }

    /// As [`Evidence::add`], where a record counts once however often it comes.
    pub fn add_once(&mut self, record: impl Into<Name>, part: Part) {
        let name = record.into();
        if !self.parts.contains_key(&name) {
            self.add(name, part);
        }
    }

    /// A record that brings nothing; the first reason stays, and none does beside something that it brings.
    pub fn exclude(&mut self, record: impl Into<Name>, reason: Reason) {
        let name = record.into();
        if !self.parts.contains_key(&name) {
            self.left_out.entry(name).or_insert(reason);
        }
    }

    /// Multiplies every number; without a factor no number of a record enters.
    pub fn scale(&mut self, factor: Option<&Number>) {
        for part in self.parts.values_mut().flatten() {
            part.number = part.number.as_ref().zip(factor).map(|(number, factor)| number * factor);
        }
    }

    /// What the records bring, by name, and in a record in the order in which it came.
    pub fn parts(&self) -> impl Iterator<Item = (&Name, &Part)> {
        self.parts.iter().flat_map(|(name, parts)| parts.iter().map(move |part| (name, part)))
    }

    /// The records left out, by name.
    pub fn left_out(&self) -> impl Iterator<Item = (&Name, Reason)> {
        self.left_out.iter().map(|(name, reason)| (name, *reason))
    }

    /// Takes in the published figures behind a point: of `all`, those in `used` are in it, and the others are not.
    pub fn observations<'a>(
        &mut self,
        point: &Point,
        all: impl IntoIterator<Item = Candidate<'a>>,
        used: &[Candidate<'a>],
    ) {
        for candidate in used {
            self.add(candidate.record, figure(&candidate.estimate(), point.estimate.as_ref()));
        }
        self.others(point.period, all, used);
    }

    /// The published figures that are not in a point over the period, beside those in it, which were added before.
    pub fn others<'a>(
        &mut self,
        period: Period,
        all: impl IntoIterator<Item = Candidate<'a>>,
        used: &[Candidate<'a>],
    ) {
        let things: BTreeSet<Thing> = used.iter().map(|candidate| Thing::of(*candidate)).collect();
        for candidate in all {
            let rival = things.contains(&Thing::of(candidate));
            self.exclude(candidate.record, why_not(candidate, rival, used, period));
        }
    }
}

/// The part of a sum that a figure is: its value where the sum has one, else the bound that the sum has.
pub fn figure(own: &Estimate, sum: Option<&Estimate>) -> Part {
    let lower = || own.lower.as_ref().map(|bound| bound.number.clone());
    let upper = || own.upper.as_ref().map(|bound| bound.number.clone());
    let number = match sum {
        Some(sum) if sum.value.is_some() => own.value.clone(),
        Some(sum) if sum.lower.is_some() => lower(),
        Some(sum) if sum.upper.is_some() => upper(),
        Some(_) | None => None,
    };
    let note = if own.is_exact() { String::new() } else { own.display() };
    Part { number: number.or_else(|| own.value.clone()).or_else(lower).or_else(upper), note }
}

fn why_not(candidate: Candidate<'_>, rival: bool, used: &[Candidate<'_>], period: Period) -> Reason {
    let (own, basis) = (candidate.observation.period, candidate.observation.basis);
    // A stock and a running total are of their last day, so only a rival is of the same time.
    let touches = basis == Basis::InPeriod && own.first() <= period.last() && period.first() <= own.last();
    let unit = |candidate: &Candidate<'_>| candidate.observation.quantity.unit.clone();
    if !rival && !touches {
        Reason::OutsidePeriod
    } else if candidate.record.rank == Some(Rank::Deprecated) {
        Reason::Deprecated
    } else if candidate.observation.method == Some(Method::Forecast) {
        Reason::Forecast
    } else if rival {
        Reason::NotPreferred
    } else if !(period.first() <= own.first() && own.last() <= period.last()) {
        Reason::LongerPeriod
    } else if used.first().is_some_and(|used| unit(used) != unit(&candidate)) {
        Reason::OtherUnit
    } else {
        Reason::Overlapping
    }
}
