//! Against the decided figures and each rule of the status.

use std::collections::BTreeMap;
use std::sync::Arc;

use reform_model::date::{Date, Digits};
use reform_model::measure::{Milestone, Observation, Target, Variable};
use reform_model::record::Discrepancy;
use reform_model::vocabulary::{Aggregation, Basis, Comparator, Direction, Method, Path, Rank, Resolution};
use reform_model::{Body, Name, Period, Quantity, Record};

use crate::answer::{Code, Point};
use crate::query::{Query, QueryError};
use crate::view::{Change, View};

fn name(id: &str) -> Name {
    Name::from_id(id).unwrap()
}

fn record(id: &str, body: Body) -> Record {
    Record {
        name: name(id),
        jurisdiction: "XX".to_owned(),
        title: id.to_owned(),
        labels: BTreeMap::new(),
        citations: Vec::new(),
        discrepancies: Vec::new(),
        inferences: Vec::new(),
        rank: None,
        waivers: Vec::new(),
        body,
    }
}

fn view(records: impl IntoIterator<Item = Record>) -> View {
    let mut view = View::new("store");
    for (revision, record) in (1..).zip(records) {
        view.apply(Change::Put(Arc::new(record), revision));
    }
    view
}

/// `2023`, `2023-06`, `2023-06-30`.
fn date(text: &str) -> Date {
    let parts: Vec<i32> = text.split('-').map(|part| part.parse().unwrap()).collect();
    let digits = Digits::new(parts[0], parts.get(1).copied(), parts.get(2).copied()).unwrap();
    Date::new(Some(digits), None).unwrap()
}

/// `2022/2029`, or one date for both ends.
fn period(text: &str) -> Period {
    let (start, end) = text.split_once('/').unwrap_or((text, text));
    Period { start: Some(date(start)), end: Some(date(end)) }
}

/// `> 5`, `≈ 18.7`, `10–20`, `7`.
fn quantity(text: &str) -> Quantity {
    let number = |text: &str| text.parse().unwrap();
    let (sign, rest) = text.split_once(' ').unwrap_or(("", text));
    let comparator = match sign {
        "" => Comparator::Exact,
        ">" => Comparator::MoreThan,
        "≥" => Comparator::AtLeast,
        "<" => Comparator::LessThan,
        "≤" => Comparator::AtMost,
        _ => Comparator::Approximate,
    };
    let (decimal, comparator, upper) = match rest.split_once('–') {
        Some((low, high)) => (number(low), Comparator::Between, Some(number(high))),
        None => (number(rest), comparator, None),
    };
    Quantity::new(decimal, comparator, upper, "units".to_owned()).unwrap()
}

fn variable(direction: Direction, aggregation: Aggregation) -> Record {
    record(
        "var",
        Body::Variable(Variable {
            unit: "units".to_owned(),
            direction: Some(direction),
            aggregation: Some(aggregation),
            ..Variable::default()
        }),
    )
}

fn observed(id: &str, when: &str, basis: Basis, value: &str) -> Record {
    record(
        id,
        Body::Observation(Observation {
            variable: name("var"),
            subject: None,
            period: period(when),
            basis,
            quantity: quantity(value),
            method: Some(Method::Reported),
            release: None,
            published_on: None,
            derived_from: Vec::new(),
            dimensions: BTreeMap::new(),
        }),
    )
}

fn promise(value: &str, deadline: &str) -> Target {
    Target {
        variable: name("var"),
        subject: None,
        baseline: None,
        quantity: quantity(value),
        deadline_on: Some(date(deadline)),
        path: None,
        revised_from: None,
        baseline_on: None,
        window: None,
        basis: None,
        milestones: Vec::new(),
    }
}

fn target(body: Target) -> Record {
    record("target", Body::Target(body))
}

fn point(view: &View, end: Option<&str>) -> Point {
    let mut query = Query::new("target-progress");
    query.parameters.insert("target".to_owned(), "records/target".to_owned());
    query.period = end.map(|end| Period { start: None, end: Some(date(end)) });
    let answer = crate::answer(view, &query).unwrap();
    assert_eq!(answer.series.len(), 1);
    answer.series[0].points[0].clone()
}

fn status(view: &View, end: Option<&str>) -> String {
    point(view, end).status.unwrap()
}

fn claim(path: &str, claimed: &str, resolution: Resolution) -> Discrepancy {
    Discrepancy {
        field_path: path.to_owned(),
        claimed: claimed.to_owned(),
        source: None,
        resolution,
        reason: String::new(),
    }
}

