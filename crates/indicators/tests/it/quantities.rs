//! Whatever was printed about a quantity, with every comparator: the truth lies within the bounds that were answered.
//!
//! `PROPTEST_CASES=20000 cargo test -p reform-indicators --test it quantities` is the long run.

use proptest::prelude::*;
use reform_indicators::estimate::Estimate;
use reform_indicators::number::Number;
use reform_indicators::{Answer, Query, wilson};
use reform_model::Body;
use reform_model::election::{Election, ElectionResult, Tier};
use reform_model::institution::Institution;
use reform_model::measure::{Target, Variable};
use reform_model::vocabulary::{Aggregation, Basis, Direction, InstitutionType, System, VoteBase};

use crate::build::*;
use crate::completions::{allows, chamber, party};

/// A number and one of the ways to print something true about it.
#[derive(Debug, Clone, Copy)]
struct Printed {
    truth: i64,
    form: u8,
    slack: i64,
}

impl Printed {
    /// What is printed; `number` writes one.
    fn as_text(self, number: impl Fn(i64) -> String) -> String {
        let Self { truth, form, slack } = self;
        let below = number((truth - slack).max(0));
        match form {
            0 => format!("≥ {below}"),
            // More than a number that is smaller, or there is none.
            1 if truth - slack > 0 => format!("> {}", number(truth - slack - 1)),
            1 => format!("≥ {below}"),
            2 => format!("≤ {}", number(truth + slack)),
            3 => format!("< {}", number(truth + slack + 1)),
            4 => format!("{below}–{}", number(truth + 2 * slack)),
            5 => format!("≈ {}", number(truth + slack)),
            _ => number(truth),
        }
    }

    fn text(self) -> String {
        self.as_text(|number| number.to_string())
    }

    /// Per mille, printed in percent.
    fn percent(self) -> String {
        self.as_text(|number| format!("{}.{}", number / 10, number % 10))
    }
}

fn printed(truths: std::ops::Range<i64>) -> impl Strategy<Value = Printed> {
    (truths, 0..8_u8, 0_i64..9).prop_map(|(truth, form, slack)| Printed { truth, form, slack })
}

/// The estimates of all points; a figure that cannot be told has none.
fn estimates(answer: &Answer) -> Vec<Estimate> {
    answer
        .series
        .iter()
        .flat_map(|series| &series.points)
        .filter_map(|point| point.estimate.clone())
        .collect()
}

fn about(indicator: &str, variable: &str) -> Query {
    let mut query = Query::new(indicator);
    query.parameters.insert("variable".to_owned(), format!("records/{variable}"));
    query
}

/// The tier of a chamber whose shares are as printed.
fn tier(shares: &[Printed], seats: &[i32]) -> Tier {
    let row = |(index, share): (usize, &Printed)| ElectionResult {
        contender: party(index),
        label: String::new(),
        votes: None,
        vote_share: Some(quantity(&share.percent())),
        seats: seats.get(index).copied(),
    };
    Tier {
        seats: (!seats.is_empty()).then(|| seats.iter().sum()),
        system: Some(System::PartyList),
        share_base: Some(VoteBase::Valid),
        results: shares.iter().enumerate().map(row).collect(),
        ..Tier::default()
    }
}

/// Shares in per mille that leave something to 1,000, printed one way or another.
fn shares() -> impl Strategy<Value = Vec<Printed>> {
    prop::collection::vec(printed(6..140), 1..7)
}

/// What the rows leave, as one contender without a seat.
fn rest(shares: &[Printed]) -> i64 {
    1000 - shares.iter().map(|share| share.truth).sum::<i64>()
}

fn per_mille(number: i64) -> Number {
    Number::scaled(number, 3)
}

fn half_sum(gaps: impl Iterator<Item = Number>) -> Number {
    gaps.sum::<Number>() * Number::scaled(5, 1)
}

