//! Parties at a date, petitions and reforms on their way, norms that a court judged.

use std::collections::{BTreeMap, BTreeSet};

use reform_indicators::Query;
use reform_indicators::span::Granularity;
use reform_model::participation::Petition;
use reform_model::reform::Reform;
use reform_model::vocabulary::{PetitionStageKind, PetitionState, StageKind};
use reform_model::{Date, Day, Kind, Name, Period};

use super::calendar::{Extent, granularity, registers, written};
use super::counts::{Item, by_period, earliest, series};
use super::exact::{Figure, Q, int, rate, ratio};
use super::said::{Points, Said, World, labels};

/// Registered on or before the day and not ended on or before it; what is not known to the day adds to the upper bound.
pub(super) fn registered(world: &World, query: &Query) -> Points {
    let mut points = Points::new();
    for jurisdiction in ["XX", "YY"] {
        let parties: Vec<_> =
            world.parties().into_iter().filter(|(record, _)| record.jurisdiction == jurisdiction).collect();
        let mut extent = Extent::default();
        let registers: Vec<_> = registers(world, Kind::Party)
            .into_iter()
            .filter(|register| register.jurisdiction == jurisdiction && register.subject.is_none())
            .collect();
        for register in &registers {
            [register.period.start, register.period.end]
                .into_iter()
                .flatten()
                .for_each(|date| extent.add(date));
        }
        super::published::days_of(world, "registered-parties", jurisdiction)
            .into_iter()
            .for_each(|date| extent.add(date));
        for (_, party) in parties.iter().filter(|(_, party)| !party.never_registered) {
            let end = party.ended.and_then(|end| end.date);
            [party.registered_on, end].into_iter().flatten().for_each(|date| extent.add(date));
        }
        for span in extent.periods(granularity(query)).into_iter().filter(|_| !parties.is_empty()) {
            let (mut certain, mut possible, mut ended) = (0, 0, 0);
            for (_, party) in parties.iter().filter(|(_, party)| !party.never_registered) {
                let founded = party.founded_on.map_or(Day::MIN, |date| date.first());
                let begins = party.registered_on.and_then(|date| date.earliest()).unwrap_or(founded);
                let sure = party.registered_on.is_some_and(|date| date.last() <= span.1);
                let end = party
                    .ended
                    .map(|end| end.date.map_or((Day::MIN, Day::MAX), |date| (date.first(), date.last())));
                let over = end.is_some_and(|(_, last)| last <= span.1);
                let going = end.is_some_and(|(first, _)| first <= span.1);
                if begins > span.1 {
                } else if over {
                    ended += 1;
                } else if sure && !going {
                    certain += 1;
                } else {
                    possible += 1;
                }
            }
            let nobody = certain + possible + ended == 0;
            if nobody && !registers.iter().any(|register| register.covers(span)) {
                continue;
            }
            let value = (possible == 0).then(|| int(certain));
            let said = Said::of(Figure::between(value, int(certain), int(certain + possible)));
            let own = labels(&[("jurisdiction", jurisdiction), ("origin", "COUNTED")]);
            points.insert((own, written(granularity(query), span), String::new()), said);
        }
    }
    points
}

fn stages(petition: &Petition, kind: PetitionStageKind) -> Vec<Option<Date>> {
    petition.stages.iter().filter(|stage| stage.kind == kind).map(|stage| stage.date).collect()
}

fn published_on(petition: &Petition) -> Option<Date> {
    earliest(stages(petition, PetitionStageKind::Published).into_iter().flatten())
}

fn launched_on(petition: &Petition) -> Option<Date> {
    published_on(petition).or(earliest(petition.stages.iter().filter_map(|stage| stage.date)))
}

/// Whether a count certainly is at the threshold, or certainly below it.
fn against(count: &reform_model::Quantity, threshold: &reform_model::Quantity) -> Option<bool> {
    let (count, threshold) = (Figure::of(count), Figure::of(threshold));
    let reached = count.lower.clone().zip(threshold.upper).is_some_and(|(low, high)| low.0 >= high.0);
    let below = count
        .upper
        .zip(threshold.lower)
        .is_some_and(|(high, low)| high.0 < low.0 || high.0 == low.0 && (high.1 || low.1));
    if below { Some(false) } else { reached.then_some(true) }
}

