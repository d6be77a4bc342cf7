//! Appeals, decisions and petitions.

use reform_model::participation::{Appeal, Decision, Petition, PetitionStage, SignatureCount};
use reform_model::vocabulary::{PetitionStageKind, PetitionState};

use super::checker::Checker;
use crate::data::v1;

pub(super) fn appeal(c: &mut Checker<'_>, wire: &v1::Appeal) -> Appeal {
    let v1::Appeal {
        institution,
        filed_on,
        admitted_on,
        answered_on,
        closed_on,
        channel,
        subject,
        outcome,
        refusal_reason,
        region,
        deadline_on,
        r#type,
        applicant_kind,
    } = wire;
    Appeal {
        institution: c.reference("institution", institution),
        filed_on: c.date("filed_on", filed_on),
        admitted_on: c.date("admitted_on", admitted_on),
        answered_on: c.date("answered_on", answered_on),
        closed_on: c.date("closed_on", closed_on),
        channel: channel.clone(),
        subject: subject.clone(),
        outcome: outcome.clone(),
        refusal_reason: refusal_reason.clone(),
        region: c.region("region", region),
        deadline_on: c.date("deadline_on", deadline_on),
        appeal_type: r#type.clone(),
        applicant_kind: applicant_kind.clone(),
    }
}

/// No count is negative.
pub(super) fn decision(c: &mut Checker<'_>, wire: &v1::Decision) -> Decision {
    let v1::Decision { institution, date, norms_consistent, norms_inconsistent, norms_interpreted } = wire;
    Decision {
        institution: c.reference("institution", institution),
        date: c.date("date", date),
        norms_consistent: c.count("norms_consistent", *norms_consistent),
        norms_inconsistent: c.count("norms_inconsistent", *norms_inconsistent),
        norms_interpreted: c.count("norms_interpreted", *norms_interpreted),
    }
}

/// The threshold is not negative.
pub(super) fn petition(c: &mut Checker<'_>, wire: &v1::Petition) -> Petition {
    let v1::Petition { institution, stages, threshold, signatures, state } = wire;
    let threshold = c.quantity("threshold", threshold);
    c.amount("threshold", threshold.as_ref());
    Petition {
        institution: c.reference("institution", institution),
        stages: c.list("stages", stages, petition_stage),
        threshold,
        signatures: c.list("signatures", signatures, signature_count),
        state: c.choice("state", *state, PetitionState::from_number),
    }
}

/// Required: kind.
fn petition_stage(c: &mut Checker<'_>, wire: &v1::PetitionStage) -> Option<PetitionStage> {
    let v1::PetitionStage { kind, date } = wire;
    let kind = c.required_choice("kind", *kind, PetitionStageKind::from_number);
    let date = c.date("date", date);
    Some(PetitionStage { kind: kind?, date })
}

/// Required: count, which is not negative.
fn signature_count(c: &mut Checker<'_>, wire: &v1::SignatureCount) -> Option<SignatureCount> {
    let v1::SignatureCount { as_of, count } = wire;
    let as_of = c.date("as_of", as_of);
    let count = c.required_quantity("count", count);
    c.amount("count", count.as_ref());
    Some(SignatureCount { as_of, count: count? })
}
