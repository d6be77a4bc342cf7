//! A record that makes an indicator fail is set aside for that indicator: the rest of the answer goes on, and its points say
//! that something is missing. A new version of the record gets a new chance.
//!
//! Appeals are not looked through: they stand in columns, and no formula reads a single one.

use std::any::Any;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use parking_lot::Mutex;
use reform_indicators::{Change, View, catalogue};
use reform_model::{Kind, Name};

/// Records that are looked through for the one that makes an indicator fail.
const SUSPECTS_MAX: usize = 20_000;
/// Records of one indicator that are set aside at once; where there are more it is not the records' fault.
const FAULTY_MAX: usize = 16;
/// Versions of records that are remembered.
const VERSIONS_MAX: usize = 1_000;

/// See the module. Clones share what is set aside.
#[derive(Debug, Clone, Default)]
pub(crate) struct Aside(Arc<Mutex<BTreeSet<Version>>>);

/// An indicator, and the version of a record that makes it fail.
type Version = (String, Name, i64);

impl Aside {
    /// Computes something of an indicator. What fails twice over the same records is computed without those that make it
    /// fail; where that helps nothing, the panic goes on.
    pub(crate) fn compute<T>(&self, view: &View, indicator: &str, compute: impl Fn(&View) -> T) -> T {
        let rest = self.rest(view, indicator);
        if let Ok(computed) = attempt(&rest, &compute) {
            return computed;
        }
        let panic = match attempt(&rest, &compute) {
            Ok(computed) => return computed,
            Err(panic) => panic,
        };
        let fails = |view: &View| attempt(view, &compute).is_err();
        let Some(faulty) = faulty(&rest, indicator, &fails) else { resume_unwind(panic) };
        for (name, revision) in faulty {
            tracing::error!(
                indicator,
                record = name.as_str(),
                revision,
                "record set aside, the indicator fails at it"
            );
            self.remember((indicator.to_owned(), name, revision));
        }
        compute(&self.rest(view, indicator))
    }

    /// The view as an indicator may read it.
    pub(crate) fn rest<'v>(&self, view: &'v View, indicator: &str) -> Cow<'v, View> {
        let all = self.0.lock();
        let own = all.iter().filter(|(failed, name, revision)| {
            failed == indicator && view.revision_of(name) == Some(*revision)
        });
        let own: Vec<&Name> = own.map(|(_, name, _)| name).collect();
        if own.is_empty() { Cow::Borrowed(view) } else { Cow::Owned(without(view, &own)) }
    }

    /// How many records of the view are set aside for any indicator.
    pub(crate) fn count(&self, view: &View) -> i64 {
        let all = self.0.lock();
        let own = all.iter().filter(|(_, name, revision)| view.revision_of(name) == Some(*revision));
        let names: BTreeSet<&Name> = own.map(|(_, name, _)| name).collect();
        i64::try_from(names.len()).unwrap_or(i64::MAX)
    }

    fn remember(&self, version: Version) {
        let mut all = self.0.lock();
        if all.len() >= VERSIONS_MAX {
            // What still fails is found again.
            all.clear();
        }
        all.insert(version);
    }
}

fn attempt<T>(view: &View, compute: impl Fn(&View) -> T) -> Result<T, Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(|| compute(view)))
}

/// The view with these records as ones that cannot be read.
fn without(view: &View, names: &[&Name]) -> View {
    let mut rest = view.clone();
    names.iter().for_each(|name| rest.apply(Change::Damaged((*name).clone())));
    rest
}

