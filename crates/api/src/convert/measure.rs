//! Variables, observations and targets.

use reform_model::date::Period;
use reform_model::measure::{Milestone, Observation, Reports, Target, Variable};
use reform_model::vocabulary::{Aggregation, Basis, Direction, Method, Path, Release};

use super::checker::Checker;
use super::{others, values};
use crate::data::v1;

/// No part of itself.
pub(super) fn variable(c: &mut Checker<'_>, wire: &v1::Variable) -> Variable {
    // The definition is for readers.
    let v1::Variable {
        unit,
        direction,
        basis_allowed,
        definition: _,
        aggregation,
        part_of,
        reports,
        legal_parameter,
    } = wire;
    Variable {
        unit: unit.clone(),
        direction: c.choice("direction", *direction, Direction::from_number),
        basis_allowed: c
            .list("basis_allowed", basis_allowed, |c, basis| c.member(*basis, Basis::from_number)),
        aggregation: c.choice("aggregation", *aggregation, Aggregation::from_number),
        part_of: c.reference_to_another("part_of", part_of),
        reports: c.optional("reports", reports.as_ref(), self::reports),
        legal_parameter: *legal_parameter,
    }
}

/// Required: indicator.
fn reports(c: &mut Checker<'_>, wire: &v1::Reports) -> Option<Reports> {
    let v1::Reports { indicator, part } = wire;
    Some(Reports { indicator: c.required_text("indicator", indicator), part: part.clone() })
}

/// Required: variable, a period with an end, basis, quantity. Not derived from itself.
pub(super) fn observation(c: &mut Checker<'_>, wire: &v1::Observation) -> Option<Observation> {
    let v1::Observation {
        variable,
        subject,
        period,
        basis,
        quantity,
        method,
        release,
        published_on,
        derived_from,
        // The arithmetic is for readers.
        derivation: _,
        dimensions,
    } = wire;
    let variable = c.required_reference("variable", variable);
    let subject = c.reference("subject", subject);
    let period = c.required("period", period.as_ref(), bounded_period);
    let basis = c.required_choice("basis", *basis, Basis::from_number);
    let quantity = c.required_quantity("quantity", quantity);
    let method = c.choice("method", *method, Method::from_number);
    let release = c.choice("release", *release, Release::from_number);
    let published_on = c.date("published_on", published_on);
    let derived_from = others(c, "derived_from", derived_from);
    Some(Observation {
        variable: variable?,
        subject,
        period: period?,
        basis: basis?,
        quantity: quantity?,
        method,
        release,
        published_on,
        derived_from,
        dimensions: dimensions.clone(),
    })
}

/// A figure of all time is a figure of no time.
fn bounded_period(c: &mut Checker<'_>, wire: &v1::Period) -> Option<Period> {
    if wire.start.is_none() && wire.end.is_none() {
        c.refuse("a start or an end is required");
    }
    values::period(c, wire)
}

/// Required: variable, quantity. Not a revision of itself.
pub(super) fn target(c: &mut Checker<'_>, wire: &v1::Target) -> Option<Target> {
    let v1::Target {
        variable,
        subject,
        baseline,
        quantity,
        deadline_on,
        path,
        revised_from,
        baseline_on,
        window,
        basis,
        milestones,
    } = wire;
    let variable = c.required_reference("variable", variable);
    let subject = c.reference("subject", subject);
    let baseline = c.quantity("baseline", baseline);
    let quantity = c.required_quantity("quantity", quantity);
    let deadline_on = c.date("deadline_on", deadline_on);
    let path = c.choice("path", *path, Path::from_number);
    let revised_from = c.reference_to_another("revised_from", revised_from);
    let baseline_on = c.date("baseline_on", baseline_on);
    let window = c.optional("window", window.as_ref(), values::period);
    let basis = c.choice("basis", *basis, Basis::from_number);
    let milestones = c.list("milestones", milestones, milestone);
    Some(Target {
        variable: variable?,
        subject,
        baseline,
        quantity: quantity?,
        deadline_on,
        path,
        revised_from,
        baseline_on,
        window,
        basis,
        milestones,
    })
}

/// Required: on, quantity.
fn milestone(c: &mut Checker<'_>, wire: &v1::Milestone) -> Option<Milestone> {
    let v1::Milestone { on, quantity } = wire;
    let on = c.required("on", on.as_ref(), values::date);
    let quantity = c.required_quantity("quantity", quantity);
    Some(Milestone { on: on?, quantity: quantity? })
}
