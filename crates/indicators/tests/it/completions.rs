//! However what is unknown turns out, the truth lies within the bounds that were answered.

use proptest::prelude::*;
use reform_indicators::estimate::{Bound, Estimate};
use reform_indicators::number::Number;
use reform_indicators::{Answer, Query, wilson};
use reform_model::election::{Contender, Election, ElectionResult, Tier};
use reform_model::institution::Institution;
use reform_model::party::{Party, PartyEnd};
use reform_model::vocabulary::{Basis, InstitutionType, PartyEndKind, System};
use reform_model::{Body, Day, Record};

use crate::build::*;

pub(crate) fn allows(estimate: &Estimate, truth: &Number) -> bool {
    let above = |bound: &Bound| if bound.open { *truth > bound.number } else { *truth >= bound.number };
    let below = |bound: &Bound| if bound.open { *truth < bound.number } else { *truth <= bound.number };
    let value = estimate.value.as_ref().is_none_or(|value| {
        let in_lower = estimate.lower.as_ref().is_none_or(|bound| *value >= bound.number);
        in_lower && estimate.upper.as_ref().is_none_or(|bound| *value <= bound.number)
    });
    value && estimate.lower.as_ref().is_none_or(above) && estimate.upper.as_ref().is_none_or(below)
}

pub(crate) fn only_estimate(answer: &Answer) -> &Estimate {
    let [series] = answer.series.as_slice() else { panic!("{:?}", keys(answer)) };
    series.points[0].estimate.as_ref().unwrap()
}

/// A day of these years, and what may be printed of it.
fn day_in(years: std::ops::Range<i32>) -> impl Strategy<Value = (Day, String)> {
    (years, 1..=12_i32, 1..=28_i32, 0..6_u8, 0..4_i32).prop_map(|(year, month, day, form, slack)| {
        let printed = match form {
            0 => format!("{year}"),
            1 => format!("{year}-{month}"),
            2 => format!("{year}-{month}-{day}"),
            3 => format!("{}..{}", year - slack, year + slack),
            4 => format!("..{year}-{month}"),
            _ => String::new(),
        };
        (Day::new(year, month, day).unwrap(), printed)
    })
}

pub(crate) fn chamber(tier: Tier) -> Vec<Record> {
    let kind = Some(InstitutionType::Chamber);
    let institution = Institution { institution_type: kind, ..Institution::default() };
    let election = Election {
        institution: Some(name("chamber")),
        held_on: vec![date("2023-03-19")],
        tiers: vec![tier],
        ..Election::default()
    };
    vec![record("chamber", Body::Institution(institution)), record("e", Body::Election(election))]
}

fn row(contender: Contender, share: Option<String>, seats: Option<i32>) -> ElectionResult {
    let vote_share = share.as_deref().map(quantity);
    ElectionResult { contender, label: String::new(), votes: None, vote_share, seats }
}

pub(crate) fn party(index: usize) -> Contender {
    Contender::Party(name(&format!("p{index}")))
}

/// Per mille as printed in percent.
fn percent(share: i64) -> String {
    format!("{}.{}", share / 10, share % 10)
}