fn counts(petition: &Petition) -> Vec<(Option<Date>, Option<bool>)> {
    let Some(threshold) = &petition.threshold else { return Vec::new() };
    petition.signatures.iter().map(|one| (one.as_of, against(&one.count, threshold))).collect()
}

fn has_reached(petition: &Petition) -> bool {
    !stages(petition, PetitionStageKind::ThresholdReached).is_empty()
        || matches!(petition.state, Some(PetitionState::ThresholdReached | PetitionState::Accepted))
        || counts(petition).iter().any(|(_, reached)| *reached == Some(true))
}

/// Over petitions whose collecting has ended; those stopped at moderation never collected.
pub(super) fn success(world: &World, query: &Query) -> Points {
    let items = world.petitions().into_iter().map(|(record, petition)| Item {
        jurisdiction: record.jurisdiction.clone(),
        date: launched_on(petition),
        dimensions: vec![(
            "institution",
            petition.institution.as_ref().map(Name::to_string).unwrap_or_default(),
        )],
        what: petition,
    });
    let mut points = Points::new();
    for (labels, items) in series(query, items.collect()) {
        for (span, petitions) in by_period(query, items) {
            let (mut reached, mut failed, mut unknown) = (0, 0, 0);
            for petition in petitions {
                let published = !stages(petition, PetitionStageKind::Published).is_empty();
                let rejected = !stages(petition, PetitionStageKind::Rejected).is_empty() && !published;
                let closed = !stages(petition, PetitionStageKind::Closed).is_empty();
                match petition.state {
                    Some(PetitionState::RejectedAtModeration) => {}
                    _ if rejected => {}
                    _ if has_reached(petition) => reached += 1,
                    Some(PetitionState::Expired | PetitionState::Refused) => failed += 1,
                    Some(PetitionState::Collecting) => unknown += 1,
                    _ if closed => failed += 1,
                    _ => unknown += 1,
                }
            }
            if reached + failed > 0 {
                let counts = Some((reached, reached + failed));
                let said =
                    Said { counts, unknown: Some(unknown), ..Said::of(rate(reached, reached + failed)) };
                points.insert((labels.clone(), written(granularity(query), span), String::new()), said);
            }
        }
    }
    points
}

/// The days between two dates: the least and the most; none where the second certainly comes first.
fn days(from: Date, to: Date) -> Option<(i64, Option<i64>)> {
    let gap = |to: Day, from: Day| i64::from(to.0) - i64::from(from.0);
    if to.last() < from.first() {
        return None;
    }
    let least = to.earliest().map_or(0, |first| gap(first, from.last()).max(0));
    Some((least, from.earliest().map(|first| gap(to.last(), first))))
}

fn length((least, most): (i64, Option<i64>)) -> Figure {
    let value = (most == Some(least)).then(|| int(least));
    Figure {
        value,
        lower: Some((int(least), false)),
        upper: most.map(|most| (int(most), false)),
        approximate: false,
    }
}

/// Days from published to reached; where that day is not known, the counts around it bound it.
pub(super) fn to_threshold(world: &World, _: &Query) -> Points {
    let mut points = Points::new();
    for (record, petition) in world.petitions() {
        let (Some(from), true) = (published_on(petition), has_reached(petition)) else { continue };
        let stated = earliest(stages(petition, PetitionStageKind::ThresholdReached).into_iter().flatten());
        let own = stated.map_or(Some((0, None)), |to| days(from, to));
        let Some((mut least, mut most)) = own else { continue };
        let mut sound = true;
        if most != Some(least) {
            for (on, reached) in counts(petition) {
                match (on.map(|on| days(from, on)), reached) {
                    (Some(Some(counted)), Some(false)) => least = least.max(counted.0),
                    (Some(Some(counted)), Some(true)) => most = [most, counted.1].into_iter().flatten().min(),
                    // It had the signatures before it was published.
                    (Some(None), Some(true)) => sound = false,
                    _ => {}
                }
            }
        }
        if sound && most.is_none_or(|most| least <= most) {
            let own = labels(&[("jurisdiction", &record.jurisdiction), ("origin", "COUNTED")]);
            let period = Period { start: Some(from), end: Some(from) }.to_string();
            points.insert((own, period, record.title.clone()), Said::of(length((least, most))));
        }
    }
    points
}

