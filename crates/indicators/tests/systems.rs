//! What the shipped records yield for reforms, parties, courts, petitions, congresses, the reserve and growth.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail like the tests themselves")]

use std::sync::{Arc, OnceLock};

use reform_api::data::v1;
use reform_indicators::view::{Change, View};
use reform_indicators::{Query, answer};

fn shipped() -> &'static View {
    static VIEW: OnceLock<View> = OnceLock::new();
    VIEW.get_or_init(|| {
        let mut view = View::new("store");
        for (revision, line) in (1..).zip(reform_dataset::lines()) {
            let wire: v1::Record = reform_api::json::parse("reform.data.v1.Record", line).unwrap();
            view.apply(Change::Put(Arc::new(reform_api::convert::record(&wire).unwrap()), revision));
        }
        view
    })
}

/// Every point in one line: labels but the jurisdiction, period, figure, what counts and what does not, caveats.
fn lines(indicator: &str, parameters: &[(&str, &str)]) -> Vec<String> {
    let mut query = Query::new(indicator);
    query.jurisdictions.push("KZ".to_owned());
    let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    query.parameters.extend(parameters.iter().map(own));
    let answer = answer(shipped(), &query).unwrap();
    let mut lines = Vec::new();
    for series in &answer.series {
        let labels = series.labels.iter().filter(|(key, _)| *key != "jurisdiction");
        let labels: Vec<&str> = labels.map(|(_, value)| value.trim_start_matches("records/")).collect();
        for point in &series.points {
            let figure = point.estimate.as_ref().map_or("none".to_owned(), |estimate| estimate.display());
            let mut line = format!("{} | {} = {figure}", labels.join(" "), point.period);
            if let (Some(numerator), Some(denominator)) = (point.numerator, point.denominator) {
                line.push_str(&format!(", {numerator} of {denominator}"));
            }
            for (what, count) in [("unknown", point.unknown), ("excluded", point.excluded)] {
                if count > 0 {
                    line.push_str(&format!(" {what}:{count}"));
                }
            }
            for caveat in &point.caveats {
                line.push_str(&format!(" {}:{}", caveat.code.as_str(), caveat.count));
            }
            lines.push(line);
        }
    }
    lines
}

/// The lines of one period.
fn of<'l>(lines: &'l [String], period: &str) -> Vec<&'l str> {
    lines.iter().map(String::as_str).filter(|line| line.contains(&format!("| {period} = "))).collect()
}

#[test]
fn four_of_four_petitions_reached_their_threshold() {
    // petitions.csv: four reached it, one is collecting, one was refused at moderation on a day not known.
    assert_eq!(lines("petitions-per-year", &[]), ["COUNTED | 2024 = 5 IMPRECISE_DATE:1"]);
    assert_eq!(
        lines("petition-success-rate", &[]),
        ["COUNTED | 2024 = 100.0 %, 4 of 4 unknown:1 excluded:1 SMALL_N:0"]
    );
    // petitions.csv: published, and the day of the count that showed it; 10 to 24 May, 29 May to 9 June and 1 July,
    // 20 April to 7 June.
    assert_eq!(
        lines("petition-days-to-threshold", &[]),
        [
            "COUNTED | 2024-04-20 = 0–48 IMPRECISE_DATE:0",
            "COUNTED | 2024-05-10 = 0–14 IMPRECISE_DATE:0",
            "COUNTED | 2024-05-29 = 0–11 IMPRECISE_DATE:0",
            "COUNTED | 2024-05-29 = 0–33 IMPRECISE_DATE:0",
        ]
    );
}

#[test]
fn three_quarters_of_the_reserve_were_appointed() {
    // youth_reserve.csv: 262 of 350 on 22 February 2023, printed as 75 %; the total of 400 is of another day.
    let lines = lines("appointment-rate", &[]);
    assert_eq!(
        of(&lines, "2023-02-22"),
        [
            "kz-inst-youth-reserve DERIVED REPORTED | 2023-02-22 = 74.9 %, 262 of 350",
            "kz-inst-youth-reserve REPORTED REPORTED | 2023-02-22 = ≈ 75.0 %",
        ]
    );
    assert_eq!(
        of(&lines, "2024-03"),
        ["kz-inst-youth-reserve REPORTED REPORTED | 2024-03 = > 75.0 % IMPRECISE_DATE:1"]
    );
}

