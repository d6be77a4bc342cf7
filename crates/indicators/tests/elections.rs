//! The shipped elections and referendums: each figure against a second, naive computation in exact rationals, and
//! against the tables' own numbers.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail like the tests themselves")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{Signed, Zero};
use reform_api::data::v1;
use reform_indicators::number::Number;
use reform_indicators::view::{Change, View};
use reform_indicators::{Point, Query, answer};
use reform_model::Record;
use reform_model::election::{Contender, Election, ElectionResult};

fn shipped() -> &'static View {
    static VIEW: OnceLock<View> = OnceLock::new();
    VIEW.get_or_init(|| {
        let mut view = View::new("store");
        for (revision, line) in (1..).zip(reform_dataset::lines()) {
            let wire: v1::Record = reform_api::json::parse("reform.data.v1.Record", line).unwrap();
            let record: Record = reform_api::convert::record(&wire).unwrap();
            view.apply(Change::Put(Arc::new(record), revision));
        }
        view
    })
}

/// The six elections of the Mazhilis by year.
fn mazhilis() -> Vec<(i32, &'static Election)> {
    let mut elections: Vec<_> = shipped()
        .elections()
        .filter(|(_, election)| {
            election.institution.as_ref().is_some_and(|name| name.id() == "kz-inst-mazhilis")
        })
        .map(|(_, election)| (election.held_on[0].first().calendar().0, election))
        .collect();
    elections.sort_by_key(|(year, _)| *year);
    assert_eq!(
        elections.iter().map(|(year, _)| *year).collect::<Vec<_>>(),
        [2004, 2007, 2012, 2016, 2021, 2023]
    );
    elections
}

/// The points of the counted series about the Mazhilis, by year.
fn points(indicator: &str, parameters: &[(&str, &str)]) -> BTreeMap<i32, Point> {
    series(indicator, parameters, &[("institution", "records/kz-inst-mazhilis"), ("origin", "COUNTED")])
}

fn series(indicator: &str, parameters: &[(&str, &str)], labels: &[(&str, &str)]) -> BTreeMap<i32, Point> {
    let mut query = Query::new(indicator);
    let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    query.parameters.extend(parameters.iter().map(own));
    let answer = answer(shipped(), &query).unwrap();
    let has = |series: &&reform_indicators::Series| {
        labels.iter().all(|(key, value)| series.labels.get(*key).is_some_and(|own| own == value))
    };
    let points = answer.series.iter().filter(has).flat_map(|series| series.points.clone());
    points.map(|point| (point.period.last().calendar().0, point)).collect()
}

/// Values to that many decimals, by year.
fn rounded(points: &BTreeMap<i32, Point>, places: usize) -> Vec<(i32, String)> {
    let value = |point: &Point| point.estimate.as_ref().unwrap().value.as_ref().unwrap().rounded(places);
    points.iter().map(|(year, point)| (*year, value(point))).collect()
}

fn pairs(expected: &[(i32, &str)]) -> Vec<(i32, String)> {
    expected.iter().map(|(year, value)| (*year, (*value).to_owned())).collect()
}

fn value(point: &Point) -> Number {
    point.estimate.as_ref().unwrap().value.clone().unwrap()
}

/// The naive second implementation: rationals, loops, and nothing of the crate but the records.
mod naive {
    use super::*;

    pub(crate) fn ratio(part: i64, whole: i64) -> BigRational {
        BigRational::new(BigInt::from(part), BigInt::from(whole))
    }

    pub(crate) fn text(number: &BigRational) -> String {
        // Enough to tell any two results apart; the indicator's own text goes through the same.
        (number * BigRational::from(BigInt::from(10).pow(30))).round().to_integer().to_string()
    }

    pub(crate) fn percent(row: &ElectionResult) -> Option<BigRational> {
        let share = row.vote_share.as_ref()?.value()?.to_string();
        let (whole, part) = share.split_once('.').unwrap_or((share.as_str(), ""));
        let digits: i64 = format!("{whole}{part}").parse().unwrap();
        Some(ratio(digits, 10_i64.pow(u32::try_from(part.len()).unwrap())))
    }

