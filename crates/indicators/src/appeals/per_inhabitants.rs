//! `appeals-per-100k`: appeals of a year for every 100,000 inhabitants.

use std::collections::{BTreeMap, BTreeSet};

use reform_model::measure::Variable;
use reform_model::vocabulary::Basis;
use reform_model::{Day, Kind, Name, Period, Record};

use crate::answer::{Answer, BASIS, JURISDICTION, Point, Series};
use crate::catalogue::{Definition, Parameter};
use crate::estimate::{Estimate, Style};
use crate::evidence::Part;
use crate::number::Number;
use crate::query::{Query, QueryError};
use crate::reported::unit;
use crate::selection::{Choice, candidates, choose_each};
use crate::span::{Bucket, Granularity};
use crate::view::View;

const ID: &str = "appeals-per-100k";
/// The parameter that names a variable, and the part under which a variable says by itself that it is the population.
const POPULATION: &str = "population";
/// Inhabitants of one unit.
const INHABITANTS: i64 = 100_000;

/// What it is.
pub const DEFINITION: Definition = Definition {
    id: ID,
    title: "Appeals per 100,000 inhabitants",
    definition: "Appeals filed in a calendar year for every 100,000 inhabitants of the jurisdiction: the counted and the \
                 published numbers of appeals-per-year, under all of its conventions, over the population of that \
                 year. The population is an observation of the whole jurisdiction, without subject and dimensions, of \
                 the variable that the parameter names, else of one that reports the part population of this \
                 indicator: a figure of the year itself, else the stock on the day nearest to the middle of the year, \
                 of two such days the earlier. A unit in thousands or millions multiplies. A year without an \
                 observation of its own has no point: nothing is carried over from other years. A running total has \
                 none either, because it is not of a year. Groups of appeals are set against the same population.",
    formula: "100,000 · appeals filed in the year / inhabitants; bounds take the extreme corners",
    formula_source: "",
    formula_version: 1,
    unit: "appeals per 100,000 inhabitants",
    dimensions: &["institution", "channel", "subject", "outcome", "type", "applicant_kind"],
    parameters: &[Parameter {
        key: POPULATION,
        description: "Name of the variable record of the number of inhabitants; without it the variables that say so.",
        values: &[],
        default_value: "",
        required: false,
    }],
    kinds: &[Kind::Appeal, Kind::Observation, Kind::Variable, Kind::Source],
    granularities: &[Granularity::Year],
    compute: appeals_per_inhabitants,
};

fn appeals_per_inhabitants(view: &View, query: &Query) -> Result<Answer, QueryError> {
    let populations = populations(view, query)?;
    let appeals = (super::DEFINITION.compute)(view, query)?;
    let per = |series: Series| {
        let Series { labels, unit: _, points } = series;
        let jurisdiction = labels.get(JURISDICTION)?.clone();
        // Counted series have no basis.
        if labels.get(BASIS).is_some_and(|basis| basis != Basis::InPeriod.as_str()) {
            return None;
        }
        let per = |point: Point| {
            let population = populations.get(&(jurisdiction.clone(), whole_year(point.period)?))?;
            Some(population.under(point))
        };
        let points: Vec<Point> = points.into_iter().filter_map(per).collect();
        (!points.is_empty()).then(|| Series { labels, unit: DEFINITION.unit.to_owned(), points })
    };
    let series = appeals.series.into_iter().filter_map(per).collect();
    Ok(Answer { indicator: ID.to_owned(), formula_version: DEFINITION.formula_version, series })
}

/// The first day of the calendar year that a period is.
fn whole_year(period: Period) -> Option<Day> {
    let year = Bucket::containing(Granularity::Year, period.first());
    ((year.first, year.last) == (period.first(), period.last())).then_some(year.first)
}

/// The inhabitants of a jurisdiction in a year.
struct Population<'a> {
    record: &'a Record,
    estimate: Estimate,
}

