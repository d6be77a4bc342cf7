//! Which postings a list walks: those of the index terms that its filter asks for.

use std::collections::BTreeSet;

use reform_model::Kind;

use super::index::{Found, Index};
use super::postings::{Posting, Postings, Walk};
use super::read::Snapshot;
use super::summary::NO_DAY;
use super::terms;
use crate::filter::{Comparison, Filter, Literal, Op};

/// Postings looked at under one hold of the index lock.
const POSTINGS_PER_HOLD: usize = 2_048;
/// Versions that one hold returns.
const FOUND_PER_HOLD: usize = 256;

/// Paths whose earliest day is the main date of their kind, whatever the record.
const MAIN_DATES: &[&str] = &[
    "appeal.filed_on",
    "decision.date",
    "event.date",
    "observation.period.start",
    "package.announced_on",
    "source.published_on",
    "target.deadline_on",
];

/// Groups of terms: every match has a term of each group. And the days that its main date may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    groups: Vec<Vec<u64>>,
    first_day: i32,
    last_day: i32,
    undated: bool,
    pub(super) index: String,
}

/// A comparison that an index answers.
struct Indexed {
    terms: Vec<u64>,
    name: &'static str,
    /// The only kind that has the field.
    kind: Option<Kind>,
}

impl Route {
    /// Takes every index that the filter can use, the shortest first.
    pub(super) fn choose(index: &Index, filter: &Filter) -> Self {
        let mut days = (i32::MIN, NO_DAY - 1, true);
        let mut scopes: Option<BTreeSet<u64>> = None;
        let mut groups: Vec<(Vec<u64>, String)> = Vec::new();
        let mut implied = Vec::new();
        for clause in filter.clauses() {
            if let [only] = clause.as_slice()
                && let Literal::Days(first, last) = only.value
                && MAIN_DATES.contains(&only.path)
            {
                narrow(&mut days, only.op, first.0, last.0);
            }
            let found = clause.iter().map(|comparison| indexed(index, comparison));
            let Some(found) = found.collect::<Option<Vec<Indexed>>>() else { continue };
            let names: BTreeSet<&str> = found.iter().map(|indexed| indexed.name).collect();
            let terms: BTreeSet<u64> =
                found.iter().flat_map(|indexed| indexed.terms.iter().copied()).collect();
            if names.iter().all(|name| *name == SCOPE) {
                let both = scopes.take().map(|scopes| scopes.intersection(&terms).copied().collect());
                scopes = Some(both.unwrap_or(terms));
            } else {
                implied.extend(found.iter().filter_map(|indexed| indexed.kind).filter(|_| found.len() == 1));
                groups
                    .push((terms.into_iter().collect(), names.into_iter().collect::<Vec<_>>().join(" or ")));
            }
        }
        // To have the field is to be of the kind.
        let is_implied = |scopes: &BTreeSet<u64>| {
            implied
                .iter()
                .any(|kind| index.scopes(Some(*kind), None).iter().all(|scope| scopes.contains(scope)))
        };
        match scopes {
            Some(scopes) if !is_implied(&scopes) => {
                groups.push((scopes.into_iter().collect(), SCOPE.to_owned()))
            }
            None if groups.is_empty() => groups.push((index.scopes(None, None), SCOPE.to_owned())),
            Some(_) | None => {}
        }
        groups.sort_by_cached_key(|(terms, _)| lists(index, terms).map(Postings::count).sum::<usize>());
        let names: Vec<String> = groups.iter().map(|(_, name)| name.clone()).collect();
        let groups = groups.into_iter().map(|(terms, _)| terms).collect();
        Self { groups, first_day: days.0, last_day: days.1, undated: days.2, index: names.join(" and ") }
    }

    /// The next visible versions after a posting, how many postings were looked at, and the posting to go on from; none
    /// at the end.
    pub(super) fn hold(
        &self,
        index: &Index,
        snapshot: &Snapshot,
        from: Option<Posting>,
        descending: bool,
    ) -> (Vec<(Posting, Found)>, usize, Option<Posting>) {
        let mut found = Vec::new();
        let mut looked = 0;
        for posting in self.walk(index, from, descending) {
            looked += 1;
            if self.is_in_all(index, posting)
                && let Some(version) = snapshot.visible(index, posting)
            {
                found.push((posting, version));
            }
            if looked == POSTINGS_PER_HOLD || found.len() == FOUND_PER_HOLD {
                return (found, looked, Some(posting));
            }
        }
        (found, looked, None)
    }

