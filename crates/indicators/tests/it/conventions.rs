//! Conventions word by word, each with a case worked out by hand.

use reform_indicators::filter::DimensionFilter;
use reform_indicators::query::Origin;
use reform_indicators::{Answer, Point, Query, answer};
use reform_model::election::{Contender, Election, ElectionResult, Tier};
use reform_model::institution::Institution;
use reform_model::measure::{Target, Variable};
use reform_model::party::Party;
use reform_model::reform::{ParameterChange, Reform};
use reform_model::vocabulary::{Aggregation, Basis, Direction, InstitutionType, Rank, System, VoteBase};
use reform_model::{Body, Kind, Record};

use crate::build::*;

const SUM: Option<Aggregation> = Some(Aggregation::Sum);

fn figures(point: &Point) -> Vec<String> {
    point.figures.iter().map(|(key, value)| format!("{key}={value}")).collect()
}

fn points(answer: &Answer) -> &[Point] {
    assert_eq!(answer.series.len(), 1, "{:?}", keys(answer));
    &answer.series[0].points
}

fn series_of(records: Vec<Record>) -> Answer {
    let mut query = Query::new("observation-series");
    query.parameters.insert("variable".into(), "v".into());
    ask(records, &query)
}

#[test]
fn two_running_totals_from_one_start_give_the_difference() {
    let total = |id: &str, over: &str, value: &str| observation(id, "v", Basis::CumulativeSince, over, value);
    let records = vec![
        variable("v", "appeals-per-year", SUM),
        observation("a", "v", Basis::InPeriod, "2023", "100"),
        total("b", "2023-01-01/2024-03", "> 130"),
        total("c", "2023-01-01/2024-06", "150"),
        // Below an earlier total: what was counted stays counted.
        total("d", "2023-01-01/2024-09", "90"),
        total("e", "2022/2024", "500"),
        total("f", "/2025", "700"),
    ];
    for answer in [ask(records.clone(), &Query::new("appeals-per-year")), series_of(records)] {
        let found: Vec<Vec<String>> = answer.series[0]
            .points
            .iter()
            .map(|point| figures(point).into_iter().filter(|text| text.starts_with("difference")).collect())
            .collect();
        let first: &[&str] = &["difference=30", "difference_from=2024-01-01", "difference_lower=30"];
        let second: &[&str] =
            &["difference=20", "difference_from=2024-04-01", "difference_lower=0", "difference_upper=20"];
        let none: &[&str] = &[];
        assert_eq!(found, [first, second, none, none, none]);
        assert_eq!(answer.series[1].points[0].figures.get("difference"), None);
    }
}

#[test]
fn the_series_of_a_variable_tells_the_rank() {
    let records = vec![
        variable("v", "", SUM),
        ranked(Rank::Preferred, observation("a", "v", Basis::InPeriod, "2022", "≈ 18.7")),
        observation("b", "v", Basis::InPeriod, "2022", "18.78"),
        observation("c", "v", Basis::InPeriod, "2023", "17.52"),
        ranked(Rank::Deprecated, observation("d", "v", Basis::InPeriod, "2024", "1")),
    ];
    let answer = series_of(records);
    assert_eq!(only(&answer), ["2022 = ≈ 18.7 excluded:1", "2023 = 17.52"]);
    let ranks: Vec<&str> = points(&answer).iter().map(|point| point.figures["rank"].as_str()).collect();
    assert_eq!(ranks, ["PREFERRED", "NORMAL"]);
}

#[test]
fn a_published_denominator_wins() {
    let part = |id: &str, over: &str, value: &str| observation(id, &id[..3], Basis::InPeriod, over, value);
    let records = vec![
        variable("bad", "unconstitutionality-rate.inconsistent", SUM),
        variable("con", "unconstitutionality-rate.consistent", SUM),
        variable("all", "unconstitutionality-rate.denominator", SUM),
        part("bad-1", "2022", "8"),
        part("con-1", "2022", "24"),
        part("all-1", "2022", "40"),
        // Without the other part, and of another day.
        part("bad-2", "2023", "5"),
        part("all-2", "2023", "10–20"),
        part("bad-3", "2024", "5"),
        part("all-3", "2024-01/2024-06", "10"),
    ];
    let answer = ask(records, &Query::new("unconstitutionality-rate"));
    assert_eq!(only(&answer), ["2022 = 20.0 % CONFLICT:1", "2023 = 11.2 %–76.3 %"]);
    let point = &points(&answer)[0];
    assert_eq!((point.numerator, point.denominator, point.records), (Some(8), Some(40), 2));
    assert_eq!((points(&answer)[1].numerator, points(&answer)[1].denominator), (Some(5), None));
}