/// The shadow economy of 2022 and 2023, with the derived rival of 2022.
fn shadow(target: Record) -> View {
    let mut printed = observed("printed", "2022", Basis::InPeriod, "≈ 18.7");
    printed.rank = Some(Rank::Preferred);
    let mut derived = observed("derived", "2022", Basis::InPeriod, "18.78");
    if let Body::Observation(observation) = &mut derived.body {
        observation.method = Some(Method::Derived);
    }
    let next = observed("next", "2023", Basis::InPeriod, "17.52");
    view([variable(Direction::LowerIsBetter, Aggregation::None), printed, derived, next, target])
}

#[test]
fn the_shadow_economy_met_2022_and_2025_cannot_be_measured_yet() {
    let of_2022 =
        Target { window: Some(period("2022")), basis: Some(Basis::InPeriod), ..promise("19.9", "2022") };
    let view = shadow(target(of_2022));
    for end in [None, Some("2022"), Some("2023")] {
        let point = point(&view, end);
        assert_eq!(point.status.as_deref(), Some("MET"), "{end:?}");
        assert_eq!(point.figures["value"], "18.7", "the preferred one");
        assert_eq!(point.figures["target"], "19.9");
        assert_eq!(point.estimate, None, "no baseline, no way to be part of");
    }
    assert_eq!(status(&view, Some("2021")), "NOT_YET_MEASURABLE");
    let by_2025 = Target { basis: Some(Basis::InPeriod), ..promise("15", "2025") };
    let view = shadow(target(by_2025));
    assert_eq!(status(&view, Some("2022")), "NOT_YET_MEASURABLE");
    assert_eq!(status(&view, None), "NOT_YET_MEASURABLE");
    assert_eq!(status(&view, Some("2025")), "UNKNOWN", "the deadline has passed without its figure");
}

/// Foreign investment: 41.3 of 150, since 2022.
fn investment(window_claim: Option<&str>) -> View {
    let mut promised = target(Target {
        baseline: Some(quantity("0")),
        baseline_on: Some(date("2022-01-01")),
        window: Some(period("2022/2029")),
        basis: Some(Basis::CumulativeSince),
        path: Some(Path::Linear),
        ..promise("150", "2029")
    });
    promised.discrepancies = window_claim
        .map(|claimed| claim("target.window", claimed, Resolution::Unresolved))
        .into_iter()
        .collect();
    let mut total = observed("total", "2022/2023", Basis::CumulativeSince, "41.3");
    total.discrepancies = vec![claim("observation.period.end", "2023-06", Resolution::Unresolved)];
    let first = observed("first", "2022", Basis::InPeriod, "28");
    let half = observed("half", "2023-01/2023-06", Basis::InPeriod, "13.5");
    let before = observed("before", "2021", Basis::InPeriod, "23.7");
    let mut foreseen = observed("foreseen", "2023", Basis::InPeriod, "27");
    if let Body::Observation(observation) = &mut foreseen.body {
        observation.method = Some(Method::Forecast);
    }
    let var = variable(Direction::HigherIsBetter, Aggregation::Sum);
    view([var, promised, total, first, half, before, foreseen])
}

#[test]
fn foreign_investment_is_27_5_percent_of_the_way() {
    let point = point(&investment(None), None);
    let progress = point.estimate.unwrap();
    assert_eq!(progress.display(), "27.5 %");
    assert_eq!(progress.value.unwrap().to_decimal_string(), "0.275333333333");
    // 730 of 2,922 days have passed: 37.47 would be due.
    assert_eq!(point.status.as_deref(), Some("ON_TRACK"));
    // 41.3 over 730 days; 108.7 over the 2,192 left; years of 365.25 days.
    assert_eq!(point.figures["actual_rate"], "20.6641438356");
    assert_eq!(point.figures["required_rate"], "18.1125342153");
    // 150 / 41.3 · 730 days after 2021-12-31 is 2,652 days.
    assert_eq!(point.figures["projected_date"], "2029-04-05");
    assert!(point.caveats.iter().any(|caveat| caveat.code == Code::Cumulative));
}

#[test]
fn a_claim_that_nobody_settled_and_that_would_turn_the_status_leaves_it_unknown() {
    // Over seven years 42.83 would be due; the claim about the observation's end would change nothing.
    for (claimed, expected) in [
        ("seven years", "UNKNOWN"),
        ("2022/2028", "UNKNOWN"),
        ("eight years", "ON_TRACK"),
        ("2022/2030", "ON_TRACK"),
        ("some years", "UNKNOWN"),
    ] {
        let point = point(&investment(Some(claimed)), None);
        assert_eq!(point.status.as_deref(), Some(expected), "{claimed}");
        // That the end of the total is disputed is told in any case.
        let conflicts = point.caveats.iter().filter(|caveat| caveat.code == Code::Conflict).count();
        assert_eq!(conflicts, if expected == "UNKNOWN" { 2 } else { 1 }, "{claimed}");
        assert_eq!(point.estimate.unwrap().display(), "27.5 %");
    }
}

