//! After any random history, every read at every revision equals a replay of the feed up to it.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use reform_api::data::v1;
use reform_api::data::v1::import_options::{OnExisting, OnInvalid};
use reform_api::error::Reason;
use serde_json::json;

use self::steps::{Draft, Step, mutation, step};
use crate::records::record;
use crate::support::{Server, at, import_batch, import_options, reason};

mod steps;

const NAMES: u8 = 8;
const CASES: u32 = 24;
const STEPS: usize = 40;

/// Does a step; whether it was accepted is the store's to say.
async fn apply(server: Server, model: &mut Model, step: &Step) -> Server {
    match step {
        Step::Restart => return server.restart().await,
        Step::Pack => return Server::open(crate::packed::packed(server.stop().await).await.unwrap()).await,
        Step::Purge(number) => {
            // What it erases has to be known before.
            model.catch_up(&server).await;
            drop(server.delete(&Draft::name(*number)).await);
            model.catch_up(&server).await;
            drop(server.purge(&Draft::name(*number)).await);
        }
        Step::Compact(percent) => {
            model.catch_up(&server).await;
            let oldest = model.head() * percent / 100;
            server.compact(oldest).await.unwrap();
            model.oldest = model.oldest.max(oldest);
        }
        Step::Import(drafts, how) => {
            let on_existing =
                [OnExisting::Fail, OnExisting::Skip, OnExisting::Replace][usize::from(*how % 3)];
            let options = v1::ImportOptions {
                on_existing: on_existing.into(),
                on_invalid: OnInvalid::Skip.into(),
                ..Default::default()
            };
            let batch = import_batch(drafts.iter().map(Draft::record).collect(), "");
            let (_, ended) = server.import(vec![import_options(options), batch]).await;
            assert!(ended.is_none(), "{ended:?}");
        }
        Step::Commit(steps) => drop(server.commit(steps.iter().filter_map(mutation).collect()).await),
        single => drop(server.commit(mutation(single).into_iter().collect()).await),
    }
    server
}

/// Name → the record as the feed told it, in the order of creation.
type State = BTreeMap<String, (usize, v1::Record)>;

/// The store, from the feed alone.
#[derive(Default)]
struct Model {
    /// By revision.
    states: Vec<State>,
    /// By revision, from 1.
    commits: Vec<v1::WatchChangesResponse>,
    created: usize,
    purged: BTreeSet<String>,
    oldest: i64,
}

impl Model {
    fn head(&self) -> i64 {
        i64::try_from(self.commits.len()).unwrap()
    }

    /// The states that can be read, by revision.
    fn readable(&self) -> impl Iterator<Item = (i64, &State)> {
        (0..).zip(&self.states).skip_while(|(revision, _)| *revision < self.oldest)
    }

    async fn catch_up(&mut self, server: &Server) {
        if self.states.is_empty() {
            self.states.push(State::new());
        }
        for message in server.replay(self.head(), "").await {
            if !message.changes.is_empty() {
                self.commit(message);
            }
        }
    }

    fn commit(&mut self, message: v1::WatchChangesResponse) {
        assert_eq!(message.revision, self.head() + 1, "no revision is skipped");
        assert!(message.commit_complete);
        let mut state = self.states.last().unwrap().clone();
        for change in &message.changes {
            let before = state.get(&change.name).map(|(order, record)| (*order, record.revision));
            assert_eq!(change.previous_revision, before.map_or(0, |(_, revision)| revision));
            if change.r#type() == v1::ChangeType::Purged {
                assert!(change.record.is_none() && before.is_some());
                self.purged.insert(change.name.clone());
                continue;
            }
            self.created += usize::from(before.is_none());
            let order = before.map_or(self.created, |(order, _)| order);
            state.insert(change.name.clone(), (order, change.record.clone().unwrap()));
        }
        self.states.push(state);
        self.commits.push(message);
        for state in &mut self.states {
            state.retain(|name, _| !self.purged.contains(name));
        }
    }

    /// The changes of a commit as the feed tells them now.
    fn told(&self, revision: i64) -> Vec<v1::Change> {
        let place = usize::try_from(revision).unwrap();
        let told = self.commits[place - 1].changes.iter().map(|change| {
            let there = change.record.as_ref().filter(|record| !self.purged.contains(&record.name));
            let record = there.map(|record| seen(&self.states[place], record));
            v1::Change { record, ..change.clone() }
        });
        told.collect()
    }
}

/// The record as a read at that state tells it: successors are those of the state, not of the record's last change.
fn seen(state: &State, record: &v1::Record) -> v1::Record {
    let mut record = record.clone();
    let name = record.name.clone();
    let live = state.values().filter(|(_, other)| other.delete_time.is_none());
    let successors = live.filter_map(|(_, other)| match &other.body {
        Some(v1::record::Body::Party(party)) => {
            party.predecessors.contains(&name).then(|| other.name.clone())
        }
        _ => None,
    });
    if let Some(v1::record::Body::Party(party)) = &mut record.body {
        party.successors = successors.collect();
    }
    record
}