#[test]
fn a_rate_of_a_part_of_the_year_says_so() {
    let records = vec![
        variable("bad", "unconstitutionality-rate.inconsistent", SUM),
        variable("con", "unconstitutionality-rate.consistent", SUM),
        observation("b", "bad", Basis::InPeriod, "2023-01/2023-06", "10"),
        observation("c", "con", Basis::InPeriod, "2023-01/2023-06", "10"),
    ];
    let answer = ask(records, &Query::new("unconstitutionality-rate"));
    assert_eq!(only(&answer), ["2023-01/2023-06 = 50.0 % PARTIAL_PERIOD:0"]);
}

#[test]
fn no_party_yet_is_not_zero_parties_unless_a_register_says_so() {
    let party = |id: &str, registered: &str, ended: Option<&str>| {
        let ended = ended.map(|on| reform_model::party::PartyEnd {
            kind: reform_model::vocabulary::PartyEndKind::Merged,
            date: Some(date(on)),
        });
        record(id, Body::Party(Party { registered_on: Some(date(registered)), ended, ..Party::default() }))
    };
    let mut records = vec![party("a", "2001-05-05", Some("2003-01-01"))];
    let query = Query { period: Some(period("1999/2004")), ..Query::new("registered-parties") };
    assert_eq!(only(&ask(records.clone(), &query)), ["2001 = 1", "2002 = 1", "2003 = 0", "2004 = 0"]);
    records.push(register("r", Kind::Party, "2000/2004"));
    assert_eq!(only(&ask(records, &query)), ["2000 = 0", "2001 = 1", "2002 = 1", "2003 = 0", "2004 = 0"]);
}

fn flow(targets: Vec<(&str, Target)>, observations: Vec<Record>) -> Vec<(String, String)> {
    let variable =
        Variable { direction: Some(Direction::HigherIsBetter), aggregation: SUM, ..Variable::default() };
    let mut records = vec![record("v", Body::Variable(variable))];
    records.extend(targets.into_iter().map(|(id, target)| record(id, Body::Target(target))));
    records.extend(observations);
    let answer = ask(records, &Query::new("target-progress"));
    let told = |point: &Point| {
        let value = point.figures.get("value").cloned().unwrap_or_default();
        (value, point.status.clone().unwrap())
    };
    answer.series.iter().flat_map(|series| series.points.iter().map(told)).collect()
}

fn target(value: &str, window: &str, deadline: &str, basis: Basis) -> Target {
    Target {
        variable: name("v"),
        subject: None,
        baseline: None,
        quantity: quantity(value),
        deadline_on: Some(date(deadline)),
        path: None,
        revised_from: None,
        baseline_on: None,
        window: (!window.is_empty()).then(|| period(window)),
        basis: Some(basis),
        milestones: Vec::new(),
    }
}

#[test]
fn a_year_between_two_totals_measures_a_target_of_that_year() {
    let of_2023 = |value: &str| target(value, "2023", "2023", Basis::InPeriod);
    let observed = || {
        vec![
            observation("a", "v", Basis::InPeriod, "2022", "28"),
            observation("b", "v", Basis::CumulativeSince, "2022/2023", "41.3"),
        ]
    };
    let judged = flow(vec![("t1", of_2023("13")), ("t2", of_2023("24"))], observed());
    assert_eq!(judged, [("13.3".into(), "MET".into()), ("13.3".into(), "MISSED".into())]);
    // A total from another start says nothing about the year.
    let other = vec![
        observation("a", "v", Basis::InPeriod, "2022", "28"),
        observation("b", "v", Basis::CumulativeSince, "2021/2023", "41.3"),
    ];
    assert_eq!(flow(vec![("t1", of_2023("13"))], other), [(String::new(), "UNKNOWN".into())]);
    // What is published for the year itself wins.
    let mut own = observed();
    own.push(observation("c", "v", Basis::InPeriod, "2023", "12"));
    assert_eq!(flow(vec![("t1", of_2023("13"))], own), [("12".into(), "MISSED".into())]);
}

