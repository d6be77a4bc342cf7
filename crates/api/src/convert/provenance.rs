//! Where a record was read, what speaks against it, and what is silenced.

use reform_model::findings::Rule;
use reform_model::record::{Citation, Discrepancy, Inference, Waiver};
use reform_model::vocabulary::{How, Resolution};

use super::checker::Checker;
use crate::data::v1;

/// Required: source. Every field path resolves.
pub(super) fn citation(c: &mut Checker<'_>, wire: &v1::Citation) -> Option<Citation> {
    // The note is for readers.
    let v1::Citation { source, locator, accessed_on, note: _, field_paths } = wire;
    let source = c.required_reference("source", source);
    // No rule reads the day, but a day that the calendar lacks is impossible here too.
    c.date("accessed_on", accessed_on);
    let field_paths = c.list("field_paths", field_paths, |c, path| c.field_path(path));
    Some(Citation { source: source?, locator: locator.clone(), field_paths })
}

/// Required: field_path, which resolves; claimed; resolution.
pub(super) fn discrepancy(c: &mut Checker<'_>, wire: &v1::Discrepancy) -> Option<Discrepancy> {
    // The locator is for readers.
    let v1::Discrepancy { field_path, claimed, source, resolution, reason, locator: _ } = wire;
    let field_path = c.within("field_path", |c| c.field_path(field_path));
    let claimed = c.required_text("claimed", claimed);
    let source = c.reference("source", source);
    let resolution = c.required_choice("resolution", *resolution, Resolution::from_number);
    let reason = reason.clone();
    Some(Discrepancy { field_path: field_path?, claimed, source, resolution: resolution?, reason })
}

/// Required: field_path, which resolves; how.
pub(super) fn inference(c: &mut Checker<'_>, wire: &v1::Inference) -> Option<Inference> {
    let v1::Inference { field_path, how, reason } = wire;
    let field_path = c.within("field_path", |c| c.field_path(field_path));
    let how = c.required_choice("how", *how, How::from_number);
    Some(Inference { field_path: field_path?, how: how?, reason: reason.clone() })
}

/// Required: rule, one of the findings'; reason.
pub(super) fn waiver(c: &mut Checker<'_>, wire: &v1::Waiver) -> Option<Waiver> {
    let v1::Waiver { rule, reason } = wire;
    let known = Rule::parse(rule);
    c.check("rule", known.is_some(), "must be the rule of a finding");
    let reason = c.required_text("reason", reason);
    Some(Waiver { rule: known?, reason })
}
