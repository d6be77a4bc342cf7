//! `appeal-outcomes`: how the appeals that were decided ended.

use std::borrow::Cow;
use std::collections::BTreeSet;

use reform_model::{Date, Kind};

use super::{Filed, INSTITUTION, OUTCOME, asked};
use crate::answer::{Answer, Builder, Code, Point};
use crate::catalogue::Definition;
use crate::columns::Measure;
use crate::counting::{Countable, Frame, Subject, weight};
use crate::estimate::Estimate;
use crate::evidence::{Part, Reason};
use crate::query::{Origin, Query, QueryError};
use crate::span::Granularity;
use crate::view::View;
use crate::wilson;

/// Below this many decided appeals a share says little.
const DECIDED_FEW: i64 = 10;

/// What it is.
pub const DEFINITION: Definition = Definition {
    id: "appeal-outcomes",
    title: "Outcomes of appeals",
    definition: "The share of each outcome among the appeals closed in the period, one series for each outcome. \
                 Closed appeals whose outcome is not recorded are outside the denominator and counted as unknown; \
                 appeals answered or closed before they were filed are excluded and counted, and so is an outcome \
                 without a day of closing. An open appeal is not decided.",
    formula: "closed with the outcome / closed with any outcome, with a 95 % Wilson interval",
    formula_source: wilson::SOURCE,
    formula_version: 1,
    unit: "share of decided appeals",
    dimensions: &[INSTITUTION, "channel", "subject", "region", "type", "applicant_kind"],
    parameters: &[],
    kinds: &[Kind::Appeal],
    granularities: Granularity::CALENDAR,
    compute: outcomes,
};

/// An appeal, by the day of closing, and the outcome that it is asked for.
struct Closed<'a> {
    filed: Filed<'a>,
    asked: &'a str,
}

/// What an appeal says about the outcome that it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    This,
    Another,
    Unknown,
    Reversed,
}

impl Closed<'_> {
    fn said(&self) -> Said {
        match self.filed.outcome() {
            _ if self.filed.times.is_reversed() => Said::Reversed,
            None => Said::Unknown,
            Some(own) if own == self.asked => Said::This,
            Some(_) => Said::Another,
        }
    }
}

impl<'a> Countable<'a> for Closed<'a> {
    fn subject(&self) -> Subject<'a> {
        self.filed.subject()
    }

    fn weight(&self) -> i64 {
        self.filed.weight()
    }

    fn date(&self) -> Option<Date> {
        self.filed.times.closed()
    }

    fn dimension(&self, name: &str) -> Option<Cow<'a, str>> {
        self.filed.dimension(name)
    }

    fn part(&self) -> Result<Part, Reason> {
        match self.said() {
            Said::This => Ok(Part::of(1, "of the numerator")),
            Said::Another => Ok(Part::of(0, "another outcome")),
            Said::Unknown => Err(Reason::MissingValue),
            Said::Reversed => Err(Reason::ClosedBeforeFiled),
        }
    }
}

fn outcomes(view: &View, query: &Query) -> Result<Answer, QueryError> {
    let mut builder = Builder::default();
    if query.wants(Origin::Counted) {
        let plain = Query { explain: None, ..query.clone() };
        let closed = asked(view, &plain, Measure::Outcome);
        let wanted = closed.iter().filter(|item| query.wants_jurisdiction(item.subject().jurisdiction()));
        let outcomes: BTreeSet<&str> = wanted.filter_map(Filed::outcome).collect();
        for outcome in outcomes {
            add_series(view, query, (outcome, &closed), &mut builder)?;
        }
    }
    Ok(builder.finish(DEFINITION.id, DEFINITION.formula_version))
}

/// Adds the series of one outcome: the frame knows nothing of it, so its label is put on what comes out.
fn add_series(
    view: &View,
    query: &Query,
    (outcome, closed): (&str, &[Filed<'_>]),
    builder: &mut Builder,
) -> Result<(), QueryError> {
    let frame = Frame { zero: None, subject: "", unit: DEFINITION.unit, granularity: Granularity::Year };
    let mut inner = query.clone();
    inner.explain = inner.explain.filter(|asked| asked.labels.get(OUTCOME).is_some_and(|own| own == outcome));
    if let Some(asked) = &mut inner.explain {
        asked.labels.remove(OUTCOME);
    }
    let mut own = Builder::default();
    let explained = inner.explain.is_some().then(|| asked(view, &inner, Measure::Outcome));
    let closed = explained.as_deref().unwrap_or(closed).iter();
    let items = closed.map(|filed| Closed { filed: filed.clone(), asked: outcome });
    frame.fold(view, &inner, items, &share, &mut own)?;
    for mut series in own.finish(DEFINITION.id, DEFINITION.formula_version).series {
        series.labels.insert(OUTCOME.to_owned(), outcome.to_owned());
        for point in series.points {
            builder.push(series.labels.clone(), series.unit.clone(), point);
        }
    }
    Ok(())
}

fn share(items: &[Closed<'_>], point: &mut Point) {
    let count = |said: Said| weight(items, |item| item.said() == said);
    let (own, others) = (count(Said::This), count(Said::Another));
    point.records = own + others;
    point.unknown = count(Said::Unknown);
    point.excluded += count(Said::Reversed);
    if own + others == 0 {
        point.warn(Code::Missing, "no appeal closed in the period has an outcome on record", 0);
        return;
    }
    (point.numerator, point.denominator) = (Some(own), Some(own + others));
    point.estimate = wilson::rate(&Estimate::exact(own), &Estimate::exact(others));
    if own + others < DECIDED_FEW {
        point.warn(Code::SmallN, "few appeals were decided", 0);
    }
}