fn chamber(tier: Tier, registered: i64, cast: i64) -> Vec<Record> {
    let institution =
        Institution { institution_type: Some(InstitutionType::Chamber), ..Institution::default() };
    let election = Election {
        institution: Some(name("chamber")),
        held_on: vec![date("2023-03-19")],
        registered: Some(registered),
        cast: Some(cast),
        valid: Some(1000),
        tiers: vec![tier],
        ..Election::default()
    };
    vec![record("chamber", Body::Institution(institution)), record("e", Body::Election(election))]
}

fn row(contender: Contender, votes: Option<i64>, share: Option<&str>) -> ElectionResult {
    ElectionResult { contender, label: String::new(), votes, vote_share: share.map(quantity), seats: None }
}

fn party(id: &str) -> Contender {
    Contender::Party(name(id))
}

#[test]
fn a_row_without_a_share_takes_its_votes_of_the_base() {
    // 40 % and 40 % are printed; 100 votes make the rest by the base. Effective number: 1 / (0.32 + p²).
    let rows = || {
        vec![
            row(party("a"), Some(400), Some("40")),
            row(party("b"), Some(400), Some("40")),
            row(party("c"), Some(100), None),
            row(Contender::AgainstAll, Some(100), None),
        ]
    };
    let shown = |base: Option<VoteBase>, valid: Option<i64>| {
        let tier = Tier {
            system: Some(System::PartyList),
            share_base: base,
            valid,
            results: rows(),
            ..Tier::default()
        };
        let answer = ask(chamber(tier, 5000, 2000), &Query::new("effective-parties-votes"));
        let estimate = points(&answer)[0].estimate.clone().unwrap();
        let text = |number: &reform_indicators::number::Number| number.to_decimal_string();
        [estimate.value.as_ref(), estimate.lower.as_ref().map(|bound| &bound.number)]
            .map(|number| number.map(text).unwrap())
    };
    // c: 100 of 500, and against-all as much: above 100 together, so no remainder. 1 / 0.36
    assert_eq!(shown(Some(VoteBase::Valid), Some(500)), ["2.77777777778", "2.77777777778"]);
    // 100 of 1,000: 10 % each, no remainder. 1 / 0.33
    assert_eq!(shown(Some(VoteBase::Valid), None), ["3.0303030303", "3.0303030303"]);
    assert_eq!(shown(None, None), ["3.0303030303", "3.0303030303"]);
    // 100 of 2,000: 5 % each, 10 % are left. 1 / 0.3225 and 1 / 0.3325
    assert_eq!(shown(Some(VoteBase::Cast), Some(500)), ["3.1007751938", "3.00751879699"]);
    // 100 of 5,000: 2 % each, 16 % are left. 1 / 0.3204 and 1 / 0.346
    assert_eq!(shown(Some(VoteBase::Registered), Some(500)), ["3.12109862672", "2.8901734104"]);
    // 100 of the 1,000 of all rows.
    assert_eq!(shown(Some(VoteBase::ContendersAndAgainstAll), Some(500)), ["3.0303030303", "3.0303030303"]);
}

#[test]
fn shares_of_contenders_leave_against_all_out_and_nothing_over() {
    let rows = vec![
        row(party("a"), Some(400), Some("40")),
        row(party("b"), Some(400), Some("40")),
        row(Contender::AgainstAll, Some(200), Some("20")),
    ];
    let tier = Tier { system: Some(System::PartyList), results: rows, ..Tier::default() };
    let records = chamber(tier, 5000, 2000);
    let mut query = Query::new("effective-parties-votes");
    // As recorded: 1 / 0.32, and against-all is in no remainder.
    assert_eq!(only(&ask(records.clone(), &query)), ["2023-03-19 = 3.125"]);
    query.parameters.insert("share_base".into(), "CONTENDERS".into());
    let answer = ask(records, &query);
    assert!(points(&answer)[0].estimate.as_ref().unwrap().is_exact());
    assert_eq!(only(&answer), ["2023-03-19 = 2"]);
}

