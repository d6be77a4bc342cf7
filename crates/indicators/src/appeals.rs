//! Appeals: how many are filed, how long they take, how they end.
//!
//! `appeals-per-year` is here: appeals filed per period, counted from records and as published. The others read single
//! appeals: [`response`]: how long an answer takes; [`on_time`]: whether it came by its deadline; [`backlog`]: what is
//! open; [`outcomes`]: how appeals end. [`per_inhabitants`] sets the same numbers against the population.

pub mod backlog;
pub mod on_time;
pub mod outcomes;
pub mod per_inhabitants;
pub mod response;

use std::borrow::Cow;
use std::collections::BTreeMap;

use reform_model::{Date, Day, Kind};

use crate::answer::{Answer, Builder};
use crate::catalogue::Definition;
use crate::columns::{Cell, Class, DIMENSIONS, Measure, Moved, Question, Steps, Times};
use crate::counting::{self, Countable, Frame, Rows, Subject};
use crate::query::{Origin, Query, QueryError};
use crate::reported::Reading;
use crate::span::{Extent, Granularity};
use crate::view::View;

const ID: &str = "appeals-per-year";
const INSTITUTION: &str = "institution";
const OUTCOME: &str = "outcome";
/// What it is.
pub const DEFINITION: Definition = Definition {
    id: ID,
    title: "Appeals per period",
    definition: "Appeals filed in the period. Counted: appeal records, by the day of filing. Reported: published \
                 totals, with their subject as the institution; a running total is a series of its own and never a \
                 year's figure, but says how much it grew since the last one from the same start. A sum over parts of \
                 a year is marked. A date too coarse for the period counts in none and is told (IMPRECISE_DATE); an \
                 empty period is zero only where a source is the complete register.",
    formula: "number of appeals with filed_on in the period",
    formula_source: "",
    formula_version: 1,
    unit: "appeals",
    dimensions: &DIMENSIONS,
    parameters: &[],
    kinds: &[Kind::Appeal, Kind::Observation, Kind::Variable, Kind::Source],
    granularities: Granularity::CALENDAR,
    compute: appeals_per_year,
};

/// Appeals that a question does not tell apart, or one appeal where they are explained.
#[derive(Debug, Clone)]
struct Filed<'a> {
    rows: Rows<'a>,
    times: Times,
    count: i64,
}

impl<'a> Filed<'a> {
    fn outcome(&self) -> Option<&'a str> {
        self.rows.appeals.dimension(&self.rows.class, OUTCOME)
    }
}

impl<'a> Countable<'a> for Filed<'a> {
    fn subject(&self) -> Subject<'a> {
        Subject::Appeals(self.rows)
    }

    fn weight(&self) -> i64 {
        self.count
    }

    fn date(&self) -> Option<Date> {
        self.times.filed()
    }

    fn dimension(&self, name: &str) -> Option<Cow<'a, str>> {
        self.rows.appeals.dimension(&self.rows.class, name).map(Cow::from)
    }
}

/// The appeals that a query is about, as far as its question tells them apart; where it explains a point, those of that
/// point's series one by one.
fn asked<'a>(view: &'a View, query: &Query, measure: Measure) -> Vec<Filed<'a>> {
    asked_with(view, query, measure, None)
}

/// As [`asked`], with other dates than those of the records.
fn asked_with<'a>(
    view: &'a View,
    query: &Query,
    measure: Measure,
    moved: Option<Moved<'_>>,
) -> Vec<Filed<'a>> {
    let appeals = view.appeals();
    let grouped = query.group_by.iter().map(String::as_str);
    let filtered = query.filter.iter().flat_map(|filter| filter.dimensions());
    let question = Question::new(measure, grouped.chain(filtered));
    let steps = Steps::of(query.period);
    let cells = match moved {
        None if steps.are_months() => appeals.cells(question),
        moved => appeals.cells_once(question, steps.clone(), moved),
    };
    let filed =
        |(row, Cell { class, times }, count)| Filed { rows: Rows { appeals, class, row }, times, count };
    let counted = cells.into_iter().map(|(cell, count)| filed((None, cell, count)));
    let Some((explained, _)) = counting::explained(query) else { return counted.collect() };
    let is_explained = |class: &Class| {
        let one =
            Filed { rows: Rows { appeals, class: *class, row: None }, times: Times::default(), count: 0 };
        counting::key(query, &one).as_ref() == Some(&explained)
    };
    let mut all: Vec<Filed<'a>> = counted.filter(|filed| !is_explained(&filed.rows.class)).collect();
    for (row, mut cell) in appeals.rows_of(question, &is_explained) {
        if let Some(moved) = moved {
            cell.times = moved(&cell.class, cell.times);
        }
        if question.times(&cell.class, &cell.times, &steps).is_some() {
            all.push(filed((Some(row), cell, 1)));
        }
    }
    all
}

/// From when to when appeals are filed, answered or closed, by jurisdiction.
fn extents(view: &View) -> BTreeMap<&str, Extent> {
    let mut extents: BTreeMap<&str, Extent> = BTreeMap::new();
    for place in 0..3 {
        let question = Question::new(Measure::Day(place), []);
        for (Cell { class, times }, _) in view.appeals().cells(question) {
            let extent = extents.entry(view.appeals().jurisdiction(&class)).or_default();
            match times {
                Times::Exact([day, ..]) => extent.day(Day(day)),
                Times::Whole(dates) => dates.filed.into_iter().for_each(|date| extent.add(date)),
            }
        }
    }
    extents
}

fn appeals_per_year(view: &View, query: &Query) -> Result<Answer, QueryError> {
    let mut builder = Builder::default();
    if query.wants(Origin::Counted) {
        let frame = Frame {
            zero: Some(Kind::Appeal),
            subject: "institution",
            unit: DEFINITION.unit,
            granularity: Granularity::Year,
        };
        let filed = asked(view, query, Measure::Filed);
        frame.count(view, query, filed.into_iter(), &mut builder)?;
    }
    if query.wants(Origin::Reported) {
        let reading = Reading { indicator: ID, subject: "institution", granularity: Granularity::Year };
        reading.add(view, query, &mut builder);
    }
    Ok(builder.finish(ID, DEFINITION.formula_version))
}
