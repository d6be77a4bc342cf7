//! Random histories: a view that was asked on the way answers as one folded from what is left, and as the records
//! themselves counted one by one.

mod naive;

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use reform_indicators::filter::DimensionFilter;
use reform_indicators::query::Origin;
use reform_indicators::span::Granularity;
use reform_indicators::view::{Change, Restoring, View};
use reform_indicators::{Query, answer, catalogue, explain};
use reform_model::participation::Appeal;
use reform_model::record::{Citation, Discrepancy};
use reform_model::vocabulary::Resolution;
use reform_model::{Body, Date, Day, Name, Record};

use crate::build::*;
use naive::{Points, Said, counted};

/// Each history answers every so many of the questions: all would take minutes.
const PARTS: usize = 3;
/// Names that appeals and, now and then, a party share.
const NAMES: u8 = 40;

#[derive(Debug, Clone)]
enum Step {
    Put(u8, Box<Record>),
    Remove(u8),
    Damage(u8),
    /// A clone is written to and thrown away, as when a commit fails half-way.
    Aside(u8, Box<Record>),
    Ask,
}

fn some_date() -> impl Strategy<Value = Option<Date>> {
    let day = (2021..2024_i32, 1..=12_i32, 1..=28_i32, 0..12_u8);
    day.prop_map(|(year, month, day, form)| match form {
        0 => Some(date(&format!("{year}"))),
        1 => Some(date(&format!("{year}-{month}"))),
        2 => Some(date(&format!("{year}-{month}-{day}..{}", year + 1))),
        3 => Some(date(&format!("..{year}-{month}-{day}"))),
        4 => None,
        _ => Some(date(&format!("{year}-{month}-{day}"))),
    })
}

/// Mostly some days later, else any other date.
fn end(filed: Option<Date>, days: i32, other: Option<Date>, form: u8) -> Option<Date> {
    match (form, filed.and_then(Date::day)) {
        (0, _) => None,
        (1, _) | (_, None) => other,
        (_, Some(filed)) => Some(Date::exact(Day(filed.0 + days))),
    }
}

fn some_appeal() -> impl Strategy<Value = Record> {
    let dates = (some_date(), some_date(), some_date(), 0..80_i32, 0..80_i32);
    let forms = (0..6_u8, 0..6_u8, 0..4_u8);
    let class = (0..3_u8, 0..3_u8, 0..3_u8, 0..2_u8, 0..3_u8);
    (dates, forms, class).prop_map(|((filed_on, answered, closed, first, last), forms, class)| {
        let (institution, channel, outcome, jurisdiction, source) = class;
        let text =
            |prefix: &str, number: u8| if number == 0 { String::new() } else { format!("{prefix}{number}") };
        let appeal = Appeal {
            institution: (institution > 0).then(|| name(&format!("i{institution}"))),
            filed_on,
            answered_on: end(filed_on, first, answered, forms.0),
            closed_on: end(filed_on, last, closed, forms.1),
            deadline_on: end(filed_on, 20, answered, forms.2),
            channel: text("c", channel),
            outcome: text("o", outcome),
            ..Appeal::default()
        };
        let citation =
            |id: &str| Citation { source: name(id), locator: String::new(), field_paths: Vec::new() };
        let citations = [citation("s1"), citation("s2")].into_iter().take(usize::from(source)).collect();
        let jurisdiction = if jurisdiction == 0 { "XX" } else { "YY" }.to_owned();
        Record { jurisdiction, citations, ..record("x", Body::Appeal(appeal)) }
    })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let id = || 0..NAMES;
    let put = || (id(), some_appeal()).prop_map(|(id, record)| (id, Box::new(record)));
    prop::collection::vec(
        prop_oneof![
            12 => put().prop_map(|(id, record)| Step::Put(id, record)),
            3 => id().prop_map(Step::Remove),
            1 => id().prop_map(Step::Damage),
            1 => put().prop_map(|(id, record)| Step::Aside(id, record)),
            1 => Just(Step::Ask),
        ],
        0..80,
    )
}

fn named(id: u8, record: &Record) -> Record {
    let mut record = Record { name: id_of(id), ..record.clone() };
    // Names of one record are used again by another kind, and some records are disputed.
    if id == 7 && record.citations.is_empty() {
        record.body = Body::Party(Default::default());
    }
    if id == 8 {
        let claimed = Discrepancy {
            field_path: "appeal.channel".to_owned(),
            claimed: "post".to_owned(),
            source: None,
            resolution: Resolution::Unresolved,
            reason: String::new(),
        };
        record.discrepancies = vec![claimed];
    }
    record
}

fn id_of(id: u8) -> Name {
    name(&format!("n{id}"))
}

