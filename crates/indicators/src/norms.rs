//! `unconstitutionality-rate`: of the norms that a court judged, the share found inconsistent.

use std::borrow::Cow;
use std::collections::BTreeMap;

use reform_model::measure::Variable;
use reform_model::participation::Decision;
use reform_model::vocabulary::Basis;
use reform_model::{Date, Kind, Name, Record};

use crate::answer::{Answer, BASIS, Builder, Code, JURISDICTION, Labels, ORIGIN, Point};
use crate::catalogue::Definition;
use crate::counting::{Countable, Frame, Subject};
use crate::estimate::Estimate;
use crate::evidence::{self, Evidence, Part, Reason};
use crate::query::{Origin, Query, QueryError};
use crate::selection::{Candidate, Choice, Thing, candidates, choose};
use crate::span::{Bucket, Granularity, lies_within};
use crate::view::View;
use crate::wilson;

const ID: &str = "unconstitutionality-rate";
const INSTITUTION: &str = "institution";
const CONSISTENT: &str = "consistent";
const INCONSISTENT: &str = "inconsistent";
/// The norms judged, where their number is published.
const DENOMINATOR: &str = "denominator";
/// Below this many judged norms a rate says little.
const NORMS_FEW: i64 = 10;

/// What it is.
pub const DEFINITION: Definition = Definition {
    id: ID,
    title: "Norms found unconstitutional",
    definition: "Norms found inconsistent with the constitution among the norms judged. Norms are counted, never \
                 decisions; a decision that does not state both counts is outside the denominator and is counted as \
                 unknown. Reported: the published parts of the same subject, span and day; a published denominator \
                 wins over the sum of the parts. What is of a part of the period is marked.",
    formula: "inconsistent / (consistent + inconsistent), with a 95 % Wilson interval",
    formula_source: wilson::SOURCE,
    formula_version: 1,
    unit: "share of norms",
    dimensions: &[INSTITUTION],
    parameters: &[],
    kinds: &[Kind::Decision, Kind::Observation, Kind::Variable],
    granularities: Granularity::CALENDAR,
    compute: unconstitutionality_rate,
};

struct Decided<'a> {
    record: &'a Record,
    decision: &'a Decision,
}

impl<'a> Countable<'a> for Decided<'a> {
    fn subject(&self) -> Subject<'a> {
        Subject::Record(self.record)
    }

    fn date(&self) -> Option<Date> {
        self.decision.date
    }

    fn dimension(&self, name: &str) -> Option<Cow<'a, str>> {
        let institution = self.decision.institution.as_ref().filter(|_| name == INSTITUTION)?;
        Some(Cow::from(institution.as_str()))
    }

    fn part(&self) -> Result<Part, Reason> {
        let (Some(good), Some(bad)) = (self.decision.norms_consistent, self.decision.norms_inconsistent)
        else {
            return Err(Reason::MissingValue);
        };
        let judged = i64::from(good) + i64::from(bad);
        Ok(Part::of(bad, format!("{bad} of {judged} norms inconsistent; these add up to the numerator")))
    }
}

fn unconstitutionality_rate(view: &View, query: &Query) -> Result<Answer, QueryError> {
    let mut builder = Builder::default();
    if query.wants(Origin::Counted) {
        let frame =
            Frame { zero: None, subject: INSTITUTION, unit: DEFINITION.unit, granularity: Granularity::Year };
        let decided = view.decisions().map(|(record, decision)| Decided { record, decision });
        frame.fold(view, query, decided, &counted, &mut builder)?;
    }
    if query.wants(Origin::Reported) {
        reported(view, query, &mut builder);
    }
    Ok(builder.finish(ID, DEFINITION.formula_version))
}

