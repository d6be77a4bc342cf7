//! Citizens and the state: appeals, decisions of courts, petitions.

use crate::date::Date;
use crate::quantity::Quantity;
use crate::record::Name;
use crate::vocabulary::{PetitionStageKind, PetitionState};

/// One appeal of a citizen or an organisation; no names, addresses or texts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Appeal {
    /// Whom it was addressed to.
    pub institution: Option<Name>,
    /// When it was filed.
    pub filed_on: Option<Date>,
    /// When it was admitted.
    pub admitted_on: Option<Date>,
    /// When it was first answered.
    pub answered_on: Option<Date>,
    /// When it was closed.
    pub closed_on: Option<Date>,
    /// How it came: online, post …
    pub channel: String,
    /// What it is about.
    pub subject: String,
    /// How it ended.
    pub outcome: String,
    /// Why it was refused.
    pub refusal_reason: String,
    /// ISO 3166-2.
    pub region: String,
    /// The day by which it is to be answered.
    pub deadline_on: Option<Date>,
    /// Application, inquiry, complaint, proposal.
    pub appeal_type: String,
    /// Citizen, organisation, ombudsperson, prosecutor.
    pub applicant_kind: String,
}

/// A decision of a court about norms.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decision {
    /// The court.
    pub institution: Option<Name>,
    /// When.
    pub date: Option<Date>,
    /// Norms found consistent.
    pub norms_consistent: Option<i32>,
    /// Norms found inconsistent.
    pub norms_inconsistent: Option<i32>,
    /// Norms interpreted.
    pub norms_interpreted: Option<i32>,
}

/// A petition with its signatures.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Petition {
    /// Whom it is addressed to.
    pub institution: Option<Name>,
    /// Its life.
    pub stages: Vec<PetitionStage>,
    /// Signatures that it needs.
    pub threshold: Option<Quantity>,
    /// Counts of signatures over time.
    pub signatures: Vec<SignatureCount>,
    /// Where it stands.
    pub state: Option<PetitionState>,
}

/// One stage of a petition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PetitionStage {
    /// Which.
    pub kind: PetitionStageKind,
    /// When; none means nobody says.
    pub date: Option<Date>,
}

/// Signatures at a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureCount {
    /// The day.
    pub as_of: Option<Date>,
    /// How many.
    pub count: Quantity,
}
