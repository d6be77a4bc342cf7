//! How long appeals take, whether they are answered on time, what is open, how they end.

use proptest::prelude::*;
use reform_indicators::filter::Error;
use reform_indicators::span::Granularity;
use reform_indicators::{Query, QueryError, answer, explain, wilson};
use reform_model::measure::Variable;
use reform_model::participation::Appeal;
use reform_model::reform::{ParameterChange, Reform};
use reform_model::{Body, Day, Record};

use crate::build::*;

/// Filed, answered, closed; an empty text is not recorded.
fn dated(id: &str, [filed, answered, closed]: [&str; 3]) -> Record {
    with(id, [filed, answered, closed], |_| ())
}

fn with(id: &str, [filed, answered, closed]: [&str; 3], change: impl FnOnce(&mut Appeal)) -> Record {
    let on = |text: &str| (!text.is_empty()).then(|| date(text));
    let mut appeal =
        Appeal { filed_on: on(filed), answered_on: on(answered), closed_on: on(closed), ..Appeal::default() };
    change(&mut appeal);
    record(id, Body::Appeal(appeal))
}

fn figures(records: Vec<Record>, query: &Query, keys: &[&str]) -> Vec<String> {
    let answer = ask(records, query);
    let point = &answer.series[0].points[0];
    let text = |key: &&str| format!("{key}={}", point.figures.get(*key).map_or("none", String::as_str));
    keys.iter().map(text).collect()
}

fn with_parameter(indicator: &str, key: &str, value: &str) -> Query {
    let mut query = Query::new(indicator);
    query.parameters.insert(key.to_owned(), value.to_owned());
    query
}

/// Answered after 0, 2, 3, 5, 30 and 31 days; closed as late or later.
fn six() -> Vec<Record> {
    vec![
        dated("a1", ["2023-03-01", "2023-03-01", "2023-03-11"]),
        dated("a2", ["2023-03-01", "2023-03-03", "2023-03-11"]),
        dated("a3", ["2023-03-01", "2023-03-04", "2023-03-12"]),
        dated("a4", ["2023-03-01", "2023-03-06", ""]),
        dated("a5", ["2023-03-01", "2023-03-31", "2023-03-31"]),
        dated("a6", ["2023-03-01", "2023-04-01", "2024-02-29"]),
    ]
}

#[test]
fn response_times_are_those_of_numpy() {
    // numpy: median([0, 2, 3, 5, 30, 31]) = 4.0; percentile(…, 90) = 30.5; mean = 71 / 6.
    let query = Query::new("appeal-response-time");
    assert_eq!(only(&ask(six(), &query)), ["2023 = 4"]);
    let classes = ["days_0_2", "days_3_5", "days_6_10", "days_11_20", "days_21_30", "days_31_plus"];
    assert_eq!(
        figures(six(), &query, &classes),
        ["days_0_2=2", "days_3_5=2", "days_6_10=0", "days_11_20=0", "days_21_30=1", "days_31_plus=1"]
    );
    assert_eq!(
        figures(six(), &query, &["mean", "p90", "open"]),
        ["mean=11.8333333333", "p90=30.5", "open=0"]
    );
    // Until closing: 10, 10, 11, 30, 365 days, by the period of filing; a4 is open.
    let closed = with_parameter("appeal-response-time", "measure", "CLOSED");
    assert_eq!(only(&ask(six(), &closed)), ["2023 = 11 unknown:1"]);
    assert_eq!(figures(six(), &closed, &["mean", "p90", "open"]), ["mean=85.2", "p90=231", "open=1"]);
}

#[test]
fn what_has_no_length_is_counted_apart() {
    let records = || {
        vec![
            dated("a1", ["2023-03-01", "2023-03-08", ""]),
            // Open; closed without an answer on record; answered before it was filed; too coarse; undated.
            dated("a2", ["2023-03-01", "", ""]),
            dated("a3", ["2023-03-01", "", "2023-03-09"]),
            dated("a4", ["2023-03-01", "2023-02-28", ""]),
            dated("a5", ["2023-03-01", "2023-04", ""]),
            dated("a6", ["", "2023-03-08", ""]),
        ]
    };
    let query = Query::new("appeal-response-time");
    assert_eq!(only(&ask(records(), &query)), ["2023 = 7 IMPRECISE_DATE:1 unknown:2 excluded:3"]);
    assert_eq!(figures(records(), &query, &["open", "reversed"]), ["open=1", "reversed=1"]);
    let open = vec![dated("a1", ["2023-03-01", "", ""])];
    assert_eq!(only(&ask(open, &query)), ["2023 = none MISSING:0 unknown:1"]);
}