fn first_reached(reform: &Reform, kind: StageKind) -> Option<Option<Date>> {
    let stages: Vec<_> =
        reform.stages.iter().filter(|stage| stage.kind == kind && !stage.is_planned()).collect();
    (!stages.is_empty()).then(|| earliest(stages.iter().filter_map(|stage| stage.date)))
}

/// The median of the days between two stages, of the reforms that reached the second in the period.
pub(super) fn lead_time(world: &World, query: &Query) -> Points {
    let kind = |key: &str, default| {
        StageKind::ALL
            .iter()
            .copied()
            .find(|kind| Some(kind.as_str()) == query.parameter(key))
            .unwrap_or(default)
    };
    let (from, to) = (kind("from", StageKind::Announced), kind("to", StageKind::Adopted));
    let items = world.reforms().into_iter().filter_map(|(record, reform)| {
        Some(Item {
            jurisdiction: record.jurisdiction.clone(),
            date: first_reached(reform, to)?,
            dimensions: vec![("area", reform.area.map(|area| area.to_string()).unwrap_or_default())],
            what: reform,
        })
    });
    let mut points = Points::new();
    for (labels, items) in series(query, items.collect()) {
        for (span, reforms) in by_period(query, items) {
            let lengths: Vec<(i64, Option<i64>)> = reforms
                .into_iter()
                .filter_map(|reform| days(first_reached(reform, from)??, first_reached(reform, to)??))
                .collect();
            if lengths.is_empty() {
                continue;
            }
            let mut least: Vec<i64> = lengths.iter().map(|length| length.0).collect();
            // Lengths without an end are longer than any that has one.
            let mut most: Vec<i64> = lengths.iter().map(|length| length.1.unwrap_or(i64::MAX)).collect();
            least.sort_unstable();
            most.sort_unstable();
            let (low, high) = (median(&least).unwrap(), median(&most));
            let value = high.clone().filter(|high| *high == low);
            let upper = high.map(|high| (high, false));
            let figure = Figure { value, lower: Some((low, false)), upper, approximate: false };
            points
                .insert((labels.clone(), written(granularity(query), span), String::new()), Said::of(figure));
        }
    }
    points
}

/// The middle one, or halfway between the two in the middle; none where that is without end.
fn median(sorted: &[i64]) -> Option<Q> {
    let (below, above) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
    (above < i64::MAX).then(|| (int(below) + int(above)) * ratio(1, 2))
}

fn rank(kind: StageKind) -> u8 {
    match kind {
        StageKind::Announced => 1,
        StageKind::PassedChamber => 2,
        StageKind::Adopted => 3,
        StageKind::InForce => 4,
        StageKind::FirstApplied => 5,
        StageKind::Repealed | StageKind::Expired => 6,
    }
}

fn status_of(stage: &str) -> &'static str {
    match stage {
        "PLANNED" => "PLANNED",
        "ANNOUNCED" | "PASSED_CHAMBER" => "PROPOSED",
        _ => "DECIDED",
    }
}