fn year(record: &v1::Record) -> Option<i32> {
    let date = match record.body.as_ref()? {
        v1::record::Body::Party(party) => party.founded_on.as_ref(),
        v1::record::Body::Appeal(appeal) => appeal.filed_on.as_ref(),
        v1::record::Body::Institution(institution) => institution.lifecycle.first()?.date.as_ref(),
        v1::record::Body::Event(event) => event.date.as_ref(),
        v1::record::Body::Source(source) => source.published_on.as_ref(),
        other => panic!("no {other:?} is made"),
    };
    date?.year
}

/// The list that a state means: by year, the absent last, then by creation.
fn listed(state: &State, keep: impl Fn(&v1::Record) -> bool, show_deleted: bool) -> Vec<v1::Record> {
    let visible = state.values().filter(|(_, record)| show_deleted || record.delete_time.is_none());
    let mut rows: Vec<_> = visible.filter(|(_, record)| keep(record)).collect();
    rows.sort_by_key(|(order, record)| (year(record).is_none(), year(record), *order));
    rows.into_iter().map(|(_, record)| seen(state, record)).collect()
}

type Naive = fn(&v1::Record) -> bool;

/// Filters, and what they mean.
fn filters() -> Vec<(&'static str, Naive)> {
    use v1::record::Body::{Appeal, Event, Party};
    fn institution(record: &v1::Record) -> &str {
        let Some(Appeal(appeal)) = &record.body else { return "" };
        &appeal.institution
    }
    vec![
        ("kind = party", |r| matches!(r.body, Some(Party(_)))),
        ("jurisdiction = DE", |r| r.jurisdiction == "DE"),
        ("NOT jurisdiction = DE", |r| !r.jurisdiction.is_empty() && r.jurisdiction != "DE"),
        ("kind = appeal AND jurisdiction = KZ", |r| {
            matches!(r.body, Some(Appeal(_))) && r.jurisdiction == "KZ"
        }),
        ("labels.t = \"1\"", |r| r.labels.get("t").is_some_and(|t| t == "1")),
        ("title = \"title 2\" OR labels.t = \"3\"", |r| r.title == "title 2" || r.title == "title 3"),
        ("appeal.institution = \"records/n-2\"", |r| institution(r) == "records/n-2"),
        ("NOT appeal.institution = \"records/n-2\"", |r| !["", "records/n-2"].contains(&institution(r))),
        ("appeal.filed_on >= 2021", |r| matches!(r.body, Some(Appeal(_))) && year(r) >= Some(2021)),
        ("event.date = 2020", |r| matches!(r.body, Some(Event(_))) && year(r) == Some(2020)),
        ("event.date < 2021 OR appeal.filed_on > 2022", |r| match (&r.body, year(r)) {
            (Some(Event(_)), Some(year)) => year < 2021,
            (Some(Appeal(_)), Some(year)) => year > 2022,
            _ => false,
        }),
        ("party.predecessors:\"records/n-0\"", |r| match &r.body {
            Some(Party(party)) => party.predecessors.iter().any(|name| name == "records/n-0"),
            _ => false,
        }),
        ("citations.source = \"records/s\"", |r| !r.citations.is_empty()),
        ("revision > 3", |r| r.revision > 3),
        ("party.successors:*", |r| matches!(&r.body, Some(Party(party)) if !party.successors.is_empty())),
    ]
}

async fn check_reads(server: &Server, model: &Model) {
    for revision in 0..model.oldest {
        let refused = server.get_at(&Draft::name(0), at(revision)).await.unwrap_err();
        assert_eq!(reason(&refused), Reason::Compacted, "at {revision}");
    }
    for (revision, state) in model.readable() {
        let as_of = at(revision);
        for number in 0..NAMES {
            let name = Draft::name(number);
            let told = server.get_at(&name, as_of.clone()).await;
            if model.purged.contains(&name) {
                assert_eq!(reason(&told.unwrap_err()), Reason::RecordPurged, "at {revision}");
                continue;
            }
            assert_eq!(told.ok(), state.get(&name).map(|(_, record)| seen(state, record)), "at {revision}");
        }
        for show_deleted in [false, true] {
            let list = v1::ListRecordsRequest { as_of: as_of.clone(), show_deleted, ..Default::default() };
            let expected = listed(state, |_| true, show_deleted);
            assert_eq!(server.list(list).await, expected, "at {revision}");
            let count = v1::CountRecordsRequest { as_of: as_of.clone(), show_deleted, ..Default::default() };
            let expected = i64::try_from(expected.len()).unwrap();
            assert_eq!(server.count(count).await.unwrap(), expected, "at {revision}");
        }
    }
}