fn queries() -> Vec<Query> {
    let mut all = Vec::new();
    for indicator in
        ["appeals-per-year", "appeal-response-time", "appeals-on-time", "appeal-outcomes", "appeal-backlog"]
    {
        let plain = Query { origin: Some(Origin::Counted), ..Query::new(indicator) };
        let by = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        all.push(plain.clone());
        all.push(Query {
            granularity: Some(Granularity::Month),
            group_by: by(&["channel"]),
            ..plain.clone()
        });
        let filter = DimensionFilter::parse("channel = c1 OR institution != \"records/i1\"").unwrap();
        let quarter = Some(Granularity::Quarter);
        all.push(Query { filter, granularity: quarter, group_by: by(&["institution"]), ..plain.clone() });
        let cut = Some(period("2021-02-11/2023-03-17"));
        all.push(Query { period: cut, jurisdictions: vec!["YY".to_owned()], ..plain.clone() });
        all.push(Query {
            period: Some(period("2022")),
            granularity: Some(Granularity::HalfYear),
            ..plain.clone()
        });
    }
    let mut closed = all[5].clone();
    closed.parameters.insert("measure".to_owned(), "CLOSED".to_owned());
    all.push(closed);
    all
}

/// The points that stand for periods of the calendar; those that only say what was left out are compared elsewhere.
fn answered(view: &View, query: &Query, expected: &Points) -> Points {
    let answer = answer(view, query).unwrap();
    let mut found = Points::new();
    for series in &answer.series {
        for point in &series.points {
            let key = (series.labels.clone(), point.period.to_string());
            if point.estimate.is_some() || expected.contains_key(&key) {
                found.insert(key, Said::of(point));
            }
        }
    }
    found
}

/// The view from its image and the records beside it.
fn restored(view: &View, left: &BTreeMap<u8, (Record, i64)>, damaged: &[u8]) -> View {
    let mut restoring = Restoring::new("store");
    for block in view.image() {
        let mut torn = Restoring::new("store");
        // Whatever a part of a block is, it is nothing to panic about.
        for len in (0..block.len()).step_by(97) {
            let _either = torn.take_in(&block[..len]);
        }
        restoring.take_in(&block).unwrap();
    }
    for (record, revision) in left.values().filter(|(record, _)| View::is_whole(record)) {
        restoring.put(Arc::new(record.clone()), *revision);
    }
    damaged.iter().for_each(|id| restoring.damaged(id_of(*id)));
    let mut restored = restoring.finish(view.revision());
    // It goes on like any other.
    let again =
        left.values().next().map(|(record, revision)| Change::Put(Arc::new(record.clone()), *revision));
    again.into_iter().for_each(|again| restored.apply(again));
    restored
}

fn check(view: &View, left: &BTreeMap<u8, (Record, i64)>, damaged: &[u8], part: usize) {
    let mut scratch = View::new("store");
    for (record, revision) in left.values().rev() {
        scratch.apply(Change::Put(Arc::new(record.clone()), *revision));
    }
    damaged.iter().for_each(|id| scratch.apply(Change::Damaged(id_of(*id))));
    scratch.set_revision(view.revision());
    assert_eq!(view, &scratch);
    assert_eq!(view, &restored(view, left, damaged));
    let records: Vec<Record> = left.values().map(|(record, _)| record.clone()).collect();
    for query in queries().into_iter().skip(part).step_by(PARTS) {
        let whole = answer(view, &query).unwrap();
        assert_eq!(whole, answer(&scratch, &query).unwrap());
        let expected = counted(&records, &query);
        assert_eq!(answered(view, &query, &expected), expected, "{query:?}");
        if let Some((series, point)) = whole.series.last().and_then(|last| Some((last, last.points.last()?)))
        {
            let found = explain(view, &query, &series.labels, point.period, &point.label).unwrap();
            assert_eq!((&found.point.estimate, found.point.records), (&point.estimate, point.records));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_view_answers_as_its_records_counted_one_by_one(steps in steps(), part in 0..PARTS) {
        let mut view = View::new("store");
        let mut left: BTreeMap<u8, (Record, i64)> = BTreeMap::new();
        let mut damaged = Vec::new();
        for (revision, step) in (1..).zip(&steps) {
            let before = view.clone();
            match step {
                Step::Put(id, record) => {
                    let record = named(*id, record);
                    view.apply(Change::Put(Arc::new(record.clone()), revision));
                    left.insert(*id, (record, revision));
                    damaged.retain(|other| other != id);
                }
                Step::Remove(id) => {
                    view.apply(Change::Remove(id_of(*id)));
                    left.remove(id);
                    damaged.retain(|other| other != id);
                }
                Step::Damage(id) => {
                    view.apply(Change::Damaged(id_of(*id)));
                    left.remove(id);
                    damaged.retain(|other| other != id);
                    damaged.push(*id);
                }
                Step::Aside(id, record) => {
                    let record = named(id % 50 + 20, record);
                    view.clone().apply(Change::Put(Arc::new(record), revision));
                }
                Step::Ask => {
                    view.set_revision(revision);
                    for query in queries().iter().skip(usize::try_from(revision % 5).unwrap()).step_by(5) {
                        answer(&view, query).unwrap();
                    }
                    if revision % 2 == 0 {
                        view.keep_up();
                    }
                }
            }
            view.set_revision(revision);
            prop_assert_eq!(before.revision(), revision - 1);
        }
        check(&view, &left, &damaged, part);
        let all = catalogue::all().iter().map(|definition| Query::new(definition.id));
        let plain: Vec<Query> = all.filter(|query| answer(&View::new("x"), query).is_ok()).collect();
        prop_assert!(plain.len() > 20);
        plain.iter().for_each(|query| drop(answer(&view, query).unwrap()));
    }
}
