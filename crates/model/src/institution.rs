//! Sources, institutions and events.

use crate::date::{Date, Period};
use crate::record::{DatedName, Kind, Name};
use crate::vocabulary::{EventType, InstitutionType, LifecycleKind};

/// Where statements are read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Source {
    /// As the publisher prints it.
    pub title: String,
    /// Who published it.
    pub publisher: String,
    /// Where it stands.
    pub url: String,
    /// When it was published.
    pub published_on: Option<Date>,
    /// Of what it is the complete register.
    pub covers: Vec<Coverage>,
}

/// "This source is the complete register of a kind": the licence to read an empty year as zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// What is registered.
    pub kind: Kind,
    /// Whose; none is the whole jurisdiction.
    pub subject: Option<Name>,
    /// When.
    pub period: Period,
}

/// A court, chamber, ministry, council …
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Institution {
    /// What it is.
    pub institution_type: Option<InstitutionType>,
    /// Its life, in order.
    pub lifecycle: Vec<LifecycleStep>,
    /// What it took over from.
    pub predecessors: Vec<Name>,
    /// Members, where the text states a fixed number.
    pub member_count: Option<i32>,
    /// Its names.
    pub names: Vec<DatedName>,
}

/// One step in an institution's life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LifecycleStep {
    /// What happened.
    pub kind: LifecycleKind,
    /// When; none means nobody says.
    pub date: Option<Date>,
}

/// Something that happened on a day.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    /// What.
    pub event_type: Option<EventType>,
    /// When.
    pub date: Option<Date>,
    /// Its number in the series.
    pub number: Option<i32>,
    /// Whose series it belongs to.
    pub series: Option<Name>,
    /// ISO 3166-2.
    pub region: String,
}
