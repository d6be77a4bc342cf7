//! Packages, reforms, their stages and what they change.

use reform_model::reform::{Package, ParameterChange, Reform, Stage};
use reform_model::vocabulary::{Act, Area, ChangeDirection, StageKind, StageStatus};

use super::checker::Checker;
use crate::data::v1;

pub(super) fn package(c: &mut Checker<'_>, wire: &v1::Package) -> Package {
    let v1::Package { announced_on, order } = wire;
    Package { announced_on: c.date("announced_on", announced_on), order: c.count("order", *order) }
}

pub(super) fn reform(c: &mut Checker<'_>, wire: &v1::Reform) -> Reform {
    // The number of the act is an identifier for readers.
    let v1::Reform { area, package, legal_act, stages, parameter_changes, act_number: _ } = wire;
    Reform {
        area: c.choice("area", *area, Area::from_number),
        package: c.reference("package", package),
        legal_act: c.choice("legal_act", *legal_act, Act::from_number),
        stages: c.list("stages", stages, stage),
        parameter_changes: c.list("parameter_changes", parameter_changes, parameter_change),
    }
}

/// Required: kind.
fn stage(c: &mut Checker<'_>, wire: &v1::Stage) -> Option<Stage> {
    let v1::Stage { kind, date, status } = wire;
    let kind = c.required_choice("kind", *kind, StageKind::from_number);
    let date = c.date("date", date);
    let status = c.choice("status", *status, StageStatus::from_number);
    Some(Stage { kind: kind?, date, status })
}

/// Required: parameter.
fn parameter_change(c: &mut Checker<'_>, wire: &v1::ParameterChange) -> Option<ParameterChange> {
    let v1::ParameterChange { parameter, before, after, effective_on, direction } = wire;
    let parameter = c.required_reference("parameter", parameter);
    let before = c.quantity("before", before);
    let after = c.quantity("after", after);
    let effective_on = c.date("effective_on", effective_on);
    let direction = c.choice("direction", *direction, ChangeDirection::from_number);
    Some(ParameterChange { parameter: parameter?, before, after, effective_on, direction })
}
