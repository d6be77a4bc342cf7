//! Counts of records by period, each under the labels that it has.

use std::collections::BTreeMap;

use reform_indicators::Query;
use reform_indicators::answer::Labels;
use reform_model::vocabulary::PetitionStageKind;
use reform_model::{Date, Kind, Name, Record};

use super::calendar::{ByPeriod, Extent, granularity, period_of, registers, written};
use super::exact::{Figure, int};
use super::said::{Points, Said, World, labels};

/// A record that may count: when, and the values of its dimensions.
pub(super) struct Item<T> {
    pub(super) jurisdiction: String,
    pub(super) date: Option<Date>,
    pub(super) dimensions: Vec<(&'static str, String)>,
    pub(super) what: T,
}

/// The items of each series.
pub(super) fn series<T>(query: &Query, items: Vec<Item<T>>) -> BTreeMap<Labels, Vec<Item<T>>> {
    let mut series: BTreeMap<Labels, Vec<Item<T>>> = BTreeMap::new();
    for item in items {
        let mut own = labels(&[("jurisdiction", &item.jurisdiction), ("origin", "COUNTED")]);
        for name in &query.group_by {
            let value = item.dimensions.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone());
            own.insert(name.clone(), value.unwrap_or_default());
        }
        series.entry(own).or_default().push(item);
    }
    series
}

pub(super) fn by_period<T>(query: &Query, items: Vec<Item<T>>) -> ByPeriod<T> {
    let mut found = ByPeriod::new();
    for item in items {
        if let Some(span) = item.date.and_then(|date| period_of(granularity(query), date)) {
            found.entry(span).or_default().push(item.what);
        }
    }
    found
}