impl Population<'_> {
    /// The point over the inhabitants.
    fn under(&self, mut point: Point) -> Point {
        let factor = Number::from(INHABITANTS);
        let rate = |appeals: Estimate| appeals.div(&self.estimate).scale(&factor).with_style(Style::Plain);
        if let Some(appeals) = point.estimate.as_ref().and_then(|estimate| estimate.value.clone()) {
            point.figure("appeals", &appeals);
        }
        point.estimate = point.estimate.map(rate);
        if let Some(value) = &self.estimate.value {
            point.figure(POPULATION, value);
        }
        if let Some(evidence) = &mut point.evidence {
            let each = self.estimate.value.as_ref().and_then(|inhabitants| factor.checked_div(inhabitants));
            evidence.scale(each.as_ref());
            evidence.add(self.record, Part::noted(format!("inhabitants: {}", self.estimate.display())));
        }
        point.records += 1;
        let listed: BTreeSet<Name> = point.sources.iter().cloned().collect();
        let unlisted = point.sources_total - i64::try_from(listed.len()).unwrap_or(0);
        point.set_sources(listed.iter().chain(self.record.sources()));
        point.sources_total += unlisted;
        point
    }
}

/// The inhabitants by jurisdiction and year.
fn populations<'a>(
    view: &'a View,
    query: &Query,
) -> Result<BTreeMap<(String, Day), Population<'a>>, QueryError> {
    let mut best = BTreeMap::<(String, Day), ((bool, i64, Day, &Name), Population<'a>)>::new();
    for (record, variable) in variables(view, query)? {
        for (thing, choice) in choose_each(view, candidates(view, &record.name)) {
            if thing.subject.is_some() || !thing.dimensions.is_empty() {
                continue;
            }
            let Some((year, distance)) = year_of(&choice) else { continue };
            let day = choice.chosen.answers_for().last();
            let stock = choice.chosen.observation.basis == Basis::StockAt;
            let order = (stock, distance, day, &record.name);
            let estimate = choice.chosen.estimate().scale(&multiple(unit(variable, choice.chosen)));
            // Nobody lives where the population is certainly nothing, and of nobody there is no rate.
            if estimate.upper.as_ref().is_some_and(|upper| !upper.number.is_positive()) {
                continue;
            }
            let own = (order, Population { record: choice.chosen.record, estimate });
            match best.entry((thing.jurisdiction, year)) {
                std::collections::btree_map::Entry::Vacant(place) => drop(place.insert(own)),
                std::collections::btree_map::Entry::Occupied(mut place) if own.0 < place.get().0 => {
                    place.insert(own);
                }
                std::collections::btree_map::Entry::Occupied(_) => {}
            }
        }
    }
    Ok(best.into_iter().map(|(key, (_, population))| (key, population)).collect())
}

/// The variable that is named, else those that say that they are the population.
fn variables<'a>(view: &'a View, query: &Query) -> Result<Vec<(&'a Record, &'a Variable)>, QueryError> {
    let Some(name) = query.record_parameter(POPULATION)? else {
        let says =
            |variable: &Variable| variable.reports.as_ref().is_some_and(|reports| reports.part == POPULATION);
        return Ok(view.variables_reporting(ID).filter(|(_, variable)| says(variable)).collect());
    };
    let path = format!("parameters.{POPULATION}");
    match view.variable(&name) {
        Some(found) => Ok(vec![found]),
        None if view.contains(&name) => Err(QueryError::field(path, "is no variable")),
        None => Err(QueryError::NotFound { path, name }),
    }
}

/// The first day of the year that a figure is of, and its distance from the middle of that year in half days.
fn year_of(choice: &Choice<'_>) -> Option<(Day, i64)> {
    match choice.chosen.observation.basis {
        Basis::InPeriod => Some((whole_year(choice.chosen.observation.period)?, 0)),
        Basis::StockAt => {
            let on = choice.chosen.answers_for();
            let year = Bucket::containing(Granularity::Year, on.first());
            let day = |day: Day| i64::from(day.0);
            let middle = day(year.first) + day(year.last);
            (on.last() <= year.last).then(|| (year.first, (day(on.first()) + day(on.last()) - middle).abs()))
        }
        Basis::CumulativeSince => None,
    }
}

/// How many people one of the unit is.
fn multiple(unit: &str) -> Number {
    let word = unit.split_whitespace().next().unwrap_or_default().trim_end_matches('s');
    Number::from(match word {
        "thousand" => 1_000,
        "million" => 1_000_000,
        _ => 1,
    })
}
