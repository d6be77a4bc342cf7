//! What moved between two revisions, and which records moved it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures::TryStreamExt;
use reform_api::client::DataClient;
use reform_api::data::v1;
use reform_indicators::answer::Labels;
use reform_indicators::explain::Explanation;
use reform_indicators::query::Query;
use reform_indicators::{Answer, Point, QueryError, View, explain};
use reform_model::{Day, Name, Period};
use tonic::Status;

/// Records whose changes are listed for one point, and changes of them.
pub(crate) const CAUSES_MAX: usize = 20;

/// Names that a filter of the feed may list; with more all changes are read.
const FILTERED_MAX: usize = 40;

/// One point at two revisions.
#[derive(Debug)]
pub(crate) struct Moved {
    pub(crate) labels: Labels,
    pub(crate) period: Period,
    /// The title of an event.
    pub(crate) label: String,
    pub(crate) before: Option<Point>,
    pub(crate) after: Option<Point>,
}

/// A point that moved, and why.
#[derive(Debug)]
pub(crate) struct Explained {
    pub(crate) moved: Moved,
    /// The records behind the difference, as many as are listed.
    pub(crate) suspects: Vec<Name>,
    /// Number of all of them.
    pub(crate) suspects_total: usize,
    /// What was done to them, in order, the newest where there is more than is listed.
    pub(crate) causes: Vec<Change>,
}

impl Explained {
    /// Without its causes yet.
    ///
    /// # Errors
    /// None that the query itself has not.
    pub(crate) fn of(views: Two<&View>, query: &Query, moved: Moved) -> Result<Self, QueryError> {
        let (suspects, suspects_total) = suspects(views, query, &moved)?;
        Ok(Self { moved, suspects, suspects_total, causes: Vec::new() })
    }

    /// Lists what was done to the records behind it.
    pub(crate) fn blame(&mut self, changes: &BTreeMap<String, Vec<Change>>) {
        let of_record = |name: &Name| changes.get(name.as_str()).into_iter().flatten().cloned();
        self.causes = self.suspects.iter().flat_map(of_record).collect();
        self.causes.sort_by(|a, b| (a.revision, &a.record).cmp(&(b.revision, &b.record)));
        let more = self.causes.len().saturating_sub(CAUSES_MAX);
        self.causes.drain(..more);
    }
}

/// Two of the same, the earlier first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Two<T> {
    pub(crate) before: T,
    pub(crate) after: T,
}

/// A change of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) record: String,
    pub(crate) revision: i64,
    pub(crate) author: String,
    pub(crate) reason: String,
}

/// What tells a point from the others of its answer; the last is its place among those that nothing tells apart.
type Key = (Labels, Day, Day, String, String, String, usize);

/// The points whose figure differs, by labels and period.
pub(crate) fn moved(answers: Two<Answer>) -> Vec<Moved> {
    let mut both: BTreeMap<Key, Two<Option<Point>>> = BTreeMap::new();
    for (key, point) in keyed(answers.before) {
        both.insert(key, Two { before: Some(point), after: None });
    }
    for (key, point) in keyed(answers.after) {
        both.entry(key).or_insert(Two { before: None, after: None }).after = Some(point);
    }
    let differs =
        |(_, two): &(Key, Two<Option<Point>>)| figure(two.before.as_ref()) != figure(two.after.as_ref());
    let moved = both.into_iter().filter(differs);
    moved
        .filter_map(|((labels, _, _, label, ..), Two { before, after })| {
            let period = before.as_ref().or(after.as_ref())?.period;
            Some(Moved { labels, period, label, before, after })
        })
        .collect()
}

fn keyed(answer: Answer) -> Vec<(Key, Point)> {
    let mut seen: HashMap<Key, usize> = HashMap::new();
    let mut points = Vec::new();
    for series in answer.series {
        for point in series.points {
            let (first, last) = (point.period.first(), point.period.last());
            let written = point.period.to_string();
            let (labels, unit) = (series.labels.clone(), series.unit.clone());
            let mut key = (labels, last, first, point.label.clone(), written, unit, 0);
            let place = seen.entry(key.clone()).or_default();
            key.6 = *place;
            *place += 1;
            points.push((key, point));
        }
    }
    points
}