    /// A version stands under all its terms with the same posting.
    fn is_in_all(&self, index: &Index, posting: Posting) -> bool {
        let mut others = self.groups.iter().skip(1);
        others.all(|group| lists(index, group).any(|postings| postings.contains(posting)))
    }

    /// The postings of the first group in order; the undated ones last.
    fn walk<'a>(
        &'a self,
        index: &'a Index,
        from: Option<Posting>,
        descending: bool,
    ) -> impl Iterator<Item = Posting> + 'a {
        // The last place of the day before, because the walk begins after it: the first place of a day may be taken.
        let before = |day: i32| Posting { day: day.saturating_sub(1), ..Posting::MAX };
        let end = Posting { day: self.last_day.saturating_add(1), ..Posting::MIN };
        let first = self.groups.first().into_iter().flatten();
        let lists = move || first.clone().filter_map(|term| index.postings(*term));
        let in_tail = from.filter(|posting| posting.day == NO_DAY);
        let dated = in_tail.is_none().then(|| {
            let start = from.unwrap_or(if descending { end } else { before(self.first_day) });
            let days = self.first_day..=self.last_day;
            Walk::new(lists(), start, descending).take_while(move |posting| days.contains(&posting.day))
        });
        let undated = std::iter::once(()).filter(|()| self.undated).flat_map(move |()| {
            let start = in_tail.unwrap_or(if descending { Posting::MAX } else { before(NO_DAY) });
            Walk::new(lists(), start, descending).take_while(|posting| posting.day == NO_DAY)
        });
        dated.into_iter().flatten().chain(undated)
    }
}

const SCOPE: &str = "kind and jurisdiction";

fn lists<'a>(index: &'a Index, terms: &'a [u64]) -> impl Iterator<Item = &'a Postings> {
    terms.iter().filter_map(|term| index.postings(*term))
}

/// The terms of which every record has one that a comparison is true of; none when no index knows.
fn indexed(index: &Index, comparison: &Comparison<'_>) -> Option<Indexed> {
    let Comparison { path, op, value } = *comparison;
    let below = path.split('.').next().and_then(Kind::parse);
    let scope = |terms: Vec<u64>| Some(Indexed { terms, name: SCOPE, kind: None });
    match (path, op, value) {
        ("kind", Op::Equal, Literal::Text(text)) => scope(index.scopes(Some(Kind::parse(text)?), None)),
        ("jurisdiction", Op::Equal, Literal::Text(text)) => scope(index.scopes(None, Some(text))),
        (path, Op::Equal, Literal::Text(text)) if terms::REFERENCE_FIELDS.contains(&path) => {
            Some(Indexed { terms: vec![terms::reference(path, text)], name: "reference", kind: below })
        }
        (path, Op::Equal, Literal::Text(text)) if path.starts_with("labels.") => {
            let key = path.strip_prefix("labels.")?;
            Some(Indexed { terms: vec![terms::label(key, text)], name: "label", kind: None })
        }
        // Of a record of another kind nothing is true.
        _ => scope(index.scopes(Some(below?), None)),
    }
}

/// Narrows the days that a main date may have: `first` and `last` are those that the literal allows.
fn narrow(days: &mut (i32, i32, bool), op: Op, first: i32, last: i32) {
    let (from, to) = match op {
        Op::Equal => (first, last),
        Op::GreaterOrEqual => (first, NO_DAY - 1),
        Op::Greater => (last.saturating_add(1), NO_DAY - 1),
        Op::LessOrEqual => (i32::MIN, last),
        Op::Less => (i32::MIN, first.saturating_sub(1)),
        Op::Has => (i32::MIN, NO_DAY - 1),
    };
    // "Not after" dates have no earliest day: they stand with the undated and can still lie before a day.
    *days = (days.0.max(from), days.1.min(to), days.2 && from == i32::MIN);
}