    /// Parties and alliances of the list with their percentages, by a name of their own.
    pub(crate) fn lists(election: &Election) -> BTreeMap<String, BigRational> {
        let mut lists = BTreeMap::new();
        for row in &election.tiers[0].results {
            let key = match &row.contender {
                Contender::Party(name) => name.id().to_owned(),
                Contender::Alliance(names) => {
                    names.iter().map(|name| name.id()).collect::<Vec<_>>().join("+")
                }
                Contender::Independents
                | Contender::AgainstAll
                | Contender::Other(_)
                | Contender::Candidate { .. } => continue,
            };
            lists.insert(key, percent(row).unwrap());
        }
        lists
    }

    /// Half the sum of squares between percentages of votes and of list seats.
    pub(crate) fn half_squares(election: &Election) -> BigRational {
        let mut sum = BigRational::zero();
        for row in &election.tiers[0].results {
            if let (Some(votes), Some(seats)) = (percent(row), row.seats) {
                let gap = votes - ratio(100 * i64::from(seats), i64::from(election.tiers[0].seats.unwrap()));
                sum += &gap * &gap;
            }
        }
        sum / ratio(2, 1)
    }

    pub(crate) fn volatility(
        before: &BTreeMap<String, BigRational>,
        after: &BTreeMap<String, BigRational>,
    ) -> BigRational {
        let all: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let zero = BigRational::zero();
        let mut sum = BigRational::zero();
        for key in all {
            sum += (after.get(key).unwrap_or(&zero) - before.get(key).unwrap_or(&zero)).abs();
        }
        sum / ratio(2, 1)
    }
}

/// An exact number of the crate as a rational, by way of its parts: it is a ratio of decimals of at most 30 places.
fn same(ours: &Number, naive: &BigRational) -> bool {
    let scaled =
        ours * &(Number::scaled(1_000_000_000_000_000, 0) * Number::scaled(1_000_000_000_000_000, 0));
    scaled.rounded(0).replace(',', "") == naive::text(naive)
}

fn has_gap(point: &Point) -> bool {
    point.caveats.iter().any(|caveat| caveat.message.contains("0.1 point"))
}

#[test]
fn turnout_is_that_of_a_naive_computation() {
    let turnout = points("turnout", &[]);
    for (year, election) in mazhilis() {
        let (Some(cast), Some(registered)) = (election.cast, election.registered) else {
            assert!(!turnout.contains_key(&year), "{year}");
            continue;
        };
        let point = &turnout[&year];
        assert!(same(&value(point), &naive::ratio(cast, registered)), "{year}");
        assert_eq!((point.numerator, point.denominator), (Some(cast), Some(registered)));
    }
    let shown: Vec<_> =
        turnout.iter().map(|(year, point)| (*year, point.estimate.as_ref().unwrap().display())).collect();
    assert_eq!(shown, pairs(&[(2007, "68.4 %"), (2016, "77.1 %"), (2021, "63.3 %"), (2023, "54.2 %")]));
    assert_eq!(
        rounded(&turnout, 4),
        pairs(&[(2007, "0.6841"), (2016, "0.7712"), (2021, "0.6325"), (2023, "0.5419")])
    );
    assert_eq!(turnout[&2023].figures["reported"], "0.5421");
    assert!(turnout.values().all(|point| !has_gap(point)), "no gap above 0.1 point");
    // An embassy gave another turnout for 2007, and nobody has settled that.
    assert_eq!(turnout[&2007].caveats.len(), 1);
}

#[test]
fn published_turnout_stands_beside_and_a_gap_is_told() {
    let mazhilis = [("institution", "records/kz-inst-mazhilis"), ("origin", "REPORTED")];
    let reported = series("turnout", &[], &mazhilis);
    let expected = [
        (2004, "0.5649"),
        (2007, "0.6840"),
        (2012, "0.7545"),
        (2016, "0.7712"),
        (2021, "0.6325"),
        (2023, "0.5421"),
    ];
    assert_eq!(rounded(&reported, 4), pairs(&expected));
    let referendums = series("turnout", &[], &[("kind", "referendum"), ("origin", "COUNTED")]);
    let counted = [(1995, "0.9058"), (2022, "0.6805"), (2024, "0.6366"), (2026, "0.7351")];
    assert_eq!(rounded(&referendums, 4), pairs(&counted));
    // 9,127,192 of the 12,416,759 of February are 73.51 %, and 73.12 % was printed.
    let gap = &referendums[&2026];
    assert!(has_gap(gap));
    assert!(has_gap(&series("turnout", &[], &[("kind", "referendum"), ("origin", "REPORTED")])[&2026]));
    assert_eq!(gap.figures["reported"], "0.7312");
    assert!(gap.figures["gap"].starts_with("0.0038"));
    let alone = series("turnout", &[("institution", "kz-inst-presidency")], &[("origin", "COUNTED")]);
    assert_eq!(rounded(&alone, 4), pairs(&[(2019, "0.7754"), (2022, "0.6944")]));
}