/// What of a point a reader sees move.
fn figure(point: Option<&Point>) -> Option<impl PartialEq + '_> {
    point.map(|point| {
        let Point { estimate, numerator, denominator, status, figures, .. } = point;
        (estimate, numerator, denominator, status, figures)
    })
}

/// The records behind the difference, at most [`CAUSES_MAX`] by name, and the number of all.
///
/// # Errors
/// None that the query itself has not.
fn suspects(views: Two<&View>, query: &Query, moved: &Moved) -> Result<(Vec<Name>, usize), QueryError> {
    let told = |view: &View, point: &Option<Point>| {
        let Some(point) = point else { return Ok(None) };
        explain(view, query, &moved.labels, point.period, &moved.label).map(Some)
    };
    let before = told(views.before, &moved.before)?;
    let after = told(views.after, &moved.after)?;
    let parts = (parts(before.as_ref()), parts(after.as_ref()));
    let changed = |name: &&Name| views.before.revision_of(name) != views.after.revision_of(name);
    let entered = parts.0.keys().chain(parts.1.keys()).copied().collect::<BTreeSet<&Name>>();
    let moved = |name: &&Name| changed(name) && parts.0.get(*name) != parts.1.get(*name);
    let mut suspects: Vec<&Name> = entered.iter().copied().filter(moved).collect();
    if suspects.is_empty() {
        // What enters is the same: then what was looked at made the difference, such as a rival that is worse now.
        let looked_at = before.iter().chain(&after).flat_map(|told| {
            let left_out = told.exclusions.iter().map(|one| &one.record);
            left_out.chain(told.contributions.iter().map(|one| &one.record))
        });
        let looked_at: BTreeSet<&Name> = looked_at.collect();
        suspects = looked_at.into_iter().filter(changed).collect();
    }
    let total = suspects.len();
    Ok((suspects.into_iter().take(CAUSES_MAX).cloned().collect(), total))
}

/// What each record brings to a point.
fn parts(explanation: Option<&Explanation>) -> BTreeMap<&Name, Vec<(&str, &str)>> {
    let mut parts: BTreeMap<&Name, Vec<(&str, &str)>> = BTreeMap::new();
    for one in explanation.into_iter().flat_map(|told| &told.contributions) {
        parts.entry(&one.record).or_default().push((&one.contribution, &one.note));
    }
    parts
}

/// The changes of those records after one revision and not after the other, by record.
///
/// # Errors
/// Those of the feed.
pub(crate) async fn changes(
    data: &DataClient,
    store_id: &str,
    revisions: Two<i64>,
    names: &BTreeSet<Name>,
) -> Result<BTreeMap<String, Vec<Change>>, Status> {
    let mut found: BTreeMap<String, Vec<Change>> = BTreeMap::new();
    if names.is_empty() || revisions.before >= revisions.after {
        return Ok(found);
    }
    let equal = names.iter().map(|name| format!("name = \"{}\"", name.as_str()));
    let filter =
        if names.len() <= FILTERED_MAX { equal.collect::<Vec<_>>().join(" OR ") } else { String::new() };
    let store_id = store_id.to_owned();
    let mut feed = data.watch(v1::WatchChangesRequest { after_revision: revisions.before, store_id, filter });
    while let Some(commit) = feed.try_next().await? {
        let v1::WatchChangesResponse { revision, changes, author, reason, .. } = commit;
        if revision > revisions.after {
            break;
        }
        for change in changes.into_iter().filter(|change| names.contains(change.name.as_str())) {
            let of_record = found.entry(change.name.clone()).or_default();
            if of_record.len() == CAUSES_MAX {
                // The newest say most about what it is now.
                of_record.remove(0);
            }
            let (author, reason) = (author.clone(), reason.clone());
            of_record.push(Change { record: change.name, revision, author, reason });
        }
        if revision == revisions.after {
            break;
        }
    }
    Ok(found)
}
