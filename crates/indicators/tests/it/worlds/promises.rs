//! Targets as a seed makes them.

use reform_model::Body;
use reform_model::measure::{Milestone, Target};
use reform_model::vocabulary::{Basis, Path};

use super::cast::{some_day, some_quantity};
use super::chance::Chance;
use crate::build::{date, name, period, quantity};

pub(super) fn target(number: usize, chance: &Chance) -> Body {
    let milestones = (0..chance.below(3))
        .map(|place| Milestone {
            on: date(&format!("202{}-12-31", 1 + place)),
            quantity: quantity(&format!("{}", 10 * (place + 1))),
        })
        .collect();
    Body::Target(Target {
        variable: name(if number < 4 { "var-0" } else { "var-1" }),
        subject: chance.once_in(4).then(|| name("ins-0")),
        baseline: chance.maybe(&[quantity("5"), quantity("30"), some_quantity(chance, 0, 40)]),
        quantity: some_quantity(chance, 0, 60),
        deadline_on: chance.maybe(&[date("2022-12-31"), date("2023"), date("2025"), some_day(chance)]),
        path: chance.of(&[None, Some(Path::Linear), Some(Path::Milestones)]),
        revised_from: None,
        baseline_on: chance.maybe(&[date("2020-12-31"), date("2021")]),
        window: chance.once_in(3).then(|| period("2021/2025")),
        basis: chance.of(&[None, Some(Basis::InPeriod), Some(Basis::StockAt), Some(Basis::CumulativeSince)]),
        milestones,
    })
}