/// The feed from every revision that can be read tells the same commits, but for what was purged since.
async fn check_feed(server: &Server, model: &Model) {
    for after in [model.oldest, (model.oldest + model.head()) / 2, model.head()] {
        let mut next = after + 1;
        for message in server.replay(after, "").await {
            if !message.changes.is_empty() {
                assert_eq!(message.revision, next, "no revision is skipped after {after}");
                assert_eq!(message.changes, model.told(next), "at {next}");
                next += 1;
            }
        }
        assert_eq!(next, model.head() + 1, "after {after}");
    }
}

/// The versions of each record are those that the states show, newest first.
async fn check_revisions(server: &Server, model: &Model) {
    for name in (0..NAMES).map(Draft::name) {
        let mut expected: Vec<v1::Record> = Vec::new();
        for (_, state) in model.readable() {
            if let Some((_, record)) = state.get(&name)
                && expected.last().is_none_or(|last| last.revision != record.revision)
            {
                expected.push(seen(state, record));
            }
        }
        expected.reverse();
        match server.revisions(&name, 3).await {
            Ok(revisions) => {
                let told: Vec<_> = revisions.into_iter().filter_map(|revision| revision.record).collect();
                assert_eq!(told, expected, "{name}");
            }
            Err(status) if model.purged.contains(&name) => assert_eq!(reason(&status), Reason::RecordPurged),
            Err(status) => assert!(expected.is_empty() && reason(&status) == Reason::RecordNotFound),
        }
    }
}

async fn check_filters(server: &Server, model: &Model) {
    // The newest state, and one in the middle.
    for revision in [model.head(), (model.oldest + model.head()) / 2] {
        let as_of = at(revision);
        let state = &model.states[usize::try_from(revision).unwrap()];
        for (filter, keep) in filters() {
            let expected = listed(state, |record| keep(&seen(state, record)), false);
            let list =
                v1::ListRecordsRequest { filter: filter.into(), as_of: as_of.clone(), ..Default::default() };
            assert_eq!(server.list(list.clone()).await, expected, "{filter} at {revision}");
            let pages = server.pages(v1::ListRecordsRequest { page_size: 2, ..list.clone() }).await;
            assert_eq!(pages.concat(), expected, "{filter} at {revision}, by two");
            let list = v1::ListRecordsRequest { order_by: "name desc".into(), page_size: 3, ..list };
            let mut by_name = expected.clone();
            by_name.sort_by(|a, b| b.name.cmp(&a.name));
            assert_eq!(server.pages(list).await.concat(), by_name, "{filter} at {revision}, by name");
            let count =
                v1::CountRecordsRequest { filter: filter.into(), as_of: as_of.clone(), ..Default::default() };
            assert_eq!(
                server.count(count).await.unwrap(),
                i64::try_from(expected.len()).unwrap(),
                "{filter}"
            );
        }
    }
}

/// One history: the first half, a restart, the second half, all checks, a restart, all checks.
async fn check(steps: Vec<Step>) {
    let mut server = Server::start().await;
    let mut model = Model::default();
    server.create(record(&json!({"name": "records/s", "source": {}}))).await.unwrap();
    let half = steps.len() / 2;
    for (place, step) in steps.iter().enumerate() {
        if place == half {
            server = server.restart().await;
        }
        server = apply(server, &mut model, step).await;
    }
    model.catch_up(&server).await;
    assert_eq!(model.head(), server.head().await);
    let newest = model.states.last().unwrap().values();
    let live = newest.filter(|(_, record)| record.delete_time.is_none()).count();
    for _ in 0..2 {
        check_reads(&server, &model).await;
        check_filters(&server, &model).await;
        check_feed(&server, &model).await;
        check_revisions(&server, &model).await;
        assert_eq!(crate::import_export::exported(&server).await.len(), live);
        let status = server.status().await;
        assert_eq!(status.live_records.values().sum::<i64>(), i64::try_from(live).unwrap());
        assert_eq!(status.oldest_revision, model.oldest);
        server = server.restart().await;
    }
}

#[test]
fn every_read_at_every_revision_equals_a_replay_of_the_feed() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    // A failing case is printed, and shrunk only a little: a case costs seconds.
    let config =
        Config { cases: CASES, max_shrink_iters: 40, failure_persistence: None, ..Config::default() };
    let strategy = prop::collection::vec(step(), 1..STEPS);
    let run = TestRunner::new(config).run(&strategy, |steps| {
        let runtime = &runtime;
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| runtime.block_on(check(steps))))
            .map_err(|_| TestCaseError::fail("see the assertion above"))
    });
    if let Err(failed) = run {
        panic!("{failed}");
    }
}
