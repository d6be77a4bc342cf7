//! What the indicators read: the live records of one store at one revision, folded from its changes.

mod restoring;

use std::collections::BTreeMap;
use std::sync::Arc;

use reform_model::election::{Election, Referendum};
use reform_model::institution::{Event, Institution, Source};
use reform_model::measure::{Observation, Target, Variable};
use reform_model::participation::{Decision, Petition};
use reform_model::party::Party;
use reform_model::reform::{Package, Reform};
use reform_model::{Body, Kind, Name, Record};
use rpds::{HashTrieMapSync, RedBlackTreeMapSync, RedBlackTreeSetSync};

use crate::columns::{Appeals, Parts};
pub use crate::columns::{Filing, Malformed};
use crate::weight;
pub use restoring::Restoring;

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

/// Memory of a view in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Memory {
    /// Of appeals: their columns.
    pub columns: usize,
    /// Of appeals: what they share, each combination once.
    pub dictionary: usize,
    /// Of appeals: their names, and what finds them.
    pub names: usize,
    /// Of appeals: what was counted and is kept up.
    pub cells: usize,
    /// Of the other records, as far as their fields tell.
    pub records: usize,
}

/// The folded records. Two views of the same records at the same revision are equal, however they were folded.
///
/// A clone costs next to nothing, for both share what neither changes: whoever folds clones, applies a whole commit and
/// shows the result, and whoever reads keeps what it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    store_id: Arc<str>,
    revision: i64,
    /// The records of every kind but appeals.
    kinds: BTreeMap<Kind, Entries>,
    appeals: Appeals,
    /// The appeals beside which rival claims are kept, whole.
    disputed: Entries,
    /// The kind of each record that is whole.
    kind_of: HashTrieMapSync<Name, Kind>,
    /// Observations by variable.
    observed: RedBlackTreeMapSync<Name, Names>,
    /// Variables by the indicator that they report.
    reporting: RedBlackTreeMapSync<String, Names>,
    damaged: Names,
    bytes: usize,
}

type Entries = RedBlackTreeMapSync<Name, Entry>;
type Names = RedBlackTreeSetSync<Name>;

