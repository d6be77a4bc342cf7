//! Parties and how they end.

use crate::date::Date;
use crate::record::{DatedName, Name};
use crate::vocabulary::PartyEndKind;

/// A political party.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Party {
    /// Its names, each with the time in which it was used.
    pub names: Vec<DatedName>,
    /// When it was founded.
    pub founded_on: Option<Date>,
    /// When it was registered; none means unknown unless [`Party::never_registered`].
    pub registered_on: Option<Date>,
    /// Its end, if it ended.
    pub ended: Option<PartyEnd>,
    /// Parties that it continues or took in.
    pub predecessors: Vec<Name>,
    /// Later registrations of the same party.
    pub re_registered_on: Vec<Date>,
    /// It never was registered: not applicable, which is not unknown.
    pub never_registered: bool,
}

/// How and when a party ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartyEnd {
    /// How.
    pub kind: PartyEndKind,
    /// When; none means nobody says.
    pub date: Option<Date>,
}