#[test]
fn effective_parties_are_those_of_a_naive_computation() {
    let votes = points("effective-parties-votes", &[]);
    let seats = points("effective-parties-seats", &[]);
    for (year, election) in mazhilis() {
        let squares: BigRational = naive::lists(election).values().map(|share| share * share).sum();
        assert!(same(&value(&votes[&year]), &(naive::ratio(10_000, 1) / squares)), "{year}");
        let won: Vec<i64> =
            election.tiers[0].results.iter().filter_map(|row| row.seats).map(i64::from).collect();
        let all: i64 = won.iter().sum();
        let squares: i64 = won.iter().map(|won| won * won).sum();
        assert!(same(&value(&seats[&year]), &naive::ratio(all * all, squares)), "{year}");
    }
}

#[test]
fn gallagher_is_that_of_a_naive_computation() {
    let points = points("disproportionality", &[]);
    for (year, election) in mazhilis() {
        // Both sides squared, because the root is cut off after forty places.
        let ours = value(&points[&year]);
        let (ours, naive) = (&ours * &ours, naive::half_squares(election));
        assert!(same(&ours, &naive), "{year}");
    }
    let shown = [
        (2004, "7.8308"),
        (2007, "9.1972"),
        (2012, "3.1277"),
        (2016, "2.9890"),
        (2021, "6.5334"),
        (2023, "3.3907"),
    ];
    assert_eq!(rounded(&points, 4), pairs(&shown));
    // 2007 leaves 0.01 unrecorded: lower is the value, upper one party without a seat.
    let estimate = points[&2007].estimate.as_ref().unwrap();
    assert_eq!(estimate.lower.as_ref().unwrap().number, value(&points[&2007]));
    assert!(estimate.upper.as_ref().unwrap().number > value(&points[&2007]));
    assert!(points[&2023].estimate.as_ref().unwrap().is_exact());
}

#[test]
fn the_decided_disproportionality_holds() {
    let last = |indicator: &str, parameters: &[(&str, &str)]| {
        value(&points(indicator, parameters)[&2023]).rounded(2)
    };
    assert_eq!(last("disproportionality", &[]), "3.39");
    assert_eq!(last("disproportionality", &[("tier", "CHAMBER")]), "7.61");
    // ½, Σ and mean over seven lists of the gaps 4.07, 0.69, 0.11, 0.29, 0.45, 0.60 and 2.30.
    assert_eq!(last("disproportionality-loosemore-hanby", &[]), "4.25");
    assert_eq!(last("disproportionality-rae", &[]), "1.21");
    assert_eq!(last("disproportionality-sainte-lague", &[]), "2.76");
}

/// Who became whom, by hand: the mergers dated between the two elections.
fn merged(year: i32) -> &'static [(&'static str, &'static str)] {
    match year {
        2007 => {
            &[("kz-party-asar", "kz-party-amanat"), ("kz-party-agrarian+kz-party-civic", "kz-party-amanat")]
        }
        2016 => &[("kz-party-patriots", "kz-party-auyl"), ("kz-party-adilet-old", "kz-party-adal")],
        2023 => &[("kz-party-adal", "kz-party-amanat")],
        _ => &[],
    }
}

/// The parties that stood under another name the time before.
fn renamed(year: i32) -> &'static [&'static str] {
    match year {
        2007 => &["kz-party-amanat"],
        2021 => &["kz-party-peoples", "kz-party-adal"],
        2023 => &["kz-party-amanat"],
        _ => &[],
    }
}