#[test]
fn totals_come_from_parts_that_leave_no_gap() {
    let view = investment(None);
    for (end, value, records) in
        [("2022-12-31", "28", 2), ("2023-06-30", "41.5", 3), ("2023-12-31", "41.3", 2)]
    {
        let point = point(&view, Some(end));
        assert_eq!(point.figures["value"], value, "{end}");
        assert_eq!(point.records, records, "{end}");
    }
    // A year's target is no total: a half year and a forecast do not measure it.
    let year =
        Target { window: Some(period("2023")), basis: Some(Basis::InPeriod), ..promise("≥ 24", "2023") };
    let mut view = investment(None);
    view.apply(Change::Put(Arc::new(target(year)), 9));
    assert_eq!(status(&view, Some("2023-06-30")), "NOT_YET_MEASURABLE");
    assert_eq!(status(&view, Some("2023")), "UNKNOWN");
    let rest = observed("rest", "2023-07/2023-12", Basis::InPeriod, "10.5");
    view.apply(Change::Put(Arc::new(rest), 10));
    assert_eq!(status(&view, Some("2023")), "MET", "13.5 + 10.5");
}

#[test]
fn a_total_from_another_start_is_none_of_this_one() {
    let since = |start: Option<&str>| {
        let mut total = observed("total", "2021/2023", Basis::CumulativeSince, "100");
        if let Body::Observation(observation) = &mut total.body {
            observation.period.start = start.map(date);
        }
        let promised = Target {
            window: Some(period("2022/2029")),
            basis: Some(Basis::CumulativeSince),
            ..promise("150", "2029")
        };
        view([variable(Direction::HigherIsBetter, Aggregation::Sum), total, target(promised)])
    };
    assert_eq!(status(&since(Some("2022")), Some("2023")), "ON_TRACK", "a total starts at 0");
    assert_eq!(status(&since(Some("2021")), Some("2023")), "NOT_YET_MEASURABLE");
    assert_eq!(
        status(&since(None), Some("2023")),
        "NOT_YET_MEASURABLE",
        "an absent start is unknown, not open"
    );
}

#[test]
fn each_status_needs_certainty() {
    use Direction::{HigherIsBetter, LowerIsBetter};
    let stock = |direction, value: &str, promised: &str, baseline: Option<&str>, end: &str| {
        let body = Target {
            baseline: baseline.map(quantity),
            baseline_on: baseline.map(|_| date("2019")),
            basis: Some(Basis::StockAt),
            ..promise(promised, "2029-12-31")
        };
        let records = [
            variable(direction, Aggregation::Last),
            observed("seen", end, Basis::StockAt, value),
            target(body),
        ];
        status(&view(records), Some(end))
    };
    for (direction, value, promised, baseline, end, expected) in [
        (HigherIsBetter, "100", "100", None, "2024-12-31", "MET"),
        (HigherIsBetter, "> 99", "100", None, "2029-12-31", "UNKNOWN"),
        (HigherIsBetter, "> 100", "> 100", None, "2029-12-31", "MET"),
        (HigherIsBetter, "100", "> 100", None, "2029-12-31", "MISSED"),
        (HigherIsBetter, "≤ 99", "100", None, "2029-12-31", "MISSED"),
        (HigherIsBetter, "90–110", "100", None, "2029-12-31", "UNKNOWN"),
        (HigherIsBetter, "99", "100", None, "2024-12-31", "NOT_YET_MEASURABLE"),
        // Half way in time after five of ten years.
        (HigherIsBetter, "51", "100", Some("0"), "2024-12-31", "ON_TRACK"),
        (HigherIsBetter, "49", "100", Some("0"), "2024-12-31", "BEHIND"),
        (HigherIsBetter, "49–51", "100", Some("0"), "2024-12-31", "UNKNOWN"),
        (HigherIsBetter, "≈ 50", "100", Some("0"), "2024-12-31", "UNKNOWN"),
        (LowerIsBetter, "49", "0", Some("100"), "2024-12-31", "ON_TRACK"),
        (LowerIsBetter, "51", "0", Some("100"), "2024-12-31", "BEHIND"),
        (LowerIsBetter, "0", "0", Some("100"), "2024-12-31", "MET"),
        // Across zero.
        (HigherIsBetter, "1", "10", Some("-10"), "2024-12-31", "ON_TRACK"),
        (HigherIsBetter, "-1", "10", Some("-10"), "2024-12-31", "BEHIND"),
        // Of a neutral variable the baseline says which way.
        (Direction::Neutral, "49", "0", Some("100"), "2024-12-31", "ON_TRACK"),
        (Direction::Neutral, "0", "0", None, "2029-12-31", "MET"),
        (Direction::Neutral, "1", "0", None, "2029-12-31", "MISSED"),
    ] {
        let found = stock(direction, value, promised, baseline, end);
        assert_eq!(found, expected, "{value} of {promised} from {baseline:?} at {end}");
    }
}

