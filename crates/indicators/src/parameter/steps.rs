//! The changes of a legal parameter, each with the day from which it holds.

use reform_model::reform::{ParameterChange, Reform, Stage};
use reform_model::vocabulary::StageKind;
use reform_model::{Date, Name, Record};

use crate::view::View;

/// Which date says from when a value holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// The change's own day.
    Effective,
    /// The act's entry into force.
    InForce,
    /// The first application: it held by then.
    FirstApplied,
}

impl Since {
    /// As the contract writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Since::Effective => "EFFECTIVE",
            Since::InForce => "IN_FORCE",
            Since::FirstApplied => "FIRST_APPLIED",
        }
    }
}

/// One change of a parameter.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// The reform that made it.
    pub record: &'a Record,
    /// The reform's body.
    pub reform: &'a Reform,
    /// What moved.
    pub change: &'a ParameterChange,
    /// From when; none when no date is recorded.
    pub from: Option<Date>,
    /// Which date that is.
    pub since: Option<Since>,
    /// It is only foreseen.
    pub planned: bool,
}

/// The steps of a parameter in one jurisdiction: dated ones in order, then undated ones, then planned ones.
pub fn history<'a>(view: &'a View, parameter: &Name, jurisdiction: &str) -> Vec<Step<'a>> {
    let mut steps = Vec::new();
    for (record, reform) in view.reforms().filter(|(record, _)| record.jurisdiction == jurisdiction) {
        // The order in a reform is the order in which the changes happened, and the sort below keeps it.
        for change in reform.parameter_changes.iter().filter(|change| change.parameter == *parameter) {
            steps.push(Step::new(record, reform, change));
        }
    }
    steps.sort_by_key(|step| {
        (step.planned, step.from.is_none(), step.from.map(|from| (from.last(), from.first())))
    });
    steps
}

impl<'a> Step<'a> {
    fn new(record: &'a Record, reform: &'a Reform, change: &'a ParameterChange) -> Self {
        let planned = is_planned(reform, change);
        let stage = |kind: StageKind| {
            let counts = |stage: &&Stage| stage.kind == kind && (planned || !stage.is_planned());
            reform.stages.iter().filter(counts).find_map(|stage| stage.date)
        };
        let dated = [
            (Since::Effective, change.effective_on),
            (Since::InForce, stage(StageKind::InForce)),
            (Since::FirstApplied, stage(StageKind::FirstApplied)),
        ];
        let found = dated.into_iter().find_map(|(since, date)| Some((since, date?)));
        Self {
            record,
            reform,
            change,
            from: found.map(|(_, date)| date),
            since: found.map(|(since, _)| since),
            planned,
        }
    }
}

/// Whether the change has not been decided: it was announced, voted on or foreseen, and no more.
fn is_planned(reform: &Reform, change: &ParameterChange) -> bool {
    let decides = |stage: &&Stage| match stage.kind {
        StageKind::Adopted
        | StageKind::InForce
        | StageKind::FirstApplied
        | StageKind::Repealed
        | StageKind::Expired => true,
        StageKind::Announced | StageKind::PassedChamber => false,
    };
    let mut deciding = reform.stages.iter().filter(decides).peekable();
    let foreseen = deciding.peek().is_some();
    let decided = deciding.any(|stage| !stage.is_planned());
    !decided && !reform.stages.is_empty() && (foreseen || change.effective_on.is_none())
}