impl View {
    /// An empty view of a store.
    pub fn new(store_id: impl Into<Arc<str>>) -> Self {
        Self {
            store_id: store_id.into(),
            revision: 0,
            kinds: BTreeMap::new(),
            appeals: Appeals::default(),
            disputed: Entries::new_sync(),
            kind_of: HashTrieMapSync::new_sync(),
            observed: RedBlackTreeMapSync::new_sync(),
            reporting: RedBlackTreeMapSync::new_sync(),
            damaged: Names::new_sync(),
            bytes: 0,
        }
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
            Change::Put(record, revision) => self.put(record, revision),
            Change::Remove(name) => self.remove(&name),
            Change::Damaged(name) => {
                self.remove(&name);
                self.damaged.insert_mut(name);
            }
        }
    }

    /// Takes in an appeal that is created, changed or undeleted; its record says no more.
    pub fn file(&mut self, filing: Filing<'_>, revision: i64) {
        self.remove_whole(filing.name);
        self.appeals.put(filing.into(), revision);
    }

    fn put(&mut self, record: Arc<Record>, revision: i64) {
        if let Body::Appeal(appeal) = &record.body {
            self.remove_whole(record.name.as_str());
            self.appeals.put(Parts::of(&record, appeal), revision);
            if !record.discrepancies.is_empty() {
                self.bytes += weight::bytes(&record);
                self.disputed.insert_mut(record.name.clone(), Entry { record, revision });
            }
            return;
        }
        self.remove(&record.name);
        self.insert(record, revision);
    }

    /// Takes in a record whose name is not taken.
    fn insert(&mut self, record: Arc<Record>, revision: i64) {
        if let Body::Observation(observation) = &record.body {
            add_to(&mut self.observed, &observation.variable, &record.name);
        }
        if let Body::Variable(Variable { reports: Some(reports), .. }) = &record.body {
            add_to(&mut self.reporting, &reports.indicator, &record.name);
        }
        self.bytes += weight::bytes(&record);
        let (name, kind) = (record.name.clone(), record.kind());
        self.kind_of.insert_mut(name.clone(), kind);
        let rows = self.kinds.entry(kind).or_insert_with(Entries::new_sync);
        rows.insert_mut(name, Entry { record, revision });
    }

    fn remove(&mut self, name: &Name) {
        self.remove_whole(name.as_str());
        self.appeals.remove(name);
    }

    /// Lets go of everything but a row of the columns.
    fn remove_whole(&mut self, name: &str) {
        if !self.damaged.is_empty() {
            self.damaged.remove_mut(name);
        }
        if let Some(Entry { record, .. }) = self.disputed.get(name) {
            self.bytes = self.bytes.saturating_sub(weight::bytes(record));
            self.disputed.remove_mut(name);
        }
        let Some(Entry { record, .. }) = self.find(name).cloned() else { return };
        let kind = record.kind();
        self.kind_of.remove_mut(name);
        if let Some(rows) = self.kinds.get_mut(&kind) {
            rows.remove_mut(name);
            if rows.is_empty() {
                self.kinds.remove(&kind);
            }
        }
        self.bytes = self.bytes.saturating_sub(weight::bytes(&record));
        if let Body::Observation(observation) = &record.body {
            drop_from(&mut self.observed, &observation.variable, &record.name);
        }
        if let Body::Variable(Variable { reports: Some(reports), .. }) = &record.body {
            drop_from(&mut self.reporting, &reports.indicator, &record.name);
        }
    }

    /// A live record by name, unless it is an appeal.
    pub fn get(&self, name: &Name) -> Option<&Entry> {
        self.find(name.as_str())
    }

    /// A live record by name as text, unless it is an appeal.
    pub fn find(&self, name: &str) -> Option<&Entry> {
        self.kinds.get(self.kind_of.get(name)?)?.get(name)
    }

    /// Whether there is a live record of that name.
    pub fn contains(&self, name: &Name) -> bool {
        self.get(name).is_some() || self.appeals.contains(name.as_str())
    }

    /// The revision that wrote a live record.
    pub fn revision_of(&self, name: &Name) -> Option<i64> {
        self.written(name).map(|(revision, _)| revision)
    }

    /// The revision that wrote a live record, and the sources that it cites.
    pub(crate) fn written(&self, name: &Name) -> Option<(i64, Vec<&Name>)> {
        let whole = self.get(name).map(|entry| (entry.revision, entry.record.sources()));
        whole.or_else(|| {
            let (revision, sources) = self.appeals.written(name.as_str())?;
            Some((revision, sources.iter().collect()))
        })
    }

    /// The jurisdiction of a live record.
    pub(crate) fn jurisdiction_of(&self, name: &Name) -> Option<&str> {
        let whole = self.get(name).map(|entry| &*entry.record.jurisdiction);
        whole.or_else(|| self.appeals.jurisdiction_of(name.as_str()))
    }

    /// The appeals.
    pub(crate) fn appeals(&self) -> &Appeals {
        &self.appeals
    }

    /// Brings what was counted for earlier answers to the records of this view. Answers need not wait for it: it only
    /// keeps what they find short, and lets go of what older views held.
    pub fn keep_up(&self) {
        self.appeals.keep_up();
    }

    /// The live records of a kind, by name; of appeals only those beside which rival claims are kept.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Entry> {
        let rows = if kind == Kind::Appeal { Some(&self.disputed) } else { self.kinds.get(&kind) };
        rows.into_iter().flat_map(|rows| rows.values())
    }

    /// Number of live records of each kind that has any.
    pub fn rows(&self) -> BTreeMap<Kind, usize> {
        let whole = self.kinds.iter().map(|(kind, rows)| (*kind, rows.size()));
        let appeals = (self.appeals.len() > 0).then(|| (Kind::Appeal, self.appeals.len()));
        whole.chain(appeals).collect()
    }

    /// Memory in bytes.
    pub fn bytes(&self) -> usize {
        let Memory { columns, dictionary, names, cells, records } = self.memory();
        columns + dictionary + names + cells + records
    }

    /// Memory by what it is for.
    pub fn memory(&self) -> Memory {
        Memory { records: self.bytes, ..self.appeals.memory() }
    }

    /// Number of records that cannot be read.
    pub fn damaged(&self) -> usize {
        self.damaged.size()
    }

    /// The observations of a variable, by name.
    pub fn observations_of(&self, variable: &Name) -> impl Iterator<Item = (&Record, &Observation)> {
        let names = self.observed.get(variable).into_iter().flat_map(Names::iter);
        let rows = self.kinds.get(&Kind::Observation);
        names.filter_map(move |name| {
            let record = &*rows?.get(name)?.record;
            let Body::Observation(observation) = &record.body else { return None };
            Some((record, observation))
        })
    }

    /// The variables whose observations are the published series of an indicator, by name.
    pub fn variables_reporting(&self, indicator: &str) -> impl Iterator<Item = (&Record, &Variable)> {
        let names = self.reporting.get(indicator).into_iter().flat_map(Names::iter);
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
    /// The decisions, by name.
    decisions: Decision(Decision),
    /// The events, by name.
    events: Event(Event),
    /// The observations, by name.
    observations: Observation(Observation),
    /// The targets, by name.
    targets: Target(Target),
}

fn add_to<K: Ord + Clone>(index: &mut RedBlackTreeMapSync<K, Names>, key: &K, name: &Name) {
    if let Some(names) = index.get_mut(key) {
        names.insert_mut(name.clone());
    } else {
        index.insert_mut(key.clone(), Names::new_sync().insert(name.clone()));
    }
}

fn drop_from<K: Ord + Clone>(index: &mut RedBlackTreeMapSync<K, Names>, key: &K, name: &Name) {
    let Some(names) = index.get_mut(key) else { return };
    names.remove_mut(name);
    if names.is_empty() {
        index.remove_mut(key);
    }
}