proptest! {
    #[test]
    fn registered_parties(
        lives in prop::collection::vec((day_in(1996..2004), prop::option::of(day_in(2005..2012))), 1..6),
    ) {
        let mut records = Vec::new();
        for (index, ((_, registered), end)) in lives.iter().enumerate() {
            let printed = |text: &String| (!text.is_empty()).then(|| date(text));
            let ended = end.as_ref().map(|(_, text)| PartyEnd { kind: PartyEndKind::Merged, date: printed(text) });
            let party = Party { registered_on: printed(registered), ended, ..Party::default() };
            records.push(record(&format!("p{index}"), Body::Party(party)));
        }
        let query = Query { period: Some(period("1995/2013")), ..Query::new("registered-parties") };
        let answer = ask(records, &query);
        for year in 1995..=2013 {
            let last = Day::new(year, 12, 31).unwrap();
            let lives = lives.iter().filter(|((from, _), end)| {
                *from <= last && end.as_ref().is_none_or(|(end, _)| *end > last)
            });
            let truth = i64::try_from(lives.count()).unwrap();
            let mut points = answer.series.iter().flat_map(|series| &series.points);
            match points.find(|point| point.period.last() == last) {
                Some(point) => prop_assert!(allows(point.estimate.as_ref().unwrap(), &truth.into()), "{year}"),
                None => prop_assert_eq!(truth, 0),
            }
        }
    }

    #[test]
    fn effective_parties_by_votes(
        shares in prop::collection::vec((1_i64..110, any::<bool>()), 1..7),
        against_all in 0_i64..100,
        independents in 0_i64..100,
        hidden in 1_i64..100,
    ) {
        // Some rows print no share, and a party that the results do not list takes a part of what is left.
        let mut rows: Vec<ElectionResult> = shares
            .iter()
            .enumerate()
            .map(|(index, (share, known))| row(party(index), known.then(|| percent(*share)), None))
            .collect();
        rows.push(row(Contender::AgainstAll, Some(percent(against_all)), None));
        rows.push(row(Contender::Independents, Some(percent(independents)), None));
        let tier = Tier { system: Some(System::PartyList), results: rows, ..Tier::default() };
        let answer = ask(chamber(tier), &Query::new("effective-parties-votes"));
        let recorded = shares.iter().map(|(share, _)| share).sum::<i64>() + against_all + independents;
        let squares: i64 = shares.iter().map(|(share, _)| share * share).sum();
        let rest = (1000 - recorded).min(hidden).max(0);
        let truth = Number::ratio(1_000_000, squares + rest * rest).unwrap();
        prop_assume!(recorded <= 1000);
        prop_assert!(allows(only_estimate(&answer), &truth), "{:?} excludes {truth:?}", only_estimate(&answer));
    }

    #[test]
    fn parties_in_a_chamber(
        rows in prop::collection::vec((0_i32..4, any::<bool>()), 1..7),
        of_tier in any::<bool>(),
    ) {
        let results = rows.iter().enumerate();
        let results = results.map(|(index, (seats, known))| row(party(index), None, known.then_some(*seats)));
        let all: i32 = rows.iter().map(|(seats, _)| seats).sum();
        let tier = Tier {
            seats: of_tier.then_some(all),
            system: Some(System::PartyList),
            results: results.collect(),
            ..Tier::default()
        };
        let answer = ask(chamber(tier), &Query::new("parliamentary-parties"));
        let truth = i64::try_from(rows.iter().filter(|(seats, _)| *seats > 0).count()).unwrap();
        // Without a single number there is no point.
        for point in answer.series.iter().flat_map(|series| &series.points) {
            prop_assert!(allows(point.estimate.as_ref().unwrap(), &truth.into()));
        }
    }

    #[test]
    fn published_rates(
        bad in (0_i64..40, 0..6_u8, 0_i64..5),
        good in (1_i64..40, 0..6_u8, 0_i64..5),
        whole in any::<bool>(),
    ) {
        // A number, and what may be printed about it.
        let printed = |(truth, form, slack): (i64, u8, i64)| match form {
            0 => format!("≥ {}", (truth - slack).max(0)),
            1 => format!("> {}", truth - slack - 1),
            2 => format!("≤ {}", truth + slack),
            3 => format!("< {}", truth + slack + 1),
            4 => format!("{}–{}", (truth - slack).max(0), truth + slack),
            _ => truth.to_string(),
        };
        let (part, total) = (bad.0, bad.0 + good.0);
        let other = if whole { (total, good.1, good.2.min(good.0)) } else { good };
        let kind = if whole { "denominator" } else { "consistent" };
        let records = vec![
            variable("bad", "unconstitutionality-rate.inconsistent", None),
            variable("other", &format!("unconstitutionality-rate.{kind}"), None),
            observation("b", "bad", Basis::InPeriod, "2023", &printed(bad)),
            observation("o", "other", Basis::InPeriod, "2023", &printed(other)),
        ];
        let answer = ask(records, &Query::new("unconstitutionality-rate"));
        let share = Number::ratio(part, total).unwrap();
        let (low, high) = wilson::interval(&part.into(), &total.into()).unwrap();
        for estimate in answer.series.iter().flat_map(|series| &series.points).filter_map(|p| p.estimate.as_ref()) {
            let bounds = Estimate { value: None, ..estimate.clone() };
            for truth in [&low, &share, &high] {
                let closed = |bound: &Option<Bound>| bound.clone().map(|bound| Bound::closed(bound.number));
                let bounds = Estimate { lower: closed(&bounds.lower), upper: closed(&bounds.upper), ..bounds.clone() };
                prop_assert!(allows(&bounds, truth), "{bounds:?} excludes {truth:?}");
            }
        }
    }
}
