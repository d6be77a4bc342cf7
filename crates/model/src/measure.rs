//! Variables, what was observed of them, and what was promised.

use std::collections::BTreeMap;

use crate::date::{Date, Period};
use crate::quantity::Quantity;
use crate::record::Name;
use crate::vocabulary::{Aggregation, Basis, Direction, Method, Path, Release};

/// Something that is measured, or a legal parameter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Variable {
    /// The unit of its observations.
    pub unit: String,
    /// Which way is better.
    pub direction: Option<Direction>,
    /// The bases that its observations may have.
    pub basis_allowed: Vec<Basis>,
    /// What the parts of a period make of the whole.
    pub aggregation: Option<Aggregation>,
    /// The variable of which this is a part.
    pub part_of: Option<Name>,
    /// The indicator whose published series this is.
    pub reports: Option<Reports>,
    /// Whether it is a number in a law.
    pub legal_parameter: bool,
}

/// "The published total of what `indicator` counts."
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reports {
    /// An indicator's id.
    pub indicator: String,
    /// Which part of it; empty is the whole.
    pub part: String,
}

/// One observed value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// Of what.
    pub variable: Name,
    /// Of whom; none is the jurisdiction.
    pub subject: Option<Name>,
    /// Of when.
    pub period: Period,
    /// What span the value speaks of.
    pub basis: Basis,
    /// The value.
    pub quantity: Quantity,
    /// How it came about.
    pub method: Option<Method>,
    /// How final it is.
    pub release: Option<Release>,
    /// When it was published.
    pub published_on: Option<Date>,
    /// The observations that it was computed from.
    pub derived_from: Vec<Name>,
    /// Free dimensions: "type" -> "complaint".
    pub dimensions: BTreeMap<String, String>,
}

/// A value promised for a date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Of what.
    pub variable: Name,
    /// Of whom; none is the jurisdiction.
    pub subject: Option<Name>,
    /// Where the path starts.
    pub baseline: Option<Quantity>,
    /// What is promised.
    pub quantity: Quantity,
    /// Until when.
    pub deadline_on: Option<Date>,
    /// The path between baseline and target.
    pub path: Option<Path>,
    /// The target that this one replaces.
    pub revised_from: Option<Name>,
    /// When the path starts.
    pub baseline_on: Option<Date>,
    /// The period that the target is about.
    pub window: Option<Period>,
    /// What span the value speaks of.
    pub basis: Option<Basis>,
    /// The points of a path by milestones.
    pub milestones: Vec<Milestone>,
}

/// A point on the way to a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Milestone {
    /// When.
    pub on: Date,
    /// How much.
    pub quantity: Quantity,
}