proptest! {
    #[test]
    fn a_series_of_observations(value in printed(0..500)) {
        let records = vec![variable("v", "", None), observation("o", "v", Basis::InPeriod, "2023", &value.text())];
        for estimate in estimates(&ask(records, &about("observation-series", "v"))) {
            prop_assert!(allows(&estimate, &value.truth.into()), "{estimate:?}");
        }
    }

    #[test]
    fn growth(before in printed(1..400), now in printed(0..400)) {
        let records = vec![
            variable("v", "", None),
            observation("a", "v", Basis::InPeriod, "2022", &before.text()),
            observation("b", "v", Basis::InPeriod, "2023", &now.text()),
        ];
        let truth = Number::ratio(100 * (now.truth - before.truth), before.truth).unwrap();
        for estimate in estimates(&ask(records, &about("growth", "v"))) {
            prop_assert!(allows(&estimate, &truth), "{estimate:?} excludes {truth:?}");
        }
    }

    #[test]
    fn sums_of_published_parts(parts in prop::array::uniform4(printed(0..300))) {
        let mut records = vec![variable("v", "appeals-per-year", Some(Aggregation::Sum))];
        for (index, part) in parts.iter().enumerate() {
            let over = format!("2023-{:02}/2023-{:02}", 3 * index + 1, 3 * index + 3);
            records.push(observation(&format!("o{index}"), "v", Basis::InPeriod, &over, &part.text()));
        }
        let truth: i64 = parts.iter().map(|part| part.truth).sum();
        for estimate in estimates(&ask(records, &Query::new("appeals-per-year"))) {
            prop_assert!(allows(&estimate, &truth.into()), "{estimate:?} excludes {truth}");
        }
    }

    #[test]
    fn differences_of_running_totals(first in printed(0..300), more in 0_i64..200, form in 0..8_u8, slack in 0_i64..9) {
        let second = Printed { truth: first.truth + more, form, slack };
        let records = vec![
            variable("v", "appeals-per-year", None),
            observation("a", "v", Basis::CumulativeSince, "2022-01-01/2022-12-31", &first.text()),
            observation("b", "v", Basis::CumulativeSince, "2022-01-01/2023-12-31", &second.text()),
        ];
        let answer = ask(records, &Query::new("appeals-per-year"));
        let point = answer.series[0].points.last().unwrap();
        prop_assert!(allows(point.estimate.as_ref().unwrap(), &second.truth.into()));
        let figure = |key: &str| point.figures.get(key).map(|text| text.parse::<reform_model::Decimal>().unwrap());
        let truth = more.into();
        prop_assert!(figure("difference_lower").is_none_or(|lower| lower <= truth), "{:?}", point.figures);
        prop_assert!(figure("difference_upper").is_none_or(|upper| truth <= upper), "{:?}", point.figures);
    }

    #[test]
    fn shares_of_a_stock(part in printed(0..100), others in 0_i64..200, form in 0..8_u8, slack in 0_i64..9) {
        let whole = Printed { truth: part.truth + others, form, slack };
        prop_assume!(whole.truth > 0);
        for indicator in ["quota-share", "appointment-rate"] {
            let records = vec![
                variable("n", &format!("{indicator}.numerator"), None),
                variable("d", &format!("{indicator}.denominator"), None),
                observation("a", "n", Basis::StockAt, "2023-05-01", &part.text()),
                observation("b", "d", Basis::StockAt, "2023-05-01", &whole.text()),
            ];
            let (low, high) = wilson::interval(&part.truth.into(), &whole.truth.into()).unwrap();
            for estimate in estimates(&ask(records, &Query::new(indicator))) {
                // The interval of chance around the true parts lies within; its ends may be touched.
                let lower = estimate.lower.as_ref().is_none_or(|bound| bound.number <= low);
                let upper = estimate.upper.as_ref().is_none_or(|bound| bound.number >= high);
                prop_assert!(lower && upper, "{indicator}: {estimate:?} excludes {low:?} to {high:?}");
            }
        }
    }

    #[test]
    fn progress_of_a_target(value in printed(0..300), baseline in printed(0..60), promised in 100_i64..250) {
        let direction = Some(Direction::HigherIsBetter);
        let target = Target {
            variable: name("v"),
            subject: None,
            baseline: Some(quantity(&baseline.text())),
            quantity: quantity(&promised.to_string()),
            deadline_on: Some(date("2023-12-31")),
            path: None,
            revised_from: None,
            baseline_on: Some(date("2020-12-31")),
            window: None,
            basis: None,
            milestones: Vec::new(),
        };
        let records = vec![
            record("v", Body::Variable(Variable { direction, ..Variable::default() })),
            observation("o", "v", Basis::StockAt, "2023-12-31", &value.text()),
            record("t", Body::Target(target)),
        ];
        let answer = ask(records, &Query::new("target-progress"));
        let truth = Number::ratio(value.truth - baseline.truth, promised - baseline.truth).unwrap();
        for estimate in estimates(&answer) {
            prop_assert!(allows(&estimate, &truth), "{estimate:?} excludes {truth:?}");
        }
        // A figure around a number is judged as near it, which the truth need not be.
        if value.form != 5 {
            let status = answer.series[0].points[0].status.clone().unwrap();
            prop_assert!(status != "MET" || value.truth >= promised, "{status}: {value:?}");
            prop_assert!(status != "MISSED" || value.truth < promised, "{status}: {value:?}");
        }
    }

    #[test]
    fn appeals_per_inhabitant(appeals in printed(0..300), people in printed(1..900)) {
        let records = vec![
            variable("a", "appeals-per-year", None),
            observation("o", "a", Basis::InPeriod, "2023", &appeals.text()),
            variable("p", "appeals-per-100k.population", None),
            observation("q", "p", Basis::StockAt, "2023-07-01", &people.text()),
        ];
        let truth = Number::ratio(100_000 * appeals.truth, people.truth).unwrap();
        for estimate in estimates(&ask(records, &Query::new("appeals-per-100k"))) {
            prop_assert!(allows(&estimate, &truth), "{estimate:?} excludes {truth:?}");
        }
    }

    #[test]
    fn effective_parties(shares in shares()) {
        let rest = rest(&shares);
        let squares: i64 = shares.iter().map(|share| share.truth * share.truth).sum();
        let answer = ask(chamber(tier(&shares, &[])), &Query::new("effective-parties-votes"));
        // What the rows leave is one party, or crumbs.
        for truth in [Number::ratio(1_000_000, squares + rest * rest), Number::ratio(1_000_000, squares)] {
            for estimate in estimates(&answer) {
                prop_assert!(allows(&estimate, truth.as_ref().unwrap()), "{estimate:?} excludes {truth:?}");
            }
        }
    }

    #[test]
    fn disproportionality(shares in shares(), seats in prop::collection::vec(0_i32..12, 7)) {
        let seats = &seats[..shares.len()];
        let all: i32 = seats.iter().sum();
        prop_assume!(all > 0);
        let gaps = || {
            let rows = shares.iter().zip(seats).map(|(share, won)| {
                let (votes, won) = (per_mille(share.truth), Number::ratio((*won).into(), all.into()).unwrap());
                (votes.clone(), (&votes - &won).abs())
            });
            rows.chain([(per_mille(rest(&shares)), per_mille(rest(&shares)))])
        };
        let percent = Number::from(100);
        let halved = half_sum(gaps().map(|(_, gap)| gap)) * percent.clone();
        // A root is cut off after forty places: that of the same number.
        let squared = |gap: Number| (&gap * &percent) * (&gap * &percent);
        let squares = half_sum(gaps().map(|(_, gap)| squared(gap))).sqrt().unwrap();
        let relative = gaps().filter_map(|(votes, gap)| (&gap * &gap).checked_div(&votes)).sum::<Number>() * percent.clone();
        let counted: Vec<Number> =
            gaps().filter(|(votes, _)| *votes > Number::scaled(5, 3)).map(|(_, gap)| gap).collect();
        let mean = counted.iter().cloned().sum::<Number>() * percent;
        let mean = mean.checked_div(&Number::from(i64::try_from(counted.len()).unwrap())).unwrap();
        let records = chamber(tier(&shares, seats));
        for (sister, truth) in [("", squares), ("-loosemore-hanby", halved), ("-sainte-lague", relative), ("-rae", mean)] {
            let id = format!("disproportionality{sister}");
            for estimate in estimates(&ask(records.clone(), &Query::new(&*id))) {
                prop_assert!(allows(&estimate, &truth), "{id}: {estimate:?} excludes {truth:?}");
            }
        }
    }

    #[test]
    fn wasted_votes(shares in shares(), seats in prop::collection::vec(0_i32..3, 7)) {
        let seats = &seats[..shares.len()];
        let records = chamber(tier(&shares, seats));
        let lost = shares.iter().zip(seats).filter(|(_, won)| **won == 0).map(|(share, _)| share.truth);
        let truth = per_mille(lost.sum::<i64>() + rest(&shares));
        for estimate in estimates(&ask(records, &Query::new("wasted-votes"))) {
            prop_assert!(allows(&estimate, &truth), "{estimate:?} excludes {truth:?}");
        }
    }

    #[test]
    fn volatility(before in shares(), now in shares(), same in any::<bool>()) {
        let kind = Some(InstitutionType::Chamber);
        let institution = Institution { institution_type: kind, ..Institution::default() };
        let mut records = vec![record("chamber", Body::Institution(institution))];
        for (id, on, shares) in [("e1", "2019-03-01", &before), ("e2", "2023-03-01", &now)] {
            let election = Election {
                institution: Some(name("chamber")),
                held_on: vec![date(on)],
                tiers: vec![tier(shares, &[])],
                ..Election::default()
            };
            records.push(record(id, Body::Election(election)));
        }
        let of = |shares: &[Printed], place: usize| shares.get(place).map_or(0, |share| share.truth);
        let moved: i64 = (0..7).map(|place| (of(&before, place) - of(&now, place)).abs()).sum();
        // Whom no row names is one party that stood twice, or two that stood once.
        let (first, second) = (rest(&before), rest(&now));
        let unseen = if same { (first - second).abs() } else { first + second };
        let truth = Number::scaled(5 * (moved + unseen), 2);
        for estimate in estimates(&ask(records, &Query::new("volatility"))) {
            prop_assert!(allows(&estimate, &truth), "{estimate:?} excludes {truth:?}");
        }
    }
}

/// Around 70 may be less than 70, and then more than 30 is left.
#[test]
fn a_share_around_a_number_leaves_no_certain_rest() {
    let mut tier = tier(&[Printed { truth: 600, form: 6, slack: 0 }], &[1]);
    tier.results[0].vote_share = Some(quantity("≈ 70"));
    let answer = ask(chamber(tier), &Query::new("wasted-votes"));
    assert_eq!(estimates(&answer)[0].upper.as_ref().unwrap().number, Number::one());
}

/// The helper itself: what is printed is true of the number.
#[test]
fn what_is_printed_is_true() {
    for form in 0..8 {
        for (truth, slack) in [(0, 0), (0, 5), (7, 3), (140, 8)] {
            let one = Printed { truth, form, slack };
            let estimate = Estimate::from(&quantity(&one.text()));
            assert!(allows(&estimate, &truth.into()), "{one:?}: {}", one.text());
        }
    }
}