#[test]
fn what_was_met_once_stays_met_and_later_figures_do_not_count() {
    let body = Target { basis: Some(Basis::StockAt), ..promise("100", "2025") };
    let stock = |id: &str, when: &str, value: &str| observed(id, when, Basis::StockAt, value);
    let higher = || variable(Direction::HigherIsBetter, Aggregation::Last);
    let met = view([
        higher(),
        stock("a", "2023-06-30", "101"),
        stock("b", "2025-12-31", "90"),
        target(body.clone()),
    ]);
    assert_eq!(status(&met, None), "MET");
    assert_eq!(point(&met, None).figures["value"], "90", "the figure shown is the latest");
    let late =
        view([higher(), stock("a", "2025-12-31", "90"), stock("b", "2026-06-30", "120"), target(body)]);
    assert_eq!(status(&late, None), "MISSED");
    assert_eq!(point(&late, None).figures["value"], "90");
}

#[test]
fn a_total_that_should_stay_low_is_final_at_the_deadline_only() {
    let body = Target {
        window: Some(period("2021/2024")),
        basis: Some(Basis::CumulativeSince),
        ..promise("100", "2024")
    };
    let total = |id: &str, end: &str, value: &str| {
        observed(id, &format!("2021/{end}"), Basis::CumulativeSince, value)
    };
    let view = view([
        variable(Direction::LowerIsBetter, Aggregation::Sum),
        total("a", "2022", "40"),
        total("b", "2024", "90"),
        target(body),
    ]);
    assert_eq!(status(&view, Some("2022")), "ON_TRACK");
    assert_eq!(status(&view, Some("2024")), "MET");
}

#[test]
fn milestones_are_due_on_their_days() {
    let milestone = |on: &str, value: &str| Milestone { on: date(on), quantity: quantity(value) };
    let body = Target {
        basis: Some(Basis::StockAt),
        path: Some(Path::Milestones),
        milestones: vec![milestone("2022-12-31", "20"), milestone("2024-12-31", "50")],
        ..promise("100", "2029")
    };
    let at = |when: &str, value: &str| {
        let seen = observed("seen", when, Basis::StockAt, value);
        status(
            &view([variable(Direction::HigherIsBetter, Aggregation::Last), seen, target(body.clone())]),
            Some(when),
        )
    };
    assert_eq!(at("2022-06-30", "10"), "NOT_YET_MEASURABLE");
    assert_eq!(at("2023-06-30", "20"), "ON_TRACK");
    assert_eq!(at("2023-06-30", "19"), "BEHIND");
    assert_eq!(at("2025-06-30", "49"), "BEHIND");
}

#[test]
fn a_revised_target_is_flagged_on_both_sides() {
    let old = record("old", Body::Target(promise("10", "2025")));
    let new = target(Target { revised_from: Some(name("old")), ..promise("20", "2025") });
    let view = view([variable(Direction::HigherIsBetter, Aggregation::None), old, new]);
    let answer = crate::answer(&view, &Query::new("target-progress")).unwrap();
    let messages: Vec<&str> = answer
        .series
        .iter()
        .flat_map(|series| &series.points[0].caveats)
        .filter(|caveat| caveat.code == Code::Revised)
        .map(|caveat| caveat.message.as_str())
        .collect();
    assert_eq!(messages, ["replaced by records/target", "replaces records/old"]);
}

#[test]
fn a_name_that_is_no_target_is_refused() {
    let view = view([variable(Direction::HigherIsBetter, Aggregation::None)]);
    let ask = |id: &str| {
        let mut query = Query::new("target-progress");
        query.parameters.insert("target".to_owned(), id.to_owned());
        crate::answer(&view, &query)
    };
    assert!(matches!(ask("var"), Err(QueryError::Field { path, .. }) if path == "parameters.target"));
    assert!(matches!(ask("none"), Err(QueryError::NotFound { path, .. }) if path == "parameters.target"));
}
