//! An appeal as far as the columns hold it.

use reform_model::participation::Appeal;
use reform_model::record::Citation;
use reform_model::{Day, Name, Record};

use super::texts::TEXTS;
use super::times::{Dates, Times};

/// An appeal of which there is no more to know: without citations, all of its dates single days. Texts are empty where
/// they are not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Filing<'a> {
    /// `records/{id}`.
    pub name: &'a str,
    /// ISO 3166-1 or 3166-2.
    pub jurisdiction: &'a str,
    /// The name of the institution.
    pub institution: &'a str,
    /// How it came.
    pub channel: &'a str,
    /// What it is about.
    pub subject: &'a str,
    /// How it ended.
    pub outcome: &'a str,
    /// Where it came from.
    pub region: &'a str,
    /// What it is.
    pub appeal_type: &'a str,
    /// Who filed it.
    pub applicant_kind: &'a str,
    /// When it was filed.
    pub filed_on: Option<Day>,
    /// When it was first answered.
    pub answered_on: Option<Day>,
    /// When it was closed.
    pub closed_on: Option<Day>,
    /// By when it is to be answered.
    pub deadline_on: Option<Day>,
}

/// What goes into a row.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    pub(super) id: &'a str,
    /// In the order of a class.
    pub(super) texts: [&'a str; TEXTS],
    pub(super) citations: &'a [Citation],
    pub(super) times: Times,
}

impl<'a> From<Filing<'a>> for Parts<'a> {
    fn from(filing: Filing<'a>) -> Self {
        let texts = [
            filing.jurisdiction,
            filing.institution,
            filing.channel,
            filing.subject,
            filing.outcome,
            filing.region,
            filing.appeal_type,
            filing.applicant_kind,
        ];
        let days = [filing.filed_on, filing.answered_on, filing.closed_on, filing.deadline_on];
        let id = filing.name.strip_prefix(reform_model::record::COLLECTION).unwrap_or_default();
        Self { id, texts, citations: &[], times: Times::exact(days) }
    }
}

impl<'a> Parts<'a> {
    pub(crate) fn of(record: &'a Record, appeal: &'a Appeal) -> Self {
        let texts: [&str; TEXTS] = [
            &record.jurisdiction,
            appeal.institution.as_ref().map_or("", Name::as_str),
            &appeal.channel,
            &appeal.subject,
            &appeal.outcome,
            &appeal.region,
            &appeal.appeal_type,
            &appeal.applicant_kind,
        ];
        let times = Times::of(Dates {
            filed: appeal.filed_on,
            answered: appeal.answered_on,
            closed: appeal.closed_on,
            deadline: appeal.deadline_on,
        });
        Self { id: record.name.id(), texts, citations: &record.citations, times }
    }
}
