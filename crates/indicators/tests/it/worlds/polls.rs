//! Elections, referendums and petitions as a seed makes them.

use reform_model::election::{Contender, Election, ElectionResult, Referendum, Tier};
use reform_model::participation::{Petition, PetitionStage, SignatureCount};
use reform_model::vocabulary::{PetitionStageKind, PetitionState, System, VoteBase};
use reform_model::{Body, Quantity};

use super::cast::{some_date, some_day, some_quantity};
use super::chance::Chance;
use crate::build::{date, name, quantity};

/// Elections are three years apart, in the order of their numbers.
pub(super) fn election(number: usize, chance: &Chance) -> Body {
    let year = 2008 + 3 * i64::try_from(number).unwrap();
    let on = if chance.once_in(9) {
        date(&format!("{year}"))
    } else {
        date(&format!("{year}-{:02}-{:02}", chance.between(1, 12), chance.between(1, 28)))
    };
    let valid = chance.between(5_000, 9_000);
    let mut tiers = vec![tier(chance, if chance.once_in(8) { None } else { Some(System::PartyList) }, valid)];
    if chance.once_in(2) {
        tiers.push(tier(chance, Some(System::SingleMember), valid));
    }
    if chance.once_in(4) {
        tiers.push(tier(chance, Some(System::Indirect), valid));
    }
    Body::Election(Election {
        institution: chance.maybe(&[name("ins-0"), name("ins-0"), name("ins-1"), name("ins-2")]),
        held_on: vec![on],
        registered: chance.maybe(&[12_000, 14_321]),
        cast: chance.maybe(&[9_500, 10_007]),
        valid: chance.maybe(&[valid]),
        turnout_reported: chance.once_in(2).then(|| some_quantity(chance, 60, 90)),
        tiers,
        ..Election::default()
    })
}

fn contenders(chance: &Chance, list: bool) -> Vec<Contender> {
    let mut rows = Vec::new();
    for party in 0..5 {
        if !chance.once_in(3) {
            rows.push(Contender::Party(name(&format!("pty-{party}"))));
        }
    }
    if chance.once_in(2) {
        rows.push(Contender::Alliance(vec![name("pty-5"), name("pty-6")]));
    }
    // A person without a party stands in a district.
    if !list && chance.once_in(2) {
        rows.push(Contender::Candidate { name: "Anna".to_owned(), party: None });
    }
    if chance.once_in(4) {
        rows.push(Contender::Candidate { name: "Bolat".to_owned(), party: Some(name("pty-0")) });
    }
    for (often, contender) in
        [(2, Contender::AgainstAll), (4, Contender::Independents), (4, Contender::Other("others".to_owned()))]
    {
        if chance.once_in(often) {
            rows.push(contender);
        }
    }
    rows
}

/// Rows of one kind of knowledge: shares of a hundred, votes, or some of both with gaps and comparators.
fn tier(chance: &Chance, system: Option<System>, valid: i64) -> Tier {
    let rows = contenders(chance, matches!(system, None | Some(System::PartyList)));
    let weights: Vec<i64> = rows.iter().map(|_| chance.between(1, 100)).collect();
    let all: i64 = weights.iter().sum::<i64>() + chance.of(&[0, 0, 3, 40]);
    let (seats, knowledge) = (chance.between(5, 60), chance.below(4));
    let mut left = seats;
    let mut results = Vec::new();
    for (contender, weight) in rows.into_iter().zip(weights) {
        let hundredths = weight * 10_000 / all.max(1);
        let printed = format!("{}.{:02}", hundredths / 100, hundredths % 100);
        let votes = weight * valid / all.max(1);
        let is_nobody = contender == Contender::AgainstAll;
        let own = if is_nobody || chance.once_in(4) { 0 } else { chance.between(0, left) };
        left -= own;
        let (votes, vote_share) = match knowledge {
            0 => (None, Some(quantity(&printed))),
            1 => (Some(votes), None),
            2 => (Some(votes), Some(quantity(&printed))),
            _ => (chance.once_in(3).then_some(votes), (!chance.once_in(5)).then(|| loose(chance, &printed))),
        };
        let own = i32::try_from(own).unwrap();
        let seats = (!chance.once_in(14) && !is_nobody).then_some(own);
        results.push(ElectionResult { contender, label: String::new(), votes, vote_share, seats });
    }
    Tier {
        seats: (!chance.once_in(5))
            .then_some(i32::try_from(seats - if chance.once_in(2) { left } else { 0 }).unwrap()),
        system,
        results,
        share_base: chance.of(&[
            None,
            None,
            Some(VoteBase::Valid),
            Some(VoteBase::Cast),
            Some(VoteBase::ContendersAndAgainstAll),
        ]),
        valid: chance.once_in(4).then_some(valid - 7),
        ..Tier::default()
    }
}

fn loose(chance: &Chance, printed: &str) -> Quantity {
    match chance.below(8) {
        0 => quantity(&format!("> {printed}")),
        1 => quantity(&format!("≤ {printed}")),
        2 => quantity(&format!("≈ {printed}")),
        _ => quantity(printed),
    }
}

pub(super) fn referendum(chance: &Chance) -> Body {
    let (yes, no) = (chance.between(0, 700), chance.between(0, 500));
    Body::Referendum(Referendum {
        held_on: chance.maybe(&[some_day(chance), some_date(chance)]),
        registered: chance.maybe(&[2_000, 2_500]),
        cast: chance.maybe(&[yes + no + chance.between(0, 60)]),
        yes: chance.maybe(&[yes]),
        no: chance.maybe(&[no]),
        percent_base: chance.of(&[
            None,
            Some(VoteBase::Valid),
            Some(VoteBase::Cast),
            Some(VoteBase::Registered),
        ]),
        yes_share_reported: chance.once_in(2).then(|| some_quantity(chance, 40, 90)),
        turnout_reported: chance.once_in(2).then(|| some_quantity(chance, 40, 90)),
        ..Referendum::default()
    })
}

pub(super) fn petition(chance: &Chance) -> Body {
    let kinds = [
        PetitionStageKind::Submitted,
        PetitionStageKind::Published,
        PetitionStageKind::Published,
        PetitionStageKind::ThresholdReached,
        PetitionStageKind::Answered,
        PetitionStageKind::Closed,
        PetitionStageKind::Rejected,
    ];
    let mut stages = Vec::new();
    for kind in kinds {
        let common = matches!(kind, PetitionStageKind::Published | PetitionStageKind::Submitted);
        let often = if common { 2 } else { 4 };
        if chance.once_in(often) {
            let date = (!chance.once_in(8)).then(|| some_date(chance));
            stages.push(PetitionStage { kind, date });
        }
    }
    let mut signatures = Vec::new();
    for _ in 0..chance.below(3) {
        signatures.push(SignatureCount {
            as_of: chance.maybe(&[some_date(chance)]),
            count: some_quantity(chance, 10, 90),
        });
    }
    let states = [
        PetitionState::Collecting,
        PetitionState::ThresholdReached,
        PetitionState::Accepted,
        PetitionState::Refused,
        PetitionState::Expired,
        PetitionState::RejectedAtModeration,
    ];
    Body::Petition(Petition {
        institution: chance.maybe(&[name("ins-0"), name("ins-2")]),
        stages,
        threshold: chance.maybe(&[quantity("50"), quantity("≥ 50"), quantity("40–60")]),
        signatures,
        state: chance.maybe(&states),
    })
}