#[test]
fn a_deadline_of_its_own_decides_whether_an_appeal_is_on_time() {
    let due = |id: &str, dates: [&str; 3], deadline: &str| {
        with(id, dates, |appeal| appeal.deadline_on = (!deadline.is_empty()).then(|| date(deadline)))
    };
    let records = vec![
        due("a1", ["2022-03-01", "2022-03-16", ""], "2022-03-16"),
        due("a2", ["2022-03-01", "2022-03-17", ""], "2022-03-16"),
        // Open past its deadline at the end of 2022.
        due("a3", ["2022-03-01", "", ""], "2022-12-30"),
        // Its deadline is to come; none is recorded; closed without an answer; answered on an unclear day.
        due("a4", ["2022-12-20", "", ""], "2022-12-31"),
        due("a5", ["2022-03-01", "2022-03-02", ""], ""),
        due("a6", ["2022-03-01", "", "2022-03-02"], "2022-03-16"),
        due("a7", ["2022-03-01", "2022-03", ""], "2022-03-16"),
        // Closed before it was filed.
        due("a8", ["2022-03-01", "", "2022-02-28"], "2022-03-16"),
    ];
    let query = Query::new("appeals-on-time");
    let answer = ask(records.clone(), &query);
    assert_eq!(only(&answer), ["2022 = 33.3 % IMPRECISE_DATE:1 SMALL_N:0 unknown:4 excluded:1"]);
    let point = &answer.series[0].points[0];
    assert_eq!((point.numerator, point.denominator), (Some(1), Some(3)));
    let estimate = point.estimate.as_ref().unwrap();
    let (low, high) = wilson::interval(&1.into(), &3.into()).unwrap();
    assert_eq!(
        (&estimate.lower.as_ref().unwrap().number, &estimate.upper.as_ref().unwrap().number),
        (&low, &high)
    );
    // A later record moves the end of the series, so that the deadline of a4 has passed too.
    let later = records.into_iter().chain([due("b1", ["2023-01-02", "2023-01-03", ""], "2023-01-20")]);
    let answer = ask(later.collect(), &query);
    assert_eq!(
        only(&answer),
        ["2022 = 25.0 % IMPRECISE_DATE:1 SMALL_N:0 unknown:3 excluded:1", "2023 = 100.0 % SMALL_N:0"]
    );
}

/// A legal deadline that was 30 days until it was cut to 15 on the first of July 2022.
fn law(unit: &str) -> Vec<Record> {
    let quantity = |text: &str| Some(quantity(text));
    let change = ParameterChange {
        parameter: name("deadline"),
        before: quantity("30"),
        after: quantity("15"),
        effective_on: Some(date("2022-07-01")),
        direction: None,
    };
    let reform = Reform { parameter_changes: vec![change], ..Reform::default() };
    let variable = Variable { unit: unit.to_owned(), legal_parameter: true, ..Variable::default() };
    vec![record("cut", Body::Reform(reform)), record("deadline", Body::Variable(variable))]
}

#[test]
fn the_legal_deadline_is_that_of_the_day_of_filing() {
    let query = with_parameter("appeals-on-time", "deadline_parameter", "records/deadline");
    let records = |answers: [&str; 3]| {
        let [before, after, own] = answers;
        let mut records = law("days");
        records.push(dated("a1", ["2022-06-30", before, ""]));
        records.push(dated("a2", ["2022-07-01", after, ""]));
        // Its own deadline wins.
        records.push(with("a3", ["2022-07-01", own, ""], |appeal| {
            appeal.deadline_on = Some(date("2022-07-05"))
        }));
        records
    };
    // 30 June and 30 days, 1 July and 15 days.
    let answer = ask(records(["2022-07-30", "2022-07-16", "2022-07-05"]), &query);
    assert_eq!(only(&answer), ["2022 = 100.0 % SMALL_N:0"]);
    let answer = ask(records(["2022-07-31", "2022-07-17", "2022-07-06"]), &query);
    assert_eq!(only(&answer), ["2022 = 0.0 % SMALL_N:0"]);
    // Without the parameter only a3 has a deadline.
    let answer = ask(records(["2022-07-30", "2022-07-16", "2022-07-05"]), &Query::new("appeals-on-time"));
    assert_eq!(only(&answer), ["2022 = 100.0 % SMALL_N:0 unknown:2"]);
    let wrong = answer_of(law("working days"), &query);
    assert!(matches!(wrong, Err(QueryError::Field { path, .. }) if path == "parameters.deadline_parameter"));
}