#[test]
fn volatility_is_that_of_a_naive_computation() {
    let succession = points("volatility", &[]);
    let merger = points("volatility", &[("lineage", "BY_MERGER")]);
    let name = points("volatility", &[("lineage", "BY_NAME")]);
    for pair in mazhilis().windows(2) {
        let (year, later) = pair[1];
        let (before, after) = (naive::lists(pair[0].1), naive::lists(later));
        assert!(same(&value(&succession[&year]), &naive::volatility(&before, &after)), "{year}");
        let mut joined = before.clone();
        for (gone, heir) in merged(year) {
            let share = joined.remove(*gone).unwrap();
            *joined.entry((*heir).to_owned()).or_insert_with(BigRational::zero) += share;
        }
        assert!(same(&value(&merger[&year]), &naive::volatility(&joined, &after)), "{year}");
        let mut old = before;
        for party in renamed(year) {
            let share = old.remove(*party).unwrap();
            old.insert(format!("{party}, as it was called"), share);
        }
        assert!(same(&value(&name[&year]), &naive::volatility(&old, &after)), "{year}");
    }
    let shown =
        [(2007, "32.5750"), (2012, "10.9800"), (2016, "2.3250"), (2021, "12.2900"), (2023, "23.6500")];
    assert_eq!(rounded(&succession, 4), pairs(&shown));
    assert_eq!(succession[&2023].figures["since"], "2021-01-10");
}

/// The table of decisions gives shares of the contenders' votes.
#[test]
fn the_decided_volatility_holds() {
    let of = |year: i32, lineage: &str| {
        let parameters = [("lineage", lineage), ("share_base", "CONTENDERS")];
        value(&points("volatility", &parameters)[&year])
    };
    // Mergers of 2013, 2015 and 2022 are none of 2007 to 2012; with them it would be 10.2716.
    assert_eq!(of(2012, "BY_MERGER").rounded(4), "10.9794");
    // Two spellings of one name are one party, and Nur Otan and Amanat are two; with two spellings as two 94.71.
    assert_eq!(of(2023, "BY_NAME").rounded(2), "78.89");
    assert_eq!(
        points("volatility", &[("lineage", "BY_NAME")])[&2023].estimate.as_ref().unwrap().display(),
        "77.55"
    );
}

#[test]
fn wasted_votes_are_those_of_lists_without_a_seat() {
    let wasted = points("wasted-votes", &[]);
    let expected = [
        (2004, "0.0890"),
        (2007, "0.1158"),
        (2012, "0.0436"),
        (2016, "0.0348"),
        (2021, "0.0886"),
        (2023, "0.0230"),
    ];
    assert_eq!(rounded(&wasted, 4), pairs(&expected));
    assert_eq!(wasted[&2023].estimate.as_ref().unwrap().display(), "2.3 %");
    assert!(wasted[&2023].estimate.as_ref().unwrap().is_exact());
    let contenders = points("wasted-votes", &[("share_base", "CONTENDERS")]);
    assert_eq!(value(&contenders[&2023]).rounded(5), "0.02393");
    // In 2004 a party with 0.76 % of the list votes won a district.
    assert_eq!(value(&points("wasted-votes", &[("tier", "CHAMBER")])[&2004]).rounded(4), "0.0814");
}

#[test]
fn approval_names_its_base() {
    let of = |base: &str, parameters: &[(&str, &str)]| {
        rounded(&series("referendum-approval", parameters, &[("base", base), ("origin", "COUNTED")]), 4)
    };
    // Two votes of 1995 share a year; the later one, on the Constitution, stands here.
    assert_eq!(of("VALID", &[]), pairs(&[(1995, "0.9001")]));
    assert_eq!(of("CAST", &[]), pairs(&[(2022, "0.7718"), (2024, "0.7112"), (2026, "0.8715")]));
    let valid = [(1995, "0.9001"), (2022, "0.8053"), (2024, "0.7311"), (2026, "0.8986")];
    assert_eq!(of("VALID", &[("base", "VALID")]), pairs(&valid));
    let reported = series("referendum-approval", &[], &[("base", "CAST"), ("origin", "REPORTED")]);
    assert_eq!(rounded(&reported, 4), pairs(&[(2022, "0.7718"), (2024, "0.7112"), (2026, "0.8715")]));
    let other = series("referendum-approval", &[("base", "VALID")], &[("origin", "REPORTED")]);
    assert_eq!(rounded(&other, 4), pairs(&[(1995, "0.9000")]), "published shares are of their own base");
}
