//! The record: what every kind shares.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::date::{Date, Day};
use crate::election::{Election, Referendum};
use crate::institution::{Event, Institution, Source};
use crate::measure::{Observation, Target, Variable};
use crate::participation::{Appeal, Decision, Petition};
use crate::party::Party;
use crate::reform::{Package, Reform};
use crate::vocabulary::{How, Rank, Resolution};

/// The largest id, in characters.
pub const ID_LENGTH_MAX: usize = 80;
/// The collection that every record belongs to.
pub const COLLECTION: &str = "records/";

/// The name of a record: `records/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

/// The text is not the name of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be records/ and an id of 1 to 80 of a-z, 0-9 and -")]
pub struct NameError;

impl Name {
    /// Checks a whole name.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let id = text.strip_prefix(COLLECTION).ok_or(NameError)?;
        if is_id(id) { Ok(Self(text.into())) } else { Err(NameError) }
    }

    /// The name of the record with that id.
    pub fn from_id(id: &str) -> Result<Self, NameError> {
        if is_id(id) { Ok(Self(format!("{COLLECTION}{id}").into())) } else { Err(NameError) }
    }

    /// Whether the text is a whole name.
    pub fn is_name(text: &str) -> bool {
        text.strip_prefix(COLLECTION).is_some_and(is_id)
    }

    /// `records/{id}`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part after `records/`.
    pub fn id(&self) -> &str {
        self.0.strip_prefix(COLLECTION).unwrap_or_default()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl std::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

fn is_id(id: &str) -> bool {
    (1..=ID_LENGTH_MAX).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// A sourced record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// `records/{id}`.
    pub name: Name,
    /// ISO 3166-1 alpha-2 or 3166-2; empty for what belongs to no country.
    pub jurisdiction: String,
    /// In one language.
    pub title: String,
    /// Free pairs.
    pub labels: BTreeMap<String, String>,
    /// Where the record's statements were read.
    pub citations: Vec<Citation>,
    /// Rival claims kept beside it.
    pub discrepancies: Vec<Discrepancy>,
    /// Values that no source prints.
    pub inferences: Vec<Inference>,
    /// Its place among rivals; none is NORMAL.
    pub rank: Option<Rank>,
    /// Soft rules that are silenced, with why.
    pub waivers: Vec<Waiver>,
    /// What it is.
    pub body: Body,
}

impl From<&Record> for Name {
    fn from(record: &Record) -> Self {
        record.name.clone()
    }
}

impl Record {
    /// What the record is.
    pub fn kind(&self) -> Kind {
        self.body.kind()
    }

    /// The sources cited, in order, each once.
    pub fn sources(&self) -> Vec<&Name> {
        let mut seen = std::collections::HashSet::new();
        self.citations.iter().map(|citation| &citation.source).filter(|name| seen.insert(*name)).collect()
    }

    /// The date that lists sort by.
    pub fn main_date(&self) -> Option<Date> {
        self.body.main_date()
    }

    /// The day that lists sort by: the earliest of [`Record::main_date`], none when it is absent or open.
    pub fn main_day(&self) -> Option<Day> {
        self.main_date().and_then(Date::earliest)
    }
}

/// Where a statement was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Citation {
    /// A source record.
    pub source: Name,
    /// Line, page, row.
    pub locator: String,
    /// The fields it carries; empty means all.
    pub field_paths: Vec<String>,
}

/// A rival claim about a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discrepancy {
    /// The field it is about.
    pub field_path: String,
    /// The rival value as text.
    pub claimed: String,
    /// Who claims it; none when only the claim is known.
    pub source: Option<Name>,
    /// What became of it.
    pub resolution: Resolution,
    /// Why.
    pub reason: String,
}

/// How a value that is not printed came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inference {
    /// The field.
    pub field_path: String,
    /// Inferred or computed.
    pub how: How,
    /// From what.
    pub reason: String,
}

/// Silences one finding rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    /// One of [`crate::findings::Rule`].
    pub rule: crate::findings::Rule,
    /// Why.
    pub reason: String,
}