fn counted(items: &[Decided<'_>], point: &mut Point) {
    let (mut consistent, mut inconsistent) = (0_i64, 0_i64);
    for item in items {
        if let (Some(good), Some(bad)) = (item.decision.norms_consistent, item.decision.norms_inconsistent) {
            consistent += i64::from(good);
            inconsistent += i64::from(bad);
            point.records += 1;
        } else {
            point.unknown += 1;
        }
    }
    if point.records > 0 {
        let parts = (Estimate::exact(inconsistent), Estimate::exact(consistent));
        point.estimate = wilson::rate(&parts.0, &parts.1);
        set_counts(point, &parts.0, &parts.0.add(&parts.1));
    }
}

fn set_counts(point: &mut Point, part: &Estimate, whole: &Estimate) {
    let count = |estimate: &Estimate| estimate.value.as_ref().filter(|_| estimate.is_exact())?.to_i64();
    (point.numerator, point.denominator) = (count(part), count(whole));
    if point.denominator.is_some_and(|norms| norms < NORMS_FEW) {
        point.warn(Code::SmallN, "few norms were judged", 0);
    }
}

/// The published parts by what they are of; the variable is left out of that, because each part has its own.
type Parts<'a> = BTreeMap<&'a str, Vec<Candidate<'a>>>;

fn reported(view: &View, query: &Query, builder: &mut Builder) {
    // Any variable serves as the key: all parts of one thing get the same one.
    let mut things: BTreeMap<Thing, Parts<'_>> = BTreeMap::new();
    let Some(first) = view.variables_reporting(ID).next().map(|(record, _)| record.name.clone()) else {
        return;
    };
    for (record, variable) in view.variables_reporting(ID) {
        let Some(part) = part(variable) else { continue };
        for candidate in candidates(view, &record.name) {
            let thing = Thing { variable: first.clone(), ..Thing::of(candidate) };
            things.entry(thing).or_default().entry(part).or_default().push(candidate);
        }
    }
    for (thing, parts) in things {
        let pick = |part: &str| choose(view, parts.get(part).into_iter().flatten().copied());
        let Some(inconsistent) = pick(INCONSISTENT) else { continue };
        let known = Published { inconsistent, consistent: pick(CONSISTENT), denominator: pick(DENOMINATOR) };
        if wants(query, &thing)
            && lies_within(known.inconsistent.chosen.answers_for(), query.period)
            && let Some(mut point) = known.point(query, &thing)
        {
            let labels = labels(query, &thing);
            query.attach(&labels, &mut point, |point| known.evidence(view, query, &labels, point));
            builder.push(labels, DEFINITION.unit, point);
        }
    }
}

fn part(variable: &Variable) -> Option<&str> {
    variable.reports.as_ref().map(|reports| reports.part.as_str())
}

/// What is published about one span of one subject.
struct Published<'a> {
    inconsistent: Choice<'a>,
    consistent: Option<Choice<'a>>,
    denominator: Option<Choice<'a>>,
}

