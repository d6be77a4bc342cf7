//! Parties: `registered-parties`, those registered and not ended at the end of each period, is here; [`events`]: those
//! registered and those ended in a period.

pub mod events;

use std::collections::{BTreeMap, BTreeSet};

use reform_model::party::Party;
use reform_model::{Day, Kind, Name, Period, Record};

use crate::answer::{Answer, Builder, Code, JURISDICTION, ORIGIN, Point, labels};
use crate::catalogue::Definition;
use crate::coverage::{Register, registers};
use crate::estimate::Estimate;
use crate::evidence::{Evidence, Part, Reason};
use crate::query::{Origin, Query, QueryError};
use crate::reported::Reading;
use crate::selection::candidates;
use crate::span::{Bucket, Extent, Granularity, POINTS_MAX};
use crate::view::View;

const ID: &str = "registered-parties";

/// What it is.
pub const DEFINITION: Definition = Definition {
    id: ID,
    title: "Registered parties",
    definition: "Parties registered and not ended on the last day of each period; a party counts on the day of its \
                 registration and not on the day of its end. Parties whose registration or end is not known to the \
                 day add to the upper bound only, and there is no value when the bounds differ. A later registration \
                 of the same party is no new one; a party that never was registered is excluded. Before the first \
                 party there is no point, unless a source is the complete register.",
    formula: "number of parties with registered_on ≤ day < ended.date",
    formula_source: "",
    formula_version: 1,
    unit: "parties",
    dimensions: &[],
    parameters: &[],
    kinds: &[Kind::Party, Kind::Observation, Kind::Variable, Kind::Source],
    granularities: Granularity::CALENDAR,
    compute: registered_parties,
};

/// Whether a party counts on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Registered,
    Uncertain,
    Ended,
    /// Not registered yet, or never.
    Absent,
}

fn registered_parties(view: &View, query: &Query) -> Result<Answer, QueryError> {
    let mut builder = Builder::default();
    if query.wants(Origin::Counted) {
        let mut by_jurisdiction: BTreeMap<&str, Vec<(&Record, &Party)>> = BTreeMap::new();
        for (record, party) in
            view.parties().filter(|(record, _)| query.wants_jurisdiction(&record.jurisdiction))
        {
            by_jurisdiction.entry(&record.jurisdiction).or_default().push((record, party));
        }
        for (jurisdiction, parties) in by_jurisdiction {
            let mut registers = registers(view, Kind::Party);
            registers.retain(|register| register.speaks_of(jurisdiction, None));
            let mut extent = published(view, jurisdiction);
            registers.iter().for_each(|register| register.extend(&mut extent));
            count(query, jurisdiction, &parties, &registers, extent, &mut builder)?;
        }
    }
    if query.wants(Origin::Reported) {
        let reading = Reading { indicator: ID, subject: "", granularity: Granularity::Year };
        reading.add(view, query, &mut builder);
    }
    Ok(builder.finish(ID, DEFINITION.formula_version))
}

/// The time of the published counts: they are read too, so the series runs to the latest of them.
fn published(view: &View, jurisdiction: &str) -> Extent {
    let mut extent = Extent::default();
    for (variable, _) in view.variables_reporting(ID) {
        let usable = candidates(view, &variable.name)
            .filter(|candidate| candidate.is_usable() && candidate.record.jurisdiction == jurisdiction);
        for candidate in usable {
            let Period { start, end } = candidate.answers_for();
            [start, end].into_iter().flatten().for_each(|date| extent.add(date));
        }
    }
    extent
}