fn answer_of(records: Vec<Record>, query: &Query) -> Result<reform_indicators::Answer, QueryError> {
    answer(&view(records), query)
}

#[test]
fn the_backlog_is_what_is_open_on_the_last_day_of_each_period() {
    let records = vec![
        dated("a1", ["2020-05-01", "", "2020-12-31"]),
        dated("a2", ["2020-05-01", "", "2021-01-01"]),
        dated("a3", ["2020-12-31", "2020-12-31", ""]),
        // Perhaps closed by the end of 2021; closed before it was filed; without a day.
        dated("a4", ["2021-02-01", "", "2021-12..2022-01"]),
        dated("a5", ["2021-02-01", "", "2021-01-31"]),
        dated("a6", ["", "", "2021-01-31"]),
    ];
    assert_eq!(
        only(&ask(records, &Query::new("appeal-backlog"))),
        ["2020 = 2 excluded:2", "2021 = 1 IMPRECISE_DATE:1 excluded:2", "2022 = 1 excluded:2"]
    );
    let coarse = vec![dated("a1", ["2020..2021", "", ""])];
    let query = Query::new("appeal-backlog");
    assert_eq!(only(&ask(coarse, &query)), ["2020 = none IMPRECISE_DATE:1", "2021 = 1"]);
}

fn decided(id: &str, closed: &str, outcome: &str) -> Record {
    with(id, ["2022-01-01", "", closed], |appeal| {
        outcome.clone_into(&mut appeal.outcome);
        appeal.institution = Some(name("court"));
    })
}

#[test]
fn outcomes_are_shares_of_what_was_decided_in_the_period_of_closing() {
    let records = || {
        vec![
            decided("a1", "2023-01-01", "upheld"),
            decided("a2", "2023-02-01", "upheld"),
            decided("a3", "2023-03-01", "refused"),
            decided("a4", "2023-04-01", ""),
            decided("a5", "2024-01-01", "refused"),
            // Open: not decided. Decided on an unknown day.
            decided("a6", "", ""),
            decided("a7", "", "refused"),
            decided("a8", "2021-12-31", "refused"),
        ]
    };
    let answer = ask(records(), &Query::new("appeal-outcomes"));
    assert_eq!(keys(&answer), ["origin=COUNTED outcome=refused", "origin=COUNTED outcome=upheld"]);
    assert_eq!(
        lines(&answer.series[0]),
        [
            "2021 = none MISSING:0 excluded:2",
            "2023 = 33.3 % SMALL_N:0 unknown:1 excluded:1",
            "2024 = 100.0 % SMALL_N:0 excluded:1",
        ]
    );
    assert_eq!(
        lines(&answer.series[1])[1..],
        ["2023 = 66.7 % SMALL_N:0 unknown:1 excluded:1", "2024 = 0.0 % SMALL_N:0 excluded:1",]
    );
    let grouped = Query { group_by: vec!["institution".to_owned()], ..Query::new("appeal-outcomes") };
    assert_eq!(
        keys(&ask(records(), &grouped))[0],
        "institution=records/court origin=COUNTED outcome=refused"
    );
    // Within one outcome every share would be 1.
    let filter = reform_indicators::filter::DimensionFilter::parse("outcome = \"refused\"").unwrap();
    let filtered = Query { filter, ..Query::new("appeal-outcomes") };
    let refused = answer_of(records(), &filtered);
    assert_eq!(refused, Err(Error::UnknownDimension("outcome".to_owned()).into()));
}

/// What the records bring to each point of a series, and why others bring nothing.
fn behind(records: Vec<Record>, query: &Query) -> Vec<String> {
    let view = view(records);
    let answer = answer(&view, query).unwrap();
    let mut found = Vec::new();
    for series in &answer.series {
        for point in &series.points {
            let behind = explain(&view, query, &series.labels, point.period, "").unwrap();
            let brought =
                behind.contributions.iter().map(|one| format!("{} {}", one.record.id(), one.contribution));
            let left =
                behind.exclusions.iter().map(|one| format!("{} {}", one.record.id(), one.reason.as_str()));
            let all: Vec<String> = brought.chain(left).collect();
            found.push(format!("{}: {}", point.period, all.join(", ")));
        }
    }
    found
}