fn item(record: &Record, date: Option<Date>, dimensions: Vec<(&'static str, String)>) -> Item<Name> {
    Item { jurisdiction: record.jurisdiction.clone(), date, dimensions, what: record.name.clone() }
}

fn named(name: Option<&Name>) -> String {
    name.map(ToString::to_string).unwrap_or_default()
}

/// The earliest of several dates: the one that is over first.
pub(super) fn earliest(dates: impl Iterator<Item = Date>) -> Option<Date> {
    dates.min_by_key(|date| (date.last(), date.first()))
}

/// Each stage that a reform reached, by the day on which it first did.
fn reforms(world: &World, query: &Query) -> Vec<Item<Name>> {
    let mut items = Vec::new();
    let wanted = query.parameter("stage").unwrap_or("ADOPTED");
    let every = query.parameter("stage").is_none() && query.group_by.iter().any(|name| name == "stage");
    for (record, reform) in world.reforms() {
        for kind in reform_model::vocabulary::StageKind::ALL {
            if !every && kind.as_str() != wanted {
                continue;
            }
            let dates = reform.stages.iter().filter(|stage| stage.kind == *kind && !stage.is_planned());
            if dates.clone().next().is_none() {
                continue;
            }
            let date = earliest(dates.filter_map(|stage| stage.date));
            let dimensions = vec![
                ("area", reform.area.map(|area| area.to_string()).unwrap_or_default()),
                ("package", named(reform.package.as_ref())),
                ("act", reform.legal_act.map(|act| act.to_string()).unwrap_or_default()),
                ("stage", kind.to_string()),
            ];
            items.push(item(record, date, dimensions));
        }
    }
    items
}

/// Petitions by the day of their publication, else by their earliest stage.
fn petitions(world: &World) -> Vec<Item<Name>> {
    let mut items = Vec::new();
    for (record, petition) in world.petitions() {
        let dates = |published: bool| {
            let stages = petition.stages.iter();
            let stages = stages.filter(move |stage| !published || stage.kind == PetitionStageKind::Published);
            earliest(stages.filter_map(|stage| stage.date))
        };
        let dimensions = vec![
            ("institution", named(petition.institution.as_ref())),
            ("state", petition.state.map(|state| state.to_string()).unwrap_or_default()),
        ];
        items.push(item(record, dates(true).or(dates(false)), dimensions));
    }
    items
}

fn items(world: &World, query: &Query) -> (Vec<Item<Name>>, Kind, &'static str) {
    let mut items = Vec::new();
    match query.indicator.as_str() {
        "reforms-per-year" => (reforms(world, query), Kind::Reform, ""),
        "parties-registered-per-year" => {
            let all = world.parties().into_iter().filter(|(_, party)| !party.never_registered);
            items.extend(all.map(|(record, party)| item(record, party.registered_on, Vec::new())));
            (items, Kind::Party, "")
        }
        "parties-ended-per-year" => {
            for (record, party) in world.parties() {
                if let Some(end) = party.ended {
                    items.push(item(record, end.date, vec![("end_kind", end.kind.to_string())]));
                }
            }
            (items, Kind::Party, "")
        }
        "court-decisions-per-year" => {
            for (record, decision) in world.decisions() {
                items.push(item(
                    record,
                    decision.date,
                    vec![("institution", named(decision.institution.as_ref()))],
                ));
            }
            (items, Kind::Decision, "institution")
        }
        "appeals-per-year" => {
            for (record, appeal) in world.appeals() {
                items.push(item(
                    record,
                    appeal.filed_on,
                    vec![("institution", named(appeal.institution.as_ref()))],
                ));
            }
            (items, Kind::Appeal, "institution")
        }
        "petitions-per-year" => (petitions(world), Kind::Petition, "institution"),
        _ => {
            for (record, event) in world.events().into_iter().filter(|(_, event)| event.series.is_some()) {
                let dimensions = vec![
                    ("series", named(event.series.as_ref())),
                    ("type", event.event_type.map(|kind| kind.to_string()).unwrap_or_default()),
                    ("region", event.region.clone()),
                ];
                items.push(item(record, event.date, dimensions));
            }
            (items, Kind::Event, "series")
        }
    }
}

/// A record counts in every period that certainly contains its date; a period without any is zero where a complete
/// register of the series covers it.
pub(super) fn points(world: &World, query: &Query) -> Points {
    let mut points = Points::new();
    let (items, kind, subject) = items(world, query);
    let registers = registers(world, kind);
    let mut all = series(query, items);
    // A register of the whole country, or of the one subject of a series, makes the series even of nothing.
    for register in &registers {
        let mut own = labels(&[("jurisdiction", &register.jurisdiction), ("origin", "COUNTED")]);
        match (query.group_by.as_slice(), &register.subject) {
            ([], None) => {}
            ([name], Some(whose)) if name == subject => drop(own.insert(name.clone(), whose.to_string())),
            _ => continue,
        }
        all.entry(own).or_default();
    }
    for (labels, items) in all {
        let mut extent = Extent::default();
        items.iter().filter_map(|item| item.date).for_each(|date| extent.add(date));
        let counted = by_period(query, items);
        let mut add = |span, count: usize| {
            let key = (labels.clone(), written(granularity(query), span), String::new());
            points.insert(key, Said::of(Figure::exact(int(i64::try_from(count).unwrap()))));
        };
        for register in &registers {
            let own = register.subject.as_ref().is_none_or(|name| {
                !subject.is_empty() && labels.get(subject).is_some_and(|value| value == name.as_str())
            });
            if labels["jurisdiction"] != register.jurisdiction || !own {
                continue;
            }
            let mut extent = extent;
            [register.period.start, register.period.end]
                .into_iter()
                .flatten()
                .for_each(|date| extent.add(date));
            for span in extent.periods(granularity(query)).into_iter().filter(|span| register.covers(*span)) {
                add(span, 0);
            }
        }
        for (span, names) in counted {
            add(span, names.into_iter().collect::<std::collections::BTreeSet<_>>().len());
        }
    }
    points
}