#[test]
fn the_kurultai_met_once_a_year() {
    // kurultai.csv.
    let lines = lines("congress-meetings-per-year", &[("series", "records/kz-inst-kurultai")]);
    let expected: Vec<String> = (2022..=2026).map(|year| format!("COUNTED | {year} = 1")).collect();
    assert_eq!(lines, expected);
}

#[test]
fn the_court_made_39_decisions_in_2023() {
    // constitutional_court.csv and the second seed; running totals are not years.
    let lines = lines("court-decisions-per-year", &[]);
    let court = "kz-inst-constitutional-court REPORTED";
    assert_eq!(of(&lines, "2023"), [format!("IN_PERIOD {court} | 2023 = 39")]);
    assert!(lines.contains(&format!("CUMULATIVE_SINCE {court} | 2023-01-01/2023-04-30 = 11 CUMULATIVE:0")));
}

#[test]
fn complaints_to_the_ombudsperson_grew_by_a_tenth_and_appeals_by_a_sixth() {
    // ombudsman.csv: 4,859 after 4,382 in nine months is 10.9 %, where the source prints 10.8; 6,748 after 5,773 is 16.9.
    let lines = lines("growth", &[("variable", "records/var-ombudsman-appeals")]);
    let series = "IN_PERIOD DERIVED REPORTED kz-inst-ombudsperson var-ombudsman-appeals";
    assert_eq!(of(&lines, "2024-01/2024-09"), [format!("{series} | 2024-01/2024-09 = 10.9")]);
    assert_eq!(of(&lines, "2024"), [format!("{series} | 2024 = 16.9")]);
}

#[test]
fn published_growth_of_the_corridor_stands_beside_the_derived_one() {
    let lines = lines("growth", &[("variable", "records/var-corridor-volume")]);
    let series = |method: &str| format!("IN_PERIOD {method} REPORTED var-corridor-volume");
    assert_eq!(
        of(&lines, "2024-01/2024-07"),
        [
            format!("{} | 2024-01/2024-07 = 63.1 excluded:1", series("DERIVED")),
            format!("{} | 2024-01/2024-07 = 63", series("REPORTED")),
        ]
    );
}

#[test]
fn parties_begin_and_end_in_their_years() {
    // parties.csv: Baytaq in 2022 and Respublica in 2023; Asar, the Civic and the Agrarian Party merged in 2006.
    let registered = lines("parties-registered-per-year", &[]);
    for year in ["2022", "2023"] {
        assert_eq!(of(&registered, year), [format!("COUNTED | {year} = 1 excluded:1")]);
    }
    let ended = lines("parties-ended-per-year", &[]);
    assert_eq!(of(&ended, "2006"), ["COUNTED | 2006 = 3 IMPRECISE_DATE:1"]);
}

#[test]
fn a_proposal_is_no_reform_and_a_plan_is_no_stage() {
    let lines = lines("reform-status", &[]);
    let at_the_end = of(&lines, "2026");
    let of_status =
        |status: &str| at_the_end.iter().filter(|line| line.contains(&format!(" {status} |"))).count();
    assert!(of_status("DECIDED") > 0 && of_status("PROPOSED") > 0, "{at_the_end:?}");
    // Every dated reform stands at one stage.
    let sum: i64 = at_the_end
        .iter()
        .filter_map(|line| line.split_once(" = ")?.1.split(' ').next()?.parse::<i64>().ok())
        .sum();
    let dated = shipped()
        .reforms()
        .filter(|(_, reform)| reform.stages.iter().any(|stage| stage.date.is_some() && !stage.is_planned()));
    assert_eq!(sum, i64::try_from(dated.count()).unwrap());
}

#[test]
fn a_lead_time_is_bounded_by_the_days_that_are_known() {
    let lines = lines("reform-lead-time", &[("from", "ADOPTED"), ("to", "IN_FORCE")]);
    assert_eq!(of(&lines, "2024"), ["COUNTED | 2024 = 114 IMPRECISE_DATE:7"]);
}
