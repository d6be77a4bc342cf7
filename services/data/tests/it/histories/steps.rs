//! The steps of a random history.

use proptest::prelude::*;
use reform_api::data::v1;
use serde_json::json;

use super::NAMES;
use crate::records::{record, with};
use crate::support::{create, delete, undelete, update};

/// A record of the history: its name decides the kind, so that names are taken by one kind only.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    number: u8,
    title: u8,
    year: Option<i32>,
    target: Option<u8>,
    german: bool,
}

impl Draft {
    pub(super) fn name(number: u8) -> String {
        format!("records/n-{number}")
    }

    pub(super) fn record(&self) -> v1::Record {
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
pub(super) enum Step {
    Create(Draft),
    Update(Draft),
    Delete(u8),
    Undelete(u8),
    Commit(Vec<Step>),
    Import(Vec<Draft>, u8),
    Purge(u8),
    /// History below this share of it, in percent, is dropped.
    Compact(i64),
    Restart,
    /// The store is stopped, written anew, and opened.
    Pack,
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

pub(super) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => single(),
        1 => prop::collection::vec(single(), 1..5).prop_map(Step::Commit),
        1 => (prop::collection::vec(draft(), 1..6), 0..3_u8).prop_map(|(drafts, how)| Step::Import(drafts, how)),
        1 => care(),
    ]
}

fn care() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..NAMES).prop_map(Step::Purge),
        1 => (0..=100_i64).prop_map(Step::Compact),
        1 => Just(Step::Restart),
        1 => Just(Step::Pack),
    ]
}

pub(super) fn mutation(step: &Step) -> Option<v1::Mutation> {
    match step {
        Step::Create(draft) => Some(create(draft.record())),
        Step::Update(draft) => Some(update(draft.record())),
        Step::Delete(number) => Some(delete(&Draft::name(*number))),
        Step::Undelete(number) => Some(undelete(&Draft::name(*number))),
        Step::Commit(_)
        | Step::Import(..)
        | Step::Purge(_)
        | Step::Compact(_)
        | Step::Restart
        | Step::Pack => None,
    }
}