/// A name and the time in which it was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatedName {
    /// The name.
    pub name: String,
    /// Its language tag, where stated.
    pub language: String,
    /// When it was used; open ends are unknown.
    pub used: crate::date::Period,
}

macro_rules! kinds {
    ($($variant:ident($type:ty) = $number:literal $text:literal,)*) => {
        /// What a record can be, in the order of an export.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "the protos say what each kind is")]
        pub enum Kind { $($variant = $number,)* }

        impl Kind {
            /// Every kind, in the order of an export.
            pub const ALL: &[Kind] = &[$(Kind::$variant,)*];

            /// The name of the body field.
            pub const fn as_str(self) -> &'static str {
                match self { $(Kind::$variant => $text,)* }
            }

            /// The kind of that body field.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Kind::$variant),)* _ => None }
            }

            /// The kind stored as that number.
            pub fn from_number(number: u8) -> Option<Self> {
                match number { $($number => Some(Kind::$variant),)* _ => None }
            }

            /// The number it is stored as; never changes.
            pub const fn number(self) -> u8 {
                self as u8
            }
        }

        /// What a record is, with its fields.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[expect(missing_docs, reason = "each variant holds the type of its name")]
        pub enum Body { $($variant($type),)* }

        impl Body {
            /// Which kind.
            pub fn kind(&self) -> Kind {
                match self { $(Body::$variant(_) => Kind::$variant,)* }
            }
        }
    };
}

kinds! {
    Source(Source) = 1 "source",
    Variable(Variable) = 2 "variable",
    Institution(Institution) = 3 "institution",
    Package(Package) = 4 "package",
    Party(Party) = 5 "party",
    Reform(Reform) = 6 "reform",
    Election(Election) = 7 "election",
    Referendum(Referendum) = 8 "referendum",
    Petition(Petition) = 9 "petition",
    Appeal(Appeal) = 10 "appeal",
    Decision(Decision) = 11 "decision",
    Event(Event) = 12 "event",
    Observation(Observation) = 13 "observation",
    Target(Target) = 14 "target",
}

impl Kind {
    /// Whether a record of this kind needs a citation.
    pub fn needs_citation(self) -> bool {
        !matches!(self, Kind::Source | Kind::Variable | Kind::Appeal)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Body {
    /// The date that lists sort by, as the contract names it for each kind.
    pub fn main_date(&self) -> Option<Date> {
        match self {
            Body::Source(source) => source.published_on,
            Body::Variable(_) => None,
            Body::Institution(institution) => institution.lifecycle.first().and_then(|step| step.date),
            Body::Package(package) => package.announced_on,
            Body::Party(party) => party.registered_on.or(party.founded_on),
            Body::Reform(reform) => reform.first_actual_stage().and_then(|stage| stage.date),
            Body::Election(election) => election.held_on.first().copied(),
            Body::Referendum(referendum) => referendum.held_on.or(referendum.planned_on),
            Body::Petition(petition) => petition.stages.first().and_then(|stage| stage.date),
            Body::Appeal(appeal) => appeal.filed_on,
            Body::Decision(decision) => decision.date,
            Body::Event(event) => event.date,
            Body::Observation(observation) => observation.period.start,
            Body::Target(target) => target.deadline_on,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_an_id_below_records() {
        for good in ["records/a", "records/kz-party-amanat", "records/0-9"] {
            assert_eq!(Name::parse(good).unwrap().as_str(), good);
        }
        let long = format!("records/{}", "a".repeat(81));
        for bad in ["", "records/", "a", "records/A", "records/a_b", "records/a/b", "record/a", &long] {
            assert_eq!(Name::parse(bad), Err(NameError), "{bad}");
        }
    }

    #[test]
    fn kinds_come_back_from_their_text_and_number() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.as_str()), Some(*kind));
            assert_eq!(Kind::from_number(kind.number()), Some(*kind));
        }
    }
}
