//! How fast and how large: appeals by the million. `APPEALS` says how many; the figures are printed.

#![expect(clippy::print_stderr, reason = "the figures are what it is for")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use reform_indicators::span::Granularity;
use reform_indicators::view::{Change, View};
use reform_indicators::{Query, answer};
use reform_model::participation::Appeal;
use reform_model::{Body, Date, Day, Name, Record};

use crate::build::name;

/// Changes of one commit.
const COMMIT: usize = 256;

/// Made-up appeals of ten years: 20 institutions, 8 outcomes, 5 channels; a tenth are open.
pub(crate) fn some_appeal(index: u64, version: u64) -> Record {
    // A linear congruence is random enough here, and the same on every machine.
    let random = (index ^ version << 40)
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    let pick = |shift: u32, of: u64| (random >> shift) % of;
    let filed = Day(16_436 + i32::try_from(pick(7, 3_652)).unwrap());
    let after = |days: u64| Some(Date::exact(Day(filed.0 + i32::try_from(days).unwrap())));
    let is_open = pick(40, 10) == 0;
    let appeal = Appeal {
        institution: Some(institution(pick(20, 20))),
        filed_on: Some(Date::exact(filed)),
        answered_on: if is_open { None } else { after(pick(30, 45)) },
        closed_on: if is_open { None } else { after(45 + pick(35, 20)) },
        deadline_on: after(15),
        channel: format!("channel-{}", pick(45, 5)),
        outcome: if is_open { String::new() } else { format!("outcome-{}", pick(50, 8)) },
        ..Appeal::default()
    };
    Record {
        name: Name::from_id(&format!("appeal-{index:08}")).unwrap(),
        jurisdiction: "XX".to_owned(),
        title: String::new(),
        labels: Default::default(),
        citations: Vec::new(),
        discrepancies: Vec::new(),
        inferences: Vec::new(),
        rank: None,
        waivers: Vec::new(),
        body: Body::Appeal(appeal),
    }
}

fn institution(index: u64) -> Name {
    name(&format!("institution-{index}"))
}

/// Folds as a service does, a commit at a time on a clone of what is shown; the time of the fold alone.
fn fold(view: &mut Arc<View>, numbers: impl Iterator<Item = (u64, u64)>) -> Duration {
    let mut numbers = numbers.peekable();
    let (mut spent, mut revision) = (Duration::ZERO, view.revision());
    while numbers.peek().is_some() {
        let records =
            numbers.by_ref().take(COMMIT).map(|(index, version)| Arc::new(some_appeal(index, version)));
        let records: Vec<_> = records.collect();
        let start = Instant::now();
        let mut next = View::clone(view);
        revision += 1;
        records.into_iter().for_each(|record| next.apply(Change::Put(record, revision)));
        next.set_revision(revision);
        *view = Arc::new(next);
        spent += start.elapsed();
    }
    spent
}

fn questions() -> Vec<(&'static str, Query)> {
    let grouped = |indicator: &str, by: &[&str]| Query {
        group_by: by.iter().map(|name| (*name).to_owned()).collect(),
        ..Query::new(indicator)
    };
    let monthly =
        Query { granularity: Some(Granularity::Month), ..grouped("appeal-backlog", &["institution"]) };
    vec![
        ("by year", grouped("appeals-per-year", &[])),
        ("by year, institution and outcome", grouped("appeals-per-year", &["institution", "outcome"])),
        ("percentiles by year and institution", grouped("appeal-response-time", &["institution"])),
        ("on time by institution", grouped("appeals-on-time", &["institution"])),
        ("outcomes by institution", grouped("appeal-outcomes", &["institution"])),
        ("backlog by month and institution", monthly),
    ]
}

fn timed<T>(what: &str, run: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let out = run();
    eprintln!("{what}: {:?}", start.elapsed());
    out
}

#[test]
#[ignore = "measures; run it alone in a release build"]
fn appeals_by_the_million() {
    let count: u64 = std::env::var("APPEALS").map_or(1_000_000, |text| text.parse().unwrap());
    let mut view = Arc::new(View::new("store"));
    let spent = fold(&mut view, (0..count).map(|index| (index, 0)));
    eprintln!("fold: {:.0} a second", count as f64 / spent.as_secs_f64());
    let memory = view.memory();
    eprintln!(
        "{memory:?}, by appeal: columns {:.2}, names {:.2}",
        memory.columns as f64 / count as f64,
        memory.names as f64 / count as f64
    );
    for (what, query) in questions() {
        timed(&format!("{what}, from rows"), || answer(&view, &query).unwrap());
        timed(&format!("{what}, from cells"), || answer(&view, &query).unwrap());
    }
    let updates = (0..100_000.min(count)).map(|index| (index * 7_919 % count, 1));
    let spent = fold(&mut view, updates);
    eprintln!("updates: {:.0} a second", 100_000.min(count) as f64 / spent.as_secs_f64());
    timed("cells kept up", || view.keep_up());
    for (what, query) in questions() {
        timed(&format!("{what}, after the updates"), || answer(&view, &query).unwrap());
    }
}

#[test]
fn an_appeal_takes_at_most_24_bytes_and_16_for_its_name() {
    const COUNT: u64 = 20_000;
    let mut view = Arc::new(View::new("store"));
    fold(&mut view, (0..COUNT).map(|index| (index, 0)));
    let memory = view.memory();
    let each = |bytes: usize| bytes as f64 / COUNT as f64;
    assert!(each(memory.columns) <= 24.0 && each(memory.names) <= 16.0, "{memory:?}");
    let counted = memory.columns + memory.dictionary + memory.names + memory.cells + memory.records;
    assert_eq!(view.bytes(), counted);
}
