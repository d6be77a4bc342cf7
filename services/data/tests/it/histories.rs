//! After any random history, every read at every revision equals a replay of the feed up to it.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use reform_api::data::v1;
use reform_api::data::v1::import_options::{OnExisting, OnInvalid};
use serde_json::json;

use crate::records::{record, with};
use crate::support::{Server, at, create, delete, import_batch, import_options, undelete, update};

const NAMES: u8 = 8;
const CASES: u32 = 24;
const STEPS: usize = 40;

/// A record of the history: its name decides the kind, so that names are taken by one kind only.
#[derive(Debug, Clone)]
struct Draft {
    number: u8,
    title: u8,
    year: Option<i32>,
    target: Option<u8>,
    german: bool,
}

impl Draft {
    fn name(number: u8) -> String {
        format!("records/n-{number}")
    }

    fn record(&self) -> v1::Record {
        let Self { number, title, year, target, german } = self;
        let date = year.map(|year| json!({"year": year}));
        let target = target.map(|target| Self::name(target % NAMES));
        let body = match number % 4 {
            0 => {
                json!({"party": {"foundedOn": date, "predecessors": target.filter(|name| *name != Self::name(*number))
                .into_iter().collect::<Vec<_>>()}})
            }
            1 => json!({"appeal": {"filedOn": date, "institution": target}}),
            2 => json!({"institution": {"lifecycle": [{"kind": "KIND_ESTABLISHED", "date": date}]}}),
            _ => json!({"event": {"date": date, "series": target}}),
        };
        let own = json!({
            "name": Self::name(*number), "title": format!("title {title}"), "labels": {"t": title.to_string()},
            "jurisdiction": if *german { "DE" } else { "KZ" }, "citations": [{"source": "records/s"}],
        });
        record(&with(own, &body))
    }
}

#[derive(Debug, Clone)]
enum Step {
    Create(Draft),
    Update(Draft),
    Delete(u8),
    Undelete(u8),
    Commit(Vec<Step>),
    Import(Vec<Draft>, u8),
}

fn draft() -> impl Strategy<Value = Draft> {
    let year = prop::option::of(2019..2024_i32);
    // Mostly KZ: a jurisdiction never changes, and most changes are to be accepted.
    let german = prop::bool::weighted(0.1);
    (0..NAMES, 0..5_u8, year, prop::option::weighted(0.4, 0..NAMES), german)
        .prop_map(|(number, title, year, target, german)| Draft { number, title, year, target, german })
}

fn single() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => draft().prop_map(Step::Create),
        3 => draft().prop_map(Step::Update),
        2 => (0..NAMES).prop_map(Step::Delete),
        1 => (0..NAMES).prop_map(Step::Undelete),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => single(),
        1 => prop::collection::vec(single(), 1..5).prop_map(Step::Commit),
        1 => (prop::collection::vec(draft(), 1..6), 0..3_u8).prop_map(|(drafts, how)| Step::Import(drafts, how)),
    ]
}

fn mutation(step: &Step) -> Option<v1::Mutation> {
    match step {
        Step::Create(draft) => Some(create(draft.record())),
        Step::Update(draft) => Some(update(draft.record())),
        Step::Delete(number) => Some(delete(&Draft::name(*number))),
        Step::Undelete(number) => Some(undelete(&Draft::name(*number))),
        Step::Commit(_) | Step::Import(..) => None,
    }
}

/// Does a step; whether it was accepted is the store's to say.
async fn apply(server: &Server, step: &Step) {
    match step {
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
}

/// The states of the store by revision, from the feed alone: name → the record as it was told, in the order of creation.
type State = BTreeMap<String, (usize, v1::Record)>;

async fn states(server: &Server) -> Vec<State> {
    let mut states = vec![State::new()];
    let mut created = 0;
    for message in server.replay(0, "").await {
        assert_eq!(message.revision, i64::try_from(states.len()).unwrap(), "no revision is skipped");
        assert!(message.commit_complete);
        let mut state = states.last().unwrap().clone();
        for change in message.changes {
            let before = state.get(&change.name);
            assert_eq!(change.previous_revision, before.map_or(0, |(_, record)| record.revision));
            let order = before.map_or_else(
                || {
                    created += 1;
                    created
                },
                |(order, _)| *order,
            );
            state.insert(change.name, (order, change.record.unwrap()));
        }
        states.push(state);
    }
    states
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

async fn check_reads(server: &Server, states: &[State]) {
    for (revision, state) in states.iter().enumerate() {
        let as_of = at(i64::try_from(revision).unwrap());
        for number in 0..NAMES {
            let told = server.get_at(&Draft::name(number), as_of.clone()).await.ok();
            assert_eq!(
                told,
                state.get(&Draft::name(number)).map(|(_, record)| seen(state, record)),
                "at {revision}"
            );
        }
        for show_deleted in [false, true] {
            let list = v1::ListRecordsRequest { as_of: as_of.clone(), show_deleted, ..Default::default() };
            let expected = listed(state, |_| true, show_deleted);
            assert_eq!(server.list(list).await, expected, "at {revision}");
            let count = v1::CountRecordsRequest { as_of: as_of.clone(), show_deleted, ..Default::default() };
            assert_eq!(
                server.count(count).await.unwrap(),
                i64::try_from(expected.len()).unwrap(),
                "at {revision}"
            );
        }
    }
}

async fn check_filters(server: &Server, states: &[State]) {
    // The newest state, and one in the middle.
    for revision in [states.len() - 1, states.len() / 2] {
        let as_of = at(i64::try_from(revision).unwrap());
        for (filter, keep) in filters() {
            let state = &states[revision];
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
    server.create(record(&json!({"name": "records/s", "source": {}}))).await.unwrap();
    let (before, after) = steps.split_at(steps.len() / 2);
    for step in before {
        apply(&server, step).await;
    }
    server = server.restart().await;
    for step in after {
        apply(&server, step).await;
    }
    let states = states(&server).await;
    assert_eq!(i64::try_from(states.len()).unwrap() - 1, server.head().await);
    let live = states.last().unwrap().values().filter(|(_, record)| record.delete_time.is_none()).count();
    for _ in 0..2 {
        check_reads(&server, &states).await;
        check_filters(&server, &states).await;
        assert_eq!(crate::import_export::exported(&server).await.len(), live);
        assert_eq!(server.status().await.live_records.values().sum::<i64>(), i64::try_from(live).unwrap());
        server = server.restart().await;
    }
    assert!(self::states(&server).await == states, "the feed tells another history after a restart");
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