#[test]
fn every_appeal_is_behind_a_point_or_left_out_for_a_reason() {
    let records = || {
        vec![
            dated("a1", ["2020-05-01", "2020-05-03", "2020-12-31"]),
            dated("a2", ["2020-05-01", "", ""]),
            dated("a3", ["2021-01-01", "2021-01-10", ""]),
            dated("a4", ["2020-02-01", "", "2020-01-31"]),
            dated("a5", ["", "", ""]),
        ]
    };
    assert_eq!(
        behind(records(), &Query::new("appeal-response-time")),
        [
            "2020: a1 2, a2 NOT_REACHED, a3 OUTSIDE_PERIOD, a4 CLOSED_BEFORE_FILED, a5 UNDATED",
            "2021: a3 9, a1 OUTSIDE_PERIOD, a2 OUTSIDE_PERIOD, a4 OUTSIDE_PERIOD, a5 UNDATED",
        ]
    );
    assert_eq!(
        behind(records(), &Query::new("appeal-backlog")),
        [
            "2020: a2 1, a1 ENDED, a3 OUTSIDE_PERIOD, a4 CLOSED_BEFORE_FILED, a5 UNDATED",
            "2021: a2 1, a3 1, a1 ENDED, a4 CLOSED_BEFORE_FILED, a5 UNDATED",
        ]
    );
    let decided = vec![
        decided("d1", "2023-01-01", "upheld"),
        decided("d2", "2023-01-02", "refused"),
        decided("d3", "2023-01-03", ""),
    ];
    assert_eq!(
        behind(decided, &Query::new("appeal-outcomes")),
        ["2023: d1 0, d2 1, d3 MISSING_VALUE", "2023: d1 1, d2 0, d3 MISSING_VALUE"]
    );
}

/// Filed on some day; answered and closed some days later, perhaps.
fn lives() -> impl Strategy<Value = Vec<(i32, Option<i32>, Option<i32>)>> {
    let later = || prop::option::of(0..400_i32);
    prop::collection::vec((19_000..19_800_i32, later(), later()), 1..30)
}

fn records_of(lives: &[(i32, Option<i32>, Option<i32>)]) -> Vec<Record> {
    let record = |(index, (filed, answered, closed)): (usize, &(i32, Option<i32>, Option<i32>))| {
        let text = |after: Option<i32>| after.map_or(String::new(), |after| Day(filed + after).to_string());
        let [filed, answered, closed] = [Some(0), *answered, *closed].map(text);
        dated(&format!("a{index}"), [&filed, &answered, &closed])
    };
    lives.iter().enumerate().map(record).collect()
}

proptest! {
    #[test]
    fn every_appeal_is_in_a_class_or_counted_as_open(lives in lives()) {
        let answer = ask(records_of(&lives), &with_parameter("appeal-response-time", "measure", "CLOSED"));
        for point in answer.series.iter().flat_map(|series| &series.points) {
            let year = point.period.first().year();
            let own: Vec<_> = lives.iter().filter(|(filed, ..)| Day(*filed).year() == year).collect();
            let figure = |key: &str| point.figures.get(key).map_or(0, |text| text.parse::<usize>().unwrap());
            let classes = point.figures.keys().filter(|key| key.starts_with("days_"));
            prop_assert_eq!(classes.map(|key| figure(key)).sum::<usize>() + figure("open"), own.len());
            let mut days: Vec<f64> = own.iter().filter_map(|(.., closed)| closed.map(f64::from)).collect();
            days.sort_by(f64::total_cmp);
            if let Some(estimate) = &point.estimate {
                // The rule of numpy in floating point.
                let position = (days.len() - 1) as f64 / 2.0;
                let (below, above) = (days[position.floor() as usize], days[position.ceil() as usize]);
                let naive = below + (above - below) * position.fract();
                prop_assert!((estimate.value.as_ref().unwrap().to_f64() - naive).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn the_backlog_grows_by_what_is_filed_less_what_is_closed(lives in lives()) {
        let by_month = |indicator: &str| {
            Query { granularity: Some(Granularity::Month), ..Query::new(indicator) }
        };
        let answer = ask(records_of(&lives), &by_month("appeal-backlog"));
        for point in answer.series.iter().flat_map(|series| &series.points) {
            let last = point.period.last().0;
            let filed = lives.iter().filter(|(filed, ..)| *filed <= last).count();
            let closed = lives.iter().filter(|(filed, _, closed)| closed.is_some_and(|closed| filed + closed <= last));
            let open = i64::try_from(filed - closed.count()).unwrap();
            prop_assert_eq!(point.estimate.as_ref().unwrap().value.as_ref().unwrap().to_i64(), Some(open));
        }
    }
}