/// The records without which nothing fails, with the revisions that wrote them; none where it is not for the records.
fn faulty(view: &View, indicator: &str, fails: &dyn Fn(&View) -> bool) -> Option<Vec<(Name, i64)>> {
    let kinds = catalogue::get(indicator)?.kinds;
    // Kinds are in the order of references, so of two that fail together the one that refers is blamed.
    let read = Kind::ALL.iter().filter(|kind| kinds.contains(kind) && **kind != Kind::Appeal);
    let entries: Vec<_> = read.flat_map(|kind| view.of_kind(*kind)).take(SUSPECTS_MAX + 1).collect();
    let suspects: Vec<&Name> = entries.iter().map(|entry| &entry.record.name).collect();
    if suspects.len() > SUSPECTS_MAX || fails(&without(view, &suspects)) {
        return None;
    }
    let mut found: Vec<usize> = Vec::new();
    let fails_with_first = |count: usize, found: &[usize]| {
        let gone = suspects.iter().enumerate().filter(|(place, _)| *place >= count || found.contains(place));
        fails(&without(view, &gone.map(|(_, name)| *name).collect::<Vec<_>>()))
    };
    while found.len() < FAULTY_MAX && fails_with_first(suspects.len(), &found) {
        // It fails with all and not with none; the first record with which it does is the one.
        let (mut good, mut bad) = (0, suspects.len());
        while bad - good > 1 {
            let middle = good.midpoint(bad);
            if fails_with_first(middle, &found) { bad = middle } else { good = middle }
        }
        found.push(good);
    }
    let done = !fails_with_first(suspects.len(), &found);
    let version =
        |place: &usize| entries.get(*place).map(|entry| (entry.record.name.clone(), entry.revision));
    done.then(|| found.iter().filter_map(version).collect())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use reform_indicators::{Query, answer};
    use reform_model::participation::Decision;
    use reform_model::{Body, Date};

    use super::*;
    use crate::held::tests::record;

    const INDICATOR: &str = "court-decisions-per-year";

    fn decided(id: &str, revision: i64) -> Change {
        let decision = Decision { date: Some(Date::year(2023).unwrap()), ..Decision::default() };
        let record = record(id, Body::Decision(decision));
        Change::Put(Arc::new(record), revision)
    }

    fn view(ids: impl IntoIterator<Item = String>) -> View {
        let mut view = View::new("s");
        ids.into_iter().for_each(|id| view.apply(decided(&id, 1)));
        view
    }

    /// Counts, unless a version of a record is there that makes it fail; and how often it was tried.
    fn counting<'c>(
        bad: &'c [(&str, i64)],
        tried: &'c Cell<usize>,
    ) -> impl Fn(&View) -> (String, Vec<i64>) + 'c {
        move |view| {
            tried.set(tried.get() + 1);
            for (id, revision) in bad {
                assert_ne!(view.revision_of(&Name::from_id(id).unwrap()), Some(*revision), "a defect");
            }
            let answer = answer(view, &Query::new(INDICATOR)).unwrap();
            let Some(point) = answer.series.first().and_then(|series| series.points.first()) else {
                return (String::new(), Vec::new());
            };
            let set_aside = point.caveats.iter().filter(|caveat| caveat.code.as_str() == "QUARANTINED");
            let counts = set_aside.map(|caveat| caveat.count).collect();
            (point.estimate.as_ref().unwrap().display(), counts)
        }
    }

    #[test]
    fn records_that_make_an_indicator_fail_are_set_aside_and_the_points_say_so() {
        let (aside, tried) = (Aside::default(), Cell::new(0));
        let mut view = view((0..300).map(|number| format!("d-{number}")));
        let bad = [("d-7", 1), ("d-250", 1)];
        let count = counting(&bad, &tried);
        assert_eq!(aside.compute(&view, INDICATOR, &count), ("298".to_owned(), vec![2]));
        assert!(tried.get() < 40, "{} computations", tried.get());

        // Later views are answered at once, and other indicators read what they always read.
        tried.set(0);
        view.apply(decided("late", 2));
        assert_eq!(aside.compute(&view, INDICATOR, &count), ("299".to_owned(), vec![2]));
        assert_eq!((tried.get(), aside.rest(&view, "petitions-per-year").damaged()), (1, 0));
        assert_eq!(aside.count(&view), 2);

        // A new version has a new chance, whether it is mended or not.
        view.apply(decided("d-7", 3));
        assert_eq!(aside.compute(&view, INDICATOR, &count), ("300".to_owned(), vec![1]));
        view.apply(decided("d-250", 4));
        let again = [("d-250", 4)];
        assert_eq!(aside.compute(&view, INDICATOR, counting(&again, &tried)), ("300".to_owned(), vec![1]));
        assert_eq!(aside.count(&view), 1);
    }

    #[test]
    fn what_fails_once_is_tried_again() {
        let (aside, tried) = (Aside::default(), Cell::new(0));
        let once = |view: &View| {
            tried.set(tried.get() + 1);
            assert!(tried.get() > 1, "by chance");
            view.damaged()
        };
        assert_eq!((aside.compute(&view(["a".to_owned()]), INDICATOR, once), tried.get()), (0, 2));
    }

    #[test]
    fn a_panic_that_is_no_record_s_fault_goes_on() {
        let view = view((0..20).map(|number| format!("d-{number}")));
        let aside = Aside::default();
        let all: fn(&View) = |_| panic!("always");
        let many: fn(&View) = |view| assert!(view.damaged() > FAULTY_MAX, "too many at fault");
        for compute in [all, many] {
            assert!(catch_unwind(AssertUnwindSafe(|| aside.compute(&view, INDICATOR, compute))).is_err());
            assert!(aside.0.lock().is_empty());
        }
    }
}