fn count(
    query: &Query,
    jurisdiction: &str,
    parties: &[(&Record, &Party)],
    registers: &[Register<'_>],
    mut extent: Extent,
    builder: &mut Builder,
) -> Result<(), QueryError> {
    for (_, party) in parties.iter().filter(|(_, party)| !party.never_registered) {
        let end = party.ended.and_then(|ended| ended.date);
        [party.registered_on, end].into_iter().flatten().for_each(|date| extent.add(date));
    }
    let Some((first, last)) = extent.answered(query.period) else { return Ok(()) };
    let buckets = Bucket::series(query.granularity.unwrap_or(Granularity::Year), first, last);
    if buckets.len() > POINTS_MAX {
        return Err(QueryError::field("granularity", format!("more than {POINTS_MAX} periods")));
    }
    let labels = labels([(JURISDICTION, jurisdiction), (ORIGIN, Origin::Counted.as_str())]);
    for bucket in buckets.into_iter().filter_map(|bucket| bucket.within(query.period)) {
        if let Some(mut point) = point(bucket, parties, registers) {
            query.attach(&labels, &mut point, |_| evidence(bucket, parties));
            builder.push(labels.clone(), DEFINITION.unit, point);
        }
    }
    Ok(())
}

/// None before the first party that may be registered, unless a complete register says that there was none.
fn point(bucket: Bucket, parties: &[(&Record, &Party)], registers: &[Register<'_>]) -> Option<Point> {
    let (mut certain, mut uncertain, mut never) = (0, 0, 0);
    let mut sources: BTreeSet<&Name> = BTreeSet::new();
    let mut ended = false;
    for (record, party) in parties {
        match standing(party, bucket.last) {
            Standing::Registered => certain += 1,
            Standing::Uncertain => uncertain += 1,
            Standing::Ended => {
                ended = true;
                continue;
            }
            Standing::Absent => {
                never += i64::from(party.never_registered);
                continue;
            }
        }
        sources.extend(record.citations.iter().map(|citation| &citation.source));
    }
    if certain + uncertain == 0 && !ended {
        sources.insert(registers.iter().find(|register| register.covers(bucket))?.source);
    }
    let mut point = Point::new(bucket.period(), Some(Estimate::count_between(certain, uncertain)));
    point.records = certain;
    point.unknown = uncertain;
    point.excluded = never;
    point.set_sources(sources);
    if uncertain > 0 {
        let message = "parties whose registration or end is not known to the day widen the upper bound";
        point.warn(Code::ImpreciseDate, message, uncertain);
    }
    Some(point)
}

/// Every party of the jurisdiction: the certain ones are one each, so they add up to the lower bound.
fn evidence(bucket: Bucket, parties: &[(&Record, &Party)]) -> Evidence {
    let mut evidence = Evidence::default();
    for (record, party) in parties {
        match standing(party, bucket.last) {
            Standing::Registered => evidence.add(*record, Part::one()),
            Standing::Uncertain => evidence.exclude(*record, Reason::ImpreciseDate),
            Standing::Ended => evidence.exclude(*record, Reason::Ended),
            Standing::Absent if party.never_registered => evidence.exclude(*record, Reason::NeverRegistered),
            Standing::Absent => evidence.exclude(*record, Reason::OutsidePeriod),
        }
    }
    evidence
}

fn standing(party: &Party, day: Day) -> Standing {
    if party.never_registered {
        return Standing::Absent;
    }
    // A party is not registered before it is founded, so a founding day narrows an open start.
    let founded = party.founded_on.map_or(Day::MIN, |founded| founded.first());
    let earliest = party.registered_on.and_then(|date| date.earliest()).unwrap_or(founded);
    let registered = party.registered_on.is_some_and(|date| date.last() <= day);
    let (may_have_ended, ended) = match party.ended {
        None => (false, false),
        Some(end) => match end.date {
            None => (true, false),
            Some(date) => (date.first() <= day, date.last() <= day),
        },
    };
    if earliest > day {
        Standing::Absent
    } else if ended {
        Standing::Ended
    } else if registered && !may_have_ended {
        Standing::Registered
    } else {
        Standing::Uncertain
    }
}

#[cfg(test)]
mod tests {
    use reform_model::Date;
    use reform_model::date::Digits;
    use reform_model::party::PartyEnd;
    use reform_model::vocabulary::PartyEndKind;

    use super::*;

    fn day(year: i32, month: i32, day: i32) -> Day {
        Day::new(year, month, day).unwrap()
    }

    fn window(from: Option<Day>, latest: Day) -> Date {
        let digits = |day: Day| {
            let (year, month, number) = day.calendar();
            Digits::new(year, Some(month), Some(number)).unwrap()
        };
        Date::new(from.map(digits), Some(digits(latest))).unwrap()
    }

    fn ended(date: Option<Date>) -> Option<PartyEnd> {
        Some(PartyEnd { kind: PartyEndKind::Merged, date })
    }

    fn check(party: &Party, on: Day, expected: Standing) {
        assert_eq!(standing(party, on), expected, "{party:?} on {on}");
    }

    #[test]
    fn counts_on_the_day_of_registration_and_not_on_the_day_of_the_end() {
        let party = Party {
            registered_on: Some(Date::exact(day(2007, 1, 25))),
            ended: ended(Some(Date::exact(day(2015, 9, 4)))),
            ..Party::default()
        };
        check(&party, day(2007, 1, 24), Standing::Absent);
        check(&party, day(2007, 1, 25), Standing::Registered);
        check(&party, day(2015, 9, 3), Standing::Registered);
        check(&party, day(2015, 9, 4), Standing::Ended);
    }

    #[test]
    fn a_window_is_uncertain_inside_and_certain_outside() {
        let (from, latest) = (day(2013, 4, 26), day(2016, 3, 20));
        let party = Party {
            registered_on: Some(window(Some(from), latest)),
            ended: ended(Some(window(Some(day(2022, 4, 26)), day(2023, 1, 18)))),
            ..Party::default()
        };
        check(&party, day(2013, 4, 25), Standing::Absent);
        check(&party, day(2014, 12, 31), Standing::Uncertain);
        check(&party, latest, Standing::Registered);
        check(&party, day(2022, 12, 31), Standing::Uncertain);
        check(&party, day(2023, 1, 18), Standing::Ended);
    }

    #[test]
    fn unknown_dates_are_uncertain_and_never_registered_is_absent() {
        let unknown = Party { founded_on: Some(Date::year(2002).unwrap()), ..Party::default() };
        check(&unknown, day(2001, 12, 31), Standing::Absent);
        check(&unknown, day(2023, 12, 31), Standing::Uncertain);
        let gone =
            Party { registered_on: Some(Date::year(2002).unwrap()), ended: ended(None), ..Party::default() };
        check(&gone, day(2023, 12, 31), Standing::Uncertain);
        let never = Party { never_registered: true, ..Party::default() };
        check(&never, day(2023, 12, 31), Standing::Absent);
        let open = Party { registered_on: Some(window(None, day(2004, 9, 19))), ..Party::default() };
        check(&open, day(1990, 12, 31), Standing::Uncertain);
        check(&open, day(2004, 12, 31), Standing::Registered);
    }
}