impl Published<'_> {
    /// None when nothing says of how many norms.
    fn point(&self, query: &Query, thing: &Thing) -> Option<Point> {
        let part = self.inconsistent.chosen.estimate();
        let sum = self.consistent.as_ref().map(|rest| part.add(&rest.chosen.estimate()));
        let mut point = Point::new(self.inconsistent.chosen.observation.period, None);
        let whole = match (&self.denominator, &self.consistent) {
            (Some(denominator), _) => {
                let whole = denominator.chosen.estimate();
                point.estimate = wilson::rate_of(&part, &whole);
                if sum.is_some_and(|sum| are_apart(&sum, &whole)) {
                    point.warn(Code::Conflict, "the parts do not add up to the published denominator", 1);
                }
                whole
            }
            (None, Some(consistent)) => {
                point.estimate = wilson::rate(&part, &consistent.chosen.estimate());
                sum?
            }
            (None, None) => return None,
        };
        set_counts(&mut point, &part, &whole);
        self.describe(&mut point);
        if thing.basis == Basis::CumulativeSince {
            point.warn(Code::Cumulative, "a running total, not the figure of a period", 0);
        }
        let granularity = query.granularity.unwrap_or(Granularity::Year);
        let bucket = Bucket::containing(granularity, point.period.first());
        let whole = (bucket.first, bucket.last) == (point.period.first(), point.period.last());
        if thing.basis == Basis::InPeriod && !whole && point.period.last() <= bucket.last {
            point.warn(Code::PartialPeriod, "published for a part of the period", 0);
        }
        Some(point)
    }

    /// The parts that enter the rate: what was found, and what it is a share of.
    fn used(&self) -> Vec<&Choice<'_>> {
        let whole = self.denominator.as_ref().or(self.consistent.as_ref());
        std::iter::once(&self.inconsistent).chain(whole).collect()
    }

    /// The published parts with these labels.
    fn evidence(&self, view: &View, query: &Query, labels: &Labels, point: &Point) -> Evidence {
        let mut evidence = Evidence::default();
        let used: Vec<Candidate<'_>> = self.used().iter().map(|choice| choice.chosen).collect();
        for candidate in &used {
            let variable = view.variable(&candidate.observation.variable);
            let part = variable.and_then(|(_, variable)| part(variable)).unwrap_or_default();
            let figure = evidence::figure(&candidate.estimate(), None);
            let note = format!("{part} {}", figure.note);
            evidence.add(candidate.record, Part { note: note.trim_end().to_owned(), ..figure });
        }
        for (variable, _) in view.variables_reporting(ID) {
            let same = |candidate: &Candidate<'_>| self::labels(query, &Thing::of(*candidate)) == *labels;
            evidence.others(point.period, candidates(view, &variable.name).filter(same), &used);
        }
        evidence
    }

    /// The records used, their sources and their rivals.
    fn describe(&self, point: &mut Point) {
        let used = self.used();
        let count = |counts: &dyn Fn(&Choice<'_>) -> usize| {
            i64::try_from(used.iter().map(|choice| counts(choice)).sum::<usize>()).unwrap_or(i64::MAX)
        };
        point.records = count(&|_| 1);
        point.excluded = count(&|choice| choice.others.len());
        point.set_sources(used.iter().flat_map(|choice| choice.chosen.record.sources()));
        let conflicts = count(&|choice| choice.conflicts() + choice.chosen.unresolved());
        if conflicts > 0 {
            point.warn(Code::Conflict, "rival figures of the parts contradict these", conflicts);
        }
    }
}

/// Whether two figures cannot be the same number.
fn are_apart(a: &Estimate, b: &Estimate) -> bool {
    let below = |a: &Estimate, b: &Estimate| match (&a.upper, &b.lower) {
        (Some(upper), Some(lower)) => {
            upper.number < lower.number || upper.number == lower.number && (upper.open || lower.open)
        }
        (None, _) | (_, None) => false,
    };
    below(a, b) || below(b, a)
}

fn wants(query: &Query, thing: &Thing) -> bool {
    let known = |name: &str| {
        let subject = thing.subject.as_ref().filter(|_| name == INSTITUTION)?;
        Some(Cow::from(subject.as_str()))
    };
    query.wants_jurisdiction(&thing.jurisdiction)
        && thing.dimensions.is_empty()
        && query.filter.as_ref().is_none_or(|filter| filter.matches_by(&known))
}

fn labels(query: &Query, thing: &Thing) -> Labels {
    let mut labels = crate::answer::labels([
        (JURISDICTION, thing.jurisdiction.as_str()),
        (ORIGIN, Origin::Reported.as_str()),
        (BASIS, thing.basis.as_str()),
    ]);
    let subject = thing.subject.as_ref().map(Name::to_string);
    if subject.is_some() || query.group_by.iter().any(|name| name == INSTITUTION) {
        labels.insert(INSTITUTION.to_owned(), subject.unwrap_or_default());
    }
    labels
}