#[test]
fn a_threshold_dates_a_step_of_a_law_that_names_no_area() {
    let threshold = |id: &str, on: &str, value: &str, unit: &str| {
        let mut value = quantity(value);
        value.unit = unit.to_owned();
        let tier = Tier { threshold: Some(value), ..Tier::default() };
        let election = Election {
            institution: Some(name("chamber")),
            held_on: vec![date(on)],
            tiers: vec![tier],
            ..Election::default()
        };
        record(id, Body::Election(election))
    };
    let of = |value: &str| {
        let mut value = quantity(value);
        value.unit = "percent of votes".to_owned();
        value
    };
    let change = ParameterChange {
        parameter: name("v"),
        before: Some(of("7")),
        after: Some(of("5")),
        effective_on: None,
        direction: None,
    };
    let variable = Variable { unit: "percent of votes".to_owned(), ..Variable::default() };
    for unit in ["percent of votes", "percent", ""] {
        let records = vec![
            record("v", Body::Variable(variable.clone())),
            record(
                "r",
                Body::Reform(Reform { parameter_changes: vec![change.clone()], ..Reform::default() }),
            ),
            threshold("e1", "2021-01-10", "7", unit),
            threshold("e2", "2023-03-19", "5", unit),
        ];
        let view = view(records);
        for (on, value) in [("2021-01-10", "7"), ("2022-01-01", "5–7"), ("2023-03-19", "5")] {
            let mut query = Query::new("parameter-history");
            query.parameters.insert("parameter".into(), "v".into());
            query.parameters.insert("valid_at".into(), on.into());
            let point = answer(&view, &query).unwrap().series[0].points[0].clone();
            assert_eq!(point.estimate.unwrap().display(), value, "{on} {unit}");
        }
    }
}

#[test]
fn the_register_of_one_institution_makes_its_own_empty_years_zero() {
    let filed = |id: &str, court: &str, on: &str| {
        let mut record = appeal(id, on);
        let Body::Appeal(appeal) = &mut record.body else { panic!() };
        appeal.institution = Some(name(court));
        record
    };
    let mut source = register("r", Kind::Appeal, "2021/2023");
    // A source has no country of its own; the institution has.
    source.jurisdiction.clear();
    let Body::Source(body) = &mut source.body else { panic!() };
    body.covers[0].subject = Some(name("court"));
    let records = vec![
        record("court", Body::Institution(Institution::default())),
        source,
        filed("a", "court", "2022-05-05"),
        filed("b", "other", "2024-05-05"),
    ];
    let counted = |query: Query| ask(records.clone(), &Query { origin: Some(Origin::Counted), ..query });
    let query = Query::new("appeals-per-year");
    assert_eq!(only(&counted(query.clone())), ["2022 = 1", "2024 = 1"]);
    let of = |court: &str| {
        let filter = DimensionFilter::parse(&format!("institution = \"records/{court}\"")).unwrap();
        Query { filter, ..query.clone() }
    };
    assert_eq!(only(&counted(of("court"))), ["2021 = 0", "2022 = 1", "2023 = 0"]);
    assert_eq!(only(&counted(of("other"))), ["2024 = 1"]);
    let grouped = counted(Query { group_by: vec!["institution".into()], ..query.clone() });
    assert_eq!(lines(&grouped.series[0]), ["2021 = 0", "2022 = 1", "2023 = 0"]);
    assert_eq!(lines(&grouped.series[1]), ["2024 = 1"]);
    // Nothing at all was filed: the register says so by itself.
    let mut empty = records[..2].to_vec();
    assert_eq!(only(&ask(empty.clone(), &of("court"))), ["2021 = 0", "2022 = 0", "2023 = 0"]);
    assert_eq!(ask(empty.clone(), &of("other")).series, []);
    // Nobody knows whose register it is.
    let Body::Source(body) = &mut empty[1].body else { panic!() };
    body.covers[0].subject = None;
    assert_eq!(ask(empty, &query).series, []);
}

#[test]
fn a_stock_runs_to_the_latest_date_that_is_read() {
    let party = |id: &str, on: &str| {
        record(id, Body::Party(Party { registered_on: Some(date(on)), ..Party::default() }))
    };
    let published = |id: &str, on: &str| observation(id, "v", Basis::StockAt, on, "3");
    let mut records = vec![party("a", "2001-05-05"), variable("v", "registered-parties", None)];
    let counted = Query { origin: Some(Origin::Counted), ..Query::new("registered-parties") };
    assert_eq!(only(&ask(records.clone(), &counted)), ["2001 = 1"]);
    // A published count is read too, and before the first party there is nothing to count.
    records.extend([published("o1", "1999-01-01"), published("o2", "2003-06-01")]);
    assert_eq!(only(&ask(records.clone(), &counted)), ["2001 = 1", "2002 = 1", "2003 = 1"]);
    records.push(register("r", Kind::Party, "2000/2004"));
    assert_eq!(only(&ask(records, &counted)), ["2000 = 0", "2001 = 1", "2002 = 1", "2003 = 1", "2004 = 1"]);
}
