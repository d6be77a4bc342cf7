//! Random histories: a view that was asked on the way answers as one folded from what is left, and as the records
//! themselves counted one by one.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use reform_indicators::answer::{Labels, Point};
use reform_indicators::durations::{Duration, percentile};
use reform_indicators::estimate::Estimate;
use reform_indicators::filter::DimensionFilter;
use reform_indicators::query::Origin;
use reform_indicators::span::{Bucket, Granularity};
use reform_indicators::view::{Change, Restoring, View};
use reform_indicators::{Query, answer, catalogue, explain, wilson};
use reform_model::participation::Appeal;
use reform_model::record::{Citation, Discrepancy};
use reform_model::vocabulary::Resolution;
use reform_model::{Body, Date, Day, Name, Record};

use crate::build::*;

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

/// What a point says, as far as it is counted here.
#[derive(Debug, Clone, PartialEq, Default)]
struct Said {
    estimate: Option<Estimate>,
    records: i64,
    numerator: Option<i64>,
    denominator: Option<i64>,
    unknown: i64,
    excluded: i64,
    sources: Vec<Name>,
}

impl Said {
    fn of(point: &Point) -> Self {
        Self {
            estimate: point.estimate.clone(),
            records: point.records,
            numerator: point.numerator,
            denominator: point.denominator,
            unknown: point.unknown,
            excluded: point.excluded,
            sources: point.sources.clone(),
        }
    }
}

/// The points of an answer that lie in calendar periods with records.
type Points = BTreeMap<(Labels, String), Said>;

/// The appeals of one series, and what is read of them.
struct Series<'a> {
    labels: Labels,
    appeals: Vec<(&'a Record, &'a Appeal)>,
}

fn dimension(appeal: &Appeal, name: &str) -> String {
    match name {
        "institution" => appeal.institution.as_ref().map(Name::to_string).unwrap_or_default(),
        "channel" => appeal.channel.clone(),
        other => panic!("{other} is asked for nowhere"),
    }
}

fn series<'a>(records: &'a [Record], query: &Query) -> Vec<Series<'a>> {
    let mut found: BTreeMap<Labels, Vec<_>> = BTreeMap::new();
    for record in records.iter().filter(|record| query.wants_jurisdiction(&record.jurisdiction)) {
        let Body::Appeal(appeal) = &record.body else { continue };
        let all = ["institution", "channel"].map(|name| (name.to_owned(), dimension(appeal, name)));
        if query.filter.as_ref().is_some_and(|filter| !filter.matches(&all.into_iter().collect())) {
            continue;
        }
        let own = [("jurisdiction", record.jurisdiction.clone()), ("origin", "COUNTED".to_owned())];
        let mut labels: Labels = own.map(|(key, value)| (key.to_owned(), value)).into_iter().collect();
        labels.extend(query.group_by.iter().map(|name| (name.clone(), dimension(appeal, name))));
        found.entry(labels).or_default().push((record, appeal));
    }
    found.into_iter().map(|(labels, appeals)| Series { labels, appeals }).collect()
}

fn is_reversed(appeal: &Appeal) -> bool {
    let before =
        |end: Option<Date>| end.zip(appeal.filed_on).is_some_and(|(end, filed)| end.certainly_before(filed));
    before(appeal.answered_on) || before(appeal.closed_on)
}

/// The days from the first to the last date on record, of the jurisdictions asked for or of one.
fn last_day(records: &[Record], wanted: impl Fn(&Record) -> bool) -> reform_indicators::span::Extent {
    let mut extent = reform_indicators::span::Extent::default();
    for record in records.iter().filter(|record| wanted(record)) {
        let Body::Appeal(appeal) = &record.body else { continue };
        let dates = [appeal.filed_on, appeal.answered_on, appeal.closed_on];
        dates.into_iter().flatten().for_each(|date| extent.add(date));
    }
    extent
}

/// Counts the appeals of each period one by one.
fn counted(records: &[Record], query: &Query) -> Points {
    if query.indicator == "appeal-backlog" {
        return backlog(records, query);
    }
    let granularity = query.granularity.unwrap_or(Granularity::Year);
    let extent = last_day(records, |record| query.wants_jurisdiction(&record.jurisdiction));
    let end = extent.answered(query.period).map(|(_, last)| {
        Bucket::containing(granularity, last).within(query.period).map_or(last, |bucket| bucket.last)
    });
    let mut points = Points::new();
    for Series { labels, appeals } in series(records, query) {
        let decided =
            |appeal: &&(&Record, &Appeal)| appeal.1.closed_on.is_some() || !appeal.1.outcome.is_empty();
        let all_outcomes = series_outcomes(records, query);
        let outcomes: Vec<Option<&str>> = match query.indicator.as_str() {
            "appeal-outcomes" => all_outcomes.iter().map(|outcome| Some(outcome.as_str())).collect(),
            _ => vec![None],
        };
        for outcome in outcomes {
            let mut labels = labels.clone();
            labels.extend(outcome.map(|outcome| ("outcome".to_owned(), outcome.to_owned())));
            let own: Vec<_> = match outcome {
                None => appeals.clone(),
                Some(_) => appeals.iter().filter(decided).copied().collect(),
            };
            let when = |appeal: &Appeal| if outcome.is_some() { appeal.closed_on } else { appeal.filed_on };
            let undated = own.iter().filter(|(_, appeal)| when(appeal).is_none()).count() as i64;
            let mut buckets: BTreeMap<Bucket, Vec<_>> = BTreeMap::new();
            for (record, appeal) in own {
                let whole = when(appeal).and_then(|date| Bucket::of(granularity, date));
                let bucket = whole.and_then(|bucket| bucket.within(query.period));
                if let Some(bucket) =
                    bucket.filter(|bucket| when(appeal).is_some_and(|date| bucket.contains(date)))
                {
                    buckets.entry(bucket).or_default().push((record, appeal));
                }
            }
            for (bucket, appeals) in buckets {
                let mut said = said(query, &appeals, outcome, end);
                said.excluded += undated;
                let sources = appeals.iter().flat_map(|(record, _)| record.sources().into_iter().cloned());
                said.sources = sources.collect::<std::collections::BTreeSet<_>>().into_iter().collect();
                points.insert((labels.clone(), bucket.period().to_string()), said);
            }
        }
    }
    points
}