/// Reforms by the furthest stage reached at the end of each period; where that is not certain they are in no count.
pub(super) fn status(world: &World, query: &Query) -> Points {
    let mut points = Points::new();
    for jurisdiction in ["XX", "YY"] {
        let mut extent = Extent::default();
        let mut lives = Vec::new();
        for (record, reform) in
            world.reforms().into_iter().filter(|(record, _)| record.jurisdiction == jurisdiction)
        {
            let reached: Vec<(StageKind, Date)> = reform
                .stages
                .iter()
                .filter(|stage| !stage.is_planned())
                .filter_map(|stage| Some((stage.kind, stage.date?)))
                .collect();
            let published = record.citations.iter().filter_map(|citation| {
                let reform_model::Body::Source(source) = &world.get(&citation.source)?.body else {
                    return None;
                };
                Some(source.published_on?.last())
            });
            let planned = reform.stages.iter().any(|stage| stage.is_planned());
            let since = published.min().filter(|_| planned);
            reached.iter().for_each(|(_, date)| extent.add(*date));
            since.into_iter().for_each(|day| extent.add(Date::exact(day)));
            lives.push((reached, since));
        }
        let mut counts: BTreeMap<&str, Vec<(String, i64)>> = BTreeMap::new();
        for span in extent.periods(granularity(query)) {
            for stage in StageKind::ALL.iter().map(|kind| kind.as_str()).chain(["PLANNED"]) {
                let standing =
                    lives.iter().filter(|(reached, since)| standing(reached, *since, span.1) == Some(stage));
                let count = i64::try_from(standing.count()).unwrap();
                counts.entry(stage).or_default().push((written(granularity(query), span), count));
            }
        }
        for (stage, counts) in counts {
            let own = [
                ("jurisdiction", jurisdiction),
                ("origin", "COUNTED"),
                ("stage", stage),
                ("status", status_of(stage)),
            ];
            // A stage that none has certainly come to yet has no figure.
            for (period, count) in counts.into_iter().skip_while(|(_, count)| *count == 0) {
                points.insert((labels(&own), period, String::new()), Said::of(Figure::exact(int(count))));
            }
        }
    }
    points
}

fn standing(reached: &[(StageKind, Date)], since: Option<Day>, day: Day) -> Option<&'static str> {
    let certain: Vec<StageKind> =
        reached.iter().filter(|(_, date)| date.last() <= day).map(|(kind, _)| *kind).collect();
    let furthest = certain.iter().copied().max_by_key(|kind| (rank(*kind), kind.number()));
    let own = furthest.map_or(0, rank);
    let possible: BTreeSet<u8> = reached
        .iter()
        .filter(|(kind, date)| date.first() <= day && day < date.last() && rank(*kind) > own)
        .map(|(kind, _)| rank(*kind))
        .collect();
    if !possible.is_empty() {
        return None;
    }
    furthest.map(StageKind::as_str).or(since.filter(|since| *since <= day).map(|_| "PLANNED"))
}

/// Norms found inconsistent among those judged, by the day of the decision.
pub(super) fn norms(world: &World, query: &Query) -> Points {
    let items = world.decisions().into_iter().map(|(record, decision)| Item {
        jurisdiction: record.jurisdiction.clone(),
        date: decision.date,
        dimensions: vec![(
            "institution",
            decision.institution.as_ref().map(Name::to_string).unwrap_or_default(),
        )],
        what: decision,
    });
    let mut points = Points::new();
    for (labels, items) in series(query, items.collect()) {
        for (span, decisions) in by_period(query, items) {
            let (mut good, mut bad, mut unknown) = (0, 0, 0);
            for decision in decisions {
                match (decision.norms_consistent, decision.norms_inconsistent) {
                    (Some(consistent), Some(inconsistent)) => {
                        good += i64::from(consistent);
                        bad += i64::from(inconsistent);
                    }
                    _ => unknown += 1,
                }
            }
            if good + bad > 0 {
                let said = Said {
                    counts: Some((bad, good + bad)),
                    unknown: Some(unknown),
                    ..Said::of(rate(bad, good + bad))
                };
                points.insert((labels.clone(), written(granularity(query), span), String::new()), said);
            }
        }
    }
    points
}

/// The granularities that are asked for.
pub(super) const LENGTHS: [Option<Granularity>; 3] =
    [None, Some(Granularity::Quarter), Some(Granularity::HalfYear)];
