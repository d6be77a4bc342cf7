//! What the indicators read: the live records of one store at one revision, folded from its changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use reform_model::election::{Election, Referendum};
use reform_model::institution::{Event, Institution, Source};
use reform_model::measure::{Observation, Target, Variable};
use reform_model::participation::{Appeal, Decision, Petition};
use reform_model::party::Party;
use reform_model::reform::{Package, Reform};
use reform_model::{Body, Kind, Name, Record};

use crate::weight;

/// A live record and the revision that wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The record.
    pub record: Arc<Record>,
    /// The revision of its last change.
    pub revision: i64,
}

/// One change of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It was created, changed or undeleted.
    Put(Arc<Record>, i64),
    /// It was deleted or purged.
    Remove(Name),
    /// It cannot be read, so no indicator reads it.
    Damaged(Name),
}

/// The folded records. Two views of the same records at the same revision are equal, however they were folded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct View {
    store_id: String,
    revision: i64,
    kinds: BTreeMap<Kind, BTreeMap<Name, Entry>>,
    /// Observations by variable.
    observed: BTreeMap<Name, BTreeSet<Name>>,
    /// Variables by the indicator that they report.
    reporting: BTreeMap<String, BTreeSet<Name>>,
    damaged: BTreeSet<Name>,
    bytes: usize,
}

impl View {
    /// An empty view of a store.
    pub fn new(store_id: impl Into<String>) -> Self {
        Self { store_id: store_id.into(), ..Self::default() }
    }

    /// The store that it is folded from.
    pub fn store_id(&self) -> &str {
        &self.store_id
    }

    /// The revision that everything in it was folded up to.
    pub fn revision(&self) -> i64 {
        self.revision
    }

    /// Says that all changes up to that revision were applied.
    pub fn set_revision(&mut self, revision: i64) {
        self.revision = revision;
    }

    /// Takes in one change.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Put(record, revision) => {
                self.remove(&record.name);
                self.index(&record);
                self.bytes += weight::bytes(&record);
                let rows = self.kinds.entry(record.kind()).or_default();
                rows.insert(record.name.clone(), Entry { record, revision });
            }
            Change::Remove(name) => self.remove(&name),
            Change::Damaged(name) => {
                self.remove(&name);
                self.damaged.insert(name);
            }
        }
    }

    fn index(&mut self, record: &Record) {
        if let Body::Observation(observation) = &record.body {
            let observed = self.observed.entry(observation.variable.clone()).or_default();
            observed.insert(record.name.clone());
        }
        if let Body::Variable(Variable { reports: Some(reports), .. }) = &record.body {
            let reporting = self.reporting.entry(reports.indicator.clone()).or_default();
            reporting.insert(record.name.clone());
        }
    }

    fn remove(&mut self, name: &Name) {
        self.damaged.remove(name);
        let Some(kind) = self.get(name).map(|entry| entry.record.kind()) else { return };
        let Some(rows) = self.kinds.get_mut(&kind) else { return };
        let Some(entry) = rows.remove(name) else { return };
        if rows.is_empty() {
            self.kinds.remove(&kind);
        }
        self.bytes = self.bytes.saturating_sub(weight::bytes(&entry.record));
        if let Body::Observation(observation) = &entry.record.body {
            drop_from(&mut self.observed, &observation.variable, name);
        }
        if let Body::Variable(Variable { reports: Some(reports), .. }) = &entry.record.body {
            drop_from(&mut self.reporting, &reports.indicator, name);
        }
    }

    /// A live record by name.
    pub fn get(&self, name: &Name) -> Option<&Entry> {
        self.kinds.values().find_map(|rows| rows.get(name))
    }

    /// A live record by name as text.
    pub fn find(&self, name: &str) -> Option<&Entry> {
        self.kinds.values().find_map(|rows| rows.get(name))
    }

    /// The live records of a kind, by name.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Entry> {
        self.kinds.get(&kind).into_iter().flat_map(BTreeMap::values)
    }

    /// Number of live records of each kind that has any.
    pub fn rows(&self) -> BTreeMap<Kind, usize> {
        self.kinds.iter().map(|(kind, rows)| (*kind, rows.len())).collect()
    }

    /// Memory of the records, in bytes, as far as their fields tell.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Records that cannot be read.
    pub fn damaged(&self) -> &BTreeSet<Name> {
        &self.damaged
    }

    /// The observations of a variable, by name.
    pub fn observations_of(&self, variable: &Name) -> impl Iterator<Item = (&Record, &Observation)> {
        let names = self.observed.get(variable).into_iter().flatten();
        let rows = self.kinds.get(&Kind::Observation);
        names.filter_map(move |name| {
            let record = &*rows?.get(name)?.record;
            let Body::Observation(observation) = &record.body else { return None };
            Some((record, observation))
        })
    }

    /// The variables whose observations are the published series of an indicator, by name.
    pub fn variables_reporting(&self, indicator: &str) -> impl Iterator<Item = (&Record, &Variable)> {
        let names = self.reporting.get(indicator).into_iter().flatten();
        names.filter_map(|name| self.variable(name))
    }

    /// A variable by name.
    pub fn variable(&self, name: &Name) -> Option<(&Record, &Variable)> {
        let record = &*self.kinds.get(&Kind::Variable)?.get(name)?.record;
        let Body::Variable(variable) = &record.body else { return None };
        Some((record, variable))
    }

    /// A source by name.
    pub fn source(&self, name: &Name) -> Option<(&Record, &Source)> {
        let record = &*self.kinds.get(&Kind::Source)?.get(name)?.record;
        let Body::Source(source) = &record.body else { return None };
        Some((record, source))
    }
}

macro_rules! rows {
    ($($(#[$doc:meta])* $method:ident: $variant:ident($body:ty),)*) => {
        impl View {
            $(
                $(#[$doc])*
                pub fn $method(&self) -> impl Iterator<Item = (&Record, &$body)> {
                    self.of_kind(Kind::$variant).filter_map(|entry| {
                        let Body::$variant(body) = &entry.record.body else { return None };
                        Some((&*entry.record, body))
                    })
                }
            )*
        }
    };
}

rows! {
    /// The sources, by name.
    sources: Source(Source),
    /// The variables, by name.
    variables: Variable(Variable),
    /// The institutions, by name.
    institutions: Institution(Institution),
    /// The packages, by name.
    packages: Package(Package),
    /// The parties, by name.
    parties: Party(Party),
    /// The reforms, by name.
    reforms: Reform(Reform),
    /// The elections, by name.
    elections: Election(Election),
    /// The referendums, by name.
    referendums: Referendum(Referendum),
    /// The petitions, by name.
    petitions: Petition(Petition),
    /// The appeals, by name.
    appeals: Appeal(Appeal),
    /// The decisions, by name.
    decisions: Decision(Decision),
    /// The events, by name.
    events: Event(Event),
    /// The observations, by name.
    observations: Observation(Observation),
    /// The targets, by name.
    targets: Target(Target),
}

fn drop_from<K: Ord>(index: &mut BTreeMap<K, BTreeSet<Name>>, key: &K, name: &Name) {
    if let Some(names) = index.get_mut(key) {
        names.remove(name);
        if names.is_empty() {
            index.remove(key);
        }
    }
}
