//! Reforms, their stages, and the legal parameters that they move.

use crate::date::Date;
use crate::quantity::Quantity;
use crate::record::Name;
use crate::vocabulary::{Act, Area, ChangeDirection, StageKind, StageStatus};

/// A package of reforms.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Package {
    /// When it was announced.
    pub announced_on: Option<Date>,
    /// Its number among the packages.
    pub order: Option<i32>,
}

/// A law, a decree, an amendment: what changes the rules.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reform {
    /// What it is about.
    pub area: Option<Area>,
    /// The package that it belongs to.
    pub package: Option<Name>,
    /// Its form.
    pub legal_act: Option<Act>,
    /// Its life.
    pub stages: Vec<Stage>,
    /// What it moves, in the order in which the changes happened.
    pub parameter_changes: Vec<ParameterChange>,
}

impl Reform {
    /// The first stage in the list that is not planned.
    pub fn first_actual_stage(&self) -> Option<&Stage> {
        self.stages.iter().find(|stage| !stage.is_planned())
    }
}

/// One stage of a reform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage {
    /// Which.
    pub kind: StageKind,
    /// When; none means that it was reached and nobody says when.
    pub date: Option<Date>,
    /// Planned or actual; none is actual.
    pub status: Option<StageStatus>,
}

impl Stage {
    /// Whether the stage is only planned.
    pub fn is_planned(&self) -> bool {
        self.status == Some(StageStatus::Planned)
    }
}

/// A legal parameter that moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterChange {
    /// A variable record.
    pub parameter: Name,
    /// The value before.
    pub before: Option<Quantity>,
    /// The value after.
    pub after: Option<Quantity>,
    /// The day from which the new value is valid.
    pub effective_on: Option<Date>,
    /// Which way, where no figures are given.
    pub direction: Option<ChangeDirection>,
}
