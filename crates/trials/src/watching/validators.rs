//! The promises of the feed, one validator each. Each reads a whole recording by itself and assumes none of the others.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::recording::{Change, Filter, Recording, Truth, What};

/// A watcher hears at least this often how far the feed is.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(5);
/// What a busy machine may add.
const SLACK: Duration = Duration::from_secs(3);

/// A promise, and who checks it: the error says what is wrong.
pub type Validator = (&'static str, fn(&Recording, &Truth) -> Result<(), String>);

/// All of them.
pub const VALIDATORS: [Validator; 8] = [
    ("ordered", ordered),
    ("unique", unique),
    ("reliable", reliable),
    ("atomic", atomic),
    ("resumable", resumable),
    ("bookmarkable", bookmarkable),
    ("filtered", filtered),
    ("durable", durable),
];

fn of_revision(what: &What) -> Option<i64> {
    match what {
        What::Change(revision, _) | What::Complete(revision) | What::Progress(revision) => Some(*revision),
        What::Opened(_) | What::Ended | What::Compacted(_) => None,
    }
}

/// The revisions after one and up to another that have a change which matches.
fn matching(truth: &Truth, filter: Filter, after: i64, last: i64) -> impl Iterator<Item = i64> {
    (after + 1..=last).filter(move |revision| truth.at(*revision).iter().any(filter.matches))
}

/// The revisions that a stream completed.
fn completed(events: &[(Duration, What)]) -> impl Iterator<Item = i64> {
    events.iter().filter_map(|(_, what)| match what {
        What::Complete(revision) => Some(*revision),
        What::Opened(_) | What::Change(..) | What::Progress(_) | What::Ended | What::Compacted(_) => None,
    })
}

/// Up to where a stream said that everything had come.
fn said(after: i64, events: &[(Duration, What)]) -> i64 {
    let said = events.iter().filter_map(|(_, what)| match what {
        What::Complete(revision) | What::Progress(revision) => Some(*revision),
        What::Opened(_) | What::Change(..) | What::Ended | What::Compacted(_) => None,
    });
    said.fold(after, i64::max)
}

/// Revisions only rise, and those of one record rise with every change.
fn ordered(recording: &Recording, _: &Truth) -> Result<(), String> {
    for (after, events) in recording.streams() {
        let mut last = after;
        let mut names = HashMap::new();
        for (_, what) in events {
            let revision = of_revision(what).unwrap_or(last);
            if revision < last {
                return Err(format!("{what:?} after revision {last}"));
            }
            last = revision;
            if let What::Change(revision, change) = what
                && names.insert(&change.name, *revision).is_some_and(|before| before >= *revision)
            {
                return Err(format!("{what:?} after a later change of the record"));
            }
        }
    }
    Ok(())
}

/// No change comes twice in a stream, and none of a completed commit comes in a later stream.
fn unique(recording: &Recording, _: &Truth) -> Result<(), String> {
    let mut done: HashSet<i64> = HashSet::new();
    for (_, events) in recording.streams() {
        let mut seen = HashSet::new();
        for (_, what) in events {
            if let What::Change(revision, change) = what
                && (done.contains(revision) || !seen.insert((*revision, &change.name)))
            {
                return Err(format!("{what:?} came twice"));
            }
        }
        done.extend(completed(events));
    }
    Ok(())
}

/// Nothing that matches is left out of a stream between where it began and what it said last.
fn reliable(recording: &Recording, truth: &Truth) -> Result<(), String> {
    for (after, events) in recording.streams() {
        let came: HashSet<i64> = completed(events).collect();
        let last = said(after, events);
        if let Some(missing) =
            matching(truth, recording.filter, after, last).find(|revision| !came.contains(revision))
        {
            return Err(format!(
                "revision {missing} did not come in a stream after {after} that said {last}"
            ));
        }
    }
    Ok(())
}

/// A commit comes whole, and nothing else comes between its changes.
fn atomic(recording: &Recording, truth: &Truth) -> Result<(), String> {
    for (_, events) in recording.streams() {
        let mut open: Vec<(i64, &Change)> = Vec::new();
        for (_, what) in events {
            let torn = |revision: i64| open.iter().any(|(begun, _)| *begun != revision);
            match what {
                What::Change(revision, change) => {
                    if torn(*revision) {
                        return Err(format!("{what:?} came within another commit"));
                    }
                    open.push((*revision, change));
                }
                What::Complete(revision) => {
                    let whole =
                        truth.at(*revision).iter().filter(|change| (recording.filter.matches)(change));
                    let names = open.iter().map(|(_, change)| &change.name);
                    if torn(*revision) || !whole.map(|change| &change.name).eq(names) {
                        return Err(format!("commit {revision} is not whole: {open:?}"));
                    }
                    open.clear();
                }
                What::Progress(_) if !open.is_empty() => {
                    return Err(format!("{what:?} came within a commit: {open:?}"));
                }
                What::Progress(_) => {}
                What::Opened(_) | What::Ended | What::Compacted(_) => {}
            }
        }
    }
    Ok(())
}

/// Streams that are opened where the last one ended add up to one without a gap, except where history was compacted.
fn resumable(recording: &Recording, truth: &Truth) -> Result<(), String> {
    let mut position = None;
    for (after, events) in recording.streams() {
        if let Some(position) = position.filter(|position| *position != after) {
            return Err(format!("a stream after {after} followed one that ended at {position}"));
        }
        let last = said(after, events);
        if !matching(truth, recording.filter, after, last).eq(completed(events)) {
            return Err(format!("a stream after {after} is not what matches up to {last}"));
        }
        let compacted = events.iter().rev().find_map(|(_, what)| match what {
            What::Compacted(oldest) => Some(*oldest),
            What::Opened(_) | What::Change(..) | What::Complete(_) | What::Progress(_) | What::Ended => None,
        });
        if compacted.is_some_and(|oldest| oldest <= last) {
            return Err(format!("a stream that was at {last} was ended as compacted: {compacted:?}"));
        }
        position = Some(compacted.unwrap_or(last));
    }
    Ok(())
}

/// What a progress message says has come, has come; and one comes often enough.
fn bookmarkable(recording: &Recording, truth: &Truth) -> Result<(), String> {
    for (after, events) in recording.streams() {
        let mut came = after;
        let mut said = after;
        for (_, what) in events {
            match what {
                What::Progress(revision) => {
                    if let Some(missing) = matching(truth, recording.filter, came, *revision).next() {
                        return Err(format!("progress at {revision} without {missing}"));
                    }
                    said = said.max(*revision);
                    came = came.max(*revision);
                }
                What::Change(revision, _) if *revision <= said => {
                    return Err(format!("{what:?} after progress at {said}"));
                }
                What::Complete(revision) => came = came.max(*revision),
                What::Change(..) | What::Opened(_) | What::Ended | What::Compacted(_) => {}
            }
        }
        let silence = events.windows(2).map(|pair| pair[1].0.saturating_sub(pair[0].0)).max();
        if silence.is_some_and(|silence| silence > PROGRESS_INTERVAL + SLACK) {
            return Err(format!("a stream after {after} was silent for {silence:?}"));
        }
    }
    Ok(())
}

/// Only what matches comes, and no commit without a change.
fn filtered(recording: &Recording, _: &Truth) -> Result<(), String> {
    let mut changed = HashSet::new();
    for (_, what) in &recording.events {
        match what {
            What::Change(revision, change) => {
                changed.insert(revision);
                if !(recording.filter.matches)(change) {
                    return Err(format!("{what:?} was not asked for by {}", recording.filter.text));
                }
            }
            What::Complete(revision) if !changed.contains(revision) => {
                return Err(format!("commit {revision} came without a change"));
            }
            What::Opened(_) | What::Complete(_) | What::Progress(_) | What::Ended | What::Compacted(_) => {}
        }
    }
    Ok(())
}

/// What came is what was acknowledged, also when the service was killed after it sent it.
fn durable(recording: &Recording, truth: &Truth) -> Result<(), String> {
    let head = truth.head();
    for (_, what) in &recording.events {
        if of_revision(what).is_some_and(|revision| revision > head) {
            return Err(format!("{what:?} came, and the store ends at {head}"));
        }
        if let What::Change(revision, change) = what
            && !truth.at(*revision).contains(change)
        {
            return Err(format!("{what:?} came, and the commit holds {:?}", truth.at(*revision)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(name: &str, revision: i64) -> Change {
        Change {
            name: name.to_owned(),
            kind: "appeal".to_owned(),
            jurisdiction: String::new(),
            r#type: if revision == 1 { 1 } else { 2 },
            previous_revision: 0,
            digest: u64::try_from(revision).unwrap(),
        }
    }

    /// Four commits of `a`, of which the second also holds `a2`, and the third is one of `b`.
    fn truth() -> Truth {
        let mut truth = Truth::default();
        truth.note(1, vec![change("a", 1)]);
        truth.note(2, vec![change("a", 2), change("a2", 2)]);
        truth.note(3, vec![change("b", 3)]);
        truth.note(4, vec![change("a", 4)]);
        truth
    }

    /// What a watcher of `a` sees over two streams, the first of which was cut within the second commit.
    fn recording() -> Recording {
        let matches = |change: &Change| change.name.starts_with('a');
        let events = [
            What::Opened(0),
            What::Change(1, change("a", 1)),
            What::Complete(1),
            What::Change(2, change("a", 2)),
            What::Opened(1),
            What::Change(2, change("a", 2)),
            What::Change(2, change("a2", 2)),
            What::Complete(2),
            What::Progress(3),
            What::Change(4, change("a", 4)),
            What::Complete(4),
        ];
        let events = events.into_iter().map(|what| (Duration::ZERO, what)).collect();
        Recording { filter: Filter { text: "a", matches }, events }
    }

    /// Only the validators of some names find something in a recording.
    fn check(recording: &Recording, found: &[&str]) {
        let truth = truth();
        let wrong = VALIDATORS.iter().filter(|(_, validator)| validator(recording, &truth).is_err());
        assert_eq!(wrong.map(|(name, _)| *name).collect::<Vec<_>>(), found);
    }

    fn changed(edit: impl FnOnce(&mut Vec<(Duration, What)>)) -> Recording {
        let mut recording = recording();
        edit(&mut recording.events);
        recording
    }

    #[test]
    fn what_was_promised_passes() {
        check(&recording(), &[]);
    }

    #[test]
    fn a_compaction_explains_a_gap() {
        let compacted = changed(|events| {
            events.drain(3..9);
            events.insert(3, (Duration::ZERO, What::Opened(1)));
            events.insert(4, (Duration::ZERO, What::Compacted(3)));
            events.insert(5, (Duration::ZERO, What::Opened(3)));
        });
        check(&compacted, &[]);
    }

    #[test]
    fn a_change_of_before_is_found() {
        let fallen = changed(|events| events.push((Duration::ZERO, What::Progress(2))));
        check(&fallen, &["ordered"]);
    }

    #[test]
    fn a_change_that_comes_twice_is_found() {
        let twice = changed(|events| events.insert(6, events[5].clone()));
        check(&twice, &["ordered", "unique", "atomic"]);
    }

    #[test]
    fn a_commit_that_does_not_come_is_found() {
        let missing = changed(|events| drop(events.drain(5..8)));
        check(&missing, &["reliable", "resumable", "bookmarkable"]);
    }

    #[test]
    fn half_a_commit_is_found() {
        let half = changed(|events| drop(events.remove(6)));
        check(&half, &["atomic"]);
    }

    #[test]
    fn a_stream_that_begins_elsewhere_is_found() {
        let elsewhere = changed(|events| {
            events[4].1 = What::Opened(2);
            events.drain(5..8);
        });
        check(&elsewhere, &["resumable"]);
    }

    #[test]
    fn silence_is_found() {
        let silent =
            changed(|events| events[9..].iter_mut().for_each(|(at, _)| *at = Duration::from_secs(9)));
        check(&silent, &["bookmarkable"]);
    }

    #[test]
    fn what_was_not_asked_for_is_found() {
        let foreign = changed(|events| {
            events.insert(8, (Duration::ZERO, What::Complete(3)));
            events.insert(8, (Duration::ZERO, What::Change(3, change("b", 3))));
        });
        check(&foreign, &["atomic", "resumable", "filtered"]);
    }

    #[test]
    fn what_was_taken_back_is_found() {
        let other = changed(|events| events[9].1 = What::Change(4, change("a", 1)));
        check(&other, &["durable"]);
    }
}