fn series_outcomes(records: &[Record], query: &Query) -> std::collections::BTreeSet<String> {
    let wanted = records.iter().filter(|record| query.wants_jurisdiction(&record.jurisdiction));
    let outcomes = wanted.filter_map(|record| {
        let Body::Appeal(appeal) = &record.body else { return None };
        (!appeal.outcome.is_empty()).then(|| appeal.outcome.clone())
    });
    outcomes.collect()
}

fn said(query: &Query, appeals: &[(&Record, &Appeal)], outcome: Option<&str>, end: Option<Day>) -> Said {
    let count =
        |is_it: &dyn Fn(&Appeal) -> bool| appeals.iter().filter(|(_, appeal)| is_it(appeal)).count() as i64;
    let rate = |good: i64, bad: i64, unknown: i64, excluded: i64| {
        let some = (good + bad > 0).then_some(());
        Said {
            estimate: some.and_then(|()| wilson::rate(&Estimate::exact(good), &Estimate::exact(bad))),
            records: good + bad,
            numerator: some.map(|()| good),
            denominator: some.map(|()| good + bad),
            unknown,
            excluded,
            sources: Vec::new(),
        }
    };
    match (query.indicator.as_str(), outcome) {
        ("appeals-per-year", _) => {
            let all = count(&|_| true);
            let style = reform_indicators::estimate::Style::Count;
            Said { estimate: Some(Estimate::exact(all).with_style(style)), records: all, ..Said::default() }
        }
        ("appeal-outcomes", Some(asked)) => rate(
            count(&|appeal| !is_reversed(appeal) && appeal.outcome == asked),
            count(&|appeal| !is_reversed(appeal) && !appeal.outcome.is_empty() && appeal.outcome != asked),
            count(&|appeal| !is_reversed(appeal) && appeal.outcome.is_empty()),
            count(&is_reversed),
        ),
        ("appeals-on-time", _) => {
            let of = |wanted: &str| count(&|appeal| verdict(appeal, end.unwrap_or(Day::MIN)) == wanted);
            rate(of("good"), of("bad"), of("unknown"), of("reversed"))
        }
        _ => times(query, appeals),
    }
}

fn verdict(appeal: &Appeal, end: Day) -> &'static str {
    match (is_reversed(appeal), appeal.deadline_on, appeal.answered_on, appeal.closed_on) {
        (true, ..) => "reversed",
        (_, None, ..) => "unknown",
        (_, Some(deadline), Some(answered), _) if answered.last() <= deadline.first() => "good",
        (_, Some(deadline), Some(answered), _) if answered.first() > deadline.last() => "bad",
        (_, Some(deadline), None, None) if deadline.last() < end => "bad",
        _ => "unknown",
    }
}

fn times(query: &Query, appeals: &[(&Record, &Appeal)]) -> Said {
    let until_closed = query.parameters.contains_key("measure");
    let (mut days, mut said) = (Vec::new(), Said::default());
    for (_, appeal) in appeals {
        let end = if until_closed { appeal.closed_on } else { appeal.answered_on };
        let length = appeal.filed_on.zip(end).and_then(|(filed, end)| Duration::between(filed, end));
        match length.and_then(Duration::days) {
            _ if is_reversed(appeal) => said.excluded += 1,
            _ if end.is_none() => said.unknown += 1,
            Some(length) => days.push(length),
            None => said.excluded += 1,
        }
    }
    days.sort_unstable();
    said.records = days.len() as i64;
    // One by one: the histogram is what is tested.
    let single: Vec<(i64, i64)> = days.iter().map(|days| (*days, 1)).collect();
    said.estimate = percentile(&single, 1, 2).map(|median| Estimate::between(median.clone(), median));
    said
}

fn backlog(records: &[Record], query: &Query) -> Points {
    let mut points = Points::new();
    for Series { labels, appeals } in series(records, query) {
        let place = labels["jurisdiction"].clone();
        let extent = last_day(records, |record| record.jurisdiction == place);
        let granularity = query.granularity.unwrap_or(Granularity::Year);
        let dated = |appeal: &&(&Record, &Appeal)| appeal.1.filed_on.is_some() && !is_reversed(appeal.1);
        for bucket in Bucket::answered(granularity, extent, query.period).unwrap() {
            let (mut said, mut begun, mut known) = (Said::default(), false, false);
            said.excluded = appeals.iter().filter(|appeal| !dated(appeal)).count() as i64;
            for (record, appeal) in appeals.iter().filter(dated) {
                let filed = appeal.filed_on.unwrap();
                begun |= filed.first() <= bucket.last;
                known |= filed.last() <= bucket.last;
                if filed.last() <= bucket.last
                    && appeal.closed_on.is_none_or(|closed| closed.first() > bucket.last)
                {
                    said.records += 1;
                    said.sources.extend(record.sources().into_iter().cloned());
                }
            }
            said.sources.sort();
            said.sources.dedup();
            let style = reform_indicators::estimate::Style::Count;
            said.estimate = known.then(|| Estimate::exact(said.records).with_style(style));
            if begun {
                points.insert((labels.clone(), bucket.period().to_string()), said);
            }
        }
    }
    points
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
